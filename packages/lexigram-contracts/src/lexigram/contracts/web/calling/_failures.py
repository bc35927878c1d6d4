"""Failures that every client reports alike."""

from __future__ import annotations

from typing import Final

from lexigram.contracts.web import (
    HTTPResponseTooLargeError,
    HTTPTimeoutError,
    RequestContext,
    RequestSent,
    TimeoutPhase,
)

__all__ = ["timed_out", "too_large"]


_SENTENCES: Final[dict[TimeoutPhase, str]] = {
    "total": (
        "The call took longer than its timeout of {limit:g} s. "
        "`timeout=` sets another one for a call, `pool.timeout` for a client."
    ),
    "attempt": (
        "The attempt took longer than its limit of {limit:g} s. "
        "`Timeouts(attempt=...)` sets another one for a call, `pool.attempt_timeout` "
        "for a client."
    ),
    "pool": (
        "No connection became free within {limit:g} s. `pool.max_connections` and "
        "`pool.max_connections_per_host` allow more of them, `pool.acquire_timeout` or "
        "`Timeouts(pool=...)` a longer wait."
    ),
    "connect": (
        "No connection was established within {limit:g} s. "
        "`Timeouts(connect=...)` sets another limit for a call, `pool.connect_timeout` "
        "for a client."
    ),
    "read": (
        "Nothing was received for {limit:g} s. "
        "`Timeouts(read=...)` sets another limit for a call, `pool.read_timeout` for a "
        "client."
    ),
}


def timed_out(
    request: RequestContext,
    seconds: float | None,
    *,
    sent: RequestSent,
    phase: TimeoutPhase = "total",
) -> HTTPTimeoutError:
    """Describe the end of a call, or of an attempt, by one of its limits.

    Args:
        request: What was sent last, or was about to be.
        seconds: The length of the limit.
        sent: Whether the server may have seen it.
        phase: Which limit it is.
    """
    limit = seconds or 0.0
    return HTTPTimeoutError(
        _SENTENCES[phase].format(limit=limit),
        phase=phase,
        limit=limit,
        method=request.method,
        url=request.url,
        request_sent=sent,
        retryable=True,
    )


def too_large(
    request: RequestContext, limit: int, how: str
) -> HTTPResponseTooLargeError:
    """Describe a body that is larger than accepted.

    Args:
        request: What was answered with it.
        limit: What is accepted, in bytes.
        how: What is known of its size: "declares 100", "holds at least 100".
    """
    return HTTPResponseTooLargeError(
        f"The response {how} bytes, and {limit} are accepted. "
        "Raise `max_response_bytes` for this call or client if that is expected.",
        limit=limit,
        method=request.method,
        url=request.url,
        request_sent="yes",
    )
