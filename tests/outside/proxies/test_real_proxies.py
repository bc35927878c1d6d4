"""Requests through tinyproxy and squid, to servers that tell what reached them."""

import asyncio
from hashlib import sha256
from typing import Any

import pytest

from lexigram.contracts.web import HTTPConnectionError, HTTPStatusError
from lexigram.http import HTTPClient, HTTPClientConfig
from lexigram.testing import FaultServer, fault
from programs import Program

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD")
# tinyproxy answers 401 to wrong credentials, where RFC 9110 §15.5.8 wants 407.
UNAUTHORIZED = (401, 407)


@pytest.fixture(params=["tinyproxy", "squid"])
def proxy(request: pytest.FixtureRequest) -> Program:
    """Return one proxy after the other."""
    program: Program = request.getfixturevalue(request.param)
    return program


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Return what sets variables, with those of proxies unset."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


def address(proxy: Program, credentials: str = "u:pw@") -> str:
    return proxy.url("proxy").replace("//", f"//{credentials}")


def client_through(url: str, server: FaultServer | None = None) -> HTTPClient:
    tls = {} if server is None else {"ca_data": server.ca_pem.decode()}
    return HTTPClient(HTTPClientConfig.model_validate({"proxy": url, "tls": tls}))


async def failure(client: HTTPClient, url: str) -> HTTPConnectionError:
    """Return why there is no tunnel, which is never the server's fault."""
    async with client:
        error = (await client.get(url)).unwrap_err()
    assert isinstance(error, HTTPConnectionError)
    assert (error.failure, error.request_sent) == ("proxy", "no")
    assert "pw" not in str(error)
    return error


async def test_both_kinds_of_requests_get_through_and_credentials_do_not(
    proxy: Program,
) -> None:
    async with FaultServer.run() as plain, FaultServer.run(tls=True) as secure:
        for server in (plain, secure):
            server.on.post("/v1").respond(json={"done": True})
        async with client_through(address(proxy), secure) as client:
            for server in (plain, secure) * 2:
                url = f"{server.base_url}/v1?a=%20b"
                response = (await client.post(url, json=[1])).unwrap()
                assert response.json == {"done": True}
        for server in (plain, secure):
            for call in server.calls:
                assert call.request.json == [1]
                assert call.request.url.endswith("/v1?a=%20b")
                assert "proxy-authorization" not in call.request.headers
        assert "via" in plain.calls[0].request.headers
        assert "via" not in secure.calls[0].request.headers
        assert len(secure.connections) == 1, "the tunnel is used again"


async def test_large_bodies_get_through_a_tunnel_in_both_directions(
    proxy: Program,
) -> None:
    body = bytes(range(256)) * 16 * 1024
    async with FaultServer.run(tls=True) as server:
        server.on.put("/v1").respond(body=body)
        async with client_through(address(proxy), server) as client:
            response = (await client.put(f"{server.base_url}/v1", data=body)).unwrap()
        sent = server.calls.one().request.body
    assert sha256(response.body).digest() == sha256(body).digest()
    assert sha256(sent).digest() == sha256(body).digest()


async def test_many_at_once_share_a_few_tunnels(proxy: Program) -> None:
    async with FaultServer.run(tls=True) as server:
        server.on.get("/v1").respond(text="through")
        async with client_through(address(proxy), server) as client:
            calls = [client.get(f"{server.base_url}/v1") for _ in range(40)]
            for result in await asyncio.gather(*calls):
                assert result.unwrap().text == "through"
        assert len(server.connections) < 40


@pytest.mark.parametrize("credentials", ["u:wrong@", "", "somebody:pw@"])
async def test_wrong_credentials_are_refused_before_anything_is_sent(
    proxy: Program, credentials: str
) -> None:
    async with FaultServer.run(tls=True) as server:
        client = client_through(address(proxy, credentials), server)
        error = await failure(client, f"{server.base_url}/v1")
        assert len(server.connections) == 0
    assert any(f"answered {status}" in str(error) for status in UNAUTHORIZED)
    assert (error.attempts, error.retryable) == (1, False)


async def test_wrong_credentials_of_a_plain_request_are_the_answer(
    proxy: Program,
) -> None:
    async with FaultServer.run() as server:
        async with client_through(address(proxy, "u:wrong@")) as client:
            error = (await client.get(f"{server.base_url}/v1")).unwrap_err()
        assert len(server.connections) == 0
    assert isinstance(error, HTTPStatusError)
    assert error.status in UNAUTHORIZED
    assert error.attempts == 1


