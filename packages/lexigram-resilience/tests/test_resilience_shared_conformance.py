"""What many processes share does what every limiter and every store of keys does."""

import asyncio
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

import pytest

from lexigram.contracts.clock import ClockProtocol
from lexigram.resilience._config.limiter import RateLimiterConfig
from lexigram.resilience._config.store import StoreConfig
from lexigram.resilience._idempotency.memory import MemoryIdempotencyStore
from lexigram.resilience._shared.idempotency import SharedIdempotencyStore
from lexigram.resilience._shared.limiter import SharedRateLimiter
from lexigram.resilience._shared.store import SharedStore
from lexigram.testing import VirtualLoop
from lexigram.testing.conformance import (
    Behaviour,
    IdempotencyStoreConformance,
    RateLimiterConformance,
)


class HeldStore(SharedStore):
    """Holds virtual time while the server, which is another process, works."""

    async def run(self, source: str, key: str, *args: Any) -> Any:
        with self.held():
            return await super().run(source, key, *args)

    def held(self) -> AbstractContextManager[None]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        return loop.clock.register_external("the store")


@pytest.mark.usefixtures("use_server")
class TestSharedRateLimiter(RateLimiterConformance):
    version = "1.0"
    stores: list[HeldStore]
    url: str

    @pytest.fixture
    def use_server(self, store_server: Any) -> None:
        self.url = store_server.url
        self.stores = []

    def make_rate_limiter(self, clock: ClockProtocol) -> SharedRateLimiter:
        # Generous, since it is the machine's time that is measured.
        config = StoreConfig(url=self.url, prefix=uuid4().hex, timeout=10)
        store = HeldStore(config, clock=clock)
        self.stores.append(store)
        return SharedRateLimiter(
            RateLimiterConfig(permits=5, per=1.0, shared=True),
            store=store,
            clock=clock,
            given_time=clock.monotonic,
        )

    async def _attempt(self, behaviour: Behaviour[...]) -> None:
        try:
            await super()._attempt(behaviour)
        finally:
            for store in self.stores:
                await store.close()
        # Else it was the local share that was looked at.
        assert {store.guard.trouble for store in self.stores} <= {""}


class TestSharedRateLimiterWithLeases(TestSharedRateLimiter):
    """The same when permits are fetched two at a time."""

    def make_rate_limiter(self, clock: ClockProtocol) -> SharedRateLimiter:
        config = StoreConfig(url=self.url, prefix=uuid4().hex, timeout=10, lease=0.5)
        store = HeldStore(config, clock=clock)
        self.stores.append(store)
        return SharedRateLimiter(
            RateLimiterConfig(permits=5, per=1.0, shared=True),
            store=store,
            clock=clock,
            given_time=clock.monotonic,
        )


AGE = """
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. ':*')) do
  redis.call('PEXPIRE', key, redis.call('PTTL', key) - ARGV[2])
end
"""


class AgingStore(HeldStore):
    """Lets what it holds age by what the clock of the test went on."""

    def __init__(self, server: Any, clock: ClockProtocol) -> None:
        super().__init__(
            StoreConfig(url=server.url, prefix=uuid4().hex, timeout=10), clock=clock
        )
        self._server, self._seen = server, clock.monotonic()

    async def run(self, source: str, key: str, *args: Any) -> Any:
        now = self._clock.monotonic()
        if now > self._seen:
            # What was given up may be on its way yet, and is as old as what has arrived.
            with self.held():
                await self.guard.close()
            aged, self._seen = round((now - self._seen) * 1000), now
            self._server.ask("EVAL", AGE, 0, self.config.prefix, aged)
        return await super().run(source, key, *args)


@pytest.mark.usefixtures("use_server")
class TestSharedIdempotencyStore(IdempotencyStoreConformance):
    version = "1.0"
    stores: list[AgingStore]
    server: Any

    @pytest.fixture
    def use_server(self, store_server: Any) -> None:
        self.server = store_server
        self.stores = []

    def make_idempotency_store(self, clock: ClockProtocol) -> SharedIdempotencyStore:
        store = AgingStore(self.server, clock)
        self.stores.append(store)
        return SharedIdempotencyStore(store)

    async def _attempt(self, behaviour: Behaviour[...]) -> None:
        try:
            await super()._attempt(behaviour)
        finally:
            for store in self.stores:
                await store.close()


class TestMemoryIdempotencyStore(IdempotencyStoreConformance):
    version = "1.0"

    def make_idempotency_store(self, clock: ClockProtocol) -> MemoryIdempotencyStore:
        return MemoryIdempotencyStore(clock=clock)
