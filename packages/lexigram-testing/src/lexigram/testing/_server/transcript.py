"""Bytes of two directions as text that a person reads, without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal, TypeAlias

from lexigram.contracts.redaction import (
    REDACTED,
    is_secret_name,
    redact_text,
    redact_url,
)

__all__ = ["Peer", "transcript"]

Peer: TypeAlias = Literal["client", "server"]

_LONGEST: Final = 200
_MARKS: Final[dict[Peer, str]] = {"client": ">", "server": "<"}
_REQUEST = re.compile(r"([A-Z]+) (\S+) (HTTP/\S+)")
_FIELD = re.compile(r"([!#$%&'*+.^_`|~\w-]+):(.*)", re.ASCII)


def transcript(
    pieces: Iterable[tuple[Peer, bytes]], ends: Mapping[Peer, Iterable[int]]
) -> Iterator[str]:
    """Yield the lines of a conversation, each marked with who sent it.

    A line stands where it ended, so that one which came in pieces is looked at, and
    redacted, as a whole.

    Args:
        pieces: What was sent, by whom, in order.
        ends: After how many bytes of each direction a message ended; so does its last
            line.
    """
    voices = {sender: _Voice(mark, ends[sender]) for sender, mark in _MARKS.items()}
    for sender, data in pieces:
        yield from voices[sender].say(data)
    for voice in voices.values():
        yield from voice.fall_silent()


class _Voice:
    """One direction: turns bytes into lines."""

    def __init__(self, mark: str, ends: Iterable[int]) -> None:
        self._mark = mark
        self._ends = iter(ends)
        self._left = self._to_the_end(0)
        self._position = 0
        self._line = b""
        self._hiding = False

    def say(self, data: bytes) -> Iterator[str]:
        """Yield the lines that end within the next bytes."""
        while self._left is not None and self._left <= len(data):
            message, data = data[: self._left], data[self._left :]
            yield from self._lines(message)
            yield from self.fall_silent()
            self._left = self._to_the_end(self._position)
        yield from self._lines(data)
        if self._left is not None:
            self._left -= len(data)

    def fall_silent(self) -> Iterator[str]:
        """Yield the line that has not ended, if there is one."""
        line, self._line = self._line, b""
        if line:
            yield self._shown(line)

    def _to_the_end(self, position: int) -> int | None:
        end = next(self._ends, None)
        return None if end is None else end - position

    def _lines(self, data: bytes) -> Iterator[str]:
        self._position += len(data)
        *lines, self._line = (self._line + data).split(b"\n")
        return map(self._shown, lines)

    def _shown(self, line: bytes) -> str:
        # A field goes on in a line that begins with white space (RFC 9112 §5.2).
        goes_on = self._hiding and line[:1] in {b" ", b"\t"}
        text = _printable(line.removesuffix(b"\r"))
        field = _FIELD.fullmatch(text)
        self._hiding = goes_on or (field is not None and is_secret_name(field[1]))
        if self._hiding:
            text = REDACTED if field is None else f"{field[1]}: {REDACTED}"
        else:
            text = _cut(_redacted(text))
        return f"{self._mark} {text}".rstrip()


def _redacted(text: str) -> str:
    request = _REQUEST.fullmatch(text)
    if request is not None:
        return f"{request[1]} {redact_url(request[2])} {request[3]}"
    name, colon, value = text.partition(": ")
    if colon and name.lower() in {"location", "referer"}:
        return f"{name}: {redact_url(value)}"
    return redact_text(text)


def _printable(line: bytes) -> str:
    text = line.decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _cut(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}… ({len(text)} characters)"
