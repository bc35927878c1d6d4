"""What a route can answer with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from lexigram.contracts.web import Headers, HttpResponse
from lexigram.testing._answers.faults import Fault

__all__ = ["UNSET", "Act", "Outcome", "Reply", "accepted", "describe", "reason_of"]

UNSET: Final[Any] = ...
"""Stands for a `json` that was not given, None being one that can be."""

# RFC 9110 §6.4.1: these have no content, whatever the headers say.
_BODILESS = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


@dataclass(frozen=True, slots=True, init=False)
class Reply:
    """A well-formed response.

    Content-Length is added unless `headers` hold one or the reply is chunked. `chunks`
    are sent one by one with `pause` seconds in between, which makes the reply chunked;
    an in-process client receives them joined, after as much time.

    Example:
        >>> Reply(429, json={"error": "slow down"}, headers={"Retry-After": "1"}).status
        429
    """

    status: int
    """The status code."""
    headers: Headers
    """The header fields as they are sent."""
    body: bytes
    """The content as it is sent."""
    delay: float
    """Seconds before the status line."""
    chunked: bool
    """Whether the body is sent with chunked transfer coding."""
    chunks: tuple[bytes, ...]
    """The pieces that the body is sent in."""
    pause: float
    """Seconds between two pieces."""
    duration: float = field(repr=False, compare=False)
    """Seconds from the request to the last byte."""
    is_coded: bool = field(repr=False, compare=False)
    """Whether the body is in a content coding."""

    def __init__(  # noqa: PLR0913 - a value with this many parts
        self,
        status: int = 200,
        headers: Any = (),
        body: bytes = b"",
        *,
        json: Any = UNSET,
        text: str | None = None,
        delay: float = 0.0,
        chunked: bool = False,
        chunks: Iterable[bytes] = (),
        pause: float = 0.0,
    ) -> None:
        pieces = tuple(piece for piece in chunks if piece)
        if pieces and (body or text is not None or json is not UNSET):
            raise TypeError("Give at most one of body, json, text and chunks.")
        if delay < 0 or pause < 0:
            raise ValueError(f"{delay=!r} or {pause=!r} is negative; both are seconds.")
        # The contract's own constructor encodes, so that both worlds label alike.
        whole = b"".join(pieces) or body
        made = HttpResponse(status, headers=headers, body=whole, json=json, text=text)
        chunked = chunked or bool(pieces)
        if chunked and "content-length" in made.headers:
            raise ValueError("A chunked reply has no Content-Length. Leave one out.")
        chunks = pieces or ((made.body,) if made.body else ())
        # What each answer needs of it is worked out here, once.
        values = {
            "status": status,
            "headers": _framed(made, chunked=chunked),
            "body": made.body,
            "delay": delay,
            "chunked": chunked,
            "chunks": chunks,
            "pause": pause,
            "duration": delay + pause * max(0, len(chunks) - 1),
            "is_coded": "content-encoding" in made.headers,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def of(cls, response: HttpResponse) -> Reply:
        """Take over a response of the contracts."""
        return cls(response.status, response.headers, response.body)

    def has_body(self, method: str) -> bool:
        """Say whether an answer to `method` carries the body."""
        return method != "HEAD" and self.status not in _BODILESS


Outcome: TypeAlias = Reply | Fault | HttpResponse | BaseException | type[BaseException]
"""What a route answers with: a response, a fault, or an exception to raise.

An `HttpResponse` gives its status, headers and body; URL and method are the request's.
A class of exceptions stands for an instance made without arguments.
"""

Act: TypeAlias = Reply | Fault | BaseException
"""An outcome that its world has accepted."""


def accepted(outcome: object) -> Act:
    """Return an outcome in the form that is performed.

    Raises:
        TypeError: It is none, or an exception that cannot be made without arguments.
    """
    if isinstance(outcome, type) and issubclass(outcome, BaseException):
        return _instance(outcome)
    if isinstance(outcome, HttpResponse):
        return Reply.of(outcome)
    if isinstance(outcome, Reply | Fault | BaseException):
        return outcome
    raise TypeError(
        f"{outcome!r} is not an outcome. "
        "Give a Reply, an HttpResponse, a fault or an exception; a body is given by "
        "its name, as in `json={...}`."
    )


def describe(outcome: Outcome | None) -> str:
    """Return a few words for a report."""
    match outcome:
        case None:
            return "pending"
        case Reply() | HttpResponse():
            return str(outcome.status)
        case Fault():
            return repr(outcome)
        case type():
            return outcome.__name__
        case _:
            return type(outcome).__name__


def reason_of(status: int) -> str:
    """Return the reason phrase of a status, empty when it has none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _instance(kind: type[BaseException]) -> BaseException:
    try:
        return kind()
    except TypeError as error:
        raise TypeError(
            f"{kind.__name__} cannot be made without arguments ({error}). "
            "Give an instance of it."
        ) from error


def _framed(response: HttpResponse, *, chunked: bool) -> Headers:
    headers = response.headers
    bodiless = response.status in _BODILESS
    if bodiless or "content-length" in headers or "transfer-encoding" in headers:
        return headers
    field = (
        ("Transfer-Encoding", "chunked")
        if chunked
        else ("Content-Length", str(len(response.body)))
    )
    return Headers([*headers.pairs, field])
