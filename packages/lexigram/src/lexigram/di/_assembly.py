"""Modules into one flat list: what can be built, and which configuration is read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from lexigram.config._layers import explicit_values
from lexigram.contracts.di import (
    MODULE_ATTRIBUTE,
    Binding,
    ConfigSection,
    ModuleDefinition,
    ModuleSource,
    Scope,
)
from lexigram.di._errors import ModuleError
from lexigram.di._hints import where
from lexigram.di._keys import Key, key_of, show
from lexigram.di._recipes import Recipe, read_recipe

__all__ = ["Assembly", "Registration", "Section", "assemble"]


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """A binding in its place: which module brought it, and how it is built.

    Attributes:
        recipe: How it is built; None for a `value`.
        origin: Where the binding was written, as "file:line".
        on_use: Called when a `value` is handed out, if anyone wants to know.
    """

    key: Key
    module: str
    origin: str
    scope: Scope = "singleton"
    recipe: Recipe | None = None
    value: Any = None
    on_use: Callable[[], None] | None = None

    def __str__(self) -> str:
        return show(self.recipe.factory) if self.recipe else f"value of {self.key}"


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the configuration, and the module that reads it."""

    config: ConfigSection[Any]
    module: str
    origin: str


@dataclass(frozen=True, slots=True)
class Assembly:
    """What a set of modules amounts to."""

    modules: tuple[str, ...]
    registrations: tuple[Registration, ...]
    sections: tuple[Section, ...]

    def bind_sections(self, merged: Mapping[str, Any]) -> Iterator[Registration]:
        """Yield a binding for each section's model: by name, and plain where unique."""
        models = Counter(one.config.model for one in self.sections)
        for one in self.sections:
            names = (
                ("", one.config.name)
                if models[one.config.model] == 1
                else (one.config.name,)
            )
            for name in names:
                yield Registration(
                    Key(one.config.model, name),
                    one.module,
                    one.origin,
                    value=merged[one.config.name],
                )


@dataclass(frozen=True, slots=True)
class _Placed:
    definition: ModuleDefinition
    chain: str

    def __str__(self) -> str:
        return f"{self.chain} ({self.definition.origin or 'unknown place'})"


def assemble(sources: Iterable[ModuleSource]) -> Assembly:
    """Flatten modules, imported ones first, each once.

    Raises:
        ModuleError: A module cannot be understood, or is there twice with different
            configuration.
    """
    placed: list[_Placed] = []
    for source in sources:
        _place(source, (), placed)
    return Assembly(
        modules=tuple(one.definition.name for one in placed),
        registrations=tuple(
            _register(item, one.definition)
            for one in placed
            for item in one.definition.providers
        ),
        sections=tuple(_sections(placed)),
    )


def _place(
    source: ModuleSource, parents: tuple[str, ...], placed: list[_Placed]
) -> None:
    definition = _definition(source, parents)
    chain = (*parents, definition.name)
    for imported in definition.imports:
        _place(imported, chain, placed)
    one = _Placed(definition, " -> ".join(chain))
    for other in placed:
        if other.definition.name != definition.name:
            continue
        if _essence(other.definition) == _essence(definition):
            return
        if _section_essence(other.definition) != _section_essence(definition):
            raise ModuleError(
                f"Module {definition.name!r} is imported twice with different "
                f"configuration:\n  {other}\n  {one}\n"
                "Configure it in one place and import that."
            )
    placed.append(one)


def _definition(source: Any, parents: tuple[str, ...]) -> ModuleDefinition:
    if isinstance(source, ModuleDefinition):
        return source
    # Not inherited: a subclass without the decorator would be its base in disguise.
    found = getattr(source, "__dict__", {}).get(MODULE_ATTRIBUTE)
    if isinstance(found, ModuleDefinition):
        return found
    by = f", imported by {' -> '.join(parents)}," if parents else ""
    raise ModuleError(
        f"{source!r}{by} is not a module. Decorate the class with `@module(...)`, or "
        "pass what its `configure(...)` returns."
    )


def _essence(definition: ModuleDefinition) -> object:
    """Return what must be equal for two definitions to be the same module."""
    return (
        definition.name,
        [_essence(_definition(one, ())) for one in definition.imports],
        [
            replace(one, origin="") if isinstance(one, Binding) else one
            for one in definition.providers
        ],
        definition.exports,
        _section_essence(definition),
    )


def _section_essence(definition: ModuleDefinition) -> object:
    section = definition.config
    if section is None:
        return None
    return section.name, section.model, explicit_values(section.explicit)


def _register(
    item: Binding | Callable[..., Any], definition: ModuleDefinition
) -> Registration:
    binding = item if isinstance(item, Binding) else Binding(None, item)
    if binding.factory is None:
        if binding.key is None:
            raise ModuleError(
                f"A provider of {definition.name} has neither a key nor a factory. "
                "Write `bind(Key).to_value(...)`."
            )
        key = key_of(binding.key)
        return Registration(key, definition.name, binding.origin, value=binding.value)
    recipe = read_recipe(binding.factory)
    origin = binding.origin or where(binding.factory)
    made = binding.key if binding.key is not None else recipe.makes
    if made is None:
        raise ModuleError(
            f"`{show(binding.factory)}` in {definition.name} ({origin}) does not say "
            "what it returns. Add a return hint, or write `bind(Key).to(...)`."
        )
    if recipe.ends and binding.scope == "transient":
        raise ModuleError(
            f"`{show(binding.factory)}` in {definition.name} ({origin}) is a generator "
            "and transient: nothing would ever end what it yields. Give it "
            "scope='scoped' or 'singleton'."
        )
    return Registration(key_of(made), definition.name, origin, binding.scope, recipe)


def _sections(placed: Iterable[_Placed]) -> Iterator[Section]:
    seen: dict[str, _Placed] = {}
    for one in placed:
        definition, config = one.definition, one.definition.config
        if config is None:
            continue
        other = seen.setdefault(config.name, one)
        if other is one:
            _check_section(config, one)
            yield Section(config, definition.name, definition.origin)
        elif _section_essence(other.definition) != _section_essence(definition):
            raise ModuleError(
                f"Configuration section {config.name!r} is read by two modules that "
                f"disagree about it:\n  {other}\n  {one}\nGive one another name."
            )


def _check_section(config: ConfigSection[Any], placed: _Placed) -> None:
    if not _SECTION_NAME.fullmatch(config.name) or "__" in config.name:
        raise ModuleError(
            f"{config.name!r} cannot name a section of the configuration, since no "
            f"variable could: {placed}. Use lower-case letters, digits and single "
            "underscores."
        )
    model: Any = config.model  # contracts cannot say that it is pydantic's
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise ModuleError(
            f"The model of section {config.name!r} is {config.model!r}, which is no "
            f"pydantic model: {placed}."
        )


_SECTION_NAME = re.compile(r"[a-z][a-z0-9_]*[a-z0-9]")
