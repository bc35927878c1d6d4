"""One timer for a whole call.

A call has a limit for everything and one for each attempt; whichever comes first is the
only timer that the event loop knows of. It is set once at the first attempt, and not
touched when an attempt ends: a timer that fires too early sets itself again, which is
rare, where cancelling one and making another at each step is not.

The limit is enforced by cancelling the task, as `asyncio.timeout` does, and the same
rules tell our own cancellation from anybody else's: a task counts the cancellations that
were asked for, and whoever asked takes its own back.
"""

from __future__ import annotations

import asyncio
from typing import Final

from lexigram.contracts.resilience import CallTimeoutError, TimeLimit
from lexigram.contracts.timers import CommonTimer

__all__ = ["CallTimer"]

_NEVER: Final = float("inf")

# Event loops round: they may call back this much before the time.
_ROUNDING: Final = 1e-6


class CallTimer:
    """Ends an attempt, or the call, by cancelling the task that made this timer.

    `begin_attempt` and `end_attempt` go around each attempt, the first of which begins
    in the tick in which this is made; `claim` asks what a cancellation means, `stop` is
    called at the end whatever happened.

    Args:
        total: Seconds for the call, from now; None for no limit.
        attempt: Seconds for each attempt; None for no limit.
        common: The timer of all that is limited for as long as the shorter of the two.

    Raises:
        RuntimeError: There is no task, as in a callback of the loop.
    """

    __slots__ = (
        "_attempt",
        "_attempt_end",
        "_cancelling",
        "_common",
        "_end",
        "_fired",
        "_handle",
        "_loop",
        "_now",
        "_shares",
        "_task",
        "_total",
    )

    def __init__(
        self,
        total: float | None,
        attempt: float | None,
        common: CommonTimer | None = None,
    ) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError(
                "A limit of time needs a task: it ends by cancelling it."
            )
        self._task = task
        self._loop = loop = task.get_loop()
        self._cancelling = task.cancelling()
        self._total = total
        self._attempt = attempt
        # The time as of now, for the first attempt, which begins at once.
        self._now = now = loop.time()
        self._end = _NEVER if total is None else now + total
        self._attempt_end = _NEVER
        self._fired: TimeLimit | None = None
        self._handle: asyncio.TimerHandle | None = None
        # It rings once, not later than anything that this would be set to.
        self._common = common
        self._shares = False

    def begin_attempt(self) -> None:
        """Start the time of an attempt; that of the call has been running."""
        when = self._end
        now, self._now = self._now or self._loop.time(), 0.0
        if self._attempt is not None:
            self._attempt_end = end = now + self._attempt
            if end < when:  # noqa: PLR1730 - `min` costs more
                when = end
        if self._handle is not None or self._shares:
            self._set(when)
        elif when != _NEVER:
            if self._common is not None:
                self._shares = self._common.start(self, self._loop, now)
            if not self._shares:
                self._handle = self._loop.call_at(when, self._fire)

    def end_attempt(self) -> None:
        """End the time of an attempt; that of the call goes on."""
        self._attempt_end = _NEVER
        if self._handle is None and self._end != _NEVER:
            self._set(self._end)

    def ring(self) -> None:
        """Take note that the first limit may be over; called by the common timer."""
        self._shares = False
        self._fire()

    @property
    def has_fired(self) -> bool:
        """Whether a limit has run out and its cancellation was not claimed yet."""
        return self._fired is not None

    def claim(self) -> CallTimeoutError | None:
        """Say what the cancellation means that is being delivered.

        None when it is not, or not only, this timer's: then it must go on.
        """
        fired, self._fired = self._fired, None
        if fired is None or self._task.uncancel() > self._cancelling:
            return None
        limit = (self._attempt if fired == "attempt" else self._total) or 0.0
        what = "attempt" if fired == "attempt" else "call, with all its attempts,"
        return CallTimeoutError(
            f"The {what} took longer than {limit:.3g} s.", phase=fired, limit=limit
        )

    def stop(self) -> None:
        """End all limits; a cancellation that nobody claimed is taken back."""
        if self._shares and self._common is not None:
            self._common.stop(self)
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if self._fired is not None:
            self._fired = None
            self._task.uncancel()

    def _set(self, when: float) -> None:
        if self._shares:
            return
        if self._handle is not None:
            if self._handle.when() <= when:
                return
            self._handle.cancel()
        self._handle = self._loop.call_at(when, self._fire)

    def _fire(self) -> None:
        self._handle = None
        when = min(self._end, self._attempt_end)
        if when - self._loop.time() > _ROUNDING:
            if when != _NEVER:
                self._set(when)
            return
        self._fired = "total" if self._end <= self._attempt_end else "attempt"
        self._task.cancel()
