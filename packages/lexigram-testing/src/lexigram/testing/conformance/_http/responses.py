"""HTTP-040 to 059: what a response is."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

from lexigram.contracts.web import (
    HTTPClientProtocol,
    HTTPDecodeError,
    HttpResponse,
    HTTPResponseTooLargeError,
)
from lexigram.testing._answers.outcomes import Reply
from lexigram.testing.conformance._backend import Backend
from lexigram.testing.conformance._expectations import (
    expect,
    expect_equal,
    expect_err,
    expect_ok,
    fail,
)
from lexigram.testing.conformance._http.opening import client_behaviour


@client_behaviour("HTTP-040")
async def a_response_is_complete(client: HTTPClientProtocol, backend: Backend) -> None:
    """A response says its status, URL, method, body and how it was got."""
    url = f"{backend.base_url}/x?q=1"
    backend.on.get("/x").respond(203, body=b"abc")
    response = expect_ok(await client.get(url))
    expect_equal("Its status", response.status, 203)
    expect_equal("Its URL", response.url, url)
    expect_equal("Its method", response.method, "GET")
    expect_equal("Its body", response.body, b"abc")
    expect_equal("Its attempts", response.attempts, 1)
    expect(response.elapsed >= 0, f"It took {response.elapsed!r} seconds.")


@client_behaviour("HTTP-041")
async def header_names_have_no_case(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """A header is found whatever the case of its name."""
    backend.on.get("/x").respond(headers={"X-Request-Id": "r1"})
    headers = expect_ok(await client.get(f"{backend.base_url}/x")).headers
    for name in ("X-Request-Id", "x-request-id", "X-REQUEST-ID"):
        expect_equal(f"headers.get({name!r})", headers.get(name), "r1")


@client_behaviour("HTTP-042")
async def repeated_headers_are_kept(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """Repeated header fields are all kept, in order."""
    cookies = ["a=1; Path=/", "b=2"]
    backend.on.get("/x").respond(headers=[("Set-Cookie", value) for value in cookies])
    headers = expect_ok(await client.get(f"{backend.base_url}/x")).headers
    expect_equal("The values of Set-Cookie", headers.get_all("set-cookie"), cookies)


@client_behaviour("HTTP-043")
async def content_length_is_known(client: HTTPClientProtocol, backend: Backend) -> None:
    """`content_length` is the declared length, or else the size of the body."""
    backend.on.get("/plain").respond(body=b"12345")
    backend.on.get("/chunked").respond(Reply(chunks=[b"123", b"45"]))
    for path in ("/plain", "/chunked"):
        response = expect_ok(await client.get(f"{backend.base_url}{path}"))
        expect_equal(f"content_length of {path}", response.content_length, 5)
        expect_equal(f"The body of {path}", response.body, b"12345")


@client_behaviour("HTTP-044")
async def json_is_parsed(client: HTTPClientProtocol, backend: Backend) -> None:
    """`json` is the parsed body, also of a status that is an error."""
    values: tuple[Any, ...] = ({"a": [1]}, [{}], "text", 0, None)
    for number, value in enumerate(values):
        backend.on.get(f"/{number}").respond(json=value)
        response = expect_ok(await client.get(f"{backend.base_url}/{number}"))
        expect_equal("The JSON", response.json, value)


@client_behaviour("HTTP-045")
async def invalid_json_is_no_null(client: HTTPClientProtocol, backend: Backend) -> None:
    """A body that is not JSON is a decode error when `json` is read, never None."""
    headers = {"Content-Type": "application/json"}
    backend.on.get("/x").respond(body=b"<html>", headers=headers)
    response = expect_ok(await client.get(f"{backend.base_url}/x"))
    try:
        value = response.json
    except HTTPDecodeError as error:
        expect_equal("Its Content-Type", error.content_type, "application/json")
    else:
        fail(f"Expected HTTPDecodeError, got {value!r}.")


@client_behaviour("HTTP-046")
async def text_is_decoded_by_its_charset(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """`text` is decoded by the declared charset, and never raises."""
    cases = {
        "latin-1": (b"\xe9", "é"),
        "utf-8": (b"\xff", "\N{REPLACEMENT CHARACTER}"),
        "klingon": ("é".encode(), "é"),
    }
    for charset, (body, text) in cases.items():
        headers = {"Content-Type": f"text/plain; charset={charset}"}
        backend.on.get(f"/{charset}").respond(body=body, headers=headers)
        response = expect_ok(await client.get(f"{backend.base_url}/{charset}"))
        expect_equal(f"{body!r} in {charset}", response.text, text)


@client_behaviour("HTTP-047")
async def an_answer_to_head_has_no_body(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """An answer to HEAD has no body, and the Content-Length that GET would have."""
    backend.on.head("/x").respond(body=b"12345")
    response = expect_ok(await client.head(f"{backend.base_url}/x"))
    expect_equal("The body", response.body, b"")
    expect_equal("The Content-Length", response.content_length, 5)


@client_behaviour("HTTP-048")
async def some_statuses_have_no_body(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """Answers of the statuses 204 and 304 are `Ok` and have no body."""
    for status in (204, 304):
        backend.on.get(f"/{status}").respond(status)
        response = expect_ok(await client.get(f"{backend.base_url}/{status}"))
        expect_equal("The status", response.status, status)
        expect_equal("The body", response.body, b"")


@client_behaviour("HTTP-049")
async def content_codings_are_removed(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """The codings gzip and deflate are removed from a body."""
    packed = {"gzip": gzip.compress(b"abc", mtime=0), "deflate": zlib.compress(b"abc")}
    for coding, body in packed.items():
        headers = {"Content-Encoding": coding}
        backend.on.get(f"/{coding}").respond(body=body, headers=headers)
        response = expect_ok(await client.get(f"{backend.base_url}/{coding}"))
        expect_equal(f"The body without {coding}", response.body, b"abc")


@client_behaviour("HTTP-050")
async def a_body_may_be_limited(client: HTTPClientProtocol, backend: Backend) -> None:
    """A body longer than `max_response_bytes` is an `Err`; one as long is not."""
    backend.on.get("/x").respond(body=b"12345")
    url = f"{backend.base_url}/x"
    expect_ok(await client.get(url, max_response_bytes=5))
    result = await client.get(url, max_response_bytes=4)
    error = expect_err(result, HTTPResponseTooLargeError)
    expect_equal("The limit", error.limit, 4)


@client_behaviour("HTTP-051")
async def the_limit_holds_for_the_decoded_body(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """The limit of a body counts what it decodes to."""
    bomb = gzip.compress(bytes(1_000_000), mtime=0)
    backend.on.get("/x").respond(body=bomb, headers={"Content-Encoding": "gzip"})
    result = await client.get(f"{backend.base_url}/x", max_response_bytes=10_000)
    expect_err(result, HTTPResponseTooLargeError)


@client_behaviour("HTTP-052")
async def a_large_response_arrives_whole(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """A body of some megabytes arrives whole."""
    body = bytes(range(256)) * 12_000
    backend.on.get("/x").respond(body=body)
    response = expect_ok(await client.get(f"{backend.base_url}/x"))
    same = response.body == body
    expect(same, f"Of {len(body)} bytes came {len(response.body)}, or others.")


@client_behaviour("HTTP-053")
async def a_response_is_the_contracts_own(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """A response is an `HttpResponse` of the contracts, whatever library received it."""
    backend.on.get("/x").respond()
    response: object = await client.request("GET", f"{backend.base_url}/x")
    expect_equal("Its type", type(response), HttpResponse)
