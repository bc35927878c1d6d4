"""The one place where an event loop waits, and where virtual time moves instead.

A loop asks its selector to wait only when no callback is ready. If nothing has happened
on any socket either, and no thread works for the loop, then nothing can happen before
the next timer: the gate moves the time there. It returns what the selector would.

The order of the questions matters:

1. A loop that does not want to wait is never made to.
2. Sockets first. On Linux the loopback interface delivers within the call that sends,
   so that what one end of a connection sent is readable at the other before the loop
   can be idle, however busy the machine is. The exception is Nagle's algorithm: the
   kernel holds small writes back for up to 40 ms, unseen. Transports of asyncio switch
   it off (TCP_NODELAY); whoever uses bare sockets has to as well.
3. Then threads: a 30 s timer must not fire because a name is being looked up.
4. Then those who wait for exactly this moment (`settle`), before any time passes.
5. Then time. What may not move waits really, and is reported when nothing comes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from selectors import SelectorKey
from typing import Final, TypeAlias

from lexigram.testing._time.timeline import Timeline

__all__ = ["Events", "Gate", "Select"]

Events: TypeAlias = list[tuple[SelectorKey, int]]
Select: TypeAlias = Callable[[float | None], Events]

_A_DAY: Final = 86_400.0  # selectors take no infinity
# Elsewhere a thread of the kernel delivers; that it takes no longer is not proven.
_DELIVERY: Final = 0.0 if sys.platform == "linux" else 0.001


class Gate:
    """Stands in for the `select` of a loop's selector.

    Args:
        select: The real one.
        timeline: The time that it moves.
        deadlock_after: Real seconds without an event that make a deadlock.
        on_deadlock: Called with the seconds to the next timer, if there is one.
    """

    def __init__(
        self,
        select: Select,
        timeline: Timeline,
        deadlock_after: float,
        on_deadlock: Callable[[float | None], None],
    ) -> None:
        self._select = select
        self._timeline = timeline
        self._deadlock_after = deadlock_after
        self._on_deadlock = on_deadlock

    def __call__(self, timeout: float | None = None) -> Events:
        if timeout is not None and timeout <= 0:
            self._timeline.tick()
            return self._select(0)
        return self._select(_DELIVERY) or self._idle(timeout)

    def _idle(self, timeout: float | None) -> Events:
        timeline = self._timeline
        if timeline.working:
            return self._wait(timeout)
        if timeline.settled():
            return []
        if timeout is not None and timeline.may_move(timeout):
            timeline.move(timeout)
            return []
        return self._wait(timeout)

    def _wait(self, timeout: float | None) -> Events:
        deadline = time.monotonic() + self._deadlock_after
        while (left := deadline - time.monotonic()) > 0:
            if events := self._select(min(left, _A_DAY)):
                return events
        self._on_deadlock(timeout)
        return []
