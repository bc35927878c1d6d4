"""Virtual time in a running loop: what moves it, what holds it, what is left after."""

import asyncio
import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.testing import virtual_time

START = datetime(2030, 1, 1, tzinfo=UTC)


async def test_thirty_seconds_of_sleep_pass_at_once_and_exactly() -> None:
    async with virtual_time() as clock:
        before = asyncio.get_running_loop().time()
        await asyncio.sleep(30)
        assert asyncio.get_running_loop().time() - before == 30
        assert clock.elapsed == 30


async def test_time_begins_at_a_whole_second_so_that_rounding_it_up_is_exact() -> None:
    async with virtual_time() as clock:
        assert clock.monotonic().is_integer()


async def test_tenths_add_up_without_drift() -> None:
    async with virtual_time() as clock:
        for _ in range(10):
            await asyncio.sleep(0.1)
        assert clock.elapsed == 1.0


async def test_time_does_not_pass_while_a_task_can_run() -> None:
    async with virtual_time() as clock:
        timer = asyncio.create_task(asyncio.sleep(1))
        for _ in range(1000):
            await asyncio.sleep(0)
        assert clock.elapsed == 0
        await timer
        assert clock.elapsed == 1


async def test_a_timeout_fires_at_its_moment_and_leaves_no_sleep() -> None:
    async with virtual_time() as clock:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.Event().wait()
        assert (clock.elapsed, clock.sleeps) == (30, [])


async def test_wait_for_and_wait_give_up_at_their_moment() -> None:
    async with virtual_time() as clock:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 2.5)
        task = asyncio.create_task(asyncio.Event().wait())
        assert await asyncio.wait([task], timeout=1.5) == (set(), {task})
        task.cancel()
        assert (clock.elapsed, clock.sleeps) == (4, [])


async def test_sleep_and_timeout_at_one_moment_both_happen_at_it() -> None:
    async with virtual_time() as clock:
        async with asyncio.timeout(1.000001):
            await asyncio.sleep(1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await asyncio.sleep(1.000001)
        assert clock.elapsed == 2


async def test_timers_fire_in_the_order_of_their_times() -> None:
    loop = asyncio.get_running_loop()
    fired: list[tuple[str, float]] = []
    async with virtual_time() as clock:
        start = loop.time()
        loop.call_later(3, lambda: fired.append(("later", clock.elapsed)))
        loop.call_at(start + 2, lambda: fired.append(("at", clock.elapsed)))
        loop.call_later(0, lambda: fired.append(("now", clock.elapsed)))
        await asyncio.sleep(4)
    assert fired == [("now", 0), ("at", 2), ("later", 3)]


async def test_a_cancelled_timer_is_no_moment() -> None:
    loop = asyncio.get_running_loop()
    async with virtual_time() as clock:
        seen: list[float] = []
        first = loop.call_later(1, seen.append, 1.0)
        loop.call_later(2, lambda: seen.append(clock.elapsed))
        first.cancel()
        await asyncio.sleep(3)
        assert seen == [2]


async def test_many_cancelled_timers_are_no_moments_either() -> None:
    loop = asyncio.get_running_loop()
    async with virtual_time() as clock:
        for number in range(500):
            loop.call_later(number / 1000, int).cancel()
        await asyncio.sleep(1)
        assert clock.elapsed == 1


async def test_sleeps_of_any_task_are_seen_in_the_order_of_their_beginning() -> None:
    async with virtual_time() as clock:
        async with asyncio.TaskGroup() as group:
            group.create_task(SystemClock().sleep(2))
            group.create_task(clock.sleep(1))
        await asyncio.sleep(0)
        await asyncio.sleep(-1)
        task = asyncio.create_task(asyncio.sleep(60))
        await clock.advance(1)
        task.cancel()
        assert clock.sleeps == [2, 1, 60]


async def test_letting_time_pass_by_hand_is_no_sleep() -> None:
    async with virtual_time() as clock:
        await clock.advance(5)
        asyncio.get_running_loop().call_later(5, int)
        assert (clock.elapsed, clock.sleeps) == (5, [])


async def test_work_in_a_thread_takes_no_virtual_time() -> None:
    release = threading.Event()
    async with virtual_time() as clock:
        asyncio.get_running_loop().call_later(0.001, int)
        loop = asyncio.get_running_loop()
        work = asyncio.create_task(asyncio.to_thread(release.wait))
        await asyncio.sleep(0)
        # From outside of the loop, once it has had every chance to jump.
        threading.Timer(0.02, release.set).start()
        async with asyncio.timeout(30):
            assert await work
        assert clock.elapsed == 0
        assert await loop.getaddrinfo("localhost", 80)
        assert clock.elapsed == 0


async def test_an_abandoned_thread_holds_time_no_longer() -> None:
    release = threading.Event()
    async with virtual_time() as clock:
        work = asyncio.create_task(asyncio.to_thread(release.wait))
        await asyncio.sleep(0)
        work.cancel()
        await asyncio.sleep(5)
        assert clock.elapsed == 5
        release.set()


async def test_a_registered_peer_holds_time_until_it_has_answered() -> None:
    loop = asyncio.get_running_loop()
    answer = loop.create_future()
    async with virtual_time() as clock:
        with clock.register_external():
            peer = threading.Timer(
                0.02, loop.call_soon_threadsafe, [answer.set_result, "here"]
            )
            peer.start()
            assert await asyncio.wait_for(answer, 30) == "here"
        assert clock.elapsed == 0
        await asyncio.sleep(1)
        assert clock.elapsed == 1
        peer.join()


async def test_the_time_of_day_moves_along() -> None:
    async with virtual_time(start=START) as clock:
        await asyncio.sleep(90)
        assert clock.now() == START + timedelta(seconds=90)


async def test_the_time_of_day_is_the_real_one_unless_said() -> None:
    async with virtual_time() as clock:
        assert abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=1)
        assert clock.now().tzinfo is UTC


