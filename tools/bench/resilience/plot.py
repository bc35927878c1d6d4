"""The plot: bars on a logarithmic axis, ours in colour."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from bench.resilience.contestant import OURS
from bench.resilience.measuring import Figure
from bench.resilience.table import by_kind, number

__all__ = ["draw"]

TITLE: Final = "What resilience costs a call that succeeds"
COLOUR: Final = "#1f5fbf"
OTHERS: Final = "#b4b9c1"
GRID: Final = "#e4e6ea"

# Text stays text: small, and found by whoever searches the page. A salt that is always
# the same makes the same figures give the same file.
STYLE: Final = {
    "font.family": "sans-serif",
    "font.size": 9,
    "svg.fonttype": "none",
    "svg.hashsalt": "resilience-overhead",
}


def draw(figures: Sequence[Figure], path: Path) -> None:
    """Write the plot of our figures and of the cheapest form of each other library."""
    groups = [(kind, _shown(found)) for kind, found in by_kind(figures)]
    rows = [len(found) for _, found in groups]
    # Imported by name: type checkers run where it is not installed.
    with import_module("matplotlib").rc_context(STYLE):
        figure: Any = import_module("matplotlib.figure").Figure(
            figsize=(8.5, 0.22 * sum(rows) + 0.34 * len(rows) + 0.5),
            layout="constrained",
        )
        axes = figure.subplots(
            len(groups), 1, sharex=True, squeeze=False, height_ratios=rows
        )[:, 0]
        for (kind, found), ax in zip(groups, axes, strict=True):
            _bars(ax, str(kind), found)
        axes[-1].set_xlabel("a successful call, in times of a bare await (logarithmic)")
        about = {"Title": TITLE, "Date": None, "Creator": None}
        figure.savefig(path, format="svg", metadata=about)


def _shown(figures: Sequence[Figure]) -> list[Figure]:
    seen: set[str] = set()
    shown: list[Figure] = []
    for figure in figures:
        if _is_ours(figure) or figure.contestant.library not in seen:
            shown.append(figure)
        seen.add(figure.contestant.library)
    return shown


def _bars(ax: Any, title: str, figures: Sequence[Figure]) -> None:
    places = range(len(figures))
    bars = ax.barh(
        places,
        [figure.ratio - 1 for figure in figures],
        left=1,
        color=[COLOUR if _is_ours(figure) else OTHERS for figure in figures],
    )
    ax.bar_label(bars, labels=[number(figure.ratio) for figure in figures], padding=3)
    several = sum(map(_is_ours, figures)) > 1
    ax.set_yticks(places, [_label(figure, noted=several) for figure in figures])
    ax.set_ylim(len(figures) - 0.4, -0.6)
    ax.set_xscale("log")
    ax.set_xlim(1, 1000)
    ax.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1000"])
    ax.set_title(title, loc="left", fontsize="medium", fontweight="bold")
    ax.tick_params(which="both", length=0)
    ax.spines[["top", "right", "bottom"]].set_visible(False)
    ax.grid(axis="x", color=GRID)
    ax.set_axisbelow(True)


def _is_ours(figure: Figure) -> bool:
    return figure.contestant.library == OURS


def _label(figure: Figure, *, noted: bool) -> str:
    note = figure.contestant.note if noted and _is_ours(figure) else ""
    return ", ".join(filter(None, (figure.contestant.library, note)))
