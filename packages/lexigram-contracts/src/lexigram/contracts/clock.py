"""Time, injectable."""

from __future__ import annotations

import asyncio
import time
from typing import Final, Protocol, Self, cast, runtime_checkable

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


class _Loop(Protocol):
    """A loop that shows whether it runs without being called.

    asyncio's own do. `is_running()` says nothing else, but a call costs a third of what
    awaiting something does, and policies ask for the time at every call.
    """

    _thread_id: int | None

    def time(self) -> float: ...


class _NoLoop:
    """What never runs: in the place of a loop that is not known yet."""

    _thread_id: int | None = None

    def time(self) -> float:
        return time.monotonic()


_NO_LOOP: Final = _NoLoop()


class SystemClock:
    """The running event loop's clock.

    Loop time, so that whatever replaces the loop's clock (a test's virtual time)
    replaces this one too. Outside a loop it is the monotonic clock that asyncio's
    own loops read. One instance serves one loop at a time; loops that run beside each
    other in several threads take one each.
    """

    _loop: _Loop

    # Not by `__init__`: a subclass with a constructor of its own need not know. Nor as a
    # default of the class, which makes CPython 3.11 look the attribute up the long way.
    def __new__(cls, *_: object, **__: object) -> Self:
        """Return a clock that knows no loop yet."""
        clock = super().__new__(cls)
        clock._loop = _NO_LOOP
        return clock

    def monotonic(self) -> float:
        """Return the loop's time in seconds."""
        # Asking for the running loop costs more than all the rest: on Python 3.11 it is
        # a call of the operating system.
        loop = self._loop
        if loop._thread_id is None:  # noqa: SLF001 - see `_Loop`
            loop = self._running()
        return loop.time()

    def _running(self) -> _Loop:
        """Return the loop that runs now, and remember it if it shows when it ends."""
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            return _NO_LOOP
        loop = cast("_Loop", running)
        if getattr(running, "_thread_id", None) is not None:
            self._loop = loop
        return loop

    async def sleep(self, seconds: float) -> None:
        """Sleep on the event loop."""
        await asyncio.sleep(seconds)
