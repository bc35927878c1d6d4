"""What is said of a request that no route takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from textwrap import indent
from typing import Final

from lexigram.contracts.redaction import redact_headers
from lexigram.testing._calls.failures import UnmatchedRequest
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._calls.showing import form_of, show_json, show_text, show_url
from lexigram.testing._routing.explain import RouteExplanation, explain
from lexigram.testing._routing.routes import Route
from lexigram.testing._routing.stub import stub_for

__all__ = ["unmatched"]

_SHOWN: Final = 3


def unmatched(
    name: str, number: int, origin: str, request: RecordedRequest, routes: list[Route]
) -> UnmatchedRequest:
    """Return the failure with the whole story: request, nearest routes, what to write.

    Args:
        name: What the fake or server is called in the code to paste.
        number: Which request of the test it is.
        origin: Where a path of that fake or server leads.
        request: The request.
        routes: All there are, in the order of their registration.
    """
    # `sorted` is stable: among equals the one registered last comes first, as it would.
    nearest = sorted(
        (explain(route, request) for route in reversed(routes)),
        key=lambda explanation: explanation.score,
        reverse=True,
    )
    parts = [
        f"No route matches request #{number}.",
        _request_text(request),
        _routes_text(nearest),
        "  To accept it, add:\n" + indent(stub_for(name, origin, request), " " * 4),
    ]
    return UnmatchedRequest("\n\n".join(parts), request, nearest)


def _request_text(request: RecordedRequest) -> str:
    lines = [f"  {request.method} {show_url(request.url)}"]
    headers = redact_headers(request.headers.pairs)
    lines += [f"    header  {name}: {value}" for name, value in headers]
    if not request.body:
        return "\n".join([*lines, "    no body"])
    label, (first, *more) = _body(request)
    lines.append(f"    {label:6}  {first}")
    lines += [f"            {line}" for line in more]
    return "\n".join(lines)


def _body(request: RecordedRequest) -> tuple[str, list[str]]:
    form = form_of(request)
    if form is not None:
        return "form", show_json(form)
    try:
        return "json", show_json(request.json)
    except ValueError:
        return "body", [show_text(request)]


def _routes_text(nearest: Sequence[RouteExplanation]) -> str:
    if not nearest:
        return "  There are no routes."
    lines: list[str] = []
    for explanation in nearest[:_SHOWN]:
        route, *verdicts = explanation.render().splitlines()
        lines += [f"  closest: {route}", *(f"  {line}" for line in verdicts)]
    lines += _rest(nearest[_SHOWN:])
    return "\n".join(lines)


def _rest(others: Sequence[RouteExplanation]) -> Iterator[str]:
    """Count the routes that are not shown, by what is wrong with them."""
    for reason, n in Counter(map(_reason, others)).most_common(_SHOWN):
        one = n == 1
        verb = {"differ": "differs", "are": "is"}[reason[0]] if one else reason[0]
        yield f"  … and {n} more route{'' if one else 's'} that {verb} {reason[1]}"


def _reason(explanation: RouteExplanation) -> tuple[str, str]:
    names = explanation.differing
    if not names:
        return "are", "used up"
    *first, last = names
    listed = f"{', '.join(first)} and {last}" if first else last
    return "differ", f"in {listed}"
