"""Modules and bindings as a Mermaid flowchart (https://mermaid.js.org)."""

from __future__ import annotations

from collections.abc import Iterator

from lexigram.application import Application
from lexigram.di._assembly import Assembly
from lexigram.di._graph import CONTAINER
from lexigram.di._keys import Key

__all__ = ["draw"]


def draw(app: Application) -> str:
    """Return a chart: a box for each module, an arrow to each thing that one needs.

    What is missing is drawn too, so that a graph can be looked at before it is sound.
    """
    assembly = app._assemble()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - ours
    return "\n".join(_Chart(assembly).lines())


class _Chart:
    def __init__(self, assembly: Assembly) -> None:
        self._modules = assembly.modules
        self._bindings = assembly.registrations
        self._ids = {one.key: f"b{i}" for i, one in enumerate(assembly.registrations)}
        self._sections = {one.config.name: one for one in assembly.sections}
        numbers = {name: f"s{i}" for i, name in enumerate(self._sections)}
        for one in assembly.bind_sections({name: name for name in numbers}):
            # A section answers to its name, and to its model alone where that is clear.
            self._ids[one.key] = numbers[one.value]
        self._missing: dict[Key, str] = {}

    def lines(self) -> Iterator[str]:
        yield "flowchart LR"
        for number, module in enumerate(self._modules):
            if own := [*self._own(module)]:
                yield f'  subgraph m{number}["{_escape(module)}"]'
                yield from (f"    {node}" for node in own)
                yield "  end"
        # A factory may ask for one thing by two parameters.
        arrows = dict.fromkeys(self._arrows())
        for key, node in self._missing.items():
            yield f'  {node}["{_escape(str(key))} is missing"]:::missing'
        yield from arrows
        if self._missing:
            yield "  classDef missing stroke:#c00,color:#c00,stroke-dasharray:4"

    def _own(self, module: str) -> Iterator[str]:
        """Yield the nodes of a module; round ones hold what exists already."""
        for one in self._bindings:
            if one.module == module:
                scope = "" if one.scope == "singleton" else f"<br/>{one.scope}"
                shape = '["{}"]' if one.recipe else '(["{}"])'
                label = f"{_escape(str(one.key))}{scope}"
                yield self._ids[one.key] + shape.format(label)
        for name, section in self._sections.items():
            if section.module == module:
                node = self._ids[Key(section.config.model, name)]
                label = f"{_escape(section.config.model.__name__)}<br/>section {name}"
                yield f'{node}(["{label}"])'

    def _arrows(self) -> Iterator[str]:
        for one in self._bindings:
            for need in one.recipe.needs if one.recipe else ():
                if need.key in self._ids:
                    yield f"  {self._ids[one.key]} --> {self._ids[need.key]}"
                elif need.required and need.key != CONTAINER:
                    absent = f"x{len(self._missing)}"
                    absent = self._missing.setdefault(need.key, absent)
                    yield f"  {self._ids[one.key]} -.-> {absent}"


def _escape(text: str) -> str:
    replaced = {"&": "#amp;", '"': "#quot;", "<": "#lt;", ">": "#gt;"}
    return "".join(replaced.get(character, character) for character in text)
