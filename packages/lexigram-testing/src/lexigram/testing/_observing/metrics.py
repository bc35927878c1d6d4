"""A metrics recorder to ask afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.contracts.suggestions import did_you_mean

__all__ = ["InMemoryMetrics"]

_Kind: TypeAlias = Literal["counter", "gauge", "histogram"]
_Tags: TypeAlias = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Sample:
    kind: _Kind
    name: str
    number: float
    tags: _Tags


class InMemoryMetrics(MetricsRecorderProtocol):
    """Keeps every number, with its tags.

    Where tags are asked for, samples that have these among others count.

    Example:
        >>> metrics = InMemoryMetrics()
        >>> metrics.increment("http.retries", tags={"host": "a"})
        >>> metrics.increment("http.retries", 2, tags={"host": "b"})
        >>> metrics.value("http.retries"), metrics.value("http.retries", host="b")
        (3.0, 2.0)
    """

    def __init__(self) -> None:
        self._samples: list[_Sample] = []

    def increment(
        self, name: str, value: int = 1, tags: Mapping[str, str] | None = None
    ) -> None:
        """Add to a counter."""
        self._keep("counter", name, value, tags)

    def gauge(
        self, name: str, value: float, tags: Mapping[str, str] | None = None
    ) -> None:
        """Set a gauge."""
        self._keep("gauge", name, value, tags)

    def histogram(
        self, name: str, value: float, tags: Mapping[str, str] | None = None
    ) -> None:
        """Add an observation."""
        self._keep("histogram", name, value, tags)

    def value(self, name: str, /, **tags: str) -> float:
        """Return what a counter has come to, or the sum of the gauges' last values.

        0.0 when there are none: a counter that was never incremented stands there.
        """
        samples = self._find(name, tags)
        last = {sample.tags: sample.number for sample in samples if _is_gauge(sample)}
        counted = sum(s.number for s in samples if s.kind == "counter")
        return float(counted + sum(last.values()))

    def observations(self, name: str, /, **tags: str) -> list[float]:
        """Return the observations of a histogram, in order."""
        return [s.number for s in self._find(name, tags) if s.kind == "histogram"]

    def names(self) -> list[str]:
        """Return the names that were emitted, sorted."""
        return sorted({sample.name for sample in self._samples})

    def series(self, name: str) -> Mapping[_Tags, Sequence[float]]:
        """Return the numbers of a name as they were emitted, by their tags."""
        series: dict[_Tags, list[float]] = {}
        for sample in self._find(name, {}):
            series.setdefault(sample.tags, []).append(sample.number)
        return series

    def assert_emitted(
        self, name: str, *, value: float | None = None, **tags: str
    ) -> None:
        """Require a metric, and that it has a value.

        The value of a histogram is any one of its observations.

        Raises:
            AssertionError: There is none; shows every series of that name.
        """
        samples = self._find(name, tags)
        if not samples:
            wanted = f"{name}{_braces(frozenset(tags.items()))}"
            raise AssertionError(f"{wanted} was not emitted. {self._report(name)}")
        observed = self.observations(name, **tags)
        if value is None or value in observed:
            return
        if observed or self.value(name, **tags) != value:
            wanted = f"{name}{_braces(frozenset(tags.items()))}"
            raise AssertionError(f"{wanted} is not {value:g}. {self._report(name)}")

    def _keep(
        self, kind: _Kind, name: str, number: float, tags: Mapping[str, str] | None
    ) -> None:
        pairs = frozenset((tags or {}).items())
        self._samples.append(_Sample(kind, name, number, pairs))

    def _find(self, name: str, tags: Mapping[str, str]) -> list[_Sample]:
        wanted = tags.items()
        return [s for s in self._samples if s.name == name and wanted <= s.tags]

    def _report(self, name: str) -> str:
        series = self.series(name)
        if not series:
            return did_you_mean(name, self.names())
        shown = (f"\n  {name}{_braces(tags)}: {list(n)}" for tags, n in series.items())
        return f"Its series:{''.join(shown)}"


def _is_gauge(sample: _Sample) -> bool:
    return sample.kind == "gauge"


def _braces(tags: _Tags) -> str:
    inner = ", ".join(f"{name}={value!r}" for name, value in sorted(tags))
    return f"{{{inner}}}"
