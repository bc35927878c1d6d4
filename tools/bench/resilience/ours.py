"""The policies of `lexigram.resilience`, with the figures that they have to keep.

Configured as they are by default, but for limits that a benchmark would reach. A target
holds for that, and for the form that takes an operation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from bench.resilience.contestant import OURS, Contestant, Kind
from bench.resilience.decorating import decorated

from lexigram.resilience import (
    AdaptiveConcurrency,
    AdaptiveThrottle,
    Bulkhead,
    BulkheadConfig,
    CircuitBreaker,
    CircuitBreakerConfig,
    HedgePolicy,
    PipelineConfig,
    RateLimiter,
    RateLimiterConfig,
    ResiliencePipeline,
    RetryPolicy,
    Timeouts,
    TimeoutsConfig,
)

__all__ = ["ours"]

PLENTY: Final = RateLimiterConfig(permits=10**9)


def ours() -> Iterator[Contestant]:
    """Yield all there are."""
    yield from _policies()
    yield from _pipelines()


def _policies() -> Iterator[Contestant]:
    retry = RetryPolicy()
    yield _ours(Kind.RETRY, "await retry.execute(noop)", retry=retry, target=5)
    yield decorated(Kind.RETRY, OURS, "@retry", retry, note="decorator")
    yield _ours(
        Kind.RETRY,
        "async for attempt in retry.attempts():\n    with attempt: await noop()",
        retry=retry,
        note="loop",
    )
    for note, config in (
        ("", CircuitBreakerConfig()),
        ("window of time", CircuitBreakerConfig(window_seconds=30.0)),
        ("slow calls", CircuitBreakerConfig(slow_call_duration=1.0)),
    ):
        yield _ours(
            Kind.BREAKER,
            "await breaker.call(noop)",
            breaker=CircuitBreaker("noop", config),
            note=note,
            target=10 if not note else None,
        )
    limiter = RateLimiter(PLENTY)
    yield _ours(Kind.LIMITER, "await limiter.execute(noop)", limiter=limiter, target=5)
    yield _ours(Kind.LIMITER, "await limiter.acquire()", limiter=limiter)
    yield _ours(Kind.LIMITER, "limiter.try_acquire()", limiter=limiter)
    yield _ours(
        Kind.BULKHEAD, "await bulkhead.execute(noop)", bulkhead=Bulkhead(), target=9
    )
    yield _ours(
        Kind.TIMEOUT,
        "await timeouts.execute(noop)",
        timeouts=Timeouts(),
        note="both limits",
    )
    yield _ours(Kind.HEDGE, "await hedge.execute(noop)", hedge=HedgePolicy())
    yield _ours(
        Kind.CONCURRENCY,
        "await concurrency.execute(noop)",
        concurrency=AdaptiveConcurrency(),
    )
    yield _ours(
        Kind.THROTTLE, "await throttle.execute(noop)", throttle=AdaptiveThrottle()
    )


def _pipelines() -> Iterator[Contestant]:
    limits: dict[str, Any] = {"limiter": PLENTY, "bulkhead": BulkheadConfig()}
    for kind, times, target in (
        (Kind.PIPELINE, None, 35),
        (Kind.TIMED_PIPELINE, TimeoutsConfig(), 80),
    ):
        for note, config in (
            ("standard", PipelineConfig(timeouts=times)),
            ("and limiter, bulkhead", PipelineConfig(timeouts=times, **limits)),
        ):
            yield _ours(
                kind,
                "await pipeline.execute(noop)",
                pipeline=ResiliencePipeline.from_config(config),
                note=note,
                target=target if note == "standard" else None,
            )


def _ours(
    kind: Kind,
    statement: str,
    *,
    note: str = "",
    target: float | None = None,
    **names: Any,
) -> Contestant:
    return Contestant(
        kind=kind,
        library=OURS,
        statement=statement,
        names=names,
        note=note,
        target=target,
    )
