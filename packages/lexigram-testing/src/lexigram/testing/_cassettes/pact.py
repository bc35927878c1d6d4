"""What a consumer relies on, as a Pact.

A provider proves that it keeps it by answering the same requests; the Pact libraries of
any language read it. Version 4 of the specification, HTTP interactions only:
https://github.com/pact-foundation/pact-specification/tree/version-4
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias

from lexigram.contracts.redaction import REDACTED
from lexigram.contracts.web import Headers, HttpResponse
from lexigram.testing._answers.outcomes import Outcome, Reply
from lexigram.testing._calls.journal import RecordedCall
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._cassettes.bodies import (
    kind_of,
    media_type,
    parse,
    text_or_base64,
)
from lexigram.testing._cassettes.interactions import VOLATILE_HEADERS
from lexigram.testing._cassettes.redaction import Redactor, SecretRedactor

__all__ = ["pact_of", "to_pact"]

Exchange: TypeAlias = tuple[RecordedRequest, Outcome | None]

# The type of a value has to be the same, not the value: an example of a response says
# what a consumer can read. A rule for "$" holds for everything below it.
_BY_TYPE: Final = {"combine": "AND", "matchers": [{"match": "type"}]}


def to_pact(
    calls: Iterable[RecordedCall],
    *,
    consumer: str,
    provider: str,
    redact: Redactor | None = None,
) -> dict[str, Any]:
    """Return the calls that a fake or a server answered as a Pact, version 4.

    Write it with `json.dumps`. Requests are expected exactly, responses by status,
    headers and, for JSON, by the types in the body. Left out are failures, secrets,
    and headers that differ each time; what is the same twice is there once.

    Args:
        calls: Those to one provider: `fake.calls`, or `fake.calls.to(...)`.
        consumer: The name of the service under test.
        provider: The name of the service that it calls.
        redact: What takes secrets out; a `SecretRedactor` when left out.
    """
    return pact_of(
        [(call.request, call.outcome) for call in calls],
        consumer=consumer,
        provider=provider,
        redactor=redact or SecretRedactor(),
    )


def pact_of(
    exchanges: Sequence[Exchange], *, consumer: str, provider: str, redactor: Redactor
) -> dict[str, Any]:
    """Return exchanges as a Pact."""
    return {
        "consumer": {"name": consumer},
        "interactions": list(_described(_interactions(exchanges, redactor))),
        "metadata": {"pactSpecification": {"version": "4.0"}},
        "provider": {"name": provider},
    }


def _interactions(
    exchanges: Iterable[Exchange], redactor: Redactor
) -> Iterator[dict[str, Any]]:
    """Yield each different exchange that has a response, without its description."""
    known: list[dict[str, Any]] = []
    for request, outcome in exchanges:
        response = _response_of(request, outcome)
        if response is None:
            continue
        interaction = {
            "request": _request(redactor.redact_request(request)),
            "response": _response(redactor.redact_response(request, response)),
            "type": "Synchronous/HTTP",
        }
        if interaction not in known:
            known.append(interaction)
            yield interaction


def _described(interactions: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield them with the description that tells them apart, as a broker needs it."""
    times: dict[str, int] = {}
    for interaction in interactions:
        request, response = interaction["request"], interaction["response"]
        text = f"{request['method']} {request['path']} answers {response['status']}"
        times[text] = times.get(text, 0) + 1
        number = f" ({times[text]})" if times[text] > 1 else ""
        yield {"description": f"{text}{number}", **interaction}


def _response_of(
    request: RecordedRequest, outcome: Outcome | None
) -> HttpResponse | None:
    if isinstance(outcome, Reply):
        body = outcome.body if outcome.has_body(request.method) else b""
        return HttpResponse(
            outcome.status, request.url, request.method, outcome.headers, body
        )
    return outcome if isinstance(outcome, HttpResponse) else None


def _request(request: RecordedRequest) -> dict[str, Any]:
    query: dict[str, list[str]] = {}
    for name, value in request.params:
        query.setdefault(name, []).append(value)
    parts: dict[str, Any] = {
        "body": _body(request.headers, request.body),
        "headers": _headers(request.headers),
        "method": request.method,
        "path": request.path,
        "query": query,
    }
    return {name: part for name, part in parts.items() if part}


def _response(response: HttpResponse) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "body": _body(response.headers, response.body),
        "headers": _headers(response.headers),
        "status": response.status,
    }
    if _is_json(response.headers, response.body):
        parts["matchingRules"] = {"body": {"$": _BY_TYPE}}
    return {name: part for name, part in parts.items() if part}


def _headers(headers: Headers) -> dict[str, list[str]]:
    """Return the fields that both sides can agree on: none that was hidden."""
    return {
        name: headers.get_all(name)
        for name in headers
        if name.lower() not in VOLATILE_HEADERS
        and REDACTED not in headers.get_all(name)
    }


def _body(headers: Headers, body: bytes) -> dict[str, Any] | None:
    if not body:
        return None
    if _is_json(headers, body):
        return _content(headers, "application/json", parse(body))
    form = text_or_base64(body)
    if "base64" in form:
        encoded = base64.b64encode(body).decode()
        return _content(headers, "application/octet-stream", encoded, encoded="base64")
    return _content(headers, "text/plain", body.decode())


def _content(
    headers: Headers, default_type: str, content: Any, *, encoded: str | bool = False
) -> dict[str, Any]:
    return {
        "content": content,
        "contentType": headers.get("content-type") or default_type,
        "contentTypeHint": "BINARY" if encoded else "TEXT",
        "encoded": encoded,
    }


def _is_json(headers: Headers, body: bytes) -> bool:
    """Say whether a body is JSON, and not labelled as something else."""
    media = media_type(headers)
    return kind_of(body) == "JSON" and (not media or media.endswith("json"))
