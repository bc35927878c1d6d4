"""Timeouts and cancellation, to the moment."""

import asyncio

from lexigram.contracts.web import HTTPClientProtocol
from lexigram.testing import RecordedRequest, Reply, fault
from lexigram.testing.conformance import Backend, Scenario


async def an_answer_in_time(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/x").respond(delay=2.5)
    await client.get(f"{backend.base_url}/x", timeout=3)


async def an_answer_too_late(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/x").respond(delay=60)
    await client.get(f"{backend.base_url}/x", timeout=30)


async def an_answer_later_than_the_default(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    backend.on.get("/x").respond(delay=60)
    await client.get(f"{backend.base_url}/x")


async def no_timeout(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/x").respond(delay=7200)
    await client.get(f"{backend.base_url}/x", timeout=None)


async def a_body_in_time(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/x").respond(Reply(chunks=[b"a", b"b", b"c"], pause=1.5))
    await client.get(f"{backend.base_url}/x", timeout=4)


async def a_body_too_late(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/x").respond(Reply(chunks=[b"a", b"b", b"c"], pause=1.5))
    await client.get(f"{backend.base_url}/x", timeout=2)


async def a_redirect_too_late(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/x").respond(302, headers={"Location": "/y"}, delay=2)
    backend.on.get("/y").respond(delay=2)
    await client.get(f"{backend.base_url}/x", timeout=3)


async def a_handler_in_time(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.post("/x").handle(_slowly)
    await client.post(f"{backend.base_url}/x", json={"a": 1}, timeout=2)


async def a_handler_too_late(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.post("/x").handle(_slowly)
    await client.post(f"{backend.base_url}/x", json={"a": 1}, timeout=0.5)


async def a_cancelled_call(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/x").fail(fault.hang())
    call = asyncio.create_task(client.request("GET", f"{backend.base_url}/x"))
    await backend.calls.wait_for(1)
    await asyncio.sleep(1)
    call.cancel()
    await asyncio.wait({call})


async def a_timeout_of_the_callers(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    backend.on.get("/x").fail(fault.hang())
    try:
        async with asyncio.timeout(1.5):
            await client.get(f"{backend.base_url}/x", timeout=10)
    except TimeoutError:
        await client.get(f"{backend.base_url}/x", timeout=1)


async def calls_at_once(client: HTTPClientProtocol, backend: Backend) -> None:
    for number in range(5):
        backend.on.get(f"/{number}").respond(json=number, delay=number / 2)
    async with asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(client.request("GET", f"{backend.base_url}/{number}"))
            await backend.calls.wait_for(number + 1)


async def _slowly(request: RecordedRequest) -> Reply:
    await asyncio.sleep(1)
    return Reply(201, json=request.json)


SCENARIOS = [
    Scenario(run=an_answer_in_time),
    Scenario(run=an_answer_too_late),
    Scenario(run=an_answer_later_than_the_default),
    Scenario(
        run=an_answer_later_than_the_default,
        name="an answer later than the client's timeout",
        wiring=lambda: {"timeout": 12.5},
    ),
    Scenario(run=no_timeout),
    Scenario(run=a_body_in_time),
    Scenario(run=a_body_too_late),
    Scenario(run=a_redirect_too_late),
    Scenario(run=a_handler_in_time),
    Scenario(run=a_handler_too_late),
    Scenario(run=a_cancelled_call),
    Scenario(run=a_timeout_of_the_callers),
    Scenario(run=calls_at_once),
]
