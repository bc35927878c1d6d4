"""What the models of sections declare, for keys that are still only text."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Secret, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from lexigram.config._problems import Path

__all__ = ["fields_below", "hint_at", "is_secret_type", "model_in", "written"]


def written(field: FieldInfo, name: str) -> str:
    """Return the key that sets a field: its name, or the alias that replaces it."""
    alias = field.validation_alias
    return alias if isinstance(alias, str) else name


def hint_at(model: type[BaseModel], path: Path) -> Any:
    """Return the type of what may stand at `path`; None when that cannot be said."""
    hint: Any = model
    for part in path:
        hint = _inside(_plain(hint), part)
    return hint


def fields_below(model: type[BaseModel], path: Path) -> dict[str, FieldInfo] | None:
    """Return the keys that may stand below `path`; None when anything may."""
    found = model_in(hint_at(model, path))
    return None if found is None else _declared(found)


def model_in(hint: Any) -> type[BaseModel] | None:
    """Return the one model that a field holds, also as `Model | None`."""
    hint = _plain(hint)
    is_class = isinstance(hint, type) and get_origin(hint) is None
    return hint if is_class and issubclass(hint, BaseModel) else None


def is_secret_type(hint: Any) -> bool:
    """Say whether values of this type are not to be shown."""
    hint = _plain(hint)
    # The parametrised `Secret[int]` is a class of its own.
    return isinstance(hint, type) and issubclass(hint, (Secret, SecretStr, SecretBytes))


def _declared(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {written(one, name): one for name, one in model.model_fields.items()}


def _plain(hint: Any) -> Any:
    """Return `X` for `X | None` and for `Annotated[X, ...]`."""
    origin = get_origin(hint)
    if origin is Annotated:
        return _plain(get_args(hint)[0])
    if origin in (Union, UnionType):
        members = [one for one in get_args(hint) if one is not NoneType]
        return _plain(members[0]) if len(members) == 1 else None
    return hint


def _inside(hint: Any, part: str | int) -> Any:
    if model := model_in(hint):
        field = _declared(model).get(str(part))
        # An undeclared one is reported as unknown itself.
        return field.annotation if field else None
    origin, arguments = get_origin(hint), get_args(hint)
    if not isinstance(origin, type) or not arguments:
        return None
    if issubclass(origin, Mapping):
        return arguments[-1]
    return arguments[0] if issubclass(origin, Collection) else None
