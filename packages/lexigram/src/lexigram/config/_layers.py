"""One source of values each, with the origin of every value in it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from lexigram.config._problems import Path

__all__ = [
    "ABSENT",
    "PREFIX",
    "Layer",
    "environment_origins",
    "explicit_layer",
    "explicit_values",
    "is_list",
    "is_mapping",
    "written",
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
    """Values by section, and where each of them was set."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[Path, str] = field(default_factory=dict)

    def at(self, path: Path) -> Any:
        """Return the value at `path`, or `ABSENT`."""
        value: Any = self.values
        for part in path:
            value = _inside(value, part)
        return value

    def origin(self, path: Path) -> str:
        """Return where `path`, or the nearest thing around it, was set."""
        while path and path not in self.origins:
            path = path[:-1]
        return self.origins.get(path, "")


def _inside(value: Any, part: str | int) -> Any:
    if is_mapping(value):
        return value.get(part, ABSENT)
    if is_list(value) and isinstance(part, int) and part < len(value):
        return value[part]
    return ABSENT


def environment_origins(sections: Iterable[str]) -> dict[Path, str]:
    """Return the variables that set a value of these sections, by path."""
    known = set(sections)
    origins: dict[Path, str] = {}
    for variable in os.environ:
        path = tuple(variable.lower().removeprefix(PREFIX.lower()).split("__"))
        if variable.upper().startswith(PREFIX) and path[0] in known:
            origins[path] = f"${variable}"
    return origins


def explicit_layer(explicit: Mapping[str, BaseModel | None]) -> Layer:
    """Return what Python code set on each section's model, and nothing it left alone."""
    layer = Layer()
    for section, model in explicit.items():
        if values := explicit_values(model):
            layer.values[section] = values
            _note(layer.origins, (section,), values)
    return layer


def explicit_values(model: BaseModel | None) -> dict[str, Any]:
    """Return the fields that were set explicitly, recursively.

    A nested model is taken apart only where it is the field's declared type: in a union
    or a list its parts alone would not say which type they are of.
    """
    values: dict[str, Any] = {}
    if model is None:
        return values
    for name in model.model_fields_set:
        field, value = type(model).model_fields[name], getattr(model, name)
        if isinstance(value, BaseModel) and field.annotation is type(value):
            value = explicit_values(value)
            if not value:
                continue  # an untouched part sets nothing either
        values[written(field, name)] = value
    return values


def written(field: FieldInfo, name: str) -> str:
    """Return the key that sets a field: its name, or the alias that replaces it."""
    alias = field.validation_alias
    return alias if isinstance(alias, str) else name


def _note(origins: dict[Path, str], path: Path, value: Any) -> None:
    origins[path] = "Python"
    if is_mapping(value):
        for key, inner in value.items():
            _note(origins, (*path, key), inner)
