"""Keeping secrets out of cassettes.

A request is redacted before it is compared with the recorded ones too: what is hidden
in the file still matches.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol
from urllib.parse import unquote_plus

from lexigram.contracts.redaction import REDACTED, is_secret_key, is_secret_name
from lexigram.contracts.web import Headers, HttpResponse
from lexigram.testing._calls.literals import is_list, is_mapping
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._cassettes.bodies import FORM, dump_like, media_type, parse

__all__ = ["Redactor", "SecretRedactor", "with_body"]

# Numbers under such names that count: "total_tokens", "token_limit", "tokenExpiresIn".
_COUNTED = r"(?i)tokens$|count|expir|limit|max|length|usage|ttl|used"

# The challenge of a server (RFC 9110 §11.6.1) tells what to authenticate with, not who.
_HARMLESS: Final = frozenset(
    {"access-control-allow-credentials", "proxy-authenticate", "www-authenticate"}
)
_URL_HEADERS: Final = frozenset({"content-location", "location", "referer"})

_USERINFO = r"^([a-zA-Z][a-zA-Z0-9+.-]*://)[^/?#]*@"
_QUOTED_FIELD = r'"([^"\\]*)"(\s*:\s*)"((?:[^"\\]|\\.)+)"'
# Shorter values are too likely to be part of something else.
_SHORTEST_ECHO: Final = 8


class Redactor(Protocol):
    """Takes out of an exchange what must not be written to a file.

    A request has to be redacted when there is no response yet, to be compared with
    the recorded ones; its response is redacted in sight of both. Redacting twice must
    do no more than redacting once. What differs in each run, such as a time stamp in
    the body of a request, may be evened out here as well, so that it matches.
    """

    def redact_request(self, request: RecordedRequest) -> RecordedRequest:
        """Return the request as it is recorded and compared."""
        ...

    def redact_response(
        self, request: RecordedRequest, response: HttpResponse
    ) -> HttpResponse:
        """Return the response as it is recorded; `request` is not redacted."""
        ...


class SecretRedactor:
    """The redactor that is used unless another one is given.

    Hidden are userinfo, and the values of headers, query parameters and form fields
    with a name that `lexigram.contracts.redaction` takes for one of a secret; in JSON
    the texts and numbers under names such as `access_token`, `client_secret`,
    `password` and `apiKey`; and in a response also what was hidden in its request.
    Texts become "***" and numbers 0; numbers that count, as in `total_tokens`, stay.

    Args:
        names: Further names of headers, parameters, fields and keys, in any case.
        keep: Names that are not hidden, whatever they look like.

    Example:
        >>> redactor = SecretRedactor(names=["X-Tenant"], keep=["next_page_token"])
    """

    def __init__(self, names: Iterable[str] = (), *, keep: Iterable[str] = ()) -> None:
        self._names = frozenset(map(str.lower, names))
        self.keep: frozenset[str] = frozenset(map(str.lower, keep))
        """The names that are not hidden, in lower case."""

    def redact_request(self, request: RecordedRequest) -> RecordedRequest:
        """Return the request without secrets."""
        headers = self._headers(request.headers)
        body = self._body(request.headers, request.body)
        return RecordedRequest(
            method=request.method,
            url=self._url(request.url),
            headers=_with_length(headers, request.body, body),
            body=body,
        )

    def redact_response(
        self, request: RecordedRequest, response: HttpResponse
    ) -> HttpResponse:
        """Return the response without secrets, and without those of its request."""
        echoes = self._echoes(request)
        pairs = self._headers(response.headers).pairs
        headers = Headers([(name, _without(echoes, value)) for name, value in pairs])
        body = self._body(response.headers, response.body, echoes)
        headers = _with_length(headers, response.body, body)
        return with_body(response, self._url(response.url), headers, body)

    def _is_secret(self, name: str) -> bool:
        key = name.lower()
        if key in self._names:
            return True
        return key not in self.keep | _HARMLESS and is_secret_name(name)

    def _is_secret_key(self, name: str) -> bool:
        key = name.lower()
        return key in self._names or (key not in self.keep and is_secret_key(name))

    def _headers(self, headers: Headers) -> Headers:
        return Headers([(n, self._header(n, v)) for n, v in headers.pairs])

    def _header(self, name: str, value: str) -> str:
        if self._is_secret(name):
            return REDACTED
        return self._url(value) if name.lower() in _URL_HEADERS else value

    def _url(self, url: str) -> str:
        url = re.sub(_USERINFO, rf"\1{REDACTED}@", url)
        address, hash_mark, fragment = url.partition("#")
        path, mark, query = address.partition("?")
        return f"{path}{mark}{self._pairs(query)}{hash_mark}{self._pairs(fragment)}"

    def _pairs(self, query: str) -> str:
        return "&".join(map(self._pair, query.split("&")))

    def _pair(self, pair: str) -> str:
        name, mark, value = pair.partition("=")
        hidden = value and self._is_secret(unquote_plus(name))
        return f"{name}{mark}{REDACTED}" if hidden else pair

    def _body(self, headers: Headers, body: bytes, echoes: Sequence[str] = ()) -> bytes:
        if media_type(headers) == FORM:
            # Latin-1 says any bytes, and gives them back.
            text = self._pairs(body.decode("latin-1"))
            return _without(echoes, text).encode("latin-1")
        try:
            value = parse(body)
        except ValueError:
            return self._text(body, echoes)
        hidden = self._json(value, echoes)
        # Of a key that comes twice only the last is parsed: look at the text as well.
        return self._text(body if hidden == value else dump_like(hidden, body))

    def _text(self, body: bytes, echoes: Sequence[str] = ()) -> bytes:
        """Redact JSON within text: lines of it, events, or what was cut off."""

        def hide(field: re.Match[str]) -> str:
            name, between, _ = field.groups()
            if not self._is_secret_key(name):
                return field[0]
            return f'"{name}"{between}"{REDACTED}"'

        text = re.sub(_QUOTED_FIELD, hide, body.decode("latin-1"))
        return _without(echoes, text).encode("latin-1")

    def _json(self, value: Any, echoes: Sequence[str], name: str = "") -> Any:
        """Return a value with what is under secret names hidden, at any depth."""
        if is_mapping(value):
            return {
                key: self._json(
                    inner, echoes, key if self._is_secret_key(key) else name
                )
                for key, inner in value.items()
            }
        if is_list(value):
            return [self._json(inner, echoes, name) for inner in value]
        if name:
            return _hidden(value, name)
        return _without(echoes, value) if isinstance(value, str) else value

    def _echoes(self, request: RecordedRequest) -> Sequence[str]:
        """Return what a request authenticates with, as a server may repeat it."""
        pairs = (*request.headers.pairs, *request.params)
        values = [value for name, value in pairs if self._is_secret(name)]
        # "Bearer abc" is repeated as "abc".
        words = [value.rpartition(" ")[2] for value in values]
        found = {v for v in (*values, *words) if len(v) >= _SHORTEST_ECHO}
        return sorted(found, key=len, reverse=True)


def with_body(
    response: HttpResponse, url: str, headers: Headers, body: bytes
) -> HttpResponse:
    """Return a response like this one, with another URL, headers and body."""
    return HttpResponse(
        response.status,
        url,
        response.method,
        headers,
        body,
        charset=response.charset,
        attempts=response.attempts,
    )


def _hidden(value: object, name: str) -> object:
    """Return what stands for a value of JSON; its type stays."""
    if isinstance(value, str):
        return REDACTED if value else value
    if value is None or isinstance(value, bool) or re.search(_COUNTED, name):
        return value
    return 0


def _without(echoes: Sequence[str], text: str) -> str:
    for echo in echoes:
        text = text.replace(echo, REDACTED)
    return text


def _with_length(headers: Headers, before: bytes, after: bytes) -> Headers:
    """Let the Content-Length follow a body whose length it told."""
    old, new = str(len(before)), str(len(after))
    if old == new or headers.get("content-length") != old:
        return headers
    return Headers(
        [(n, new if n.lower() == "content-length" else v) for n, v in headers.pairs]
    )
