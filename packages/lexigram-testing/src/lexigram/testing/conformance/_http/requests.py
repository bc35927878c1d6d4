"""HTTP-020 to 039: what is sent."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from lexigram.contracts.web import HTTPClientProtocol, ParamValue
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing.conformance._backend import Backend
from lexigram.testing.conformance._expectations import (
    expect,
    expect_equal,
    expect_ok,
)
from lexigram.testing.conformance._http.opening import client_behaviour


@client_behaviour("HTTP-020")
async def params_are_appended(client: HTTPClientProtocol, backend: Backend) -> None:
    """Parameters are appended to the query: lists repeated, bools lower, None left out."""
    params: dict[str, ParamValue] = {"a": [1, 2], "b": True, "c": None, "d": 0.5}
    backend.on.get("/x").respond()
    expect_ok(await client.get(f"{backend.base_url}/x?z=0", params=params))
    expect_equal(
        "The query",
        backend.calls.one().request.params,
        (("z", "0"), ("a", "1"), ("a", "2"), ("b", "true"), ("d", "0.5")),
    )


@client_behaviour("HTTP-021")
async def params_arrive_unchanged(client: HTTPClientProtocol, backend: Backend) -> None:
    """Whatever a parameter holds arrives unchanged."""
    text = "a b&c=d+ü/?#%41"
    backend.on.get("/x").respond()
    expect_ok(await client.get(f"{backend.base_url}/x", params={"q": text}))
    expect_equal("The query", backend.calls.one().request.params, (("q", text),))


@client_behaviour("HTTP-022")
async def a_path_keeps_its_escapes(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """An escaped slash in a path stays one, and a fragment is not sent."""
    backend.on.get("/a%2Fb").respond()
    expect_ok(await client.get(f"{backend.base_url}/a%2Fb#part"))
    expect_equal("The path", backend.calls.one().request.path, "/a%2Fb")


@client_behaviour("HTTP-023")
async def json_is_sent(client: HTTPClientProtocol, backend: Backend) -> None:
    """`json` is sent as JSON with its Content-Type; None is null."""
    backend.on.post("/x").respond()
    values: tuple[Any, ...] = ({"n": "é", "m": [1, None]}, None, [], "text", 0)
    for value in values:
        expect_ok(await client.post(f"{backend.base_url}/x", json=value))
        request = backend.calls[-1].request
        expect_equal("The JSON", request.json, value)
        expect_equal("Its Content-Type", _content_type(request), "application/json")


@client_behaviour("HTTP-024")
async def a_mapping_is_sent_as_a_form(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """A mapping as `data` is sent as a urlencoded form."""
    backend.on.post("/x").respond()
    data: dict[str, ParamValue] = {"a": [1, 2], "b": "x y&ü"}
    expect_ok(await client.post(f"{backend.base_url}/x", data=data))
    request = backend.calls.one().request
    expect_equal(
        "The form",
        parse_qsl(request.text),
        [("a", "1"), ("a", "2"), ("b", "x y&ü")],
    )
    expect_equal(
        "Its Content-Type", _content_type(request), "application/x-www-form-urlencoded"
    )


@client_behaviour("HTTP-025")
async def bytes_and_text_are_sent_as_they_are(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """Bytes and text as `data` are sent as they are, with a Content-Type."""
    backend.on.put("/x").respond()
    bodies: tuple[tuple[bytes | str, bytes, str], ...] = (
        (b"\x00\xff", b"\x00\xff", "application/octet-stream"),
        ("é", "é".encode(), "text/plain"),
        (b"", b"", "application/octet-stream"),
    )
    for data, body, content_type in bodies:
        expect_ok(await client.put(f"{backend.base_url}/x", data=data))
        request = backend.calls[-1].request
        expect_equal("The body", request.body, body)
        expect_equal("Its Content-Type", _content_type(request), content_type)


@client_behaviour("HTTP-026")
async def a_large_body_arrives_whole(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """A body of some megabytes arrives whole."""
    backend.on.post("/x").respond()
    body = bytes(range(256)) * 12_000
    expect_ok(await client.post(f"{backend.base_url}/x", data=body))
    received = backend.calls.one().request.body
    expect(received == body, f"Of {len(body)} bytes came {len(received)}, or others.")


@client_behaviour("HTTP-027")
async def headers_are_sent_as_given(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """Headers are sent as given, repeated ones in their order."""
    backend.on.get("/x").respond()
    headers = [("X-A", "1"), ("X-B", "b"), ("X-A", "2")]
    expect_ok(await client.get(f"{backend.base_url}/x", headers=headers))
    request = backend.calls.one().request
    expect_equal("The values of X-A", request.headers.get_all("x-a"), ["1", "2"])
    expect_equal("The values of X-B", request.headers.get_all("x-b"), ["b"])


@client_behaviour("HTTP-028")
async def a_header_of_the_call_wins(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """A header of the call replaces the client's own of that name, in any case."""
    backend.on.post("/x").respond()
    headers = {"user-agent": "mine/1", "CONTENT-TYPE": "application/vnd.api+json"}
    expect_ok(await client.post(f"{backend.base_url}/x", json={}, headers=headers))
    sent = backend.calls.one().request.headers
    for name, value in headers.items():
        expect_equal(f"The values of {name}", sent.get_all(name), [value])


@client_behaviour("HTTP-029")
async def an_idempotency_key_is_a_header(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """`idempotency_key` is sent as the header of that name."""
    backend.on.post("/x").respond()
    expect_ok(await client.post(f"{backend.base_url}/x", idempotency_key="k-1"))
    keys = backend.calls.one().request.headers.get_all("idempotency-key")
    expect_equal("The keys", keys, ["k-1"])


@client_behaviour("HTTP-030")
async def a_request_without_content_says_so(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """A GET without a body is sent without content and without a Content-Type."""
    backend.on.get("/x").respond()
    expect_ok(await client.get(f"{backend.base_url}/x"))
    request = backend.calls.one().request
    expect_equal("The body", request.body, b"")
    expect_equal("The Content-Type", request.headers.get("content-type"), None)


def _content_type(request: RecordedRequest) -> str:
    return request.headers.get("content-type", "").partition(";")[0]
