"""Events become metrics, and circuits a health check."""

from __future__ import annotations

import pytest

from lexigram.contracts.health import HealthCheckProtocol
from lexigram.contracts.resilience import CircuitBreakerProtocol
from lexigram.resilience import CircuitBreakerRegistry
from lexigram.resilience.events import (
    AttemptFinished,
    CallFinished,
    CallRefused,
    ChaosInjected,
    CircuitChanged,
    Event,
    Events,
    FallbackUsed,
    HedgeFinished,
    HedgeStarted,
    LateResult,
    LimitChanged,
    ReloadFailed,
    RetryGaveUp,
    RetryScheduled,
    Waited,
)
from lexigram.resilience.watching import CircuitHealthCheck, MetricsListener
from lexigram.testing import InMemoryMetrics

KEY = "https://api.test:443"
BASE = {"policy": "orders", "key": KEY}


@pytest.mark.parametrize(
    ("event", "recorded"),
    [
        (
            CallFinished("orders", KEY, "GET", "ok", 2, 0.5),
            [
                ("counter", "calls", 1, {"result": "ok"}),
                ("histogram", "pipeline.duration", 0.5, {"result": "ok"}),
            ],
        ),
        (
            AttemptFinished("orders", KEY, 1, "failure", "503", 0.25),
            [
                ("counter", "breaker.calls", 1, {"kind": "failure"}),
                ("histogram", "attempt.duration", 0.25, {"outcome": "failure"}),
            ],
        ),
        (
            RetryScheduled("orders", KEY, "GET", 1, 0.1, "503"),
            [("counter", "retry.attempts", 1, {"reason": "503"})],
        ),
        (
            RetryGaveUp("orders", KEY, "GET", 3, "budget", "503"),
            [("counter", "retry.exhausted", 1, {"limit": "budget"})],
        ),
        (
            CircuitChanged("orders", KEY, "open", "closed", 20, 15, 0, 30.0),
            [
                ("gauge", "breaker.state", 2, {}),
                ("counter", "breaker.transitions", 1, {"to": "open"}),
            ],
        ),
        (
            LateResult("orders", KEY),
            [("counter", "breaker.calls", 1, {"kind": "late"})],
        ),
        (
            CallRefused("orders", KEY, "breaker", 3.0),
            [("counter", "breaker.calls", 1, {"kind": "not_permitted"})],
        ),
        (
            CallRefused("orders", KEY, "limiter", 3.0),
            [("counter", "limiter.rejected", 1, {})],
        ),
        (
            Waited("orders", KEY, "bulkhead", 0.75),
            [("histogram", "bulkhead.wait", 0.75, {})],
        ),
        (
            LimitChanged("orders", KEY, 18, 7),
            [
                ("gauge", "concurrency.limit", 18, {}),
                ("gauge", "concurrency.in_flight", 7, {}),
            ],
        ),
        (HedgeStarted("orders", KEY, 2, 0.5), [("counter", "hedge.fired", 1, {})]),
        (HedgeFinished("orders", KEY, 2), [("counter", "hedge.won", 1, {})]),
        (HedgeFinished("orders", KEY, 1), []),
        (
            FallbackUsed("orders", KEY, "stale", "503"),
            [("counter", "fallback.used", 1, {"kind": "stale"})],
        ),
        (
            ChaosInjected("orders", KEY, "latency"),
            [("counter", "chaos.injected", 1, {"kind": "latency"})],
        ),
        (ReloadFailed("orders", KEY, "bad"), [("counter", "reload.failed", 1, {})]),
        (Event("orders", KEY), []),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_event_is_recorded(
    event: Event, recorded: list[tuple[str, str, float, dict[str, str]]]
) -> None:
    metrics = InMemoryMetrics()
    Events([MetricsListener(metrics)]).tell(event)
    names = {f"lexigram.resilience.{name}" for _, name, _, _ in recorded}
    assert set(metrics.names()) == names
    for kind, name, value, extra in recorded:
        where, tags = f"lexigram.resilience.{name}", BASE | extra
        if kind == "histogram":
            assert metrics.observations(where, **tags) == [value]
        else:
            assert metrics.value(where, **tags) == value


def test_keys_beyond_the_limit_share_a_tag() -> None:
    metrics = InMemoryMetrics()
    listener = MetricsListener(metrics, max_keys=2)
    for key in ["a", "b", "c", "d", "a"]:
        listener(HedgeStarted("orders", key, 2, 0.5))
    fired = "lexigram.resilience.hedge.fired"
    assert [metrics.value(fired, key=key) for key in ("a", "b", "other")] == [2, 1, 2]
    metrics.assert_cardinality(fired, "key", at_most=3)


async def test_without_open_circuits_the_check_is_healthy() -> None:
    registry = CircuitBreakerRegistry()
    check = CircuitHealthCheck(registry)
    assert isinstance(check, HealthCheckProtocol)
    assert (check.name, check.critical) == ("circuit-breakers", False)
    registry.get("orders").metrics_only("a")
    report = await check.check()
    assert (report.status, report.detail, dict(report.data)) == ("healthy", "", {})


async def test_a_registry_that_shows_no_circuits_is_healthy_and_says_so() -> None:
    class Other:
        def get(self, name: str) -> CircuitBreakerProtocol:
            raise LookupError(name)

    report = await CircuitHealthCheck(Other()).check()
    assert (report.status, report.detail) == (
        "healthy",
        "The registry in use shows no circuits.",
    )


async def test_an_open_circuit_degrades_and_is_named() -> None:
    registry = CircuitBreakerRegistry()
    registry.get("orders").force_open(KEY)
    registry.get("billing").force_open("")
    registry.get("orders").circuit("b")
    report = await CircuitHealthCheck(registry, name="circuits").check()
    assert report.status == "degraded"
    assert report.detail == (
        f"Circuits refuse calls: orders {KEY} is forced_open, billing is forced_open."
    )
    assert report.data == {
        f"orders {KEY}": "forced_open",
        "billing": "forced_open",
    }
