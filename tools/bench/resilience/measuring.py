"""How it is measured: against a bare await, a moment apart.

Each figure is the median over pairs of short runs, one of the contestant and one of a
bare `await noop()` next to it, so that a machine that is slower for a while is so for
both. All contestants take part in each round; which one of a pair goes first changes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import repeat
from statistics import median
from textwrap import indent
from time import perf_counter
from typing import Any, Final, TypeAlias

from bench.resilience.contestant import Contestant, noop

__all__ = ["BARE", "PAIRS", "ROUNDS", "Figure", "measure"]

ROUNDS: Final = 9
PAIRS: Final = 7
RUN: Final = 0.003
"""Seconds of one run: short beside what disturbs a machine, long beside its clock."""

BARE: Final = "await noop()"

_Run: TypeAlias = Callable[[Iterator[None]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Figure:
    """What one contestant costs.

    Attributes:
        contestant: Whose figure it is.
        ratio: The median of its pairs: its time by that of a bare await.
        best: The microseconds of one call in its fastest run.
    """

    contestant: Contestant
    ratio: float
    best: float

    @property
    def missed(self) -> bool:
        """Whether it costs more than its target."""
        target = self.contestant.target
        return target is not None and self.ratio > target


async def measure(contestants: list[Contestant]) -> tuple[float, list[Figure]]:
    """Return the best microseconds of a bare await, and the figure of each contestant."""
    bare = await _Subject.prepare(BARE, {})
    subjects = [await _Subject.prepare(c.statement, c.names) for c in contestants]
    ratios: list[list[float]] = [[] for _ in contestants]
    for _ in range(ROUNDS):
        for subject, found in zip(subjects, ratios, strict=True):
            for number in range(PAIRS):
                found.append(await _ratio(subject, bare, bare_first=number % 2 == 0))
    figures = [
        Figure(contestant, median(found), subject.best * 1e6)
        for contestant, subject, found in zip(
            contestants, subjects, ratios, strict=True
        )
    ]
    return bare.best * 1e6, figures


class _Subject:
    """A statement that is run many times, and the seconds of its best run."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._calls = 1
        self.best = float("inf")

    @classmethod
    async def prepare(cls, statement: str, names: Any) -> _Subject:
        """Compile a statement, and find how many calls make a run."""
        subject = cls(_compiled(statement, {"noop": noop, **names}))
        # The best of three: what a library does at its first call, or a pause of the
        # machine, would pass for a run that is long enough.
        while min([await subject.seconds() for _ in range(3)]) * subject._calls < RUN:
            subject._calls *= 2
        return subject

    async def seconds(self) -> float:
        """Return the seconds of one call in a run."""
        calls = repeat(None, self._calls)
        start = perf_counter()
        await self._run(calls)
        taken = (perf_counter() - start) / self._calls
        self.best = min(self.best, taken)
        return taken


def _compiled(statement: str, names: dict[str, Any]) -> _Run:
    source = "async def run(calls):\n    for _ in calls:\n" + indent(statement, " " * 8)
    # As timeit does: called through a function, the smallest would cost twice as much.
    exec(source, names)  # noqa: S102 - statements of this folder
    run: _Run = names["run"]
    return run


async def _ratio(subject: _Subject, bare: _Subject, *, bare_first: bool) -> float:
    if bare_first:
        beside = await bare.seconds()
        return await subject.seconds() / beside
    taken = await subject.seconds()
    return taken / await bare.seconds()
