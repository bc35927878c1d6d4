"""Tracebacks that end where a test's author can do something."""

from __future__ import annotations

from types import TracebackType

from lexigram.testing._calls.failures import TestKitFailure

__all__ = ["end_before_the_kit"]

# What a test calls to run what fails is no place to look at either.
_BEHIND = ("lexigram.testing.", "asyncio.")


def end_before_the_kit(failure: BaseException) -> None:
    """Let the traceback of a complaint of the kit end at the line that it is about."""
    if not isinstance(failure, TestKitFailure | AssertionError):
        return
    last: TracebackType | None = None
    entry = failure.__traceback__
    while entry is not None:
        if not entry.tb_frame.f_globals.get("__name__", "").startswith(_BEHIND):
            last = entry
        entry = entry.tb_next
    if last is not None:
        last.tb_next = None
