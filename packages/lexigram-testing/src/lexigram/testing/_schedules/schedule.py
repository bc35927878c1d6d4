"""A sequence of outcomes for one route."""

from __future__ import annotations

from dataclasses import dataclass

from lexigram.testing._answers.outcomes import Outcome
from lexigram.testing._routing.routes import Route
from lexigram.testing._routing.scripts import Then
from lexigram.testing._schedules.source import source_of

__all__ = ["FaultSchedule"]


@dataclass(frozen=True, slots=True, init=False, repr=False)
class FaultSchedule:
    """What a route answers, one request after the other.

    Its `repr` makes an equal one; its `str` is what to write behind a route instead.

    Example:
        >>> print(FaultSchedule(fault.reset(), Reply(200)))
        .sequence(fault.reset(), Reply(200), then='repeat_last')
    """

    outcomes: tuple[Outcome, ...]
    """The outcomes, in order."""
    then: Then
    """What comes after the last."""

    def __init__(self, *outcomes: Outcome, then: Then = "repeat_last") -> None:
        object.__setattr__(self, "outcomes", outcomes)
        object.__setattr__(self, "then", then)

    def apply(self, route: Route) -> Route:
        """Let a route answer so, and return it.

        Raises:
            ValueError: An outcome cannot happen where the route is: a server's route
                cannot refuse a connection, a fake has no wire.
        """
        return route.sequence(*self.outcomes, then=self.then)

    def __repr__(self) -> str:
        then = "" if self.then == "repeat_last" else f", then={self.then!r}"
        return f"{type(self).__name__}({self._arguments()}{then})"

    def __str__(self) -> str:
        return f".sequence({self._arguments()}, then={self.then!r})"

    def _arguments(self) -> str:
        return ", ".join(map(source_of, self.outcomes))
