"""Time that is moved by hand."""

import asyncio
import threading

import pytest

from lexigram.testing import (
    DeadlockDetected,
    FakeHTTPClient,
    VirtualClock,
    virtual_time,
)


async def test_time_stands_still_until_it_is_advanced() -> None:
    async with virtual_time(autojump=False) as clock:
        task = asyncio.create_task(asyncio.sleep(5))
        await clock.settle()
        assert (clock.elapsed, clock.sleeps) == (0, [5])
        await clock.advance(4.999)
        assert not task.done()
        await clock.advance(0.001)
        assert task.done()
        assert clock.elapsed == 5


async def test_advancing_fires_each_timer_at_its_own_moment_in_order() -> None:
    seen: list[tuple[str, float]] = []
    async with virtual_time(autojump=False) as clock:

        async def tick(name: str, pause: float) -> None:
            while True:
                await asyncio.sleep(pause)
                seen.append((name, clock.elapsed))

        tasks = [asyncio.create_task(tick(n, p)) for n, p in (("a", 2), ("b", 3))]
        await clock.advance(5)
        for task in tasks:
            task.cancel()
    assert seen == [("a", 2), ("b", 3), ("a", 4)]


async def test_what_a_timer_causes_settles_before_the_next_one_fires() -> None:
    seen: list[str] = []
    async with virtual_time(autojump=False) as clock:

        async def chain() -> None:
            await asyncio.sleep(1)
            for step in range(20):
                seen.append(f"step {step}")
                await asyncio.sleep(0)

        task = asyncio.create_task(chain())
        await clock.settle()
        timer = asyncio.get_running_loop().call_later(1.001, seen.append, "next")
        await clock.advance(2)
        assert timer.when() < clock.monotonic()
        await task
    assert seen == [*(f"step {step}" for step in range(20)), "next"]


async def test_advancing_runs_what_can_run_before_time_passes() -> None:
    async with virtual_time(autojump=False) as clock:
        task = asyncio.create_task(asyncio.sleep(1))  # has not begun yet
        await clock.advance(1)
        assert task.done()


async def test_advancing_by_nothing_fires_what_is_due() -> None:
    async with virtual_time(autojump=False) as clock:
        fired = asyncio.Event()
        asyncio.get_running_loop().call_later(0, fired.set)
        await clock.advance(0)
        assert fired.is_set()
        assert clock.elapsed == 0


async def test_advancing_in_tenths_meets_a_timer_of_their_sum() -> None:
    async with virtual_time(autojump=False) as clock:
        task = asyncio.create_task(asyncio.sleep(0.3))
        for _ in range(3):
            assert not task.done()
            await clock.advance(0.1)
        assert task.done()


async def test_time_that_moves_by_itself_can_be_advanced_too() -> None:
    async with virtual_time() as clock:
        task = asyncio.create_task(asyncio.sleep(5))
        await clock.advance(4)
        assert (task.done(), clock.elapsed) == (False, 4)
        await clock.advance(1)
        assert (task.done(), clock.elapsed) == (True, 5)


async def test_settling_lets_no_time_pass() -> None:
    async with virtual_time() as clock:
        task = asyncio.create_task(asyncio.sleep(5))
        await clock.settle()
        await clock.settle()
        assert (task.done(), clock.elapsed) == (False, 0)
        task.cancel()


async def test_settling_waits_for_threads() -> None:
    release = threading.Event()
    async with virtual_time(autojump=False) as clock:
        task = asyncio.create_task(asyncio.to_thread(release.wait))
        threading.Timer(0.01, release.set).start()
        await clock.settle()
        assert task.done()


async def test_several_tasks_may_settle_at_once() -> None:
    async with virtual_time() as clock:
        timer = asyncio.create_task(asyncio.sleep(5))
        await asyncio.gather(*(clock.settle() for _ in range(3)))
        assert clock.elapsed == 0
        timer.cancel()


async def test_who_no_longer_settles_disturbs_nobody() -> None:
    async with virtual_time() as clock:
        gone = asyncio.create_task(clock.settle())
        await asyncio.sleep(0)
        gone.cancel()
        await clock.settle()
        assert gone.cancelled()


async def test_an_advance_that_is_cancelled_stops_time_where_it_is() -> None:
    async def give_up_after_four_seconds(clock: VirtualClock) -> None:
        task = asyncio.create_task(clock.advance(10))
        asyncio.get_running_loop().call_later(4, task.cancel)
        await asyncio.wait({task})
        assert task.cancelled()
        await asyncio.sleep(1)

    with pytest.raises(DeadlockDetected, match="The next timer is 1 s away"):
        async with virtual_time(autojump=False, deadlock_after=0.01) as clock:
            await give_up_after_four_seconds(clock)
    assert clock.elapsed == 4


@pytest.mark.parametrize("by", [-1, float("inf"), float("nan")])
async def test_time_goes_neither_back_nor_for_ever(by: float) -> None:
    async with virtual_time() as clock:
        with pytest.raises(ValueError, match=f"by={by!r} is no time"):
            await clock.advance(by)


async def test_each_retry_can_be_looked_at_before_the_next_one() -> None:
    async def call(client: FakeHTTPClient) -> None:
        for pause in (1, 2, 4):
            await client.get("https://api.test/v1")
            await asyncio.sleep(pause)

    async with virtual_time(autojump=False) as clock, FakeHTTPClient() as client:
        client.on.get("/v1").respond(503)
        task = asyncio.create_task(call(client))
        seen = []
        for pause in (0, 1, 2):
            await clock.advance(pause)
            seen.append((clock.elapsed, len(client.calls)))
        task.cancel()
        assert seen == [(0, 1), (1, 2), (3, 3)]
        assert clock.sleeps == [1, 2, 4]
