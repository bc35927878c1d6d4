"""One piece of work for everybody who wants its outcome at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class FlightCancelledError(Exception):
    """The work was cancelled, which is not a cancellation of those who wait for it."""


class SingleFlight(Generic[T]):
    """Does `work` once for all who join while it is being done.

    It goes on when those who wait are cancelled, all of them too: half-done, it might
    have used up what it cannot get again.
    """

    def __init__(self, work: Callable[[], Awaitable[T]]) -> None:
        self._work = work
        self._task: asyncio.Task[T] | None = None

    async def join(self) -> T:
        """Return the outcome of the work under way; begin it if none is.

        Raises:
            FlightCancelledError: The work was cancelled.
        """
        task = self._task
        if task is None:
            task = self._task = asyncio.create_task(self._run())
            task.add_done_callback(self._landed)
        # Unlike awaiting it, this leaves the task alone when the waiter is cancelled.
        await asyncio.wait((task,))
        if task.cancelled():
            raise FlightCancelledError
        return task.result()

    async def _run(self) -> T:
        return await self._work()

    def _landed(self, _: asyncio.Task[T]) -> None:
        self._task = None
