"""What a whole pipeline makes of an outage: how much it sends, and how it comes back."""

import asyncio
from collections import Counter
from random import Random
from typing import Any, Literal, TypeAlias

import pytest

from lexigram.contracts.resilience import Call, Judgement
from lexigram.resilience import (
    BudgetConfig,
    CircuitBreakerConfig,
    CircuitState,
    HedgeConfig,
    PipelineConfig,
    ResiliencePipeline,
    RetryConfig,
    TimeoutsConfig,
)
from lexigram.testing import virtual_time

Health: TypeAlias = Literal["well", "refuses", "answers 503", "hangs", "slow"]

CALLS = 600
MOST = 1.25
"""What an outage may multiply the load by: the ratio of 0.2, and the second attempts
that are allowed however few calls there are."""


class Upstream:
    """Is as well as it is said to be, and notes when it was asked."""

    def __init__(self, health: Health) -> None:
        self.health = health
        self.began: list[float] = []
        self._random = Random(4)

    async def __call__(self) -> int:
        self.began.append(asyncio.get_running_loop().time())
        match self.health:
            case "refuses":
                raise ConnectionError("refused")
            case "hangs":
                await asyncio.Event().wait()
            case "slow":
                await asyncio.sleep(self._random.uniform(3, 4))
            case _:
                await asyncio.sleep(0.02)
        return 503 if self.health == "answers 503" else 200


def judge(result: int | None, error: BaseException | None) -> Judgement:
    """Judge as a client does."""
    if isinstance(error, Exception):
        return Judgement("failure", retryable=True)
    if error is not None:
        return Judgement("neutral")
    return Judgement("failure" if result == 503 else "success", retryable=result == 503)


CALL: Call[int] = Call(key="https://api.test:443", judge=judge)


def standard(**sections: Any) -> ResiliencePipeline:
    """Return the standard pipeline, at four attempts."""
    parts: dict[str, Any] = {
        "retry": RetryConfig(max_attempts=4),
        "timeouts": TimeoutsConfig(total=30, attempt=5),
    }
    return ResiliencePipeline.from_config(
        PipelineConfig(**(parts | sections)), random=Random(15)
    )


async def send(
    pipeline: ResiliencePipeline, upstream: Upstream, calls: int, per_second: float
) -> "Counter[str]":
    """Make calls at a steady rate, and return what became of them."""
    outcomes: Counter[str] = Counter()

    async def one() -> None:
        try:
            status = await pipeline.execute(upstream, CALL)
        except Exception as error:  # noqa: BLE001 - counted by its kind
            outcomes[type(error).__name__] += 1
        else:
            outcomes[str(status)] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(calls):
            group.create_task(one())
            await asyncio.sleep(1 / per_second)
    return outcomes


def state_of(pipeline: ResiliencePipeline) -> CircuitState:
    assert pipeline.policies.breaker is not None
    return pipeline.policies.breaker.snapshot()[CALL.key].state


@pytest.mark.parametrize("hedge", [None, HedgeConfig(delay=1)], ids=["", "hedged"])
@pytest.mark.parametrize("health", ["refuses", "answers 503", "hangs"])
async def test_trap_t15_in_an_outage_the_budget_alone_bounds_the_load(
    health: Health, hedge: HedgeConfig | None
) -> None:
    pipeline, upstream = standard(breaker=None, hedge=hedge), Upstream(health)
    async with virtual_time():
        outcomes = await send(pipeline, upstream, CALLS, per_second=60)
    assert outcomes.total() == CALLS
    assert outcomes["200"] == 0
    # Not nothing either: the budget is there to be spent.
    assert 1.15 * CALLS < len(upstream.began) <= MOST * CALLS


