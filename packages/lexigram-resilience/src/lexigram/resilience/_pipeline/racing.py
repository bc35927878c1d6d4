"""An attempt of a race: with a timer of its own, in whichever task it runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from lexigram.resilience._pipeline.plan import Plan
from lexigram.resilience._pipeline.run import Run
from lexigram.resilience._timing.timer import CallTimer

__all__ = ["race_attempt"]

T = TypeVar("T")


async def race_attempt(
    plan: Plan, run: Run, operation: Callable[[], Awaitable[T]]
) -> T:
    """Make one attempt, and return or raise what it comes to.

    Raises:
        CallRejectedError: A policy refused it.
        CallTimeoutError: It took too long.
        BaseException: Whatever `operation` raised, unchanged.
    """
    timer = None if plan.attempt is None else CallTimer(None, plan.attempt)
    attempt = run.begin_raced(timer)
    try:
        result = await operation()
    except BaseException as error:  # however the attempt ended
        seen = attempt.raised(error)
        if seen is error:
            raise
        raise seen from None
    else:
        attempt.returned(result)
        return result
    finally:
        if timer is not None:
            timer.stop()
