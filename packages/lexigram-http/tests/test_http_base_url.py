"""A client of one upstream stays with it."""

import pytest

from lexigram.contracts.web import (
    HTTPConnectionError,
    HTTPInvalidRequestError,
    HTTPStatusError,
    HTTPTimeoutError,
)
from lexigram.http import BaseURLHTTPClient, HTTPClient, HTTPClientConfig
from lexigram.testing import FaultServer, fault


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    ("path", "arrives"),
    [("invoices", "/v1/invoices"), ("/invoices", "/v1/invoices"), ("", "/v1"),
     ("a/b?c=d", "/v1/a/b"), ("a%2Fb", "/v1/a%2Fb"), ("/a:b", "/v1/a:b")],
)  # fmt: skip
async def test_a_path_is_appended(path: str, arrives: str, slash: str) -> None:
    async with (
        FaultServer.run() as server,
        BaseURLHTTPClient(f"{server.base_url}/v1{slash}") as client,
    ):
        server.on("GET", arrives).respond(200)
        await client.get(path)
        assert server.calls.one().request.path == arrives


@pytest.mark.parametrize(
    "path",
    ["//evil.test/x", "http://evil.test/", "HTTPS://evil.test", "javascript:x", "../x",
     "a/../../x", "%2e%2e/x", "a/%2E%2E/x", ".", "\\\\evil.test", "/\\evil.test", "..\\x"],
)  # fmt: skip
async def test_a_path_cannot_leave_the_base(path: str) -> None:
    async with (
        FaultServer.run() as server,
        BaseURLHTTPClient(server.base_url) as client,
    ):
        with pytest.raises(HTTPInvalidRequestError, match="leads out of the base URL"):
            await client.get(path)
        assert len(server.calls) == 0


@pytest.mark.parametrize("url", ["api.test", "ftp://api.test", "https://api.test/?a=1"])
def test_an_unusable_base_url_is_refused_at_once(url: str) -> None:
    with pytest.raises(HTTPInvalidRequestError):
        BaseURLHTTPClient(url)


@pytest.mark.parametrize("verb", ["get", "post", "put", "delete", "patch", "head"])
async def test_every_verb_returns_the_response_whatever_its_status(verb: str) -> None:
    async with (
        FaultServer.run() as server,
        BaseURLHTTPClient(server.base_url) as client,
    ):
        server.on(verb.upper(), "/v1").respond(404)
        response = await getattr(client, verb)("/v1")
        assert (response.status, response.method) == (404, verb.upper())
        with pytest.raises(HTTPStatusError):
            response.raise_for_status()


async def test_default_headers_are_sent_and_yield_to_those_of_a_call() -> None:
    headers = {"Authorization": "Bearer t", "X-Both": "default"}
    async with (
        FaultServer.run() as server,
        BaseURLHTTPClient(server.base_url, headers=headers) as client,
    ):
        server.on.get("/v1").respond(200)
        await client.get("/v1", headers={"x-both": "own"})
        sent = server.calls.one().request.headers
    assert sent["authorization"] == "Bearer t"
    assert sent.get_all("X-Both") == ["own"]


async def test_the_default_timeout_applies_and_a_call_may_change_it() -> None:
    async with (
        FaultServer.run() as server,
        BaseURLHTTPClient(server.base_url, timeout=0.05) as client,
    ):
        server.on.get("/v1").fail(fault.hang())
        for options, limit in (({}, 0.05), ({"timeout": 0.06}, 0.06)):
            with pytest.raises(HTTPTimeoutError) as caught:
                await client.get("/v1", **options)
            assert caught.value.limit == limit


async def test_failures_of_the_transport_are_raised() -> None:
    async with (
        FaultServer.run() as server,
        BaseURLHTTPClient(server.base_url) as client,
    ):
        await server.down()
        with pytest.raises(HTTPConnectionError):
            await client.get("/v1", retry=False)


async def test_several_share_the_pool_of_one_client() -> None:
    async with FaultServer.run() as server, HTTPClient() as shared:
        server.on.get("/a/x").respond(200)
        server.on.get("/b/x").respond(200)
        for part in ("a", "b"):
            async with BaseURLHTTPClient(
                f"{server.base_url}/{part}", client=shared
            ) as client:
                await client.get("x")
        assert len(server.connections) == 1
        assert await shared.get(f"{server.base_url}/a/x")


def test_a_client_and_a_configuration_exclude_each_other() -> None:
    with pytest.raises(TypeError, match="not both"):
        BaseURLHTTPClient("http://h", client=HTTPClient(), config=HTTPClientConfig())


def test_repr_hides_credentials() -> None:
    assert repr(BaseURLHTTPClient("http://u:s3cret@h/v1")) == (
        "<BaseURLHTTPClient http://***@h/v1>"
    )
