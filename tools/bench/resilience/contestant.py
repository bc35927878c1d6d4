"""What is measured: a statement as its library's documentation writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

__all__ = ["OURS", "Contestant", "Kind", "noop"]

OURS: Final = "lexigram"


class Kind(StrEnum):
    """What a contestant protects with; those of one kind are compared."""

    RETRY = "Retry"
    BREAKER = "Circuit breaker"
    LIMITER = "Rate limiter"
    BULKHEAD = "Bulkhead"
    TIMEOUT = "Limits of time"
    HEDGE = "Hedge"
    CONCURRENCY = "Adaptive concurrency"
    THROTTLE = "Adaptive throttling"
    PIPELINE = "Pipeline without limits of time"
    TIMED_PIPELINE = "Pipeline with limits of time"


async def noop() -> None:
    """Do nothing: all that is measured is what goes around it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """One way to protect a call.

    Attributes:
        kind: What it is compared with.
        library: Whose it is.
        statement: What is measured: one call of `noop`, protected.
        names: What the statement uses, beside `noop`.
        code: What a report shows in the place of the statement: what was done to a
            decorated function is not seen in its call.
        note: What the code does not show.
        target: The largest ratio to a bare await that we allow ourselves.
    """

    kind: Kind
    library: str
    statement: str
    names: Mapping[str, Any] = field(default_factory=dict[str, Any])
    code: str = ""
    note: str = ""
    target: float | None = None

    @property
    def shown(self) -> str:
        """The code on one line, and the note."""
        code = f"`{' '.join((self.code or self.statement).split())}`"
        return f"{code}, {self.note}" if self.note else code

    def matches(self, words: Sequence[str]) -> bool:
        """Say whether one of the words is in its kind or its library's name."""
        about = f"{self.kind} {self.library}".lower()
        return any(word.lower() in about for word in words)
