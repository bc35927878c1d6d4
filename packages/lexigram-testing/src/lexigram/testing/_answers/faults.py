"""What an upstream can do other than answer, as values.

A fault is bytes to send and a way to end, so that the server needs to know none of them
by name and a test can write one of its own with `fault.raw`.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

__all__ = ["Ending", "Fault", "fault"]

Ending: TypeAlias = Literal["keep", "close", "reset", "hang"]
"""What becomes of the connection: reused, closed (FIN), reset (RST), left silent."""

_BODY: Final = b"0123456789abcdef" * 64


@dataclass(frozen=True, slots=True, repr=False)
class Fault:
    """One way for an exchange to go wrong. Make one with `fault`."""

    call: str
    """How it was made, for reports: "truncate(after_bytes=10)"."""
    data: bytes = field(default=b"", repr=False)
    """What is sent, from the status line on."""
    then: Ending = "close"
    """What becomes of the connection after that."""
    bytes_per_second: float | None = None
    """How fast the body is sent; None for at once."""
    wire_only: bool = True
    """Whether it needs a wire: an in-process fake cannot do it."""

    @property
    def kind(self) -> str:
        """The name of the constructor."""
        return self.call.partition("(")[0]

    def __repr__(self) -> str:
        return f"fault.{self.call}"


class fault:  # noqa: N801 - reads as a verb's object: `fail(fault.reset())`
    """The faults. `after_bytes` counts bytes of the body; 0 is before the status line.

    | fault | the client meets | in process |
    |---|---|---|
    | `refused` | a connection that is refused | yes; a server does it with `down()` |
    | `reset` | RST, before or within the response | only before it |
    | `hang` | silence, before or within the response | only before it |
    | `close` | FIN instead of a response | no |
    | `truncate` | fewer bytes than Content-Length says, then FIN | no |
    | `wrong_length` | a Content-Length that is off by `delta`, then FIN | no |
    | `drip` | a body, slowly | no |
    | `garbage` | bytes that are not HTTP | no |
    | `bad_chunk` | a chunk size that is not a number | no |
    | `bad_gzip` | a body that is labelled gzip and is not | no |
    | `truncated_gzip` | gzip data without its end, framed correctly | no |
    | `raw` | whatever you write | no |
    """

    @staticmethod
    def refused() -> Fault:
        """Refuse the connection; in process only."""
        return Fault("refused()", wire_only=False)

    @staticmethod
    def reset(after_bytes: int = 0, *, body: bytes = _BODY) -> Fault:
        """Reset the connection."""
        data = _cut(after_bytes, body)
        return Fault(_call("reset", after_bytes), data, "reset", wire_only=bool(data))

    @staticmethod
    def hang(after_bytes: int = 0, *, body: bytes = _BODY) -> Fault:
        """Take the request and then stay silent until the client or the test is gone."""
        data = _cut(after_bytes, body)
        return Fault(_call("hang", after_bytes), data, "hang", wire_only=bool(data))

    @staticmethod
    def close() -> Fault:
        """Close the connection without a response."""
        return Fault("close()")

    @staticmethod
    def truncate(after_bytes: int, *, body: bytes = _BODY) -> Fault:
        """Close the connection before the end of the body."""
        head = _head(f"Content-Length: {len(body)}")
        _check_within(after_bytes, body)
        return Fault(f"truncate({after_bytes})", head + body[:after_bytes])

    @staticmethod
    def wrong_length(delta: int, *, body: bytes = _BODY) -> Fault:
        """Declare `delta` more (or, negative, fewer) bytes than are sent.

        Raises:
            ValueError: The declared length would be right, or below zero.
        """
        if delta == 0 or len(body) + delta < 0:
            raise ValueError(
                f"{delta=!r} makes no wrong length of {len(body)} bytes. "
                "Use another one, such as 5 or -5."
            )
        head = _head(f"Content-Length: {len(body) + delta}")
        return Fault(f"wrong_length({delta})", head + body)

    @staticmethod
    def drip(bytes_per_second: float, *, body: bytes = _BODY) -> Fault:
        """Send a correct response, its body slowly.

        Raises:
            ValueError: The speed is not positive.
        """
        if bytes_per_second <= 0:
            raise ValueError(
                f"{bytes_per_second=!r} is not a speed. Use `hang` for none at all."
            )
        data = _head(f"Content-Length: {len(body)}") + body
        return Fault(f"drip({bytes_per_second:g})", data, "keep", bytes_per_second)

    @staticmethod
    def garbage() -> Fault:
        """Answer with bytes that are not HTTP."""
        return Fault("garbage()", b"\x00\xff\x16\x03 this is not HTTP\r\n\r\n")

    @staticmethod
    def bad_chunk() -> Fault:
        """Send one good chunk and then a chunk size that is not a number."""
        head = _head("Transfer-Encoding: chunked")
        return Fault("bad_chunk()", head + b"4\r\ngood\r\nzz\r\nbad\r\n0\r\n\r\n")

    @staticmethod
    def bad_gzip() -> Fault:
        """Send a body that is labelled gzip and is not."""
        return Fault("bad_gzip()", _gzipped(b"this is not gzip"), "keep")

    @staticmethod
    def truncated_gzip(*, body: bytes = _BODY) -> Fault:
        """Send gzip data without its last half, framed correctly."""
        packed = gzip.compress(body, mtime=0)
        half = _gzipped(packed[: len(packed) // 2])
        return Fault("truncated_gzip()", half, "keep")

    @staticmethod
    def raw(data: bytes, then: Ending = "close") -> Fault:
        """Send exactly these bytes."""
        return Fault(f"raw({data!r}, {then!r})", data, then)


def _head(*fields: str) -> bytes:
    lines = ("HTTP/1.1 200 OK", "Content-Type: text/plain", *fields, "", "")
    return "\r\n".join(lines).encode()


def _gzipped(content: bytes) -> bytes:
    return _head("Content-Encoding: gzip", f"Content-Length: {len(content)}") + content


def _cut(after_bytes: int, body: bytes) -> bytes:
    if after_bytes == 0:
        return b""
    _check_within(after_bytes, body)
    return _head(f"Content-Length: {len(body)}") + body[:after_bytes]


def _check_within(after_bytes: int, body: bytes) -> None:
    if not 0 <= after_bytes < len(body):
        raise ValueError(
            f"{after_bytes=!r} is not within the body of {len(body)} bytes. "
            "Use a smaller number or give a longer `body`."
        )


def _call(name: str, after_bytes: int) -> str:
    return f"{name}({after_bytes})" if after_bytes else f"{name}()"
