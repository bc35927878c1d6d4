"""Values in messages: short, and without secrets."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote_plus

from lexigram.contracts.redaction import (
    REDACTED,
    is_secret_name,
    redact_text,
    redact_url,
)
from lexigram.testing._calls.literals import as_json, is_list, is_mapping, lines_of
from lexigram.testing._calls.requests import RecordedRequest

__all__ = [
    "content_type",
    "form_of",
    "grouped",
    "hide",
    "place",
    "show",
    "show_body",
    "show_json",
    "show_params",
    "show_text",
    "show_url",
]

_LONGEST: Final = 200
_MOST_LINES: Final = 24
_PACKAGE: Final = "lexigram.testing."
_FORM: Final = "application/x-www-form-urlencoded"


def show(value: object) -> str:
    """Return a value in JSON's notation, redacted, cut when it is long."""
    return _cut(as_json(hide(value)))


def show_url(url: str) -> str:
    """Return a URL without userinfo and the values of secret-looking parameters."""
    address, mark, query = url.partition("#")[0].partition("?")
    pairs = (part.partition("=") for part in query.split("&"))
    shown = "&".join(
        f"{name}{equals}{_public(unquote_plus(name), value)}"
        for name, equals, value in pairs
    )
    return f"{redact_url(address)}{mark}{shown}"


def show_params(pairs: Iterable[tuple[str, str]]) -> str:
    """Return a query as the mapping that `params=` takes."""
    return show(grouped(pairs))


def show_body(request: RecordedRequest) -> str:
    """Return a request's body on one line: as JSON when it is JSON, else as text."""
    if not request.body:
        return "no body"
    try:
        return show(request.json)
    except ValueError:
        return f"{show_text(request)}, which is not JSON"


def show_text(request: RecordedRequest) -> str:
    """Return a request's body on one line, as text when it is UTF-8."""
    if not request.body:
        return "no body"
    try:
        return _cut(repr(redact_text(request.body.decode())))
    except UnicodeDecodeError:
        return _cut(repr(request.body))


def show_json(value: object) -> list[str]:
    """Return JSON, redacted, on one line or, when it is long, on several."""
    lines = [f"{'  ' * line.depth}{_cut(line.text)}" for line in lines_of(hide(value))]
    if len(lines) <= _MOST_LINES:
        return lines
    return [*lines[:_MOST_LINES], f"… ({len(lines) - _MOST_LINES} more lines)"]


def hide(value: object) -> object:
    """Return a value with what is under secret-looking names replaced."""
    if is_mapping(value):
        return {
            name: REDACTED if is_secret_name(str(name)) else hide(inner)
            for name, inner in value.items()
        }
    return [hide(inner) for inner in value] if is_list(value) else value


def grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, str | list[str]]:
    """Return pairs as a mapping; the values of a repeated name as a list."""
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: v[0] if len(v) == 1 else v for name, v in values.items()}


def content_type(request: RecordedRequest) -> str:
    """Return the media type of a body, without parameters; empty when it is not said."""
    return (request.header("content-type") or "").partition(";")[0].strip().lower()


def form_of(request: RecordedRequest) -> dict[str, str | list[str]] | None:
    """Return the fields of a urlencoded form, or None when the body is none."""
    if content_type(request) != _FORM:
        return None
    return grouped(parse_qsl(request.text, keep_blank_values=True))


def place() -> str:
    """Return where the code outside of this package is now, as "file:line"."""
    frame = inspect.currentframe()
    while frame and frame.f_globals.get("__name__", "").startswith(_PACKAGE):
        frame = frame.f_back
    if frame is None:  # an interpreter without frames
        return "unknown place"
    path = Path(frame.f_code.co_filename)
    here = Path.cwd()
    short = path.relative_to(here) if path.is_relative_to(here) else path
    return f"{short}:{frame.f_lineno}"


def _public(name: str, value: str) -> str:
    return REDACTED if value and is_secret_name(name) else value


def _cut(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}… ({len(text)} characters)"
