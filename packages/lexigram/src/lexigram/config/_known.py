"""Which keys exist, and which of those that were set do not."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from lexigram.config._layers import PREFIX, Layer, written
from lexigram.config._problems import ConfigProblem, Path, dotted
from lexigram.contracts.suggestions import did_you_mean

__all__ = ["OWN_VARIABLES", "unknown_keys", "unknown_sections"]

OWN_VARIABLES = ("profile", "config")
"""`LEX_PROFILE` and `LEX_CONFIG` say where to look; they are no section."""


def unknown_keys(
    models: Mapping[str, type[BaseModel]], layers: Sequence[Layer]
) -> Iterator[tuple[Path, ConfigProblem]]:
    """Find keys that no model declares, also those that a stronger layer hides."""
    for layer in layers:
        for path, origin in layer.origins.items():
            if len(path) == 1 or path[0] not in models:
                continue
            fields = _fields(models[str(path[0])], path[1:-1])
            if fields is not None and path[-1] not in fields:
                message = f"Unknown key. {did_you_mean(str(path[-1]), fields)}"
                yield path, ConfigProblem(dotted(path), message, origin)


def unknown_sections(
    names: Iterable[str], layers: Sequence[Layer]
) -> Iterator[tuple[str, ConfigProblem | None]]:
    """Yield what names no section, with the problem where a section must be meant.

    A top-level key that resembles none may belong to the application itself.
    """
    known = list(names)
    for layer in layers:
        for key, origin in ((p[0], o) for p, o in layer.origins.items() if len(p) == 1):
            if key not in known:
                yield origin, _misspelt(str(key), known, origin)
    for variable in os.environ:
        if variable.upper().startswith(PREFIX):
            first = variable.lower().removeprefix(PREFIX.lower()).partition("__")[0]
            if first not in known and first not in OWN_VARIABLES:
                origin = f"${variable}"
                yield origin, _misspelt(first, [*known, *OWN_VARIABLES], origin)


def _misspelt(name: str, known: list[str], origin: str) -> ConfigProblem | None:
    near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.7)
    if not near:
        return None
    message = f"Unknown section. Did you mean {near[0]!r}?"
    return ConfigProblem(name, message, origin)


def _fields(model: type[BaseModel] | None, path: Path) -> set[str] | None:
    """Return the keys that may stand below `path`; None when anything may."""
    for part in path:
        if model is None:
            return None
        field = _declared(model).get(str(part))
        # An undeclared one is reported as unknown itself.
        model = _model_in(field.annotation) if field else None
    return None if model is None else set(_declared(model))


def _declared(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {written(one, name): one for name, one in model.model_fields.items()}


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the one model that a field holds, also as `Model | None`."""
    if get_origin(annotation) in (Union, UnionType):
        members = [one for one in get_args(annotation) if one is not NoneType]
        return _model_in(members[0]) if len(members) == 1 else None
    is_class = isinstance(annotation, type) and get_origin(annotation) is None
    return annotation if is_class and issubclass(annotation, BaseModel) else None
