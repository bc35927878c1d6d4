"""The limits of time of a call, and how what they end is told from a caller's wish.

Every limit is enforced by cancelling the task, as `asyncio.timeout` does. Of an attempt,
one timer does for all the limits that run at once, and one that is moved to a later time
costs no new timer: the one that rings too early is set again.

What a limit ends must be told apart from a caller's cancellation *inside* the call: a
breaker has to see an upstream that hangs as a failure, and a cancelled caller as nothing
at all. So the place that is interrupted asks whose cancellation it is, and answers with
a timeout error of its own.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from lexigram.contracts.timers import CommonTimer
from lexigram.contracts.web import TimeoutPhase, Timeouts

__all__ = ["AttemptTimer", "Deadline"]


class _Canceller:
    """Cancels one task, and tells its cancellation from everybody else's."""

    __slots__ = ("_cancelling", "_task")

    def _watch_this_task(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("Only a task can be given a limit of time.")
        self._task = task
        self._cancelling = task.cancelling()

    def is_alone(self) -> bool:
        """Say whether nobody else cancels the task, which was cancelled by this."""
        return self._task.cancelling() == self._cancelling + 1

    def take_back(self) -> bool:
        """Undo the cancellation; say whether nobody else cancels the task."""
        return self._task.uncancel() <= self._cancelling


class _Alarm(_Canceller):
    """Cancels its task when the first of its limits is over."""

    __slots__ = ("_ends", "_loop", "_timer", "expired")

    expired: TimeoutPhase | None

    def __init__(self) -> None:
        self._watch_this_task()
        self._loop = asyncio.get_running_loop()
        self._ends: dict[TimeoutPhase, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self.expired = None

    def start(self, phase: TimeoutPhase, seconds: float) -> None:
        """Let a limit run from now on, in place of the one of this name."""
        end = self._ends[phase] = self._loop.time() + seconds
        if self._timer is None or end < self._timer.when():
            self._set(end)

    def stop(self, phase: TimeoutPhase) -> None:
        """Lift a limit, if it runs."""
        self._ends.pop(phase, None)

    def close(self) -> None:
        """Lift every limit."""
        self._ends.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self, end: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(end, self._ring, end)

    def _ring(self, now: float) -> None:
        self._timer = None
        if not self._ends:
            return
        phase = min(self._ends, key=self._ends.__getitem__)
        if self._ends[phase] > now:  # the limit that this was set for was moved
            self._set(self._ends[phase])
            return
        self.expired = phase
        self._ends.clear()
        self._task.cancel()


class Deadline(_Canceller):
    """Ends the block it surrounds after `seconds`; None never does.

    The block ends with `TimeoutError` and `expired` is true then.

    Args:
        seconds: Its length.
        common: The timer of deadlines of one length, used if it is this one's.
    """

    __slots__ = ("_common", "_entered", "_timer", "expired", "seconds")

    expired: bool
    """Whether the time ran out."""
    seconds: float | None

    def __init__(
        self, seconds: float | None, common: CommonTimer | None = None
    ) -> None:
        self.seconds = seconds
        self.expired = False
        self._entered = False
        self._common = common
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self._watch_this_task()
        self._entered = True
        self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()
        if self.expired and self.take_back() and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def change(self, seconds: float | None) -> None:
        """Let the block end `seconds` from now instead."""
        self.seconds = seconds
        if self._entered and not self.expired:
            self._stop()
            self._start()

    def caused_cancellation(self) -> bool:
        """Say whether the cancellation being delivered is this deadline's alone.

        False when the caller cancelled as well: its cancellation must not be swallowed.
        """
        return self.expired and self.is_alone()

    def ring(self) -> None:
        """End the block now."""
        self.expired = True
        self._task.cancel()

    def _start(self) -> None:
        seconds, common, loop = self.seconds, self._common, self._task.get_loop()
        if seconds is None:
            return
        shared = common is not None and common.seconds == seconds
        if common is None or not shared or not common.start(self, loop, loop.time()):
            self._timer = loop.call_later(seconds, self.ring)

    def _stop(self) -> None:
        if self._common is not None:
            self._common.stop(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class AttemptTimer:
    """The limits of one attempt: of its phases, one after the other, and of it all.

    Made by the task that makes the attempt, and closed by it. When a limit is over it
    cancels the task; `interrupted` says which one it was.

    Args:
        timeouts: Their lengths.

    Attributes:
        phase: What the attempt is doing now: "pool", "connect" or "read".
    """

    __slots__ = ("_alarm", "_timeouts", "phase")

    phase: TimeoutPhase

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self._alarm: _Alarm | None = None
        self.phase = "pool"
        if timeouts.attempt is not None:
            self._start("attempt")

    def enter(self, phase: TimeoutPhase) -> None:
        """Begin a phase, or begin it anew; the one before is over."""
        if self._alarm is not None and phase != self.phase:
            self._alarm.stop(self.phase)
        self.phase = phase
        self._start(phase)

    def interrupted(self) -> tuple[TimeoutPhase, float] | None:
        """Return the limit that caused the cancellation being delivered, and its length.

        The cancellation is taken back then. None when somebody else cancelled as well,
        who is not to be kept from it.
        """
        alarm = self._alarm
        if alarm is None or alarm.expired is None:
            return None
        phase, alarm.expired = alarm.expired, None
        seconds = getattr(self._timeouts, phase)
        return (phase, seconds) if alarm.take_back() else None

    def close(self) -> None:
        """Lift the limits; a cancellation that nothing was made of is taken back."""
        if self._alarm is None:
            return
        self._alarm.close()
        if self._alarm.expired is not None:
            self._alarm.take_back()

    def _start(self, phase: TimeoutPhase) -> None:
        seconds = getattr(self._timeouts, phase)
        if seconds is None or seconds is ...:
            return
        if self._alarm is None:
            self._alarm = _Alarm()
        self._alarm.start(phase, seconds)
