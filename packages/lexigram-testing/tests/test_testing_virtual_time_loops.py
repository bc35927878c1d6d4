"""A loop with virtual time, for whoever makes loops."""

import asyncio
import functools
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest

from lexigram.testing import DeadlockDetected, VirtualLoop, virtual_time

START = datetime(2030, 1, 1, tzinfo=UTC)


def test_a_runner_takes_the_loop() -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(asyncio.sleep(0.1))
        runner.run(asyncio.sleep(0.2))
        assert runner.get_loop().time() == 0.3


def test_its_clock_is_that_of_the_running_loop() -> None:
    async def body() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        await asyncio.sleep(90)
        assert (loop.clock.elapsed, loop.clock.sleeps) == (90, [90])
        assert loop.clock.now() == START + timedelta(seconds=90)

    factory = functools.partial(VirtualLoop, start=START)
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(body())


def test_its_time_can_be_moved_by_hand() -> None:
    async def body() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        clock = loop.clock
        task = asyncio.create_task(asyncio.sleep(5))
        await clock.advance(4)
        assert not task.done()
        await clock.advance(1)
        assert task.done()

    factory = functools.partial(VirtualLoop, autojump=False)
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(body())


def test_anyio_takes_the_loop() -> None:
    async def body() -> float:
        with anyio.move_on_after(30):
            await anyio.sleep_forever()
        await anyio.sleep(5)
        return asyncio.get_running_loop().time()

    assert anyio.run(body, backend_options={"loop_factory": VirtualLoop}) == 35


def test_a_deadlock_comes_out_of_what_runs_the_loop() -> None:
    async def wait_for_nobody() -> None:
        await asyncio.Event().wait()

    factory = functools.partial(VirtualLoop, deadlock_after=0.01)
    runner = asyncio.Runner(loop_factory=factory)
    with runner, pytest.raises(DeadlockDetected, match="in .*wait_for_nobody: await"):
        runner.run(wait_for_nobody())


def test_closing_waits_for_threads_in_real_time() -> None:
    """Python 3.12 gives them five minutes, which must not pass at once."""
    release, ended = threading.Event(), threading.Event()

    def work() -> None:
        release.wait()
        ended.set()

    async def body() -> None:
        task = asyncio.create_task(asyncio.to_thread(work))
        await asyncio.sleep(0)
        task.cancel()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(body())
        loop = runner.get_loop()
        threading.Timer(0.02, release.set).start()
    assert ended.is_set()
    assert loop.time() == 0


def test_a_block_of_virtual_time_in_it_is_refused() -> None:
    async def body() -> None:
        async with virtual_time():
            pass

    runner = asyncio.Runner(loop_factory=VirtualLoop)
    with runner, pytest.raises(RuntimeError, match="or of the `VirtualLoop`"):
        runner.run(body())


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"deadlock_after": 0}, "deadlock_after=0"),
        ({"start": datetime(2030, 1, 1)}, "has no time zone"),  # noqa: DTZ001
    ],
)
def test_a_loop_that_cannot_be_made_leaves_nothing_open(
    options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        VirtualLoop(**options)


def test_a_closed_loop_has_given_its_selector_back() -> None:
    loop = VirtualLoop()
    loop.close()
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        loop.run_forever()