async def test_a_host_that_is_forbidden_is_never_asked_for_again(
    proxy: Program,
) -> None:
    client = client_through(address(proxy))
    error = await failure(client, "https://forbidden.test/")
    assert "403" in str(error)
    assert (error.attempts, error.retryable) == (1, False)
    async with client_through(address(proxy)) as client:
        plain = (await client.get("http://forbidden.test/")).unwrap_err()
    assert isinstance(plain, HTTPStatusError)
    assert (plain.status, plain.attempts) == (403, 1)


async def test_a_name_that_nobody_knows_is_the_proxys_answer(proxy: Program) -> None:
    async with client_through(address(proxy)) as client:
        tunnel = (await client.get("https://nobody.invalid/")).unwrap_err()
        plain = await client.request("GET", "http://nobody.invalid/", retry=False)
    assert isinstance(tunnel, HTTPConnectionError)
    assert (tunnel.failure, tunnel.request_sent) == ("proxy", "no")
    assert tunnel.retryable, "5xx may pass"
    assert plain.status >= 500


async def test_a_server_that_refuses_is_a_failure_of_the_tunnel(
    proxy: Program,
) -> None:
    async with (
        FaultServer.run(tls=True) as server,
        client_through(address(proxy), server) as client,
        server.outage(fault.refused()),
    ):
        error = (await client.get(f"{server.base_url}/v1", retry=False)).unwrap_err()
    assert isinstance(error, HTTPConnectionError)
    assert (error.failure, error.request_sent, error.retryable) == ("proxy", "no", True)


async def test_a_certificate_behind_a_tunnel_is_still_verified(proxy: Program) -> None:
    async with (
        FaultServer.run(tls="wrong_host") as server,
        client_through(address(proxy), server) as client,
    ):
        error = (await client.get(f"{server.base_url}/v1")).unwrap_err()
    assert isinstance(error, HTTPConnectionError)
    assert (error.failure, error.request_sent, error.attempts) == ("tls", "no", 1)


async def test_what_is_cut_short_behind_a_proxy_is_not_taken_for_whole(
    proxy: Program,
) -> None:
    async with (
        FaultServer.run(tls=True) as secure,
        FaultServer.run() as plain,
        client_through(address(proxy), secure) as client,
    ):
        for server in (plain, secure):
            server.on.get("/v1").fail(fault.truncate(100))
            url = f"{server.base_url}/v1"
            error = (await client.get(url, retry=False)).unwrap_err()
            assert isinstance(error, HTTPConnectionError)
            assert (error.failure, error.request_sent) == ("truncated", "yes")


async def test_squid_looks_names_up_so_that_the_client_need_not(squid: Program) -> None:
    async with FaultServer.run() as server:
        server.on.get(f"http://partner.test:{server.port}/v1").respond(text="found")
        async with client_through(address(squid)) as client:
            url = f"http://partner.test:{server.port}/v1"
            assert (await client.get(url)).unwrap().text == "found"


async def test_the_environment_chooses_the_proxy_and_no_proxy_the_exceptions(
    proxy: Program, environ: pytest.MonkeyPatch
) -> None:
    environ.setenv("HTTP_PROXY", address(proxy))
    config = HTTPClientConfig(trust_env=True)
    async with FaultServer.run() as one, FaultServer.run() as two:
        environ.setenv("NO_PROXY", f"localhost, 127.0.0.0/8:1, 127.0.0.1:{two.port}")
        async with HTTPClient(config) as client:
            for server in (one, two):
                server.on.get("/v1").respond()
                (await client.get(f"{server.base_url}/v1")).unwrap()
        assert "via" in one.calls.one().request.headers
        assert "via" not in two.calls.one().request.headers


async def test_one_call_may_take_a_proxy_or_none(proxy: Program) -> None:
    async with FaultServer.run() as server:
        server.on.get("/v1").respond()
        async with HTTPClient(HTTPClientConfig(trust_env=False)) as client:
            url = f"{server.base_url}/v1"
            for way in (address(proxy), None):
                (await client.get(url, proxy=way)).unwrap()
        assert ["via" in call.request.headers for call in server.calls] == [True, False]


async def test_https_uses_the_variable_of_its_own(
    proxy: Program, environ: pytest.MonkeyPatch
) -> None:
    environ.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    environ.setenv("HTTPS_PROXY", address(proxy, "u:wrong@"))
    async with FaultServer.run(tls=True) as server:
        config: dict[str, Any] = {
            "trust_env": True,
            "tls": {"ca_data": server.ca_pem.decode()},
        }
        client = HTTPClient(HTTPClientConfig.model_validate(config))
        error = await failure(client, f"{server.base_url}/v1")
    assert not error.retryable
