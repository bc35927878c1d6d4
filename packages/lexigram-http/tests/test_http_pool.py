"""Each documented limit of the pool holds on real sockets."""

import asyncio
import socket
from random import Random
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from lexigram.http import ConnectionPoolConfig, HTTPClient, HTTPClientConfig
from lexigram.http.pool import _switch_off_hidden_retry
from lexigram.testing import FaultServer, RecordedRequest, Reply, fault


class Gate:
    """A handler that holds every request until it is opened."""

    def __init__(self) -> None:
        self._open = asyncio.Event()

    async def __call__(self, _: RecordedRequest) -> Reply:
        await self._open.wait()
        return Reply(200)

    def open(self) -> None:
        self._open.set()


def client_with(**limits: Any) -> HTTPClient:
    return HTTPClient(HTTPClientConfig(pool=ConnectionPoolConfig(**limits)))


async def gather_gets(client: HTTPClient, urls: list[str]) -> None:
    async with asyncio.timeout(10):
        for result in await asyncio.gather(*map(client.get, urls)):
            assert result.is_ok()


async def test_connections_to_one_host_stay_within_its_limit() -> None:
    gate = Gate()
    async with (
        FaultServer.run() as server,
        client_with(max_connections_per_host=3) as client,
    ):
        server.on.get("/v1").handle(gate)
        calls = asyncio.create_task(gather_gets(client, [f"{server.base_url}/v1"] * 9))
        await server.calls.wait_for(3)
        assert server.open_connections == 3
        gate.open()
        await calls
        assert len(server.calls) == 9
        assert server.peak_connections == 3


async def test_connections_in_total_stay_within_the_limit() -> None:
    gate = Gate()
    async with (
        FaultServer.run() as one,
        FaultServer.run() as two,
        client_with(max_connections=3) as client,
    ):
        for server in (one, two):
            server.on.get("/v1").handle(gate)
        urls = [f"{server.base_url}/v1" for server in (one, two)] * 4
        calls = asyncio.create_task(gather_gets(client, urls))
        await one.calls.wait_for(1)
        await two.calls.wait_for(1)
        assert one.open_connections + two.open_connections <= 3
        gate.open()
        await calls
        assert one.peak_connections + two.peak_connections <= 2 * 3
        assert len(one.calls) + len(two.calls) == 8


async def test_idle_connections_count_against_the_total() -> None:
    async with (
        FaultServer.run() as one,
        FaultServer.run() as two,
        client_with(max_connections=2) as client,
    ):
        gate = Gate()
        one.on.get("/v1").handle(gate)
        two.on.get("/v1").respond(200)
        calls = asyncio.create_task(gather_gets(client, [f"{one.base_url}/v1"] * 2))
        await one.calls.wait_for(2)
        gate.open()
        await calls
        assert one.open_connections == 2
        assert await client.get(f"{two.base_url}/v1")
        await one.wait_until(lambda server: server.open_connections == 1, timeout=5)
        assert two.open_connections == 1


async def test_at_most_the_configured_number_stays_idle_per_host() -> None:
    gate = Gate()
    async with (
        FaultServer.run() as server,
        client_with(max_keepalive_connections=2, max_connections_per_host=5) as client,
    ):
        server.on.get("/v1").handle(gate)
        calls = asyncio.create_task(gather_gets(client, [f"{server.base_url}/v1"] * 5))
        await server.calls.wait_for(5)
        assert server.open_connections == 5
        gate.open()
        await calls
        await server.wait_until(lambda s: s.open_connections == 2, timeout=5)


async def test_an_idle_connection_is_used_again() -> None:
    async with FaultServer.run() as server, client_with() as client:
        server.on.get("/v1").respond(200, json={"a": 1})
        for _ in range(3):
            await client.get(f"{server.base_url}/v1")
        assert len(server.connections) == 1


async def test_force_close_opens_one_connection_per_request() -> None:
    async with FaultServer.run() as server, client_with(force_close=True) as client:
        server.on.get("/v1").respond(200)
        for _ in range(3):
            await client.get(f"{server.base_url}/v1")
        assert len(server.connections) == 3


