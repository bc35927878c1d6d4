"""Code that runs around every call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from lexigram.contracts.web._contexts import RequestContext, ResponseContext

__all__ = ["InterceptorChainProtocol", "InterceptorProtocol"]


@runtime_checkable
class InterceptorProtocol(Protocol):
    """Looks at, and may change, a request before and a response after the exchange.

    Called once per call, whatever the number of attempts: requests first to last,
    responses last to first. A class that says `scope = "attempt"` is called around every
    exchange on the wire instead, redirects and repetitions included, inside those of the
    call; `RequestContext.attempt` counts them. Both methods are called positionally, so that a class may
    name the argument as it likes; a subclass that defines only one of them passes the
    other through. An exception ends the call and reaches the caller unchanged.
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
class InterceptorChainProtocol(Protocol):
    """The interceptors that an application registers for its clients, in order.

    Read once, when a client starts: not promised is that a later change is seen.
    """

    @property
    def interceptors(self) -> Sequence[InterceptorProtocol]:
        """The interceptors; the first is the first to see a request."""
        ...
