"""What can be seen of a run, as names and values to compare.

Names are paths: "calls.0.error.failure", "requests.1.headers.accept". Wording is not
compared: the text of a message is no API.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeAlias, cast

from lexigram.contracts.web import AttemptRecord, Headers, HttpResponse
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._observing.metrics import InMemoryMetrics
from lexigram.testing.conformance._backend import Backend, other_origin
from lexigram.testing.conformance._twins.watching import WatchedCall, WatchedStream

__all__ = ["Facts", "facts_of"]

Facts: TypeAlias = dict[str, object]


def facts_of(
    calls: list[WatchedCall],
    backend: Backend,
    metrics: InMemoryMetrics,
    seconds: float,
) -> Facts:
    """Return what was seen, with the origins of the backend as `{base}` and `{other}`."""
    facts: Facts = {"elapsed": seconds, "requests": len(backend.calls)}
    for number, call in enumerate(calls):
        facts |= _below(f"calls.{number}", dict(_of_call(call)))
    for number, record in enumerate(backend.calls):
        facts |= _below(f"requests.{number}", dict(_of_request(record.request)))
    facts |= _below("metrics", dict(_of_metrics(metrics)))
    places = {other_origin(backend): "{other}", backend.base_url: "{base}"}
    return {name: _placed(value, places) for name, value in facts.items()}


def _of_call(call: WatchedCall) -> Iterator[tuple[str, object]]:
    yield "call", f"{call.method} {call.url}"
    yield "ending", call.ending
    if call.stream is not None:
        yield from _below("stream", dict(_of_stream(call.stream))).items()
    if isinstance(call.outcome, HttpResponse):
        yield from _of_response(call.outcome)
    elif call.outcome is not None:
        yield from _below("error", dict(_of_error(call.outcome))).items()


def _of_response(response: HttpResponse) -> Iterator[tuple[str, object]]:
    yield "status", response.status
    yield "url", response.url
    yield "method", response.method
    yield "body", response.body
    yield "cut", response.cut
    yield "text", response.text
    yield "content_length", response.content_length
    yield "attempts", response.attempts
    yield "elapsed", round(response.elapsed, 6)
    yield from _of_headers(response.headers)
    yield from _of_timeline(response.timeline)
    yield from _of_history(response.history)


def _of_stream(stream: WatchedStream) -> Iterator[tuple[str, object]]:
    yield "status", stream.status
    yield "url", stream.url
    yield "method", stream.method
    yield "attempts", stream.attempts
    yield "form", stream.form
    yield "read", _whole(stream)
    yield from _of_headers(stream.headers)


def _whole(stream: WatchedStream) -> object:
    # How a body is divided is not promised.
    match stream.form:
        case "bytes":
            return b"".join(stream.read)
        case "text":
            return "".join(stream.read)
        case _:
            return stream.read


def _of_error(error: BaseException) -> Iterator[tuple[str, object]]:
    yield "type", type(error).__name__
    for name, value in vars(error).items():
        if isinstance(value, HttpResponse):
            yield from _below(name, dict(_of_response(value))).items()
        elif isinstance(value, BaseException):
            yield from _below(name, dict(_of_error(value))).items()
        elif name == "timeline":
            yield from _of_timeline(value)
        elif name == "history":
            yield from _of_history(value)
        elif not name.startswith("_"):
            yield name, round(value, 6) if isinstance(value, float) else value


def _of_request(request: RecordedRequest) -> Iterator[tuple[str, object]]:
    yield "method", request.method
    yield "url", request.url
    yield "body", request.body
    yield from _of_headers(request.headers)


def _of_timeline(records: Sequence[AttemptRecord]) -> Iterator[tuple[str, object]]:
    # By all their fields: what is decided after an attempt, and why, is a fact as well.
    for record in records:
        for name, value in asdict(record).items():
            shown = round(value, 6) if isinstance(value, float) else value
            yield f"timeline.{record.number}.{name}", shown


def _of_history(redirects: Sequence[HttpResponse]) -> Iterator[tuple[str, object]]:
    for number, redirect in enumerate(redirects):
        yield from _below(f"history.{number}", dict(_of_response(redirect))).items()


def _of_headers(headers: Headers) -> Iterator[tuple[str, object]]:
    for name in headers:
        yield f"headers.{name.lower()}", headers.get_all(name)


def _of_metrics(metrics: InMemoryMetrics) -> Iterator[tuple[str, object]]:
    for name in metrics.names():
        for tags, numbers in metrics.series(name).items():
            shown = ",".join(f"{tag}={value}" for tag, value in sorted(tags))
            yield f"{name}{{{shown}}}", [round(number, 6) for number in numbers]


def _below(path: str, facts: Mapping[str, object]) -> Facts:
    return {f"{path}.{name}": value for name, value in facts.items()}


def _placed(value: object, places: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for origin, place in places.items():
            value = value.replace(origin, place)
        return value
    if isinstance(value, list):
        return [_placed(item, places) for item in cast("list[object]", value)]
    return value
