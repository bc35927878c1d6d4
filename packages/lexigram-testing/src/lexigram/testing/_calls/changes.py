"""Waiting for a condition without sleeping."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["Changes"]


class Changes:
    """Wakes whoever waits for a condition over state that changes.

    Every change is announced on the loop of those who wait.
    """

    __slots__ = ("waiters",)

    waiters: list[asyncio.Future[None]]
    """Who waits now; with nobody there, a change need not be announced."""

    def __init__(self) -> None:
        self.waiters = []

    def notify(self) -> None:
        """Let every waiter look at its condition again."""
        waiters, self.waiters = self.waiters, []
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
                    self.waiters.append(waiter)
                    await waiter
        except TimeoutError:
            if not limit.expired():
                raise  # the condition's own
            raise AssertionError(
                f"Waited {seconds:g} s in vain. {describe()}"
            ) from None
