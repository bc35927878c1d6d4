"""What the core costs: its import, a boot, 200 singletons, and what is switched off.

    uv run python tools/core_cost.py            prints the figures
    uv run python tools/core_cost.py --write    keeps them in docs/reports/
    uv run python tools/core_cost.py --check    exits with 1 above a target

What happens once in a process is measured in the time of the processor, in fresh
interpreters that print it; nothing there waits for anything. What happens often is
measured in many runs that are over as soon as they began. The best run of each counts:
whatever else the machine does can only add to one.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import timeit
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from environments import ROOT
from lexigram.contracts.web.calling import Telemetry
from lexigram.logging import get_logger

REPORT = ROOT / "docs" / "reports" / "core-cost.md"
PROGRAMS = ROOT / "tools" / "bench" / "core"
PROCESSES = 25
RUNS, CALLS = 300, 5_000

IMPORT = (
    "import time; start = time.process_time(); import {}; "
    "print((time.process_time() - start) * 1000)"
)
ONCE: dict[str, tuple[tuple[str, ...], float | None]] = {
    "`import lexigram`": (("-c", IMPORT.format("lexigram")), 5.0),
    "`import lexigram.application`, for scale": (
        ("-c", IMPORT.format("lexigram.application")),
        None,
    ),
    "boot and stop with the HTTP and resilience modules": (
        (str(PROGRAMS / "boot.py"),),
        15.0,
    ),
    "200 singletons built, validated and created": (
        (str(PROGRAMS / "singletons.py"),),
        40.0,
    ),
}
# An installed package is compiled once and not at each import.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name != "PYTHONDONTWRITEBYTECODE" and not name.startswith("LEX_")
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report.

    Attributes:
        best: In the unit of its table.
        typical: The median of all runs.
        target: What `best` may be at most, if anything.
    """

    what: str
    best: float
    typical: float
    target: float | None

    @property
    def missed(self) -> bool:
        """Whether it costs more than its target."""
        return self.target is not None and self.best > self.target

    def row(self, digits: int) -> str:
        """Return it as a row of a table."""
        target = "" if self.target is None else f"≤ {self.target:g}"
        best, typical = (f"{one:.{digits}f}" for one in (self.best, self.typical))
        return f"| {self.what} | {best} | {typical} | {target} |"


def milliseconds(arguments: Sequence[str], folder: str) -> float:
    """Return what a program prints, run where there is no configuration."""
    done = subprocess.run(
        [sys.executable, "-P", *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        check=True,
    )
    return float(done.stdout)


def once() -> Iterator[Figure]:
    """Measure what happens once in a process; the programs take turns."""
    times: dict[str, list[float]] = {what: [] for what in ONCE}
    with tempfile.TemporaryDirectory() as folder:
        # The first round writes the byte code and does not count.
        for number in range(PROCESSES + 1):
            for what, (arguments, _) in ONCE.items():
                took = milliseconds(arguments, folder)
                times[what] += [took] if number else []
    for what, (_, target) in ONCE.items():
        yield Figure(what, min(times[what]), statistics.median(times[what]), target)


def often() -> Iterator[Figure]:
    """Measure what is switched off and met with each call."""
    names = {"log": get_logger("lexigram.bench"), "telemetry": Telemetry(None)}
    disabled = "log.debug('invoice.sent', invoice='inv_1')"
    yield _call("a disabled log call", "log.debug('invoice.sent')", names, 0.2)
    yield _call("a disabled log call with a field", disabled, names, 0.2)
    yield _call(
        "a recorder that is absent, for each request",
        "if telemetry._metrics is not None: pass",
        names,
        0.05,
    )


def _call(what: str, statement: str, names: dict[str, Any], target: float) -> Figure:
    """Measure a statement, without the loop around it."""
    timer, empty = timeit.Timer(statement, globals=names), timeit.Timer("pass")
    loop = min(empty.repeat(RUNS, CALLS))
    runs = [(took - loop) / CALLS * 1e6 for took in timer.repeat(RUNS, CALLS)]
    return Figure(what, min(runs), statistics.median(runs), target)


def report(rare: Sequence[Figure], frequent: Sequence[Figure]) -> Iterator[str]:
    """Yield the report line by line."""
    busy = os.getloadavg()[0]
    yield "# What the core costs\n"
    yield "Made by `uv run python tools/core_cost.py --write`.\n"
    yield (
        f"Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}; "
        f"{os.cpu_count()} processors, a load of {busy:.1f}. Milliseconds are the "
        "processor's, in fresh interpreters: a first boot, after all imports.\n"
    )
    yield f"| once in a process, of {PROCESSES} | best ms | median ms | target |"
    yield "|---|--:|--:|--:|"
    yield from (figure.row(1) for figure in rare)
    yield f"\n| with each call, of {RUNS} runs | best µs | median µs | target |"
    yield "|---|--:|--:|--:|"
    yield from (figure.row(3) for figure in frequent)


def main() -> int:
    """Print the figures, and keep or check them when told to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--write", action="store_true", help=f"keep them in {REPORT.name}"
    )
    parser.add_argument("--check", action="store_true", help="fail above a target")
    chosen = parser.parse_args()
    rare, frequent = list(once()), list(often())
    text = "\n".join(report(rare, frequent)) + "\n"
    print(text)
    if chosen.write:
        REPORT.write_text(text)
    missed = [figure for figure in (*rare, *frequent) if figure.missed]
    for figure in missed:
        print(f"{figure.what}: above the target of {figure.target:g}.", file=sys.stderr)
    return int(chosen.check and bool(missed))


if __name__ == "__main__":
    sys.exit(main())
