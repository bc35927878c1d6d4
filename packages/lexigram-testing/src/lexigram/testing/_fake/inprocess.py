"""Performing an outcome without a wire, as a client on a wire would report it."""

from __future__ import annotations

import asyncio
from typing import Final, Never

from lexigram.contracts.web import (
    ConnectionFailure,
    HTTPConnectionError,
    HttpResponse,
    RequestContext,
    RequestSent,
    build_response,
)
from lexigram.contracts.web.calling import too_large
from lexigram.testing._answers.faults import Fault
from lexigram.testing._answers.outcomes import Act, Outcome, Reply, accepted
from lexigram.testing._fake.call import FakeCall
from lexigram.testing._fake.codings import BrokenCodingError, decoded

__all__ = ["perform", "performable", "received"]

_FAILURES: Final[dict[str, tuple[ConnectionFailure, RequestSent, str]]] = {
    "refused": ("connect", "no", "The connection was refused."),
    "reset": ("disconnected", "maybe", "The connection was reset before the response."),
}


def performable(outcome: Outcome) -> Act:
    """Return an outcome that needs no wire.

    Raises:
        ValueError: It needs one.
    """
    act = accepted(outcome)
    if isinstance(act, Fault) and act.wire_only:
        raise ValueError(
            f"{act!r} happens on a wire, and a fake client has none. "
            "Use `FaultServer`, or an exception that the real client would report."
        )
    return act


async def perform(act: Act, request: RequestContext, call: FakeCall) -> HttpResponse:
    """Let an exchange have its outcome, and as much time pass as it takes.

    Raises:
        HTTPClientError: The outcome is none, is a fault, or comes after the deadline.
    """
    if isinstance(act, Reply):
        await call.wait(asyncio.sleep(act.delay), request, "maybe")
        await call.wait(asyncio.sleep(act.duration - act.delay), request, "yes")
        return received(act, request, call.max_response_bytes)
    if isinstance(act, Fault):
        await _fail(act, request, call)
    # The instance is raised again for each call: drop the trace of the last time.
    raise act.with_traceback(None)


def received(reply: Reply, request: RequestContext, limit: int | None) -> HttpResponse:
    """Return what a client makes of a reply.

    Raises:
        HTTPResponseTooLargeError: The body is longer than `limit` bytes.
        HTTPConnectionError: The body is not in the content coding that it names.
    """
    body = _content(reply, request, limit) if reply.has_body(request.method) else b""
    return build_response(
        reply.status, reply.headers, body, method=request.method, url=request.url
    )


def _content(reply: Reply, request: RequestContext, limit: int | None) -> bytes:
    body = reply.body
    if limit is not None and len(body) > limit:
        how = "holds at least" if reply.chunked else "declares"
        raise too_large(request, limit, f"{how} {len(body)}")
    if not reply.is_coded:
        return body
    body = _decoded(body, reply, request)
    if limit is not None and len(body) > limit:
        raise too_large(request, limit, f"holds at least {len(body)}")
    return body


def _decoded(body: bytes, reply: Reply, request: RequestContext) -> bytes:
    try:
        return decoded(body, reply.headers["content-encoding"])
    except BrokenCodingError as broken:
        raise HTTPConnectionError(
            str(broken),
            failure=broken.failure,
            method=request.method,
            url=request.url,
            request_sent="yes",
            retryable=True,
        ) from broken


async def _fail(fault: Fault, request: RequestContext, call: FakeCall) -> Never:
    if fault.kind == "hang":
        forever = asyncio.get_running_loop().create_future()
        await call.wait(forever, request, "maybe")
    failure, sent, sentence = _FAILURES[fault.kind]
    raise HTTPConnectionError(
        sentence,
        failure=failure,
        method=request.method,
        url=request.url,
        request_sent=sent,
        retryable=True,
    )
