"""Virtual time for a block of a test."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from selectors import BaseSelector

from lexigram.testing._time.clock import VirtualClock
from lexigram.testing._time.installation import Installation
from lexigram.testing._time.timeline import Timeline

__all__ = ["virtual_time"]


@asynccontextmanager
async def virtual_time(
    *,
    start: datetime | None = None,
    autojump: bool = True,
    deadlock_after: float = 5.0,
) -> AsyncGenerator[VirtualClock, None]:
    """Make the running event loop's time virtual within a block.

    Whenever every task waits, no socket of the loop has anything to say and no executor
    works for it, time jumps to the next timer. Sleeps, timeouts, back-off and the
    delays of a `FaultServer` in the same loop take no real time, and happen at exact
    times in a certain order. Sockets are real and may be used as ever.

    What cannot follow: code that reads `time.monotonic()` or `datetime.now()` itself
    (give it `clock.monotonic` or `clock.now`); peers in other threads or processes (see
    `VirtualClock.register_external`); and bare sockets without TCP_NODELAY, whose data
    the kernel may hold back. A task that sleeps again and again for ever keeps time
    going: put an `asyncio.timeout` around what waits beside one.

    After the block time is real again. It goes on from where virtual time was, so that
    the loop's time never goes back and timers that are still set keep their distance.

    Args:
        start: The time of day at the beginning; the real one by default.
        autojump: Whether time moves by itself; otherwise `clock.advance` moves it.
        deadlock_after: Real seconds without any event, while time cannot move, after
            which the block is cancelled and raises `DeadlockDetected`.

    Yields:
        The clock.

    Raises:
        DeadlockDetected: Nothing could happen any more; says where every task waited.
        RuntimeError: The loop is no selector loop of asyncio, or its time is virtual
            already.
        ValueError: `start` has no time zone, or `deadlock_after` is not positive.

    Example:
        ```python
        async with virtual_time() as clock:
            await call_that_retries()
            assert clock.sleeps == [0.5, 1.0, 2.0]
        ```
    """
    loop, selector = _controllable()
    timeline = Timeline(math.ceil(loop.time()), autojump=autojump)
    clock = VirtualClock(loop, timeline, start)
    installed = Installation(
        loop,
        selector,
        timeline,
        deadlock_after=deadlock_after,
        owner=asyncio.current_task(),
    )
    try:
        yield clock
    finally:
        installed.remove()
        installed.raise_deadlock()


def _controllable() -> tuple[asyncio.SelectorEventLoop, BaseSelector]:
    loop = asyncio.get_running_loop()
    selector: object = getattr(loop, "_selector", None)  # the only way to it
    if not isinstance(loop, asyncio.SelectorEventLoop) or not isinstance(
        selector, BaseSelector
    ):
        kind = f"{type(loop).__module__}.{type(loop).__qualname__}"
        raise RuntimeError(  # noqa: TRY004 - it is not the caller who chose the type
            f"`virtual_time()` cannot control a `{kind}`: it needs a selector loop of "
            "asyncio. Run the test with `asyncio.Runner(loop_factory=VirtualLoop)`, or "
            "with `asyncio.SelectorEventLoop` and this block."
        )
    if "select" in vars(selector):
        raise RuntimeError(
            "The time of this event loop is virtual already. Use the clock of the "
            "block around this one, or of the `VirtualLoop`: "
            "`asyncio.get_running_loop().clock`."
        )
    return loop, selector