@pytest.mark.parametrize("hedge", [None, HedgeConfig(delay=1)], ids=["", "hedged"])
@pytest.mark.parametrize("health", ["refuses", "answers 503", "hangs"])
async def test_trap_t15_in_an_outage_a_breaker_takes_the_load_away(
    health: Health, hedge: HedgeConfig | None
) -> None:
    pipeline, upstream = standard(hedge=hedge), Upstream(health)
    async with virtual_time():
        outcomes = await send(pipeline, upstream, CALLS, per_second=60)
    assert outcomes.total() == CALLS
    assert outcomes["CircuitOpenError"] > CALLS / 4
    assert state_of(pipeline) is CircuitState.OPEN
    if health != "hangs":  # what hangs is noticed after the first limit only
        assert len(upstream.began) < 0.1 * CALLS
    assert len(upstream.began) < CALLS


async def test_without_a_budget_and_a_breaker_the_same_outage_is_four_times_the_load() -> (
    None
):
    """What the others are measured against, so that they cannot pass by accident."""
    pipeline = standard(breaker=None, retry=RetryConfig(max_attempts=4, budget=None))
    upstream = Upstream("refuses")
    async with virtual_time():
        await send(pipeline, upstream, CALLS, per_second=60)
    assert len(upstream.began) == 4 * CALLS


@pytest.mark.parametrize("breaker", [None, CircuitBreakerConfig()], ids=["", "breaker"])
async def test_trap_t22_when_everything_is_slow_hedges_do_not_add_more_than_the_budget(
    breaker: CircuitBreakerConfig | None,
) -> None:
    pipeline = standard(breaker=breaker, hedge=HedgeConfig(delay=0.5, max_hedges=3))
    upstream = Upstream("slow")
    async with virtual_time():
        outcomes = await send(pipeline, upstream, CALLS, per_second=60)
    assert outcomes == {"200": CALLS}
    assert 1.15 * CALLS < len(upstream.began) <= MOST * CALLS


async def test_a_percentile_gets_used_to_slowness_and_hedges_become_few() -> None:
    pipeline = standard(breaker=None, hedge=HedgeConfig())
    upstream = Upstream("well")
    async with virtual_time():
        await send(pipeline, upstream, CALLS, per_second=60)
        upstream.health = "slow"
        before = len(upstream.began)
        await send(pipeline, upstream, CALLS, per_second=60)
        assert len(upstream.began) - before <= MOST * CALLS
        before = len(upstream.began)
        await send(pipeline, upstream, CALLS, per_second=60)
        assert len(upstream.began) - before < 1.1 * CALLS  # five in a hundred


@pytest.mark.parametrize("outage", ["refuses", "answers 503", "hangs"])
async def test_after_an_outage_all_is_as_before_and_nothing_comes_back_at_once(
    outage: Health,
) -> None:
    pipeline, upstream = standard(), Upstream("well")
    async with virtual_time() as clock:
        assert await send(pipeline, upstream, 100, per_second=60) == {"200": 100}
        upstream.health = outage
        await send(pipeline, upstream, CALLS, per_second=60)
        assert state_of(pipeline) is CircuitState.OPEN

        upstream.health, well = "well", clock.monotonic()
        outcomes = await send(pipeline, upstream, 3600, per_second=60)
        # Refused for what is left of the first wait, with nothing else lost.
        assert set(outcomes) == {"200", "CircuitOpenError"}
        assert outcomes["CircuitOpenError"] <= 30 * 60
        assert state_of(pipeline) is CircuitState.CLOSED

        seconds = Counter(int(at - well) for at in upstream.began if at >= well)
        assert max(seconds.values()) <= 61  # a call, an attempt
        last = await send(pipeline, upstream, 100, per_second=60)
        assert last == {"200": 100}


async def test_after_an_outage_the_budget_fills_again() -> None:
    pipeline = standard(
        breaker=None,
        retry=RetryConfig(
            max_attempts=4, budget=BudgetConfig(ratio=0.2, min_per_second=0)
        ),
    )
    upstream = Upstream("refuses")
    async with virtual_time():
        await send(pipeline, upstream, CALLS, per_second=60)
        retry = pipeline.policies.retry
        assert retry is not None
        assert retry.budget is not None
        assert retry.budget.balance(CALL.key) < 2
        upstream.health = "well"
        assert await send(pipeline, upstream, CALLS, per_second=60) == {"200": CALLS}
        assert retry.budget.balance(CALL.key) > 0.2 * CALLS * 0.8
