"""What is measured: the loads, who takes part in each, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from bench.requests.bodies import POST
from bench.requests.contestant import BASIS, CONTESTANTS, Contestant

__all__ = ["FULL", "LOADS", "QUICK", "Load", "Pace"]


_FEW: Final = 100


@dataclass(frozen=True, slots=True)
class Load:
    """One column of the matrix.

    Attributes:
        path: What is asked for.
        concurrency: How many calls there are at once.
        loop: Whose event loop it is.
    """

    path: str
    concurrency: int
    loop: str = "asyncio"

    @property
    def possible(self) -> bool:
        """Whether its event loop is there."""
        return self.loop == "asyncio" or _is_there(self.loop)

    @property
    def shown(self) -> str:
        """What it is, for a reader."""
        what = {"/100": "GET 100 B", "/10k": "GET 10 kB", "/1m": "GET 1 MB"}
        loop = "" if self.loop == "asyncio" else f", {self.loop}"
        return f"{what.get(self.path, 'POST')}, {self.concurrency:,} at once{loop}"

    @property
    def _makes_wait(self) -> bool:
        """Whether it shows what waiting for a connection costs."""
        return self in (Load("/100", 50), Load("/100", 1000))

    def seconds(self, pace: Pace) -> float:
        """Return the time of a run: the more calls at once, the more make a row."""
        return pace.seconds * (3 if self.concurrency > _FEW else 1)

    def contestants(self, only: Sequence[str]) -> list[Contestant]:
        """Return who takes part: whoever it says something about."""
        return [
            each
            for each in CONTESTANTS
            if _is_there(each.distribution)
            and (each.name != "ours-pool-of-10" or self._makes_wait)
            and (not only or each.name == BASIS or any(w in each.name for w in only))
        ]


def _is_there(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True


LOADS: Final = (
    Load("/100", 1),
    Load("/100", 50),
    Load("/100", 1000),
    Load("/10k", 1),
    Load("/10k", 50),
    Load("/1m", 1),
    Load(POST, 1),
    Load(POST, 50),
    Load("/100", 1, "uvloop"),
    Load("/100", 50, "uvloop"),
)
"""Not every size at every concurrency: enough to see what each of them changes."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long it takes.

    Attributes:
        rounds: Rounds in which all take turns.
        seconds: Of the processor, for one run of one client.
        seldom: Clients that cost many times the others have a turn in each so-manieth
            round: what they come to needs no third digit.
    """

    rounds: int
    seconds: float
    seldom: int


FULL: Final = Pace(rounds=15, seconds=0.1, seldom=5)
QUICK: Final = Pace(rounds=3, seconds=0.05, seldom=3)
