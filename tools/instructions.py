"""How many instructions a call takes: the figure that noise cannot move, and its gate.

    uv run python tools/instructions.py                counts, beside the baseline
        --only ours                clients and loads with this in their name; repeatable
        --repeat 3                 counts again and says how far apart the counts are
        --check                    exits with 1 when one has grown beyond the limit
        --write                    keeps the counts as the baseline

Needs valgrind, and takes half a minute.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from bench.requests.contestant import BASIS
from bench.requests.counting import VALGRIND, Count, count

__all__ = ["instructions"]

BASELINE: Final = Path(__file__).with_suffix(".toml")
GROWTH: Final = 0.03
"""What a count may be beyond that of the baseline, as a share of it."""

COUNTED: Final = (
    f"{BASIS} /100",
    "ours /100",
    "ours-pipeline /100",
    f"{BASIS} /post",
    "ours /post",
)
FIRST: Final = COUNTED[0]

HEAD: Final = """\
# Instructions per call, one call after the other; what they may grow by is in
# instructions.py. Made by `uv run python tools/instructions.py --write`.
"""


def build() -> dict[str, str]:
    """Return what the counts depend on beside our code."""
    return {
        "python": f"{platform.python_version()}, {platform.python_compiler()}",
        "machine": platform.machine(),
        "libc": " ".join(platform.libc_ver()),
        "aiohttp": version("aiohttp"),
        "yarl": version("yarl"),
        "multidict": version("multidict"),
    }


def instructions() -> None:
    """Compare the instructions per call with the baseline, where valgrind is there."""
    if VALGRIND is None:
        print("    skipped: no valgrind")
        return
    baseline = tomllib.loads(BASELINE.read_text())
    counts = count([name for name in COUNTED if name in baseline["counts"]])
    print("\n".join(f"    {line}" for line in table(counts, baseline)))
    grown = list(problems(counts, baseline))
    if grown:
        raise RuntimeError("\n".join(grown))


def table(counts: Sequence[Count], baseline: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each count: itself, by that of aiohttp, and before."""
    basis = _basis(counts)
    for each in counts:
        line = f"{each.name:20}{each.typical:12,.0f}"
        if basis is not None:
            line += f"{each.typical / basis:8.3f} of {FIRST}"
        if (before := baseline.get("counts", {}).get(each.name)) is not None:
            line += f", {each.typical / before - 1:+8.2%} to the baseline"
        if len(each.counts) > 1:
            line += f", {each.spread:.2%} apart"
        yield line


def problems(counts: Sequence[Count], baseline: Mapping[str, Any]) -> Iterator[str]:
    """Yield what has grown too much.

    Another interpreter or another aiohttp takes other numbers of instructions: then it
    is the share of what aiohttp takes on the same that is compared.
    """
    before: Mapping[str, float] = baseline["counts"]
    same = baseline["build"] == build()
    now = 1.0 if same else _basis(counts)
    if now is None:
        yield f"On another build than the baseline's, {FIRST!r} has to be counted, too."
        return
    for each in counts:
        if each.name.startswith(BASIS) or each.name not in before:
            continue
        least = before[each.name] / (1.0 if same else before[FIRST])
        if each.typical / now > least * (1 + GROWTH):
            yield (
                f"{each.name}: {each.typical / now / least - 1:.1%} more instructions "
                f"{'' if same else f'by those of {FIRST!r} '}than the baseline, where "
                f"{GROWTH:.0%} are allowed. Find out why, or keep them by "
                "`uv run python tools/instructions.py --write` and say so."
            )


def _basis(counts: Sequence[Count]) -> float | None:
    return next((each.typical for each in counts if each.name == FIRST), None)


def write(counts: Sequence[Count]) -> None:
    """Keep the counts."""
    lines = [HEAD, "[build]"]
    lines += [f'{name} = "{value}"' for name, value in build().items()]
    lines += ["", "[counts]"]
    lines += [f'"{each.name}" = {each.typical:.0f}' for each in counts]
    BASELINE.write_text("\n".join(lines) + "\n")


def options() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    parser.add_argument("--repeat", type=int, default=1, metavar="TIMES")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    if chosen.write and chosen.only:
        parser.error("--write keeps a whole baseline. Leave out --only.")
    if VALGRIND is None:
        parser.error("There is no valgrind: `apt-get install valgrind`.")
    return chosen


def main() -> int:
    """Count, print, and keep or compare when told to."""
    chosen = options()
    names = [
        name
        for name in COUNTED
        if not chosen.only or any(word in name for word in chosen.only)
    ]
    counts = count(names, repetitions=chosen.repeat)
    baseline = tomllib.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    print("\n".join(table(counts, baseline)))
    if chosen.write:
        write(counts)
    grown = list(problems(counts, baseline)) if chosen.check else []
    for problem in grown:
        print(problem, file=sys.stderr)
    return int(bool(grown))


if __name__ == "__main__":
    sys.exit(main())
