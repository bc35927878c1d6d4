"""Metrics, as features emit them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

__all__ = ["MetricsRecorderProtocol"]


@runtime_checkable
class MetricsRecorderProtocol(Protocol):
    """Somewhere to put numbers.

    Called on the event loop's thread in the middle of a request: an implementation
    must not block or await. Tags have few values each; names are dotted and lower-case.
    Not promised: that an exception is seen. Features count and log it, and go on.
    """

    def increment(
        self, name: str, value: int = 1, tags: Mapping[str, str] | None = None
    ) -> None:
        """Add `value` to a counter."""
        ...

    def gauge(
        self, name: str, value: float, tags: Mapping[str, str] | None = None
    ) -> None:
        """Set a gauge to `value`."""
        ...

    def histogram(
        self, name: str, value: float, tags: Mapping[str, str] | None = None
    ) -> None:
        """Add one observation to a distribution; durations are in seconds."""
        ...
