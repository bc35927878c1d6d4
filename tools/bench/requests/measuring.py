"""How it is measured: in turns, and each round against aiohttp in the same round.

Each client has a process of its own, of which only one does anything at a time. A run
opens a client, lets it get warm, and counts calls until it has used its time of the
processor. The first to run and the last to run of a round is aiohttp: a machine that
becomes slower meanwhile is so for both.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any, Final, TypeAlias

from bench.requests.contestant import BASIS, Contestant
from bench.requests.matrix import Load, Pace
from bench.requests.serving import ENVIRONMENT

__all__ = ["Figure", "measure"]

_FEW: Final = 4
"""Ratios, below which there are no quartiles."""


@dataclass(slots=True)
class Figure:
    """What one client came to with one load.

    Attributes:
        contestant: Who.
        load: With what.
        cpu: Microseconds of the processor per call, of each run.
        wall: Microseconds of the clock per call, of each run.
        ratios: The first by that of aiohttp in the same round.
        error: Why there is nothing.
    """

    contestant: str
    load: Load
    cpu: list[float] = field(default_factory=list[float])
    wall: list[float] = field(default_factory=list[float])
    ratios: list[float] = field(default_factory=list[float])
    error: str = ""

    def kept(self) -> dict[str, Any]:
        """Return it as it is kept."""
        about = {
            "contestant": self.contestant,
            "path": self.load.path,
            "concurrency": self.load.concurrency,
            "loop": self.load.loop,
        }
        if self.error or not self.cpu:
            return about | {"error": self.error or "Not measured."}
        # Its own are its first runs by the mean of both: how steady the machine was.
        basis = self.contestant == BASIS
        few = len(self.ratios) < _FEW
        quartiles = quantiles(self.ratios, n=4) if not few else self.ratios
        return about | {
            "cpu_us": round(median(self.cpu), 2),
            "wall_us": round(median(self.wall), 2),
            "ratio": 1.0 if basis else round(median(self.ratios), 4),
            "quartiles": [round(min(quartiles), 4), round(max(quartiles), 4)],
            "runs": len(self.cpu),
        }


def measure(
    loads: Sequence[Load], base: str, pace: Pace, only: Sequence[str]
) -> Iterator[Figure]:
    """Yield the figures of all clients, load by load."""
    for loop in dict.fromkeys(load.loop for load in loads):
        with ExitStack() as stack:
            workers: dict[str, _Worker] = {}
            for load in (each for each in loads if each.loop == loop):
                taking_part = load.contestants(only)
                for each in taking_part:
                    if each.name not in workers:
                        worker = stack.enter_context(_worker(each, loop))
                        workers[each.name] = worker
                chosen = [workers[each.name] for each in taking_part]
                yield from _rounds(load, base, pace, chosen)


class _Worker:
    """The process of a client."""

    def __init__(self, contestant: Contestant, process: subprocess.Popen[str]) -> None:
        self.contestant = contestant
        self._process = process

    def run(self, load: Load, base: str, seconds: float) -> dict[str, Any]:
        """Measure one run."""
        order = {
            "url": base + load.path,
            "concurrency": load.concurrency,
            "seconds": seconds,
        }
        assert self._process.stdin and self._process.stdout  # noqa: S101, PT018 - pipes
        print(json.dumps(order), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            return {"error": "Its process ended."}
        found: dict[str, Any] = json.loads(answer)
        return found


_Pair: TypeAlias = tuple[Figure, _Worker]


@contextmanager
def _worker(contestant: Contestant, loop: str) -> Iterator[_Worker]:
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "bench.requests.worker", contestant.name, loop],
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield _Worker(contestant, process)
        finally:
            process.terminate()


def _rounds(
    load: Load, base: str, pace: Pace, workers: Sequence[_Worker]
) -> list[Figure]:
    figures = [Figure(each.contestant.name, load) for each in workers]
    pairs = list(zip(figures, workers, strict=True))
    (first,) = (each for each in pairs if each[0].contestant == BASIS)
    for number in range(pace.rounds):
        turns = [
            each
            for each in pairs
            if each is not first
            and not each[0].error
            and not (each[1].contestant.slow and number % pace.seldom)
        ]
        _round(turns if number % 2 else turns[::-1], first, base, load.seconds(pace))
    return figures


def _round(turns: Sequence[_Pair], first: _Pair, base: str, seconds: float) -> None:
    """Let each of them run once, and aiohttp before and after."""
    before = _run(first, base, seconds)
    times = [
        (figure, _run((figure, worker), base, seconds)) for figure, worker in turns
    ]
    after = _run(first, base, seconds)
    if first[0].error:
        raise RuntimeError(f"{BASIS}, {first[0].load.shown}: {first[0].error}")
    basis = (before + after) / 2
    first[0].ratios.append(before / basis)
    for figure, time in times:
        if not figure.error:
            figure.ratios.append(time / basis)


def _run(pair: _Pair, base: str, seconds: float) -> float:
    """Let it run; return the time of the processor for a call, and keep both times."""
    figure, worker = pair
    answer = worker.run(figure.load, base, seconds)
    figure.error = answer.get("error", "")
    if figure.error:
        return 0.0
    figure.cpu.append(answer["cpu"] / answer["calls"] * 1e6)
    figure.wall.append(answer["wall"] / answer["calls"] * 1e6)
    return figure.cpu[-1]
