"""Credentials that are known beforehand: a bearer token, a user and a password."""

from __future__ import annotations

import base64
import inspect
import re
import unicodedata
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from lexigram.contracts.web import HTTPInvalidRequestError, RequestContext
from lexigram.http.interceptors.origins import OriginBound

TokenSource: TypeAlias = str | Callable[[], str | Awaitable[str]]
"""A token, or what returns the one of the moment."""

# Wider than RFC 6750 §2.1, which tokens in use do not keep to: what a field can hold.
_TOKEN = re.compile(r"[!-~]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


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
        self._value = _basic(username, password)

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


def _basic(username: str, password: str) -> str:
    if ":" in username:
        raise HTTPInvalidRequestError(
            "The user name for Basic authentication holds a colon, which ends it "
            "(RFC 7617 §2). Give the password by itself."
        )
    if _CONTROL.search(username + password):
        raise HTTPInvalidRequestError(
            "The user name or password for Basic authentication holds a control "
            "character, such as a line break (RFC 7617 §2). Leave it out."
        )
    # RFC 7617 §2.1 names the form of Unicode too: the same password, however typed.
    pair = unicodedata.normalize("NFC", f"{username}:{password}")
    return "Basic " + base64.b64encode(pair.encode()).decode("ascii")
