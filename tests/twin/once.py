"""Calls with an idempotency key, sent once by whichever worker."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from random import Random
from typing import Any

from lexigram.contracts.resilience import IdempotencyClaim, IdempotencyStoreError
from lexigram.contracts.web import (
    HTTPClientError,
    HTTPClientProtocol,
    StreamingHTTPClientProtocol,
)
from lexigram.http.interceptors.once import SendOnce
from lexigram.resilience import MemoryIdempotencyStore, RetryConfig, RetryPolicy
from lexigram.testing import Reply, fault
from lexigram.testing.conformance import Backend, Scenario

KEY = {"Idempotency-Key": "order-7"}
# A cookie for elsewhere: the fake keeps none, which another table shows.
HEADERS = {"X-A": "b", "Set-Cookie": "s=1; Path=/elsewhere"}
MADE = Reply(201, json={"id": 7}, headers=HEADERS)
LATE = Reply(201, json={"id": 7}, headers=HEADERS, delay=3)


class NoStore(MemoryIdempotencyStore):
    """Does not answer."""

    async def claim(self, key: str, *, lease: float) -> IdempotencyClaim:
        raise IdempotencyStoreError("It is down.")


def once(**options: Any) -> Mapping[str, Any]:
    store = options.pop("store", MemoryIdempotencyStore)()
    return {"interceptors": (SendOnce(store, **options),)}


def retrying() -> Mapping[str, Any]:
    policy = RetryPolicy(RetryConfig(max_attempts=3), random=Random(7))
    return {**once(), "retry_policy": policy}


async def post(client: HTTPClientProtocol, backend: Backend, **options: Any) -> None:
    """Make the call, and go on however it ends."""
    body = {} if "content" in options else {"json": {"n": 1}}
    with suppress(HTTPClientError):
        await client.post(
            f"{backend.base_url}/orders", **{"headers": KEY, **body, **options}
        )


async def twice(client: HTTPClientProtocol, backend: Backend) -> None:
    for _ in range(2):
        await post(client, backend)


async def a_kept_answer(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.post("/orders").respond(MADE)
    await twice(client, backend)
    await post(client, backend, headers={"Idempotency-Key": "order-8"})
    await post(client, backend, headers={})


async def an_answer_without_a_body(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    backend.on.post("/orders").respond(204)
    await twice(client, backend)


async def an_answer_elsewhere(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.post("/orders").respond(307, headers={"Location": "/new"})
    backend.on.post("/new").respond(MADE)
    await twice(client, backend)


async def an_answer_that_is_streamed(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    assert isinstance(client, StreamingHTTPClientProtocol)
    backend.on.post("/orders").respond(200, text="one\ntwo")
    url = f"{backend.base_url}/orders"
    for _ in range(2):
        async with client.stream("POST", url, headers=KEY) as stream:
            async for _ in stream.bytes():
                pass


async def a_recovery(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.post("/orders").sequence(Reply(503), fault.reset(), MADE)
    for _ in range(4):
        await post(client, backend)


async def an_answer_that_decides_nothing(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    backend.on.post("/orders").sequence(Reply(409), Reply(429), Reply(422))
    for _ in range(4):
        await post(client, backend)


async def a_key_of_another_request(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    backend.on.post("/orders").respond(MADE)
    await post(client, backend)
    await post(client, backend, json={"n": 2})
    await post(client, backend)


async def a_body_that_cannot_be_sent_again(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    backend.on.post("/orders").sequence(fault.reset(), MADE)
    for _ in range(3):
        await post(client, backend, content=pieces())


async def two_workers(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.post("/orders").respond(LATE)
    await side_by_side(client, backend)


async def two_workers_and_a_failure(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    backend.on.post("/orders").sequence(Reply(503, delay=3), MADE)
    await side_by_side(client, backend)


async def a_worker_that_is_stopped(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    backend.on.post("/orders").sequence(Reply(201, delay=30), MADE)
    stopped = asyncio.ensure_future(post(client, backend))
    await asyncio.sleep(2)
    stopped.cancel()
    await asyncio.wait({stopped})
    # Of a lease of 16 seconds; sums of powers of two are exact.
    for _ in range(2):
        await post(client, backend)
        await asyncio.sleep(16)


async def side_by_side(client: HTTPClientProtocol, backend: Backend) -> None:
    """Have the second one begin while the first one waits for its answer."""
    first = asyncio.ensure_future(post(client, backend))
    await asyncio.sleep(1)
    await post(client, backend)
    await first


SCENARIOS = [
    *(
        Scenario(run=run, wiring=once)
        for run in (
            a_kept_answer,
            an_answer_without_a_body,
            an_answer_elsewhere,
            an_answer_that_is_streamed,
            a_recovery,
            an_answer_that_decides_nothing,
            a_key_of_another_request,
            a_body_that_cannot_be_sent_again,
        )
    ),
    Scenario(run=two_workers, wiring=once, name="a second worker is refused"),
    Scenario(
        run=two_workers,
        wiring=lambda: once(wait=10.0),
        name="a second worker gets the answer",
    ),
    Scenario(
        run=two_workers_and_a_failure,
        wiring=lambda: once(wait=10.0),
        name="a second worker sends after a failure",
    ),
    Scenario(run=a_worker_that_is_stopped, wiring=lambda: once(lease=16.0)),
    Scenario(run=a_recovery, wiring=retrying, name="a key for all attempts"),
    Scenario(
        run=a_body_that_cannot_be_sent_again,
        wiring=retrying,
        name="a body that cannot be sent again, and attempts",
    ),
    Scenario(
        run=a_kept_answer,
        wiring=lambda: once(max_body=4),
        name="an answer that is too long to keep",
    ),
    *(
        Scenario(
            run=a_kept_answer,
            wiring=lambda answer=answer: once(store=NoStore, on_store_error=answer),
            name=f"no store, {answer}",
        )
        for answer in ("closed", "open")
    ),
    Scenario(
        run=a_kept_answer,
        wiring=lambda: {**once(), "infrastructure_errors": "return"},
        name="a kept answer, with errors returned",
    ),
]
