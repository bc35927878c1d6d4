"""Redirects are followed by the book, and nothing meant for one host reaches another."""

import pytest

from lexigram.contracts.web import (
    HTTPRedirectError,
    HTTPTooManyRedirectsError,
)
from lexigram.http import HTTPClient, HTTPClientConfig
from lexigram.testing import FaultServer


@pytest.mark.parametrize(
    ("status", "method", "arrives_as", "body"),
    [
        (301, "POST", "GET", b""),
        (302, "POST", "GET", b""),
        (303, "POST", "GET", b""),
        (303, "PUT", "GET", b""),
        (301, "PUT", "PUT", b"x"),
        (307, "POST", "POST", b"x"),
        (308, "POST", "POST", b"x"),
    ],
)
async def test_method_and_body_follow_the_status(
    status: int, method: str, arrives_as: str, body: bytes
) -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on(method, "/old").respond(status, headers={"Location": "/new?a=1"})
        server.on(arrives_as, "/new").respond(200)
        response = await client.request(method, f"{server.base_url}/old", data=b"x")
        arrived = server.calls[-1].request
    assert response.url == f"{server.base_url}/new?a=1"
    assert (arrived.method, arrived.body) == (arrives_as, body)
    assert ("content-type" in arrived.headers) is bool(body)
    assert arrived.params == (("a", "1"),)


async def test_params_are_not_appended_again_to_the_target() -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/old").respond(302, headers={"Location": "/new"})
        server.on.get("/new").respond(200)
        await client.get(f"{server.base_url}/old", params={"q": "1"})
        assert server.calls[-1].request.params == ()


async def test_to_another_origin_only_harmless_headers_go() -> None:
    async with (
        FaultServer.run() as home,
        FaultServer.run() as away,
        HTTPClient() as client,
    ):
        home.on.get("/").respond(302, headers={"Location": f"{away.base_url}/x"})
        away.on.get("/x").respond(200)
        secrets = [
            "Authorization",
            "Cookie",
            "Proxy-Authorization",
            "X-Api-Key",
            "X-Custom",
        ]
        await client.get(
            home.base_url + "/",
            headers=dict.fromkeys(secrets, "s3cret") | {"Accept": "text/plain"},
        )
        arrived = away.calls.one().request.headers
    assert not [name for name in secrets if name in arrived]
    assert arrived["accept"] == "text/plain"


async def test_to_the_same_origin_every_header_goes() -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/old").respond(302, headers={"Location": "/new"})
        server.on.get("/new").respond(200)
        await client.get(f"{server.base_url}/old", headers={"X-Api-Key": "k"})
        assert server.calls[-1].request.headers["x-api-key"] == "k"


async def test_a_redirect_that_is_not_followed_is_ok() -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/old").respond(302, headers={"Location": "/new"})
        result = await client.get(f"{server.base_url}/old", follow_redirects=False)
        assert result.unwrap().status == 302


async def test_an_endless_redirect_ends_at_the_limit() -> None:
    config = HTTPClientConfig(max_redirects=3)
    async with FaultServer.run() as server, HTTPClient(config) as client:
        server.on.get("/loop").respond(302, headers={"Location": "/loop"})
        error = (await client.get(f"{server.base_url}/loop")).unwrap_err()
        assert isinstance(error, HTTPTooManyRedirectsError)
        assert len(server.calls) == 4


@pytest.mark.parametrize(
    "location", ["ftp://h/x", "javascript:alert(1)", "http://h:99999/", "http://[::1"]
)
async def test_an_unusable_target_is_an_error(location: str) -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/").respond(302, headers={"Location": location})
        error = (await client.get(server.base_url + "/")).unwrap_err()
    assert isinstance(error, HTTPRedirectError)
    assert "not followed" in str(error)
