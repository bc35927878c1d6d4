"""Adaptive concurrency, as its callers see it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import (
    Call,
    CircuitOpenError,
    ConcurrencyLimitedError,
    Judgement,
    Outcome,
)
from lexigram.resilience._adaptive.concurrency import (
    AdaptiveConcurrency,
    ConcurrencySnapshot,
)
from lexigram.resilience._config.concurrency import AdaptiveConcurrencyConfig
from lexigram.resilience.events import CallRefused, Event, Events, LimitChanged
from lexigram.testing import virtual_time


def concurrency(initial: int = 2, **more: object) -> AdaptiveConcurrency:
    config = {"initial_limit": initial, **more}
    return AdaptiveConcurrency(
        AdaptiveConcurrencyConfig.model_validate(config), name="db"
    )


def learning() -> AdaptiveConcurrency:
    """Return one that draws a conclusion from each call."""
    return concurrency(2, min_samples=1, window=0.5)


async def nap(seconds: float = 1.0) -> str:
    await asyncio.sleep(seconds)
    return "rested"


async def fail() -> NoReturn:
    await asyncio.sleep(1.0)
    raise OSError("down")


def judged(outcome: Outcome, key: str = "") -> Call[str]:
    return Call(key=key, judge=lambda _result, _error: Judgement(outcome))


async def test_results_and_exceptions_pass_through() -> None:
    subject = AdaptiveConcurrency()
    failure = LookupError("gone")

    async def raise_it() -> NoReturn:
        raise failure

    assert await subject.execute(lambda: nap(0)) == "rested"
    with pytest.raises(LookupError) as caught:
        await subject.execute(raise_it)
    assert caught.value is failure
    assert subject.snapshot()[""].in_flight == 0


async def test_a_call_beyond_the_limit_is_refused_at_once() -> None:
    subject = concurrency(2)
    asked: list[str] = []

    async def ask() -> None:
        asked.append("asked")

    async with virtual_time() as clock:
        tasks = [asyncio.create_task(subject.execute(nap)) for _ in range(2)]
        await clock.settle()
        with pytest.raises(ConcurrencyLimitedError) as caught:
            await subject.execute(ask)
        assert clock.elapsed == 0
        await asyncio.gather(*tasks)
    assert asked == []
    assert caught.value.key == ""
    assert caught.value.retry_after is None
    assert str(caught.value) == (
        "The limit 'db' has 2 calls to '' under way, and found the upstream to bear 2 "
        "at once. Send less, or try again when some have come back."
    )
    await subject.execute(ask)


async def test_keys_have_limits_of_their_own() -> None:
    subject = concurrency(1)
    async with virtual_time():
        await asyncio.gather(
            *(subject.execute(nap, Call(key=key)) for key in ("a", "b"))
        )
    assert set(subject.snapshot()) == {"a", "b"}


async def test_a_success_counts_by_its_latency() -> None:
    subject = learning()
    async with virtual_time():
        await subject.execute(nap)
    assert subject.snapshot() == {"": ConcurrencySnapshot(3, 0, 1.0, measuring=False)}


async def test_a_failure_counts_as_overload() -> None:
    subject = learning()
    async with virtual_time():
        with pytest.raises(OSError, match="down"):
            await subject.execute(fail)
    assert subject.snapshot() == {"": ConcurrencySnapshot(1, 0, None, measuring=False)}


@pytest.mark.parametrize(("outcome", "limit"), [("success", 3), ("failure", 1)])
async def test_the_judge_says_what_a_result_counts_as(
    outcome: Outcome, limit: int
) -> None:
    subject = learning()
    async with virtual_time():
        assert await subject.execute(nap, judged(outcome)) == "rested"
    assert subject.snapshot()[""].limit == limit


@pytest.mark.parametrize(("outcome", "limit"), [("success", 3), ("failure", 1)])
async def test_the_judge_says_what_an_exception_counts_as(
    outcome: Outcome, limit: int
) -> None:
    subject = learning()
    async with virtual_time():
        with pytest.raises(OSError, match="down"):
            await subject.execute(fail, judged(outcome))
    assert subject.snapshot()[""].limit == limit


@pytest.mark.parametrize("operation", [nap, fail])
async def test_a_neutral_outcome_does_not_count(
    operation: Callable[[], Awaitable[str]],
) -> None:
    subject = learning()
    async with virtual_time():
        await asyncio.gather(
            subject.execute(operation, judged("neutral")),
            return_exceptions=True,
        )
    assert subject.snapshot() == {"": ConcurrencySnapshot(2, 0, None, measuring=False)}


async def test_trap_t02_a_cancelled_call_counts_for_nothing_and_leaves_at_once() -> (
    None
):
    subject = learning()
    async with virtual_time() as clock:
        task = asyncio.create_task(subject.execute(lambda: nap(60)))
        await clock.advance(30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert clock.elapsed == 30
    assert subject.snapshot() == {"": ConcurrencySnapshot(2, 0, None, measuring=False)}


async def test_trap_t02_the_policy_s_own_kind_of_timeout_is_a_failure() -> None:
    subject = learning()

    async def time_out() -> None:
        async with asyncio.timeout(1.0):
            await nap(60)

    async with virtual_time():
        with pytest.raises(TimeoutError):
            await subject.execute(time_out)
    assert subject.snapshot()[""].limit == 1


async def test_a_refusal_by_a_policy_inside_counts_for_nothing() -> None:
    subject = learning()

    async def refuse() -> NoReturn:
        await asyncio.sleep(1.0)
        raise CircuitOpenError("Open.")

    async with virtual_time():
        with pytest.raises(CircuitOpenError):
            await subject.execute(refuse, judged("failure"))
    assert subject.snapshot() == {"": ConcurrencySnapshot(2, 0, None, measuring=False)}


async def test_an_operation_that_cannot_even_begin_gives_its_place_back() -> None:
    subject = concurrency(1)

    def break_down() -> NoReturn:
        raise LookupError("no such table")

    for _ in range(2):
        with pytest.raises(LookupError):
            await subject.execute(break_down)


async def test_refusals_and_changes_are_told() -> None:
    told: list[Event] = []
    subject = AdaptiveConcurrency(
        AdaptiveConcurrencyConfig(initial_limit=2, min_samples=1),
        name="db",
        events=Events([told.append]),
    )
    async with virtual_time() as clock:
        call = Call[str](key="k")
        tasks = [
            asyncio.create_task(subject.execute(partial(nap, s), call))
            for s in (1.0, 1.5)
        ]
        await clock.settle()
        with pytest.raises(ConcurrencyLimitedError):
            await subject.execute(nap, call)
        await asyncio.gather(*tasks)
    assert told == [
        CallRefused("db", "k", "concurrency"),
        LimitChanged("db", "k", limit=3, in_flight=1),
    ]


async def test_it_runs_on_the_clock_that_it_is_given() -> None:
    class Clock(ClockProtocol):
        now = 50.0

        def monotonic(self) -> float:
            self.now += 2.0
            return self.now

        async def sleep(self, seconds: float) -> None:
            pytest.fail(f"It waited for {seconds} s.")

    config = AdaptiveConcurrencyConfig(min_samples=1)
    subject = AdaptiveConcurrency(config, clock=Clock())
    await subject.execute(lambda: nap(0))
    assert subject.snapshot()[""].usual_latency == 2.0


async def test_another_configuration_keeps_what_was_learned() -> None:
    subject = learning()
    async with virtual_time():
        await subject.execute(nap)
    config = AdaptiveConcurrencyConfig(initial_limit=7, min_limit=5)
    subject.reconfigure(config)
    assert subject.config is config
    assert subject.snapshot() == {"": ConcurrencySnapshot(5, 0, 1.0, measuring=False)}
    async with virtual_time():
        await subject.execute(nap, Call(key="new"))
    assert subject.snapshot()["new"].limit == 7


def test_a_configuration_that_is_not_valid_is_refused_and_told() -> None:
    told: list[Event] = []
    subject = AdaptiveConcurrency(name="db", events=Events([told.append]))
    subject.reconfigure({"max_limit": 50})
    assert subject.config == AdaptiveConcurrencyConfig(max_limit=50)
    with pytest.raises(ValidationError, match="max_limit"):
        subject.reconfigure({"max_limit": 0})
    assert subject.config.max_limit == 50
    assert [(event.name, event.policy) for event in told] == [("reload.failed", "db")]


async def test_as_many_keys_are_kept_as_configured() -> None:
    subject = concurrency(max_keys=2)
    for key in "abc":
        await subject.execute(lambda: nap(0), Call(key=key))
    assert list(subject.snapshot()) == ["b", "c"]
    subject.reconfigure(AdaptiveConcurrencyConfig(initial_limit=2, max_keys=1))
    await subject.execute(lambda: nap(0), Call(key="d"))
    assert list(subject.snapshot()) == ["d"]


async def test_a_key_with_somebody_inside_is_not_forgotten() -> None:
    subject = concurrency(1, max_keys=1)
    async with virtual_time() as clock:
        tasks = [
            asyncio.create_task(subject.execute(nap, Call(key=key))) for key in "ab"
        ]
        await clock.settle()
        with pytest.raises(ConcurrencyLimitedError):
            await subject.execute(nap, Call(key="a"))
        await asyncio.gather(*tasks)


async def test_a_pipeline_gets_the_limit_that_calls_use() -> None:
    subject = concurrency(1)
    assert subject.limit("k").try_acquire(0.0)
    with pytest.raises(ConcurrencyLimitedError):
        await subject.execute(nap, Call(key="k"))


def test_its_repr_shows_the_numbers() -> None:
    subject = concurrency()
    subject.limit("a").try_acquire(0.0)
    subject.limit("b")
    assert repr(subject) == "<AdaptiveConcurrency 'db': 1 under way, 2 keys>"
    assert repr(AdaptiveConcurrency()) == (
        "<AdaptiveConcurrency 'concurrency': 0 under way, 0 keys>"
    )


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(), size=st.integers(1, 40))
def test_whoever_is_cancelled_all_places_are_there_at_the_end(
    seed: int, size: int
) -> None:
    random = Random(seed)
    inside = 0

    async def work(subject: AdaptiveConcurrency, seconds: float) -> None:
        nonlocal inside
        inside += 1
        try:
            assert subject.snapshot()[""].in_flight == inside
            await asyncio.sleep(seconds)
            if random.random() < 0.2:
                raise OSError("down")
        finally:
            inside -= 1

    async def run() -> None:
        subject = concurrency(3, min_samples=2, window=0.5)
        async with virtual_time():
            tasks: list[asyncio.Task[None]] = []
            for _ in range(size):
                seconds = random.choice([0.0, 0.5, 1.0])
                tasks.append(
                    asyncio.create_task(
                        subject.execute(partial(work, subject, seconds))
                    )
                )
                await asyncio.sleep(random.choice([0.0, 0.0, 0.25]))
                if random.random() < 0.5:
                    random.choice(tasks).cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        expected = (OSError, ConcurrencyLimitedError, asyncio.CancelledError)
        assert all(each is None or isinstance(each, expected) for each in outcomes)
        if subject.snapshot():
            assert subject.snapshot()[""].in_flight == 0

    asyncio.run(run())
    assert inside == 0
