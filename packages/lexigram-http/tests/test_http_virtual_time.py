"""The client in virtual time, over real sockets."""

import asyncio
from collections.abc import Sequence

import pytest

from lexigram.contracts.web import HTTPTimeoutError
from lexigram.http import HTTPClient
from lexigram.testing import FaultServer, Reply, fault, virtual_time


@pytest.mark.parametrize("after_bytes", [0, 5], ids=["before", "within"])
async def test_a_timeout_ends_a_hanging_call_at_its_moment(after_bytes: int) -> None:
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        HTTPClient() as client,
    ):
        server.on.get("/v1").fail(fault.hang(after_bytes))
        url = f"{server.base_url}/v1"
        error = (await client.get(url, timeout=30, retry=False)).unwrap_err()
        assert isinstance(error, HTTPTimeoutError)
        assert (clock.elapsed, clock.sleeps) == (30, [])


async def test_a_timeout_of_a_fraction_is_not_rounded() -> None:
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        HTTPClient() as client,
    ):
        server.on.get("/v1").respond(delay=60)
        await asyncio.sleep(0.25)
        result = await client.get(f"{server.base_url}/v1", timeout=7.3, retry=False)
        assert isinstance(result.unwrap_err(), HTTPTimeoutError)
        assert clock.elapsed == 7.55


async def test_a_slow_answer_within_the_timeout_is_an_answer() -> None:
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        HTTPClient() as client,
    ):
        server.on.get("/v1").respond(json={}, delay=29.9)
        assert (await client.get(f"{server.base_url}/v1", timeout=30)).is_ok()
        assert clock.elapsed == 29.9


async def test_the_back_off_is_seen_and_spared() -> None:
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        HTTPClient() as client,
    ):
        server.on.get("/v1").sequence(
            Reply(503, headers={"Retry-After": "10"}),
            Reply(503, headers={"Retry-After": "20"}),
            Reply(200),
        )
        response = await client.request("GET", f"{server.base_url}/v1", timeout=60)
        assert (response.status, response.attempts) == (200, 3)
        assert clock.sleeps == [10, 20]
        assert clock.elapsed == 30


async def test_each_attempt_can_be_looked_at_before_the_next_one() -> None:
    async with (
        virtual_time(autojump=False) as clock,
        FaultServer.run() as server,
        HTTPClient() as client,
    ):
        server.on.get("/v1").respond(503, headers={"Retry-After": "10"})
        url = f"{server.base_url}/v1"
        call = asyncio.create_task(client.request("GET", url, timeout=60))
        seen: list[tuple[float, int]] = []
        for by in (0, 9.999, 0.001, 10):
            await clock.advance(by)
            seen.append((clock.elapsed, len(server.calls)))
        assert seen == [(0, 1), (9.999, 1), (10, 2), (20, 3)]
        assert (await call).attempts == 3


async def test_looking_up_a_name_takes_no_virtual_time() -> None:
    """In a thread, so that only its end is known, not how long it takes."""
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        HTTPClient() as client,
    ):
        server.on.get("/v1").respond(json={})
        timer = asyncio.get_running_loop().call_later(0.001, int)
        url = f"http://localhost:{server.port}/v1"
        assert (await client.get(url, timeout=0.01, retry=False)).is_ok()
        assert clock.elapsed == 0
        timer.cancel()


async def test_a_burst_over_real_sockets_ends_in_the_order_of_its_delays() -> None:
    delays = [3.0, 1.0, 2.5, 0.5, 2.0, 1.5]
    ended: list[tuple[float, float]] = []

    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        HTTPClient() as client,
    ):

        async def call(delay: float) -> None:
            assert (await client.get(f"{server.base_url}/{delay}")).is_ok()
            ended.append((delay, clock.elapsed))

        async def all_of(delays: Sequence[float]) -> None:
            async with asyncio.TaskGroup() as group:
                for delay in delays:
                    group.create_task(call(delay))

        for delay in delays:
            server.on.get(f"/{delay}").respond(delay=delay)
        await all_of(delays)
    assert ended == [(delay, delay) for delay in sorted(delays)]
