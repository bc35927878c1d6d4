"""Verbs and `request` over real sockets: what goes out and what comes back."""

import asyncio

import pytest

from lexigram.contracts.web import (
    HTTPClientProtocol,
    HTTPClientStateError,
    HTTPInvalidRequestError,
    HTTPStatusError,
    HTTPUnknownOptionError,
)
from lexigram.http import HTTPClient, HTTPClientConfig
from lexigram.testing import FaultServer, Reply

VERBS = ["get", "post", "put", "delete", "patch", "head"]


@pytest.mark.parametrize("verb", VERBS)
async def test_a_verb_sends_its_method_and_returns_a_result(verb: str) -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on(verb.upper(), "/v1").respond(200, json={"a": 1})
        result = await getattr(client, verb)(f"{server.base_url}/v1")
        assert result.is_ok()
        assert result.value.method == server.calls.one().request.method == verb.upper()


@pytest.mark.parametrize("method", ["GET", "post", "OPTIONS", "QUERY", "PROPFIND"])
async def test_request_sends_any_method_and_returns_the_response(method: str) -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on(method.upper(), "/v1").respond(500, text="down").optional()
        response = await client.request(method, f"{server.base_url}/v1", retry=False)
        assert (response.status, response.text) == (500, "down")
        assert server.calls.one().request.method == method.upper()


async def test_what_the_call_says_is_what_the_server_gets() -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.post("/v1/things").respond(201)
        await client.post(
            f"{server.base_url}/v1/things?a=1",
            params={"b": ["x y", True]},
            headers=[("X-Tag", "1"), ("X-Tag", "2"), ("User-Agent", "mine")],
            json={"é": 1},
        )
        request = server.calls.one().request
    assert request.params == (("a", "1"), ("b", "x y"), ("b", "true"))
    assert request.headers.get_all("x-tag") == ["1", "2"]
    assert request.headers.get_all("user-agent") == ["mine"]
    assert request.headers["content-type"] == "application/json"
    assert request.headers["content-length"] == str(len(request.body))
    assert request.body == '{"é":1}'.encode()


async def test_the_response_keeps_everything_the_server_said() -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/v1").respond(
            203,
            text="grüße",
            headers=[("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Odd", "Å")],
        )
        response = (await client.get(f"{server.base_url}/v1")).unwrap()
    assert response.status == 203
    assert response.text == "grüße"
    assert response.headers.get_all("set-cookie") == ["a=1", "b=2"]
    assert response.content_length == len(response.body)
    assert response.url.endswith("/v1")
    assert response.attempts == 1
    assert response.elapsed > 0


@pytest.mark.parametrize("status", [400, 401, 404, 422, 501])
async def test_an_error_status_is_an_err_with_the_response(status: int) -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/v1").respond(status, json={"why": "no"})
        error = (await client.get(f"{server.base_url}/v1")).unwrap_err()
    assert isinstance(error, HTTPStatusError)
    assert error.status == error.response.status == status
    assert error.response.json == {"why": "no"}


async def test_a_large_body_arrives_whole_at_every_attempt() -> None:
    body = bytes(range(256)) * 16_384
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.put("/v1").sequence(
            Reply(503, headers={"Retry-After": "0"}), Reply(200)
        )
        result = await client.put(f"{server.base_url}/v1", data=body)
        assert result.unwrap().attempts == 2
        requests = [call.request for call in server.calls]
    assert [request.body == body for request in requests] == [True, True]
    assert {r.headers["content-length"] for r in requests} == {str(len(body))}
    assert {r.headers["content-type"] for r in requests} == {"application/octet-stream"}


@pytest.mark.parametrize("status", [204, 304])
async def test_a_status_without_a_body_has_none(status: int) -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/v1").respond(status)
        assert (await client.get(f"{server.base_url}/v1")).unwrap().body == b""


async def test_head_has_the_declared_length_and_no_body() -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.head("/v1").respond(200, body=b"12345")
        response = (await client.head(f"{server.base_url}/v1")).unwrap()
    assert response.body == b""
    assert response.content_length == 5


async def test_a_chunked_body_is_read_whole() -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/v1").handle(
            lambda _: Reply(200, body=b"x" * 300_000, chunked=True)
        )
        response = (await client.get(f"{server.base_url}/v1")).unwrap()
    assert response.body == b"x" * 300_000


async def test_the_client_satisfies_the_protocol() -> None:
    client: HTTPClientProtocol = HTTPClient()
    assert isinstance(client, HTTPClientProtocol)


@pytest.mark.parametrize("verb", VERBS)
async def test_a_misspelt_option_is_raised_with_the_nearest_one(verb: str) -> None:
    async with HTTPClient() as client:
        with pytest.raises(HTTPUnknownOptionError, match="Did you mean 'timeout'"):
            await getattr(client, verb)("http://h/", timout=1)


async def test_an_unusable_url_is_an_err_and_nothing_is_sent() -> None:
    async with HTTPClient() as client:
        error = (await client.get("api.test/v1")).unwrap_err()
        assert isinstance(error, HTTPInvalidRequestError)
        assert "no scheme" in str(error)
        with pytest.raises(HTTPInvalidRequestError):
            await client.request("GET", "api.test/v1")


async def test_a_client_is_usable_from_its_start_to_its_stop_only() -> None:
    client = HTTPClient()
    with pytest.raises(HTTPClientStateError, match="is not started"):
        await client.get("http://h/")
    await client.start()
    await client.stop()
    with pytest.raises(HTTPClientStateError, match="was stopped"):
        await client.request("GET", "http://h/")


async def test_start_and_stop_may_be_repeated_and_a_client_started_again() -> None:
    async with FaultServer.run() as server:
        server.on.get("/v1").respond(200)
        client = HTTPClient()
        for _ in range(2):
            await client.start()
            await client.start()
            assert await client.get(f"{server.base_url}/v1")
            await client.stop()
            await client.stop()


async def test_calls_still_under_way_end_when_the_client_stops() -> None:
    async with FaultServer.run() as server:
        client = HTTPClient()
        await client.start()
        held = asyncio.Event()

        async def hold(_: object) -> Reply:
            await held.wait()
            return Reply(200)

        server.on.get("/v1").handle(hold)
        call = asyncio.create_task(client.get(f"{server.base_url}/v1", retry=False))
        await server.calls.wait_for(1)
        await client.stop()
        async with asyncio.timeout(5):
            assert (await call).is_err()
        held.set()


async def test_repr_says_the_state_and_hides_the_proxy_password() -> None:
    client = HTTPClient(HTTPClientConfig(proxy="http://u:s3cret@proxy:1"))
    assert "not started" in repr(client)
    assert "s3cret" not in repr(client)
    async with client:
        assert "<HTTPClient started" in repr(client)
    assert "stopped" in repr(client)
