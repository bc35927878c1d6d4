"""Calls as plain data, for snapshots: stable from run to run, and without secrets."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from lexigram.contracts.redaction import redact_headers, redact_text
from lexigram.contracts.web import HttpResponse
from lexigram.testing._answers.outcomes import Outcome, Reply, describe
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._calls.showing import form_of, grouped, hide

__all__ = ["outcome_record", "request_record"]


def request_record(request: RecordedRequest) -> dict[str, Any]:
    """Return a request; of one to a server without its host, whose port changes."""
    on_wire = request.target.startswith("/")
    pairs = [p for p in request.headers.pairs if not on_wire or p[0].lower() != "host"]
    form = form_of(request)
    return {
        "method": request.method,
        "url": request.path if on_wire else request.address,
        "params": hide(grouped(request.params)),
        "headers": _headers(pairs),
        "body": _content(request.body) if form is None else hide(form),
    }


def outcome_record(outcome: Outcome | None) -> dict[str, Any] | None:
    """Return what became of a call; None while it is pending."""
    match outcome:
        case None:
            return None
        case Reply() | HttpResponse():
            return {
                "status": outcome.status,
                "headers": _headers(outcome.headers.pairs),
                "body": _content(outcome.body),
            }
        case _:
            return {"error": describe(outcome)}


def _headers(pairs: Iterable[tuple[str, str]]) -> list[list[str]]:
    return [[name, value] for name, value in redact_headers(pairs)]


def _content(body: bytes) -> object:
    if not body:
        return None
    try:
        return hide(json.loads(body))
    except ValueError:
        pass
    try:
        return redact_text(body.decode())
    except UnicodeDecodeError:
        return repr(body)
