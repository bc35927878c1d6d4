"""What a route asks of a request's body."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lexigram.testing._calls.literals import is_list, is_mapping
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._calls.showing import content_type, form_of, show, show_body
from lexigram.testing._routing.comparing import contains, differences, equals
from lexigram.testing._routing.fields import same_fields, same_values
from lexigram.testing._routing.matchers import Criterion

__all__ = ["BodyIs", "BodyMatches", "FormIs", "JsonIs"]


@dataclass(frozen=True, slots=True)
class JsonIs:
    """The body is JSON and equals a value, or with `among` contains it."""

    expected: Any
    among: bool = False

    def matches(self, request: RecordedRequest) -> bool:
        """Compare the values, the expected one on the left."""
        try:
            actual = request.json
        except ValueError:
            return False
        return self._same(self.expected, actual)

    def explain(self, request: RecordedRequest) -> Criterion:
        """Show where they differ."""
        name = "json_contains" if self.among else "json"
        if self.matches(request):
            return Criterion(name, ok=True)
        return Criterion(
            name,
            ok=False,
            expected=show(self.expected),
            actual=show_body(request),
            diff=self._diff(request),
        )

    @property
    def _same(self) -> Callable[[Any, Any], bool]:
        return contains if self.among else equals

    def _diff(self, request: RecordedRequest) -> str:
        try:
            actual = request.json
        except ValueError:
            return ""
        both = (self.expected, actual)
        if all(map(is_mapping, both)) or all(map(is_list, both)):
            return differences(self.expected, actual, self._same, among=self.among)
        return ""


@dataclass(frozen=True, slots=True)
class FormIs:
    """The body is a urlencoded form with exactly these fields, in any order."""

    expected: Mapping[str, object]

    def matches(self, request: RecordedRequest) -> bool:
        """Compare the fields."""
        actual = form_of(request)
        return actual is not None and same_fields(self.expected, actual)

    def explain(self, request: RecordedRequest) -> Criterion:
        """Show where they differ, or that the body is no urlencoded form."""
        actual = form_of(request)
        if actual is None:
            shown, diff = _no_form(request), ""
        elif same_fields(self.expected, actual):
            return Criterion("form", ok=True)
        else:
            shown = show(actual)
            diff = differences(self.expected, actual, same_values)
        return Criterion(
            "form", ok=False, expected=show(self.expected), actual=shown, diff=diff
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
            "body",
            self.matches(request),
            show_body(RecordedRequest("", "", body=self.expected)),
            show_body(request),
        )


@dataclass(frozen=True, slots=True)
class BodyMatches:
    """The whole body matches a regular expression."""

    expected: re.Pattern[bytes]

    def matches(self, request: RecordedRequest) -> bool:
        """Look for a full match."""
        return self.expected.fullmatch(request.body) is not None

    def explain(self, request: RecordedRequest) -> Criterion:
        """Show the expression and the body."""
        return Criterion(
            "body",
            self.matches(request),
            f"a full match of {self.expected.pattern!r}",
            show_body(request),
        )


def _no_form(request: RecordedRequest) -> str:
    if not request.body:
        return "no body"
    kind = content_type(request) or "no content type"
    if kind == "multipart/form-data":
        return "a multipart form, which `form` does not read (use `where`)"
    return f"a body of {kind}, which is no urlencoded form"
