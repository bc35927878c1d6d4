"""The plots: bars for each client, ours in colour, one panel for each load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from bench.requests.bodies import POST
from bench.requests.contestant import BASIS
from bench.requests.kept import Found, figures
from bench.requests.matrix import Load

__all__ = ["PLOTS", "draw"]

PLOTS: Final = {
    "requests.svg": (
        "What a small call costs",
        (Load("/100", 1), Load("/100", 50), Load("/100", 1000)),
    ),
    "requests-bodies.svg": (
        "What a call with a body costs",
        (Load("/10k", 50), Load("/1m", 1), Load(POST, 50)),
    ),
}
"""The files, what they show, and with which loads."""

_OURS: Final = "#1f5fbf"
_OTHERS: Final = "#b4b9c1"
_LINE: Final = "#5b6470"
_GRID: Final = "#e4e6ea"

# Text stays text: small, and found by whoever searches the page. A salt that is always
# the same makes the same figures give the same file.
_STYLE: Final = {
    "font.family": "sans-serif",
    "font.size": 9,
    "svg.fonttype": "none",
    "svg.hashsalt": "requests",
}


def draw(found: Found, folder: Path) -> None:
    """Write the plots."""
    for name, (title, loads) in PLOTS.items():
        panels = [
            (load, _sorted(all_)) for load, all_ in figures(found) if load in loads
        ]
        if panels:
            _plot(title, panels, folder / name)


def _sorted(of_load: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(
        (each for each in of_load if "ratio" in each), key=lambda each: each["ratio"]
    )


def _plot(
    title: str, panels: Sequence[tuple[Load, list[Mapping[str, Any]]]], path: Path
) -> None:
    rows = [len(of_load) for _, of_load in panels]
    # Imported by name: type checkers run where it is not installed.
    with import_module("matplotlib").rc_context(_STYLE):
        figure: Any = import_module("matplotlib.figure").Figure(
            figsize=(8.5, 0.22 * sum(rows) + 0.34 * len(rows) + 0.5),
            layout="constrained",
        )
        axes = figure.subplots(
            len(panels), 1, sharex=True, squeeze=False, height_ratios=rows
        )[:, 0]
        for (load, of_load), ax in zip(panels, axes, strict=True):
            _bars(ax, load.shown, of_load)
        axes[-1].set_xlabel(
            f"time of the processor per call, in times of {BASIS} (logarithmic)"
        )
        about = {"Title": title, "Date": None, "Creator": None}
        figure.savefig(path, format="svg", metadata=about)


def _bars(ax: Any, title: str, of_load: Sequence[Mapping[str, Any]]) -> None:
    places = range(len(of_load))
    names = [each["contestant"] for each in of_load]
    bars = ax.barh(
        places,
        [each["ratio"] for each in of_load],
        color=[_OURS if name.startswith("ours") else _OTHERS for name in names],
    )
    ax.bar_label(bars, labels=[f"{each['ratio']:.2f}" for each in of_load], padding=3)
    ax.axvline(1, color=_LINE, linewidth=0.8)
    ax.set_yticks(places, names)
    ax.set_ylim(len(of_load) - 0.4, -0.6)
    ax.set_xscale("log")
    ax.set_xlim(0.3, 60)
    ax.set_xticks([0.5, 1, 2, 5, 10, 20, 50], ["0.5", "1", "2", "5", "10", "20", "50"])
    ax.set_title(title, loc="left", fontsize="medium", fontweight="bold")
    ax.tick_params(which="both", length=0)
    ax.spines[["top", "right", "bottom"]].set_visible(False)
    ax.grid(axis="x", color=_GRID)
    ax.set_axisbelow(True)
