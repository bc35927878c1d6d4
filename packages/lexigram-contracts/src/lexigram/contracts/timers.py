"""One timer of the event loop for many limits of time that are equally long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio  # a tenth of what importing the contracts may cost

__all__ = ["CommonTimer", "Limit"]


class Limit(Protocol):
    """What a timer is set for; one object for each time that it is set."""

    def ring(self) -> None:
        """Take note that the time is over; called by the event loop."""
        ...


class CommonTimer:
    """Rings for limits of one length, of which the event loop sees the first alone.

    They end in the order in which they begin; and as hardly anything that is limited
    takes so long, the loop's timer mostly finds another one that is first by then. A
    timer of its own for each costs several times as much.

    For one event loop at a time.

    Args:
        seconds: The length.
    """

    __slots__ = ("_closed", "_ends", "_loop", "_timer", "seconds")

    seconds: float

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ends: dict[Limit, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def start(self, limit: Limit, loop: asyncio.AbstractEventLoop, now: float) -> bool:
        """Ring for `limit` when the time is over, from now on.

        Args:
            limit: Whom to tell.
            loop: The loop that runs.
            now: Its time.

        Returns:
            False when it serves another loop just now, and will not ring.
        """
        if loop is not self._loop and not self._moves_to(loop):
            return False
        end = self._ends[limit] = now + self.seconds
        if self._timer is None:
            self._timer = loop.call_at(end, self._ring, end, loop)
        return True

    def stop(self, limit: Limit) -> None:
        """Do not ring for `limit`, if it is waiting."""
        self._ends.pop(limit, None)
        if self._closed:
            self.close()

    def close(self) -> None:
        """Leave no timer in the loop, once nothing waits any more."""
        self._closed = True
        if self._timer is not None and not self._ends:
            self._timer.cancel()
            self._timer = None

    def _moves_to(self, loop: asyncio.AbstractEventLoop) -> bool:
        if self._loop is not None and not self._loop.is_closed() and self._ends:
            return False
        # What waits in a loop that is closed waits for ever.
        self._ends.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._loop = loop
        return True

    def _ring(self, now: float, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        while self._ends:
            limit = next(iter(self._ends))
            end = self._ends[limit]
            if end > now:
                self._timer = loop.call_at(end, self._ring, end, loop)
                return
            del self._ends[limit]
            limit.ring()
