"""The deadline ends a block, and knows its own cancellation from the caller's."""

import asyncio
from contextlib import suppress

import pytest

from lexigram.contracts.web.calling import Deadline


class Block:
    """A task that waits for ever inside a deadline and notes what ended it."""

    def __init__(self) -> None:
        self.deadline = Deadline(None)
        self.entered = asyncio.Event()
        self.caused: bool | None = None
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        with self.deadline:
            self.entered.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.caused = self.deadline.caused_cancellation()
                raise


async def test_expiry_is_its_own_and_ends_in_a_timeout() -> None:
    block = Block()
    await block.entered.wait()
    block.deadline.change(0)
    with pytest.raises(TimeoutError):
        await block.task
    assert block.caused
    assert block.deadline.expired
    assert block.task.cancelling() == 0


async def test_a_cancelled_caller_is_not_a_timeout() -> None:
    block = Block()
    await block.entered.wait()
    block.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await block.task
    assert block.caused is False
    assert not block.deadline.expired


async def test_a_caller_that_cancels_as_the_time_runs_out_is_not_swallowed() -> None:
    block = Block()
    await block.entered.wait()
    block.deadline.change(0)
    # The timer is due in this turn of the loop; the task wakes in the next one.
    await asyncio.sleep(0)
    block.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await block.task
    assert block.caused is False
    assert block.deadline.expired


async def test_a_block_that_ends_in_time_is_left_alone() -> None:
    with Deadline(60.0) as deadline:
        assert deadline.seconds == 60.0
    assert not deadline.expired
    assert not deadline.caused_cancellation()


async def test_a_deadline_can_be_lifted() -> None:
    block = Block()
    await block.entered.wait()
    block.deadline.change(0)
    block.deadline.change(None)
    assert block.deadline.seconds is None
    for _ in range(3):
        await asyncio.sleep(0)
    assert not block.task.done()
    block.task.cancel()
    await asyncio.wait({block.task})


async def test_a_cancellation_from_before_the_block_is_not_counted() -> None:
    async def cleans_up_after_a_cancellation() -> bool:
        deadline = Deadline(0)
        caused = False
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            with suppress(TimeoutError), deadline:
                try:
                    await asyncio.Event().wait()
                finally:
                    caused = deadline.caused_cancellation()
        return caused

    task = asyncio.create_task(cleans_up_after_a_cancellation())
    await asyncio.sleep(0)
    task.cancel()
    assert await task


async def test_outside_a_task_there_is_nothing_to_end() -> None:
    failures: list[BaseException] = []

    def enter() -> None:
        try:
            Deadline(1).__enter__()
        except RuntimeError as error:
            failures.append(error)

    asyncio.get_running_loop().call_soon(enter)
    await asyncio.sleep(0)
    assert len(failures) == 1