async def test_a_moment_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        async with virtual_time(start=datetime(2030, 1, 1)):  # noqa: DTZ001
            pass


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan")])
async def test_a_deadlock_needs_some_time_to_be_one(seconds: float) -> None:
    with pytest.raises(ValueError, match=f"deadlock_after={seconds!r}"):
        async with virtual_time(deadlock_after=seconds):
            pass


async def test_the_clock_is_one_for_whatever_takes_a_clock() -> None:
    async with virtual_time() as clock:
        assert isinstance(clock, ClockProtocol)
        before = clock.monotonic()
        await clock.sleep(7)
        assert clock.monotonic() - before == 7
        assert SystemClock().monotonic() == clock.monotonic()


async def test_the_clock_shows_where_it_stands() -> None:
    async with virtual_time() as clock:
        await asyncio.sleep(1.5)
        assert repr(clock) == "VirtualClock(elapsed=1.5)"
    async with virtual_time(autojump=False) as clock:
        assert repr(clock) == "VirtualClock(elapsed=0, autojump=False)"


async def test_real_time_goes_on_from_where_virtual_time_was() -> None:
    loop = asyncio.get_running_loop()
    async with virtual_time():
        await asyncio.sleep(1000)
        inside = loop.time()
    after = loop.time()
    assert inside <= after < inside + 60
    await asyncio.sleep(0.001)
    assert after < loop.time() < inside + 60


async def test_a_timer_that_outlives_the_block_keeps_its_distance() -> None:
    loop = asyncio.get_running_loop()
    fired = asyncio.Event()
    async with virtual_time():
        await asyncio.sleep(1000)
        timer = loop.call_later(0.01, fired.set)
        late = loop.call_later(3600, int)
    assert not fired.is_set()
    await fired.wait()
    assert timer.when() <= loop.time() < late.when()
    late.cancel()


async def test_a_timer_from_before_the_block_fires_within_it() -> None:
    fired = asyncio.Event()
    asyncio.get_running_loop().call_later(100, fired.set)
    async with virtual_time() as clock:
        await fired.wait()
        assert 98 < clock.elapsed <= 100


