"""Quantiles of any number of values, in bounded memory.

Buckets grow by a constant factor, so that every value of a bucket is within 1 % of its
middle: DDSketch without merging (Masson, Rim, Lee: VLDB 2019, §2).
"""

from __future__ import annotations

import math
from typing import Final

__all__ = ["RELATIVE_ERROR", "Sketch"]

RELATIVE_ERROR: Final = 0.01
"""How far a quantile is from the value that has its rank, at most, relative to it."""

_FACTOR: Final = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_FACTOR: Final = math.log(_FACTOR)
_MIDDLE: Final = 2 / (_FACTOR + 1)
# One microsecond and a terabyte: what lies outside is counted at the end of the range.
_LOWEST: Final = 1e-6
_HIGHEST: Final = 1e12
_BELOW: Final = math.floor(math.log(_LOWEST) / _LOG_FACTOR)


class Sketch:
    """Counts values in buckets, and answers quantiles from the counts.

    A quantile is within `RELATIVE_ERROR` of the value that has its rank, for values
    between 1e-6 and 1e12; smaller ones, negative ones included, count as the smallest
    value seen, larger ones as the largest bucket. There are fewer than 2,100 buckets.

    Example:
        >>> sketch = Sketch()
        >>> for value in range(1, 101):
        ...     sketch.add(value)
        >>> round(sketch.quantile(0.5))
        50
    """

    __slots__ = ("_buckets", "count", "maximum", "minimum", "total")

    count: int
    """How many values were added."""
    total: float
    """Their sum."""
    minimum: float
    """The smallest; infinite when there is none."""
    maximum: float
    """The largest; minus infinite when there is none."""

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self.count = 0
        self.total = 0.0
        self.minimum = math.inf
        self.maximum = -math.inf

    def __repr__(self) -> str:
        return f"<Sketch of {self.count} values in {len(self._buckets)} buckets>"

    @property
    def mean(self) -> float:
        """The average; 0.0 when there are no values."""
        return self.total / self.count if self.count else 0.0

    def add(self, value: float) -> None:
        """Count a value; one that is infinite or no number is left out."""
        if not math.isfinite(value):
            return
        self.count += 1
        self.total += value
        self.minimum = min(self.minimum, value)
        self.maximum = max(self.maximum, value)
        bucket = _bucket(value)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1

    def quantile(self, share: float) -> float:
        """Return the value that `share` of all values do not exceed.

        Args:
            share: From 0 to 1: 0.95 for the 95th percentile, by the nearest rank.

        Raises:
            ValueError: `share` is outside of 0 to 1.
        """
        if not 0 <= share <= 1:
            raise ValueError(f"{share!r} is no share. Give one from 0 to 1: 0.95.")
        if not self.count:
            return 0.0
        rank = max(1, math.ceil(share * self.count))
        for bucket in sorted(self._buckets):
            rank -= self._buckets[bucket]
            if rank <= 0:
                return self._value_of(bucket)
        return self.maximum  # pragma: no cover - the ranks end with the last bucket

    def _value_of(self, bucket: int) -> float:
        if bucket == _BELOW:
            return self.minimum
        # Nearer to the value in question than the middle is, where these bind at all.
        return min(max(_FACTOR**bucket * _MIDDLE, self.minimum), self.maximum)


def _bucket(value: float) -> int:
    if value < _LOWEST:
        return _BELOW
    return math.ceil(math.log(min(value, _HIGHEST)) / _LOG_FACTOR)
