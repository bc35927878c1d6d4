"""Performing an outcome without a wire, as a client on a wire would report it."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Mapping
from typing import Any, Final, Never

from lexigram.contracts.web import (
    HTTPConnectionError,
    HttpResponse,
    HTTPResponseTooLargeError,
    HTTPTimeoutError,
    build_response,
)
from lexigram.testing._answers.faults import Fault
from lexigram.testing._answers.outcomes import Act, Outcome, Reply, accepted
from lexigram.testing._calls.failures import TestKitFailure
from lexigram.testing._calls.journal import RecordedCall

__all__ = ["check_promises", "perform", "performable", "timed_out"]

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


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


async def perform(call: RecordedCall, act: Act) -> HttpResponse:
    """Let a call have its outcome, and as much time pass as it takes.

    Raises:
        HTTPTimeoutError: That is longer than the call's timeout.
        HTTPConnectionError: The outcome is a fault of the connection.
    """
    if isinstance(act, Reply):
        await _pass_time(call, act.duration)
        return _response(call, act)
    if isinstance(act, Fault):
        await _fail(call, act)
    # The instance is raised again for each call: drop the trace of the last time.
    raise act.with_traceback(None)


def timed_out(call: RecordedCall) -> HTTPTimeoutError:
    """Return the error of a call whose timeout has passed."""
    limit = call.request.timeout or 0.0
    return HTTPTimeoutError(
        f"The call took longer than its timeout of {limit:g} s.",
        phase="total",
        limit=limit,
        retryable=True,
        request_sent="maybe",
        **_facts(call),
    )


def check_promises(response: HttpResponse, options: Mapping[str, Any]) -> None:
    """Hold a call to those of its options that a response can break.

    Raises:
        HTTPResponseTooLargeError: The body is longer than the call accepts.
        TestKitFailure: The response redirects, and the fake would have to follow.
    """
    limit = options.get("max_response_bytes")
    if limit is not None and len(response.body) > limit:
        raise HTTPResponseTooLargeError(
            f"The body is larger than {limit} bytes.",
            limit=limit,
            method=response.method,
            url=response.url,
            attempts=1,
            request_sent="yes",
        )
    follow = options.get("follow_redirects", True)
    if follow and response.status in _REDIRECTS and "location" in response.headers:
        raise TestKitFailure(
            f"The fake does not follow redirects, and {response!r} is one. Let the "
            "route answer what is at the end of it, or call with "
            "`follow_redirects=False` to get it as it is."
        )


async def _pass_time(call: RecordedCall, seconds: float) -> None:
    limit = call.request.timeout
    if limit is not None and seconds > 0:
        left = limit - _elapsed(call)
        if seconds >= left:
            await asyncio.sleep(left)
            raise timed_out(call)
    if seconds > 0:
        await asyncio.sleep(seconds)


async def _hang(call: RecordedCall) -> Never:
    if call.request.timeout is None:
        await asyncio.get_running_loop().create_future()
    await asyncio.sleep((call.request.timeout or 0.0) - _elapsed(call))
    raise timed_out(call)


async def _fail(call: RecordedCall, fault: Fault) -> Never:
    if fault.kind == "hang":
        await _hang(call)
    if fault.kind == "reset":
        raise HTTPConnectionError(
            "The connection was reset before the response.",
            failure="disconnected",
            retryable=True,
            request_sent="maybe",
            **_facts(call),
        )
    raise HTTPConnectionError(
        "The connection was refused.",
        failure="connect",
        retryable=True,
        request_sent="no",
        **_facts(call),
    )


def _response(call: RecordedCall, reply: Reply) -> HttpResponse:
    request = call.request
    return build_response(
        reply.status,
        reply.headers,
        _content(call, reply) if reply.has_body(request.method) else b"",
        method=request.method,
        url=request.url,
        elapsed=_elapsed(call),
        attempts=1,
    )


def _content(call: RecordedCall, reply: Reply) -> bytes:
    """Return the body without its content coding, which a client removes."""
    coding = reply.headers.get("content-encoding", "identity").lower()
    if coding not in {"gzip", "deflate"}:
        return reply.body
    try:
        # 32 adds the detection of gzip and zlib headers to the largest window.
        return zlib.decompress(reply.body, zlib.MAX_WBITS | 32)
    except zlib.error as error:
        raise HTTPConnectionError(
            f"The body is labelled {coding} and is not ({error}).",
            failure="truncated",
            retryable=True,
            request_sent="yes",
            **_facts(call),
        ) from error


def _elapsed(call: RecordedCall) -> float:
    return asyncio.get_running_loop().time() - call.started_at


def _facts(call: RecordedCall) -> dict[str, Any]:
    return {"method": call.request.method, "url": call.request.url, "attempts": 1}
