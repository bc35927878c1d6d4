"""The figures as they are kept, and what is looked up in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from bench.requests.matrix import LOADS, Load

__all__ = ["Found", "cpu", "figures", "find_figure", "ratio"]

Found: TypeAlias = Mapping[str, Any]
"""What `docs/reports/data/requests.json` holds."""


def figures(found: Found) -> Iterator[tuple[Load, list[dict[str, Any]]]]:
    """Yield each load that was measured, and its figures."""
    for load in LOADS:
        if of_load := [each for each in found["figures"] if _is_of(each, load)]:
            yield load, of_load


def find_figure(found: Found, name: str, load: Load) -> dict[str, Any] | None:
    """Return what a client came to with a load, if it came to anything."""
    return next(
        (
            each
            for each in found["figures"]
            if each["contestant"] == name and _is_of(each, load) and "cpu_us" in each
        ),
        None,
    )


def ratio(found: Found, name: str, load: Load) -> float | None:
    """Return its time of the processor by that of aiohttp."""
    figure = find_figure(found, name, load)
    return None if figure is None else figure["ratio"]


def cpu(found: Found, name: str, load: Load) -> float | None:
    """Return its microseconds of the processor per call."""
    figure = find_figure(found, name, load)
    return None if figure is None else figure["cpu_us"]


def _is_of(figure: Mapping[str, Any], load: Load) -> bool:
    return load == Load(figure["path"], figure["concurrency"], figure["loop"])
