"""JSON text sequences (RFC 7464): values that may hold line ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lexigram.contracts.web._streaming import MAX_LINE_BYTES
from lexigram.contracts.web.streaming._lines import check_limit, too_long

__all__ = ["JSONSequenceSplitter", "may_be_cut"]

_RS: Final = b"\x1e"

# What opens or closes something in a JSON text. A backslash takes the next byte with it,
# which may be in the next chunk.
_OUTSIDE: Final = re.compile(rb'["{}\[\]\n]')
_INSIDE: Final = re.compile(rb'["\\]')
_STEPS: Final = {b"{": 1, b"[": 1, b"}": -1, b"]": -1}


class JSONSequenceSplitter:
    r"""Splits bytes into the texts between record separators.

    A text is given at the line end that follows it, without waiting for the next record:
    of a live stream that may take hours. It is given unparsed, and as it was sent, cut
    off or not; what follows it in its record comes as a text of its own.

    Args:
        max_line_bytes: The largest text to accept.

    Example:
        >>> list(JSONSequenceSplitter().feed(b'\x1e{"a":\n1}\n\x1e2\n'))
        [b'{"a":\n1}\n', b'2\n']
    """

    __slots__ = ("_depth", "_escaped", "_limit", "_quoted", "_rest")

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        check_limit("max_line_bytes", max_line_bytes)
        self._limit = max_line_bytes
        self._rest = bytearray()
        self._begin()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the texts that end in `data`, to be read before more is fed.

        Raises:
            HTTPResponseTooLargeError: A text is above the limit; the splitter is of no
                more use then.
        """
        first, *others = data.split(_RS)
        yield from self._scan(first)
        for record in others:
            yield from self.close()
            yield from self._scan(record)

    def close(self) -> Iterator[bytes]:
        """Yield what is left of the record, and begin another."""
        text = bytes(self._rest)
        self._rest.clear()
        self._begin()
        if text and not text.isspace():
            yield text

    def _begin(self) -> None:
        self._depth = 0
        self._quoted = self._escaped = False

    def _scan(self, record: bytes) -> Iterator[bytes]:
        start = 0
        for end in self._ends(record):
            self._keep(record[start:end])
            start = end
            yield from self.close()
        self._keep(record[start:])

    def _keep(self, part: bytes) -> None:
        if len(self._rest) + len(part) > self._limit + 1:  # and its line end
            raise too_long("JSON text", self._limit, "max_line_bytes")
        self._rest += part

    def _ends(self, record: bytes) -> Iterator[int]:
        """Yield the positions behind line ends that are in no object, array or string."""
        position = 0
        if self._escaped and record:
            self._escaped, position = False, 1
        while found := (_INSIDE if self._quoted else _OUTSIDE).search(record, position):
            position = found.end()
            token = found[0]
            if token == b'"':
                self._quoted = not self._quoted
            elif token == b"\\":
                self._escaped = position == len(record)
                position += 1
            elif token == b"\n":
                if self._depth <= 0:
                    yield position
            else:
                self._depth += _STEPS[token]


def may_be_cut(text: bytes) -> bool:
    """Say whether a text may be the beginning of a longer one (RFC 7464 §2.4).

    A number or a word that no white space follows may be.
    """
    return text[-1:] not in b" \t\r\n" and text.lstrip()[:1] not in b'"{['
