"""Values as JSON or as Python, on one line or on many."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

__all__ = [
    "WIDTH",
    "Line",
    "as_json",
    "as_python",
    "is_list",
    "is_mapping",
    "lines_of",
]

WIDTH: Final = 72
"""How wide a value may be on one line, its indentation aside."""

_JSON_WORDS: Final = {None: "null", True: "true", False: "false"}


def as_json(value: object) -> str:
    """Return a value as JSON; what JSON has no notation for by its repr."""
    return _text(value, as_json, sort=True)


def as_python(value: object) -> str:
    """Return the code of a value, its strings in double quotes."""
    return _text(value, as_python, sort=False)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a value that is spread over many, or of the difference of two."""

    mark: str
    """What it is: "-" expected, "+" found, " " both."""
    depth: int
    """How many containers it is in."""
    text: str
    """What it says."""

    def __str__(self) -> str:
        return f"{self.mark} {'  ' * self.depth}{self.text}"


def lines_of(
    value: object,
    mark: str = " ",
    depth: int = 0,
    before: str = "",
    *,
    text: Callable[[object], str] = as_json,
) -> Iterator[Line]:
    """Spread a value that is wide over lines, each entry of it on its own.

    Args:
        value: The value; the keys of its mappings are sorted.
        mark: What the lines are marked with.
        depth: How many containers the value is in.
        before: What the first line begins with, such as a key.
        text: How a value is written on one line.
    """
    after = "," if depth else ""
    short = f"{before}{text(value)}{after}"
    if len(short) <= WIDTH:
        yield Line(mark, depth, short)
    elif is_mapping(value):
        yield Line(mark, depth, f"{before}{{")
        for key in sorted(value, key=str):
            name = f"{text(key)}: "
            yield from lines_of(value[key], mark, depth + 1, name, text=text)
        yield Line(mark, depth, f"}}{after}")
    elif is_list(value):
        yield Line(mark, depth, f"{before}[")
        for inner in value:
            yield from lines_of(inner, mark, depth + 1, text=text)
        yield Line(mark, depth, f"]{after}")
    else:
        yield Line(mark, depth, short)


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Say whether a value is a JSON object."""
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Say whether a value is a JSON array."""
    return isinstance(value, list)


def _text(value: object, inner: Any, *, sort: bool) -> str:
    if is_mapping(value):
        keys = sorted(value, key=str) if sort else value
        return f"{{{', '.join(f'{inner(k)}: {inner(value[k])}' for k in keys)}}}"
    if is_list(value):
        return f"[{', '.join(map(inner, value))}]"
    if type(value) is str:
        # What is not printable may break a line in two: JSON escapes it by code unit,
        # Python by code point.
        plain = value.isprintable() or inner is as_json
        escaped = json.dumps(value, ensure_ascii=not value.isprintable())
        return escaped if plain else repr(value)
    if sort and (value is None or value is True or value is False):
        return _JSON_WORDS[value]
    return repr(value)
