"""Waiting for a condition without sleeping."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["Changes"]


class Changes:
    """Wakes whoever waits for a condition over state that changes.

    Every change is announced on the loop of those who wait; with nobody waiting an
    announcement costs nothing.
    """

    __slots__ = ("_waiters",)

    def __init__(self) -> None:
        self._waiters: list[asyncio.Future[None]] = []

    def notify(self) -> None:
        """Let every waiter look at its condition again."""
        if not self._waiters:
            return
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait_until(
        self,
        condition: Callable[[], bool],
        seconds: float,
        describe: Callable[[], str],
    ) -> None:
        """Return as soon as `condition` holds.

        Raises:
            AssertionError: It did not within `seconds`; ends with what `describe` says.
        """
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                while not condition():
                    waiter = asyncio.get_running_loop().create_future()
                    self._waiters.append(waiter)
                    await waiter
        except TimeoutError:
            if not limit.expired():
                raise  # the condition's own
            raise AssertionError(
                f"Waited {seconds:g} s in vain. {describe()}"
            ) from None
