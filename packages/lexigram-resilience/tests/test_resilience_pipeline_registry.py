"""The pipelines of an application, by name."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random
from typing import TypeVar

import pytest

from lexigram.contracts.resilience import (
    Call,
    CallTimeoutError,
    CircuitBreakerProtocol,
    CircuitBreakerRegistryProtocol,
    ResiliencePipelineProtocol,
    RetryExhaustedError,
    RetryPolicyProtocol,
)
from lexigram.resilience import (
    BulkheadConfig,
    CircuitBreakerRegistry,
    OrderedPipeline,
    PipelineConfig,
    PipelineRegistry,
    ResilienceConfig,
    ResiliencePipeline,
    RetryConfig,
    RetryPolicy,
    TimeoutsConfig,
)
from lexigram.resilience.events import CallFinished, Event, Events
from lexigram.testing import virtual_time

T = TypeVar("T")


def registry(
    config: ResilienceConfig | None = None,
    *,
    breakers: CircuitBreakerRegistryProtocol | None = None,
    retry: RetryPolicyProtocol | None = None,
    events: Events | None = None,
) -> PipelineRegistry:
    return PipelineRegistry(
        config or ResilienceConfig(),
        breakers=breakers or CircuitBreakerRegistry(),
        retry=retry,
        random=Random(1),
        events=events,
    )


def ours(pipeline: ResiliencePipelineProtocol) -> ResiliencePipeline:
    assert isinstance(pipeline, ResiliencePipeline)
    return pipeline


class FourAtOnce:
    """A retry policy of somebody else's: four attempts and no wait."""

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        del call
        for _ in range(3):
            with suppress(Exception):
                return await operation()
        return await operation()


class Counting:
    """Breakers of somebody else's, which count attempts."""

    def __init__(self) -> None:
        self.attempts = 0

    def get(self, name: str) -> CircuitBreakerProtocol:
        del name
        return self

    async def call(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        del call
        self.attempts += 1
        return await operation()


async def hang() -> None:
    await asyncio.sleep(3600)


def test_a_name_is_one_pipeline_configured_by_its_section() -> None:
    retry = RetryConfig(max_attempts=2)
    partner = PipelineConfig(retry=retry, bulkhead=BulkheadConfig())
    pipelines = registry(ResilienceConfig(pipelines={"partner": partner}))
    assert pipelines.names() == ("partner", "default")
    assert pipelines.get("partner") is pipelines.get("partner")
    assert ours(pipelines.get("partner")).config == partner
    assert ours(pipelines.get("partner")).name == "partner"
    assert ours(pipelines.get()).config == PipelineConfig()
    assert ours(pipelines.get()).name == "default"


def test_an_unknown_name_is_an_error_with_the_nearest_known_one() -> None:
    pipelines = registry(ResilienceConfig(pipelines={"partner": PipelineConfig()}))
    with pytest.raises(LookupError) as caught:
        pipelines.get("partnre")
    assert str(caught.value) == (
        "There is no pipeline 'partnre'. Did you mean 'partner'? Configure it under "
        "`resilience: pipelines: partnre:`."
    )


def test_a_pipeline_whose_policies_exclude_each_other_is_refused_when_asked_for() -> (
    None
):
    wrong = PipelineConfig.model_validate({"hedge": {"delay": 10}})
    pipelines = registry(ResilienceConfig(pipelines={"wrong": wrong}))
    pipelines.get()
    with pytest.raises(ValueError, match="The pipeline 'wrong' cannot be made"):
        pipelines.get("wrong")


def test_a_given_retry_is_that_of_the_applications_own_pipeline_only() -> None:
    policy = RetryPolicy()
    config = ResilienceConfig(pipelines={"partner": PipelineConfig()})
    pipelines = registry(config, retry=policy)
    assert ours(pipelines.get()).policies.retry is policy
    assert ours(pipelines.get("partner")).policies.retry is not policy


def test_a_given_retry_is_not_used_where_none_is_configured() -> None:
    pipelines = registry(ResilienceConfig(retry=None), retry=FourAtOnce())
    assert ours(pipelines.get()).policies.retry is None


async def test_a_foreign_retry_repeats_in_the_place_of_ours() -> None:
    attempts = 0

    async def fail() -> None:
        nonlocal attempts
        attempts += 1
        raise OSError("down")

    breakers = CircuitBreakerRegistry()
    pipeline = registry(breakers=breakers, retry=FourAtOnce()).get()
    assert isinstance(pipeline, OrderedPipeline)
    with pytest.raises(OSError, match="down"):
        await pipeline.execute(fail)
    assert attempts == 4
    # Inside of it, where each attempt is a sample.
    assert breakers.snapshot()["default"][""].failures == 4


async def test_the_limits_of_time_hold_around_and_within_a_foreign_retry() -> None:
    config = ResilienceConfig(timeouts=TimeoutsConfig(total=25, attempt=10))
    pipeline = registry(config, retry=FourAtOnce()).get()
    async with virtual_time() as clock:
        with pytest.raises(CallTimeoutError) as caught:
            await pipeline.execute(hang)
        assert clock.elapsed == 25.0
    assert caught.value.phase == "total"


@pytest.mark.parametrize(
    ("timeouts", "seconds"),
    [
        (TimeoutsConfig(total=None, attempt=10), 40.0),
        (TimeoutsConfig(total=15, attempt=None), 15.0),
    ],
)
async def test_with_a_foreign_retry_either_limit_of_time_may_be_left_out(
    timeouts: TimeoutsConfig, seconds: float
) -> None:
    pipeline = registry(ResilienceConfig(timeouts=timeouts), retry=FourAtOnce()).get()
    async with virtual_time() as clock:
        with pytest.raises(CallTimeoutError):
            await pipeline.execute(hang)
        assert clock.elapsed == seconds


async def test_a_foreign_breaker_is_asked_for_each_attempt_of_our_retry() -> None:
    breakers = Counting()
    config = ResilienceConfig(timeouts=None)
    pipeline = registry(config, breakers=breakers).get()
    assert isinstance(pipeline, OrderedPipeline)

    async def fail() -> None:
        raise OSError

    async with virtual_time():
        with pytest.raises(RetryExhaustedError):
            await pipeline.execute(fail)
    assert breakers.attempts == 3


def test_without_a_breaker_in_the_configuration_none_is_asked_for() -> None:
    breakers = CircuitBreakerRegistry()
    registry(ResilienceConfig(breaker=None), breakers=breakers).get()
    assert breakers.names() == ()


async def test_all_of_them_tell_the_same_listeners() -> None:
    told: list[Event] = []
    config = ResilienceConfig(pipelines={"partner": PipelineConfig()})
    pipelines = registry(config, events=Events([told.append]))
    for name in pipelines.names():
        await pipelines.get(name).execute(lambda: asyncio.sleep(0))
    finished = [each.policy for each in told if isinstance(each, CallFinished)]
    assert finished == ["partner", "default"]
