"""One identifier for everything that one piece of work causes."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextvars import ContextVar
from uuid import uuid4

from lexigram.contracts.web import InterceptorProtocol, RequestContext

# It often comes from an inbound request: whatever cannot be a short, plain field of the
# outbound one is not passed on.
_USABLE = re.compile(r"[!-~]{1,200}")


def _new_id() -> str:
    return str(uuid4())


class CorrelationId(InterceptorProtocol):
    """Sends an identifier with each call, the same on all of its attempts.

    A call that has the header keeps it. It does not follow a redirect to another origin.

    Args:
        variable: Where the current identifier is kept. Where it is not set, or does not
            fit into a header, one is generated; the variable is left alone.
        header: The name of the header.
        generate: Makes an identifier. Left out: a random UUID.

    Example:
        >>> current: ContextVar[str] = ContextVar("current")
        >>> interceptor = CorrelationId(current, header="X-Request-Id")
    """

    def __init__(
        self,
        variable: ContextVar[str] | ContextVar[str | None] | None = None,
        *,
        header: str = "X-Correlation-Id",
        generate: Callable[[], str] = _new_id,
    ) -> None:
        self._variable = variable
        self._header = header
        self._generate = generate

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        """Add the identifier, if none is there."""
        if self._header not in context.headers:
            context.headers[self._header] = self._current() or self._generate()
        return context

    def _current(self) -> str | None:
        current = None if self._variable is None else self._variable.get(None)
        return current if current and _USABLE.fullmatch(current) else None

    def __repr__(self) -> str:
        return f"<CorrelationId as {self._header}>"
