"""Nothing is lost in a pipeline of everything, whatever is cancelled and whenever."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random
from typing import Literal, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from lexigram.contracts.resilience import (
    Call,
    CallRejectedError,
    CallTimeoutError,
    Judgement,
    RetryExhaustedError,
)
from lexigram.resilience import (
    AdaptiveConcurrencyConfig,
    AdaptiveThrottleConfig,
    BudgetConfig,
    BulkheadConfig,
    CircuitBreakerConfig,
    CircuitState,
    HedgeConfig,
    PipelineConfig,
    RateLimiterConfig,
    ResiliencePipeline,
    RetryConfig,
    TimeoutsConfig,
)
from lexigram.resilience.events import AttemptFinished, CallFinished, Event, Events
from lexigram.testing import virtual_time

PLACES = 3

EVERYTHING = PipelineConfig(
    limiter=RateLimiterConfig(permits=4, per=1, max_wait=3),
    bulkhead=BulkheadConfig(max_concurrent=PLACES, max_queue=4, queue_timeout=6),
    timeouts=TimeoutsConfig(total=12, attempt=4),
    retry=RetryConfig(
        base_delay=0.5, max_delay=2, budget=BudgetConfig(min_per_second=0.5)
    ),
    hedge=HedgeConfig(delay=1.0),
    breaker=CircuitBreakerConfig(
        consecutive_failures=4, open_duration=3, half_open_max_wait=5
    ),
    concurrency=AdaptiveConcurrencyConfig(initial_limit=5, max_limit=5),
    throttle=AdaptiveThrottleConfig(),
)

Kind: TypeAlias = Literal["good", "bad", "error", "hang", "stubborn"]
Step: TypeAlias = tuple[Literal["call", "cancel", "wait"], int]

STEPS = st.lists(
    st.tuples(
        st.sampled_from(("call", "call", "cancel", "wait")), st.integers(0, 1000)
    ),
    max_size=40,
)
KINDS = st.lists(
    st.sampled_from(("good", "bad", "error", "hang", "stubborn")),
    min_size=1,
    max_size=12,
)


@dataclass
class Result:
    """What an attempt gave."""

    good: bool


class World:
    """Calls through one pipeline to an upstream that does whatever comes next."""

    def __init__(self, kinds: list[Kind], seed: int) -> None:
        self._kinds = kinds
        self._asked = 0
        self.under_way = 0
        self.made: list[Result] = []
        self.returned: list[Result] = []
        self.discarded: list[Result] = []
        self.raised: list[BaseException] = []
        self.told: list[Event] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.pipeline = ResiliencePipeline.from_config(
            EVERYTHING,
            random=Random(seed),
            events=Events([self.told.append]),
        )
        self.call = Call(judge=judge, discard=self.discarded.append)

    async def attempt(self) -> Result:
        kind = self._kinds[self._asked % len(self._kinds)]
        self._asked += 1
        self.under_way += 1
        # A race of two for each place, at most.
        assert self.under_way <= PLACES * 2
        try:
            await asyncio.sleep(60 if kind == "hang" else 1.5)
        except asyncio.CancelledError:
            if kind != "stubborn":
                raise
        finally:
            self.under_way -= 1
        if kind == "error":
            raise ConnectionError
        self.made.append(result := Result(kind != "bad"))
        return result

    async def one_call(self) -> None:
        try:
            self.returned.append(await self.pipeline.execute(self.attempt, self.call))
        except (CallRejectedError, CallTimeoutError, ConnectionError) as error:
            self.raised.append(error)
        except RetryExhaustedError as error:
            self.raised.append(error.last)

    async def take(self, step: Step) -> None:
        kind, number = step
        if kind == "call":
            self.tasks.append(asyncio.ensure_future(self.one_call()))
        elif kind == "cancel" and self.tasks:
            self.tasks[number % len(self.tasks)].cancel()
        else:
            await asyncio.sleep(number / 400)

    async def settle(self, *, cancel: bool) -> None:
        for task in self.tasks if cancel else ():
            task.cancel()
        for outcome in await asyncio.gather(*self.tasks, return_exceptions=True):
            assert outcome is None or isinstance(outcome, asyncio.CancelledError)


def judge(result: Result | None, error: BaseException | None) -> Judgement:
    if result is not None and result.good:
        return Judgement("success")
    strange = error is not None and not isinstance(error, Exception)
    return Judgement("neutral") if strange else Judgement("failure", retryable=True)


@settings(deadline=None, max_examples=200)
@given(STEPS, KINDS, st.integers(0, 9), st.booleans())
async def test_random_cancels_leave_nothing_behind(
    steps: list[Step],
    kinds: list[Kind],
    seed: int,
    cancel: bool,  # noqa: FBT001 - drawn
) -> None:
    async with virtual_time():
        world = World(kinds, seed)
        for step in steps:
            await world.take(step)
        await world.settle(cancel=cancel)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        check_nothing_is_lost(world)
        await check_a_healthy_upstream_is_served(world)


def check_nothing_is_lost(world: World) -> None:
    policies = world.pipeline.policies
    assert policies.bulkhead is not None
    assert policies.concurrency is not None
    assert policies.breaker is not None
    assert policies.retry is not None
    assert policies.retry.budget is not None
    assert world.under_way == 0
    assert all(
        (each.in_flight, each.queued) == (0, 0)
        for each in policies.bulkhead.snapshot().values()
    )
    assert all(each.in_flight == 0 for each in policies.concurrency.snapshot().values())
    assert all(each.probes == 0 for each in policies.breaker.snapshot().values())
    # What was taken out for calls that count no more may be more than there is now.
    least = -policies.retry.budget.config.ratio * len(world.tasks)
    balances = policies.retry.budget.balances().values()
    assert all(left >= least - 1e-9 for left in balances)
    gone = [*world.returned, *world.discarded]
    assert sorted(map(id, gone)) == sorted(map(id, world.made))
    attempts = [each for each in world.told if isinstance(each, AttemptFinished)]
    assert len(attempts) >= len(world.made)
    finished = [each for each in world.told if isinstance(each, CallFinished)]
    # One that was cancelled before it began is not told of.
    ended = len(world.returned) + len(world.raised)
    assert ended <= len(finished) <= len(world.tasks)


async def check_a_healthy_upstream_is_served(world: World) -> None:
    async def healthy() -> Result:
        return Result(good=True)

    breaker = world.pipeline.policies.breaker
    assert breaker is not None
    # Longer than any circuit stays open, and than the throttle remembers.
    await asyncio.sleep(600)
    for _ in range(3):
        assert (await world.pipeline.execute(healthy, world.call)).good
    assert breaker.snapshot()[""].state is CircuitState.CLOSED
