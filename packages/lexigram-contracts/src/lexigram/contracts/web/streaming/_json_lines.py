"""What becomes of each JSON value of a stream."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar, Final, TypeVar

from lexigram.contracts.redaction import redact_text
from lexigram.contracts.web._errors import HTTPDecodeError
from lexigram.contracts.web.streaming._json_seq import may_be_cut
from lexigram.result import Err, Ok, Result

__all__ = ["HTTPLineDecodeError", "LineDecoder", "parse"]

T = TypeVar("T")

_EXCERPT: Final = 80
_parse_text: Final = json.JSONDecoder().decode
_parse_start: Final = json.JSONDecoder().raw_decode


class HTTPLineDecodeError(HTTPDecodeError):
    """A value of a stream is not what it was read as; the `__cause__` says where.

    Attributes:
        line: Its number, from 1; lines without a value count, in a JSON text sequence
            only values do.
    """

    code: ClassVar[str] = "http.decode_line"

    def __init__(
        self, message: str, *, line: int, content_type: str, **facts: Any
    ) -> None:
        super().__init__(message, content_type=content_type, **facts)
        self.line = line


def parse(line: bytes) -> Any:
    """Parse a JSON text in UTF-8.

    Raises:
        ValueError: It is no JSON, or not in UTF-8.
    """
    text = line.decode()
    try:
        value, end = _parse_start(text)
    except ValueError:  # of white space before it as well
        return _parse_text(text)
    # Takes a third off what `decode` does, which looks for white space at both ends.
    return value if end == len(text) else _parse_text(text)


class LineDecoder:
    """Decodes the values of one stream, and says of a bad one which it was.

    Args:
        decoder: Makes a value of the bytes.
        content_type: The Content-Type of the response.
        whole: Whether a value that may be cut off is refused (RFC 7464 §2.4).
        facts: What an error says of the exchange.
    """

    __slots__ = ("_content_type", "_decoder", "_facts", "_whole")

    def __init__(
        self,
        decoder: Callable[[bytes], Any],
        content_type: str,
        *,
        whole: bool,
        facts: dict[str, Any],
    ) -> None:
        self._decoder = decoder
        self._content_type = content_type
        self._whole = whole
        self._facts = facts

    def value(self, text: bytes, number: int) -> Any:
        """Return what the decoder makes of a text.

        Raises:
            HTTPLineDecodeError: The decoder raised, or the text may be cut off.
        """
        if self._whole and may_be_cut(text):
            raise self._error(text, number, "may be cut off: no line end follows it")
        try:
            return self._decoder(text)
        except Exception as error:  # the decoder is the caller's code
            raise self._error(text, number, "cannot be decoded") from error

    def result(self, text: bytes, number: int) -> Result[Any, HTTPDecodeError]:
        """Return what the decoder makes of a text, or the error."""
        try:
            return Ok(self.value(text, number))
        except HTTPLineDecodeError as error:
            return Err(error)

    def _error(self, text: bytes, number: int, problem: str) -> HTTPLineDecodeError:
        start = redact_text(text[:_EXCERPT].decode("utf-8", "replace"))
        return HTTPLineDecodeError(
            f"Line {number} of the stream ({len(text)} bytes) {problem}; it starts with "
            f"{start!r}. With `results=True` the stream goes on after such a line.",
            line=number,
            content_type=self._content_type,
            **self._facts,
        )
