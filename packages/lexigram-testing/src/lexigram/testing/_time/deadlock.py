"""Saying that nothing can happen any more, and who waits."""

from __future__ import annotations

import asyncio
import linecache
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import Final

from lexigram.testing._calls.failures import TestKitFailure
from lexigram.testing._time.timeline import Timeline

__all__ = ["DeadlockDetected", "describe"]

_FRAMES: Final = ("cr_frame", "gi_frame", "ag_frame")
_AWAITED: Final = ("cr_await", "gi_yieldfrom", "ag_await")


class DeadlockDetected(TestKitFailure):
    """Nothing has happened for a while, and nothing in the event loop ever will."""


def describe(
    loop: asyncio.AbstractEventLoop,
    timeline: Timeline,
    after: float,
    next_timer: float | None,
) -> str:
    """Return the report: what holds time, and where every task waits."""
    head = f"Nothing has happened for {after:g} s of real time."
    tasks = sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name())
    shown = "".join(_task(task) for task in tasks)
    return f"{head} {_cause(timeline, next_timer)}\nWaiting tasks:{shown or ' none'}"


def _cause(timeline: Timeline, next_timer: float | None) -> str:
    if timeline.working:
        return _thread(timeline)
    if timeline.external:
        return (
            f"Time stands still for {', '.join(timeline.external)}, which did nothing. "
            "Give it longer with `deadlock_after`, or leave the block of "
            "`register_external()` before waiting for a timer."
        )
    if next_timer is not None:
        return (
            f"The next timer is {next_timer:g} s away, and time moves by hand only. "
            "Call `await clock.advance(...)` from another task than the one that "
            "waits, or let time move by itself: `virtual_time()`."
        )
    return (
        "No timer is set, no socket is ready and no executor works, so no task can "
        "go on. Wake one, give it a timeout, or raise `deadlock_after` if a thread "
        "or a process outside of the loop is about to."
    )


def _thread(timeline: Timeline) -> str:
    names = ", ".join(_name(what) for what in timeline.working.values())
    return (
        f"Time stands still while an executor works, and {names} does not return. If "
        "it waits for a timer of this loop, call it from a `threading.Thread` of the "
        "test's own; if it is slow, raise `deadlock_after`."
    )


def _name(what: Callable[..., object]) -> str:
    while isinstance(what, partial):
        # `asyncio.to_thread` sends `partial(context.run, function, ...)`.
        inner = what.args[0] if what.args else None
        what = inner if callable(inner) else what.func
    return getattr(what, "__qualname__", None) or repr(what)


def _task(task: asyncio.Task[object]) -> str:
    lines = "".join(f"\n    {line}" for line in _stack(task))
    return f"\n  {task.get_name()}:{lines}"


def _stack(task: asyncio.Task[object]) -> Iterator[str]:
    """Yield where a task waits, outermost first.

    `Task.get_stack` knows the outermost coroutine of a waiting task only.
    """
    awaited: object = task.get_coro()
    while awaited is not None:
        frame = _first(awaited, _FRAMES)
        if not isinstance(frame, FrameType):
            return  # a future, or what awaits one; the line above says which
        yield _place(frame)
        awaited = _first(awaited, _AWAITED)


def _first(awaited: object, names: tuple[str, ...]) -> object:
    return next((getattr(awaited, n) for n in names if hasattr(awaited, n)), None)


def _place(frame: FrameType) -> str:
    code = frame.f_code
    source = linecache.getline(code.co_filename, frame.f_lineno).strip()
    return f"{code.co_filename}:{frame.f_lineno} in {code.co_qualname}: {source}"
