"""The budget of a retry policy."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeAlias

import pytest

from lexigram.contracts.resilience import (
    Call,
    CallRejectedError,
    Judgement,
    RetryExhaustedError,
)
from lexigram.resilience import (
    BudgetConfig,
    ResiliencePipeline,
    RetryBudget,
    RetryConfig,
    RetryPolicy,
)
from lexigram.testing import virtual_time

Runner: TypeAlias = Callable[[Callable[[], Awaitable[str]], Call[str]], Awaitable[str]]

AGAIN = Judgement("failure", retryable=True, reason="503")


class Upstream:
    """Fails until it is told to be well, and counts how often it was asked."""

    def __init__(self) -> None:
        self.calls = 0
        self.is_well = False
        self.was_asked = asyncio.Event()

    async def __call__(self) -> str:
        self.calls += 1
        self.was_asked.set()
        if self.is_well:
            return "fine"
        raise ConnectionError(f"down at {self.calls}")


def policy_with(
    budget: BudgetConfig | None, *, attempts: int = 4, **options: float
) -> RetryPolicy:
    config = RetryConfig(max_attempts=attempts, budget=budget, **options)  # type: ignore[arg-type]  # floats all
    return RetryPolicy(config, random=Random(1))


def test_a_policy_has_a_budget_unless_told_not_to() -> None:
    assert RetryPolicy().budget is not None
    assert RetryPolicy().budget is not RetryPolicy().budget
    assert RetryPolicy(RetryConfig(budget=None)).budget is None
    shared = RetryBudget()
    assert RetryPolicy(RetryConfig(budget=None), budget=shared).budget is shared


async def test_trap_t15_an_outage_is_not_answered_with_a_multiple_of_the_load() -> None:
    upstream, policy = Upstream(), policy_with(BudgetConfig())

    async def one(number: int) -> None:
        await asyncio.sleep(number / 60)
        with pytest.raises(RetryExhaustedError):
            await policy.execute(upstream)

    async with virtual_time():
        await asyncio.gather(*map(one, range(600)))
    assert 1.2 * 600 < upstream.calls <= 1.25 * 600


async def test_without_a_budget_the_same_outage_is_four_times_the_load() -> None:
    upstream, policy = Upstream(), policy_with(None)
    async with virtual_time(), asyncio.TaskGroup() as group:
        for _ in range(100):
            group.create_task(expect_exhausted(policy, upstream))
    assert upstream.calls == 400


async def expect_exhausted(policy: RetryPolicy, upstream: Upstream) -> None:
    with pytest.raises(RetryExhaustedError):
        await policy.execute(upstream)


async def test_trap_t26_an_exhausted_budget_does_not_hide_what_failed() -> None:
    policy = policy_with(BudgetConfig(ratio=0, min_per_second=0))
    failure = ConnectionError("reset by peer")

    async def fail() -> None:
        raise failure

    with pytest.raises(
        RetryExhaustedError, match="retry budget is exhausted"
    ) as caught:
        await policy.execute(fail)
    assert caught.value.last is caught.value.__cause__ is failure
    assert caught.value.attempts == 1
    assert not hasattr(failure, "__notes__")


async def test_trap_t26_an_exhausted_budget_leaves_a_result_as_it_is() -> None:
    policy = policy_with(BudgetConfig(ratio=0, min_per_second=0))
    discarded: list[int] = []
    call = Call[int](judge=lambda *_: AGAIN, discard=discarded.append)

    async def answer() -> int:
        return 503

    assert await policy.execute(answer, call) == 503
    assert discarded == []


async def test_trap_t27_slow_calls_under_way_do_not_change_the_budget() -> None:
    upstream = Upstream()
    upstream.is_well = True
    policy = policy_with(BudgetConfig(ratio=0.5, min_per_second=0), base_delay=0)
    release = asyncio.Event()

    async def slow() -> None:
        await release.wait()

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(policy.execute(slow))
        await asyncio.sleep(0)
        assert policy.budget is not None
        before = policy.budget.balance()
        release.set()
    assert policy.budget.balance() == before == 2


async def test_the_budget_is_of_a_key() -> None:
    policy = policy_with(BudgetConfig(ratio=0, min_per_second=0.1), attempts=2)
    upstream = Upstream()
    async with virtual_time():
        for key in ("a", "a", "b"):
            with pytest.raises(RetryExhaustedError):
                await policy.execute(upstream, Call(key=key))
    assert upstream.calls == 2 + 1 + 2


async def test_calls_of_changing_keys_are_all_counted() -> None:
    upstream = Upstream()
    upstream.is_well = True
    policy = policy_with(BudgetConfig(ratio=1, min_per_second=0))
    async with virtual_time():
        for number in range(100):
            await policy.execute(upstream, Call(key="ab"[number % 2]))
            await policy.execute(upstream, Call(key="c"))
            await policy.execute(upstream, Call(key="c"))
        assert policy.budget is not None
        assert policy.budget.balances() == {"a": 50, "b": 50, "c": 200}


async def test_calls_without_a_key_are_counted_apart_from_those_with_one() -> None:
    upstream = Upstream()
    upstream.is_well = True
    policy = policy_with(BudgetConfig(ratio=1, min_per_second=0))
    async with virtual_time():
        for _ in range(20):
            for _ in range(20):
                await policy.execute(upstream, Call(key="a"))
            await policy.execute(upstream)
            await policy.execute(upstream, Call())
        assert policy.budget is not None
        assert policy.budget.balances() == {"a": 400, "": 40}


async def test_calls_made_in_loops_are_all_counted() -> None:
    policy = policy_with(BudgetConfig(ratio=1, min_per_second=0))
    async with virtual_time():
        for number in range(100):
            for key in ("ab"[number % 2], "c", "c"):
                call: Call[None] = Call(key=key)
                async for attempt in policy.attempts(call):
                    with attempt:
                        pass
        assert policy.budget is not None
        assert policy.budget.balances() == {"a": 50, "b": 50, "c": 200}


async def test_two_policies_may_share_a_budget() -> None:
    budget = RetryBudget(BudgetConfig(ratio=0, min_per_second=0.1))
    config = RetryConfig(max_attempts=2)
    upstream = Upstream()
    async with virtual_time():
        for policy in (
            RetryPolicy(config, budget=budget),
            RetryPolicy(config, budget=budget),
        ):
            with pytest.raises(RetryExhaustedError):
                await policy.execute(upstream)
    assert upstream.calls == 2 + 1


async def test_nothing_is_taken_out_for_an_attempt_that_something_else_forbids() -> (
    None
):
    policy = policy_with(BudgetConfig(ratio=0, min_per_second=1), attempts=2)
    assert policy.budget is not None
    upstream = Upstream()
    async with virtual_time() as clock:
        before = policy.budget.balance()
        with pytest.raises(RetryExhaustedError, match="the deadline of the call"):
            await policy.execute(upstream, Call(deadline=clock.monotonic()))
        assert policy.budget.balance() == before
        with pytest.raises(RetryExhaustedError, match="`max_attempts`"):
            await policy.execute(upstream)
        assert policy.budget.balance() == before - 1


@pytest.mark.parametrize("form", ["execute", "attempts"])
async def test_a_cancelled_wait_gives_its_attempt_back(form: str) -> None:
    policy = policy_with(BudgetConfig(ratio=0, min_per_second=0.1))
    assert policy.budget is not None
    upstream = Upstream()

    async def loop() -> None:
        async for attempt in policy.attempts():
            with attempt:
                await upstream()

    async with virtual_time():
        running = policy.execute(upstream) if form == "execute" else loop()
        task = asyncio.ensure_future(running)
        await upstream.was_asked.wait()
        assert policy.budget.balance() == 0
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert policy.budget.balance() == 1
    assert upstream.calls == 1


async def test_random_cancels_leave_the_budget_with_what_was_not_spent() -> None:
    random = Random(3)
    policy = policy_with(BudgetConfig(ratio=0, min_per_second=10), attempts=3)
    assert policy.budget is not None
    upstream = Upstream()
    async with virtual_time():
        before = policy.budget.balance()
        tasks = [asyncio.ensure_future(policy.execute(upstream)) for _ in range(60)]
        for task in random.sample(tasks, 40):
            await asyncio.sleep(random.uniform(0, 0.01))
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert policy.budget.balance() == before - (upstream.calls - 60)
    assert {type(each) for each in outcomes} == {
        RetryExhaustedError,
        asyncio.CancelledError,
    }


async def test_without_a_budget_nothing_is_given_back_to_one() -> None:
    policy, upstream = policy_with(None), Upstream()
    async with virtual_time():
        task = asyncio.ensure_future(policy.execute(upstream))
        await upstream.was_asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.fixture(params=["policy", "attempts", "pipeline"])
def run(request: pytest.FixtureRequest) -> Runner:
    """Return each way to run a call under a budget of two second attempts."""
    config = BudgetConfig(ratio=1, min_per_second=0.2, window=10.0)
    policy = policy_with(config, attempts=2, max_duration=60.0)
    if request.param == "policy":
        return policy.execute

    async def by_hand(operation: Callable[[], Awaitable[str]], call: Call[str]) -> str:
        async for attempt in policy.attempts(call):
            with attempt:
                return attempt.result(await operation())
        raise RuntimeError("There is no attempt.")

    pipeline = ResiliencePipeline(retry=policy)
    return by_hand if request.param == "attempts" else pipeline.execute


async def test_a_call_that_repeats_another_comes_out_of_the_budget(run: Runner) -> None:
    upstream, again = Upstream(), Call[str](key="a", repeats=True)
    upstream.is_well = True
    async with virtual_time():
        for _ in range(2):
            assert await run(upstream, again) == "fine"
        with pytest.raises(
            CallRejectedError, match="repetition was not made"
        ) as caught:
            await run(upstream, again)
        assert (upstream.calls, caught.value.key) == (2, "a")
        # It pays in nothing, a call of its own does.
        assert await run(upstream, Call(key="a")) == "fine"
        assert await run(upstream, again) == "fine"
        with pytest.raises(
            CallRejectedError, match="repetition of 'GET /feed' was not"
        ):
            await run(upstream, Call(key="a", operation="GET /feed", repeats=True))
    assert upstream.calls == 4


async def test_without_a_budget_a_call_that_repeats_another_is_like_any() -> None:
    upstream, policy = Upstream(), policy_with(None)
    upstream.is_well = True
    for _ in range(3):
        assert await policy.execute(upstream, Call(key="a", repeats=True)) == "fine"
