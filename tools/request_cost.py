"""What a call of the client costs, beside other libraries: processor, memory, import.

    uv run --group bench python tools/request_cost.py
        --quick                a minute instead of six: coarser, no instructions
        --only httpx           clients with this in their name, and aiohttp; repeatable
        --load "GET 100 B"     loads with this in their name; repeatable
        --write                keeps the figures, the plots and docs/performance.md
        --page                 makes the plots and the page from the figures that are kept

Clients that are not installed are left out. Instructions need valgrind.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any, Final

from bench.requests.contestant import BASIS
from bench.requests.counting import VALGRIND, count
from bench.requests.facts import facts
from bench.requests.importing import imports
from bench.requests.matrix import FULL, LOADS, QUICK, Pace
from bench.requests.measuring import measure
from bench.requests.page import page
from bench.requests.plots import draw
from bench.requests.serving import ENVIRONMENT, server
from bench.requests.table import line, shown
from instructions import COUNTED

from environments import ROOT

DATA: Final = ROOT / "docs" / "reports" / "data" / "requests.json"
PAGE: Final = ROOT / "docs" / "performance.md"
PLOTS: Final = ROOT / "docs" / "reports"

WAITING: Final = 10_000
KINDS: Final = ("allocated", "resident")


def options() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    parser.add_argument("--load", action="append", default=[], metavar="NAME")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--page", action="store_true")
    chosen = parser.parse_args()
    if chosen.write and (chosen.only or chosen.load):
        parser.error("--write keeps a whole report. Leave out --only and --load.")
    if (chosen.write or chosen.page) and find_spec("matplotlib") is None:
        parser.error("The plots need matplotlib. Use `uv run --group bench`.")
    return chosen


def calls(pace: Pace, chosen: argparse.Namespace) -> dict[str, Any]:
    """Measure calls; print each figure when it is there."""
    loads = [
        each
        for each in LOADS
        if each.possible
        and (not chosen.load or any(word in each.shown for word in chosen.load))
    ]
    figures: list[dict[str, Any]] = []
    with server() as (what, url):
        for figure in measure(loads, url, pace, chosen.only):
            figures.append(figure.kept())
            print(line(figures[-1]), flush=True)
    return {"server": what, "rounds": pace.rounds, "figures": figures}


def counted() -> dict[str, float]:
    """Return instructions per call."""
    return {each.name: round(each.typical) for each in count(COUNTED)}


def waiting(kinds: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Measure calls that wait for a connection."""
    for name in ("ours", BASIS):
        for kind in kinds:
            command = [sys.executable, "-P", "-m", "bench.requests.waiting"]
            done = subprocess.run(
                [*command, name, str(WAITING), kind],
                env=ENVIRONMENT,
                stdout=subprocess.PIPE,
                check=True,
            )
            found = json.loads(done.stdout)
            yield {"contestant": name, "kind": kind, "calls": WAITING} | found


def everything(chosen: argparse.Namespace) -> dict[str, Any]:
    """Measure what was asked for."""
    pace = QUICK if chosen.quick else FULL
    found = facts() | calls(pace, chosen)
    if not (chosen.only or chosen.load):
        exactly = VALGRIND is not None and not chosen.quick
        found["instructions"] = counted() if exactly else {}
        found["imports"] = imports(3 if chosen.quick else 40, counted=exactly)
        found["waiting"] = list(waiting(("allocated",) if chosen.quick else KINDS))
    return found


def make_page(found: dict[str, Any]) -> None:
    """Write the page and its plots."""
    draw(found, PLOTS)
    PAGE.write_text(page(found))


def main() -> int:
    """Measure, print, and keep the figures when told to."""
    chosen = options()
    if chosen.page:
        make_page(json.loads(DATA.read_text()))
        return 0
    found = everything(chosen)
    print(shown(found))
    if chosen.write:
        DATA.parent.mkdir(exist_ok=True)
        DATA.write_text(json.dumps(found, indent=1) + "\n")
        make_page(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
