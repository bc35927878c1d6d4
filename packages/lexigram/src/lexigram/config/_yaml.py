"""YAML text as plain values, with the line of every key."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from lexigram.config._problems import Path

__all__ = ["Document", "NotYAMLError", "parse"]


class NotYAMLError(Exception):
    """The text cannot be read.

    Attributes:
        line: Where; 0 when that is not known.
    """

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Document:
    """What a text says.

    Attributes:
        values: Usually a mapping; None of an empty text.
        lines: Of every key, and of every item of a list.
        repeated: Keys that are set more than once: path, line, and the earlier line.
    """

    values: Any
    lines: dict[Path, int]
    repeated: tuple[tuple[Path, int, int], ...]


def parse(text: str) -> Document:
    """Read one document.

    Raises:
        NotYAMLError: The text is not valid, or a part of it contains itself.
    """
    try:
        return _parse(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        what = ", ".join(part for part in (error.context, error.problem) if part)
        raise NotYAMLError(what, mark.line + 1 if mark else 0) from None
    except (yaml.YAMLError, ValueError) as error:
        # A ValueError is what becomes of a date like 2026-02-30.
        raise NotYAMLError(str(error)) from None
    except RecursionError:
        raise NotYAMLError("it is nested too deeply") from None


def _parse(text: str) -> Document:
    loader: Any = yaml.SafeLoader(text)  # its stubs say less than strict asks for
    try:
        node = loader.get_single_node()
        if node is None:
            return Document(None, {}, ())
        # PyYAML takes the last of repeated keys without a word.
        repeated = tuple(_repeated(node, (), ()))
        values = loader.construct_document(node)
        # Only now: constructing it replaced `<<: *other` by the keys of the other.
        return Document(values, dict(_lines(node, ())), repeated)
    finally:
        loader.dispose()


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _repeated(
    node: yaml.Node, path: Path, around: tuple[yaml.Node, ...]
) -> Iterator[tuple[Path, int, int]]:
    if node in around:
        raise NotYAMLError(f"the alias of {'.'.join(map(str, path))!r} contains itself")
    within = (*around, node)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _repeated(item, (*path, index), within)
    if not isinstance(node, yaml.MappingNode):
        return
    first: dict[Hashable, int] = {}
    for key, value in node.value:
        inner = (*path, str(key.value))
        if isinstance(key, yaml.ScalarNode):
            name = (key.tag, key.value)
            if name in first:
                yield inner, _line(key), first[name]
            first.setdefault(name, _line(key))
        yield from _repeated(value, inner, within)


def _lines(node: yaml.Node, path: Path) -> Iterator[tuple[Path, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*path, key.value)
            yield inner, _line(key)
            yield from _lines(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*path, index), _line(value)
            yield from _lines(value, (*path, index))
