"""What the body of an error says, for programs and in a line for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lexigram.contracts.redaction import redact_text
from lexigram.contracts.web import _json

if TYPE_CHECKING:
    from lexigram.contracts.web._response import HttpResponse

__all__ = ["detail_of", "problem_of"]

_PROBLEM: Final = "application/problem+json"
_LONGEST: Final = 200
# Looking into a body takes time that grows with it, and errors can be many.
_LARGEST: Final = 8 * 1024
# Where services say in JSON what went wrong, in the order of how much it says.
_NAMES: Final = ("message", "detail", "error_description", "error", "title")


def problem_of(response: HttpResponse) -> dict[str, Any] | None:
    """Return the problem details of a response (RFC 9457 §3), if it has any."""
    if _kind(response) != _PROBLEM:
        return None
    found = _parsed(response.body)
    return found if isinstance(found, dict) else None


def detail_of(response: HttpResponse, problem: dict[str, Any] | None) -> str:
    """Return what a body says, redacted and cut, on one line; nothing for a page.

    Args:
        response: The answer with an error.
        problem: Its problem details.
    """
    if problem is not None:
        texts = (problem.get("title"), problem.get("detail"))
        return _line(": ".join(text for text in texts if isinstance(text, str)))
    if len(response.body) > _LARGEST:
        return ""
    kind = _kind(response)
    if kind == "application/json" or kind.endswith("+json"):
        return _line(_said(_parsed(response.body)))
    return _line(response.text) if kind == "text/plain" else ""


def _said(value: Any) -> str:
    """Return the text that stands where such texts stand, at most two objects deep."""
    if not isinstance(value, dict):
        return ""
    inner = value.get("error")
    for place in (inner, value) if isinstance(inner, dict) else (value,):
        for name in _NAMES:
            if isinstance(place.get(name), str):
                return str(place[name])
    return ""


def _kind(response: HttpResponse) -> str:
    content_type = response.headers.get("content-type", "")
    return content_type.partition(";")[0].strip().lower()


def _parsed(body: bytes) -> Any:
    try:
        return _json.loads(body)
    except ValueError:
        return None


def _line(text: str) -> str:
    line = redact_text(" ".join(text.split()))
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
