"""A rate limiter whose limit many processes share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from lexigram.contracts.clock import ClockProtocol
from lexigram.resilience._admission.limiter import Gate, RateLimiter
from lexigram.resilience._admission.waiting import came_within
from lexigram.resilience._config.limiter import RateLimiterConfig
from lexigram.resilience._events.events import Waited
from lexigram.resilience._events.listeners import Events
from lexigram.resilience._shared.permits import SharedRate
from lexigram.resilience._shared.store import SharedStore

__all__ = ["SharedRateLimiter"]


class SharedRateLimiter(RateLimiter):
    """Admits calls at a rate that all processes have together, separately for each key.

    The limit is that of `RateLimiter`, kept by the store for all limiters of one name
    and prefix; what is held and not used yet may come up to `lease` seconds late. A busy
    process fetches many permits at once, so that most calls ask nobody. Within one
    process waiters go in the order of their coming; between processes there is no order,
    and a call of great cost may wait behind small ones of others.

    Without the store each limiter does what `StoreConfig.on_store_error` says, and
    returns to the shared limit as soon as the store answers. Implements
    `RateLimiterProtocol`. For one event loop.

    Args:
        config: The limit of all of them together; the same for all.
        store: Where it is kept.
        name: What it is called in errors and events, and in the store.
        clock: What waits are measured by; the running event loop's by default.
        events: Whom it tells.
        given_time: What the store takes for its time. For tests, whose limiters have to
            agree on it; by default it is the server's own.

    Example:
        ```python
        limiter = SharedRateLimiter(
            RateLimiterConfig(permits=100, shared=True), store=store, name="partner"
        )
        await limiter.acquire("https://api.test:443", timeout=2.0)
        ```
    """

    def __init__(
        self,
        config: RateLimiterConfig | None = None,
        *,
        store: SharedStore,
        name: str = "limiter",
        clock: ClockProtocol | None = None,
        events: Events | None = None,
        given_time: Callable[[], float] | None = None,
    ) -> None:
        self._store = store
        self._given_time = given_time
        config = _as_shared(config or RateLimiterConfig())
        super().__init__(config, name=name, clock=clock, events=events)

    def __repr__(self) -> str:
        config = self._config
        return (
            f"<SharedRateLimiter {self._name!r}: {config.permits} per {config.per:g} s, "
            f"burst {config.largest}, {len(self._gates)} keys, {self._store!r}>"
        )

    def try_acquire(self, key: str = "", *, cost: int = 1) -> float:
        """Take permits that this process holds and return 0, or return seconds to wait.

        It never waits for the store, and so cannot take what is only there: then it
        begins to fetch it, and returns about how long that takes.

        Raises:
            ValueError: The limit never has `cost` permits at a time.
        """
        wait = super().try_acquire(key, cost=cost)
        if wait:
            gate = self.gate(key)
            rate = _shared(gate)
            if not gate.queued and rate.asks(self._now(), cost):
                rate.start(cost, cost)
        return wait

    def reconfigure(self, config: RateLimiterConfig) -> None:
        """Go on with another rate and burst, from now on and for all keys.

        Other processes go on with theirs: until all have the same, each counts what it
        takes by its own rate.
        """
        config = _as_shared(config)
        super().reconfigure(config)
        for gate in (self._keyless, *self._gates.values()):
            _shared(gate).configure(config)

    async def _wait(
        self, gate: Gate, key: str, cost: int, wait: float, limit: float | None
    ) -> None:
        began = self._now()
        unknown = _shared(gate).asks(began, gate.queued + cost)
        if limit is not None and wait > limit and not unknown:
            raise self._refusal(key, wait, limit)
        gate.queue(cost)
        place = gate.line.enter()
        try:
            if limit is None or place.done():
                await place
            elif not await came_within(limit, place, self._clock):
                wait = _shared(gate).wait(self._now(), gate.queued)
                raise self._refusal(key, wait, limit)
            await self._sleep_until_there(gate, key, cost, began, limit)
        finally:
            gate.queue(-cost)
            gate.line.leave(place)
        if self._events.listeners:
            self._events.tell(Waited(self._name, key, "limiter", self._now() - began))

    async def _sleep_until_there(
        self, gate: Gate, key: str, cost: int, began: float, limit: float | None
    ) -> None:
        rate = _shared(gate)
        while True:
            now = self._now()
            # The burst may have become too small for it meanwhile.
            fits = cost <= rate.burst
            wait = rate.take(now, cost) if fits else rate.wait(now, cost)
            if not wait:
                return
            if fits and rate.asks(now, cost):
                # It belongs to the key: a caller that is cancelled leaves it be.
                await asyncio.wait({rate.start(cost, gate.queued)})
                continue
            left = None if limit is None else limit - (now - began)
            if not fits or (left is not None and wait > left):
                raise self._refusal(key, wait, limit)
            pause = rate.pause(wait, cost, gate.queued)
            if left is not None:
                pause = max(wait, min(pause, left))
            gate.changed = asyncio.get_running_loop().create_future()
            await came_within(pause, gate.changed, self._clock)

    def _new_gate(self, key: str) -> Gate:
        name = f"rate:{{{self._name}:{key}}}"
        rate = SharedRate(self._store, name, self._config, self._now, self._given_time)
        gate = Gate(rate)
        rate.came_back = gate.wake
        return gate


def _as_shared(config: RateLimiterConfig) -> RateLimiterConfig:
    return config.model_copy(update={"shared": True})


def _shared(gate: Gate) -> SharedRate:
    return cast("SharedRate", gate.rate)
