"""Limiter, bulkhead and fallback do what their contracts say."""

from typing import Any

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import Call, Judgement
from lexigram.resilience import (
    Bulkhead,
    BulkheadConfig,
    RateLimiter,
    RateLimiterConfig,
)
from lexigram.resilience._fallback.failed import FailedCall
from lexigram.resilience._fallback.policy import Fallback
from lexigram.testing.conformance import (
    BulkheadConformance,
    FallbackConformance,
    RateLimiterConformance,
)


class TestRateLimiter(RateLimiterConformance):
    version = "1.0"

    def make_rate_limiter(self, clock: ClockProtocol) -> RateLimiter:
        return RateLimiter(RateLimiterConfig(permits=5, per=1.0), clock=clock)


class TestBulkhead(BulkheadConformance):
    version = "1.0"

    def make_bulkhead(self, clock: ClockProtocol) -> Bulkhead:
        return Bulkhead(BulkheadConfig(max_concurrent=2, max_queue=3), clock=clock)


class TestBulkheadThatLimitsTheWait(BulkheadConformance):
    version = "1.0"

    def make_bulkhead(self, clock: ClockProtocol) -> Bulkhead:
        config = BulkheadConfig(max_concurrent=2, max_queue=3, queue_timeout=7200.0)
        return Bulkhead(config, clock=clock)


class TestFallbackToAValue(FallbackConformance):
    version = "1.0"

    def make_fallback(self) -> Fallback[Any]:
        return Fallback.value("instead")


class TestFallbackToAFunction(FallbackConformance):
    version = "1.0"

    def make_fallback(self) -> Fallback[Any]:
        async def function(failed: FailedCall[Any]) -> str:
            return "instead"

        return Fallback.function(function)


class TestFallbackToTheLastGoodResult(FallbackConformance):
    version = "1.0"

    def make_fallback(self) -> Fallback[Any]:
        # Every call asks the same, and what is kept of any answer is "instead".
        fallback: Fallback[Any] = Fallback.stale(
            lambda _: "q", copy=lambda _: "instead"
        )
        fallback.after_result(Call(), "good", Judgement("success"))
        return fallback
