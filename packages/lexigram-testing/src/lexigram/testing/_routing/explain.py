"""How a request compares with a route, part by part.

Worked out only when it is needed: matching itself stops at the first difference.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._calls.showing import show_url
from lexigram.testing._calls.urls import UrlRegex, UrlTemplate
from lexigram.testing._routing.matchers import Criterion, Matcher
from lexigram.testing._routing.routes import Route

__all__ = ["RouteExplanation", "explain"]

# What counts for being close: the URL most, then the method, then all the rest.
_URL_WEIGHT: Final = 5
_LIKE_AT_MOST: Final = 0.6
_NEAR: Final = 0.6
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


@dataclass(frozen=True, slots=True)
class RouteExplanation:
    """How a request compares with one route."""

    route: Route
    """The route."""
    criteria: tuple[Criterion, ...]
    """A verdict on each thing that the route asks for."""
    score: float
    """How close they are, from 0 to 1; 1 when nothing differs."""
    usage: str = ""
    """ "already used 2 of 2" when the route takes no more requests."""
    is_near: bool = True
    """Whether the URLs are alike enough for one to be meant as the other."""

    @property
    def differing(self) -> tuple[str, ...]:
        """The names of the criteria that are not met."""
        return tuple(criterion.name for criterion in self.criteria if not criterion.ok)

    def render(self) -> str:
        """Return the route and the verdicts, a line for each."""
        return "\n".join([str(self.route), *self.verdicts()])

    def verdicts(self) -> list[str]:
        """Return the lines of the verdicts alone."""
        lines = [f"  DIFF  {self.usage}"] if self.usage else []
        for criterion in self.criteria:
            lines += _verdict(criterion)
        return lines


def explain(route: Route, request: RecordedRequest) -> RouteExplanation:
    """Compare a request with a route."""
    before = request.path_params
    request.path_params = route.template.match(request) or {}
    try:
        url = tuple(_url_criteria(route, request))
        method = Criterion(
            "method",
            route.methods is None or request.method in route.methods,
            route.method,
            request.method,
        )
        others = tuple(_explained(matcher, request) for matcher in route.matchers)
    finally:  # the request may be one that another route took
        request.path_params = before
    criteria = (method, *url, *others)
    likeness = 1.0 if all(c.ok for c in url) else _likeness(url)
    right = sum(criterion.ok for criterion in criteria) / len(criteria)
    return RouteExplanation(
        route,
        criteria,
        (_URL_WEIGHT * likeness + method.ok + right) / (_URL_WEIGHT + 2),
        route.usage(),
        likeness >= _NEAR * _LIKE_AT_MOST,
    )


def _verdict(criterion: Criterion) -> list[str]:
    if criterion.ok:
        return [f"  ok    {criterion.name}"]
    if criterion.diff:
        lines = criterion.diff.splitlines()
        return [
            f"  DIFF  {criterion.name} (- expected, + got):",
            *(f"          {line}" for line in lines),
        ]
    both = f"expected {criterion.expected}, got {criterion.actual}"
    return [f"  DIFF  {criterion.name}: {both}"]


def _url_criteria(route: Route, request: RecordedRequest) -> Iterator[Criterion]:
    url = route.template
    if isinstance(url, UrlRegex):
        matched = url.match(request) is not None
        yield Criterion(
            "url", matched, f"a full match of {url.text}", show_url(request.address)
        )
        return
    path = url.text.partition("?")[0]
    if url.origin:
        path = urlsplit(url.text).path or "/"
        same = url.origin == request.origin
        yield Criterion("host", same, _host(url.origin), _host(request.origin))
    yield Criterion("path", _path_matches(url, request), path, request.path)


def _path_matches(url: UrlTemplate, request: RecordedRequest) -> bool:
    return url.match_path(request) is not None


def _explained(matcher: Matcher, request: RecordedRequest) -> Criterion:
    try:
        return matcher.explain(request)
    except Exception as error:  # noqa: BLE001 - the test's own code
        name = type(matcher).__name__
        return Criterion(name, ok=False, expected="an explanation", actual=repr(error))


def _host(origin: str) -> str:
    return origin.removesuffix(_DEFAULT_PORTS.get(origin.partition(":")[0], " "))


def _likeness(criteria: tuple[Criterion, ...]) -> float:
    expected, actual = zip(*((c.expected, c.actual) for c in criteria), strict=True)
    alike = difflib.SequenceMatcher(None, "".join(expected), "".join(actual)).ratio()
    return _LIKE_AT_MOST * alike
