"""What several targets make of the bytes that they are given."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from random import Random
from typing import Final, TypeAlias, TypeVar

T = TypeVar("T")

Target: TypeAlias = Callable[[bytes], None]
"""Tries something with an input, and raises `BrokenError` or anything else when it is wrong."""

_MOST_CUTS: Final = 8


class BrokenError(AssertionError):
    """What a target promises does not hold for an input."""


def expect(holds: object, what: str) -> None:
    """Raise `BrokenError` unless something holds."""
    if not holds:
        raise BrokenError(what)


def text_of(data: bytes) -> str:
    """Return the input as text, in which half a surrogate pair can stand."""
    return data.decode("utf-8", "surrogateescape")


def dice_of(data: bytes) -> Random:
    """Return what decides beside the input; the same for the same input."""
    return Random(zlib.crc32(data))  # noqa: S311 - to be repeated


def divided(data: bytes) -> list[bytes]:
    """Return the input in pieces, empty ones among them."""
    dice = dice_of(data)
    cuts = sorted(
        dice.randint(0, len(data)) for _ in range(dice.randint(0, _MOST_CUTS))
    )
    return [
        data[start:end]
        for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)
    ]


def same_in_any_division(
    data: bytes, read: Callable[[Iterable[bytes]], T], what: str
) -> None:
    """Expect that `read` makes the same of the input whole, divided, and byte by byte."""
    whole = read([data])
    expect(read(divided(data)) == whole, f"{what}: other results in {divided(data)!r}")
    bytewise = [data[index : index + 1] for index in range(len(data))]
    expect(read(bytewise) == whole, f"{what}: other results byte by byte")
