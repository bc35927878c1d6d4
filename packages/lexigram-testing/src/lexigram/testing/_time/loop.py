"""An event loop that is born with virtual time."""

from __future__ import annotations

import asyncio
from datetime import datetime
from selectors import DefaultSelector
from typing import Any

from lexigram.testing._time.clock import VirtualClock
from lexigram.testing._time.installation import Installation
from lexigram.testing._time.timeline import Timeline

__all__ = ["VirtualLoop"]


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is virtual from the first moment to the last.

    For whoever makes loops: it needs no argument, so that it is a `loop_factory` for
    `asyncio.Runner`, for anyio (`backend_options={"loop_factory": VirtualLoop}`) and
    for pytest-asyncio. Give options with `functools.partial`. Its time begins at 0, and
    what is said of `virtual_time` holds here too, except that at a deadlock
    `DeadlockDetected` comes out of what runs the loop.

    Args:
        start: The time of day at the beginning; the real one by default.
        autojump: Whether time moves by itself; otherwise `clock.advance` moves it.
        deadlock_after: Real seconds without any event that make a deadlock.

    Raises:
        ValueError: `start` has no time zone, or `deadlock_after` is not positive.

    Example:
        ```python
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(asyncio.sleep(3600))  # takes no time
        ```
    """

    def __init__(
        self,
        *,
        start: datetime | None = None,
        autojump: bool = True,
        deadlock_after: float = 5.0,
    ) -> None:
        selector = DefaultSelector()
        super().__init__(selector)
        try:
            timeline = Timeline(0, autojump=autojump)
            self.clock: VirtualClock = VirtualClock(self, timeline, start)
            """Reads and moves its time."""
            self._installed = Installation(
                self, selector, timeline, deadlock_after=deadlock_after
            )
        except ValueError:
            self.close()
            raise

    async def shutdown_default_executor(self, *args: Any, **options: Any) -> None:
        """Wait for the executor's threads; their end takes real time."""
        with self.clock.register_external("the end of the executor's threads"):
            # The limit, in seconds, is a parameter since Python 3.12.
            await super().shutdown_default_executor(*args, **options)
