"""Performing an outcome without a wire, as a client on a wire would report it."""

from __future__ import annotations

import asyncio
import sys
from typing import Final, Never

from lexigram.contracts.web import (
    ConnectionFailure,
    HTTPConnectionError,
    HttpResponse,
    RequestContext,
    RequestSent,
    build_response,
)
from lexigram.contracts.web.calling import BodyLimits, BodyReader
from lexigram.testing._answers.faults import Fault
from lexigram.testing._answers.outcomes import Act, Outcome, Reply, accepted
from lexigram.testing._fake.call import FakeCall

__all__ = ["always_whole", "perform", "performable", "received"]

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
        for _ in act.chunks[1:] if act.pause else ():
            call.enter("read")
            await call.wait(asyncio.sleep(act.pause), request, "yes")
        return received(act, request, call)
    if isinstance(act, Fault):
        await _fail(act, request, call)
    # The instance is raised again for each call: drop the trace of the last time.
    raise act.with_traceback(None)


def always_whole(limits: BodyLimits) -> int:
    """Return the size of a body that no limit refuses or cuts."""
    return min((limit for limit in limits if limit is not None), default=sys.maxsize)


def received(reply: Reply, request: RequestContext, call: FakeCall) -> HttpResponse:
    """Return what a client makes of a reply.

    Raises:
        HTTPResponseTooLargeError: The body is longer than accepted.
        HTTPConnectionError: The body is not in the content coding that it names.
    """
    if not reply.has_body(request.method):
        body, cut = b"", False
    elif reply.is_coded or len(reply.body) > call.whole:
        body, cut = _read(reply, request, call.limits)
    else:
        body, cut = reply.body, False
    return build_response(
        reply.status,
        reply.headers,
        body,
        method=request.method,
        url=request.url,
        cut=cut,
    )


def _read(
    reply: Reply, request: RequestContext, limits: BodyLimits
) -> tuple[bytes, bool]:
    reader = BodyReader(
        request,
        reply.status,
        limits,
        labels=reply.headers.get_all("content-encoding"),
        redirects="location" in reply.headers,
    )
    if not reply.chunked:
        reader.expect(len(reply.body))
    for _ in reader.feed(reply.body):
        pass
    return reader.end(), reader.cut


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
