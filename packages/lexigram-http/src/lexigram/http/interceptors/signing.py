"""Signatures over what is really sent."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from lexigram.contracts.web import (
    Headers,
    HeaderSource,
    HTTPInvalidRequestError,
    RequestContext,
)
from lexigram.http.interceptors.origins import OriginBound

Sign: TypeAlias = Callable[[RequestContext], HeaderSource | Awaitable[HeaderSource]]
"""Returns the headers that sign a request."""


class RequestSigning(OriginBound):
    """Signs each attempt to one origin, with the headers that a function returns.

    Put it last: it signs what the interceptors before it made of the request. Of another
    attempt, and of a redirect within the origin, the signature is a new one. The pool
    adds `Host` and what describes the connection and the codings afterwards; the host is
    that of the URL.

    A body that is read while it is sent is not there to be signed: its `body` is None,
    which a signature would take for no body at all. Such a request is refused unless
    `streams` says that `sign` knows better.

    Args:
        sign: Is given the request and returns the headers to set; plain or asynchronous.
            They replace those of their names.
        origin: The origin that the signature is for, or any URL there.
        streams: Whether `sign` looks at `body_stream`: to declare the content unsigned,
            or to read what `body_stream.open()` returns, if that is `replayable`.

    Raises:
        HTTPInvalidRequestError: `origin` is no URL.

    Example:
        >>> import hashlib, hmac
        >>> def sign(request: RequestContext) -> dict[str, str]:
        ...     digest = hmac.new(b"s3cret", request.body or b"", hashlib.sha256)
        ...     return {"X-Signature": digest.hexdigest()}
        >>> signing = RequestSigning(sign, origin="https://api.example.com")
        >>> async with HTTPClient(interceptors=[signing]) as client:
        ...     result = await client.post("https://api.example.com/signed", json={})
        >>> result.unwrap().status
        200
    """

    def __init__(self, sign: Sign, *, origin: str, streams: bool = False) -> None:
        super().__init__(origin)
        self._sign = sign
        self._streams = streams

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        """Set the headers that sign the request.

        Raises:
            HTTPInvalidRequestError: Its body is a stream, and `streams` is False.
        """
        if self.concerns(context):
            if context.body_stream is not None and not self._streams:
                raise _unsigned(context)
            signed = self._sign(context)
            fields = Headers(await signed if inspect.isawaitable(signed) else signed)
            for name in fields:
                context.headers.pop(name, None)
            for name, value in fields.pairs:
                context.headers.add(name, value)
        return context


def _unsigned(request: RequestContext) -> HTTPInvalidRequestError:
    return HTTPInvalidRequestError(
        f"The body cannot be signed: it is {request.body_stream!r}, which is read while "
        "it is sent. Give bytes, or a `RequestSigning` with `streams=True` a function "
        "that needs no body.",
        method=request.method,
        url=request.url,
    )
