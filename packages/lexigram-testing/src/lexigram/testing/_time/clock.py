"""What a test holds of virtual time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from lexigram.contracts.clock import ClockProtocol
from lexigram.testing._time.timeline import Timeline

__all__ = ["VirtualClock"]


class VirtualClock(ClockProtocol):
    """Reads virtual time, moves it, and knows who slept.

    Made by `virtual_time` and by `VirtualLoop`. It can be given to whatever takes a
    clock, but need not be: everything that uses the event loop's time follows.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        timeline: Timeline,
        start: datetime | None,
    ) -> None:
        if start is not None and start.tzinfo is None:
            raise ValueError(
                f"{start=!r} has no time zone, so that it is no moment. "
                "Give one, such as `datetime(2030, 1, 1, tzinfo=UTC)`."
            )
        self._loop = loop
        self._timeline = timeline
        self._start = start or datetime.now(UTC)

    @property
    def elapsed(self) -> float:
        """Virtual seconds since the start, to the microsecond."""
        return self._timeline.elapsed

    @property
    def sleeps(self) -> Sequence[float]:
        """How long each `asyncio.sleep` was to take, in the order of their beginning.

        That is the back-off schedule of the code under test. Counted is every sleep of
        more than zero seconds that began, ended or not, in any task; also one of
        `SystemClock` and of this clock, since both sleep that way. Not counted are
        timeouts and other timers (`asyncio.timeout`, `call_later`, `call_at`) and the
        delays of the kit's own routes. The test's own sleeps count: to let time pass
        without one, use `advance`.
        """
        return list(self._timeline.sleeps)

    def now(self) -> datetime:
        """Return the time of day, which moves with virtual time."""
        return self._start + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        """Return the event loop's time in seconds."""
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """Sleep for virtual seconds."""
        await asyncio.sleep(seconds)

    async def advance(self, by: float) -> None:
        """Let `by` seconds pass and return when all that this caused has settled.

        Everything that can run now runs first. Timers fire in order, one instant after
        the other, and what each of them causes settles before the next one fires.

        Raises:
            ValueError: Time does not go back, or for ever.
            RuntimeError: The block of `virtual_time` has ended.
        """
        if not 0 <= by < math.inf:
            raise ValueError(
                f"{by=!r} is no time to advance by. Use zero or more seconds."
            )
        self._check_in_block()
        await self._reach(self._timeline.after(by))
        await self.settle()

    async def settle(self) -> None:
        """Return when nothing is left that can run without time passing.

        Includes what is on its way between sockets of this loop, and work in
        executors, which takes the real time that it takes.

        Raises:
            RuntimeError: The block of `virtual_time` has ended.
        """
        self._check_in_block()
        waiter = self._loop.create_future()
        self._timeline.settling(waiter)
        await waiter

    @contextmanager
    def register_external(
        self, name: str = "an external peer"
    ) -> Generator[None, None, None]:
        """Hold time while something outside of the event loop is awaited.

        A peer in a thread of its own or in another process cannot be seen: time would
        jump to the next timeout before it has had a chance to answer. Within this
        block time stands still instead. What does not come within `deadlock_after`
        real seconds is reported by its `name`.
        """
        self._timeline.external.append(name)
        try:
            yield
        finally:
            self._timeline.external.remove(name)

    def _check_in_block(self) -> None:
        if self._timeline.ended:
            raise RuntimeError(
                "The block of this clock has ended; time is real again. "
                "Use it within `async with virtual_time() as clock:`."
            )

    async def _reach(self, target: float) -> None:
        waiter = self._loop.create_future()
        timer = self._loop.call_at(target, waiter.set_result, None)
        self._timeline.allow(target)
        try:
            await waiter
        finally:
            self._timeline.disallow(target)
            timer.cancel()

    def __repr__(self) -> str:
        mode = "" if self._timeline.autojump else ", autojump=False"
        return f"VirtualClock(elapsed={self.elapsed:g}{mode})"
