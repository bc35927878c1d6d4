"""One exchange on the wire, and what its failures are called.

Beside the pool this is the only module that knows aiohttp: a request goes in and a
response or an `HTTPClientError` comes out. The deadline of the call is enforced from
outside; a cancellation that it caused leaves here as a timeout, any other unchanged.
"""

from __future__ import annotations

import asyncio
import io
import socket

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
from lexigram.contracts.web.calling import Deadline, timed_out, too_large
from lexigram.http.pool import Pool

# From here on aiohttp warns about bytes, and writes a file piece by piece.
_LARGE_BODY = 1024 * 1024

# aiohttp's parser quotes what it could not read.
_LONGEST_REASON = 200


async def exchange(
    pool: Pool,
    request: RequestContext,
    deadline: Deadline,
    *,
    proxy: str | None,
    max_bytes: int | None,
) -> HttpResponse:
    """Send `request` once and read the whole response.

    Args:
        pool: Where the connection comes from and goes back to.
        request: Sent as it is.
        deadline: The deadline of the call, entered by the caller.
        proxy: The URL of the proxy to use.
        max_bytes: The largest decoded body to accept.

    Raises:
        HTTPConnectionError: There is no complete response.
        HTTPTimeoutError: The deadline passed.
        HTTPResponseTooLargeError: The body is larger than `max_bytes`.
        HTTPInvalidRequestError: aiohttp refuses the request.
    """
    response: aiohttp.ClientResponse | None = None
    try:
        response = await pool.session.request(
            request.method,
            URL(request.url),
            headers=request.headers.pairs,
            data=_sendable(request.body),
            proxy=proxy,
            allow_redirects=False,
        )
        body = await _read(response, request, max_bytes)
    except asyncio.CancelledError:
        if not deadline.caused_cancellation():
            raise
        raise timed_out(
            request, deadline.seconds, sent="yes" if response else "maybe"
        ) from None
    except HTTPClientError:
        raise
    except (aiohttp.ClientError, OSError, EOFError, ValueError) as error:
        raise _failure(error, request, "yes" if response else "maybe") from error
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
    )


def _sendable(body: bytes | None) -> bytes | io.BytesIO | None:
    """Return the body in the form that aiohttp writes without holding up the loop."""
    if body is None or len(body) <= _LARGE_BODY:
        return body
    return io.BytesIO(body)


async def _read(
    response: aiohttp.ClientResponse, request: RequestContext, limit: int | None
) -> bytes:
    declared = response.content_length or 0
    if limit is None:
        return await response.read()
    if declared > limit and request.method != "HEAD":
        raise too_large(request, limit, f"declares {declared}")
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > limit:
            raise too_large(request, limit, f"holds at least {size}")
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _failure(
    error: Exception, request: RequestContext, sent: RequestSent
) -> HTTPClientError:
    """Translate what aiohttp raised."""
    if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        return _invalid(f"aiohttp refuses the URL: {_reason(error)}.", request)
    for classes, failure, known_sent in _FAILURES:
        if isinstance(error, classes):
            return HTTPConnectionError(
                f"{_SENTENCES[failure]}: {_reason(error)}.",
                failure=failure,
                method=request.method,
                url=request.url,
                request_sent=known_sent or sent,
                retryable=_may_pass(error),
            )
    return _invalid(f"The request cannot be sent: {error}.", request)


def _may_pass(error: Exception) -> bool:
    """Say whether this failure may be gone at another attempt."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        # Only a resolver that could not answer may answer later.
        return error.os_error.errno == socket.EAI_AGAIN
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return error.status >= 500  # noqa: PLR2004 - RFC 9110 §15.6
    return not isinstance(
        error,
        aiohttp.ClientConnectorCertificateError | aiohttp.ServerFingerprintMismatch,
    )


# In this order: a subclass stands before its bases. None: as far as it had come.
_FAILURES: tuple[
    tuple[tuple[type[Exception], ...], ConnectionFailure, RequestSent | None], ...
] = (
    ((aiohttp.ClientConnectorDNSError,), "dns", "no"),
    ((aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError), "proxy", "no"),
    (
        (
            aiohttp.ClientConnectorCertificateError,
            aiohttp.ServerFingerprintMismatch,
            aiohttp.ClientConnectorSSLError,
        ),
        "tls",
        "no",
    ),
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
    "truncated": "The connection ended within the response, or its coding is broken",
    "protocol": "The response is not valid HTTP",
}


def _reason(error: Exception) -> str:
    """Say what the operating system or aiohttp said, without URLs and addresses."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return str(error.certificate_error).rstrip(".")
    if isinstance(error, aiohttp.ClientConnectorError):
        return str(error.os_error.strerror or error.os_error).rstrip(".")
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"it answered {error.status}"
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
