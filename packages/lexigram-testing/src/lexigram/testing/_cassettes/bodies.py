"""Bodies: as JSON where that says it exactly, else as text, else as base64.

What is written can always be turned back into the same bytes: a signature or a length
that code under test computes over them stays right.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import parse_qsl

from lexigram.contracts.web import Headers
from lexigram.testing._calls.literals import is_list, is_mapping

__all__ = [
    "FORM",
    "canonical",
    "dump_like",
    "from_json",
    "kind_of",
    "media_type",
    "parse",
    "text_or_base64",
    "to_json",
]

FORM: Final = "application/x-www-form-urlencoded"

# How services write JSON; the first one that gives the same bytes is noted.
_LAYOUTS: Final[dict[str, dict[str, Any]]] = {
    "compact": {"separators": (",", ":"), "ensure_ascii": False},
    "spaced": {"ensure_ascii": False},
    "compact ascii": {"separators": (",", ":"), "ensure_ascii": True},
    "spaced ascii": {"ensure_ascii": True},
}
_NEWLINE: Final = " newline"
LAYOUTS: Final = tuple(
    f"{layout}{end}" for layout in _LAYOUTS for end in ("", _NEWLINE)
)

_BINARY = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BASE64_LINE: Final = 76
_DEEPEST: Final = 100


def parse(body: bytes) -> Any:
    """Parse a body as JSON.

    Raises:
        ValueError: It is not JSON, or nested so deeply that looking at it would fail.
    """
    try:
        level = [value := json.loads(body)]
    except RecursionError as error:
        raise ValueError("The JSON is nested too deeply.") from error
    for _ in range(_DEEPEST):
        level = [inner for outer in level for inner in _within(outer)]
        if not level:
            return value
    raise ValueError(f"The JSON is nested more than {_DEEPEST} times.")


def dump(value: Any, layout: str) -> bytes:
    """Return a value as JSON in one of `LAYOUTS`.

    Raises:
        ValueError: A number is not finite, or a character is no Unicode.
    """
    options = _LAYOUTS[layout.removesuffix(_NEWLINE)]
    text = json.dumps(value, allow_nan=False, **options)
    return (text + ("\n" if layout.endswith(_NEWLINE) else "")).encode()


def dump_like(value: Any, sample: bytes) -> bytes:
    """Return a value as JSON in the layout of `sample`, or else as Python writes it."""
    layout = _layout(sample, parse(sample))
    return json.dumps(value).encode() if layout is None else dump(value, layout)


def to_json(body: bytes) -> dict[str, Any] | None:
    """Return what stands for a body in the file; None for an empty one."""
    if not body:
        return None
    try:
        value = parse(body)
    except ValueError:
        return text_or_base64(body)
    layout = _layout(body, value)
    if layout is None:
        return text_or_base64(body)
    return {"json": value} if layout == "compact" else {"json": value, "layout": layout}


def from_json(form: str, value: Any, layout: str = "compact") -> bytes:
    """Return the body again.

    Raises:
        ValueError: It is not what this form has.
    """
    if form == "json":
        return dump(value, layout)
    if form == "text":
        return value.encode()  # type: ignore[no-any-return]  # checked by the reader
    return base64.b64decode(value, validate=True)


def canonical(headers: Headers, body: bytes) -> object:
    """Return what makes two bodies the same: spaces and order do not, where that is so."""
    if media_type(headers) == FORM:
        return tuple(sorted(parse_qsl(body.decode("latin-1"), keep_blank_values=True)))
    try:
        return json.dumps(parse(body), sort_keys=True)
    except ValueError:
        return body


def kind_of(body: bytes) -> str:
    """Return "no body", "JSON", "text" or "bytes"."""
    if not body:
        return "no body"
    try:
        parse(body)
    except ValueError:
        return "text" if "text" in text_or_base64(body) else "bytes"
    return "JSON"


def media_type(headers: Headers) -> str:
    """Return the Content-Type without its parameters, in lower case."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _within(value: Any) -> Iterable[Any]:
    if is_mapping(value):
        return value.values()
    return value if is_list(value) else ()


def _layout(body: bytes, value: Any) -> str | None:
    return next((name for name in LAYOUTS if _is_dump(body, value, name)), None)


def _is_dump(body: bytes, value: Any, layout: str) -> bool:
    try:
        return dump(value, layout) == body
    except ValueError:
        return False


def text_or_base64(body: bytes) -> dict[str, Any]:
    """Return a body as text where that says it exactly, else as base64."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = "\0"
    if _BINARY.search(text):
        return {"base64": _lines(base64.b64encode(body).decode())}
    lines = text.splitlines(keepends=True)
    return {"text": lines if len(lines) > 1 else text}


def _lines(text: str) -> str | list[str]:
    if len(text) <= _BASE64_LINE:
        return text
    return [text[i : i + _BASE64_LINE] for i in range(0, len(text), _BASE64_LINE)]
