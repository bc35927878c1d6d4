"""Code that runs around every call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

from lexigram.contracts.web._contexts import RequestContext, ResponseContext

__all__ = [
    "AroundInterceptorProtocol",
    "InterceptorChainProtocol",
    "InterceptorProtocol",
    "Proceed",
]

Proceed: TypeAlias = Callable[[RequestContext], Awaitable[ResponseContext]]
"""Sends a request on: through the interceptors that follow, to the wire, and back."""


@runtime_checkable
class InterceptorProtocol(Protocol):
    """Looks at, and may change, a request before and a response after the exchange.

    Called once per call, whatever the number of attempts: requests first to last,
    responses last to first. A class that says `scope = "attempt"` is called around every
    exchange on the wire instead, redirects and repetitions included, inside those of the
    call; `RequestContext.attempt` counts them. Both methods are called positionally, so that a class may
    name the argument as it likes; a subclass that defines only one of them passes the
    other through. An exception ends the call and reaches the caller, with a note that
    names the interceptor.
    One interceptor serves many calls at the same time: what belongs to one call goes
    into `RequestContext.state`.
    """

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        """Return the request to send: `context`, changed or not, or another."""
        return context

    async def intercept_response(self, response: ResponseContext, /) -> ResponseContext:
        """Return the response to hand back: `response`, changed or not, or another."""
        return response


@runtime_checkable
class AroundInterceptorProtocol(InterceptorProtocol, Protocol):
    """Decides whether, and how often, what follows it is done.

    `around` runs inside this interceptor's own two methods. It may return an answer of
    its own without proceeding, change what it sends and what it hands back, or proceed
    again: each time the interceptors that follow see a copy of the request with headers
    of its own. Of the scope "call", what follows is the whole call, its redirects and
    attempts included; of the scope "attempt" it is one exchange on the wire, inside the
    policies, which see only the answer that comes out.

    Not promised: that `proceed` can be called at the same time twice, or after `around`
    has returned. What `proceed` raises is passed on, and so is `CancelledError`.
    """

    async def around(
        self, request: RequestContext, proceed: Proceed, /
    ) -> ResponseContext:
        """Return the response to `request`, of `proceed(request)` or of its own.

        A response of its own is a `ResponseContext` whose `request` is None; its method,
        its URL and its duration are filled in.
        """
        return await proceed(request)


@runtime_checkable
class InterceptorChainProtocol(Protocol):
    """The interceptors that an application registers for its clients, in order.

    Read once, when a client starts: not promised is that a later change is seen.
    """

    @property
    def interceptors(self) -> Sequence[InterceptorProtocol]:
        """The interceptors; the first is the first to see a request."""
        ...
