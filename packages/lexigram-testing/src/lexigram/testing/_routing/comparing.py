"""Where two values differ, and how to show it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final, TypeAlias

from lexigram.contracts.redaction import REDACTED, is_secret_name
from lexigram.testing._calls.literals import (
    Line,
    as_json,
    is_list,
    is_mapping,
    lines_of,
)
from lexigram.testing._calls.showing import hide

__all__ = ["contains", "differences", "equals"]

_Same: TypeAlias = Callable[[Any, Any], bool]

_MOST_LINES: Final = 24
_WIDEST: Final = 120


def equals(expected: Any, actual: Any) -> bool:
    """Compare with `==`, the expected value on the left, where it may decide."""
    return bool(expected == actual)


def contains(expected: Any, actual: Any) -> bool:
    """Do the same, but let the mappings within have more keys than are expected."""
    if is_mapping(expected) and is_mapping(actual):
        return all(
            key in actual and contains(value, actual[key])
            for key, value in expected.items()
        )
    return equals(expected, actual)


def differences(
    expected: object, actual: object, same: _Same = equals, *, among: bool = False
) -> str:
    """Return both values as one, line by line, "-" expected and "+" found.

    Keys are sorted. What is alike is left out, except next to what differs and around
    it; a sub-value is alike when `same` says so, however it is written.

    Args:
        expected: One value.
        actual: The other.
        same: How sub-values are compared.
        among: Whether mappings found may have keys that are not expected.
    """
    lines = list(_Comparison(same, among).lines(expected, actual))
    if all(line.mark == " " for line in lines):  # two that only differ as a whole
        lines = [*lines_of(hide(expected), "-"), *lines_of(hide(actual), "+")]
    return "\n".join(_excerpt(lines))


@dataclass(frozen=True, slots=True)
class _Comparison:
    """The way to compare two values line by line."""

    same: _Same
    among: bool

    def lines(
        self, expected: Any, actual: Any, depth: int = 0, before: str = ""
    ) -> Iterator[Line]:
        after = "," if depth else ""
        if self.same(expected, actual):
            yield from lines_of(hide(actual), " ", depth, before)
        elif is_mapping(expected) and is_mapping(actual):
            yield Line(" ", depth, f"{before}{{")
            for key in sorted({*expected, *actual}, key=str):
                yield from self._entry(key, expected, actual, depth + 1)
            yield Line(" ", depth, f"}}{after}")
        elif is_list(expected) and is_list(actual):
            yield Line(" ", depth, f"{before}[")
            # Lists are compared whole, whatever mappings may leave out.
            yield from _Comparison(equals, among=False).items(
                expected, actual, depth + 1
            )
            yield Line(" ", depth, f"]{after}")
        else:
            yield from lines_of(hide(expected), "-", depth, before)
            yield from lines_of(hide(actual), "+", depth, before)

    def _entry(
        self, key: Any, expected: Any, actual: Any, depth: int
    ) -> Iterator[Line]:
        before = f"{as_json(key)}: "
        secret = is_secret_name(str(key))
        if key not in actual:
            shown = REDACTED if secret else hide(expected[key])
            yield from lines_of(shown, "-", depth, before)
        elif key not in expected:
            shown = REDACTED if secret else hide(actual[key])
            yield from lines_of(shown, " " if self.among else "+", depth, before)
        elif not secret:
            yield from self.lines(expected[key], actual[key], depth, before)
        elif self.same(expected[key], actual[key]):
            yield Line(" ", depth, f'{before}"{REDACTED}",')
        else:
            yield Line("-", depth, f'{before}"{REDACTED}",')
            yield Line("+", depth, f'{before}"{REDACTED}" (another),')

    def items(
        self, expected: list[Any], actual: list[Any], depth: int
    ) -> Iterator[Line]:
        """Compare two lists, whose common beginning and end tell what was added."""
        start = self._common(expected, actual)
        end = self._common(expected[start:][::-1], actual[start:][::-1])
        wanted = expected[start : len(expected) - end]
        found = actual[start : len(actual) - end]
        paired = min(len(wanted), len(found))
        yield from _spread(actual[:start], " ", depth)
        for one, other in zip(wanted, found, strict=False):
            yield from self.lines(one, other, depth)
        yield from _spread(wanted[paired:], "-", depth)
        yield from _spread(found[paired:], "+", depth)
        yield from _spread(actual[len(actual) - end :], " ", depth)

    def _common(self, expected: list[Any], actual: list[Any]) -> int:
        pairs = zip(expected, actual, strict=False)
        return sum(1 for _ in takewhile(lambda pair: self.same(*pair), pairs))


def _spread(items: list[Any], mark: str, depth: int) -> Iterator[Line]:
    for item in items:
        yield from lines_of(hide(item), mark, depth)


def _excerpt(lines: list[Line]) -> Iterator[str]:
    differing = [index for index, line in enumerate(lines) if line.mark != " "]
    before = -1
    for index in sorted(_kept(lines, differing[:_MOST_LINES])):
        if hidden := lines[before + 1 : index]:
            yield f"  {'  ' * min(line.depth for line in hidden)}…"
        yield _cut(str(lines[index]))
        before = index
    if (more := len(differing) - _MOST_LINES) > 0:
        yield f"  … ({more} more lines differ)"


def _kept(lines: list[Line], differing: list[int]) -> set[int]:
    """Return what differs, its neighbours, and the containers that it is in."""
    kept: set[int] = set()
    for index in differing:
        depth = lines[index].depth
        kept |= {max(index - 1, 0), index, min(index + 1, len(lines) - 1)}
        kept.update(_around(lines, range(index - 1, -1, -1), depth))
        kept.update(_around(lines, range(index + 1, len(lines)), depth))
    return kept


def _around(lines: list[Line], indexes: range, depth: int) -> Iterator[int]:
    """Return the lines that open or close the containers of one, the inner ones first."""
    for index in indexes:
        if depth == 0:
            return
        if lines[index].depth < depth:
            depth = lines[index].depth
            yield index


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[:_WIDEST]}…"
