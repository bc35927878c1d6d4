"""What the policies cost a call that succeeds, beside other libraries.

    uv run --group bench python tools/resilience_overhead.py
        --write                keeps the figures and a plot in docs/reports/
        --only hyx             kinds and libraries with this in their name; repeatable
        --check                exits with 1 when one of ours misses its target

Takes less than a minute. Libraries that are not installed are left out.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from bench.resilience.contestant import Contestant
from bench.resilience.floors import floors
from bench.resilience.measuring import Figure, measure
from bench.resilience.ours import ours
from bench.resilience.peers import peers, versions
from bench.resilience.plot import draw
from bench.resilience.table import left_out, number, report, tables

from environments import ROOT

REPORT = ROOT / "docs" / "reports" / "resilience-overhead.md"


def options() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args()
    if chosen.write and chosen.only:
        parser.error("--write keeps a whole report. Leave out --only.")
    if chosen.write and find_spec("matplotlib") is None:
        parser.error("--write draws with matplotlib. Use `uv run --group bench`.")
    return chosen


async def measured(only: Sequence[str]) -> tuple[float, list[Figure], list[str]]:
    """Return the microseconds of a bare await, the figures, and who is not there."""
    others, absent = peers()
    contestants: list[Contestant] = [*floors(), *ours(), *others]
    if only:
        contestants = [each for each in contestants if each.matches(only)]
    if not contestants:
        raise SystemExit(
            f"Neither a kind nor a library has one of {only!r} in its name."
        )
    bare, figures = await measure(contestants)
    return bare, figures, absent


def check(figures: Sequence[Figure]) -> int:
    """Say which targets are missed; return the exit code."""
    if all(figure.contestant.target is None for figure in figures):
        print("Nothing that was measured has a target.", file=sys.stderr)
        return 1
    missed = [figure for figure in figures if figure.missed]
    for figure in missed:
        whose = figure.contestant
        print(
            f"{whose.kind}, {whose.shown}: {number(figure.ratio)} times a bare "
            f"await, above the target of {whose.target:g}.",
            file=sys.stderr,
        )
    return int(bool(missed))


def main() -> int:
    """Measure, print, and keep or check the figures when told to."""
    chosen = options()
    bare, figures, absent = asyncio.run(measured(chosen.only))
    print("\n".join([*tables(bare, figures), *left_out(absent)]))
    if chosen.write:
        lines = report(bare, figures, versions=versions(absent), absent=absent)
        REPORT.write_text("\n".join(lines) + "\n")
        draw(figures, REPORT.with_suffix(".svg"))
    return check(figures) if chosen.check else 0


if __name__ == "__main__":
    sys.exit(main())
