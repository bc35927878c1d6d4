"""One exchange on the wire, and what its failures are called.

Beside the pool this is the only module that knows aiohttp: a request goes in and a
response or an `HTTPClientError` comes out. The deadline of the call is enforced from
outside; a cancellation that it caused leaves here as a timeout, any other unchanged.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import socket
import ssl
from typing import Any

import aiohttp
from yarl import URL

from lexigram.contracts.redaction import redact_text
from lexigram.contracts.web import (
    ConnectionFailure,
    Headers,
    HTTPClientError,
    HTTPConnectionError,
    HTTPInvalidRequestError,
    HttpResponse,
    RequestContext,
    RequestSent,
    build_response,
)
from lexigram.contracts.web.calling import BodyLimits, BodyReader, Deadline, timed_out
from lexigram.http.pool import Pool
from lexigram.http.proxy import Proxy
from lexigram.http.tls_failures import explain, may_pass, reason_of

# From here on aiohttp warns about bytes, and writes a file piece by piece.
_LARGE_BODY = 1024 * 1024

# What a new connection costs about as much as.
_DRAIN_BYTES = 64 * 1024
_DRAIN_SECONDS = 0.1

# Where aiohttp says what type a body has, one that is not there included.
_LABELLED_METHODS = frozenset({"PATCH", "POST", "PUT"})
_CONTENT_TYPE = ("Content-Type",)

# aiohttp's parser quotes what it could not read.
_LONGEST_REASON = 200


async def exchange(
    pool: Pool,
    request: RequestContext,
    deadline: Deadline,
    *,
    proxy: Proxy | None,
    limits: BodyLimits,
) -> HttpResponse:
    """Send `request` once and read the whole response.

    Args:
        pool: Where the connection comes from and goes back to.
        request: Sent as it is.
        deadline: The deadline of the call, entered by the caller.
        proxy: The proxy to use.
        limits: How much of a body to accept.

    Raises:
        HTTPConnectionError: There is no complete response.
        HTTPTimeoutError: The deadline passed.
        HTTPResponseTooLargeError: The body is larger than accepted.
        HTTPInvalidRequestError: aiohttp refuses the request.
    """
    response: aiohttp.ClientResponse | None = None
    try:
        response = await pool.session.request(
            request.method,
            URL(request.url),
            data=_sendable(request.body),
            skip_auto_headers=_unwanted(request),
            allow_redirects=False,
            **_addressed(request, proxy),
        )
        reader = _reader(response, request, limits)
        body = await _read(response, reader)
    except asyncio.CancelledError:
        if not deadline.caused_cancellation():
            raise
        raise timed_out(
            request, deadline.seconds, sent="yes" if response else "maybe"
        ) from None
    except HTTPClientError:
        raise
    except (aiohttp.ClientError, OSError, EOFError, ValueError) as error:
        sent: RequestSent = "yes" if response else "maybe"
        raise _failure(error, request, sent, proxied=proxy is not None) from error
    finally:
        if response is not None:
            # A connection whose response was read to its end is back in the pool
            # already; any other one cannot be used again.
            response.close()
    return build_response(
        response.status,
        Headers.from_raw(response.raw_headers),
        body,
        method=request.method,
        url=request.url,
        cut=reader.cut,
    )


def _addressed(request: RequestContext, proxy: Proxy | None) -> dict[str, Any]:
    """Return the options for the header fields, and for the way through a proxy."""
    fields = _fields(request)
    if proxy is None:
        return {"headers": fields}
    fields, tunnel = proxy.share(request.url, fields)
    return {"headers": fields, "proxy": proxy.url, "proxy_headers": tunnel}


def _fields(request: RequestContext) -> list[tuple[str, str]]:
    """Return the header fields in the form that aiohttp sends all of.

    Of a name in two spellings it keeps the last field only, so each has one here.
    """
    spellings: dict[str, str] = {}
    fields = [
        (spellings.setdefault(name.lower(), name), value)
        for name, value in request.headers.pairs
    ]
    if "range" in spellings and "accept-encoding" not in spellings:
        # A part of coded data cannot be decoded (RFC 9110 §14.2), so none is offered.
        fields.append(("Accept-Encoding", "identity"))
    return fields


def _unwanted(request: RequestContext) -> tuple[str, ...] | None:
    """Name the field that aiohttp must not add; None is what costs the least."""
    if request.body is None and request.method in _LABELLED_METHODS:
        return _CONTENT_TYPE
    return None


def _sendable(body: bytes | None) -> bytes | io.BytesIO | None:
    """Return the body in the form that aiohttp writes without holding up the loop."""
    if body is None or len(body) <= _LARGE_BODY:
        return body
    return io.BytesIO(body)


def _reader(
    response: aiohttp.ClientResponse, request: RequestContext, limits: BodyLimits
) -> BodyReader:
    fields = (
        response.headers
    )  # whose look-up is there already, unlike that of `Headers`
    return BodyReader(
        request,
        response.status,
        limits,
        labels=fields.getall("Content-Encoding", ()),
        redirects="Location" in fields,
    )


async def _read(response: aiohttp.ClientResponse, reader: BodyReader) -> bytes:
    reader.expect(response.content_length)
    async for chunk in response.content.iter_any():
        for _ in reader.feed(chunk):
            # A little can decode to a lot: let others run, and the deadline pass.
            await asyncio.sleep(0)
        if reader.cut:
            await _drain(response.content)
            break
    return reader.end()


async def _drain(content: aiohttp.StreamReader) -> None:
    """Read the rest of a body that was cut, if it is short, to keep the connection."""
    size = 0
    with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for chunk in content.iter_any():
                size += len(chunk)
                if size > _DRAIN_BYTES:
                    return


def _failure(
    error: Exception, request: RequestContext, sent: RequestSent, *, proxied: bool
) -> HTTPClientError:
    """Translate what aiohttp raised."""
    if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        return _invalid(f"aiohttp refuses the URL: {_reason(error)}.", request)
    for classes, kind, known_sent in _FAILURES:
        if isinstance(error, classes):
            failure = _told_apart(kind, error, proxied=proxied)
            return HTTPConnectionError(
                f"{_SENTENCES[failure]}: {_reason(error)}.",
                failure=failure,
                method=request.method,
                url=request.url,
                request_sent=known_sent or sent,
                retryable=_may_pass(error),
            )
    return _invalid(f"The request cannot be sent: {error}.", request)


def _told_apart(
    kind: ConnectionFailure, error: Exception, *, proxied: bool
) -> ConnectionFailure:
    """Correct what the class of an error alone says."""
    if kind == "dns" and proxied:
        # The names of servers are looked up by the proxy, so this is its own.
        return "proxy"
    if isinstance(error.__cause__, ssl.SSLError):
        # By TLS 1.3 a server refuses a client's certificate after the handshake.
        refused = reason_of(error.__cause__) == "client_certificate"
        return "tls" if refused else kind
    return kind


def _may_pass(error: Exception) -> bool:
    """Say whether this failure may be gone at another attempt."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        # Only a resolver that could not answer may answer later.
        return error.os_error.errno == socket.EAI_AGAIN
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return error.status >= 500  # noqa: PLR2004 - RFC 9110 §15.6
    cause = error.__cause__
    return may_pass(cause) if isinstance(cause, ssl.SSLError) else True


