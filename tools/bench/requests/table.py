"""The figures as tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from bench.requests.contestant import BASIS, CONTESTANTS
from bench.requests.kept import Found, cpu, figures
from bench.requests.matrix import Load
from bench.requests.targets import targets

__all__ = [
    "better",
    "growth",
    "instructions",
    "line",
    "of_loads",
    "of_targets",
    "shown",
]


def line(figure: Mapping[str, Any]) -> str:
    """Return a figure as it is shown while others are measured."""
    load = Load(figure["path"], figure["concurrency"], figure["loop"])
    start = f"{load.shown:32}{figure['contestant']:17}"
    if "error" in figure:
        return f"{start}{figure['error']}"
    low, high = figure["quartiles"]
    return (
        f"{start}{figure['cpu_us']:10,.1f} µs of the processor "
        f"{figure['wall_us']:10,.1f} µs {figure['ratio']:7.3f} times {BASIS} "
        f"({low:.3f} to {high:.3f})"
    )


def shown(found: Found) -> str:
    """Return everything, for who measured it."""
    parts = [of_targets(found), instructions(found)]
    return "\n\n".join("\n".join(part) for part in parts)


def of_targets(found: Found) -> Iterator[str]:
    """Yield the table of what has to be reached."""
    yield from _head("", "must", "goal", "measured")
    for each in targets(found):
        goal = "" if each.goal is None else f"≤ {each.goal:,.{each.digits}f}"
        measured = f"{each.measured:,.{each.digits}f}"
        if each.missed:
            measured = f"**{measured}**, missed"
        yield _row(each.what, f"≤ {each.must:,.{each.digits}f}", goal, measured)


def of_loads(found: Found, loads: Sequence[Load]) -> Iterator[str]:
    """Yield a table of these loads: for each client the ratio, and microseconds."""
    measured = [(load, of_load) for load, of_load in figures(found) if load in loads]
    yield from _head("", *(load.shown for load, _ in measured))
    for contestant in CONTESTANTS:
        cells = [_cell(of_load, contestant.name) for _, of_load in measured]
        if any(cells):
            name = f"**{contestant.name}**" if contestant.is_ours else contestant.name
            yield _row(name, *cells)


def _cell(of_load: Iterable[Mapping[str, Any]], name: str) -> str:
    for figure in of_load:
        if figure["contestant"] == name:
            if "error" in figure:
                return "failed"
            return f"{figure['ratio']:.2f} · {figure['cpu_us']:,.0f} µs"
    return ""


def growth(found: Found) -> Iterator[str]:
    """Yield the table of what a call costs among many, by what it costs among few."""
    few, many = Load("/100", 50), Load("/100", 1000)
    yield from _head("", "50 at once", "1,000 at once", "ratio")
    for name, what in (
        ("ours-pool-of-10", "ours as shipped"),
        ("ours", "ours, a connection for each"),
        (BASIS, f"{BASIS}, a connection for each"),
    ):
        one, other = cpu(found, name, few), cpu(found, name, many)
        if one and other:
            yield _row(what, f"{one:.0f} µs", f"{other:.0f} µs", f"{other / one:.2f}")


def instructions(found: Found) -> Iterator[str]:
    """Yield the table of instructions per call."""
    counts: Mapping[str, float] = found.get("instructions", {})
    yield from _head("", "instructions", f"by {BASIS}")
    for name, number in counts.items():
        who, path = name.split()
        basis = counts.get(f"{BASIS} {path}")
        yield _row(
            f"{Load(path, 1).shown}, {who}",
            f"{number:,.0f}",
            "" if basis is None else f"{number / basis:.3f}",
        )


def better(found: Found) -> Iterator[str]:
    """Yield where others need less than ours does without anything around it."""
    for load, of_load in figures(found):
        ratios = {each["contestant"]: each.get("ratio") for each in of_load}
        mine = ratios.get("ours")
        for contestant in CONTESTANTS:
            theirs = ratios.get(contestant.name)
            if contestant.is_ours or theirs is None or mine is None or theirs >= mine:
                continue
            yield f"- {load.shown}: {contestant.name} {theirs:.2f}, ours {mine:.2f}"


def _head(*columns: str) -> Iterator[str]:
    yield _row(*columns)
    yield f"|---|{'--:|' * (len(columns) - 1)}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
