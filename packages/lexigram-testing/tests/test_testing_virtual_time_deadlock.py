"""What cannot go on is reported instead of hanging."""

import asyncio
import math
import threading
from contextlib import suppress

import pytest

from lexigram.testing import (
    DeadlockDetected,
    TestKitFailure,
    VirtualClock,
    virtual_time,
)

SOON = 0.01  # real seconds


async def wait_for_nobody() -> None:
    await asyncio.Event().wait()


async def test_a_wait_that_nobody_can_end_is_a_deadlock() -> None:
    with pytest.raises(DeadlockDetected, match="No timer is set, no socket is ready"):
        async with virtual_time(deadlock_after=SOON):
            await wait_for_nobody()


async def test_the_report_shows_where_each_task_waits() -> None:
    with pytest.raises(DeadlockDetected) as caught:
        async with virtual_time(deadlock_after=SOON), asyncio.TaskGroup() as group:
            group.create_task(wait_for_nobody(), name="consumer")
    report = str(caught.value)
    assert report.startswith("Nothing has happened for 0.01 s of real time.")
    consumer = report[report.index("  consumer:") :]
    assert "in wait_for_nobody: await asyncio.Event().wait()" in consumer
    assert "in Event.wait:" in consumer


async def test_a_deadlock_passes_handlers_of_exceptions_and_cancellation() -> None:
    assert issubclass(DeadlockDetected, TestKitFailure)
    swallowed: list[BaseException] = []

    async def careless() -> None:
        try:
            await wait_for_nobody()
        except (asyncio.CancelledError, Exception) as error:  # noqa: BLE001 - the case
            swallowed.append(error)

    with pytest.raises(DeadlockDetected):
        async with virtual_time(deadlock_after=SOON):
            await careless()
    assert [type(error) for error in swallowed] == [asyncio.CancelledError]


async def test_what_the_block_made_of_its_cancellation_is_the_context() -> None:
    async def translating() -> None:
        try:
            await wait_for_nobody()
        finally:
            raise LookupError

    with pytest.raises(DeadlockDetected) as caught:
        async with virtual_time(deadlock_after=SOON):
            await translating()
    assert isinstance(caught.value.__context__, LookupError)
    assert not caught.value.__suppress_context__


async def test_the_task_can_go_on_after_a_deadlock() -> None:
    with pytest.raises(DeadlockDetected):
        async with virtual_time(deadlock_after=SOON):
            await wait_for_nobody()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    async with virtual_time() as clock:
        await asyncio.sleep(1)
        assert clock.elapsed == 1


async def test_a_thread_that_wakes_the_loop_in_time_is_no_deadlock() -> None:
    loop = asyncio.get_running_loop()
    woken = asyncio.Event()
    async with virtual_time(deadlock_after=math.inf) as clock:
        thread = threading.Timer(0.01, loop.call_soon_threadsafe, [woken.set])
        thread.start()
        await woken.wait()
        assert clock.elapsed == 0
    thread.join()


async def test_a_thread_that_waits_for_a_timer_is_a_deadlock_and_named() -> None:
    release = threading.Event()
    timer = asyncio.get_running_loop().call_later(3600, release.set)
    with pytest.raises(DeadlockDetected, match=r"executor works, and Event\.wait does"):
        async with virtual_time(deadlock_after=SOON):
            await asyncio.to_thread(release.wait)
    timer.cancel()
    release.set()


async def test_a_registered_peer_that_does_nothing_is_named() -> None:
    async def ask(clock: VirtualClock) -> None:
        with clock.register_external("the broker"):
            await asyncio.sleep(1)

    with pytest.raises(DeadlockDetected, match="stands still for the broker, which"):
        async with virtual_time(deadlock_after=SOON) as clock:
            await ask(clock)


async def test_waiting_for_a_timer_that_nobody_advances_to_says_what_to_do() -> None:
    with pytest.raises(DeadlockDetected, match=r"timer is 2\.5 s away.*clock\.advance"):
        async with virtual_time(autojump=False, deadlock_after=SOON):
            await asyncio.sleep(2.5)


def test_a_block_that_another_task_entered_fails_what_runs_the_loop() -> None:
    """As with an async fixture: its task has ended when the test runs."""
    block = virtual_time(deadlock_after=SOON)
    with asyncio.Runner() as runner:
        clock = runner.run(block.__aenter__())
        with pytest.raises(DeadlockDetected, match="wait_for_nobody"):
            runner.run(wait_for_nobody())
        runner.run(asyncio.sleep(5))
        assert clock.elapsed == 5
        runner.run(block.__aexit__(None, None, None))
        assert "select" not in vars(runner.get_loop()._selector)  # type: ignore[attr-defined]  # the guard


def test_a_block_that_will_not_be_cancelled_fails_what_runs_the_loop() -> None:
    """It is asked once; the loop must not turn for ever."""

    async def stubborn() -> None:
        async with virtual_time(deadlock_after=SOON):
            for _ in range(3):
                with suppress(asyncio.CancelledError):
                    await wait_for_nobody()

    with asyncio.Runner() as runner:
        task = runner.get_loop().create_task(stubborn())
        with pytest.raises(DeadlockDetected, match="wait_for_nobody"):
            runner.get_loop().run_until_complete(task)
        assert not task.done()
        # Leaving the block reports the first one, when the loop cancels what is left.
        with pytest.raises(DeadlockDetected):
            runner.get_loop().run_until_complete(_cancelled(task))


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await task
