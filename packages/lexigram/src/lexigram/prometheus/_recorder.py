"""Metrics of lexigram as series of Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias, TypeVar

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.metrics_core import Metric

from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.prometheus._families import Family
from lexigram.prometheus._names import buckets_for, is_duration, metric_name

__all__ = ["PrometheusRecorder"]

M = TypeVar("M", Counter, Gauge, Histogram)

_Families: TypeAlias = dict[str, Family[M]]


class PrometheusRecorder(MetricsRecorderProtocol):
    """Keeps every metric of lexigram as Prometheus has them, in a registry of its own.

    Dots become underscores; counters end in "_total", and histograms whose name ends in
    "duration" or "wait" in "_seconds": `http.request.status` is
    `http_request_status_total{method="GET",status="200"}`. A name that is taken by
    another kind gets the kind behind it.

    Args:
        registry: Where a scrape finds the metrics. Left out: one of its own.
        max_series: How many combinations of labels each metric tells apart; later ones
            are counted under the value "other" of every label.

    Example:
        >>> recorder = PrometheusRecorder()
        >>> async with HTTPClient(metrics=recorder) as client:
        ...     result = await client.get("https://api.example.com/users")
        >>> print(recorder.render().decode())
        # HELP http_request_duration_seconds The metric http.request.duration of lexigram.
        ...
        http_request_status_total{method="GET",status="200"} 1.0
    """

    content_type: Final = CONTENT_TYPE_LATEST
    """The Content-Type of what `render` returns."""

    def __init__(
        self, registry: CollectorRegistry | None = None, *, max_series: int = 1000
    ) -> None:
        if max_series < 1:
            raise ValueError(f"{max_series=!r} leaves no series. Give 1 or more.")
        self.registry: CollectorRegistry = registry or CollectorRegistry()
        self._max_series = max_series
        self._counters: _Families[Counter] = {}
        self._gauges: _Families[Gauge] = {}
        self._histograms: _Families[Histogram] = {}
        self._taken: set[str] = set()
        self._families: dict[str, Family[Any]] = {}
        self.registry.register(_Collector(self._families))

    def __repr__(self) -> str:
        return f"<PrometheusRecorder of {len(self._families)} metrics>"

    def render(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self.registry)

    def increment(
        self, name: str, value: int = 1, tags: Mapping[str, str] | None = None
    ) -> None:
        """Add to a counter."""
        family = self._counters.get(name)
        if family is None:
            # The library adds "_total", to a name that has it as well.
            written = metric_name(name).removesuffix("_total")
            family = self._family(Counter, name, written)
            self._counters[name] = family
        family.bound(tags).inc(value)

    def gauge(
        self, name: str, value: float, tags: Mapping[str, str] | None = None
    ) -> None:
        """Set a gauge."""
        family = self._gauges.get(name)
        if family is None:
            family = self._gauges[name] = self._family(Gauge, name, metric_name(name))
        family.bound(tags).set(value)

    def histogram(
        self, name: str, value: float, tags: Mapping[str, str] | None = None
    ) -> None:
        """Add an observation to a distribution."""
        family = self._histograms.get(name)
        if family is None:
            written = metric_name(name) + ("_seconds" if is_duration(name) else "")
            options = {"buckets": buckets_for(name)}
            family = self._family(Histogram, name, written, **options)
            self._histograms[name] = family
        family.bound(tags).observe(value)

    def _family(
        self, kind: type[M], name: str, written: str, **options: Any
    ) -> Family[M]:
        """Return the family under a name as it is written; two may be written alike."""
        while True:
            family = self._families.get(written)
            if family is not None and family.kind is kind:
                return family
            samples = {written + suffix for suffix in _SUFFIXES[kind]}
            if self._taken.isdisjoint(samples):
                break
            written = f"{written}_{kind.__name__.lower()}"
        about = f"The metric {name} of lexigram."
        made = Family(kind, written, about, self._max_series, **options)
        self._families[written] = made
        self._taken |= samples
        return made


# What the names of a family's samples end in, and of the family itself.
_SUFFIXES: Final[Mapping[type, tuple[str, ...]]] = {
    Counter: ("", "_total"),
    Gauge: ("",),
    Histogram: ("", "_bucket", "_count", "_sum"),
}


class _Collector:
    """What the registry asks; apart, so that the recorder has no `collect`."""

    def __init__(self, families: Mapping[str, Family[Any]]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        for family in list(self._families.values()):
            yield from family.collect()
