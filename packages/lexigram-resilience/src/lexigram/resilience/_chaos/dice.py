"""Which calls are disturbed, and how: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Literal, TypeAlias

__all__ = ["Dice", "Kind"]

Kind: TypeAlias = Literal["behaviour", "latency", "fault", "outcome"]
"""How a call is disturbed."""


class Dice:
    """Draws for each kind of disturbance whether a call gets it.

    A kind whose rate is 0 is not drawn for, so that the same seed and configuration
    disturb the same calls.

    Attributes:
        rates: Share of the calls by kind, in the order in which they are drawn for.
    """

    __slots__ = ("_draw", "rates")

    def __init__(self, rates: Iterable[tuple[Kind, float]], random: Random) -> None:
        self.rates: tuple[tuple[Kind, float], ...] = tuple(
            (kind, rate) for kind, rate in rates if rate > 0
        )
        self._draw = random.random

    def roll(self) -> tuple[Kind, ...]:
        """Return the disturbances of a call, in the order of the rates; mostly none."""
        drawn: tuple[Kind, ...] = ()
        draw = self._draw
        for kind, rate in self.rates:
            if draw() < rate:
                drawn = (*drawn, kind)
        return drawn
