"""Running the interceptors around a call, and around each attempt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.web import (
    HttpResponse,
    InterceptorProtocol,
    RequestContext,
    ResponseContext,
    build_response,
    check_request,
)

__all__ = ["Interceptors"]


@dataclass(frozen=True, slots=True)
class Interceptors:
    """Interceptors of one scope, in order."""

    members: tuple[InterceptorProtocol, ...]
    clock: ClockProtocol

    @classmethod
    def of(
        cls,
        scope: str,
        interceptors: Sequence[InterceptorProtocol],
        clock: ClockProtocol,
    ) -> Interceptors:
        """Pick those of one scope; one that does not say is of the scope "call"."""
        return cls(
            tuple(i for i in interceptors if getattr(i, "scope", "call") == scope),
            clock,
        )

    def __bool__(self) -> bool:
        return bool(self.members)

    async def outgoing(self, request: RequestContext) -> RequestContext:
        """Pass a request through, first to last.

        Raises:
            HTTPInvalidRequestError: What comes out cannot be sent.
        """
        for interceptor in self.members:
            request = await interceptor.intercept_request(request)
        check_request(request)
        return request

    async def incoming(
        self, response: HttpResponse, request: RequestContext, started: float
    ) -> HttpResponse:
        """Pass a response back through, last to first."""
        context = ResponseContext(
            status=response.status,
            headers=response.headers,
            body=response.body,
            url=response.url,
            method=response.method,
            duration=self.clock.monotonic() - started,
            attempt=request.attempt,
            request=request,
        )
        for interceptor in reversed(self.members):
            context = await interceptor.intercept_response(context)
        return build_response(
            context.status,
            context.headers,
            context.body,
            method=context.method,
            url=context.url,
            charset=response.charset,
        )

    async def around_attempt(
        self,
        request: RequestContext,
        number: int,
        exchange: Callable[[RequestContext], Awaitable[HttpResponse]],
    ) -> HttpResponse:
        """Make one exchange between the two passes."""
        started = self.clock.monotonic()
        # A copy of its own: what is added to this attempt must not pile up in the next.
        own = replace(request, headers=request.headers.copy(), attempt=number)
        sent = await self.outgoing(own)
        return await self.incoming(await exchange(sent), sent, started)
