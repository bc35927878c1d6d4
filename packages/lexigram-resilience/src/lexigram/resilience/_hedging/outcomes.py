"""How an attempt of a race ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from lexigram.contracts.resilience import Judgement

__all__ = ["FINAL", "Raised", "Returned"]

T = TypeVar("T")

FINAL: Final = Judgement("neutral")
"""Of what nobody judged, and which ends the call all the same."""


# Without slots: together with generics they break on Python 3.11.
@dataclass(frozen=True)
class Returned(Generic[T]):
    """An attempt returned something.

    Attributes:
        number: Of the attempt, from 1.
        judgement: What the owner of the call thinks of it.
        result: What it returned.
    """

    number: int
    judgement: Judgement
    result: T


@dataclass(frozen=True, slots=True)
class Raised:
    """An attempt raised something.

    Attributes:
        number: Of the attempt, from 1.
        judgement: What the owner of the call thinks of it; None when it was not made: a
            policy within refused it, or somebody else cancelled it.
        error: What it raised.
    """

    number: int
    judgement: Judgement | None
    error: BaseException
