"""Running the interceptors around a call, and around each attempt.

They stand in one row. A request enters them first to last; one that defines `around`
holds the rest of the row, and the wire behind it, in its hand as `proceed`. A response
leaves those that were entered, last to first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias, TypeGuard, TypeVar

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.web import (
    AroundInterceptorProtocol,
    HttpResponse,
    InterceptorProtocol,
    RequestContext,
    ResponseContext,
    build_response,
    check_request,
)
from lexigram.contracts.web.calling._open_bodies import body_of, leave_open

__all__ = ["Interceptors", "Send"]

T = TypeVar("T")

Send: TypeAlias = Callable[[RequestContext], Awaitable[HttpResponse]]
"""What the interceptors stand around."""


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

    async def around_call(
        self, request: RequestContext, send: Send, attempts: Callable[[], int]
    ) -> HttpResponse:
        """Pass a request through, send what comes out, and pass the response back.

        Args:
            request: What was asked for.
            send: Called as often as the interceptors proceed: once, unless one of them
                is an `AroundInterceptorProtocol`.
            attempts: Says how many exchanges of the call have begun.

        Raises:
            HTTPInvalidRequestError: What comes out cannot be sent.
            TypeError: An interceptor returned something else than its context.
        """
        passage = _Passage(self.members, send, attempts, self.clock)
        return passage.response(await passage.onward(request))

    async def around_attempt(
        self, request: RequestContext, exchange: Send, attempts: Callable[[], int]
    ) -> HttpResponse:
        """Do the same around one attempt, whose changes the next one does not see."""
        own = _copy(request, attempts() + 1)
        return await self.around_call(own, exchange, attempts)


@dataclass(slots=True)
class _Passage:
    """One request on its way through, and its response on its way back."""

    members: tuple[InterceptorProtocol, ...]
    send: Send
    attempts: Callable[[], int]
    clock: ClockProtocol
    started: float = field(init=False)
    received: HttpResponse | None = None
    """What was sent back last, if anything was."""

    def __post_init__(self) -> None:
        self.started = self.clock.monotonic()

    async def onward(self, request: RequestContext, first: int = 0) -> ResponseContext:
        """Pass a request on from the member `first`, and its response back up to it."""
        context: ResponseContext | None = None
        entered: list[InterceptorProtocol] = []
        for place, member in enumerate(self.members[first:], first):
            entered.append(member)
            request = await _asked(
                member, member.intercept_request, request, RequestContext
            )
            if _is_around(member):
                context = await self._around(member, request, place + 1)
                break
        if context is None:
            context = await self._sent(request)
        for member in reversed(entered):
            context = await _asked(
                member, member.intercept_response, context, ResponseContext
            )
        return context

    def response(self, context: ResponseContext) -> HttpResponse:
        """Return what the caller gets: what was received, where nothing changed it."""
        received = self.received
        if received is not None and _is_unchanged(context, received):
            return received
        response = build_response(
            context.status,
            context.headers,
            context.body,
            method=context.method,
            url=context.url,
            charset="utf-8" if received is None else received.charset,
            cut=received is not None and received.cut and context.body is received.body,
        )
        if received is not None and received.history:
            response.history = received.history
        body = None if received is None else body_of(received)
        if body is not None and not context.body:
            leave_open(response, body)
        return response

    async def _sent(self, request: RequestContext) -> ResponseContext:
        check_request(request)
        response = self.received = await self.send(request)
        attempt = self.attempts()
        if request.attempt != attempt:  # policies repeated it, or redirects followed
            request = replace(request, attempt=attempt)
        return ResponseContext(
            status=response.status,
            headers=response.headers,
            body=response.body,
            url=response.url,
            method=response.method,
            duration=self._elapsed(),
            attempt=attempt,
            request=request,
        )

    async def _around(
        self, member: AroundInterceptorProtocol, request: RequestContext, following: int
    ) -> ResponseContext:
        passed: list[BaseException] = []

        async def proceed(request: RequestContext) -> ResponseContext:
            try:
                own = _copy(request, self.attempts() + 1)
                return await self.onward(own, following)
            except BaseException as error:  # another's failure, on its way through
                passed.append(error)
                raise

        try:
            context = await member.around(request, proceed)
            _check(context, ResponseContext)
        except Exception as error:  # attributed on its way to the caller
            if not any(error is another for another in passed):
                _attribute(error, member, "around")
            raise
        finally:
            passed.clear()  # each failure holds this frame
        if context.request is None:
            return self._completed(context, request)
        return context

    def _completed(
        self, context: ResponseContext, request: RequestContext
    ) -> ResponseContext:
        """Add to an interceptor's own answer what the caller knows."""
        return replace(
            context,
            request=request,
            method=request.method,
            url=context.url or request.url,
            duration=self._elapsed(),
            attempt=self.attempts(),
        )

    def _elapsed(self) -> float:
        return self.clock.monotonic() - self.started


async def _asked(
    member: InterceptorProtocol,
    method: Callable[[T], Awaitable[T]],
    context: T,
    kind: type[T],
) -> T:
    """Return what an interceptor makes of a context."""
    try:
        context = await method(context)
        _check(context, kind)
    except Exception as error:  # attributed on its way to the caller
        _attribute(error, member, method.__name__)
        raise
    return context


def _check(context: object, kind: type) -> None:
    if not isinstance(context, kind):
        raise TypeError(
            f"An interceptor returned {context!r}. Return the {kind.__name__} that it "
            "was given, or another one."
        )


def _attribute(error: Exception, member: InterceptorProtocol, method: str) -> None:
    """Say in a note, once, whose error this is."""
    note = f"Raised by `{method}` of the interceptor {type(member).__qualname__}."
    if note not in getattr(error, "__notes__", ()):
        error.add_note(note)


def _is_around(member: InterceptorProtocol) -> TypeGuard[AroundInterceptorProtocol]:
    # By its name: to match the protocol takes longer than most interceptors.
    return hasattr(member, "around")


def _copy(request: RequestContext, attempt: int) -> RequestContext:
    return replace(request, headers=request.headers.copy(), attempt=attempt)


def _is_unchanged(context: ResponseContext, response: HttpResponse) -> bool:
    return (
        context.status == response.status
        and context.headers is response.headers
        and context.body is response.body
        and context.url == response.url
        and context.method == response.method
    )
