"""What a route asks of a request beside its method and URL.

A matcher must not only answer but explain: the explanation is what a failing test shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from lexigram.contracts.redaction import REDACTED, is_secret_name
from lexigram.testing._calls.failures import CallbackFailed
from lexigram.testing._calls.literals import WIDTH
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._calls.showing import grouped, show
from lexigram.testing._routing.comparing import differences
from lexigram.testing._routing.fields import same_fields, same_values

__all__ = [
    "Criterion",
    "HeaderIs",
    "Matcher",
    "ParamsAre",
    "WhereHolds",
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
    diff: str = ""
    """Both, line by line, where one line would not do; shown instead of them."""


class Matcher(Protocol):
    """One thing that a route asks of a request.

    A class with these two methods can be given to any route: `on.get(url, MyMatcher())`.
    What it raises is the test's mistake, a `CallbackFailed`.
    """

    def matches(self, request: RecordedRequest) -> bool:
        """Say whether the request has it."""
        ...

    def explain(self, request: RecordedRequest) -> Criterion:
        """Say so in words; asked only after a failure, of any request."""
        ...


@dataclass(frozen=True, slots=True)
class ParamsAre:
    """The query holds these parameters, in any order, and no others unless `among`."""

    expected: Mapping[str, object]
    among: bool = False

    def matches(self, request: RecordedRequest) -> bool:
        """Compare the parameters."""
        actual = grouped(request.params)
        return same_fields(self.expected, actual, among=self.among)

    def explain(self, request: RecordedRequest) -> Criterion:
        """Show both sides."""
        if self.matches(request):
            return Criterion("params", ok=True)
        actual = grouped(request.params)
        # What must not be there and is not, is no difference.
        expected = {
            name: value
            for name, value in self.expected.items()
            if value is not None or name in actual
        }
        shown = show(expected), show(actual)
        return Criterion(
            "params",
            ok=False,
            expected=f"{shown[0]}{' among others' if self.among else ''}",
            actual=shown[1],
            diff=self._diff(expected, actual) if _needs_diff(*shown) else "",
        )

    def _diff(self, expected: object, actual: object) -> str:
        return differences(expected, actual, same_values, among=self.among)


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
        name = f"header {self.name}"
        if self.matches(request):
            return Criterion(name, ok=True)
        return Criterion(
            name,
            ok=False,
            expected=self._shown(self.expected, REDACTED),
            actual=self._shown(request.header(self.name), f"{REDACTED} (another)"),
        )

    def _shown(self, value: object, secret: str) -> str:
        if value is None:
            return "no such header"
        return secret if is_secret_name(self.name) else show(value)


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


def _needs_diff(expected: str, actual: str) -> bool:
    """Say whether two values are too long for one line, or look the same redacted."""
    return len(expected) + len(actual) > WIDTH or REDACTED in expected
