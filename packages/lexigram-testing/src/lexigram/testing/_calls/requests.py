"""A request as the fake or the server received it."""

from __future__ import annotations

import json as jsonlib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeAlias
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from lexigram.contracts.redaction import redact_url
from lexigram.contracts.web import Headers, HeaderSource, MutableHeaders, RequestContext
from lexigram.testing._calls.multipart import MULTIPART, ReceivedFile, parts_of

__all__ = ["RecordedRequest", "origin_of"]

_PORTS = {"http": 80, "https": 443}

# RFC 3986, appendix B: scheme and authority, path, query; matches any text. `urlsplit`
# answers the same for what a client may send and takes four times as long.
_URL = re.compile(r"((?:[^:/?#]+:)?(?://[^/?#]*)?)([^?#]*)\??([^#]*)", re.DOTALL)


class RecordedRequest:
    """One request, complete. For reading only.

    What costs something to know (query, text, JSON, form) is worked out when it is
    first asked for, and kept.
    """

    __slots__ = (
        "_form",
        "_headers",
        "_json",
        "_params",
        "_parts",
        "attempt",
        "body",
        "method",
        "path",
        "path_params",
        "segments",
        "target",
        "timeout",
        "url",
    )

    method: str
    """The method, in upper case when a fake received it, as sent on the wire."""
    url: str
    """The absolute URL."""
    path: str
    """The path as sent, percent-encoding kept."""
    segments: tuple[str, ...]
    """The path, split at its slashes and then decoded."""
    body: bytes
    """The content, transfer codings removed."""
    timeout: float | None
    """Seconds that the caller of a fake gave the call; a server does not know them."""
    target: str
    """The request target of the request line: absolute when sent to a proxy. Empty in
    a fake, which has no request line."""
    attempt: int
    """Which attempt of its call it is, from 1; a server does not know and says 1."""
    path_params: Mapping[str, str]
    """What the fields of the route's URL template stand for, decoded."""

    def __init__(
        self,
        method: str,
        url: str,
        headers: HeaderSource = (),
        body: bytes = b"",
        timeout: float | None = None,
        target: str = "",
        attempt: int = 1,
    ) -> None:
        found: re.Match[str] = _URL.match(url)  # type: ignore[assignment]  # any text
        self._parts = parts = found.groups()
        self.path = path = parts[1] or "/"
        segments = path.split("/")
        if "%" in path:
            segments = [unquote(segment) for segment in segments]
        self.segments = tuple(segments)
        self.method = method
        self.url = url
        # A snapshot of those that the code under test could still change.
        self._headers = headers.pairs if type(headers) is MutableHeaders else headers
        self.body = body
        self.timeout = timeout
        self.target = target
        self.attempt = attempt
        self.path_params = {}

    @classmethod
    def of(cls, context: RequestContext, body: bytes | None = None) -> RecordedRequest:
        """Record what `build_request` built, with what was read of a streamed body."""
        return cls(
            context.method,
            context.url,
            context.headers,
            body or context.body or b"",
            context.timeout,
            "",
            context.attempt,
        )

    @property
    def headers(self) -> Headers:
        """The header fields; case-insensitive, repeated values and their case kept."""
        headers = self._headers
        if type(headers) is not Headers:
            self._headers = headers = Headers(headers)
        return headers

    def header(self, name: str) -> str | None:
        """Return the value of a header, repeated ones combined; None without it."""
        return self.headers.get(name)

    @property
    def origin(self) -> str:
        """Scheme, host and port, in lower case: "https://api.test:443".

        Raises:
            ValueError: The URL has none that can be read.
        """
        return _origin(self._parts[0])

    @property
    def address(self) -> str:
        """The URL without userinfo, query and fragment."""
        scheme, slashes, host = self._parts[0].partition("//")
        return f"{scheme}{slashes}{host.rpartition('@')[2]}{self.path}"

    @property
    def params(self) -> tuple[tuple[str, str], ...]:
        """The query, decoded, in order."""
        try:
            return self._params
        except AttributeError:
            self._params: tuple[tuple[str, str], ...] = tuple(
                parse_qsl(self._parts[2], keep_blank_values=True)
            )
            return self._params

    @property
    def text(self) -> str:
        """The body as UTF-8; other bytes become U+FFFD."""
        return self.body.decode("utf-8", "replace")

    @property
    def json(self) -> Any:
        """The body parsed as JSON.

        Raises:
            ValueError: It is not JSON.
        """
        try:
            return self._json
        except AttributeError:
            self._json: Any = jsonlib.loads(self.body)
            return self._json

    @property
    def form(self) -> tuple[tuple[str, str], ...]:
        """The fields of a form, urlencoded or multipart, in order; files are not among them.

        Raises:
            ValueError: The body is not a form.
        """
        return self._parts_of_form()[0]

    @property
    def files(self) -> tuple[ReceivedFile, ...]:
        """The files of a multipart form, in order.

        Raises:
            ValueError: The body is not a form.
        """
        return self._parts_of_form()[1]

    def _parts_of_form(self) -> _Form:
        try:
            return self._form
        except AttributeError:
            self._form: _Form = _form_of(self.header("content-type") or "", self.body)
            return self._form

    def __repr__(self) -> str:
        return (
            f"<RecordedRequest {self.method} {redact_url(self.url)}, "
            f"{len(self.body)} bytes>"
        )


_Form: TypeAlias = tuple[tuple[tuple[str, str], ...], tuple[ReceivedFile, ...]]


def _form_of(content_type: str, body: bytes) -> _Form:
    kind = content_type.partition(";")[0].strip().lower()
    if kind == MULTIPART:
        return parts_of(content_type, body)
    if kind == "application/x-www-form-urlencoded":
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        return tuple(pairs), ()
    raise ValueError(f"The body is of {kind or 'no content type'}, which is no form.")


def origin_of(parts: SplitResult) -> str:
    """Return scheme, host and port of a URL, the default port written out.

    Raises:
        ValueError: The port is not a number.
    """
    scheme = parts.scheme.lower()
    return f"{scheme}://{parts.hostname or ''}:{parts.port or _PORTS.get(scheme, 0)}"


# A pure function of few values: a test run meets a handful of upstreams.
@lru_cache(maxsize=64)
def _origin(authority: str) -> str:
    return origin_of(urlsplit(authority))
