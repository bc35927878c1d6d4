"""Implementations of the contracts, for the examples that try one."""

# ruff: noqa: N802 - they stand for classes.

from random import Random
from typing import Any

from lexigram.contracts.clock import ClockProtocol
from lexigram.http import HTTPClient
from lexigram.resilience import (
    Bulkhead,
    BulkheadConfig,
    CircuitBreaker,
    CircuitBreakerConfig,
    Fallback,
    MemoryIdempotencyStore,
    RateLimiter,
    RateLimiterConfig,
    ResiliencePipeline,
    RetryConfig,
    RetryPolicy,
)
from lexigram.testing import InMemoryMetrics

MyRecorder = InMemoryMetrics
MyStore = MemoryIdempotencyStore
MyFallback = Fallback.value


def MyBulkhead(places: int, queue: int, clock: ClockProtocol) -> Bulkhead:
    return Bulkhead(BulkheadConfig(max_concurrent=places, max_queue=queue), clock=clock)


def MyLimiter(per_second: int, burst: int, clock: ClockProtocol) -> RateLimiter:
    return RateLimiter(RateLimiterConfig(permits=per_second, burst=burst), clock=clock)


def MyRetry(max_attempts: int, clock: ClockProtocol) -> RetryPolicy:
    # The suite makes more second attempts at once than a budget pays for.
    return RetryPolicy(RetryConfig(max_attempts=max_attempts, budget=None), clock=clock)


def MyBreaker(
    failures: int, open_for: float, probes: int, clock: ClockProtocol
) -> CircuitBreaker:
    config = CircuitBreakerConfig(
        consecutive_failures=failures,
        open_duration=open_for,
        half_open_permits=probes,
    )
    return CircuitBreaker("mine", config, clock=clock, random=Random(1))


def MyPipeline(clock: ClockProtocol) -> ResiliencePipeline:
    return ResiliencePipeline(
        retry=MyRetry(3, clock), breaker=MyBreaker(3, 10, 1, clock)
    )


class MyClient(HTTPClient):
    """Lacks what the examples expect to fail."""

    async def post(self, url: str, **options: Any) -> Any:
        if isinstance(options.get("data"), dict):
            options["json"] = options.pop("data")
        return await super().post(url, **options)

    def stream(self, method: str, url: str, **options: Any) -> Any:
        return super().stream(method, url, **{"follow_redirects": False} | options)
