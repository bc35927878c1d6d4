"""JSON laid out for reading, and text that does nothing to a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

__all__ = ["laid_out", "visible"]

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')

# All that moves the cursor, changes its colours or talks to the terminal; tabs and ends
# of lines stay.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

_INDENT: Final = "  "
_OPENING: Final = frozenset("[{")
_CLOSING: Final = frozenset("]}")


def laid_out(text: str) -> str | None:
    """Return JSON with a line for each value; None when it is no JSON.

    Only white space and the escapes of letters change: numbers keep their digits, and
    fields their order and their number.
    """
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return None
    return "".join(_laid_out(_TOKEN.findall(text)))


def visible(text: str) -> str:
    """Return `text` with control characters written out, so that none takes effect."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _laid_out(tokens: list[str]) -> Iterator[str]:
    depth = 0
    for before, token in zip(["", *tokens], tokens, strict=False):
        if token in _CLOSING:
            depth -= 1
            if before not in _OPENING:
                yield _new_line(depth)
        elif before in _OPENING or before == ",":
            yield _new_line(depth)
        elif before == ":":
            yield " "
        if token in _OPENING:
            depth += 1
        yield _readable(token)


def _new_line(depth: int) -> str:
    return f"\n{_INDENT * depth}"


def _readable(token: str) -> str:
    if "\\u" not in token:
        return token
    shown = json.dumps(json.loads(token), ensure_ascii=False)
    # Half of a surrogate pair is no character that could be printed.
    return shown if shown.isascii() or shown.isprintable() else token
