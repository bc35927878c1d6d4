"""Time, injectable."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol, runtime_checkable

__all__ = ["ClockProtocol", "SystemClock"]


@runtime_checkable
class ClockProtocol(Protocol):
    """A monotonic clock that can be waited on.

    Not promised: any relation to the time of day, or that a sleep ends to the moment; it
    never ends early. Deadlines that parts of lexigram hand to each other are times of
    this clock. Any number of tasks may read it and sleep on it at once.
    """

    def monotonic(self) -> float:
        """Return seconds since an arbitrary moment; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`; at once, but not without yielding, when not positive.

        Cancellation ends the wait and passes through.
        """
        ...


class SystemClock:
    """The running event loop's clock.

    Loop time, so that whatever replaces the loop's clock (a test's virtual time)
    replaces this one too. Outside a loop it is the monotonic clock that asyncio's
    own loops read. One instance serves one loop at a time; loops that run beside each
    other in several threads take one each.
    """

    # Of the class, so that a subclass with a constructor of its own need not know.
    _loop: asyncio.AbstractEventLoop | None = None

    def monotonic(self) -> float:
        """Return the loop's time in seconds."""
        # Policies ask several times a call, and asking for the running loop costs more
        # than all the rest: on Python 3.11 it is a call of the operating system.
        loop = self._loop
        if loop is not None and loop.is_running():
            return loop.time()
        try:
            self._loop = loop = asyncio.get_running_loop()
        except RuntimeError:
            return time.monotonic()
        return loop.time()

    async def sleep(self, seconds: float) -> None:
        """Sleep on the event loop."""
        await asyncio.sleep(seconds)
