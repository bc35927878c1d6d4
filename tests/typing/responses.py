"""What a checker knows of a response, its headers and its decoded body."""

from collections.abc import Awaitable, Callable
from typing import Any, assert_type

from pydantic import BaseModel, ConfigDict

from lexigram.contracts.web import (
    ConnectionFailure,
    Headers,
    HTTPConnectionError,
    HttpResponse,
    HTTPStatusError,
    HTTPTimeoutError,
    JSONArray,
    JSONObject,
    MutableHeaders,
    RequestContext,
    RequestSent,
    TimeoutPhase,
)
from lexigram.http import json_as


class Invoice(BaseModel):
    """A model of a service."""

    model_config = ConfigDict(frozen=True)

    id: str
    amount_cents: int


def every_attribute_has_its_type(response: HttpResponse) -> None:
    assert_type(response.status, int)
    assert_type(response.ok, bool)
    assert_type(response.headers, Headers)
    assert_type(response.body, bytes)
    assert_type(response.text, str)
    assert_type(response.url, str)
    assert_type(response.method, str)
    assert_type(response.content_length, int)
    assert_type(response.elapsed, float)
    assert_type(response.attempts, int)
    assert_type(response.raise_for_status(), HttpResponse)


async def json_is_any_as_an_attribute_and_awaited(response: HttpResponse) -> None:
    assert_type(response.json, Any)
    assert_type(response.json["amount_cents"], Any)
    assert_type(await response.json(), Any)


async def an_object_and_an_array_answer_as_themselves(
    found: JSONObject, several: JSONArray
) -> None:
    assert_type(await found(), JSONObject)
    assert_type(found["id"], Any)
    assert_type(await several(), JSONArray)
    assert_type(several[0], Any)


def a_response_is_written_by_hand() -> None:
    assert_type(HttpResponse(200), HttpResponse)
    assert_type(HttpResponse(200, json={"id": "inv_1"}), HttpResponse)
    assert_type(HttpResponse(200, text="hello", headers={"X": "y"}), HttpResponse)
    assert_type(HttpResponse(status=500, body=b"", url="/", method="PUT"), HttpResponse)
    assert_type(HttpResponse(200, headers=[("Vary", "a"), ("Vary", "b")]), HttpResponse)


def decode_is_what_the_decoder_makes(response: HttpResponse) -> None:
    assert_type(response.decode(Invoice.model_validate_json), Invoice)
    assert_type(response.decode(len), int)
    assert_type(response.decode(bytes.decode), str)


def json_as_takes_any_form_of_type(response: HttpResponse) -> None:
    assert_type(json_as(Invoice), Callable[[bytes], Invoice])
    assert_type(response.decode(json_as(list[int])), list[int])
    assert_type(response.decode(json_as(list[Invoice])), list[Invoice])
    assert_type(response.decode(json_as(dict[str, Invoice])), dict[str, Invoice])
    assert_type(response.decode(json_as(Invoice | None)), Invoice | None)
    assert_type(response.decode(json_as(int | str)), int | str)
    assert_type(response.decode(json_as(tuple[int, str])), tuple[int, str])


def headers_are_a_mapping_of_texts(headers: Headers) -> None:
    assert_type(headers["content-type"], str)
    assert_type(headers.get("content-type"), str | None)
    assert_type(headers.get("content-type", ""), str)
    assert_type(headers.get_all("set-cookie"), list[str])
    assert_type(headers.pairs, tuple[tuple[str, str], ...])
    assert_type("vary" in headers, bool)
    assert_type(len(headers), int)
    assert_type(list(headers), list[str])
    assert_type(dict(headers.items()), dict[str, str])
    assert_type(headers.copy(), Headers)


def headers_come_from_a_mapping_pairs_or_headers(headers: Headers) -> None:
    assert_type(Headers(), Headers)
    assert_type(Headers({"Accept": "text/html"}), Headers)
    assert_type(Headers([("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]), Headers)
    assert_type(MutableHeaders(headers), MutableHeaders)


def the_headers_of_a_request_can_be_changed(context: RequestContext) -> None:
    assert_type(context.headers, MutableHeaders)
    assert_type(context.headers.copy(), MutableHeaders)
    context.headers["X-Correlation-Id"] = "c-1"
    context.headers.add("Accept", "text/html")
    context.headers.setdefault("Accept", "*/*")
    context.headers.update({"X-Tenant": "t"})
    del context.headers["Accept"]


def an_error_is_told_apart_by_its_fields(
    status: HTTPStatusError, connection: HTTPConnectionError, timeout: HTTPTimeoutError
) -> None:
    assert_type(status.response, HttpResponse)
    assert_type(status.status, int)
    assert_type(status.problem, dict[str, Any] | None)
    assert_type(connection.failure, ConnectionFailure)
    assert_type(timeout.phase, TimeoutPhase)
    assert_type(timeout.limit, float)
    assert_type(timeout.request_sent, RequestSent)
    assert_type(timeout.attempts, int)
    assert_type(timeout.retryable, bool)


async def an_async_decoder_has_to_be_awaited(response: HttpResponse) -> None:
    async def decode(body: bytes) -> Invoice:
        return Invoice.model_validate_json(body)

    invoice: Awaitable[Invoice] = response.decode(decode)
    assert_type(await invoice, Invoice)