# In this order: a subclass stands before its bases. None: as far as it had come.
_FAILURES: tuple[
    tuple[tuple[type[Exception], ...], ConnectionFailure, RequestSent | None], ...
] = (
    ((aiohttp.ClientConnectorDNSError,), "dns", "no"),
    ((aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError), "proxy", "no"),
    ((aiohttp.ClientSSLError,), "tls", "no"),
    ((aiohttp.ClientConnectorError,), "connect", "no"),
    ((aiohttp.ClientPayloadError,), "truncated", "yes"),
    ((aiohttp.ClientResponseError,), "protocol", "yes"),
    ((aiohttp.ClientConnectionError, OSError, EOFError), "disconnected", None),
    ((aiohttp.ClientError,), "protocol", None),
)

_SENTENCES: dict[ConnectionFailure, str] = {
    "dns": "The name of the host cannot be resolved",
    "connect": "The connection cannot be opened",
    "tls": "The TLS handshake failed",
    "proxy": "The proxy did not let the request through",
    "disconnected": "The connection ended before the response",
    "truncated": "The connection ended within the response",
    "protocol": "The response is not valid HTTP",
}


_PROXY_ANSWERS = {
    403: "it answered 403, so it may not be used for this host",
    407: (
        "it answered 407, so it wants other credentials. They stand in its URL: "
        "http://user:password@proxy.test:3128"
    ),
}


def _reason(error: Exception) -> str:
    """Say what the operating system or aiohttp said, without URLs and addresses."""
    if isinstance(error.__cause__, ssl.SSLError):
        return explain(error.__cause__)
    if isinstance(error, aiohttp.ClientConnectorError):
        return str(error.os_error.strerror or error.os_error).rstrip(".")
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return _PROXY_ANSWERS.get(error.status, f"it answered {error.status}")
    if isinstance(error, aiohttp.ClientResponseError):
        return _short(error.message) or type(error).__name__
    if isinstance(error, aiohttp.InvalidURL):
        return error.description or "it is not valid"
    return _short(str(error)).rstrip(".") or type(error).__name__


def _short(text: str) -> str:
    """Return one line of what may quote the wire: a whole body, secrets and all."""
    line = redact_text(" ".join(text.split()))
    return line if len(line) <= _LONGEST_REASON else f"{line[:_LONGEST_REASON]}…"


def _invalid(message: str, request: RequestContext) -> HTTPInvalidRequestError:
    return HTTPInvalidRequestError(message, method=request.method, url=request.url)
