"""Ending what processes share while the store hangs, and being cancelled meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest

from lexigram.resilience import (
    CircuitBreakerRegistry,
    FleetCircuits,
    SharedStore,
    StoreConfig,
    StoreError,
)
from lexigram.resilience.events import Events, Listener
from lexigram.testing import virtual_time

LIMIT = 10.0


class NotedEvents(Events):
    """Says when nobody listens any more."""

    def __init__(self) -> None:
        super().__init__()
        self.left = asyncio.Event()

    def remove(self, listener: Listener) -> None:
        super().remove(listener)
        self.left.set()


class NotedStore(SharedStore):
    """Says when it is asked."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.asked = asyncio.Event()

    async def run(self, source: str, key: str, *args: Any) -> Any:
        self.asked.set()
        return await super().run(source, key, *args)


class Stubborn:
    """Work that does not end at once when it is cancelled."""

    def __init__(self) -> None:
        self.cancelled = asyncio.Event()
        self.may_end = asyncio.Event()

    async def run(self) -> None:
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            await self.may_end.wait()
            raise


class Deaf:
    """A client whose operations end when they may, cancelled or not."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()

    def register_script(self, source: str) -> Any:
        return self.run

    async def run(self, *, keys: list[str], args: list[Any]) -> None:
        while not self.may_end.is_set():
            with suppress(asyncio.CancelledError):
                await self.may_end.wait()


@pytest.fixture
async def store(own_server: Any) -> AsyncIterator[NotedStore]:
    """One that is connected to a server that does not answer any more."""
    async with NotedStore(StoreConfig(url=own_server.url, timeout=LIMIT)) as made:
        await made.ping()
        own_server.pause()
        yield made


def others() -> set[asyncio.Task[Any]]:
    """Return the tasks that run beside the test."""
    return asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]  # a test is a task


async def no_connection_is_left(server: Any) -> None:
    """Wait until nobody is connected but who asks."""
    server.resume()
    async with asyncio.timeout(30):
        while len(server.ask("CLIENT", "LIST").splitlines()) > 1:  # noqa: ASYNC110 - a server says it when it is asked
            await asyncio.sleep(0)


async def test_leaving_the_circuits_of_a_fleet_does_not_wait_for_the_store(
    store: NotedStore, own_server: Any
) -> None:
    before = others()
    async with FleetCircuits(store, CircuitBreakerRegistry(), events=Events()):
        await store.asked.wait()
        assert others() > before
    await store.close()
    assert others() == before
    await no_connection_is_left(own_server)


async def test_cancelling_who_leaves_the_circuits_of_a_fleet_passes_through(
    store: NotedStore, own_server: Any
) -> None:
    before, events = others(), NotedEvents()
    can_leave = asyncio.Event()

    async def take_part() -> None:
        async with FleetCircuits(store, CircuitBreakerRegistry(), events=events):
            await can_leave.wait()

    part = asyncio.ensure_future(take_part())
    await store.asked.wait()
    can_leave.set()
    await events.left.wait()
    # It is on its way out, which is not over.
    assert part.cancel()
    await asyncio.wait({part})
    assert part.cancelled()
    await store.close()
    assert others() == before
    await no_connection_is_left(own_server)


async def test_cancelling_who_closes_a_store_passes_through_and_closes_it(
    store: NotedStore, own_server: Any
) -> None:
    before, stubborn = others(), Stubborn()
    store.spawn(stubborn.run())
    closing = asyncio.ensure_future(store.close())
    await stubborn.cancelled.wait()
    # It waits for what was under way, which does not end.
    assert closing.cancel()
    await asyncio.wait({closing})
    assert closing.cancelled()
    assert store.is_closed
    await no_connection_is_left(own_server)
    stubborn.may_end.set()
    await store.settled()
    await store.close()
    assert others() == before


async def test_closing_waits_no_longer_than_an_operation_may_take() -> None:
    client, before = Deaf(), others()
    async with virtual_time() as time:
        config = StoreConfig(url="redis://127.0.0.1:1/0", timeout=2.0)
        store = SharedStore(config, client=client)
        with pytest.raises(StoreError, match="no answer in 2 s"):
            await store.run("return 1", "key")
        began = time.elapsed
        await store.close()
        assert time.elapsed - began == pytest.approx(2.0)
        [left] = others() - before
        client.may_end.set()
        await left
    assert others() == before
