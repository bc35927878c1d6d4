"""Handing a request on to another client."""

from __future__ import annotations

from typing import Final

from lexigram.contracts.web import (
    HTTPClientError,
    HTTPClientProtocol,
    HttpResponse,
    HTTPTimeoutError,
    RequestOptions,
)
from lexigram.testing._answers.faults import Fault, fault
from lexigram.testing._answers.outcomes import Outcome, Reply
from lexigram.testing._calls.requests import RecordedRequest

__all__ = ["forward"]

# RFC 9110 §7.6.1: these are of the one connection; Host is the target's, and the
# length is said anew.
_OWN_TO_A_HOP: Final = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


async def forward(client: HTTPClientProtocol, request: RecordedRequest) -> Outcome:
    """Return what the client answers, or its error.

    On a server, which cannot raise in its client, a timeout becomes silence and any
    other error a reset connection.
    """
    try:
        response = await client.request(
            request.method, request.target or request.url, **_options(request)
        )
    except HTTPClientError as error:
        return _on_wire(error) if request.target else error
    return _reply(response, request.method)


def _options(request: RecordedRequest) -> RequestOptions:
    headers = request.headers.pairs
    # Whoever sent the request follows a redirect; it is an answer like any other.
    options = RequestOptions(
        headers=[pair for pair in headers if pair[0].lower() not in _OWN_TO_A_HOP],
        follow_redirects=False,
    )
    if request.body:
        options["data"] = request.body
    if not request.target:  # a server does not know the timeout of its client
        options["timeout"] = request.timeout
    return options


def _reply(response: HttpResponse, method: str) -> Reply:
    """Return a response as it is sent: its content coding was removed on the way."""
    dropped = _OWN_TO_A_HOP | {"content-encoding"}
    if method == "HEAD":  # its length is that of a body that is not sent
        dropped -= {"content-length", "content-encoding"}
    pairs = [p for p in response.headers.pairs if p[0].lower() not in dropped]
    return Reply(response.status, pairs, response.body)


def _on_wire(error: HTTPClientError) -> Fault:
    return fault.hang() if isinstance(error, HTTPTimeoutError) else fault.reset()
