"""A pipeline goes on by another configuration, with what its policies know."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lexigram.contracts.resilience import (
    Call,
    CallTimeoutError,
    CircuitOpenError,
    RetryExhaustedError,
)
from lexigram.resilience import (
    AdaptiveConcurrencyConfig,
    AdaptiveThrottleConfig,
    BudgetConfig,
    BulkheadConfig,
    Chaos,
    ChaosConfig,
    CircuitBreakerConfig,
    CircuitState,
    Fallback,
    HedgeConfig,
    PipelineConfig,
    RateLimiterConfig,
    ResiliencePipeline,
    RetryBudget,
    RetryConfig,
    RetryPolicy,
    TimeoutsConfig,
)
from lexigram.resilience.events import Event, Events, ReloadFailed
from lexigram.testing import virtual_time

FULL = PipelineConfig(
    limiter=RateLimiterConfig(),
    bulkhead=BulkheadConfig(),
    hedge=HedgeConfig(),
    concurrency=AdaptiveConcurrencyConfig(),
    throttle=AdaptiveThrottleConfig(),
    chaos=ChaosConfig(),
)

OTHER = PipelineConfig(
    limiter=RateLimiterConfig(permits=7),
    bulkhead=BulkheadConfig(max_concurrent=7),
    timeouts=TimeoutsConfig(total=20, attempt=5),
    retry=RetryConfig(max_attempts=2, budget=BudgetConfig(ratio=0.3)),
    hedge=HedgeConfig(max_hedges=2),
    breaker=CircuitBreakerConfig(failure_rate=0.7),
    concurrency=AdaptiveConcurrencyConfig(max_limit=70),
    throttle=AdaptiveThrottleConfig(multiplier=3),
    chaos=ChaosConfig(enabled=True, environment="test", max_latency=1),
    strict=True,
)


async def fail() -> None:
    raise OSError("down")


async def succeed() -> None:
    await asyncio.sleep(0)


def test_policies_that_stay_are_the_same_and_go_by_what_is_new() -> None:
    fallback = Fallback.value(1)
    pipeline = ResiliencePipeline.from_config(FULL, fallback=fallback)
    before = pipeline.policies
    pipeline.reconfigure(OTHER)

    after = pipeline.policies
    assert pipeline.config == OTHER
    assert after.fallback is fallback
    replaced = {
        name
        for (name, old), (_, new) in zip(before.items(), after.items(), strict=True)
        if old is not new
    }
    # These know nothing; what the retry knows is its budget.
    assert replaced == {"timeouts", "retry"}
    assert before.retry is not None
    assert after.retry is not None
    assert after.retry.budget is before.retry.budget


def test_the_same_configuration_again_changes_nothing() -> None:
    pipeline = ResiliencePipeline.from_config(FULL)
    before = pipeline.policies
    pipeline.reconfigure(FULL.model_dump())
    assert pipeline.policies.retry is before.retry
    assert pipeline.policies.breaker is before.breaker
    assert pipeline.config == FULL


async def test_an_open_circuit_stays_open() -> None:
    config = PipelineConfig(breaker=CircuitBreakerConfig(consecutive_failures=1))
    pipeline = ResiliencePipeline.from_config(config)
    with pytest.raises(CircuitOpenError):
        await pipeline.execute(fail)
    pipeline.reconfigure({"breaker": {"consecutive_failures": 9}})
    with pytest.raises(CircuitOpenError):
        await pipeline.execute(fail)
    assert pipeline.policies.breaker is not None
    assert pipeline.policies.breaker.snapshot()[""].state is CircuitState.OPEN


def test_policies_come_and_go() -> None:
    pipeline = ResiliencePipeline(retry=RetryPolicy())
    pipeline.reconfigure(PipelineConfig(retry=None, bulkhead=BulkheadConfig()))
    assert pipeline.policies.names() == ["bulkhead", "timeouts", "breaker"]
    pipeline.reconfigure({"timeouts": None, "retry": {"budget": None}})
    assert pipeline.policies.names() == ["retry", "breaker"]


async def test_a_policy_that_left_and_comes_back_begins_from_nothing() -> None:
    pipeline = ResiliencePipeline.from_config()
    assert pipeline.policies.breaker is not None
    pipeline.policies.breaker.force_open()
    pipeline.reconfigure({"breaker": None})
    await pipeline.execute(succeed)
    pipeline.reconfigure({})
    await pipeline.execute(succeed)
    assert pipeline.policies.breaker.snapshot()[""].state is CircuitState.CLOSED


def budget_of(pipeline: ResiliencePipeline) -> RetryBudget | None:
    assert pipeline.policies.retry is not None
    return pipeline.policies.retry.budget


def test_a_budget_goes_on_while_there_is_one() -> None:
    config = PipelineConfig(retry=RetryConfig(budget=BudgetConfig(min_per_second=2)))
    pipeline = ResiliencePipeline.from_config(config)
    budget = budget_of(pipeline)
    assert budget is not None
    assert budget.withdraw()

    pipeline.reconfigure({"retry": {"budget": {"min_per_second": 3}}})
    assert budget_of(pipeline) is budget
    assert budget.balance() == pytest.approx(29)
    pipeline.reconfigure({"retry": {"budget": None}})
    assert budget_of(pipeline) is None
    pipeline.reconfigure({})
    assert budget_of(pipeline) not in {None, budget}


async def test_a_hedge_asks_the_breaker_and_the_budget_that_are_beside_it() -> None:
    hedged: dict[str, Any] = {"hedge": {"delay": 1.0}, "timeouts": None}
    pipeline = ResiliencePipeline.from_config(
        PipelineConfig(
            hedge=HedgeConfig(delay=1.0), timeouts=None, retry=None, breaker=None
        )
    )
    pipeline.reconfigure(hedged | {"breaker": {"consecutive_failures": 1}})
    policies = pipeline.policies
    assert policies.hedge is not None
    assert policies.retry is not None
    assert policies.hedge.budget is policies.retry.budget

    calls = 0

    async def slow() -> None:
        nonlocal calls
        calls += 1
        await asyncio.sleep(3)

    once = Call[None](repeatable=False)
    async with virtual_time():
        with pytest.raises(OSError, match="down"):
            await pipeline.execute(fail, once)
        await asyncio.sleep(30)
        await pipeline.execute(slow)
    assert calls == 1  # no hedge beside a probe

    pipeline.reconfigure(hedged | {"retry": None, "breaker": None})
    assert pipeline.policies.hedge is not None
    assert pipeline.policies.hedge.budget is not policies.retry.budget


async def test_calls_under_way_end_by_what_they_began_with() -> None:
    config = PipelineConfig(
        timeouts=TimeoutsConfig(total=20, attempt=5),
        retry=RetryConfig(base_delay=1, max_delay=1, jitter="none"),
        bulkhead=BulkheadConfig(max_concurrent=1),
    )
    attempts = 0

    async def hang() -> None:
        nonlocal attempts
        attempts += 1
        await asyncio.sleep(60)

    async with virtual_time() as clock:
        pipeline = ResiliencePipeline.from_config(config)
        task = asyncio.ensure_future(pipeline.execute(hang))
        await asyncio.sleep(1)
        bulkhead = pipeline.policies.bulkhead
        assert bulkhead is not None
        pipeline.reconfigure({"timeouts": {"total": 2, "attempt": 1}, "retry": None})
        with pytest.raises(RetryExhaustedError):
            await task
        assert (attempts, clock.elapsed) == (3, 17.0)
        # Though the bulkhead is gone, what was taken is given back.
        assert bulkhead.snapshot()[""].in_flight == 0

        with pytest.raises(CallTimeoutError):
            await pipeline.execute(hang)
        assert (attempts, clock.elapsed) == (4, 18.0)


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"retry": {"max_attempts": 0}}, "greater than or equal to 1"),
        ({"retyr": {}}, "retyr"),
        ({"hedge": {"delay": 10}}, "nothing is ever started beside"),
        (PipelineConfig(hedge=HedgeConfig(delay=10)), "nothing is ever started beside"),
        (
            OTHER.model_copy(
                update={
                    "chaos": ChaosConfig(
                        enabled=True, environment="test", fault_rate=0.5
                    )
                }
            ),
            "nothing to do at that rate",
        ),
    ],
)
@pytest.mark.parametrize("listening", [True, False])
def test_what_is_not_valid_is_refused_and_nothing_changes(
    config: Any,
    problem: str,
    listening: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    told: list[Event] = []
    events = Events([told.append] if listening else [])
    pipeline = ResiliencePipeline.from_config(FULL, name="orders", events=events)
    before = pipeline.policies
    with pytest.raises(ValueError, match=problem) as caught:
        pipeline.reconfigure(config)
    assert pipeline.policies is before
    assert pipeline.config == FULL
    expected = [ReloadFailed("orders", "", str(caught.value))]
    assert told == (expected if listening else [])


def test_a_chaos_that_is_new_and_cannot_do_anything_is_refused_as_well() -> None:
    pipeline = ResiliencePipeline.from_config()
    chaos = ChaosConfig(enabled=True, environment="test")
    with pytest.raises(ValueError, match="would disturb nothing"):
        pipeline.reconfigure(PipelineConfig(chaos=chaos, bulkhead=BulkheadConfig()))
    assert pipeline.config == PipelineConfig()


async def test_the_functions_of_a_chaos_stay() -> None:
    pipeline = ResiliencePipeline(chaos=Chaos(fault=ConnectionResetError))
    await pipeline.execute(succeed)
    pipeline.reconfigure(
        PipelineConfig(
            retry=None,
            chaos=ChaosConfig(enabled=True, environment="test", fault_rate=1),
        )
    )
    with pytest.raises(ConnectionResetError):
        await pipeline.execute(succeed)
