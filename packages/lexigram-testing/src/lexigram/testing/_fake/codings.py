"""Removing a content coding as the real client does, its mistakes included.

A fake that is stricter, or more forgiving, would hide what a service meets in production.
"""

from __future__ import annotations

import zlib
from typing import Final

from lexigram.contracts.web import ConnectionFailure

__all__ = ["BrokenCodingError", "decoded"]

_GZIP: Final = zlib.MAX_WBITS | 16
_ZLIB: Final = zlib.MAX_WBITS
_RAW: Final = -zlib.MAX_WBITS
# RFC 1950 §2.2: the low half of the first byte names the method, 8 being deflate.
_DEFLATE_METHOD: Final = 8


class BrokenCodingError(ValueError):
    """A client cannot read the content by the coding that it is labelled with."""

    def __init__(self, message: str, failure: ConnectionFailure) -> None:
        super().__init__(message)
        self.failure: ConnectionFailure = failure


def decoded(body: bytes, coding: str) -> bytes:
    """Return content without its coding; in one that nobody knows it stays as it is.

    gzip that lacks its end counts as complete, which is aiohttp's doing; deflate does
    not. deflate may lack the header of RFC 9110 §8.4.1.2, as it does from many servers.

    Raises:
        BrokenCodingError: It is not in that coding, or in one for which the real client
            needs another library.
    """
    match coding.lower():
        case "gzip":
            return _members("gzip", body, _GZIP)[0]
        case "deflate":
            return _deflated(body)
        case "br" | "zstd" as other:
            raise BrokenCodingError(
                f"The body is labelled {other}, which the client reads only with one "
                "more library. Answer with gzip, or without a coding.",
                "protocol",
            )
        case _:
            return body


def _deflated(body: bytes) -> bytes:
    if not body:
        return body
    headed = body[0] & 0xF == _DEFLATE_METHOD
    content, complete = _members("deflate", body, _ZLIB if headed else _RAW)
    if not complete:
        raise BrokenCodingError(
            "The body is labelled deflate and ends too early.", "protocol"
        )
    return content


def _members(coding: str, body: bytes, window: int) -> tuple[bytes, bool]:
    """Return the content, one member after the other, and whether it has its end."""
    content = b""
    complete = False
    while body:
        inflater = zlib.decompressobj(window)
        try:
            content += inflater.decompress(body)
        except zlib.error as error:
            raise BrokenCodingError(
                f"The body is labelled {coding} and is not ({error}).", "truncated"
            ) from error
        body, complete = inflater.unused_data, inflater.eof
    return content, complete
