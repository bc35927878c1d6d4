"""Outcomes in their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from lexigram.testing._answers.outcomes import Act, describe

__all__ = ["Script", "Then"]

Then: TypeAlias = Literal["error", "repeat_last", "cycle"]
"""What a sequence does after its last outcome."""

_SHOWN: Final = 10
_THENS: Final = frozenset(get_args(Then))


@dataclass(frozen=True, slots=True)
class Script:
    """What a route answers, request by request."""

    outcomes: tuple[Act, ...]
    then: Then = "repeat_last"

    def __post_init__(self) -> None:
        if not self.outcomes:
            raise ValueError("A sequence needs at least one outcome.")
        if self.then not in _THENS:
            raise ValueError(
                f"then={self.then!r} is unknown. Use 'error', 'repeat_last' or 'cycle'."
            )

    def at(self, position: int) -> Act | None:
        """Return the outcome at a position; None when there is none left."""
        size = len(self.outcomes)
        if position < size:
            return self.outcomes[position]
        if self.then == "error":
            return None
        return self.outcomes[position % size if self.then == "cycle" else -1]

    def __str__(self) -> str:
        shown = [describe(outcome) for outcome in self.outcomes[:_SHOWN]]
        return ", ".join([*shown, "…"] if len(self.outcomes) > _SHOWN else shown)

    @property
    def least(self) -> int:
        """How many requests use it up, or are enough for it."""
        return len(self.outcomes) if self.then == "error" else 1
