"""A rate limiter: one rate for each key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.resilience import Call, RateLimitedError
from lexigram.resilience._admission.gcra import Gcra, Rate
from lexigram.resilience._admission.waiting import Line, came_within
from lexigram.resilience._config.limiter import RateLimiterConfig
from lexigram.resilience._events.events import CallRefused, Waited
from lexigram.resilience._events.listeners import Events
from lexigram.resilience._keyed import Keyed

__all__ = ["Gate", "RateLimiter"]

T = TypeVar("T")

_PLAIN_CALL: Final[Call[Any]] = Call()


_SOON: Final = 1e-6
"""Seconds that those in line need to be woken."""


class Gate:
    """The rate of one key, and the line before it.

    Attributes:
        rate: The permits.
        line: Who waits.
        take: Called with the time and a cost, takes the permits and returns 0, unless
            that would overtake somebody; else returns the seconds until they are there,
            behind all who wait.
        changed: Done when the rate is another one; whoever sleeps looks again.
    """

    __slots__ = ("_queued", "changed", "line", "rate", "take")

    def __init__(self, rate: Rate) -> None:
        self.rate: Rate = rate
        self.line: Line = Line()
        self._queued = 0
        self.changed: asyncio.Future[None] | None = None
        # With nobody in line, which is how it is for most calls, the rate's own.
        self.take: Callable[[float, float], float] = rate.take

    @property
    def queued(self) -> int:
        """Permits that those in the line want, together."""
        return self._queued

    def queue(self, cost: int) -> None:
        """Say that somebody waits for so many permits, or (below 0) does no more."""
        self._queued += cost
        self.take = self._behind_all if self._queued else self.rate.take

    def _behind_all(self, now: float, cost: float) -> float:
        # The permits may be there and nobody woken yet who waits for them.
        return max(_SOON, self.rate.wait(now, self._queued + cost))

    def wake(self) -> None:
        """Let the one who sleeps at the head of the line look again."""
        changed, self.changed = self.changed, None
        if changed is not None:
            changed.set_result(None)


class RateLimiter:
    """Admits calls at a limited rate, separately for each key.

    In no stretch of time are more permits given than the burst and what comes in it at
    the rate. Waiters go in the order of their coming, whatever they cost; one that is
    cancelled has taken nothing. Implements `RateLimiterProtocol`; `execute` runs an
    operation behind it. For one event loop.

    Example:
        ```python
        limiter = RateLimiter(RateLimiterConfig(permits=10, per=1.0))
        await limiter.acquire("https://api.test:443", timeout=2.0)
        ```
    """

    def __init__(
        self,
        config: RateLimiterConfig | None = None,
        *,
        name: str = "limiter",
        clock: ClockProtocol | None = None,
        events: Events | None = None,
    ) -> None:
        self._config = config or RateLimiterConfig()
        self._name = name
        self._clock = clock or SystemClock()
        self._now = self._clock.monotonic
        self._events = events if events is not None else Events()
        self._gates = Keyed(
            self._new_gate,
            may_go=self._may_go,
            max_keys=self._config.max_keys,
        )
        # Of calls without a key, which are the most where there is one limit for all: it
        # has to be at hand, and is never forgotten.
        self._keyless = self._new_gate("")

    def __repr__(self) -> str:
        config = self._config
        return (
            f"<RateLimiter {self._name!r}: {config.permits} per {config.per:g} s, "
            f"burst {config.largest}, {len(self._gates)} keys>"
        )

    @property
    def config(self) -> RateLimiterConfig:
        """What is in force."""
        return self._config

    def gate(self, key: str) -> Gate:
        """Return the rate of a key, made now when there is none."""
        return self._gates.get(key) if key else self._keyless

    def take(self, key: str) -> tuple[Gate, float]:
        """Take one permit without waiting, by this limiter's own clock.

        Returns:
            The rate of the key, and 0; or the seconds to wait for in `queue`.
        """
        gate = self._gates.get(key) if key else self._keyless
        now, take = self._now, gate.take
        return gate, take(now(), 1.0)

    def try_acquire(self, key: str = "", *, cost: int = 1) -> float:
        """Take the permits now and return 0, or return the seconds until it may succeed.

        Never overtakes those who wait in `acquire`.

        Raises:
            ValueError: The limit never has `cost` permits at a time.
        """
        gate = self._gates.get(key) if key else self._keyless
        if not 0 < cost <= gate.rate.burst:
            raise _never(cost, gate)
        now, take = self._now, gate.take
        return take(now(), cost)

    async def acquire(
        self,
        key: str = "",
        *,
        cost: int = 1,
        timeout: float | None = None,  # noqa: ASYNC109 - a limit, not a cancel scope
    ) -> None:
        """Return when a call of this cost may go ahead.

        Args:
            key: Whose rate it counts against.
            cost: How many permits it takes.
            timeout: The longest wait in seconds; None waits as long as it takes.

        Raises:
            RateLimitedError: It would take longer; nothing was taken, and at once. Only
                when the rate was lowered meanwhile it comes later.
            ValueError: The limit never has `cost` permits at a time.
        """
        gate = self._gates.get(key) if key else self._keyless
        if not 0 < cost <= gate.rate.burst:
            raise _never(cost, gate)
        now, take = self._now, gate.take
        if wait := take(now(), cost):
            await self._wait(gate, key, cost, wait, timeout)

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        """Run `operation` once, when a permit for it is there.

        The wait is no longer than `max_wait` and ends before `Call.deadline`.

        Raises:
            RateLimitedError: It would take longer; `operation` was not called.
            BaseException: Whatever `operation` raised, unchanged.
        """
        if call is None or not call.key:
            gate = self._keyless
        else:
            gate = self._gates.get(call.key)
        # Called by names of their own: CPython 3.11 takes longer for what looks like a
        # method and is an attribute. The cost is a float as the time is, for the same.
        now, take = self._now, gate.take
        if wait := take(now(), 1.0):
            await self.queue(gate, call or _PLAIN_CALL, wait)
        return await operation()

    async def queue(self, gate: Gate, call: Call[Any], wait: float) -> None:
        """Wait for one permit as long as the configuration and the deadline allow.

        Args:
            gate: What `take(call.key)` returned first.
            call: Whose permit it is.
            wait: What it returned second.

        Raises:
            RateLimitedError: It would take longer.
        """
        limit = self._config.max_wait
        if call.deadline is not None:
            left = max(0.0, call.deadline - self._now())
            limit = left if limit is None else min(limit, left)
        await self._wait(gate, call.key, 1, wait, limit)

    def reconfigure(self, config: RateLimiterConfig) -> None:
        """Go on with another rate and burst, from now on and for all keys.

        What was taken stays taken, and who waits keeps the place in the line. One who
        wants more permits than the new burst holds is refused.
        """
        now = self._now()
        self._config = config
        self._gates.change_limit(config.max_keys)
        for gate in (self._keyless, *self._gates.values()):
            gate.rate.change(now, config.rate, config.largest)
            gate.wake()

    async def _wait(
        self, gate: Gate, key: str, cost: int, wait: float, limit: float | None
    ) -> None:
        if limit is not None and wait > limit:
            raise self._refusal(key, wait, limit)
        began = self._now()
        gate.queue(cost)
        place = gate.line.enter()
        try:
            await place
            await self._sleep_until_there(gate, key, cost, began, limit)
        finally:
            gate.queue(-cost)
            gate.line.leave(place)
        if self._events.listeners:
            self._events.tell(Waited(self._name, key, "limiter", self._now() - began))

    async def _sleep_until_there(
        self, gate: Gate, key: str, cost: int, began: float, limit: float | None
    ) -> None:
        rate = gate.rate
        while True:
            # The burst may have become too small for it meanwhile.
            fits = cost <= rate.burst
            take_or_tell = rate.take if fits else rate.wait
            wait = take_or_tell(self._now(), cost)
            if not wait:
                return
            waited = self._now() - began
            if not fits or (limit is not None and waited + wait > limit):
                raise self._refusal(key, wait, limit)
            gate.changed = asyncio.get_running_loop().create_future()
            await came_within(wait, gate.changed, self._clock)

    def _refusal(self, key: str, wait: float, limit: float | None) -> RateLimitedError:
        if self._events.listeners:
            self._events.tell(CallRefused(self._name, key, "limiter", wait))
        config = self._config
        allowed = "" if limit is None else f", and {limit:.3g} s were allowed"
        return RateLimitedError(
            f"The limiter {self._name!r} lets {config.permits} calls through in "
            f"{config.per:g} s; for {key!r} the next one may go in {wait:.3g} s{allowed}.",
            key=key,
            retry_after=wait,
        )

    def _new_gate(self, key: str) -> Gate:  # noqa: ARG002 - all keys begin alike
        return Gate(Gcra(self._config.rate, self._config.largest))

    def _may_go(self, gate: Gate) -> bool:
        return not gate.line and gate.rate.is_full(self._now())


def _never(cost: int, gate: Gate) -> ValueError:
    if cost < 1:
        return ValueError(f"cost={cost!r} takes no permit. Give 1 or more.")
    return ValueError(
        f"cost={cost!r} is more than the burst of {gate.rate.burst}: so many permits are "
        "never there at a time. Raise `burst`, or split the call."
    )
