"""HTTP-100 to 109: how often a request is sent; no client has to repeat any."""

from __future__ import annotations

from lexigram.contracts.web import (
    HTTPClientError,
    HTTPClientProtocol,
    HTTPConnectionError,
    HTTPStatusError,
)
from lexigram.testing._answers.faults import fault
from lexigram.testing._answers.outcomes import Reply
from lexigram.testing.conformance._backend import Backend
from lexigram.testing.conformance._expectations import (
    expect_calls,
    expect_equal,
    expect_err,
)
from lexigram.testing.conformance._http.opening import client_behaviour


@client_behaviour("HTTP-100")
async def post_is_not_repeated(client: HTTPClientProtocol, backend: Backend) -> None:
    """POST and PATCH are sent once, also when the server is in trouble."""
    backend.on("*", "/x").respond(503)
    expect_err(await client.post(f"{backend.base_url}/x", json={}), HTTPStatusError)
    expect_err(await client.patch(f"{backend.base_url}/x", json={}), HTTPStatusError)
    expect_calls(backend, 2)


@client_behaviour("HTTP-101")
async def post_is_not_repeated_after_a_failure(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """POST is sent once when its connection is reset: the server may have acted."""
    backend.on.post("/x").fail(fault.reset())
    result = await client.post(f"{backend.base_url}/x", json={})
    expect_err(result, HTTPConnectionError)
    expect_calls(backend, 1)


@client_behaviour("HTTP-102")
async def retry_can_be_switched_off(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """With `retry=False` no request is sent twice."""
    backend.on.get("/status").respond(503)
    backend.on.get("/reset").fail(fault.reset())
    for path in ("/status", "/reset"):
        result = await client.get(f"{backend.base_url}{path}", retry=False)
        expect_err(result, HTTPClientError)
    await client.request("GET", f"{backend.base_url}/status", retry=False)
    expect_calls(backend, 3)


@client_behaviour("HTTP-103")
async def attempts_are_counted_right(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """`attempts` is how often the server saw the request, for answers and failures."""
    backend.on.get("/flaky").sequence(Reply(503), Reply(200), then="repeat_last")
    response = await client.request("GET", f"{backend.base_url}/flaky")
    expect_equal("The attempts", response.attempts, len(backend.calls))
    seen = len(backend.calls)
    backend.on.put("/down").respond(503)
    error = expect_err(await client.put(f"{backend.base_url}/down"), HTTPStatusError)
    expect_equal("The attempts", error.attempts, len(backend.calls) - seen)


@client_behaviour("HTTP-104")
async def an_attempt_is_like_the_one_before(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """Every attempt has the body and the idempotency key of the first."""
    backend.on.post("/x").sequence(Reply(503), Reply(200), then="repeat_last")
    await client.post(f"{backend.base_url}/x", json={"a": 1}, idempotency_key="k-1")
    for call in backend.calls:
        request = call.request
        expect_equal("The body", request.body, b'{"a":1}')
        expect_equal("The key", request.headers.get_all("idempotency-key"), ["k-1"])
