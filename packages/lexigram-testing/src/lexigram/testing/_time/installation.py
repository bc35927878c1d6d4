"""Putting virtual time into an event loop, and taking it out again.

Three methods of the loop and one of its selector are replaced on the instances. None of
them is private; only the way from a running loop to its selector is.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Callable
from contextvars import Context
from functools import partial
from selectors import BaseSelector
from typing import Any

from lexigram.testing._time.deadlock import DeadlockDetected, describe
from lexigram.testing._time.gate import Gate
from lexigram.testing._time.sleeps import is_sleep
from lexigram.testing._time.timeline import Timeline

__all__ = ["Installation"]


class Installation:
    """Virtual time in one loop.

    Args:
        loop: The loop.
        selector: Its selector.
        timeline: The time that it shall have.
        deadlock_after: Real seconds without an event that make a deadlock.
        owner: The task to interrupt at a deadlock, if there is one.

    Raises:
        ValueError: `deadlock_after` is not positive.
    """

    def __init__(
        self,
        loop: asyncio.SelectorEventLoop,
        selector: BaseSelector,
        timeline: Timeline,
        *,
        deadlock_after: float,
        owner: asyncio.Task[Any] | None = None,
    ) -> None:
        if not deadlock_after > 0:
            raise ValueError(
                f"{deadlock_after=!r} leaves no time for anything to happen. "
                "Use a positive number of real seconds, or `math.inf` for no limit."
            )
        self._interrupted: DeadlockDetected | None = None
        self._loop = loop
        self._timeline = timeline
        self._deadlock_after = deadlock_after
        self._owner = owner
        gate = Gate(selector.select, timeline, deadlock_after, self._report)
        self._call_later = loop.call_later
        self._run_in_executor = loop.run_in_executor
        self._undo = [
            _replace(selector, "select", gate),
            _replace(loop, "time", lambda: timeline.now),
            _replace(loop, "call_later", self._observed_call_later),
            _replace(loop, "run_in_executor", self._held_run_in_executor),
        ]

    def remove(self) -> None:
        """Give the loop back to real time, which goes on from where virtual time is.

        Going back instead would keep every timer that is still set from firing for as
        long as virtual time was ahead.
        """
        self._timeline.ended = True
        self._timeline.settled()
        for undo in self._undo:
            undo()
        _go_on_from(self._loop, self._timeline.now)

    def raise_deadlock(self) -> None:
        """End the cancellation of the owner with what was the reason for it.

        Raises:
            DeadlockDetected: The owner was interrupted.
        """
        if self._owner is not None and self._interrupted is not None:
            self._owner.uncancel()
            if isinstance(sys.exception(), asyncio.CancelledError):
                raise self._interrupted from None
            raise self._interrupted  # with what the block made of its cancellation

    def _observed_call_later(
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        frame = inspect.currentframe()
        if is_sleep(frame and frame.f_back):
            self._timeline.sleeps.append(delay)
        return self._call_later(delay, callback, *args, context=context)

    def _held_run_in_executor(
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        work = self._run_in_executor(executor, func, *args)
        self._timeline.began(work, func)
        return work

    def _report(self, next_timer: float | None) -> None:
        message = describe(self._loop, self._timeline, self._deadlock_after, next_timer)
        failure = DeadlockDetected(message)
        owner = self._owner
        if owner is None or owner.done() or self._interrupted is not None:
            # Out of `run_forever`: nobody in the loop could be told, or would listen.
            raise failure
        self._interrupted = failure
        owner.cancel()


class _RealTime:
    """Real time, moved so that it never goes back."""

    def __init__(self, base: Callable[[], float], now: float) -> None:
        self.base = base
        self._ahead = now - base()

    def __call__(self) -> float:
        return self.base() + self._ahead


def _go_on_from(loop: asyncio.AbstractEventLoop, now: float) -> None:
    time = loop.time
    base = time.base if isinstance(time, _RealTime) else time
    vars(loop)["time"] = _RealTime(base, now)


def _replace(owner: object, name: str, value: object) -> Callable[[], None]:
    """Replace a method of one object; returns what puts the old one back."""
    attributes = vars(owner)
    undo = (
        partial(attributes.__setitem__, name, attributes[name])
        if name in attributes
        else partial(attributes.pop, name)
    )
    attributes[name] = value
    return undo
