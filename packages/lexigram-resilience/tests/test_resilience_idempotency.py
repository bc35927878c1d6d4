"""The stores of idempotency keys: of one process, and of many."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import (
    IdempotencyClaim,
    IdempotencyStoreError,
    IdempotencyStoreProtocol,
)
from lexigram.resilience import (
    MemoryIdempotencyStore,
    SharedIdempotencyStore,
    SharedStore,
    StoreConfig,
)


class ManualClock(ClockProtocol):
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture(params=["memory", "shared"])
async def store(
    request: pytest.FixtureRequest, store_server: Any
) -> AsyncIterator[IdempotencyStoreProtocol]:
    if request.param == "memory":
        yield MemoryIdempotencyStore()
        return
    config = StoreConfig(url=store_server.url, prefix=uuid4().hex, timeout=10)
    async with SharedStore(config) as shared:
        yield SharedIdempotencyStore(shared)


async def test_one_of_those_who_claim_a_key_gets_it(
    store: IdempotencyStoreProtocol,
) -> None:
    claims = await asyncio.gather(*(store.claim("a", lease=60.0) for _ in range(10)))
    assert sorted(claim.state for claim in claims) == ["claimed"] + ["taken"] * 9
    assert all(50 < c.retry_after <= 60 for c in claims if c.state == "taken")
    assert (await store.claim("b", lease=60.0)).state == "claimed"


async def test_the_result_is_there_for_all_who_come_later(
    store: IdempotencyStoreProtocol,
) -> None:
    claim = await store.claim("a", lease=60.0)
    assert await store.finish(claim, b"\x00result\xff", keep=60.0)
    again = await store.claim("a", lease=60.0)
    assert (again.state, again.result) == ("finished", b"\x00result\xff")
    # It was finished once: what else its owner says comes too late.
    assert not await store.finish(claim, b"another", keep=60.0)
    assert not await store.release(claim)
    assert (await store.claim("a", lease=60.0)).result == b"\x00result\xff"


async def test_a_key_that_was_given_up_is_claimed_by_the_next(
    store: IdempotencyStoreProtocol,
) -> None:
    assert await store.release(await store.claim("a", lease=60.0))
    assert (await store.claim("a", lease=60.0)).state == "claimed"


async def test_a_claim_that_is_over_is_taken_over_and_its_owner_comes_too_late(
    store: IdempotencyStoreProtocol,
) -> None:
    crashed = await store.claim("a", lease=0.001)
    async with asyncio.timeout(10):
        claim = crashed
        while claim is crashed or claim.state == "taken":
            claim = await store.claim("a", lease=60.0)
            await asyncio.sleep(0)
    assert claim.state == "claimed"
    assert not await store.finish(crashed, b"late", keep=60.0)
    assert not await store.release(crashed)
    assert await store.finish(claim, b"mine", keep=60.0)


async def test_a_result_is_kept_for_its_time(store: IdempotencyStoreProtocol) -> None:
    claim = await store.claim("a", lease=60.0)
    assert await store.finish(claim, b"", keep=0.001)
    async with asyncio.timeout(10):
        state = "finished"
        while state == "finished":
            state = (await store.claim("a", lease=60.0)).state
            await asyncio.sleep(0)
    assert state == "claimed"


async def test_memory_makes_room_by_results_and_never_by_claims() -> None:
    clock = ManualClock()
    store = MemoryIdempotencyStore(max_keys=4, clock=clock)
    for key in ("a", "b"):
        await store.finish(await store.claim(key, lease=9), b"x", keep=9)
    for key in ("c", "d", "e", "f", "g"):
        assert (await store.claim(key, lease=9)).state == "claimed"
    for key in ("c", "d", "e", "f", "g"):
        assert (await store.claim(key, lease=9)).state == "taken"
    assert (await store.claim("a", lease=9)).state == "claimed"
    clock.now += 10.0
    assert (await store.claim("z", lease=9)).state == "claimed"
    assert repr(store) == "<MemoryIdempotencyStore: 1 keys>"


async def test_a_store_that_does_not_answer_says_so(own_server: Any) -> None:
    async with SharedStore(StoreConfig(url=own_server.url, timeout=10)) as shared:
        store = SharedIdempotencyStore(shared)
        claim = await store.claim("a", lease=60.0)
        own_server.kill()
        with pytest.raises(IdempotencyStoreError, match="does not answer"):
            await store.finish(claim, b"", keep=60.0)
        with pytest.raises(IdempotencyStoreError):
            await store.claim("b", lease=60.0)
        with pytest.raises(IdempotencyStoreError):
            await store.release(claim)


class Losing:
    """A way to a server on which the next answer can be lost, with its connection."""

    def __init__(self, port: int) -> None:
        self.lose = False
        self.lost = 0
        self._server_port = port

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        answers, requests = await asyncio.open_connection(
            "127.0.0.1", self._server_port
        )
        try:
            while data := await reader.read(65536):
                requests.write(data)
                answer = await answers.read(65536)
                if self.lose:
                    self.lose, self.lost = False, self.lost + 1
                    return
                writer.write(answer)
        finally:
            writer.close()
            requests.close()


async def test_a_result_whose_answer_was_lost_is_kept_and_told_so(
    store_server: Any,
) -> None:
    way = Losing(store_server.port)
    async with await asyncio.start_server(way.serve, "127.0.0.1", 0) as relay:
        port = relay.sockets[0].getsockname()[1]
        config = StoreConfig(
            url=f"redis://127.0.0.1:{port}", prefix=uuid4().hex, timeout=10
        )
        async with SharedStore(config) as shared:
            store = SharedIdempotencyStore(shared)
            claim = await store.claim("a", lease=60.0)
            way.lose = True
            assert await store.finish(claim, b"result", keep=60.0)
            assert way.lost == 1
            assert (await store.claim("a", lease=60.0)).result == b"result"
            # Which is not to say that it may be finished by anybody again.
            assert not await store.finish(claim, b"other", keep=60.0)


def test_what_a_claim_shows_is_no_result_and_no_token() -> None:
    claim = IdempotencyClaim("a", "finished", token="t0ken", result=b"s3cret")
    assert repr(claim) == "<IdempotencyClaim 'a': finished, 6 bytes>"


@pytest.mark.parametrize("kind", [MemoryIdempotencyStore, SharedIdempotencyStore])
def test_both_have_the_protocol(kind: type) -> None:
    assert issubclass(kind, IdempotencyStoreProtocol)
