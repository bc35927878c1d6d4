"""Headers for every request that does not have them."""

from __future__ import annotations

from typing import Final

from lexigram.contracts.redaction import is_secret_name
from lexigram.contracts.web import (
    Headers,
    HeaderSource,
    InterceptorProtocol,
    RequestContext,
)
from lexigram.http.interceptors.origins import is_only_at, origin_of

ANY: Final = "*"
"""Every origin."""


class DefaultHeaders(InterceptorProtocol):
    """Adds headers to requests that lack them; fields of the call win by name.

    A call that has the option `auth` gets no `Authorization` from here.

    Args:
        headers: What to add; a name may be repeated.
        origin: The only origin that gets them, or any URL there. "*" gives them to every
            host that is called first, though not to those that redirects lead to, but for
            the few that are harmless by name.

    Raises:
        ValueError: A name looks like that of a credential, and no origin is given. Say
            `origin="*"` if everyone may have it.
        HTTPInvalidRequestError: `origin` is no URL.

    Example:
        >>> DefaultHeaders({"X-Api-Key": "s3cret"}, origin="https://api.partner.test")
        <DefaultHeaders for https://api.partner.test: X-Api-Key>
    """

    def __init__(self, headers: HeaderSource, *, origin: str | None = None) -> None:
        self._headers = Headers(headers)
        if origin is None:
            self._refuse_secrets()
        self._origin = None if origin is None or origin == ANY else origin_of(origin)
        # Of the scope "call", a header is one of those that a redirect leaves behind.
        self.scope = "call" if self._origin is None else "attempt"

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        """Add the headers that are missing."""
        if self._origin is None or is_only_at(self._origin, context):
            present = {name.lower() for name in context.headers}
            if context.own_auth:
                present.add("authorization")
            for name, value in self._headers.pairs:
                if name.lower() not in present:
                    context.headers.add(name, value)
        return context

    def _refuse_secrets(self) -> None:
        for name in self._headers:
            if is_secret_name(name):
                raise ValueError(
                    f"The header {name!r} looks like a credential, and would go to every "
                    'host that is called. Say `origin="https://…"`, or `origin="*"` if '
                    "everyone may have it."
                )

    def __repr__(self) -> str:
        where = self._origin or "every origin"
        return f"<DefaultHeaders for {where}: {', '.join(self._headers)}>"
