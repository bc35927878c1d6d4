"""A bulkhead: so many calls at once, separately for each key."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.resilience import BulkheadFullError, Call
from lexigram.resilience._admission.waiting import came_within
from lexigram.resilience._config.bulkhead import BulkheadConfig
from lexigram.resilience._events.events import CallRefused, Waited
from lexigram.resilience._events.listeners import Events
from lexigram.resilience._keyed import Keyed

__all__ = ["Bulkhead", "BulkheadSnapshot", "Places"]

T = TypeVar("T")

_PLAIN_CALL: Final[Call[Any]] = Call()


@dataclass(frozen=True, slots=True)
class BulkheadSnapshot:
    """The places of one key at one moment.

    Attributes:
        in_flight: Calls under way.
        queued: Calls that wait for a place.
    """

    in_flight: int
    queued: int


class Places:
    """The places of one key. No clock, no limit of time: those belong to who waits.

    A place that is left goes straight to the head of the queue, so that nobody who comes
    in between takes it. Whoever has one gives it back by `leave`, once.

    Attributes:
        in_flight: Places that are taken.
    """

    __slots__ = ("_limit", "_queue", "in_flight")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._queue: deque[asyncio.Future[None]] = deque()
        self.in_flight: int = 0

    @property
    def queued(self) -> int:
        """How many wait."""
        return len(self._queue)

    def try_enter(self) -> bool:
        """Take a place if one is free."""
        if self.in_flight >= self._limit:
            return False
        # Nobody waits while a place is free: `leave` and `change_limit` see to that.
        self.in_flight += 1
        return True

    def leave(self) -> None:
        """Give back a place: to the head of the queue, unless there are too many."""
        wanted = self._queue and self.in_flight <= self._limit
        if not wanted or not self._hand_on():
            self.in_flight -= 1

    def enqueue(self) -> asyncio.Future[None]:
        """Return a future that is done when a place has been taken for its owner."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(waiter)
        return waiter

    def give_up(self, waiter: asyncio.Future[None]) -> None:
        """Wait no longer; a place that came at the same moment is given back."""
        if waiter in self._queue:
            self._queue.remove(waiter)
        elif not waiter.cancelled():
            self.leave()

    def change_limit(self, limit: int) -> None:
        """Have more places, or fewer as soon as enough are left."""
        self._limit = limit
        while self.in_flight < limit and self._hand_on():
            self.in_flight += 1

    def _hand_on(self) -> bool:
        """Give a place to the head of the queue; False when nobody waits."""
        while self._queue:
            waiter = self._queue.popleft()
            # One that was cancelled is on its way to give up.
            if not waiter.done():
                waiter.set_result(None)
                return True
        return False


class Bulkhead:
    """Lets a limited number of calls run at once, separately for each `Call.key`.

    Waiters go in the order of their coming. A call that is cancelled gives back its
    place, or its place in the queue, at once; also when the place had just been given to
    it. Implements `BulkheadProtocol`. For one event loop.

    Args:
        config: How many at once, and who waits.
        name: What it is called in errors and events.
        clock: What waits are limited by; the running event loop's by default.
        events: Whom it tells.

    Example:
        ```python
        bulkhead = Bulkhead(BulkheadConfig(max_concurrent=4, max_queue=100))
        rows = await bulkhead.execute(fetch_rows)
        ```
    """

    def __init__(
        self,
        config: BulkheadConfig | None = None,
        *,
        name: str = "bulkhead",
        clock: ClockProtocol | None = None,
        events: Events | None = None,
    ) -> None:
        self._config = config or BulkheadConfig()
        self._name = name
        self._clock = clock or SystemClock()
        self._events = events if events is not None else Events()
        self._places = Keyed(
            self._new_places, may_go=_is_empty, max_keys=self._config.max_keys
        )

    def __repr__(self) -> str:
        config = self._config
        inside = sum(places.in_flight for places in self._places.values())
        return (
            f"<Bulkhead {self._name!r}: {inside} under way, {config.max_concurrent} "
            f"and a queue of {config.max_queue} per key>"
        )

    @property
    def config(self) -> BulkheadConfig:
        """What is in force."""
        return self._config

    def places(self, key: str) -> Places:
        """Return the places of a key: what a pipeline takes from without waiting."""
        return self._places.get(key)

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        """Run `operation` once there is a place for it.

        The wait is no longer than `queue_timeout` and ends before `Call.deadline`.

        Raises:
            BulkheadFullError: There is none, nor one in the queue; `operation` was not
                called.
            BaseException: Whatever `operation` raised, unchanged.
        """
        if call is None:
            call = _PLAIN_CALL
        places = self._places.get(call.key)
        if not places.try_enter():
            await self.queue(places, call)
        try:
            return await operation()
        finally:
            places.leave()

    async def queue(self, places: Places, call: Call[Any]) -> None:
        """Wait for a place; on return it is taken.

        Args:
            places: What `places(call.key)` returned, and where none is free.
            call: Whose place it is.

        Raises:
            BulkheadFullError: The queue is full, or it took too long.
        """
        if places.queued >= self._config.max_queue:
            raise self._refusal(places, call, "")
        began = self._clock.monotonic()
        limit = self._longest_wait(call, began)
        waiter = places.enqueue()
        try:
            if limit is None:
                await waiter
                came = True
            else:
                came = await came_within(limit, waiter, self._clock)
        except BaseException:  # however the wait ended, the place goes back
            places.give_up(waiter)
            raise
        if not came:
            places.give_up(waiter)
            raise self._refusal(places, call, f" and none came free in {limit:.3g} s")
        if self._events.listeners:
            waited = self._clock.monotonic() - began
            self._events.tell(Waited(self._name, call.key, "bulkhead", waited))

    def snapshot(self) -> dict[str, BulkheadSnapshot]:
        """Return how many are under way and how many wait, for each key."""
        return {
            key: BulkheadSnapshot(places.in_flight, places.queued)
            for key, places in self._places.items()
        }

    def reconfigure(self, config: BulkheadConfig) -> None:
        """Go on with other numbers, for all keys.

        Of more places the head of the queue gets some at once; of fewer, nobody who is
        inside or waits is thrown out.
        """
        self._config = config
        self._places.change_limit(config.max_keys)
        for places in self._places.values():
            places.change_limit(config.max_concurrent)

    def _longest_wait(self, call: Call[Any], now: float) -> float | None:
        limit = self._config.queue_timeout
        if call.deadline is None:
            return limit
        left = max(0.0, call.deadline - now)
        return left if limit is None else min(limit, left)

    def _refusal(self, places: Places, call: Call[Any], more: str) -> BulkheadFullError:
        if self._events.listeners:
            self._events.tell(CallRefused(self._name, call.key, "bulkhead"))
        return BulkheadFullError(
            f"The bulkhead {self._name!r} has all {self._config.max_concurrent} places "
            f"for {call.key!r} taken, {places.queued} wait{more}. Raise "
            "`max_concurrent` or `max_queue`, or send less.",
            key=call.key,
        )

    def _new_places(self, key: str) -> Places:  # noqa: ARG002 - all keys begin alike
        return Places(self._config.max_concurrent)


def _is_empty(places: Places) -> bool:
    return not places.in_flight and not places.queued
