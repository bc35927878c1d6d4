"""Failures that every client reports alike."""

from __future__ import annotations

from lexigram.contracts.web import (
    HTTPResponseTooLargeError,
    HTTPTimeoutError,
    RequestContext,
    RequestSent,
)

__all__ = ["timed_out", "too_large"]


def timed_out(
    request: RequestContext, seconds: float | None, *, sent: RequestSent
) -> HTTPTimeoutError:
    """Describe the end of a call by its deadline.

    Args:
        request: What was sent last, or was about to be.
        seconds: The timeout of the call.
        sent: Whether the server may have seen it.
    """
    limit = seconds or 0.0
    return HTTPTimeoutError(
        f"The call took longer than its timeout of {limit:g} s. "
        "`timeout=` sets another one for a call, `pool.timeout` for a client.",
        phase="total",
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
