"""A call with an idempotency key is sent once, whoever makes it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Literal

import pytest

from lexigram.contracts.resilience import (
    IdempotencyClaim,
    IdempotencyStoreError,
    IdempotencyStoreProtocol,
)
from lexigram.contracts.web import (
    HTTPConnectionError,
    HTTPInvalidRequestError,
    HTTPRejectedError,
    HTTPStatusError,
)
from lexigram.http import HTTPClient
from lexigram.http.interceptors.once import SendOnce
from lexigram.testing import FaultServer, Reply, fault, virtual_time

KEY = {"Idempotency-Key": "order-7"}


class Store(IdempotencyStoreProtocol):
    """One that all workers of a test have together; leases end when the test says so."""

    def __init__(self) -> None:
        self.held: dict[str, tuple[Literal["taken", "finished"], str, bytes]] = {}
        self.is_down = False
        self.claims = 0

    async def claim(self, key: str, *, lease: float) -> IdempotencyClaim:
        self._ask()
        self.claims += 1
        if key in self.held:
            state, _, result = self.held[key]
            return IdempotencyClaim(key, state, result=result, retry_after=lease)
        token = str(self.claims)
        self.held[key] = ("taken", token, b"")
        return IdempotencyClaim(key, "claimed", token=token)

    async def finish(
        self, claim: IdempotencyClaim, result: bytes, *, keep: float
    ) -> bool:
        self._ask()
        if self.held.get(claim.key, ("", "", b""))[1] != claim.token:
            return False
        self.held[claim.key] = ("finished", "", result)
        return True

    async def release(self, claim: IdempotencyClaim) -> bool:
        self._ask()
        return self.held.pop(claim.key, None) is not None

    def _ask(self) -> None:
        if self.is_down:
            raise IdempotencyStoreError("It is down.")


class Workers:
    """Two clients with one store, and the server that they call."""

    def __init__(self, server: FaultServer, store: Store) -> None:
        self.server = server
        self.store = store
        self.url = f"{server.base_url}/orders"

    def client(self, **options: Any) -> HTTPClient:
        return HTTPClient(interceptors=[SendOnce(self.store, **options)])


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    async with virtual_time(), FaultServer.run() as server:
        yield Workers(server, Store())


async def test_the_second_worker_gets_the_answer_to_the_first(workers: Workers) -> None:
    reply = Reply(201, json={"id": 7}, headers={"X-A": "b", "Set-Cookie": "s=1"})
    workers.server.on.post("/orders").respond(reply)
    async with workers.client() as one, workers.client() as other:
        first = (await one.post(workers.url, json={"n": 1}, headers=KEY)).unwrap()
        again = (await other.post(workers.url, json={"n": 1}, headers=KEY)).unwrap()
        assert await again.json() == {"id": 7}
    assert (again.status, again.headers["X-A"]) == (201, "b")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Set-Cookie" not in again.headers
    assert "Idempotent-Replayed" not in first.headers
    assert len(workers.server.calls) == 1


async def test_calls_without_a_key_and_of_other_keys_are_sent(workers: Workers) -> None:
    workers.server.on.post("/orders").respond(200)
    async with workers.client() as client:
        for headers in ({}, {}, KEY, {"Idempotency-Key": "order-8"}):
            await client.post(workers.url, headers=headers)
    assert len(workers.server.calls) == 4
    assert workers.store.claims == 2


async def test_while_one_worker_sends_another_is_refused(workers: Workers) -> None:
    workers.server.on.post("/orders").respond(200, delay=5.0)
    async with workers.client() as one, workers.client() as other:
        sending = asyncio.ensure_future(one.post(workers.url, headers=KEY))
        await asyncio.sleep(1.0)
        with pytest.raises(
            HTTPRejectedError, match="sent by another worker"
        ) as refused:
            await other.post(workers.url, headers=KEY)
        assert refused.value.retry_after == 120.0
        assert (await sending).unwrap().status == 200
    assert len(workers.server.calls) == 1


async def test_who_may_wait_gets_the_answer_when_it_is_there(workers: Workers) -> None:
    workers.server.on.post("/orders").respond(200, delay=5.0)
    async with workers.client(wait=10.0) as one, workers.client(wait=10.0) as other:
        both = await asyncio.gather(
            one.post(workers.url, headers=KEY), other.post(workers.url, headers=KEY)
        )
    assert [result.unwrap().status for result in both] == [200, 200]
    assert len(workers.server.calls) == 1


async def test_after_an_answer_that_decides_nothing_the_next_one_sends(
    workers: Workers,
) -> None:
    workers.server.on.post("/orders").sequence(
        *(Reply(status) for status in (501, 409, 422))
    )
    async with workers.client() as client:
        for expected in (501, 409, 422, 422):
            error = (await client.post(workers.url, headers=KEY)).unwrap_err()
            assert isinstance(error, HTTPStatusError)
            assert error.status == expected
    assert len(workers.server.calls) == 3


async def test_after_a_failure_the_next_one_sends(workers: Workers) -> None:
    workers.server.on.post("/orders").sequence(*[fault.reset()] * 3, Reply(200))
    async with workers.client() as client:
        result = await client.post(workers.url, headers=KEY)
        assert isinstance(result.unwrap_err(), HTTPConnectionError)
        assert (await client.post(workers.url, headers=KEY)).unwrap().status == 200


async def test_a_cancelled_call_keeps_its_key_until_the_lease_is_over(
    workers: Workers,
) -> None:
    workers.server.on.post("/orders").respond(200, delay=50.0)
    async with workers.client() as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await client.post(workers.url, headers=KEY)
        with pytest.raises(HTTPRejectedError):
            await client.post(workers.url, headers=KEY)


async def test_a_key_that_was_used_for_another_request_is_refused(
    workers: Workers,
) -> None:
    workers.server.on.post("/orders").respond(200)
    async with workers.client() as client:
        await client.post(workers.url, json={"n": 1}, headers=KEY)
        error = (
            await client.post(workers.url, json={"n": 2}, headers=KEY)
        ).unwrap_err()
    assert isinstance(error, HTTPInvalidRequestError)
    assert "has the idempotency key of another request" in str(error)
    assert len(workers.server.calls) == 1


async def test_a_long_answer_is_not_kept_and_its_call_not_sent_again(
    workers: Workers,
) -> None:
    workers.server.on.post("/orders").respond(200, text="x" * 100)
    async with workers.client(max_body=99) as client:
        await client.post(workers.url, headers=KEY)
        with pytest.raises(HTTPRejectedError, match="answer not kept"):
            await client.post(workers.url, headers=KEY)
    assert len(workers.server.calls) == 1


async def test_a_streamed_answer_is_not_kept_and_never_given_as_an_empty_one(
    workers: Workers,
) -> None:
    workers.server.on.post("/orders").respond(200, text="hello")
    async with workers.client() as client:
        async with client.stream("POST", workers.url, headers=KEY) as response:
            assert [part async for part in response.bytes()] == [b"hello"]
        with pytest.raises(HTTPRejectedError, match="answer not kept"):
            await client.post(workers.url, headers=KEY)
    assert len(workers.server.calls) == 1


@pytest.mark.parametrize("status", [200, 204])
async def test_an_answer_without_a_body_is_kept(workers: Workers, status: int) -> None:
    workers.server.on.post("/orders").respond(status)
    async with workers.client() as client:
        for _ in range(2):
            result = await client.post(workers.url, headers=KEY)
            assert result.unwrap().status == status
    assert len(workers.server.calls) == 1


async def test_without_its_store_a_call_is_refused_or_sent_as_configured(
    workers: Workers,
) -> None:
    workers.server.on.post("/orders").respond(200)
    workers.store.is_down = True
    async with workers.client() as client:
        with pytest.raises(HTTPRejectedError, match="was not claimed: It is down"):
            await client.post(workers.url, headers=KEY)
    async with workers.client(on_store_error="open") as client:
        assert (await client.post(workers.url, headers=KEY)).unwrap().status == 200


async def test_an_answer_that_cannot_be_kept_is_given_and_said_in_the_log(
    workers: Workers, caplog: pytest.LogCaptureFixture
) -> None:
    async def lose(_: Any) -> Reply:
        workers.store.held.clear()
        return Reply(200)

    workers.server.on.post("/orders").handle(lose)
    async with workers.client() as client:
        assert (await client.post(workers.url, headers=KEY)).unwrap().status == 200
    (record,) = [r for r in caplog.records if r.message == "http.once.not_kept"]
    assert record.__dict__["reason"] == "the lease was over"
