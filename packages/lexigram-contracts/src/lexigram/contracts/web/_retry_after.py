"""How long a response asks to wait."""

from __future__ import annotations

import math
import time

from lexigram.contracts.web._response import HttpResponse

__all__ = ["retry_after"]


def retry_after(response: HttpResponse) -> float | None:
    """Return the seconds that a response asks to wait, if it does.

    Retry-After (RFC 9110 §10.2.3) holds seconds, also with a fraction, or a date; one in
    the past asks for none. `retry-after-ms`, which some services send beside it, is
    more exact and wins. What cannot be read counts as absent.
    """
    headers = response.headers
    exact = _seconds(headers.get("retry-after-ms", "").strip())
    if exact is not None:
        return exact / 1000
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    seconds = _seconds(value)
    return _until(value) if seconds is None else seconds


def _seconds(value: str) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _until(date: str) -> float | None:
    from datetime import UTC  # noqa: PLC0415 - most processes never read a date
    from email.utils import parsedate_to_datetime  # noqa: PLC0415

    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    # A form without a zone is UTC as well (RFC 9110 §5.6.7), not the local time.
    then = moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    # Wall-clock time: the header names a time of day.
    return max(0.0, then - time.time())
