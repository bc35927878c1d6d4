"""The file: JSON that says in a diff what changed.

```json
{
  "interactions": [
    {
      "request": {
        "headers": ["Authorization: ***"],
        "method": "GET",
        "query": ["page=1"],
        "url": "https://api.test/v1/invoices"
      },
      "response": {
        "body": {"json": {"id": "inv_1"}},
        "headers": ["Content-Type: application/json"],
        "status": 200
      }
    }
  ],
  "lexigram_cassette": 1
}
```

A header is a line, so that order, case and repetition are kept. A query is as sent, one
pair a line. A body is one of `json` (with the `layout` that gives the same bytes),
`text` (a line of the body a line) and `base64`. `error` stands for `response` where
there was none. Fields are sorted; the JSON within a body is as it came.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from lexigram.contracts.web import Headers, HTTPClientError, HttpResponse
from lexigram.testing._calls.literals import is_mapping
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._cassettes.bodies import LAYOUTS, from_json, to_json
from lexigram.testing._cassettes.interactions import Interaction
from lexigram.testing._cassettes.raised import (
    ERRORS,
    FACTS,
    error_from_json,
    error_to_json,
)
from lexigram.testing._cassettes.reading import Node

__all__ = ["VERSION", "dump_cassette", "parse_cassette"]

VERSION: Final = 1
_MARK: Final = "lexigram_cassette"
_BODY_FORMS: Final = ("base64", "json", "text")


def dump_cassette(interactions: Sequence[Interaction]) -> bytes:
    """Return the content of a file."""
    whole = {"interactions": list(map(_interaction, interactions)), _MARK: VERSION}
    text = json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
    # Python spells half of a surrogate pair as JSON does.
    return text.encode("utf-8", "backslashreplace")


def parse_cassette(content: bytes, path: Path) -> list[Interaction]:
    """Read the content of a file.

    Raises:
        CassetteFileError: It is of another version, or malformed; names the place.
    """
    whole = Node(_json(content, path), path)
    if is_mapping(whole.value) and _MARK not in whole.value:
        whole.refuse(f"has no field {_MARK!r}, and so is no cassette")
    fields = whole.fields(("interactions", _MARK))
    if fields[_MARK].integer() != VERSION:
        fields[_MARK].refuse(
            f"is {fields[_MARK].value}, and this version of lexigram-testing reads "
            f"{VERSION}",
            "Upgrade it, or delete the cassette and record it again.",
        )
    return list(map(_read_interaction, fields["interactions"].items()))


def _json(content: bytes, path: Path) -> Any:
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        Node(None, path, place).refuse(f"is not JSON ({error.msg})")
    except (UnicodeDecodeError, RecursionError) as error:
        Node(None, path).refuse(f"is not JSON ({error})")


def _interaction(interaction: Interaction) -> dict[str, Any]:
    request, outcome = interaction.request, interaction.outcome
    written = {"request": _request(request)}
    if isinstance(outcome, HttpResponse):
        written["response"] = _response(outcome, request)
        return written
    return {"error": _sorted(error_to_json(outcome, request)), **written}


def _request(request: RecordedRequest) -> dict[str, Any]:
    url, mark, query = request.url.partition("?")
    return _sorted(
        {
            "body": to_json(request.body),
            "headers": _headers(request.headers),
            "method": request.method,
            "query": query.split("&") if mark else None,
            "url": url,
        }
    )


def _response(response: HttpResponse, request: RecordedRequest) -> dict[str, Any]:
    charset = response.charset
    return _sorted(
        {
            "attempts": None if response.attempts == 1 else response.attempts,
            "body": to_json(response.body),
            "charset": None if charset == "utf-8" else charset,
            "headers": _headers(response.headers),
            "method": None if response.method == request.method else response.method,
            "status": response.status,
            "url": None if response.url == request.url else response.url,
        }
    )


def _headers(headers: Headers) -> list[str] | None:
    return [f"{name}: {value}" for name, value in headers.pairs] or None


def _sorted(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: fields[name] for name in sorted(fields) if fields[name] is not None}


def _read_interaction(node: Node) -> Interaction:
    fields = node.fields(("request",), ("error", "response"))
    if ("error" in fields) == ("response" in fields):
        node.refuse("needs one of 'response' and 'error'")
    request = _read_request(fields["request"])
    if "error" in fields:
        return Interaction(request, _read_error(fields["error"], request))
    return Interaction(request, _read_response(fields["response"], request))


def _read_request(node: Node) -> RecordedRequest:
    fields = node.fields(("method", "url"), ("body", "headers", "query"))
    url = fields["url"].text()
    if "query" in fields:
        url += "?" + "&".join(item.text() for item in fields["query"].items())
    return RecordedRequest(
        method=fields["method"].text(),
        url=url,
        headers=_read_headers(fields.get("headers")),
        body=_read_body(fields.get("body")),
    )


def _read_response(node: Node, request: RecordedRequest) -> HttpResponse:
    optional = ("attempts", "body", "charset", "headers", "method", "url")
    fields = node.fields(("status",), optional)

    def text(name: str, default: str) -> str:
        return fields[name].text() if name in fields else default

    return HttpResponse(
        fields["status"].integer(),
        text("url", request.url),
        text("method", request.method),
        _read_headers(fields.get("headers")),
        _read_body(fields.get("body")),
        charset=text("charset", "utf-8"),
        attempts=fields["attempts"].integer() if "attempts" in fields else 1,
    )


def _read_error(node: Node, request: RecordedRequest) -> HTTPClientError:
    fields = node.fields(("code", "message"), ("method", "url", *FACTS))
    if fields["code"].text() not in ERRORS:
        fields["code"].refuse(f"is the unknown {fields['code'].value!r}")
    try:
        fields["message"].text()
        return error_from_json(node.value, request)
    except (KeyError, TypeError) as error:
        node.refuse(f"is not a failure of this kind ({error})")


def _read_headers(node: Node | None) -> Headers:
    return Headers([_read_header(line) for line in node.items()] if node else [])


def _read_header(node: Node) -> tuple[str, str]:
    name, colon, value = node.text().partition(":")
    if not colon:
        node.refuse("is not a header", "Write it as 'Name: value'.")
    return name, value.removeprefix(" ")


def _read_body(node: Node | None) -> bytes:
    if node is None:
        return b""
    fields = node.fields((), (*_BODY_FORMS, "layout"))
    forms = [form for form in _BODY_FORMS if form in fields]
    if len(forms) != 1:
        node.refuse("needs one of 'json', 'text' and 'base64'")
    layout = fields["layout"].text() if "layout" in fields else "compact"
    if layout not in LAYOUTS:
        fields["layout"].refuse(f"is the unknown {layout!r}")
    value = fields[forms[0]]
    try:
        return from_json(
            forms[0], value.value if forms[0] == "json" else value.joined(), layout
        )
    except ValueError as error:
        value.refuse(f"is not {forms[0]} ({error})")
