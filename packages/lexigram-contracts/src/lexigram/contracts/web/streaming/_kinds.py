"""Whether a body is of the kind that it is read as."""

from __future__ import annotations

from typing import Final

from lexigram.contracts.web._errors import HTTPDecodeError
from lexigram.contracts.web._streaming import ResponseStreamProtocol

__all__ = ["check_events", "check_json", "is_sequence", "media_type"]

_EVENTS: Final = "text/event-stream"
# Labels under which JSON lines are served beside those that say JSON.
_UNSPECIFIC: Final = frozenset(
    {"", "application/octet-stream", "binary/octet-stream", "text/plain"}
)


def media_type(stream: ResponseStreamProtocol) -> str:
    """Return the media type of a body, without its parameters, in lower case."""
    return stream.headers.get("content-type", "").partition(";")[0].strip().lower()


def is_sequence(stream: ResponseStreamProtocol) -> bool:
    """Say whether a body is a JSON text sequence (RFC 7464, RFC 8091)."""
    kind = media_type(stream)
    return kind == "application/json-seq" or kind.endswith("+json-seq")


def check_events(stream: ResponseStreamProtocol) -> None:
    """Raise `HTTPDecodeError` unless a body is a stream of events."""
    if media_type(stream) != _EVENTS:
        raise _mismatch(stream, f"not {_EVENTS}")


def check_json(stream: ResponseStreamProtocol) -> None:
    """Raise `HTTPDecodeError` if a body is labelled as something without JSON lines."""
    kind = media_type(stream)
    if kind == _EVENTS:
        raise _mismatch(stream, "which `events()` reads")
    if kind not in _UNSPECIFIC and "json" not in kind:
        raise _mismatch(stream, "not JSON lines or a JSON text sequence")


def _mismatch(stream: ResponseStreamProtocol, problem: str) -> HTTPDecodeError:
    content_type = stream.headers.get("content-type", "")
    return HTTPDecodeError(
        f"The body is {content_type or 'of no Content-Type'}, {problem}. Read it in "
        "another form, or give `any_content_type=True` if only its label is wrong.",
        content_type=content_type,
        method=stream.method,
        url=stream.url,
        request_sent="yes",
    )
