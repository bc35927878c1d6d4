"""The summary's arithmetic and its limits, and recorders side by side."""

import asyncio
import math
import subprocess
import sys
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.web import RequestContext, ResponseContext
from lexigram.metrics import RELATIVE_ERROR, MetricsSummary, Sketch
from lexigram.metrics._observers import FanOut

IN_RANGE = st.floats(min_value=1e-6, max_value=1e12)


@given(st.lists(IN_RANGE, min_size=1, max_size=300), st.floats(0, 1))
def test_a_quantile_is_within_its_error_of_the_value_that_has_the_rank(
    values: list[float], share: float
) -> None:
    sketch = Sketch()
    for value in values:
        sketch.add(value)
    exact = sorted(values)[max(1, math.ceil(share * len(values))) - 1]
    allowed = RELATIVE_ERROR * exact * (1 + 1e-9)
    assert abs(sketch.quantile(share) - exact) <= allowed


@given(st.lists(st.floats(), max_size=100))
def test_whatever_is_added_quantiles_rise_and_stay_within_the_extremes(
    values: list[float],
) -> None:
    sketch = Sketch()
    for value in values:
        sketch.add(value)
    finite = [value for value in values if math.isfinite(value)]
    assert sketch.count == len(finite)
    quantiles = [sketch.quantile(share / 10) for share in range(11)]
    assert quantiles == sorted(quantiles)
    if finite:
        assert min(finite) <= quantiles[0]
        assert quantiles[-1] <= max(finite)
        assert (sketch.minimum, sketch.maximum) == (min(finite), max(finite))
    else:
        assert quantiles == [0.0] * 11
        assert sketch.mean == 0


def test_the_memory_of_a_sketch_has_a_bound() -> None:
    sketch = Sketch()
    for step in range(100_000):
        sketch.add(10 ** (step % 50_000 / 1_000 - 20))
    assert len(sketch._buckets) < 2_100
    assert sketch.count == 100_000
    assert "100000 values" in repr(sketch)


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan, 95])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="0.95"):
        Sketch().quantile(share)


def series_of(summary: MetricsSummary, name: str) -> list[tuple[dict[str, str], float]]:
    return [
        (one["tags"], one["value"])
        for one in summary.as_dict()["metrics"]
        if one["name"] == name
    ]


def test_counters_add_up_and_gauges_keep_the_last_value() -> None:
    summary = MetricsSummary()
    for value in (1, 2):
        summary.increment("calls", value, {"kind": "a"})
        summary.gauge("open", value)
        summary.histogram("wait", value)
    assert series_of(summary, "calls") == [({"kind": "a"}, 3)]
    assert series_of(summary, "open") == [({}, 2)]
    (wait,) = [one for one in summary.as_dict()["metrics"] if one["name"] == "wait"]
    assert (wait["kind"], wait["count"], wait["mean"]) == ("histogram", 2, 1.5)
    assert "3 metrics" in repr(summary)


def test_tags_beyond_the_limit_are_other() -> None:
    summary = MetricsSummary(max_series=2)
    for key in "abcd":
        summary.increment("calls", 1, {"key": key})
    summary.increment("calls", 1, {"key": "a"})
    assert series_of(summary, "calls") == [
        ({"key": "a"}, 2),
        ({"key": "b"}, 1),
        ({"key": "other"}, 2),
    ]
    with pytest.raises(ValueError, match="max_series=0"):
        MetricsSummary(max_series=0)


async def answer(request: RequestContext) -> ResponseContext:
    return ResponseContext(200, url=request.url)


async def test_calls_beyond_the_limit_are_other_and_a_reset_forgets_all() -> None:
    summary = MetricsSummary(max_series=2)
    for host in ("a.test", "b.test", "c.test", "d.test", "c.test"):
        request = RequestContext("GET", f"https://me:p@w@{host}:8443/v1?at=@x")
        await summary.around(request, answer)
    counts = {one["upstream"]: one["count"] for one in summary.as_dict()["calls"]}
    assert counts == {"a.test:8443": 1, "b.test:8443": 1, "other": 3}
    summary.reset()
    assert summary.as_dict()["calls"] == summary.as_dict()["metrics"] == []


async def test_calls_that_are_cancelled_or_never_made_leave_nothing() -> None:
    summary = MetricsSummary()

    async def cancelled(_: RequestContext) -> ResponseContext:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await summary.around(RequestContext("GET", "https://a.test"), cancelled)
    assert summary.as_dict()["calls"] == []


class Hands:
    """A clock that is set by hand."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


async def test_the_table_shows_times_as_people_write_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = Hands()
    summary = MetricsSummary(clock)
    for seconds in (2.5, 0.0123, 0.000045):

        async def slow(
            request: RequestContext, seconds: float = seconds
        ) -> ResponseContext:
            await clock.sleep(seconds)
            return ResponseContext(200)

        await summary.around(RequestContext("GET", f"http://a{seconds}.test"), slow)
    summary.print()
    shown = capsys.readouterr().out
    for text in ("2.50 s", "12.3 ms", "45 µs"):
        assert text in shown
    assert "HTTP calls in 2.5 s" in shown


class Broken(MetricsSummary):
    """A recorder that cannot record."""

    def increment(
        self, name: str, value: int = 1, tags: Mapping[str, str] | None = None
    ) -> None:
        raise OSError("disk full")


def test_a_recorder_that_raises_keeps_numbers_from_no_other_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    summary = MetricsSummary()
    both = FanOut(Broken(), summary)
    for _ in range(3):
        both.increment("calls")
    both.gauge("open", 1)
    both.histogram("wait", 1)
    assert series_of(summary, "calls") == [({}, 3)]
    assert len(summary.as_dict()["metrics"]) == 3
    (record,) = caplog.records
    assert (record.message, vars(record)["recorder"]) == (
        "metrics.recorder_failed",
        "Broken",
    )
    assert repr(both).startswith("FanOut(<MetricsSummary")


@pytest.mark.parametrize(
    ("library", "statement", "extra"),
    [
        ("opentelemetry", "import lexigram.otel", "otel"),
        ("prometheus_client", "import lexigram.prometheus", "prometheus"),
        (
            "rich",
            "from lexigram.metrics import MetricsSummary; MetricsSummary().print()",
            "cli",
        ),
    ],
)
def test_a_missing_extra_is_named_with_the_command_that_installs_it(
    library: str, statement: str, extra: str
) -> None:
    program = f"import sys; sys.modules[{library!r}] = None; {statement}"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("lexigram.extras.MissingExtraError: ")
    assert last.endswith(f'Install it: pip install "lexigram[{extra}]".')
