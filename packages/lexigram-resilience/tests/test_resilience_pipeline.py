"""Retry and breaker together."""

from __future__ import annotations

import asyncio
from typing import NoReturn

import pytest

from lexigram.contracts.resilience import (
    Call,
    CircuitOpenError,
    Judgement,
    ResiliencePipelineProtocol,
    RetryExhaustedError,
)
from lexigram.resilience import (
    AdaptiveConcurrencyConfig,
    AdaptiveThrottleConfig,
    BulkheadConfig,
    ChaosConfig,
    CircuitBreaker,
    CircuitBreakerConfig,
    Fallback,
    HedgeConfig,
    PipelineConfig,
    RateLimiterConfig,
    ResiliencePipeline,
    RetryConfig,
    RetryPolicy,
    TimeoutsConfig,
)


class LeapingClock:
    """Sleeps by moving on to the time of waking up."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        await asyncio.sleep(0)
        self.now += seconds


class Upstream:
    """Fails, and counts how often it was asked."""

    def __init__(self) -> None:
        self.calls = 0

    async def __call__(self) -> NoReturn:
        self.calls += 1
        raise OSError(f"down at {self.calls}")


def policies(
    clock: LeapingClock, *, attempts: int, opens_at: int
) -> tuple[ResiliencePipeline, CircuitBreaker]:
    breaker = CircuitBreaker(
        "test", CircuitBreakerConfig(consecutive_failures=opens_at), clock=clock
    )
    retry = RetryPolicy(RetryConfig(max_attempts=attempts), clock=clock)
    return ResiliencePipeline(retry=retry, breaker=breaker, clock=clock), breaker


def test_it_is_a_pipeline() -> None:
    pipeline = ResiliencePipeline(retry=RetryPolicy())
    assert isinstance(pipeline, ResiliencePipelineProtocol)


def test_a_pipeline_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="of no policies protects nothing"):
        ResiliencePipeline()


async def test_a_success_is_returned() -> None:
    async def succeed() -> str:
        return "fine"

    pipeline, _ = policies(LeapingClock(), attempts=3, opens_at=3)
    assert await pipeline.execute(succeed) == "fine"


async def test_each_attempt_is_a_sample_for_the_breaker() -> None:
    upstream = Upstream()
    pipeline, breaker = policies(LeapingClock(), attempts=3, opens_at=9)
    with pytest.raises(RetryExhaustedError):
        await pipeline.execute(upstream)
    assert upstream.calls == 3
    assert breaker.snapshot()[""].failures == 3


async def test_an_open_circuit_ends_the_retry_and_tells_of_the_failure_before() -> None:
    clock, upstream = LeapingClock(), Upstream()
    pipeline, _ = policies(clock, attempts=9, opens_at=3)
    with pytest.raises(CircuitOpenError) as caught:
        await pipeline.execute(upstream)

    assert upstream.calls == 3
    assert str(caught.value.__context__) == "down at 3"
    assert caught.value.__notes__ == [
        "Attempt 4 was refused; attempt 3 raised OSError."
    ]


async def test_a_refusal_after_a_failed_result_tells_of_it() -> None:
    async def answer() -> int:
        return 503

    call: Call[int] = Call(judge=lambda *_: Judgement("failure", retryable=True))
    pipeline, _ = policies(LeapingClock(), attempts=9, opens_at=1)
    with pytest.raises(CircuitOpenError) as caught:
        await pipeline.execute(answer, call)
    assert caught.value.__context__ is None
    assert caught.value.__notes__ == [
        "Attempt 2 was refused; attempt 1 gave a result worth repeating."
    ]


async def test_t13_an_open_circuit_is_not_slept_on() -> None:
    clock, upstream = LeapingClock(), Upstream()
    pipeline, _ = policies(clock, attempts=1, opens_at=1)
    with pytest.raises(RetryExhaustedError):
        await pipeline.execute(upstream)
    with pytest.raises(CircuitOpenError):
        await pipeline.execute(upstream)
    assert clock.sleeps == []
    assert upstream.calls == 1


async def test_a_pipeline_may_have_a_retry_alone() -> None:
    clock, upstream = LeapingClock(), Upstream()
    pipeline = ResiliencePipeline(retry=RetryPolicy(clock=clock), clock=clock)
    with pytest.raises(RetryExhaustedError):
        await pipeline.execute(upstream)
    assert upstream.calls == 3


async def test_a_pipeline_may_have_a_breaker_alone() -> None:
    upstream = Upstream()
    config = CircuitBreakerConfig(consecutive_failures=1)
    pipeline = ResiliencePipeline(breaker=CircuitBreaker("test", config))
    with pytest.raises(OSError, match="down at 1"):
        await pipeline.execute(upstream)
    with pytest.raises(CircuitOpenError):
        await pipeline.execute(upstream)
    assert upstream.calls == 1


def test_its_repr_shows_its_name_and_the_policies_from_outside_to_inside() -> None:
    breaker = CircuitBreaker("billing")
    pipeline = ResiliencePipeline(name="orders", retry=RetryPolicy(), breaker=breaker)
    assert repr(pipeline) == "<ResiliencePipeline 'orders': retry > breaker>"


def test_a_standard_pipeline_has_limits_of_time_a_retry_and_a_breaker() -> None:
    pipeline = ResiliencePipeline.from_config(name="orders")
    assert pipeline.name == "orders"
    assert pipeline.policies.names() == ["timeouts", "retry", "breaker"]
    assert pipeline.config == PipelineConfig()
    assert pipeline.describe() == (
        "Pipeline 'orders', outermost first:\n"
        "  total    30 s for a call\n"
        "  retry    3 attempts, decorrelated waits of 0.1 to 5 s, budget 20% of calls "
        "and 1 a second\n"
        "  breaker  opens at 50% failures of at least 20 in 100 calls, for 30 s\n"
        "  attempt  10 s for each attempt"
    )


def test_a_pipeline_of_everything_is_described_outermost_first() -> None:
    config = PipelineConfig(
        limiter=RateLimiterConfig.per_second(50, burst=10),
        bulkhead=BulkheadConfig(max_concurrent=8, max_queue=20, queue_timeout=0.5),
        timeouts=TimeoutsConfig(total=8, attempt=2.5),
        retry=RetryConfig(jitter="full", base_delay=0.25, budget=None),
        hedge=HedgeConfig(max_hedges=2),
        breaker=CircuitBreakerConfig(
            window_seconds=10, slow_call_duration=1.5, slow_call_rate=0.8
        ),
        concurrency=AdaptiveConcurrencyConfig(max_limit=50),
        throttle=AdaptiveThrottleConfig(window=60),
        chaos=ChaosConfig(),
    )
    fallback = Fallback.value("none")
    pipeline = ResiliencePipeline.from_config(config, name="all", fallback=fallback)
    assert pipeline.describe() == (
        "Pipeline 'all', outermost first:\n"
        "  fallback     <Fallback 'fallback': value>\n"
        "  limiter      50 calls in 1 s, 10 at once, as long as it takes\n"
        "  bulkhead     8 at once, a queue of 20, 0.5 s at most\n"
        "  total        8 s for a call\n"
        "  retry        3 attempts, full waits of 0.25 to 5 s, no budget\n"
        "  hedge        2 more after p95\n"
        "  breaker      opens at 50% failures, or 80% slower than 1.5 s of at least 20 "
        "in 10 s, for 30 s\n"
        "  concurrency  1 to 50 attempts at once\n"
        "  throttle     2 times what was accepted in 60 s\n"
        "  attempt      2.5 s for each attempt\n"
        "  chaos        <Chaos 'all': off>"
    )


def test_what_there_is_not_is_not_described() -> None:
    config = PipelineConfig(
        limiter=RateLimiterConfig(max_wait=0),
        bulkhead=BulkheadConfig(),
        timeouts=TimeoutsConfig(total=None, attempt=None),
        retry=None,
        hedge=HedgeConfig(delay=0.5),
        breaker=None,
    )
    pipeline = ResiliencePipeline.from_config(config)
    assert pipeline.describe().splitlines()[1:] == [
        "  limiter   100 calls in 1 s, 100 at once, 0 s at most",
        "  bulkhead  25 at once, no queue",
        "  hedge     1 more after 0.5 s",
    ]


async def test_a_configuration_that_turns_everything_off_lets_calls_through() -> None:
    async def succeed() -> str:
        return "fine"

    config = PipelineConfig(timeouts=None, retry=None, breaker=None)
    pipeline = ResiliencePipeline.from_config(config, name="off")
    assert await pipeline.execute(succeed) == "fine"
    assert pipeline.describe() == "Pipeline 'off' has no policies."


def test_a_given_breaker_and_retry_are_used_with_their_own_configuration() -> None:
    breaker = CircuitBreaker("orders", CircuitBreakerConfig(failure_rate=0.9))
    retry = RetryPolicy(RetryConfig(max_attempts=2), retry_on=OSError)
    pipeline = ResiliencePipeline.from_config(breaker=breaker, retry=retry)
    assert pipeline.policies.breaker is breaker
    assert pipeline.policies.retry is retry
    assert breaker.config.failure_rate == 0.9
    assert pipeline.config.retry == retry.config


def test_what_is_given_and_not_configured_is_left_out() -> None:
    config = PipelineConfig(retry=None, breaker=None)
    pipeline = ResiliencePipeline.from_config(
        config, breaker=CircuitBreaker("orders"), retry=RetryPolicy()
    )
    assert pipeline.policies.names() == ["timeouts"]


def test_a_seed_of_the_configuration_is_what_chaos_draws_from() -> None:
    chaos = ChaosConfig(enabled=True, environment="test", max_latency=1, seed=7)
    pipeline = ResiliencePipeline.from_config(PipelineConfig(chaos=chaos))
    assert "seed 7" in repr(pipeline.policies.chaos)
