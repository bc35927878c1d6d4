"""What is asked for, and how it is written in reports."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from lexigram.contracts.di import Named

__all__ = ["Key", "key_of", "nearest", "show", "without_none"]


@dataclass(frozen=True, slots=True)
class Key:
    """A type, and the name that tells bindings of it apart."""

    type: Any
    name: str = ""

    def __str__(self) -> str:
        if self.name:
            return f"Annotated[{show(self.type)}, Named({self.name!r})]"
        return show(self.type)


def key_of(hint: Any) -> Key:
    """Read a hint as a key; only `Named` among the annotations matters."""
    if get_origin(hint) is not Annotated:
        return Key(hint)
    inner, *marks = get_args(hint)
    names = [mark.name for mark in marks if isinstance(mark, Named)]
    return Key(inner, names[0] if names else "")


def without_none(hint: Any) -> Any:
    """Return `X` for `X | None`, and anything else as it is."""
    if get_origin(hint) not in (Union, UnionType):
        return hint
    rest = [arg for arg in get_args(hint) if arg is not NoneType]
    return rest[0] if len(rest) == 1 else hint


def show(hint: Any) -> str:
    """Return a type the way a reader would write it."""
    if hint is NoneType:
        return "None"
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return " | ".join(map(show, get_args(hint)))
    if origin is not None:
        return f"{show(origin)}[{', '.join(map(show, get_args(hint)))}]"
    name: str = getattr(hint, "__qualname__", None) or str(hint)
    return name.rpartition("<locals>.")[2]


def nearest(key: Key, known: Iterable[Key]) -> str:
    """Return a sentence with the keys that may have been meant, or nothing."""
    keys = list(known)
    same = [str(other) for other in keys if other.type == key.type]
    found = same or difflib.get_close_matches(str(key), [str(k) for k in keys])
    if not found:
        return ""
    return f" Nearest registered: {', '.join(f'`{name}`' for name in found)}."
