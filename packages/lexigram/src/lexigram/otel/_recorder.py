"""Metrics of lexigram as instruments of OpenTelemetry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from opentelemetry.metrics import (
    Counter,
    Histogram,
    Meter,
    MeterProvider,
    _Gauge,  # what `create_gauge` returns has no other name; it is in `__all__`
    get_meter,
)

from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.otel._conventions import (
    DURATION_BUCKETS,
    ERROR_TYPE,
    METHOD,
    SCHEMA_URL,
    STATUS,
    known_method,
)

__all__ = ["OTelRecorder"]

_Attributes: TypeAlias = dict[str, str | int]

_CALL_DURATION: Final = "lexigram.http.call.duration"
_CALLS: Final = "lexigram.http.calls"
_FIRST_ERROR: Final = 400

# Suffixes of names whose values are seconds.
_DURATIONS: Final = ("duration", "wait")


class OTelRecorder(MetricsRecorderProtocol):
    """Records every metric of lexigram with OpenTelemetry's API.

    The two metrics of whole calls, with their retries and pauses, are no request in the
    sense of the conventions, which mean one exchange: `http.request.duration` is
    recorded as `lexigram.http.call.duration` and `http.request.status` as
    `lexigram.http.calls`, with the conventions' attributes. The conventions'
    `http.client.request.duration` is what `OTelInterceptor` measures. Other metrics keep
    their names and tags; those that end in "duration" or "wait" are in seconds.

    Args:
        meter_provider: Makes the meter. Left out: the global one.
    """

    def __init__(self, meter_provider: MeterProvider | None = None) -> None:
        self._meter: Meter = get_meter(
            "lexigram", meter_provider=meter_provider, schema_url=SCHEMA_URL
        )
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, _Gauge] = {}
        self._histograms: dict[str, Histogram] = {}

    def __repr__(self) -> str:
        return "<OTelRecorder>"

    def increment(
        self, name: str, value: int = 1, tags: Mapping[str, str] | None = None
    ) -> None:
        """Add to a counter."""
        counter = self._counters.get(name)
        if counter is None:
            counter = self._counters[name] = self._counter(name)
        counter.add(value, _attributes(name, tags))

    def gauge(
        self, name: str, value: float, tags: Mapping[str, str] | None = None
    ) -> None:
        """Set a gauge."""
        gauge = self._gauges.get(name)
        if gauge is None:
            gauge = self._gauges[name] = self._meter.create_gauge(name)
        gauge.set(value, dict(tags or {}))

    def histogram(
        self, name: str, value: float, tags: Mapping[str, str] | None = None
    ) -> None:
        """Add an observation to a distribution."""
        histogram = self._histograms.get(name)
        if histogram is None:
            histogram = self._histograms[name] = self._histogram(name)
        histogram.record(value, _attributes(name, tags))

    def _counter(self, name: str) -> Counter:
        if name == "http.request.status":
            return self._meter.create_counter(
                _CALLS, unit="{call}", description="HTTP calls by what came of them."
            )
        return self._meter.create_counter(name)

    def _histogram(self, name: str) -> Histogram:
        if name == "http.request.duration":
            return self._meter.create_histogram(
                _CALL_DURATION,
                unit="s",
                description="Duration of HTTP calls with their retries and redirects.",
                explicit_bucket_boundaries_advisory=DURATION_BUCKETS,
            )
        if name.rpartition(".")[2] in _DURATIONS:
            return self._meter.create_histogram(
                name, unit="s", explicit_bucket_boundaries_advisory=DURATION_BUCKETS
            )
        return self._meter.create_histogram(name)


def _attributes(name: str, tags: Mapping[str, str] | None) -> _Attributes:
    if not tags:
        return {}
    if not name.startswith("http.request."):
        return dict(tags)
    attributes: _Attributes = {}
    for tag, value in tags.items():
        if tag == "method":
            attributes[METHOD] = known_method(value)
        elif tag == "status":
            attributes.update(_outcome(value))
        else:
            attributes[tag] = value
    return attributes


def _outcome(status: str) -> _Attributes:
    if not status.isdecimal():
        return {ERROR_TYPE: status}
    answered: _Attributes = {STATUS: int(status)}
    return answered | {ERROR_TYPE: status} if int(status) >= _FIRST_ERROR else answered
