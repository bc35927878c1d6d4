"""The policies do what their contracts say."""

from random import Random
from typing import Literal

import pytest

from lexigram.contracts.clock import ClockProtocol
from lexigram.resilience import (
    CircuitBreaker,
    CircuitBreakerConfig,
    ResiliencePipeline,
    RetryConfig,
    RetryPolicy,
)
from lexigram.testing.conformance import (
    CircuitBreakerConformance,
    PipelineConformance,
    RetryPolicyConformance,
    check_retry_policy,
)


def retry(clock: ClockProtocol) -> RetryPolicy:
    # The suite makes more second attempts at once than a budget pays for.
    config = RetryConfig(max_attempts=3, budget=None)
    return RetryPolicy(config, clock=clock, random=Random(1))


def breaker(clock: ClockProtocol) -> CircuitBreaker:
    config = CircuitBreakerConfig(
        consecutive_failures=3, open_duration=10.0, half_open_permits=1
    )
    return CircuitBreaker("conforming", config, clock=clock, random=Random(1))


class TestRetryPolicy(RetryPolicyConformance):
    version = "1.0"

    def make_retry_policy(self, clock: ClockProtocol) -> RetryPolicy:
        return retry(clock)


class TestCircuitBreaker(CircuitBreakerConformance):
    version = "1.0"

    def make_circuit_breaker(self, clock: ClockProtocol) -> CircuitBreaker:
        return breaker(clock)


class TestPipelineOfBoth(PipelineConformance):
    version = "1.0"

    def make_pipeline(self, clock: ClockProtocol) -> ResiliencePipeline:
        return ResiliencePipeline(retry=retry(clock), breaker=breaker(clock))


class TestPipelineOfARetry(PipelineConformance):
    version = "1.0"

    def make_pipeline(self, clock: ClockProtocol) -> ResiliencePipeline:
        return ResiliencePipeline(retry=retry(clock))


class TestPipelineOfABreaker(PipelineConformance):
    version = "1.0"

    def make_pipeline(self, clock: ClockProtocol) -> ResiliencePipeline:
        return ResiliencePipeline(breaker=breaker(clock))


@pytest.mark.parametrize("jitter", ["decorrelated", "full", "none"])
async def test_a_retry_conforms_whatever_its_jitter(
    jitter: Literal["decorrelated", "full", "none"],
) -> None:
    def make(clock: ClockProtocol) -> RetryPolicy:
        config = RetryConfig(max_attempts=3, jitter=jitter, budget=None)
        return RetryPolicy(config, clock=clock)

    await check_retry_policy(make, version="1.0")
