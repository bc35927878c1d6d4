"""Lines out of bytes that arrive in any division."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from lexigram.contracts.web._errors import HTTPResponseTooLargeError
from lexigram.contracts.web._streaming import MAX_LINE_BYTES

__all__ = ["Head", "LineSplitter", "check_limit", "decoded", "too_long"]

_BOM: Final = b"\xef\xbb\xbf"
_LF: Final = 0x0A
_CR: Final = 0x0D


class Head:
    """Takes a byte order mark of UTF-8 from the start of a stream."""

    __slots__ = ("_kept", "passed")

    passed: bool
    """Whether the start is over, and there is nothing more to look for."""

    def __init__(self) -> None:
        self.passed = False
        self._kept = b""

    def strip(self, data: bytes) -> bytes:
        """Return `data` without the mark; what may be a part of one is kept back."""
        data = self._kept + data
        if len(data) < len(_BOM) and _BOM.startswith(data):
            self._kept = data
            return b""
        self._kept = b""
        self.passed = True
        return data.removeprefix(_BOM)

    def kept(self) -> bytes:
        """Return what was kept back, at the end of a stream that is this short."""
        data, self._kept = self._kept, b""
        return data


class LineSplitter:
    r"""Splits bytes at CR, LF and CRLF, and at nothing else.

    A byte order mark of UTF-8 before the first line is left out. A line is given as soon
    as its end is there: a CR ends one without waiting for the LF that may follow.

    Args:
        max_line_bytes: The largest line to accept, without its end.

    Example:
        >>> splitter = LineSplitter()
        >>> [list(splitter.feed(chunk)) for chunk in (b"a\r", b"\nb", b"c\n")]
        [[b'a'], [], [b'bc']]
    """

    __slots__ = ("_after_cr", "_head", "_limit", "_rest")

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        check_limit("max_line_bytes", max_line_bytes)
        self._limit = max_line_bytes
        self._head = Head()
        self._after_cr = False
        # Grows in place: a line of many small chunks takes linear time, and no more
        # memory than its bytes.
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterable[bytes]:
        """Return the lines that end in `data`, to be read before more is fed.

        Raises:
            HTTPResponseTooLargeError: A line is above the limit; while reading the lines
                when others come before it. The splitter is of no more use then.
        """
        if not self._head.passed:
            data = self._head.strip(data)
        if self._after_cr and data:
            self._after_cr = False
            if data[0] == _LF:
                data = data[1:]
        if not data:
            return ()
        # For bytes, unlike text, these are CR, LF and CRLF alone.
        lines = data.splitlines()
        rest = self._rest
        may_exceed = len(rest) + len(data) > self._limit
        last = data[-1]
        self._after_cr = last == _CR
        tail = b"" if last in (_LF, _CR) else lines.pop()
        if rest and lines:
            rest += lines[0]
            lines[0] = bytes(rest)
            rest.clear()
        rest += tail
        return self._checked(lines) if may_exceed else lines

    def close(self) -> Iterable[bytes]:
        """Return the last line, if it has no end."""
        last = self._head.kept() + self._rest
        self._rest.clear()
        return (last,) if last else ()

    def _checked(self, lines: list[bytes]) -> Iterable[bytes]:
        if len(lines[0] if lines else self._rest) > self._limit:
            raise too_long("line", self._limit, "max_line_bytes")
        return self._checked_each(lines)

    def _checked_each(self, lines: list[bytes]) -> Iterator[bytes]:
        for line in lines:
            if len(line) > self._limit:
                raise too_long("line", self._limit, "max_line_bytes")
            yield line
        if len(self._rest) > self._limit:
            raise too_long("line", self._limit, "max_line_bytes")


def decoded(lines: Iterable[bytes]) -> Iterable[str]:
    """Decode lines of UTF-8; what is none of it becomes U+FFFD."""
    if isinstance(lines, list) and lines:  # at once: by itself each takes twice as long
        return b"\n".join(lines).decode("utf-8", "replace").split("\n")
    return (line.decode("utf-8", "replace") for line in lines)


def too_long(what: str, limit: int, option: str) -> HTTPResponseTooLargeError:
    """Describe a part of a stream that is larger than accepted.

    Args:
        what: What it is: "line", "event".
        limit: What is accepted, in bytes.
        option: What sets another limit.
    """
    return HTTPResponseTooLargeError(
        f"The stream holds a {what} of more than {limit} bytes, and no more are accepted. "
        f"Give a larger `{option}` if that is expected.",
        limit=limit,
    )


def check_limit(name: str, value: int) -> None:
    """Raise `ValueError` unless `value` is a positive number of bytes."""
    if value < 1:
        raise ValueError(f"{name}={value!r} is not a positive number of bytes.")
