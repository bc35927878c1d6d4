"""Signatures over what is really sent."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from lexigram.contracts.web import Headers, HeaderSource, RequestContext
from lexigram.http.interceptors.origins import OriginBound

Sign: TypeAlias = Callable[[RequestContext], HeaderSource | Awaitable[HeaderSource]]
"""Returns the headers that sign a request."""


class RequestSigning(OriginBound):
    """Signs each attempt to one origin, with the headers that a function returns.

    Put it last: it signs what the interceptors before it made of the request. Of another
    attempt, and of a redirect within the origin, the signature is a new one. The pool
    adds `Host` and what describes the connection and the codings afterwards; the host is
    that of the URL.

    Args:
        sign: Is given the request and returns the headers to set; plain or asynchronous.
            They replace those of their names.
        origin: The origin that the signature is for, or any URL there.

    Raises:
        HTTPInvalidRequestError: `origin` is no URL.

    Example:
        >>> import hashlib, hmac
        >>> def sign(request: RequestContext) -> dict[str, str]:
        ...     digest = hmac.new(b"s3cret", request.body or b"", hashlib.sha256)
        ...     return {"X-Signature": digest.hexdigest()}
        >>> signing = RequestSigning(sign, origin="https://api.partner.test")
    """

    def __init__(self, sign: Sign, *, origin: str) -> None:
        super().__init__(origin)
        self._sign = sign

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        """Set the headers that sign the request."""
        if self.concerns(context):
            signed = self._sign(context)
            fields = Headers(await signed if inspect.isawaitable(signed) else signed)
            for name in fields:
                context.headers.pop(name, None)
            for name, value in fields.pairs:
                context.headers.add(name, value)
        return context
