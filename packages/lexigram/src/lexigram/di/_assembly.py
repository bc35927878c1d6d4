"""Modules into one flat list: what can be built, and which configuration is read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import FunctionType
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
from lexigram.di._errors import DuplicateBindingError, ModuleError
from lexigram.di._hints import where
from lexigram.di._keys import Key, key_of, nearest, show
from lexigram.di._recipes import Recipe, read_recipe

__all__ = ["Assembly", "Registration", "Section", "assemble"]


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """A binding in its place: which module brought it, and how it is built.

    Attributes:
        recipe: How it is built; None for a `value`.
        written: Where the binding was written, as "file:line", if that is known.
        on_use: Called when a `value` is handed out, if anyone wants to know.
        audience: The modules that may ask for it; None for all.
    """

    key: Key
    module: str
    written: str
    scope: Scope = "singleton"
    recipe: Recipe | None = None
    value: Any = None
    on_use: Callable[[], None] | None = None
    audience: frozenset[str] | None = None

    def __str__(self) -> str:
        return show(self.recipe.factory) if self.recipe else f"value of {self.key}"

    @property
    def origin(self) -> str:
        """Where the binding was written, or else what builds it, as "file:line"."""
        # To look for a class takes long, so it is done for a report only.
        return self.written or self.place

    @property
    def place(self) -> str:
        """Where what builds it was written; of a value, where that was bound."""
        return where(self.recipe.factory) if self.recipe else self.written

    def hand_out(self) -> Any:
        """Return the `value`, and tell whoever wants to know."""
        if self.on_use is not None:
            self.on_use()
        return self.value


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
    chain: tuple[str, ...]
    inside: frozenset[str]

    def __str__(self) -> str:
        place = self.definition.origin or "unknown place"
        return f"{' -> '.join(self.chain)} ({place})"

    def audience(self, key: Key) -> frozenset[str] | None:
        """Return which modules see a key; None for all.

        What is not exported is for the module itself and for the modules inside it,
        which find there what is registered beside them. A module that is given to the
        application directly stands inside nothing but that.
        """
        exported = key in map(key_of, self.definition.exports)
        return None if exported or len(self.chain) == 1 else self.inside


def assemble(sources: Iterable[ModuleSource]) -> Assembly:
    """Flatten modules, imported ones first, each once.

    Raises:
        ModuleError: A module cannot be understood, or is there twice with different
            configuration.
    """
    placed: list[_Placed] = []
    for source in sources:
        _place(source, (), placed)
    assembly = Assembly(
        modules=tuple(one.definition.name for one in placed),
        registrations=tuple(
            _register(item, one) for one in placed for item in one.definition.providers
        ),
        sections=tuple(_sections(placed)),
    )
    _check_exports(placed, assembly)
    return assembly


def _place(
    source: ModuleSource, parents: tuple[str, ...], placed: list[_Placed]
) -> None:
    definition = _definition(source, parents)
    chain = (*parents, definition.name)
    for imported in definition.imports:
        _place(imported, chain, placed)
    one = _Placed(definition, chain, _inside(definition))
    for index, other in enumerate(placed):
        if other.definition.name != definition.name:
            continue
        if _essence(other.definition) == _essence(definition):
            placed[index] = min(other, one, key=lambda same: len(same.chain))
            return
        _refuse_clash(other, one)
    placed.append(one)


def _refuse_clash(one: _Placed, other: _Placed) -> None:
    """Fail if two modules of one name, which are not the same, cannot both be there."""
    if _section_essence(one.definition) != _section_essence(other.definition):
        raise ModuleError(
            f"Module {one.definition.name!r} is imported twice with different "
            f"configuration:\n  {one}\n  {other}\n"
            "Configure it in one place and import that."
        )
    for key in sorted(_bound(one.definition) & _bound(other.definition), key=str):
        raise DuplicateBindingError(
            f"Module {one.definition.name!r} is there twice and not alike, and both "
            f"bind `{key}`:\n  {one}\n  {other}\n"
            "Configure it in one place and import that, or give one another name."
        )


def _bound(definition: ModuleDefinition) -> set[Key]:
    return {
        key_of(one.key or _read(one.factory, definition).makes)
        for one in map(_binding, definition.providers)
    }


def _inside(definition: ModuleDefinition) -> frozenset[str]:
    """Return the names of a module and of all that it imports."""
    imported = (_inside(_definition(one, ())) for one in definition.imports)
    return frozenset({definition.name}).union(*imported)


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
        [_binding_essence(one) for one in definition.providers],
        definition.exports,
        _section_essence(definition),
    )


def _binding_essence(item: Binding | Callable[..., Any]) -> object:
    binding = _binding(item)
    return replace(binding, origin="", factory=None), _made_of(binding.factory)


def _binding(item: Binding | Callable[..., Any]) -> Binding:
    return item if isinstance(item, Binding) else Binding(None, item)


def _made_of(factory: Any) -> object:
    """Return what is equal for a function defined anew by each `configure(...)`."""
    if isinstance(factory, partial):
        return _made_of(factory.func), factory.args, factory.keywords
    if not isinstance(factory, FunctionType):
        return factory
    # Cells are equal when what they hold is.
    values = (factory.__closure__, factory.__defaults__, factory.__kwdefaults__)
    return factory.__code__, values, factory.__annotations__


def _section_essence(definition: ModuleDefinition) -> object:
    section = definition.config
    if section is None:
        return None
    return section.name, section.model, explicit_values(section.explicit)


def _register(item: Binding | Callable[..., Any], placed: _Placed) -> Registration:
    definition, binding = placed.definition, _binding(item)
    recipe = None if binding.factory is None else _read(binding.factory, definition)
    made = binding.key
    if made is None and recipe is not None:
        made = recipe.makes
    one = Registration(
        key_of(made),
        definition.name,
        binding.origin,
        # A value is there already, whatever scope was asked for.
        binding.scope if recipe else "singleton",
        recipe,
        binding.value,
        audience=placed.audience(key_of(made)),
    )
    if made is None:
        raise ModuleError(_without_key(one))
    if recipe is not None and recipe.ends and one.scope == "transient":
        raise ModuleError(
            f"`{one}` in {one.module} ({one.origin}) is a generator and transient: "
            "nothing would ever end what it yields. Give it scope='scoped' or "
            "'singleton'."
        )
    return one


def _without_key(one: Registration) -> str:
    if one.recipe is None:
        return (
            f"A provider of {one.module} has neither a key nor a factory. Write "
            "`bind(Key).to_value(...)`."
        )
    return (
        f"`{one}` in {one.module} ({one.origin}) does not say what it returns. Add a "
        "return hint, or write `bind(Key).to(...)`."
    )


def _read(factory: Any, definition: ModuleDefinition) -> Recipe:
    try:
        return read_recipe(factory)
    except ModuleError as error:
        raise ModuleError(
            f"{definition.name} ({definition.origin or 'unknown place'}) has a provider "
            f"that cannot be read.\n  {error}"
        ) from error.__cause__


def _check_exports(placed: Iterable[_Placed], assembly: Assembly) -> None:
    known = {one.key for one in assembly.registrations}
    for section in assembly.sections:
        model = section.config.model
        known |= {Key(model), Key(model, section.config.name)}
    for one in placed:
        for key in map(key_of, one.definition.exports):
            if key not in known:
                raise ModuleError(
                    f"{one} exports `{key}`, which no module provides. Provide it, or "
                    f"take it from the exports.{nearest(key, known)}"
                )


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
