"""A recorder and an interceptor that keep a summary of what they see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.contracts.web import (
    InterceptorProtocol,
    Proceed,
    RequestContext,
    ResponseContext,
)
from lexigram.extras import MissingExtraError
from lexigram.metrics._calls import CallSeries, upstream_of
from lexigram.metrics._series import Series

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["MetricsSummary"]

_OTHER: Final = "other"
_FIRST_ERROR: Final = 400  # RFC 9110 §15

_CallKey: TypeAlias = tuple[str, str, str]


class MetricsSummary(InterceptorProtocol, MetricsRecorderProtocol):
    """Keeps count, rate and quantiles of calls, and of every other metric.

    As an interceptor it sees each call once, however many attempts it took: its route,
    its upstream, its duration with retries and redirects. As a recorder it keeps the
    totals of counters, the last values of gauges and the quantiles of histograms. Both
    are optional. A call that is cancelled is not counted.

    Quantiles are within `RELATIVE_ERROR` (1 %) of the true ones. Memory is bounded: of
    calls, and of each metric, the first `max_series` combinations are told apart, and
    the rest are "other".

    Args:
        clock: Measures durations and the time since the start.
        max_series: How many combinations of route and upstream, and of each metric's
            tags, are told apart.

    Example:
        ```python
        summary = MetricsSummary()
        async with HTTPClient(metrics=summary, interceptors=[summary]) as client:
            await client.get("https://api.example.com/users/7", route="/users/{id}")
        summary.print()
        ```
    """

    scope: str = "call"

    def __init__(
        self, clock: ClockProtocol | None = None, *, max_series: int = 200
    ) -> None:
        if max_series < 1:
            raise ValueError(f"{max_series=!r} leaves no series. Give 1 or more.")
        self._clock = clock or SystemClock()
        self._max_series = max_series
        self._calls: dict[_CallKey, CallSeries] = {}
        self._metrics: dict[tuple[str, str], dict[frozenset[tuple[str, str]], Series]]
        self._metrics = {}
        self._started = self._clock.monotonic()

    def __repr__(self) -> str:
        return (
            f"<MetricsSummary of {len(self._calls)} kinds of call and "
            f"{len(self._metrics)} metrics>"
        )

    def reset(self) -> None:
        """Forget everything, and begin to measure the rate anew."""
        self._calls.clear()
        self._metrics.clear()
        self._started = self._clock.monotonic()

    async def around(
        self, request: RequestContext, proceed: Proceed, /
    ) -> ResponseContext:
        """Proceed, and count the call with the time that it took."""
        key = (upstream_of(request.url), request.method, request.route)
        started = self._clock.monotonic()
        try:
            response = await proceed(request)
        except Exception:  # counted on its way to the caller
            self._call(key).add(self._clock.monotonic() - started, failed=True)
            raise
        failed = response.status >= _FIRST_ERROR
        self._call(key).add(self._clock.monotonic() - started, failed=failed)
        return response

    def increment(
        self, name: str, value: int = 1, tags: Mapping[str, str] | None = None
    ) -> None:
        """Add to a counter."""
        self._series("counter", name, tags).add(value)

    def gauge(
        self, name: str, value: float, tags: Mapping[str, str] | None = None
    ) -> None:
        """Set a gauge."""
        self._series("gauge", name, tags).add(value)

    def histogram(
        self, name: str, value: float, tags: Mapping[str, str] | None = None
    ) -> None:
        """Add an observation to a distribution."""
        self._series("histogram", name, tags).add(value)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain lists, texts and numbers; durations in seconds.

        Under "seconds" is the time since the start or the last `reset`, which rates
        refer to. Under "calls" is one entry for each upstream, method and route, most
        frequent first: `count`, `errors` (no response, or a status of 400 and more),
        `rate` per second, `mean`, `p50`, `p95`, `p99` and `max`. Under "metrics" is one
        entry for each name and its tags.
        """
        seconds = self._clock.monotonic() - self._started
        calls: list[dict[str, Any]] = [
            {"upstream": upstream, "method": method, "route": route}
            | series.as_dict(seconds)
            for (upstream, method, route), series in self._calls.items()
        ]
        metrics: list[dict[str, Any]] = [
            {"name": name, "kind": kind, "tags": dict(sorted(tags))} | series.as_dict()
            for (kind, name), all_series in self._metrics.items()
            for tags, series in all_series.items()
        ]
        return {
            "seconds": seconds,
            "calls": sorted(calls, key=lambda call: -call["count"]),
            "metrics": sorted(metrics, key=lambda metric: metric["name"]),
        }

    def table(self) -> Table:
        """Return the calls as a table of rich's (extra `cli`).

        Raises:
            MissingExtraError: The extra is not installed.
        """
        try:
            from lexigram.metrics import _table  # noqa: PLC0415 - rich is an extra
        except ModuleNotFoundError as error:
            raise MissingExtraError("The table of metrics", "cli", error) from error
        return _table.table_of(self.as_dict())

    def print(self, console: Console | None = None) -> None:
        """Print the table, by default on the standard output (extra `cli`).

        Raises:
            MissingExtraError: The extra is not installed.
        """
        table = self.table()
        from rich.console import Console  # noqa: PLC0415 - it is there if a table is

        (console or Console()).print(table)

    def _call(self, key: _CallKey) -> CallSeries:
        if key not in self._calls and len(self._calls) >= self._max_series:
            key = (_OTHER, _OTHER, _OTHER)
        return self._calls.setdefault(key, CallSeries())

    def _series(self, kind: str, name: str, tags: Mapping[str, str] | None) -> Series:
        family = self._metrics.setdefault((kind, name), {})
        key = frozenset(tags.items()) if tags else frozenset[tuple[str, str]]()
        if key not in family and len(family) >= self._max_series:
            key = frozenset((tag, _OTHER) for tag in tags or ())
        series = family.get(key)
        if series is None:
            series = family[key] = Series(kind)
        return series
