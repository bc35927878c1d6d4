"""The outcomes of the latest calls, counted."""

from __future__ import annotations

__all__ = ["CountWindow"]


class CountWindow:
    """How many of the last `size` outcomes were failures.

    Attributes:
        calls: How many outcomes it holds.
        failures: How many of them are failures.
        consecutive: How many failures came in a row, up to now.
    """

    __slots__ = ("_next", "_ring", "calls", "consecutive", "failures")

    def __init__(self, size: int) -> None:
        self._ring = bytearray(size)
        self._next = 0
        self.calls = 0
        self.failures = 0
        self.consecutive = 0

    def add(self, *, failed: bool) -> None:
        """Count one outcome; the oldest one leaves a full window."""
        ring, place = self._ring, self._next
        # A place that was never written holds 0, as if a success were leaving it.
        self.failures += failed - ring[place]
        ring[place] = failed
        self._next = place + 1 if place + 1 < len(ring) else 0
        if self.calls < len(ring):
            self.calls += 1
        self.consecutive = self.consecutive + 1 if failed else 0
