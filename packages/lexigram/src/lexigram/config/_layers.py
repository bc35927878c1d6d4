"""One source of values each, with the origin of every value in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, TypeGuard

from pydantic import BaseModel

from lexigram.config._fields import model_in, written
from lexigram.config._problems import ConfigProblem, Path, dotted

__all__ = [
    "ABSENT",
    "PREFIX",
    "Layer",
    "explicit_layer",
    "explicit_values",
    "is_list",
    "is_mapping",
]

PREFIX = "LEX_"

ABSENT = object()
"""What a layer has where nothing was set; None is a value."""


def is_mapping(value: object) -> TypeGuard[dict[Any, Any]]:
    """Say whether a value of a layer is a mapping."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Say whether a value of a layer is a list."""
    return isinstance(value, list)


@dataclass(slots=True)
class Layer:
    """Values by section, and where each of them was set.

    Attributes:
        problems: Why some of what was set is not among the values.
        lost: Where that is; the empty path stands for a whole file.
        confidential: Values that are not to be shown, whatever their field.
    """

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[Path, str] = field(default_factory=dict)
    problems: list[ConfigProblem] = field(default_factory=list)
    lost: set[Path] = field(default_factory=set)
    confidential: set[Path] = field(default_factory=set)

    def at(self, path: Path) -> Any:
        """Return the value at `path`, or `ABSENT`."""
        end, value = self.reach(path)
        return value if end == len(path) else ABSENT

    def reach(self, path: Path) -> tuple[int, Any]:
        """Return how many parts of `path` exist here, and the value there."""
        value: Any = self.values
        for end, part in enumerate(path):
            inner = _inside(value, part)
            if inner is ABSENT:
                return end, value
            value = inner
        return len(path), value

    def origin(self, path: Path) -> str:
        """Return where `path`, or the nearest thing around it, was set."""
        while path and path not in self.origins:
            path = path[:-1]
        return self.origins.get(path, "")

    def lose(self, path: Path, message: str, origin: str | None = None) -> None:
        """Note that what was set at `path` cannot be used."""
        origin = self.origin(path) if origin is None else origin
        self.problems.append(ConfigProblem(dotted(path), message, origin))
        self.lost.add(path)


def _inside(value: Any, part: str | int) -> Any:
    if is_mapping(value):
        return value.get(part, ABSENT)
    if is_list(value) and isinstance(part, int) and part < len(value):
        return value[part]
    return ABSENT


def explicit_layer(explicit: Mapping[str, tuple[BaseModel | None, str]]) -> Layer:
    """Return what Python code set on each section's model, and nothing it left alone.

    Each model comes with the place where it was given, as "file:line".
    """
    layer = Layer()
    for section, (model, place) in explicit.items():
        if values := explicit_values(model):
            layer.values[section] = values
            origin = f"Python at {_beside_us(place)}" if place else "Python"
            _note(layer.origins, (section,), values, origin)
    return layer


def explicit_values(model: BaseModel | None) -> dict[str, Any]:
    """Return the fields that were set explicitly, recursively.

    A nested model is taken apart only where the field can hold no other type: in a
    union of several or a list its parts alone would not say which type they are of.
    """
    values: dict[str, Any] = {}
    if model is None:
        return values
    for name in model.model_fields_set:
        field, value = type(model).model_fields[name], getattr(model, name)
        if isinstance(value, BaseModel) and model_in(field.annotation) is type(value):
            value = explicit_values(value)
            if not value and field.annotation is model_in(field.annotation):
                continue  # an untouched part sets nothing either, unless None could be
        values[written(field, name)] = value
    return values


def _note(origins: dict[Path, str], path: Path, value: Any, origin: str) -> None:
    origins[path] = origin
    if is_mapping(value):
        for key, inner in value.items():
            _note(origins, (*path, key), inner, origin)


def _beside_us(place: str) -> str:
    """Return a place as files of the configuration are named: from where we are."""
    try:
        return str(FilePath(place).relative_to(FilePath.cwd()))
    except (ValueError, OSError):  # elsewhere, or the current directory is gone
        return place
