"""What streams of events and of JSON lines cost, beside httpx-sse and aiohttp by hand.

uv run --group bench python tools/event_speed.py
    --write                keeps the figures in docs/reports/
    --rounds 9             how often each body is read, in turns
    --streams 1000         how many are open at once where memory is measured
    --check                exits with 1 when one of ours misses its target

Takes a minute.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import inspect
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Final, get_args

from bench.streams.parsing import (
    READERS,
    TARGETS,
    Chunks,
    Form,
    Reader,
    Way,
    divided,
    values,
)
from bench.streams.sources import CONTESTANTS

from environments import ROOT

REPORT: Final = ROOT / "docs" / "reports" / "events.md"
SOURCES: Final = Path(__file__).parent / "bench" / "streams" / "sources.py"
VALUES: Final = 20_000
MEMORY: Final = 64.0
"""Most KiB that one of our streams takes beyond one of aiohttp."""

SIZES: Final[dict[str, int | None]] = {"64 KiB": 65_536, "1 KiB": 1024, "each": None}
SHOWN: Final[dict[Way, str]] = {"parser": "parser alone", "iteration": "`async for`"}

HEAD: Final = """# Streams of events: speed and memory

Made by `uv run --group bench python tools/event_speed.py --write`.

CPython {python}, {date}, aiohttp {aiohttp}, httpx {httpx}, httpx-sse {httpx_sse}; {cpus}
processors, a load of {load:.1f}.

## Speed

{values:,} values of about 100 bytes, in memory, and nothing done with them. They come in
chunks of 64 KiB, of 1 KiB, and each in one of its own, as a live stream brings them.
Nanoseconds of the processor for one value, the median of {rounds} rounds in turns; in
brackets how many times ours that is, as the median over the rounds. Ours has to be twice as
fast as httpx-sse and at least as fast as a loop over the lines of aiohttp by hand, of which
everything has arrived already, so that it never waits. httpx-sse reads no JSON lines; beside
them stands httpx, without a target, as the parser of JSON takes most of the time in all
three. Its lines end at U+2028 and at other characters where ours do not.

"""

MEMORY_HEAD: Final = """
## Memory

{streams:,} streams at once in one process, from a server in another: each has read
{events} events and waits for the next. KiB of resident memory for each stream, the median
of 3 processes. Ours may take {limit:.0f} KiB more than aiohttp by hand.

| | KiB for each stream | beyond the first |
|---|--:|--:|
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """What one reader takes for one form."""

    reader: Reader
    form: Form
    nanoseconds: list[float]
    ratios: list[float]

    @property
    def missed(self) -> bool:
        """Whether ours is not as much faster as it has to be."""
        return min(self.ratios) < TARGETS.get(self.reader.whose, 0.0)


def compare(way: Way, form: Form, rounds: int) -> list[Figure]:
    """Return the figures of all who read a form in a way."""
    readers = [each for each in READERS if each.way == way and form in each.forms]
    figures = [Figure(reader, form, [], []) for reader in readers]
    if not readers:
        return []
    for size in SIZES.values():
        chunks = divided(values(form, VALUES), size)
        found: list[list[float]] = [[] for _ in readers]
        for _ in range(rounds):
            results: set[str] = set()
            for reader, taken in zip(readers, found, strict=True):
                seconds, result = read(reader, chunks)
                taken.append(seconds / VALUES * 1e9)
                results.add(result)
            if len(results) > 1:
                raise RuntimeError(f"They disagree about {form}: {results}.")
        for figure, taken in zip(figures, found, strict=True):
            figure.nanoseconds.append(median(taken))
            pairs = zip(taken, found[0], strict=True)
            figure.ratios.append(median(theirs / ours for theirs, ours in pairs))
    return figures


