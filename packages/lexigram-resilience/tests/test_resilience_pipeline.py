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
    CircuitBreaker,
    CircuitBreakerConfig,
    ResiliencePipeline,
    RetryConfig,
    RetryPolicy,
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
    return ResiliencePipeline(retry=retry, breaker=breaker), breaker


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
    upstream = Upstream()
    pipeline = ResiliencePipeline(retry=RetryPolicy(clock=LeapingClock()))
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


def test_its_repr_shows_the_policies_from_outside_to_inside() -> None:
    breaker = CircuitBreaker("billing")
    pipeline = ResiliencePipeline(retry=RetryPolicy(), breaker=breaker)
    assert repr(pipeline).startswith("<ResiliencePipeline <RetryPolicy RetryConfig(")
    assert repr(pipeline).endswith(f"> > {breaker!r}>")
