"""The diagrams of the documentation, drawn from the code.

    uv run python tools/diagrams.py             compare
    uv run python tools/diagrams.py --write     draw them anew

The arrows between distributions are the imports in their sources, those between the
states of a breaker the transitions that one makes when it is driven at random, the
order of the policies that of `Policies`, and the path of a request the stack of one.
"""

from __future__ import annotations

import ast
import asyncio
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from random import Random
from typing import Final

from drawing import Drawing
from generated import compare_or_write
from request_path import request_path

from environments import DISTRIBUTIONS, ROOT
from lexigram.contracts.resilience import CallRejectedError
from lexigram.resilience import (
    CircuitBreaker,
    CircuitBreakerConfig,
    CircuitState,
    Policies,
    ResiliencePipeline,
)
from lexigram.resilience.events import CircuitChanged, Event, Events

__all__ = ["FOLDER", "diagrams", "imports_between", "transitions"]

FOLDER: Final = ROOT / "docs" / "diagrams"

# --- who imports whom -----------------------------------------------------------------


def imports_between() -> dict[tuple[str, str], bool]:
    """Return which distribution imports which, and whether only when it is used."""
    homes = {
        path.name: name
        for name in DISTRIBUTIONS
        for path in (ROOT / "packages" / name / "src" / "lexigram").iterdir()
    }
    found: dict[tuple[str, str], bool] = {}
    for name in DISTRIBUTIONS:
        for file in (ROOT / "packages" / name / "src").rglob("*.py"):
            for module, later in _imports(ast.parse(file.read_text())):
                part = (*module.split("."), "__init__")[1]
                home = homes.get(part) or homes.get(f"{part}.py") or "lexigram"
                if home != name:
                    found[name, home] = found.get((name, home), True) and later
    return found


def _imports(tree: ast.AST, *, later: bool = False) -> Iterator[tuple[str, bool]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for other in node.orelse:
                yield from _imports(other, later=later)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            if (node.module or "").split(".")[0] == "lexigram":
                yield node.module or "", later
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "lexigram":
                    yield alias.name, later
        else:
            is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            yield from _imports(node, later=later or is_function)


def distributions() -> str:
    """Draw the distributions and the imports between them."""
    drawing = Drawing(760, 220, "The distributions, and which imports which")
    top, *others = DISTRIBUTIONS
    places = {top: (380, 40)} | {
        name: (100 + 187 * column, 160) for column, name in enumerate(others)
    }
    for (source, target), later in sorted(imports_between().items()):
        (x, y), (u, v) = places[source], places[target]
        if y == v:  # below both of them
            path = f"M{x} {y + 20} C{x} {y + 50} {u} {v + 50} {u} {v + 22}"
        else:
            path = f"M{x} {y - 20} L{380 + (x - 380) // 3} {v + 21}"
        drawing.arrow(path, later=later)
    for name, (x, y) in places.items():
        drawing.box((x - 85, y - 20), (170, 40), "strong" if name == top else "box")
        drawing.text((x, y + 5), name)
    return str(drawing)


# --- the states of a circuit ----------------------------------------------------------

_CAUSES: Final = {
    ("closed", "open"): "too many failures",
    ("open", "half_open"): "the wait is over, a call asks",
    ("half_open", "open"): "probes failed",
    ("half_open", "closed"): "probes went well",
}
"""What to write at an arrow; one that is missing here is an error."""


class _Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def transitions(calls: int = 4000) -> set[tuple[str, str]]:
    """Drive a breaker at random and return the transitions that it makes by itself."""
    found: set[tuple[str, str]] = set()

    def watch(event: Event) -> None:
        if isinstance(event, CircuitChanged):
            found.add((event.before, event.state))

    asyncio.run(_drive(calls, Events([watch])))
    return found


async def _drive(calls: int, events: Events) -> None:
    random, clock = Random(1), _Clock()  # noqa: S311 - the same walk each time
    breaker = CircuitBreaker(
        "diagram",
        CircuitBreakerConfig(consecutive_failures=2, open_duration=10),
        clock=clock,
        random=random,
        events=events,
    )

    async def operation() -> None:
        if random.random() < 0.5:  # noqa: PLR2004 - as often as not
            raise OSError

    for _ in range(calls):
        clock.now += random.expovariate(0.2)
        with suppress(OSError, CallRejectedError):
            await breaker.call(operation)


def breaker() -> str:
    """Draw the states of a circuit and what leads from one to another."""
    drawing = Drawing(760, 300, "The states of a circuit")
    places = {"closed": (110, 60), "open": (610, 60), "half_open": (360, 190)}
    paths = {
        ("closed", "open"): ("M185 52 L532 52", (360, 42)),
        ("open", "half_open"): ("M640 86 L440 186", (626, 150)),
        ("half_open", "open"): ("M400 164 L560 88", (425, 120)),
        ("half_open", "closed"): ("M310 164 L130 88", (150, 150)),
    }
    for edge in sorted(transitions()):
        path, at = paths[edge]
        drawing.arrow(path)
        drawing.text(at, _CAUSES[edge], "small")
    for state, (x, y) in places.items():
        drawing.box((x - 75, y - 25), (150, 50), "strong")
        drawing.text((x, y + 5), state.replace("_", " "))
    by_hand = [state for state in CircuitState if state.value not in places]
    drawing.text((360, 252), "from any state and to any, by hand alone:", "small")
    for column, state in enumerate(by_hand):
        drawing.box((110 + 170 * column, 262), (160, 28), "box")
        drawing.text((190 + 170 * column, 281), state.value.replace("_", " "))
    return str(drawing)


# --- the order of the policies --------------------------------------------------------


def pipeline() -> str:
    """Draw the policies of a pipeline within each other, outermost first."""
    names = [field.name for field in fields(Policies)]
    standard = ResiliencePipeline.from_config().policies.names()
    step = 27
    height = step * 2 * len(names) + 90
    drawing = Drawing(620, height, "The policies of a pipeline, outermost first")
    for level, name in enumerate(names):
        inset = 14 * level
        kind = "strong" if name in standard else "box"
        top = 20 + step * level
        drawing.box(
            (20 + inset, top),
            (580 - 2 * inset, height - 60 - 2 * step * level),
            kind,
        )
        drawing.text((32 + inset, top + 18), name, "left")
    middle = 20 + step * len(names)
    drawing.text((310, middle + 18), "the operation")
    drawing.text((310, height - 14), "blue: in the standard pipeline", "small")
    return str(drawing)


def diagrams() -> dict[Path, str]:
    """Return each diagram by its file."""
    drawn = {
        "distributions": distributions,
        "breaker": breaker,
        "pipeline": pipeline,
        "request-path": request_path,
    }
    return {FOLDER / f"{name}.svg": draw() for name, draw in drawn.items()}


if __name__ == "__main__":
    sys.exit(compare_or_write(diagrams, __doc__))