async def test_an_error_answer_gives_its_connection_back() -> None:
    async with FaultServer.run() as server, client_with() as client:
        server.on.get("/v1").respond(503, body=b"x" * 100_000)
        assert (await client.get(f"{server.base_url}/v1")).unwrap_err().attempts == 3
        assert len(server.connections) == 1


@pytest.mark.parametrize(("ttl", "look_ups"), [(300, 1), (0, 3)])
async def test_a_name_is_looked_up_once_per_time_to_live(
    monkeypatch: pytest.MonkeyPatch, ttl: float, look_ups: int
) -> None:
    asked: list[str] = []

    async def resolve(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    async with (
        FaultServer.run() as server,
        client_with(ttl_dns_cache=ttl, force_close=True) as client,
    ):
        server.on.get("/v1").respond(200)
        for _ in range(3):
            assert await client.get(f"http://partner.test:{server.port}/v1")
    assert asked == ["partner.test"] * look_ups


async def test_a_cancelled_call_closes_its_connection() -> None:
    async with FaultServer.run() as server, client_with() as client:
        server.on.get("/v1").handle(Gate())
        call = asyncio.create_task(client.get(f"{server.base_url}/v1"))
        await server.calls.wait_for(1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await server.wait_until(lambda s: s.open_connections == 0, timeout=5)


async def test_a_call_cancelled_while_it_waits_gives_its_place_away() -> None:
    gate = Gate()
    async with FaultServer.run() as server, client_with(max_connections=1) as client:
        server.on.get("/v1").handle(gate)
        first = asyncio.create_task(client.get(f"{server.base_url}/v1"))
        await server.calls.wait_for(1)
        waiting = asyncio.create_task(client.get(f"{server.base_url}/v1"))
        last = asyncio.create_task(client.get(f"{server.base_url}/v1"))
        await asyncio.sleep(0)
        waiting.cancel()
        gate.open()
        async with asyncio.timeout(5):
            assert await first
            assert await last
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert len(server.calls) == 2


@pytest.mark.parametrize("seed", range(5))
async def test_calls_cancelled_anywhere_leak_no_connection(seed: int) -> None:
    random = Random(seed)
    async with FaultServer.run() as server, client_with(max_connections=3) as client:
        server.on.get("/v1").handle(lambda _: Reply(200, body=b"x" * 50_000))
        url = f"{server.base_url}/v1"
        calls = [asyncio.create_task(client.get(url)) for _ in range(40)]
        while pending := [call for call in calls if not call.done()]:
            # A few turns of the loop later, wherever the call has come by then.
            for _ in range(random.randrange(6)):
                await asyncio.sleep(0)
            random.choice(pending).cancel()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert any(isinstance(o, asyncio.CancelledError) for o in outcomes)
        # Every place in the pool is free again: as many as fit go at once.
        gate = Gate()
        server.on.get("/after").handle(gate)
        last = asyncio.create_task(
            gather_gets(client, [f"{server.base_url}/after"] * 3)
        )
        await server.calls.to("GET", "/after").wait_for(3)
        gate.open()
        await last
        await server.wait_until(lambda s: s.open_connections <= 3, timeout=5)


async def test_stopping_leaves_no_connection_open() -> None:
    async with FaultServer.run() as server:
        server.on.get("/v1").respond(200)
        async with client_with() as client:
            await client.get(f"{server.base_url}/v1")
            assert server.open_connections == 1
        await server.wait_until(lambda s: s.open_connections == 0, timeout=5)


async def test_aiohttp_sends_nothing_a_second_time_by_itself() -> None:
    async with FaultServer.run() as server, client_with() as client:
        server.on.put("/v1").sequence(Reply(200), fault.close())
        url = f"{server.base_url}/v1"
        assert await client.put(url, retry=False)
        assert (await client.put(url, retry=False)).is_err()
        assert len(server.calls) == 2


def test_a_release_without_the_switch_is_refused() -> None:
    with pytest.raises(RuntimeError, match="has no `_retry_connection` switch"):
        _switch_off_hidden_retry(SimpleNamespace())  # type: ignore[arg-type]  # no session


def test_aiohttp_still_has_the_switch_for_its_hidden_retry() -> None:
    assert "_retry_connection" in aiohttp.ClientSession.ATTRS
