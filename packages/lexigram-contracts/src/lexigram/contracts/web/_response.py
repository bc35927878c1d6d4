"""A response, complete and independent of the library that received it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from typing import Any, ClassVar, Final, Self, TypeVar, cast

from lexigram.contracts.redaction import redact_text, redact_url
from lexigram.contracts.web import _json
from lexigram.contracts.web._errors import HTTPDecodeError, HTTPStatusError
from lexigram.contracts.web._headers import Headers, HeaderSource
from lexigram.contracts.web._timeline import AttemptRecord

__all__ = ["HttpResponse"]

T = TypeVar("T")

# Survives pickling as itself, unlike a bare object().
_UNSET: Final[Any] = ...
_EXCERPT = 80
# Codecs of Python that are no charset of a text. The time of punycode grows with the
# square of the size: a server could stop the event loop by naming it.
_NO_CHARSETS = frozenset({"idna", "punycode", "raw_unicode_escape", "unicode_escape"})
# RFC 9110 §8.6, up to what fits into 64 bits.
_LENGTH = re.compile(r"[0-9]{1,19}")


class HttpResponse:
    """Status, headers and the whole body of one answer.

    Text and JSON are decoded when they are first asked for, and kept. Build one with
    at most one of `body`, `json` and `text`; `json` and `text` also set the
    Content-Type when `headers` has none. `loads` is a quicker parser of JSON than the
    standard library's, with the same results.

    Example:
        >>> HttpResponse(200, json={"id": "inv_1"}).json["id"]
        'inv_1'
    """

    __slots__ = (
        "_history",
        "_json",
        "_loads",
        "_open_body",
        "_text",
        "_timeline",
        "attempts",
        "body",
        "charset",
        "cut",
        "elapsed",
        "headers",
        "method",
        "status",
        "url",
    )

    status: int
    """The status code."""
    url: str
    """The URL that answered, after redirects."""
    method: str
    """The method that was answered."""
    headers: Headers
    """The header fields; case-insensitive, repeated values kept."""
    body: bytes
    """The content, any content coding removed."""
    charset: str
    """What `text` is decoded by when the Content-Type does not say."""
    cut: bool
    """Whether `body` is only the beginning, which is enough of a long error."""
    elapsed: float
    """Seconds from the start of the call to the end of the body."""
    attempts: int
    """How many times the request was sent, redirects not counted apart."""

    _open_body: Any  # see `calling._open_bodies`
    _loads: Callable[[bytes], Any]

    def __init__(  # noqa: PLR0913 - a value with this many parts
        self,
        status: int,
        url: str = "",
        method: str = "GET",
        headers: HeaderSource = (),
        body: bytes = b"",
        json: Any = _UNSET,
        text: str | None = None,
        *,
        charset: str = "utf-8",
        elapsed: float = 0.0,
        attempts: int = 1,
        cut: bool = False,
        loads: Callable[[bytes], Any] | None = None,
    ) -> None:
        self.status = status
        self.url = url
        self.method = method
        self.headers = headers if type(headers) is Headers else Headers(headers)
        self.body = body
        self.charset = charset
        self.elapsed = elapsed
        self.attempts = attempts
        self.cut = cut
        self._json: Any = _UNSET
        self._text: str | None = None
        if loads is not None:
            self._loads = loads
        if json is not _UNSET or text is not None:
            self._encode(json, text)

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status < 400  # noqa: PLR2004 - RFC 9110 §15

    @property
    def text(self) -> str:
        """The body as text, by the charset of its Content-Type, else by `charset`.

        Bytes that the charset does not know become U+FFFD; an unknown charset is read
        as UTF-8. It never raises: a wrong label is common, and a text is for showing.
        """
        if self._text is None:
            self._text = _decoded(self.body, self._declared_charset())
        return self._text

    @property
    def json(self) -> Any:
        """The body parsed as JSON.

        Objects and arrays come as `JSONObject` and `JSONArray`, which also answer
        `await response.json()`.

        Raises:
            HTTPDecodeError: The body is not JSON.
        """
        if self._json is _UNSET:
            loads = getattr(self, "_loads", _json.loads)
            self._json = _json.wrap(self.decode(loads))
        return self._json

    @property
    def content_length(self) -> int:
        """The declared Content-Length, else the size of `body`.

        For HEAD and for a compressed body the declared one differs from `len(body)`.
        """
        declared = self.headers.get("content-length", "")
        return int(declared) if _LENGTH.fullmatch(declared) else len(self.body)

    @property
    def history(self) -> tuple[HttpResponse, ...]:
        """The redirects that led to this answer, first to last."""
        # Left unset until there is one, like the timeline.
        return getattr(self, "_history", ())

    @history.setter
    def history(self, redirects: tuple[HttpResponse, ...]) -> None:
        self._history = redirects

    @property
    def timeline(self) -> tuple[AttemptRecord, ...]:
        """What became of each attempt of the call, and what was decided after it.

        Empty when the first one was answered by a status below 300.
        """
        # Left unset until there is one: few responses have any.
        return getattr(self, "_timeline", ())

    @timeline.setter
    def timeline(self, records: tuple[AttemptRecord, ...]) -> None:
        self._timeline = records

    def decode(self, decoder: Callable[[bytes], T]) -> T:
        """Return what `decoder` makes of the body.

        Example: `response.decode(Invoice.model_validate_json)`.

        Raises:
            HTTPDecodeError: The decoder raised; its exception is the `__cause__`.
        """
        try:
            return decoder(self.body)
        except Exception as error:  # the decoder is the caller's code
            raise self._decode_error() from error

    def raise_for_status(self) -> Self:
        """Return this response, or raise when its status is 400 or more.

        Raises:
            HTTPStatusError: With this response inside.
        """
        if not self.ok:
            raise HTTPStatusError(self)
        return self

    def __repr__(self) -> str:
        return (
            f"<HttpResponse {self.status} {self.method} {redact_url(self.url)}, "
            f"{len(self.body)} bytes{', cut' if self.cut else ''}>"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, HttpResponse):
            return NotImplemented
        return self._identity() == other._identity()

    # Headers are compared by content.
    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # as Python spells it

    def __getstate__(self) -> object:
        # The parser stays here: who loads a pickle may not have it.
        state = cast("tuple[None, dict[str, Any]]", object.__getstate__(self))
        state[1].pop("_loads", None)
        return state

    def _identity(self) -> tuple[object, ...]:
        return self.status, self.method, self.url, self.headers, self.body

    def _encode(self, json: Any, text: str | None) -> None:
        if self.body or (json is not _UNSET and text is not None):
            raise TypeError("Give at most one of body, json and text.")
        if text is not None:
            self.body = text.encode()
            content_type = "text/plain; charset=utf-8"
        else:
            self.body = _json.dump(json)
            content_type = "application/json"
        if "content-type" not in self.headers:
            self.headers = Headers(
                [*self.headers.pairs, ("Content-Type", content_type)]
            )

    def _declared_charset(self) -> str:
        for parameter in self.headers.get("content-type", "").split(";")[1:]:
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "charset":
                return value.strip().strip("\"'") or self.charset
        return self.charset

    def _decode_error(self) -> HTTPDecodeError:
        content_type = self.headers.get("content-type", "")
        start = redact_text(self.body[:_EXCERPT].decode("utf-8", "replace"))
        error = HTTPDecodeError(
            f"The body ({'only the first ' if self.cut else ''}{len(self.body)} bytes "
            f"of {content_type or 'no Content-Type'}) "
            f"cannot be decoded; it starts with {start!r}.",
            content_type=content_type,
            method=self.method,
            url=self.url,
            attempts=self.attempts,
            request_sent="yes",
        )
        if self.timeline:
            error.timeline = self.timeline
        return error


def _decoded(body: bytes, charset: str) -> str:
    try:
        if codecs.lookup(charset).name.replace("-", "_") not in _NO_CHARSETS:
            return body.decode(charset, "replace")
    except (LookupError, ValueError):
        pass  # not a codec, or one that cannot replace what it does not know
    return body.decode("utf-8", "replace")
