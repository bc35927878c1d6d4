"""Not repeating what somebody wants to end."""

from __future__ import annotations

import asyncio

__all__ = ["is_being_cancelled"]


def is_being_cancelled() -> bool:
    """Say whether the task was asked to end, and has not.

    An operation may turn its cancellation into an error of its own, which looks as if it
    were worth repeating; the wish to end would be lost in the next attempt.
    """
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop, hence nobody who could ask
        return False
    return task is not None and task.cancelling() > 0
