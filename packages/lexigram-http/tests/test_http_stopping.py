"""A client that shares its pool is stopped while calls of it are on their way."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from lexigram.http import ConnectionPool, HTTPClient
from lexigram.testing import FaultServer


@pytest.fixture(params=["tried", "untried"])
def release(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A release of aiohttp: one that the direct way was tried with, or another."""
    name: str = request.param
    if name == "untried":
        monkeypatch.setattr(aiohttp, "__version__", "3.999.0")
    return name


async def pieces() -> AsyncIterator[bytes]:
    yield b"one piece"


@pytest.mark.parametrize("uploads", [False, True])
async def test_a_call_whose_connection_is_being_opened_is_finished(
    monkeypatch: pytest.MonkeyPatch, release: str, *, uploads: bool
) -> None:
    looked_up, answer = asyncio.Event(), asyncio.Event()

    async def resolve(_host: Any, port: Any, **_options: Any) -> Any:
        looked_up.set()
        await answer.wait()
        address = ("127.0.0.1", port)
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    async with FaultServer.run() as server, ConnectionPool() as pool:
        server.on.put("/").respond(204)
        client = HTTPClient(pool=pool)
        await client.start()
        url = f"http://upstream.test:{server.port}/"
        content = pieces() if uploads else b"one piece"
        call = asyncio.create_task(client.put(url, content=content))
        await looked_up.wait()
        await client.stop()
        answer.set()

        assert (await call).unwrap().status == 204
        assert server.calls.one().request.body == b"one piece"
        assert pool.statistics().in_use == 0
