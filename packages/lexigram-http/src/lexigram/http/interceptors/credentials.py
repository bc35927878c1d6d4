"""Credentials that are known beforehand: a bearer token, a user and a password."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from lexigram.contracts.web import HTTPInvalidRequestError, RequestContext
from lexigram.contracts.web.calling import basic_credentials
from lexigram.http.interceptors.origins import OriginBound

TokenSource: TypeAlias = str | Callable[[], str | Awaitable[str]]
"""A token, or what returns the one of the moment."""

# Wider than RFC 6750 §2.1, which tokens in use do not keep to: what a field can hold.
_TOKEN = re.compile(r"[!-~]+")


class BearerAuth(OriginBound):
    """Sends `Authorization: Bearer …` (RFC 6750) to one origin.

    A request that has the field already keeps it.

    Args:
        token: The token, or a function, plain or asynchronous, that returns it; it is
            asked for each attempt.
        origin: The origin that the token is for, or any URL there.

    Raises:
        HTTPInvalidRequestError: The token cannot be sent, or `origin` is no URL.

    Example:
        >>> auth = BearerAuth("s3cret", origin="https://api.partner.test")
        >>> auth
        <BearerAuth for https://api.partner.test>
    """

    def __init__(self, token: TokenSource, *, origin: str) -> None:
        super().__init__(origin)
        if isinstance(token, str):
            bearer(token)
        self._token = token

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        """Add the token, where it belongs and where none is."""
        if self.concerns(context) and "authorization" not in context.headers:
            context.headers["Authorization"] = bearer(await self._current())
        return context

    async def _current(self) -> str:
        if isinstance(self._token, str):
            return self._token
        token = self._token()
        return await token if inspect.isawaitable(token) else token


class BasicAuth(OriginBound):
    """Sends `Authorization: Basic …` (RFC 7617) to one origin, in UTF-8.

    A request that has the field already keeps it.

    Args:
        username: Without a colon, which would end it.
        password: May be empty.
        origin: The origin that they are for, or any URL there.

    Raises:
        HTTPInvalidRequestError: They cannot be sent, or `origin` is no URL.
    """

    def __init__(self, username: str, password: str, *, origin: str) -> None:
        super().__init__(origin)
        self._value = basic_credentials(username, password)

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        """Add the credentials, where they belong and where none are."""
        if self.concerns(context) and "authorization" not in context.headers:
            context.headers["Authorization"] = self._value
        return context


def bearer(token: str) -> str:
    """Return the value of the field for a token, which no message shows.

    Raises:
        HTTPInvalidRequestError: No field can hold it.
    """
    if not _TOKEN.fullmatch(token):
        raise HTTPInvalidRequestError(
            "The bearer token is empty, or holds white space or other characters that "
            "no header can. Was a line break read with it? `strip()` it."
        )
    return f"Bearer {token}"
