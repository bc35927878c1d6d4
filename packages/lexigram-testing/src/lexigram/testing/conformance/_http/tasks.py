"""Calls that are under way beside a behaviour."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["begun"]

T = TypeVar("T")


def begun(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Start a task, of whose failure asyncio does not complain.

    A behaviour that fails before it looks at the task has said enough.
    """
    task = asyncio.create_task(work)
    task.add_done_callback(_looked_at)
    return task


def _looked_at(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()
