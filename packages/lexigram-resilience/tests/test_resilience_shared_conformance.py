"""The limiter that many processes share does what every limiter does."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from lexigram.contracts.clock import ClockProtocol
from lexigram.resilience._config.limiter import RateLimiterConfig
from lexigram.resilience._config.store import StoreConfig
from lexigram.resilience._shared.limiter import SharedRateLimiter
from lexigram.resilience._shared.store import SharedStore
from lexigram.testing import VirtualLoop
from lexigram.testing.conformance import Behaviour, RateLimiterConformance


class HeldStore(SharedStore):
    """Holds virtual time while the server, which is another process, works."""

    async def run(self, source: str, key: str, *args: Any) -> Any:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        with loop.clock.register_external("the store"):
            return await super().run(source, key, *args)


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
