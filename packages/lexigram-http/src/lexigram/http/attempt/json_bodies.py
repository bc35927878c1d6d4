"""Parsing the JSON of responses, at half of what the standard library takes, or less."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from pydantic_core import from_json

_LARGE: Final = 1024
"""Bytes, below which the look for long numbers costs more than a quicker parser saves."""

_LONG: Final = b"0" * 19
"""Digits of the shortest numbers that may not fit in 64 bits."""

_DIGITS: Final = bytes(
    ord("0") if byte in b"0123456789" else ord(" ") for byte in range(256)
)
"""Makes zeros of digits, and spaces of all else."""


def parse_json(body: bytes) -> Any:
    """Parse a JSON text as `json.loads` does, in every case.

    What pydantic's parser accepts it reads alike, numbers of any length included. With
    the extra `speedups` a larger text is orjson's, which takes two thirds of the time,
    unless it holds a number so long that orjson could make a float of it. What they
    refuse goes to the standard library, which knows a byte order mark, UTF-16 and halves
    of surrogate pairs.

    Raises:
        ValueError: The text is not JSON, or its bytes are not text.
    """
    try:
        if len(body) >= _LARGE:
            quicker = _quicker_parser()
            if quicker is not None and _LONG not in body.translate(_DIGITS):
                return quicker(body)
        return from_json(body)
    except ValueError:
        return json.loads(body)


@cache
def _quicker_parser() -> Callable[[bytes], Any] | None:
    """Return orjson's, where it is installed; loaded with the first large body."""
    try:
        from orjson import loads  # noqa: PLC0415 - see above
    except ImportError:
        return None
    return loads
