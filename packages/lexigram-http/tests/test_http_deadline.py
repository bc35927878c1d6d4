"""The deadline ends a block, and knows its own cancellation from the caller's."""

import asyncio

import pytest

from lexigram.http.deadline import Deadline


class Block:
    """A task that waits for ever inside a deadline and notes what ended it."""

    def __init__(self) -> None:
        self.deadline = Deadline(None)
        self.entered = asyncio.Event()
        self.caused: bool | None = None
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async with self.deadline:
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
