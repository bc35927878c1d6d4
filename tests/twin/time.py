"""Timeouts and cancellation, to the moment."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from lexigram.contracts.resilience import Call
from lexigram.contracts.web import HTTPClientProtocol, Timeouts
from lexigram.http import ConnectionPoolConfig
from lexigram.testing import Fault, RecordedRequest, Reply, fault
from lexigram.testing.conformance import Backend, Scenario

T = TypeVar("T")


class Again:
    """Repeats what is worth it, at once, for ever."""

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        assert call is not None
        while True:
            try:
                return await operation()
            except Exception as error:  # judged
                if not call.judge(None, error).retryable:
                    raise


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


def limited(
    name: str, limits: Timeouts, reply: Reply | Fault, **wiring: Any
) -> Scenario:
    """Two calls at once with limits of their own."""

    async def run(client: HTTPClientProtocol, backend: Backend) -> None:
        outcome = backend.on.get("/x")
        if isinstance(reply, Fault):
            outcome.fail(reply)
        else:
            outcome.respond(reply)
        url = f"{backend.base_url}/x"
        async with asyncio.TaskGroup() as group:
            group.create_task(client.get(url, timeout=limits))
            group.create_task(client.get(url, timeout=limits))

    return Scenario(name=name, run=run, wiring=lambda: dict(wiring))


async def limits_of_the_client(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/x").respond(delay=3)
    url = f"{backend.base_url}/x"
    await client.get(url)
    await client.get(url, timeout=1)
    await client.get(url, timeout=Timeouts(read=None))
    await client.get(url, timeout=Timeouts(read=None, attempt=None))


async def an_attempt_that_is_repeated(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    backend.on.get("/x").sequence(fault.hang(), Reply(delay=9), Reply(text="well"))
    await client.get(f"{backend.base_url}/x", timeout=Timeouts(attempt=2, total=30))


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
    limited("silence before a response", Timeouts(read=2), Reply(delay=3)),
    limited("silence that is borne", Timeouts(read=4), Reply(delay=3)),
    limited(
        "silence within a body",
        Timeouts(read=1),
        Reply(chunks=[b"a", b"b", b"c"], pause=1.5),
    ),
    limited(
        "a body in pieces",
        Timeouts(read=2),
        Reply(chunks=[b"a", b"b", b"c"], pause=1.5),
    ),
    limited("a server that hangs", Timeouts(attempt=2, read=5), fault.hang()),
    limited("the shorter of two limits", Timeouts(total=1, attempt=2), fault.hang()),
    limited(
        "a wait for a connection",
        Timeouts(pool=2, total=60),
        Reply(delay=3),
        pool=ConnectionPoolConfig(max_connections=1),
    ),
    Scenario(
        run=limits_of_the_client,
        wiring=lambda: {"timeout": Timeouts(total=9, read=2, attempt=2.5)},
    ),
    Scenario(
        run=an_attempt_that_is_repeated,
        wiring=lambda: {"retry_policy": Again()},
    ),
]