def read(reader: Reader, chunks: Chunks) -> tuple[float, str]:
    """Return the seconds of the processor for a body, and what came of it."""

    async def timed() -> tuple[float, str]:
        began = time.process_time()
        result = reader.read(chunks)
        if inspect.isawaitable(result):
            result = await result
        return time.process_time() - began, repr(result)

    gc.collect()
    gc.disable()
    try:
        return asyncio.run(timed())
    finally:
        gc.enable()


def memory(streams: int) -> dict[str, float]:
    """Return the KiB that a stream of each contestant takes."""
    command = [sys.executable, str(SOURCES)]
    found: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    with subprocess.Popen(
        [*command, "serve"], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            port = (server.stdout or sys.stdin).readline().strip()
            for _ in range(3):
                for name, taken in found.items():
                    run = [*command, name, port, str(streams)]
                    done = subprocess.run(
                        run, check=True, capture_output=True, text=True
                    )
                    taken.append(float(done.stdout))
        finally:
            server.terminate()
    return {name: median(taken) for name, taken in found.items()}


def speed_table(way: Way, figures: Sequence[Figure]) -> Iterator[str]:
    """Give the lines of the table of one way."""
    yield f"| {SHOWN[way]} | | {' | '.join(SIZES)} | target |"
    yield f"|---|---|{'--:|' * len(SIZES)}--:|"
    for figure in figures:
        whose = figure.reader.whose
        bold = "**" if whose == "ours" else ""
        cells = [
            f"{took:,.0f}" if whose == "ours" else f"{took:,.0f} ({ratio:.1f})"
            for took, ratio in zip(figure.nanoseconds, figure.ratios, strict=True)
        ]
        target = f"≥ {TARGETS[whose]:g}" if whose in TARGETS else ""
        yield (
            f"| {figure.form} | {bold}{figure.reader.shown}{bold} | "
            f"{' | '.join(cells)} | {target} |"
        )
    yield ""


def memory_table(taken: dict[str, float]) -> Iterator[str]:
    """Give the lines of the table of memory, by hand first."""
    first = taken["by_hand"]
    for name in sorted(taken, key=("by_hand", "ours").index):
        bold = "**" if name == "ours" else ""
        shown = (CONTESTANTS[name].__doc__ or "").strip().rstrip(".")
        yield (
            f"| {bold}{shown}{bold} | {taken[name]:.1f} | {taken[name] - first:.1f} |"
        )


def options() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--streams", type=int, default=1000)
    return parser.parse_args()


def main() -> int:
    """Measure, print, and keep or check the figures when told to."""
    chosen = options()
    facts = {
        "python": platform.python_version(),
        "date": datetime.now(UTC).date(),
        "aiohttp": version("aiohttp"),
        "httpx": version("httpx"),
        "httpx_sse": version("httpx-sse"),
        "cpus": os.cpu_count(),
        "load": os.getloadavg()[0],
        "values": VALUES,
        "rounds": chosen.rounds,
    }
    lines = [HEAD.format_map(facts).rstrip(), ""]
    missed: list[str] = []
    for way in get_args(Way):
        figures: list[Figure] = []
        for form in get_args(Form):
            figures += compare(way, form, chosen.rounds)
        lines += speed_table(way, figures)
        missed += [
            f"{each.form}, {way}: {each.reader.shown} takes {min(each.ratios):.2f} times "
            "what ours does at least."
            for each in figures
            if each.missed
        ]
    taken = memory(chosen.streams)
    head = MEMORY_HEAD.format(streams=chosen.streams, events=5, limit=MEMORY)
    lines += [head.strip(), *memory_table(taken)]
    if taken["ours"] - taken["by_hand"] > MEMORY:
        missed.append(f"memory: {taken}")
    text = "\n".join(lines).rstrip() + "\n"
    print(text)
    if chosen.write:
        REPORT.write_text(text)
    for miss in missed:
        print(f"Misses a target: {miss}", file=sys.stderr)
    return int(bool(missed) and chosen.check)


if __name__ == "__main__":
    sys.exit(main())
