"""The client and the network guard of the test kit."""

import asyncio
from contextlib import suppress

import pytest

from lexigram.http import HTTPClient, HTTPClientConfig
from lexigram.testing import FaultServer, NetworkBlocked, block_network


@pytest.mark.parametrize(
    "url",
    ["https://192.0.2.1/", "http://api.test/", "http://[2001:db8::1]:8080/"],
)
async def test_a_call_that_leaves_the_machine_fails_the_test(url: str) -> None:
    async with (
        asyncio.timeout(10),
        block_network() as guard,
        HTTPClient(HTTPClientConfig()) as client,
    ):
        with pytest.raises(NetworkBlocked):
            await client.get(url)
    assert len(guard.blocked) == 1


async def test_code_that_catches_every_exception_does_not_hide_it() -> None:
    async def careless(client: HTTPClient) -> None:
        with suppress(Exception):
            await client.get("http://api.test/")

    async with asyncio.timeout(10), block_network(), HTTPClient() as client:
        with pytest.raises(NetworkBlocked, match=r"look up 'api\.test'"):
            await careless(client)


async def test_a_call_to_a_server_of_the_test_goes_through() -> None:
    async with (
        asyncio.timeout(10),
        block_network() as guard,
        FaultServer.run() as server,
        HTTPClient() as client,
    ):
        server.on.get("/health").respond(text="well")
        port = server.base_url.rpartition(":")[2]
        result = await client.get(f"http://localhost:{port}/health")
        assert result.unwrap().text == "well"
    assert guard.blocked == ()
