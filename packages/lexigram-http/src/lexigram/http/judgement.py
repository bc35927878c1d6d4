"""What an exchange says to a policy: the upstream's health, and whether to try again."""

from __future__ import annotations

import math
import time
from email.utils import parsedate_to_datetime

from lexigram.contracts.resilience import Judgement
from lexigram.contracts.web import (
    RETRYABLE_STATUSES,
    HTTPClientError,
    HTTPConnectionError,
    HttpResponse,
    HTTPTimeoutError,
)

IDEMPOTENT_METHODS = frozenset(
    {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"}
)
"""RFC 9110 §9.2.2, and QUERY (RFC 10008)."""

_SERVER_ERROR = 500  # RFC 9110 §15.6
_TOO_MANY_REQUESTS = 429  # RFC 6585 §4

_HEALTHY = Judgement("success")
_NEUTRAL = Judgement("neutral")
# The limit of the whole call is over: another attempt has no time left.
_TIMED_OUT = Judgement("failure", reason="timeout")


def judge(response: HttpResponse | None, error: BaseException | None) -> Judgement:
    """Judge one exchange.

    A 4xx proves that the upstream is alive, except that 429 says it is overloaded. The
    transport's failures and our own timeouts count against it; a caller's cancellation
    and a request that was never sendable say nothing.
    """
    if response is not None:
        return _of_response(response)
    if isinstance(error, HTTPTimeoutError):
        return _TIMED_OUT
    if isinstance(error, HTTPConnectionError):
        return Judgement("failure", retryable=error.retryable, reason=error.failure)
    if isinstance(error, HTTPClientError) and error.request_sent == "yes":
        return _HEALTHY
    return _NEUTRAL


def _of_response(response: HttpResponse) -> Judgement:
    status = response.status
    if status < 400:  # noqa: PLR2004 - RFC 9110 §15, the common case first
        return _HEALTHY
    healthy = status < _SERVER_ERROR and status != _TOO_MANY_REQUESTS
    return Judgement(
        "success" if healthy else "failure",
        retryable=status in RETRYABLE_STATUSES,
        retry_after=retry_after(response),
        reason=str(status),
    )


def retry_after(response: HttpResponse) -> float | None:
    """Return the seconds that Retry-After asks to wait (RFC 9110 §10.2.3), if it does.

    A date in the past asks for none. What cannot be read counts as absent.
    """
    value = response.headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        return _until(value)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _until(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None
    # Wall-clock time: the header names a time of day.
    return max(0.0, moment - time.time())
