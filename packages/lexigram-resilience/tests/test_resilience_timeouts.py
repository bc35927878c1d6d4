"""Limits of time, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexigram.contracts.resilience import Call, CallTimeoutError
from lexigram.resilience import Timeouts, TimeoutsConfig
from lexigram.resilience._timing.timer import CallTimer
from lexigram.testing import virtual_time


def limit(total: float | None = None, attempt: float | None = None) -> Timeouts:
    return Timeouts(TimeoutsConfig(total=total, attempt=attempt))


def takes(seconds: float) -> Callable[[], Awaitable[str]]:
    async def operation() -> str:
        await asyncio.sleep(seconds)
        return "done"

    return operation


async def test_what_is_quick_enough_is_returned() -> None:
    async with virtual_time() as clock:
        assert await limit(total=2.0).execute(takes(1.5)) == "done"
        assert clock.elapsed == 1.5


@pytest.mark.parametrize(
    ("total", "attempt", "phase", "seconds", "text"),
    [
        (2.0, None, "total", 2.0, "The call, with all its attempts, took longer"),
        (None, 1.0, "attempt", 1.0, "The attempt took longer"),
        (2.0, 1.0, "attempt", 1.0, "The attempt took longer"),
        (2.0, 2.0, "total", 2.0, "The call, with all its attempts, took longer"),
    ],
)
async def test_what_takes_longer_is_ended_by_the_limit_that_comes_first(
    total: float | None, attempt: float | None, phase: str, seconds: float, text: str
) -> None:
    async with virtual_time() as clock:
        with pytest.raises(CallTimeoutError) as caught:
            await limit(total, attempt).execute(takes(60))
        assert clock.elapsed == seconds
    assert (caught.value.phase, caught.value.limit) == (phase, seconds)
    assert str(caught.value) == f"{text} than {seconds:g} s."


async def test_without_limits_nothing_is_ended() -> None:
    async with virtual_time() as clock:
        assert await limit().execute(takes(3600)) == "done"
        assert clock.elapsed == 3600


async def test_a_limit_that_is_caught_leaves_the_task_as_it_was() -> None:
    async with virtual_time():
        with suppress(CallTimeoutError):
            await limit(total=1.0).execute(takes(60))
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        await asyncio.sleep(1)


async def test_the_deadline_of_the_call_is_a_limit_too() -> None:
    async with virtual_time() as clock:
        call = Call[str](deadline=clock.monotonic() + 0.5)
        with pytest.raises(CallTimeoutError):
            await limit(total=2.0).execute(takes(60), call)
        assert clock.elapsed == 0.5
        with pytest.raises(CallTimeoutError) as caught:
            await limit().execute(takes(60), Call(deadline=clock.monotonic() - 1))
        assert clock.elapsed == 0.5
        assert (caught.value.phase, caught.value.limit) == ("total", 0)


async def test_a_later_deadline_makes_no_limit_longer() -> None:
    async with virtual_time() as clock:
        call = Call[str](deadline=clock.monotonic() + 9)
        with pytest.raises(CallTimeoutError):
            await limit(total=2.0).execute(takes(60), call)
        assert clock.elapsed == 2.0


async def test_a_call_within_a_call_ends_no_later() -> None:
    inner = limit(total=60.0)
    tasks: list[asyncio.Task[str]] = []

    async def outer() -> str:
        await asyncio.sleep(1)
        # In a task that the end of this one does not reach: it has to know by itself.
        tasks.append(asyncio.ensure_future(inner.execute(takes(60))))
        return await asyncio.shield(tasks[0])

    async with virtual_time() as clock:
        with pytest.raises(CallTimeoutError):
            await limit(total=2.0).execute(outer)
        with pytest.raises(CallTimeoutError) as caught:
            await tasks[0]
        assert clock.elapsed == 2.0
        assert caught.value.limit == pytest.approx(1.0)
        # What was inherited is gone with the call it came from.
        assert await inner.execute(takes(30)) == "done"


async def test_trap_t02_the_callers_cancellation_is_not_a_timeout() -> None:
    async with virtual_time() as clock:
        task = asyncio.create_task(limit(total=2.0).execute(takes(60)))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert clock.elapsed == 1


async def test_the_callers_cancellation_wins_over_a_limit_at_the_same_time() -> None:
    async with virtual_time():
        task = asyncio.create_task(limit(total=2.0).execute(takes(60)))
        asyncio.get_running_loop().call_later(2.0, task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_an_operation_that_turns_its_end_into_another_error_is_believed() -> None:
    async def operation() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise LookupError("half done") from None

    async with virtual_time():
        with pytest.raises(LookupError):
            await limit(total=1.0).execute(operation)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0


async def test_limits_within_asyncios_own_end_what_they_are_set_for() -> None:
    async with virtual_time() as clock:
        with pytest.raises(CallTimeoutError):
            async with asyncio.timeout(5):
                await limit(total=1.0).execute(takes(60))
        assert clock.elapsed == 1.0
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(1):
                await limit(total=5.0).execute(takes(60))
        assert not isinstance(caught.value, CallTimeoutError)
        assert clock.elapsed == 2.0


async def test_trap_t20_each_call_has_a_limit_of_its_own() -> None:
    shared = limit(total=1.0)
    async with virtual_time() as clock:
        outcomes = await asyncio.gather(
            *(shared.execute(takes(60)) for _ in range(3)), return_exceptions=True
        )
        assert clock.elapsed == 1.0
    assert [type(outcome) for outcome in outcomes] == [CallTimeoutError] * 3


async def test_one_timer_serves_every_attempt_and_the_time_between() -> None:
    ends: list[float] = []
    async with virtual_time() as clock:
        timer = CallTimer(5.0, 2.0)
        try:
            for _ in range(2):
                timer.begin_attempt()
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    error = timer.claim()
                    assert error is not None
                    ends.append(clock.elapsed)
                timer.end_attempt()
                await asyncio.sleep(0.25)
            with pytest.raises(asyncio.CancelledError):
                await asyncio.sleep(60)
            error = timer.claim()
            assert error is not None
            assert (error.phase, clock.elapsed, ends) == ("total", 5.0, [2.0, 4.25])
        finally:
            timer.stop()


async def test_the_time_between_attempts_has_no_limit_of_its_own() -> None:
    async with virtual_time() as clock:
        timer = CallTimer(None, 1.0)
        for _ in range(2):
            timer.begin_attempt()
            timer.end_attempt()
            await asyncio.sleep(5)
        timer.stop()
        assert clock.elapsed == 10


async def test_a_timer_needs_a_task() -> None:
    failures: list[Exception] = []

    def callback() -> None:
        try:
            CallTimer(1.0, None)
        except RuntimeError as error:
            failures.append(error)

    asyncio.get_running_loop().call_soon(callback)
    await asyncio.sleep(0)
    assert str(failures[0]) == "A limit of time needs a task: it ends by cancelling it."


def test_an_attempt_longer_than_the_whole_is_refused() -> None:
    with pytest.raises(ValueError, match="`attempt` 5.0 is longer than `total` 2.0"):
        TimeoutsConfig(total=2.0, attempt=5.0)


def test_its_repr_shows_the_limits() -> None:
    assert repr(limit(total=2.0, attempt=1.0)) == (
        "<Timeouts TimeoutsConfig(total=2.0, attempt=1.0)>"
    )
    assert limit(total=2.0).config.total == 2.0


@settings(max_examples=100, deadline=None)
@given(
    total=st.none() | st.integers(1, 20),
    attempts=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), max_size=6),
    each=st.none() | st.integers(1, 8),
)
def test_limits_end_attempts_when_a_model_says_so(
    total: int | None, attempts: list[tuple[int, int]], each: int | None
) -> None:
    async def run() -> list[tuple[float, str]]:
        seen: list[tuple[float, str]] = []
        async with virtual_time() as clock:
            timer = CallTimer(total, each)
            try:
                for work, pause in attempts:
                    timer.begin_attempt()
                    await asyncio.sleep(work + 0.5)
                    timer.end_attempt()
                    seen.append((clock.elapsed, "done"))
                    await asyncio.sleep(pause)
            except asyncio.CancelledError:
                error = timer.claim()
                assert error is not None
                seen.append((clock.elapsed, error.phase))
            finally:
                timer.stop()
        return seen

    def model() -> list[tuple[float, str]]:
        now, seen = 0.0, []
        end = float("inf") if total is None else total
        for work, pause in attempts:
            own = float("inf") if each is None else now + each
            done = now + work + 0.5
            if min(end, own) <= done:
                seen.append((min(end, own), "total" if end <= own else "attempt"))
                return seen
            seen.append((done, "done"))
            now = done + pause
            if pause and end <= now:
                seen.append((end, "total"))
                return seen
        return seen

    assert asyncio.run(run()) == model()
