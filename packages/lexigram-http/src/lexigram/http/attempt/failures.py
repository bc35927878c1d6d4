"""What aiohttp raised, in the terms of the contracts."""

from __future__ import annotations

import socket
import ssl

import aiohttp

from lexigram.contracts.redaction import redact_text
from lexigram.contracts.web import (
    ConnectionFailure,
    HTTPClientError,
    HTTPConnectionError,
    HTTPInvalidRequestError,
    RequestContext,
    RequestSent,
    TLSReason,
)
from lexigram.http.egress.refusals import blocked, refusal_in
from lexigram.http.pool.admission import PoolClosedError
from lexigram.http.tls_failures import explain, may_pass, reason_of

EXPECTED = (aiohttp.ClientError, OSError, EOFError, ValueError, PoolClosedError)
"""What an exchange may end with, beside our own errors."""

# aiohttp's parser quotes what it could not read.
_LONGEST_REASON = 200

# These quote it, and the URL, as they are, for whoever prints a traceback.
_QUOTING = (
    aiohttp.ClientResponseError,
    aiohttp.ClientPayloadError,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
)


def failure(
    error: Exception, request: RequestContext, sent: RequestSent, *, proxied: bool
) -> HTTPClientError:
    """Return what the caller is told.

    Args:
        error: One of `EXPECTED`.
        request: What was being sent.
        sent: How far it had come, where the error does not say.
        proxied: Whether it went through a proxy.
    """
    if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        return _invalid(f"aiohttp refuses the URL: {_reason(error)}.", request)
    if isinstance(error, PoolClosedError):
        return _stopped(request)
    refused = refusal_in(error)
    if refused is not None:
        return blocked(refused, request)
    for classes, kind, known_sent in _FAILURES:
        if isinstance(error, classes):
            what = _told_apart(kind, error, proxied=proxied)
            return HTTPConnectionError(
                f"{_SENTENCES[what]}: {_reason(error)}.",
                failure=what,
                reason=_tls_reason(error) if what == "tls" else None,
                method=request.method,
                url=request.url,
                request_sent=known_sent or sent,
                retryable=_may_pass(error),
            )
    return _invalid(f"The request cannot be sent: {_short(str(error))}.", request)


def cause_of(error: Exception) -> Exception | None:
    """Return a failure as the cause of what the caller is told, if it may be shown."""
    return None if isinstance(error, _QUOTING) else error


def _stopped(request: RequestContext) -> HTTPConnectionError:
    return HTTPConnectionError(
        "The client was stopped while the call waited for a connection.",
        failure="disconnected",
        method=request.method,
        url=request.url,
        request_sent="no",
        retryable=True,
    )


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


def _tls_reason(error: Exception) -> TLSReason | None:
    cause = error.__cause__
    return reason_of(cause) if isinstance(cause, ssl.SSLError) else None


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


_OTHER_CREDENTIALS = (
    "so it wants other credentials. They stand in its URL: "
    "http://user:password@proxy.test:3128"
)
_PROXY_ANSWERS = {
    401: f"it answered 401, {_OTHER_CREDENTIALS}",
    403: "it answered 403, so it may not be used for this host",
    407: f"it answered 407, {_OTHER_CREDENTIALS}",
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