async def test_blocks_may_follow_each_other_in_one_loop() -> None:
    loop = asyncio.get_running_loop()
    moments = [loop.time()]
    for _ in range(3):
        async with virtual_time() as clock:
            await asyncio.sleep(10)
            assert clock.elapsed == 10
        moments.append(loop.time())
    assert moments == sorted(moments)


async def test_no_block_leaves_more_behind_than_the_one_before() -> None:
    loop = asyncio.get_running_loop()
    for _ in range(sys.getrecursionlimit()):
        async with virtual_time():
            pass
    assert loop.time() > 0


async def test_leaving_takes_everything_out_but_the_distance() -> None:
    loop = asyncio.get_running_loop()
    before = set(vars(loop))
    async with virtual_time():
        assert set(vars(loop)) > before
    assert set(vars(loop)) - before == {"time"}
    assert "select" not in vars(loop._selector)  # type: ignore[attr-defined]  # the guard


async def test_what_another_tool_put_into_the_loop_is_put_back() -> None:
    loop = asyncio.get_running_loop()
    original = loop.call_later

    def counted(*args: Any, **options: Any) -> asyncio.TimerHandle:
        calls.append(args[0])
        return original(*args, **options)

    calls: list[float] = []
    vars(loop)["call_later"] = counted
    async with virtual_time() as clock:
        await asyncio.sleep(3)
        assert calls == clock.sleeps == [3]
    assert vars(loop)["call_later"] is counted


async def test_an_exception_leaves_the_loop_restored() -> None:
    loop = asyncio.get_running_loop()
    with pytest.raises(LookupError):
        async with virtual_time():
            raise LookupError
    assert "select" not in vars(loop._selector)  # type: ignore[attr-defined]  # the guard


async def test_cancellation_passes_through_and_leaves_the_loop_restored() -> None:
    loop = asyncio.get_running_loop()
    entered = asyncio.Event()

    async def block() -> None:
        async with virtual_time():
            entered.set()
            await loop.create_future()

    task = asyncio.create_task(block())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "select" not in vars(loop._selector)  # type: ignore[attr-defined]  # the guard


async def test_a_block_within_a_block_is_refused() -> None:
    async with virtual_time() as clock:
        with pytest.raises(RuntimeError, match="virtual already"):
            async with virtual_time():
                pass
        await asyncio.sleep(1)
        assert clock.elapsed == 1


async def test_a_loop_without_a_selector_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Loop(asyncio.AbstractEventLoop):
        pass

    monkeypatch.setattr(asyncio, "get_running_loop", Loop)
    with pytest.raises(RuntimeError, match=r"cannot control a `.*Loop`: it needs a se"):
        async with virtual_time():
            pass


async def test_a_clock_whose_block_has_ended_keeps_its_numbers_and_says_so() -> None:
    async with virtual_time(start=START) as clock:
        await asyncio.sleep(2)
    assert (clock.elapsed, clock.sleeps) == (2, [2])
    assert clock.now() == START + timedelta(seconds=2)
    with pytest.raises(RuntimeError, match="time is real again"):
        await clock.advance(1)


async def test_who_settles_when_the_block_ends_is_released() -> None:
    async with virtual_time() as clock:
        task = asyncio.create_task(clock.settle())
        await asyncio.sleep(0)
    await task


async def test_debug_mode_sees_no_slow_callbacks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    async with virtual_time() as clock:
        await asyncio.sleep(3600)
        assert (clock.elapsed, clock.sleeps) == (3600, [3600])
    assert caplog.records == []


async def test_a_sleep_of_years_ends() -> None:
    async with virtual_time() as clock:
        await asyncio.sleep(50 * 365 * 86_400)
        await asyncio.sleep(0.5)
        at_once = asyncio.Event()
        asyncio.get_running_loop().call_later(0, at_once.set)
        await at_once.wait()
        assert clock.elapsed == pytest.approx(50 * 365 * 86_400 + 0.5, abs=1e-3)
