"""A quantile of the latest numbers, exact."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable
from itertools import islice

__all__ = ["Quantile"]


class Quantile:
    """A quantile of the latest numbers: that many of them are not above it.

    They are kept sorted, which for some hundreds costs less than the arithmetic of an
    estimate, and forgets what is too old.

    Args:
        share: Between 0 and 1.
        window: How many numbers are remembered.
        numbers: What to begin with, the oldest first.
    """

    __slots__ = ("_latest", "_rank", "_share", "_sorted", "_window")

    def __init__(
        self, share: float, window: int, numbers: Iterable[float] = ()
    ) -> None:
        self._share = share
        self._window = window
        self._latest = deque(numbers, window)
        self._sorted = sorted(self._latest)
        self._rank = math.ceil(share * len(self._latest)) - 1

    def __len__(self) -> int:
        return len(self._sorted)

    def add(self, number: float) -> float:
        """Remember a number and return the quantile."""
        ordered, latest = self._sorted, self._latest
        if len(latest) == self._window:
            # The deque drops it by itself.
            del ordered[bisect_left(ordered, latest[0])]
        else:
            self._rank = math.ceil(self._share * (len(latest) + 1)) - 1
        latest.append(number)
        insort(ordered, number)
        return ordered[self._rank]

    @property
    def value(self) -> float:
        """The quantile; there is none of no numbers."""
        return self._sorted[self._rank]

    def latest(self, count: int) -> list[float]:
        """Return the latest numbers, the oldest of them first."""
        return list(islice(self._latest, max(0, len(self._latest) - count), None))
