"""One metric with one combination of tags."""

from __future__ import annotations

from typing import Any

from lexigram.metrics._calls import distribution
from lexigram.metrics._sketch import Sketch

__all__ = ["Series"]


class Series:
    """A counter's total, a gauge's last value, or a histogram's distribution."""

    __slots__ = ("_kind", "_sketch", "_value")

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._value: float = 0
        self._sketch = Sketch() if kind == "histogram" else None

    def add(self, value: float) -> None:
        """Take one number as the kind asks."""
        if self._sketch is not None:
            self._sketch.add(value)
        elif self._kind == "counter":
            self._value += value
        else:
            self._value = value

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers."""
        if self._sketch is None:
            return {"value": self._value}
        return {"count": self._sketch.count} | distribution(self._sketch)
