"""Text out of bytes that arrive in any division."""

from __future__ import annotations

import codecs
from typing import Final

from lexigram.contracts.web._headers import Headers

__all__ = ["TextDecoder", "declared_charset"]

_BOM: Final = "\ufeff"

# Codecs of Python that are no charset of a text, as for `HttpResponse.text`; and UTF-7,
# whose decoder begins again at every chunk of a long run, which takes quadratic time. No
# browser knows it either (https://encoding.spec.whatwg.org/#names-and-labels).
_NO_CHARSETS: Final = frozenset(
    {"idna", "punycode", "raw_unicode_escape", "unicode_escape", "utf_7"}
)

# Python's incremental decoders of these raise where the byte order mark is missing,
# whatever is to be done about errors. By charset: the mark of texts that are big-endian.
# Others are little-endian, with a mark or without, as everywhere on the web
# (https://encoding.spec.whatwg.org/#utf-16le).
_BIG_ENDIAN: Final = {"utf-16": b"\xfe\xff", "utf-32": b"\x00\x00\xfe\xff"}


class TextDecoder:
    r"""Decodes bytes by a charset; no character is cut in two.

    Bytes that the charset does not know become U+FFFD, an unknown charset is read as
    UTF-8, and a byte order mark at the start is left out.

    Args:
        charset: A name as in the Content-Type.

    Attributes:
        charset: The name of the codec that is used.

    Example:
        >>> decoder = TextDecoder()
        >>> [decoder.decode(chunk) for chunk in (b"caf\xc3", b"\xa9")]
        ['caf', 'é']
    """

    __slots__ = ("_at_start", "_decoder", "_kept", "_mark", "charset")

    charset: str

    def __init__(self, charset: str = "utf-8") -> None:
        self.charset = _codec(charset)
        # What the byte order is told by, until it is known; and what came before that.
        self._mark = _BIG_ENDIAN.get(self.charset, b"")
        self._kept = b""
        self._decoder = codecs.getincrementaldecoder(self.charset)("replace")
        self._at_start = True

    def decode(self, data: bytes, *, final: bool = False) -> str:
        """Return the text that `data` completes.

        Args:
            data: What comes next.
            final: Whether nothing follows; half a character becomes U+FFFD then.
        """
        if self._mark and not self._knows_order(data, final=final):
            return ""
        if self._kept:
            data, self._kept = self._kept + data, b""
        try:
            text = self._decoder.decode(data, final)
        except UnicodeError:
            # An escape sequence of ISO-2022 without an end, of which Python's decoders
            # keep a few bytes only: they give up, whatever is to be done about errors.
            kept, _ = self._decoder.getstate()
            self._decoder.reset()
            text = (kept + data).decode(self.charset, "replace")
        if self._at_start and text:
            self._at_start = False
            return text.removeprefix(_BOM)
        return text

    def _knows_order(self, data: bytes, *, final: bool) -> bool:
        """Find out which byte order it is; else keep `data` until there is more of it."""
        start = self._kept + data
        if len(start) < len(self._mark) and not final:
            self._kept = start
            return False
        order = "be" if start.startswith(self._mark) else "le"
        codec = f"{self.charset}-{order}"
        self._decoder = codecs.getincrementaldecoder(codec)("replace")
        self._mark = b""
        return True


def declared_charset(headers: Headers) -> str:
    """Return the charset of the Content-Type, else "utf-8"."""
    for parameter in headers.get("content-type", "").split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip("\"'") or "utf-8"
    return "utf-8"


def _codec(charset: str) -> str:
    try:
        name = codecs.lookup(charset).name
        b"?".decode(name, "replace")  # refuses codecs between bytes and bytes
    except (LookupError, ValueError):
        return "utf-8"
    return "utf-8" if name.replace("-", "_") in _NO_CHARSETS else name
