"""Why no recorded interaction answers a request, and what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Final

from lexigram.contracts.redaction import redact_headers
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._calls.showing import form_of, show_body, show_params, show_url
from lexigram.testing._cassettes.bodies import parse
from lexigram.testing._cassettes.interactions import Interaction
from lexigram.testing._cassettes.matching import Comparison
from lexigram.testing._routing.comparing import differences

__all__ = ["unrecorded_message"]

_SHOWN: Final = 3


def unrecorded_message(
    cassette: str,
    request: RecordedRequest,
    interactions: Sequence[Interaction],
    comparison: Comparison,
) -> str:
    """Return the whole story: the request, the nearest recorded ones, what to do.

    All of them are redacted already.
    """
    same = sum(not comparison.differing(request, i.request) for i in interactions)
    return "\n\n".join(
        [
            f"The cassette {cassette} has {_problem(same)}",
            _request_text(request),
            _closest_text(request, interactions, comparison),
            _advice(used_up=same > 0),
        ]
    )


def _problem(same: int) -> str:
    if same == 0:
        return "no answer for a request."
    if same == 1:
        return "no more answers for a request: the one that it holds had its turn."
    return f"no more answers for a request: all {same} that it holds had their turn."


def _request_text(request: RecordedRequest) -> str:
    headers = redact_headers(request.headers.pairs)
    return "\n".join(
        [
            f"  {request.method} {show_url(request.url)}",
            *(f"    header  {name}: {value}" for name, value in headers),
            f"    body    {show_body(request)}",
        ]
    )


def _closest_text(
    request: RecordedRequest,
    interactions: Sequence[Interaction],
    comparison: Comparison,
) -> str:
    if not interactions:
        return "  It holds no interactions."
    numbered = sorted(
        enumerate(interactions, 1),
        key=lambda item: _distance(request, item[1].request, comparison),
    )
    lines: list[str] = []
    for number, interaction in numbered[:_SHOWN]:
        lines.append(f"  closest: #{number} {interaction.name()}")
        lines += _verdicts(request, interaction.request, comparison)
    if (more := len(numbered) - _SHOWN) > 0:
        lines.append(f"  … and {more} more interaction{'s' if more > 1 else ''}.")
    return "\n".join(lines)


def _distance(
    request: RecordedRequest, recorded: RecordedRequest, comparison: Comparison
) -> tuple[float, int]:
    """Return how far away a recorded request is.

    One for another URL is further away than any other difference makes it.
    """
    here, there = (f"{r.origin}{r.path}" for r in (request, recorded))
    unlike = 1 - difflib.SequenceMatcher(None, here, there).ratio()
    return unlike, len(comparison.differing(request, recorded))


def _verdicts(
    request: RecordedRequest, recorded: RecordedRequest, comparison: Comparison
) -> list[str]:
    differing = comparison.differing(request, recorded)
    lines = [] if differing else ["    DIFF  already replayed"]
    for name in comparison.parts:
        if name in differing:
            lines += _difference(name, request, recorded)
        else:
            lines.append(f"    ok    {name}")
    return lines


def _difference(
    name: str, request: RecordedRequest, recorded: RecordedRequest
) -> list[str]:
    if name == "body":
        was, now = (_structure(r) for r in (recorded, request))
        if was is not None and now is not None:
            lines = differences(was, now).splitlines()
            return [
                "    DIFF  body (- recorded, + asked):",
                *(f"            {line}" for line in lines),
            ]
    was, now = (_part(name, r) for r in (recorded, request))
    return [f"    DIFF  {name}: recorded {was}, asked {now}"]


def _structure(request: RecordedRequest) -> object:
    """Return what a body says as JSON or as a form; None when it is neither."""
    form = form_of(request)
    if form is not None:
        return form
    try:
        return parse(request.body)
    except ValueError:
        return None


def _part(name: str, request: RecordedRequest) -> str:
    if name == "body":
        return show_body(request)
    if name == "query":
        return show_params(request.params)
    if name.startswith("header "):
        header = name.removeprefix("header ")
        values = [(header, value) for value in request.headers.get_all(header)]
        return ", ".join(repr(v) for _, v in redact_headers(values)) or "no such header"
    return str(getattr(request, name))


def _advice(*, used_up: bool) -> str:
    record = (
        '  To record the answer, open the cassette with mode="record_missing" and a '
        "client that reaches the service."
    )
    if not used_up:
        return record
    return (
        f"{record}\n  To get the last answer any number of times, open it with "
        "repeat_last=True."
    )
