"""Many more calls than the pool has connections: who is served when, and who is not."""

import asyncio
from collections.abc import Sequence

import pytest

from lexigram.contracts.web import (
    HTTPClientError,
    HttpResponse,
    HTTPTimeoutError,
    Timeouts,
)
from lexigram.http import HTTPClient, HTTPClientConfig
from lexigram.result import Result
from lexigram.testing import FaultServer, RecordedRequest, Reply, virtual_time

POOL = 10
CALLS = 1_000
SECONDS = 0.2  # of each answer: the last of all comes after 20


def client_of_ten() -> HTTPClient:
    pool = {
        "max_connections": POOL,
        "max_connections_per_host": POOL,
        "max_keepalive_connections": POOL,
    }
    return HTTPClient(HTTPClientConfig.model_validate({"pool": pool}))


async def at_once(
    limit: float | Timeouts | None,
) -> tuple[float, Sequence[Result[HttpResponse, HTTPClientError]]]:
    """Make all calls in one moment; return when the last has ended, and all results."""
    async with virtual_time() as clock, FaultServer.run() as server:
        server.on.get("/slow").respond(delay=SECONDS)
        url = f"{server.base_url}/slow"
        options = {} if limit is None else {"timeout": limit}
        async with client_of_ten() as client:
            calls = [client.get(url, retry=False, **options) for _ in range(CALLS)]
            results = await asyncio.gather(*calls)
            statistics = client.statistics()
            assert (statistics.in_use, statistics.waiting) == (0, 0)
        return clock.elapsed, results


async def test_calls_that_wait_are_served_in_the_order_they_came() -> None:
    served: list[int] = []
    opened = asyncio.Event()

    async def held(_: RecordedRequest) -> Reply:
        await opened.wait()
        return Reply(200)

    async with FaultServer.run() as server, client_of_ten() as client:
        server.on.get("/first").handle(held)
        route = server.on.get("/n/{number}").respond(json={})
        first = [
            asyncio.create_task(client.get(f"{server.base_url}/first"))
            for _ in range(POOL)
        ]
        await server.calls.wait_for(POOL)
        waiting = [
            asyncio.create_task(client.get(f"{server.base_url}/n/{number}"))
            for number in range(CALLS)
        ]
        await asyncio.sleep(0)
        assert client.statistics().waiting == CALLS
        opened.set()
        results = await asyncio.gather(*first, *waiting)
        served += [int(call.request.path[3:]) for call in route.calls]
    assert all(result.is_ok() for result in results)
    assert sorted(served) == list(range(CALLS))
    # Those that are on the wire at the same moment may arrive in any order.
    assert all(abs(place - number) < POOL for place, number in enumerate(served))


async def test_no_call_times_out_that_gets_its_turn_in_time() -> None:
    elapsed, results = await at_once(None)
    assert all(result.is_ok() for result in results)
    assert elapsed == pytest.approx(CALLS / POOL * SECONDS)


async def test_the_time_of_a_whole_call_holds_for_those_that_wait() -> None:
    elapsed, results = await at_once(10.1)
    # 50 answers on each connection, one after the other.
    assert [result.is_ok() for result in results] == [True] * 500 + [False] * 500
    assert elapsed == pytest.approx(10.1)
    errors = [result.unwrap_err() for result in results[500:]]
    assert all(isinstance(error, HTTPTimeoutError) for error in errors)


async def test_the_time_for_the_wait_spares_those_that_got_their_turn() -> None:
    elapsed, results = await at_once(Timeouts(pool=10.1))
    # 51 of each connection had their turn by then, the last of them after 10 s.
    assert [result.is_ok() for result in results] == [True] * 510 + [False] * 490
    assert elapsed == pytest.approx(10.2)
    errors = [result.unwrap_err() for result in results[510:]]
    assert {getattr(error, "phase", None) for error in errors} == {"pool"}
