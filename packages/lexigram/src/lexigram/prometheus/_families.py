"""Metrics of one name: their labels, their series, and the limit of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Generic, TypeAlias, TypeVar

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics_core import Metric

from lexigram.prometheus._names import label_name

__all__ = ["Family"]

M = TypeVar("M", Counter, Gauge, Histogram)

_Tags: TypeAlias = frozenset[tuple[str, str]]
_LabelNames: TypeAlias = tuple[str, ...]

_OTHER: Final = "other"


class Family(Generic[M]):
    """All series of one name.

    The library gives a metric its labels once and for all, while ours may come with
    different tags: there is a metric of the library for each set of labels. What was
    bound once is kept, so that to record is one look-up.
    """

    def __init__(
        self, kind: type[M], name: str, about: str, limit: int, **options: Any
    ) -> None:
        self.kind: type[M] = kind
        self._name = name
        # When a series began: one series more for each, and read by few.
        self._created = f"{name}_created"
        self._about = about
        self._limit = limit
        self._options = options
        self._metrics: dict[_LabelNames, M] = {}
        self._bound: dict[_Tags, M] = {}

    def bound(self, tags: Mapping[str, str] | None) -> M:
        """Return the series of these tags, or that of all "other" ones."""
        key = frozenset(tags.items()) if tags else _NO_TAGS
        found = self._bound.get(key)
        if found is not None:
            return found
        labels = {label_name(tag): value for tag, value in sorted(key)}
        if len(self._bound) >= self._limit:
            # Not kept: there is no end to them.
            return self._series(dict.fromkeys(labels, _OTHER))
        series = self._bound[key] = self._series(labels)
        return series

    def collect(self) -> Iterator[Metric]:
        """Yield what there is, as one metric of the exposition."""
        whole: Metric | None = None
        # A copy: the scrape runs in another thread.
        for metric in list(self._metrics.values()):
            for part in metric.collect():
                if whole is None:
                    whole = Metric(part.name, part.documentation, part.type)
                whole.samples += [s for s in part.samples if s.name != self._created]
        if whole is not None:
            yield whole

    def _series(self, labels: dict[str, str]) -> M:
        names = tuple(labels)
        metric = self._metrics.get(names)
        if metric is None:
            metric = self._metrics[names] = self.kind(
                self._name, self._about, names, registry=None, **self._options
            )
        return metric.labels(*labels.values()) if labels else metric


_NO_TAGS: Final[_Tags] = frozenset()
