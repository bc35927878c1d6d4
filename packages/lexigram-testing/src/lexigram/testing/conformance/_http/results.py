"""HTTP-001 to 019: what the verbs and `request` return and raise."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from lexigram.contracts.web import (
    HTTPClientProtocol,
    HTTPInvalidRequestError,
    HTTPStatusError,
    HTTPUnknownOptionError,
)
from lexigram.testing._answers.outcomes import Reply
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing.conformance._backend import Backend
from lexigram.testing.conformance._expectations import (
    expect,
    expect_calls,
    expect_equal,
    expect_err,
    expect_ok,
    expect_raised,
)
from lexigram.testing.conformance._http.opening import client_behaviour
from lexigram.testing.conformance._implements import assert_implements

_VERBS = ("get", "post", "put", "delete", "patch", "head")
_MANY = 50


@client_behaviour("HTTP-001")
async def implements_the_protocol(client: HTTPClientProtocol, backend: Backend) -> None:  # noqa: ARG001 - one signature for all
    """The client has every method of the protocol, with its parameters."""
    assert_implements(HTTPClientProtocol, client)


@client_behaviour("HTTP-002")
async def a_verb_sends_its_method_and_returns_ok(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """A verb sends its method and returns `Ok` with the response below status 400."""
    backend.on("*", "/x").respond(202)
    for verb in _VERBS:
        response = expect_ok(await getattr(client, verb)(f"{backend.base_url}/x"))
        expect_equal(f"The status of {verb}()", response.status, 202)
        expect_equal(f"The method of {verb}()", response.method, verb.upper())
        expect_equal(
            f"The method that {verb}() sent",
            backend.calls[-1].request.method,
            verb.upper(),
        )


@client_behaviour("HTTP-003")
async def an_error_status_is_an_err_with_the_response(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """A status of 400 or more is `Err(HTTPStatusError)` with the response inside."""
    for status in (400, 404, 422, 501):
        backend.on.get(f"/{status}").respond(status, json={"why": status})
        result = await client.get(f"{backend.base_url}/{status}")
        error = expect_err(result, HTTPStatusError)
        expect_equal("The status of the error", error.status, status)
        expect_equal("The JSON of its response", error.response.json, {"why": status})
        expect_equal("Whether it was sent", error.request_sent, "yes")


@client_behaviour("HTTP-004")
async def problem_details_are_parsed(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """The problem details (RFC 9457) of an error are its `problem`."""
    backend.on.get("/x").respond(
        409,
        json={"title": "Out of stock"},
        headers={"Content-Type": "application/problem+json"},
    )
    error = expect_err(await client.get(f"{backend.base_url}/x"), HTTPStatusError)
    expect_equal("The problem", error.problem, {"title": "Out of stock"})


@client_behaviour("HTTP-005")
async def request_returns_any_response(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """`request` sends any method, in upper case, and returns any response as it is."""
    backend.on("REPORT", "/x").respond(422, text="no")
    response = await client.request("report", f"{backend.base_url}/x")
    expect_equal("The status", getattr(response, "status", response), 422)
    expect_equal("The text", response.text, "no")
    expect_equal("The method", response.method, "REPORT")
    expect_equal("The method sent", backend.calls.one().request.method, "REPORT")


@client_behaviour("HTTP-006")
async def an_unknown_option_is_raised(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """A misspelt option is raised, with the nearest one, and nothing is sent."""
    misspelt = cast("Any", client)
    url = f"{backend.base_url}/x"
    for call in (
        lambda: misspelt.get(url, heders={}),
        lambda: misspelt.request("GET", url, heders={}),
    ):
        error = await expect_raised(HTTPUnknownOptionError, _started(call))
        expect("headers" in str(error), f"{str(error)!r} does not name 'headers'.")
    expect_calls(backend, 0)


@client_behaviour("HTTP-007")
async def a_request_that_cannot_be_sent_is_an_err(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """An unusable request is `Err(HTTPInvalidRequestError)`, and nothing is sent."""
    url = f"{backend.base_url}/x"
    unusable: tuple[tuple[str, dict[str, Any]], ...] = (
        ("ftp://api.test/x", {}),
        ("http:///x", {}),
        (f"{url}?q=a b", {}),
        (url, {"headers": {"X-A": "1\r\nX-B: 2"}}),
        (url, {"headers": {"X A": "1"}}),
        (url, {"json": float("nan")}),
        (url, {"json": {}, "data": b""}),
        (url, {"timeout": 0}),
        (url, {"timeout": -1}),
    )
    for target, options in unusable:
        result = await client.post(target, **cast("Any", options))
        error = expect_err(result, HTTPInvalidRequestError)
        expect_equal("Whether it was sent", error.request_sent, "no")
    expect_calls(backend, 0)


@client_behaviour("HTTP-008")
async def request_raises_what_a_verb_returns(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """`request` raises where a verb returns an `Err` without a response."""
    headers = {"X-A": "1\n"}
    await expect_raised(
        HTTPInvalidRequestError,
        client.request("GET", f"{backend.base_url}/x", headers=headers),
    )
    expect_calls(backend, 0)


@client_behaviour("HTTP-009")
async def concurrent_calls_get_their_own_answers(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """Each of many calls at once gets its own answer."""

    async def answer(request: RecordedRequest) -> Reply:
        await asyncio.sleep(int(request.path_params["n"]) % 7 / 10)
        return Reply(json=request.path_params["n"])

    backend.on.get("/{n}").handle(answer)
    results = await asyncio.gather(
        *(client.get(f"{backend.base_url}/{n}") for n in range(_MANY))
    )
    answers = [expect_ok(result).json for result in results]
    expect_equal("The answers", answers, [str(n) for n in range(_MANY)])
    expect_calls(backend, _MANY)


async def _started(call: Any) -> object:
    """Call within a coroutine, so that it does not matter when it raises."""
    return await call()
