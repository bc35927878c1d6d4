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

    __slots__ = ("_at_start", "_decoder", "charset")

    charset: str

    def __init__(self, charset: str = "utf-8") -> None:
        self.charset = _codec(charset)
        self._decoder = codecs.getincrementaldecoder(self.charset)("replace")
        self._at_start = True

    def decode(self, data: bytes, *, final: bool = False) -> str:
        """Return the text that `data` completes.

        Args:
            data: What comes next.
            final: Whether nothing follows; half a character becomes U+FFFD then.
        """
        text = self._decoder.decode(data, final)
        if self._at_start and text:
            self._at_start = False
            return text.removeprefix(_BOM)
        return text


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
