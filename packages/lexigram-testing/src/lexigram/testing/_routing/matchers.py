"""What a route asks of a request beside its method and URL.

A matcher must not only answer but explain: the explanation is what a failing test shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from lexigram.contracts.redaction import REDACTED, is_secret_name
from lexigram.contracts.web import build_request
from lexigram.testing._calls.failures import CallbackFailed
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._calls.showing import show, show_body, show_params

__all__ = [
    "BodyIs",
    "Criterion",
    "HeaderIs",
    "JsonIs",
    "Matcher",
    "ParamsAre",
    "WhereHolds",
    "pairs_of",
]


@dataclass(frozen=True, slots=True)
class Criterion:
    """The verdict on one part of a request."""

    name: str
    """What was looked at: "method", "params", "header X-Tenant"."""
    ok: bool
    """Whether it is as the route asks."""
    expected: str = ""
    """What the route asks for, redacted."""
    actual: str = ""
    """What the request has, redacted."""


class Matcher(Protocol):
    """One thing that a route asks of a request."""

    def matches(self, request: RecordedRequest) -> bool:
        """Say whether the request has it."""
        ...

    def explain(self, request: RecordedRequest) -> Criterion:
        """Say so in words."""
        ...


@dataclass(frozen=True, slots=True)
class ParamsAre:
    """The query holds exactly these parameters, in any order."""

    expected: tuple[tuple[str, str], ...]

    def matches(self, request: RecordedRequest) -> bool:
        """Compare the parameters."""
        return sorted(self.expected) == sorted(request.params)

    def explain(self, request: RecordedRequest) -> Criterion:
        """Show both sides."""
        return Criterion(
            "params",
            self.matches(request),
            show_params(self.expected),
            show_params(request.params),
        )


@dataclass(frozen=True, slots=True)
class HeaderIs:
    """A header has a value: all of its values combined, or one of them.

    None asks for a request without the header.
    """

    name: str
    expected: object

    def matches(self, request: RecordedRequest) -> bool:
        """Compare with `==`, the expected value on the left."""
        headers = request.headers
        if self.name not in headers:
            return bool(self.expected == None)  # noqa: E711 - may be an object of the test
        values = [headers[self.name], *headers.get_all(self.name)]
        return any(bool(self.expected == value) for value in values)

    def explain(self, request: RecordedRequest) -> Criterion:
        """Show both sides, or neither when the name promises a secret."""
        return Criterion(
            f"header {self.name}",
            self.matches(request),
            self._shown(self.expected),
            self._shown(request.headers.get(self.name)),
        )

    def _shown(self, value: object) -> str:
        if value is None:
            return "no such header"
        return REDACTED if is_secret_name(self.name) else repr(value)


@dataclass(frozen=True, slots=True)
class JsonIs:
    """The body is JSON and equals a value."""

    expected: Any

    def matches(self, request: RecordedRequest) -> bool:
        """Compare with `==`, the expected value on the left."""
        try:
            actual = request.json
        except ValueError:
            return False
        return bool(self.expected == actual)

    def explain(self, request: RecordedRequest) -> Criterion:
        """Show both sides."""
        return Criterion(
            "json", self.matches(request), show(self.expected), show_body(request)
        )


@dataclass(frozen=True, slots=True)
class BodyIs:
    """The body is exactly these bytes."""

    expected: bytes

    def matches(self, request: RecordedRequest) -> bool:
        """Compare the bytes."""
        return self.expected == request.body

    def explain(self, request: RecordedRequest) -> Criterion:
        """Show both sides."""
        return Criterion(
            "body", self.matches(request), show(self.expected), show_body(request)
        )


@dataclass(frozen=True, slots=True)
class WhereHolds:
    """A predicate of the test says yes."""

    predicate: Callable[[RecordedRequest], bool]

    def matches(self, request: RecordedRequest) -> bool:
        """Ask it.

        Raises:
            CallbackFailed: It raised.
        """
        try:
            return bool(self.predicate(request))
        except Exception as error:  # the test's own code
            raise CallbackFailed(
                f"The `where` {self._name()} raised {error!r} for {request!r}. "
                "Let it return False for requests that it does not mean."
            ) from error

    def explain(self, request: RecordedRequest) -> Criterion:
        """Name the predicate, and what it made of a request that may not be for it."""
        try:
            actual = repr(bool(self.predicate(request)))
        except Exception as error:  # noqa: BLE001 - the test's own code
            actual = repr(error)
        return Criterion("where", actual == "True", f"{self._name()} to hold", actual)

    def _name(self) -> str:
        name: str = getattr(self.predicate, "__qualname__", repr(self.predicate))
        return name.rpartition("<locals>.")[2]


def pairs_of(params: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return parameters as a client would send them."""
    url = build_request("GET", "/", {"params": params}).url
    return tuple(parse_qsl(urlsplit(url).query, keep_blank_values=True))
