"""The report: a table for each kind."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from bench.resilience.contestant import OURS, Kind
from bench.resilience.measuring import BARE, PAIRS, ROUNDS, Figure

__all__ = ["by_kind", "left_out", "number", "report", "tables"]


def by_kind(figures: Sequence[Figure]) -> Iterator[tuple[Kind, list[Figure]]]:
    """Yield each kind that was measured and its figures, the smallest first."""
    for kind in Kind:
        found = [figure for figure in figures if figure.contestant.kind is kind]
        if found:
            yield kind, sorted(found, key=lambda figure: figure.ratio)


def tables(bare: float, figures: Sequence[Figure]) -> Iterator[str]:
    """Yield the lines of the tables."""
    yield f"| nothing | times bare | best µs |\n|---|--:|--:|\n| `{BARE}` | 1 | {bare:.3f} |"
    for kind, found in by_kind(figures):
        yield f"\n| {kind} | | times bare | best µs | target |\n|---|---|--:|--:|--:|"
        yield from map(_row, found)


def report(
    bare: float,
    figures: Sequence[Figure],
    *,
    versions: dict[str, str],
    absent: Sequence[str],
) -> Iterator[str]:
    """Yield the lines of the whole report."""
    yield "# What resilience costs a call that succeeds\n"
    yield "Made by `uv run --group bench python tools/resilience_overhead.py --write`.\n"
    beside = ", ".join(f"{name} {version}" for name, version in versions.items())
    yield (
        f"{platform.python_implementation()} {platform.python_version()}, "
        f"{datetime.now(UTC):%Y-%m-%d}" + (f", beside {beside}." if beside else ".")
    )
    yield from left_out(absent)
    yield f"""
"Times bare" is the time of one call by that of a bare `{BARE}`: the median of {ROUNDS}
rounds of {PAIRS} pairs of short runs, one of each, a moment apart and in turns.
Microseconds are those of the fastest run. One task calls, nobody waits or listens, and no
limit is reached. A library appears in the form that its documentation shows, and in its
cheapest where that is another. What they do for it differs: most of the other breakers
count failures in a row for one circuit, where ours keeps a window for each key.

![Bars on a logarithmic axis: ours, and the cheapest form of each other library, with the
figures of the tables below.](resilience-overhead.svg)
"""
    yield from tables(bare, figures)


def left_out(absent: Sequence[str]) -> Iterator[str]:
    """Yield a line about libraries that are not there, if any."""
    if absent:
        yield f"\nNot installed, and so left out: {', '.join(absent)}."


def number(ratio: float) -> str:
    """Return a ratio with as many digits as repeat themselves."""
    return f"{ratio:.1f}" if ratio < 100 else f"{ratio:.0f}"  # noqa: PLR2004


def _row(figure: Figure) -> str:
    whose = figure.contestant
    name = f"**{whose.library}**" if whose.library == OURS else whose.library
    target = "" if whose.target is None else f"≤ {whose.target:g}"
    return (
        f"| {name} | {whose.shown} | {number(figure.ratio)} | {figure.best:.2f} "
        f"| {target} |"
    )
