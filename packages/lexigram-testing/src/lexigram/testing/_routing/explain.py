"""Why no route took a request.

Worked out only when it is needed: matching itself stops at the first difference.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from lexigram.contracts.redaction import is_secret_name, redact_headers, redact_url
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._calls.showing import hide, show_body, show_params
from lexigram.testing._routing.matchers import Criterion
from lexigram.testing._routing.routes import Route

__all__ = ["RouteExplanation", "explain", "unmatched_message"]

_SHOWN = 3
_LONGEST_JSON = 120


@dataclass(frozen=True, slots=True)
class RouteExplanation:
    """How a request compares with one route."""

    route: Route
    """The route."""
    criteria: tuple[Criterion, ...]
    """A verdict on each thing that the route asks for."""
    nearness: tuple[float, ...]
    """Greater is nearer."""

    def render(self) -> str:
        """Return the verdicts, a line for each."""
        lines = [f"  closest: {self.route}"]
        if usage := self.route.usage():
            lines.append(f"    DIFF  {usage}")
        lines += map(_verdict, self.criteria)
        return "\n".join(lines)


def explain(route: Route, request: RecordedRequest) -> RouteExplanation:
    """Compare a request with a route, part by part."""
    method_ok = route.method in {request.method, "*"}
    values = route.template.match(request)
    url_ok = values is not None
    request.path_params = values or {}
    criteria = (
        Criterion("method", method_ok, route.method, request.method),
        Criterion(
            "url",
            url_ok,
            redact_url(route.template.text).partition("?")[0],
            _comparable_url(route, request),
        ),
        *(matcher.explain(request) for matcher in route.matchers),
    )
    # A route for another URL is further away than any other difference makes it.
    alike = 1.0 if url_ok else _likeness(route, request) - 1.0
    right = sum(criterion.ok for criterion in criteria) / len(criteria)
    return RouteExplanation(route, criteria, (alike, float(method_ok), right))


def unmatched_message(
    name: str, number: int, origin: str, request: RecordedRequest, routes: list[Route]
) -> str:
    """Return the whole story: the request, the nearest routes, what to write."""
    # `sorted` is stable: among equals the one registered last comes first, as it would.
    nearest = sorted(
        (explain(route, request) for route in reversed(routes)),
        key=lambda explanation: explanation.nearness,
        reverse=True,
    )
    request.path_params = {}
    parts = [
        f"No route matches request #{number}.",
        _request_text(request),
        _routes_text(nearest),
        f"  To accept it, add:\n    {_to_paste(name, origin, request)}",
    ]
    return "\n\n".join(parts)


def _verdict(criterion: Criterion) -> str:
    if criterion.ok:
        return f"    ok    {criterion.name}"
    return (
        f"    DIFF  {criterion.name}: expected {criterion.expected}, "
        f"got {criterion.actual}"
    )


def _request_text(request: RecordedRequest) -> str:
    lines = [f"  {request.method} {redact_url(request.url)}"]
    headers = redact_headers(request.headers.pairs)
    lines += [f"    header  {name}: {value}" for name, value in headers]
    lines.append(f"    body    {show_body(request)}")
    return "\n".join(lines)


def _routes_text(nearest: Sequence[RouteExplanation]) -> str:
    if not nearest:
        return "  There are no routes."
    lines = [explanation.render() for explanation in nearest[:_SHOWN]]
    if (more := len(nearest) - _SHOWN) > 0:
        lines.append(f"  … and {more} more route{'s' if more > 1 else ''}.")
    return "\n".join(lines)


def _comparable_url(route: Route, request: RecordedRequest) -> str:
    return f"{request.origin}{request.path}" if route.template.origin else request.path


def _likeness(route: Route, request: RecordedRequest) -> float:
    wanted = route.template.text.partition("?")[0]
    return difflib.SequenceMatcher(
        None, wanted, _comparable_url(route, request)
    ).ratio()


def _to_paste(name: str, origin: str, request: RecordedRequest) -> str:
    """Return code that accepts the request: what would hold a secret is left out."""
    own = request.origin == origin
    url = request.path if own else redact_url(request.url).partition("?")[0]
    options = ""
    if request.params and not any(is_secret_name(n) for n, _ in request.params):
        options += f", params={show_params(request.params)}"
    return (
        f'{name}.on("{request.method}", "{url}"{options}{_json(request)}).respond(200)'
    )


def _json(request: RecordedRequest) -> str:
    try:
        value = request.json
    except ValueError:
        return ""
    text = repr(value)
    fits = len(text) <= _LONGEST_JSON and hide(value) == value
    return f", json={text}" if fits else ""
