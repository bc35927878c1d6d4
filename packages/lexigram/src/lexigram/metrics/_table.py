"""The summary as a table in a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

__all__ = ["table_of"]

_SECOND = 1.0
_TENTH = 0.1
_MILLISECOND = 1e-3
_NUMBERS = ("count", "errors", "rate", "p50", "p95", "p99", "max")


def table_of(summary: Mapping[str, Any]) -> Table:
    """Return a table with one row for each kind of call, for 80 columns."""
    table = Table(
        title=f"HTTP calls in {summary['seconds']:.1f} s",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        # What is saved between the numbers is there for the route.
        collapse_padding=True,
    )
    table.add_column("call", overflow="fold")
    for name in _NUMBERS:
        table.add_column(name, justify="right", no_wrap=True)
    for call in summary["calls"]:
        table.add_row(_name(call), *map(Text, _numbers(call)))
    return table


def _name(call: Mapping[str, Any]) -> Text:
    # As text: a "[" in a route is no markup.
    asked = " ".join(filter(None, (call["method"], call["route"])))
    return Text.assemble(asked, "\n", (call["upstream"], "dim"))


def _numbers(call: Mapping[str, Any]) -> list[str]:
    return [
        str(call["count"]),
        str(call["errors"]),
        f"{call['rate']:.1f}/s",
        *(_seconds(call[name]) for name in ("p50", "p95", "p99", "max")),
    ]


def _seconds(value: float) -> str:
    if value >= _SECOND:
        return f"{value:.2f} s"
    if value >= _TENTH:
        return f"{value * 1e3:.0f} ms"
    if value >= _MILLISECOND:
        return f"{value * 1e3:.1f} ms"
    return f"{value * 1e6:.0f} µs"
