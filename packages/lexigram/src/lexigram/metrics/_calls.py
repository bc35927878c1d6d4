"""The calls of one kind."""

from __future__ import annotations

import re
from typing import Any

from lexigram.metrics._sketch import Sketch

__all__ = ["CallSeries", "upstream_of"]

_HOST = re.compile(r"[^/?#]*//(?:[^/?#]*@)?([^/?#@]*)")


def upstream_of(url: str) -> str:
    """Return host and port of a URL as they are written, without userinfo."""
    found = _HOST.match(url)
    return found[1] if found else ""


class CallSeries:
    """Durations of the calls of one kind, and how many went wrong."""

    __slots__ = ("_durations", "_errors")

    def __init__(self) -> None:
        self._durations = Sketch()
        self._errors = 0

    def add(self, seconds: float, *, failed: bool) -> None:
        """Count a call."""
        self._durations.add(seconds)
        self._errors += failed

    def as_dict(self, seconds: float) -> dict[str, Any]:
        """Return the numbers; the rate is that of the last `seconds`."""
        count = self._durations.count
        return {
            "count": count,
            "errors": self._errors,
            "rate": count / seconds if seconds > 0 else 0.0,
        } | distribution(self._durations)


def distribution(sketch: Sketch) -> dict[str, float]:
    """Return what is shown of a distribution."""
    return {
        "mean": sketch.mean,
        "p50": sketch.quantile(0.5),
        "p95": sketch.quantile(0.95),
        "p99": sketch.quantile(0.99),
        "max": sketch.maximum if sketch.count else 0.0,
    }
