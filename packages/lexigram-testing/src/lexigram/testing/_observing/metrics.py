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
        self, name: str, /, *, value: float | None = None, **tags: str
    ) -> None:
        """Require a metric, and that it has a value.

        The value of a histogram is any one of its observations.

        Raises:
            AssertionError: There is none; shows every series of that name.
        """
        if not self._find(name, tags):
            raise AssertionError(
                f"{_show(name, tags)} was not emitted. {self._report(name)}"
            )
        if value is not None and not self._has_value(name, tags, value):
            raise AssertionError(
                f"{_show(name, tags)} is not {value:g}. {self._report(name)}"
            )

    def assert_not_emitted(self, name: str, /, **tags: str) -> None:
        """Require that there is no such metric.

        Raises:
            AssertionError: There is one; shows every series of that name.
        """
        if self._find(name, tags):
            raise AssertionError(
                f"{_show(name, tags)} was emitted. {self._report(name)}"
            )

    def assert_cardinality(self, name: str, tag: str, *, at_most: int) -> None:
        """Require that a tag has few values: a URL for a tag is a series for each.

        Raises:
            AssertionError: There are more than `at_most`, and these are they; or there
                is no such metric, or no such tag on it, to say anything about.
            ValueError: `at_most` is less than 1.
        """
        if at_most < 1:
            raise ValueError(
                f"{at_most=!r} values are less than a tag can have. "
                "Use `assert_not_emitted` for a metric that must not be there."
            )
        samples = self._find(name, {})
        if not samples:
            raise AssertionError(f"{name} was not emitted. {self._report(name)}")
        pairs = {pair for sample in samples for pair in sample.tags}
        values = sorted(value for key, value in pairs if key == tag)
        if not values:
            known = {key for key, _ in pairs}
            raise AssertionError(
                f"{name} has no tag {tag!r}. {did_you_mean(tag, known)}"
            )
        if len(values) > at_most:
            raise AssertionError(
                f"Tag {tag!r} of {name} has {len(values)} values, expected at most "
                f"{at_most}: {_some_of(values)}."
            )

    def reset(self) -> None:
        """Forget everything."""
        self._samples.clear()

    def _keep(
        self, kind: _Kind, name: str, number: float, tags: Mapping[str, str] | None
    ) -> None:
        pairs = frozenset((tags or {}).items())
        self._samples.append(_Sample(kind, name, number, pairs))

    def _find(self, name: str, tags: Mapping[str, str]) -> list[_Sample]:
        wanted = tags.items()
        return [s for s in self._samples if s.name == name and wanted <= s.tags]

    def _has_value(self, name: str, tags: Mapping[str, str], value: float) -> bool:
        observed = self.observations(name, **tags)
        return value in observed or (not observed and self.value(name, **tags) == value)

    def _report(self, name: str) -> str:
        import difflib  # noqa: PLC0415 - only a failure pays for it

        names = self.names()
        if name in names:
            return self._list(name)
        if not names:
            return "Nothing was."
        near = difflib.get_close_matches(name, names, n=1)
        listed = f" {self._list(near[0])}" if near else ""
        return f"{did_you_mean(name, names)}{listed}"

    def _list(self, name: str) -> str:
        shown = [
            f"\n  {_show(name, t)}: {list(n)}" for t, n in self.series(name).items()
        ]
        return f"Its series:{''.join(shown)}"


_SHOWN = 10


def _is_gauge(sample: _Sample) -> bool:
    return sample.kind == "gauge"


def _show(name: str, tags: Mapping[str, str] | _Tags) -> str:
    pairs = sorted(dict(tags).items())
    return f"{name}{{{', '.join(f'{key}={value!r}' for key, value in pairs)}}}"


def _some_of(values: Sequence[str]) -> str:
    shown = ", ".join(map(repr, values[:_SHOWN]))
    more = len(values) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
