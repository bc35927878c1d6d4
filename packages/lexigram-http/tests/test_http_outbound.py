"""A client that may call loopback addresses alone."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.web import HTTPBlockedError
from lexigram.http import HTTPClient, HTTPClientConfig
from lexigram.http.egress import permits
from lexigram.http.pool.pool import ConnectionPool
from lexigram.testing import FaultServer

LOOPBACK = HTTPClientConfig(outbound="loopback")
ELSEWHERE = "203.0.113.7"  # RFC 5737: nobody's


@asynccontextmanager
async def nothing_leaves(
    monkeypatch: pytest.MonkeyPatch, **names: str
) -> AsyncGenerator[list[object], None]:
    """Look names up here, and keep the addresses that are connected to."""
    loop = asyncio.get_running_loop()
    connected: list[object] = []
    connect = loop.sock_connect

    async def look_up(host: str, port: int, **_: Any) -> list[Any]:
        if host not in names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                socket.IPPROTO_TCP,
                "",
                (address, port, 0, 0) if ":" in address else (address, port),
            )
            for address in names[host].split()
        ]

    async def note(sock: socket.socket, address: Any) -> None:
        connected.append(address[0])
        if not ip_address(address[0]).is_loopback:
            raise ConnectionRefusedError("A test calls nobody elsewhere.")
        await connect(sock, address)

    monkeypatch.setattr(loop, "getaddrinfo", look_up)
    monkeypatch.setattr(loop, "sock_connect", note)
    yield connected


@pytest.mark.parametrize(
    "host", [ELSEWHERE, "10.0.0.1", "169.254.169.254", "[2001:db8::1]", "0.0.0.0"]
)
async def test_an_address_elsewhere_is_refused_before_a_connection(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    async with (
        nothing_leaves(monkeypatch) as connected,
        HTTPClient(LOOPBACK) as client,
    ):
        result = await client.get(f"http://{host}/v1?token=s3cret")
    error = result.unwrap_err()
    assert isinstance(error, HTTPBlockedError)
    assert host.strip("[]") in str(error)
    assert "`outbound: any`" in str(error)
    assert "s3cret" not in str(error)
    assert (error.attempts, error.request_sent, error.retryable) == (1, "no", False)
    assert connected == []


async def test_a_name_is_refused_by_what_it_resolves_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with (
        nothing_leaves(monkeypatch, **{"api.test": ELSEWHERE}) as connected,
        HTTPClient(LOOPBACK) as client,
    ):
        with pytest.raises(HTTPBlockedError, match=rf"'api\.test' is {ELSEWHERE}"):
            await client.request("GET", "https://api.test/v1")
    assert connected == []


async def test_a_name_of_several_addresses_is_refused_by_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    addresses = f"2001:db8::1 {ELSEWHERE} 2001:db8::2"
    async with (
        nothing_leaves(monkeypatch, **{"api.test": addresses}) as connected,
        HTTPClient(LOOPBACK) as client,
    ):
        error = (await client.get("https://api.test/v1")).unwrap_err()
    assert isinstance(error, HTTPBlockedError)
    assert any(f"'api.test' is {one}" in str(error) for one in addresses.split())
    assert connected == []


async def test_a_name_that_cannot_be_resolved_is_refused_and_not_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with nothing_leaves(monkeypatch), HTTPClient(LOOPBACK) as client:
        result = await client.get("https://api.test/v1")
    error = result.unwrap_err()
    assert isinstance(error, HTTPBlockedError)
    assert "'api.test' cannot be resolved" in str(error)
    assert error.attempts == 1


async def test_a_name_that_resolves_to_loopback_is_called() -> None:
    async with FaultServer.run() as server, HTTPClient(LOOPBACK) as client:
        server.on.get("/v1").respond(text="well")
        port = server.base_url.rpartition(":")[2]
        for host in ("localhost", "127.0.0.1", "[::ffff:127.0.0.1]"):
            response = (await client.get(f"http://{host}:{port}/v1")).unwrap()
            assert response.text == "well"


async def test_a_redirect_elsewhere_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        FaultServer.run() as server,
        nothing_leaves(monkeypatch, **{"api.test": ELSEWHERE}) as connected,
        HTTPClient(LOOPBACK) as client,
    ):
        for path, target in (("/ip", ELSEWHERE), ("/name", "api.test")):
            server.on.get(path).respond(302, headers={"Location": f"http://{target}/"})
            result = await client.get(f"{server.base_url}{path}")
            error = result.unwrap_err()
            assert isinstance(error, HTTPBlockedError)
            assert ELSEWHERE in str(error)
    assert set(connected) == {"127.0.0.1"}


async def test_proxies_of_the_environment_are_no_way_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with FaultServer.run() as proxy, HTTPClient(LOOPBACK) as before:
        monkeypatch.setenv("HTTP_PROXY", proxy.base_url)
        monkeypatch.delenv("http_proxy", raising=False)
        async with HTTPClient(LOOPBACK) as client:
            for one in (before, client):
                result = await one.get(f"http://{ELSEWHERE}/")
                assert isinstance(result.unwrap_err(), HTTPBlockedError)
        assert len(proxy.calls) == 0


def test_a_proxy_beside_it_is_refused() -> None:
    with pytest.raises(ValueError, match="Leave one of them out"):
        HTTPClientConfig.model_validate(
            {"outbound": "loopback", "proxy": "http://127.0.0.1:3128"}
        )


def test_a_client_does_not_take_a_pool_that_leads_elsewhere() -> None:
    pool = ConnectionPool()
    with pytest.raises(ValueError, match="outbound"):
        HTTPClient(LOOPBACK, pool=pool)
    HTTPClient(LOOPBACK, pool=ConnectionPool(outbound="loopback"))


def test_what_only_looks_like_loopback_is_not() -> None:
    for address in (
        "0.0.0.0",
        "::",
        "::ffff:203.0.113.7",
        "64:ff9b::7f00:1",  # through a NAT64 gateway
        "2002:7f00:1::",  # 6to4
        "::127.0.0.1",  # deprecated, RFC 4291 §2.5.5.1
        "127.1",
        "localhost",
        "",
    ):
        assert not permits("loopback", address), address
    for address in ("127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"):
        assert permits("loopback", address), address


@given(st.ip_addresses())
def test_loopback_is_a_block_of_ipv4_its_mapped_form_and_one_of_ipv6(
    address: IPv4Address | IPv6Address,
) -> None:
    value = int(address)
    if isinstance(address, IPv4Address):
        expected = value >> 24 == 127
    else:
        expected = value == 1 or value >> 24 == (0xFFFF << 8) + 127
    assert permits("loopback", str(address)) is expected
    assert permits("any", str(address))


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_what_it_maps_to(address: IPv4Address) -> None:
    mapped = IPv6Address(f"::ffff:{address}")
    assert ip_address(str(mapped)) == mapped
    assert permits("loopback", str(mapped)) is permits("loopback", str(address))
