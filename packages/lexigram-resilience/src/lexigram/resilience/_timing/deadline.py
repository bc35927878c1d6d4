"""The deadline of the call that is under way, for those made within it.

A call that fetches something for another one must not outlive it: whatever its own limit
is, it ends no later than the outermost.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Final

from lexigram.contracts.resilience import Call

__all__ = ["DEADLINE", "time_left"]

DEADLINE: Final[ContextVar[float | None]] = ContextVar(
    "lexigram.resilience.deadline", default=None
)
"""When the call that surrounds this code is over, as a time of its clock."""


def time_left(limit: float | None, call: Call[Any], now: float) -> float | None:
    """Return the seconds that a call may take: the least of all that limits it."""
    inherited = DEADLINE.get()
    if call.deadline is None and inherited is None:
        return limit
    left = min(
        end for end in (call.deadline, inherited) if end is not None
    ) - now  # fmt: skip
    return max(0.0, left if limit is None else min(limit, left))
