"""Waiting in line, and for no longer than one may."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from lexigram.contracts.clock import ClockProtocol

__all__ = ["Line", "came_within"]


async def came_within(
    seconds: float, future: asyncio.Future[Any], clock: ClockProtocol
) -> bool:
    """Say whether `future` is done before `seconds` have passed on `clock`.

    Cancellation passes through; the future is left as it is.
    """
    sleep = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({sleep, future}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        sleep.cancel()
    return future.done()


class Line:
    """First come, first served: a future for each who waits, the head's turn is now.

    Whoever entered leaves, however it ends: only that passes the turn on. A turn that
    came while its waiter was being cancelled is passed on by the same rule.
    """

    __slots__ = ("_places",)

    def __init__(self) -> None:
        self._places: deque[asyncio.Future[None]] = deque()

    def __len__(self) -> int:
        return len(self._places)

    def enter(self) -> asyncio.Future[None]:
        """Return a place: a future that is done when its turn is there."""
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self._places:
            place.set_result(None)
        self._places.append(place)
        return place

    def leave(self, place: asyncio.Future[None]) -> None:
        """Give up a place, wherever in the line it is."""
        was_head = self._places[0] is place
        self._places.remove(place)
        if was_head and self._places:
            head = self._places[0]
            # Cancelled ones are on their way to leave, and pass it on then.
            if not head.done():
                head.set_result(None)
