"""The rate of one key that many processes share, as one of them sees it.

Permits are fetched from the store: as many as the call at hand needs and, where more
calls wait or come, as many as this process is going to use within `lease` seconds. What
it holds is taken without asking anybody. It is lost after `lease` seconds: giving it back
would be a round trip for each lease that was too large, while the size follows the use,
so that little is left.

* The size begins at 1, doubles with each lease that was used up in its time, and is what
  was used of the last one otherwise. It is at most what comes in `lease` seconds, which
  is as much as one process can hold back from the others, and half of the burst.
* Each answer says when the next permit is there; until then nobody asks.
* When asking fails, this process keeps to its own share and nobody waits for the store
  any more: it is asked beside the calls, as often as its guard allows. With the first
  answer the limit is the shared one again. What was used meanwhile is counted there;
  where nothing is known of the key, the burst begins empty.
* Who sleeps by that share wakes up as often, so that asking does not depend on new calls,
  and when the limit is the shared one again.
* One task asks at a time and belongs to no caller. The permits that a cancelled caller
  had asked for are there for the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from lexigram.resilience._config.limiter import RateLimiterConfig
from lexigram.resilience._shared.guard import StoreError
from lexigram.resilience._shared.local import LocalShare
from lexigram.resilience._shared.scripts import TAKE
from lexigram.resilience._shared.store import SharedStore

__all__ = ["SharedRate"]

_ROUND_TRIP: Final = 0.001
"""Seconds that asking takes, for those who want a number before it is known."""

_EARLY: Final = 1e-6
"""Seconds that the store's times are exact to."""


class SharedRate:
    """Permits from the store.

    Args:
        store: Where they come from.
        key: What the store knows the limit by.
        config: The limit.
        now: The limiter's clock, which is not the store's.
        given_time: What the store takes for its time; None for its own. For tests.

    Attributes:
        burst: The most permits that can be taken at once.
        came_back: Called when the limit is the shared one again.
    """

    __slots__ = (
        "_asking",
        "_config",
        "_expires",
        "_first",
        "_given_time",
        "_hand",
        "_interval",
        "_key",
        "_leased",
        "_local",
        "_now",
        "_size",
        "_store",
        "burst",
        "came_back",
    )

    burst: int
    _leased: float
    _hand: float
    """Permits that this process holds, unless they have expired."""

    _first: float
    """When the next permit is there, as far as the store has said."""

    _asking: asyncio.Task[None] | None
    _local: LocalShare | None
    """What it keeps to while the store is not there, else None."""

    def __init__(
        self,
        store: SharedStore,
        key: str,
        config: RateLimiterConfig,
        now: Callable[[], float],
        given_time: Callable[[], float] | None = None,
    ) -> None:
        self._store = store
        self._key = key
        self._now = now
        self._given_time = given_time
        self._hand = self._leased = 0.0
        self.came_back: Callable[[], None] = _nobody
        self._expires = self._first = float("-inf")
        self._size = 1
        self._asking = self._local = None
        self.configure(config)

    @property
    def most(self) -> int:
        """The most permits that are fetched without being needed."""
        comes = self._config.rate * self._store.config.lease
        return max(1, min(int(comes), self.burst // 2))

    def configure(self, config: RateLimiterConfig) -> None:
        """Go on with another limit; the store is told of it with the next question."""
        self._config = config
        self._interval = 1.0 / config.rate
        self.burst = config.largest
        self._hand = min(self._hand, self.burst)
        self._first = float("-inf")
        if self._local is not None:
            self._go_local()

    def change(self, now: float, rate: float, burst: int) -> None:
        """Do nothing: `configure` says all that has changed."""

    def take(self, now: float, cost: float) -> float:
        """Take permits that are held and return 0, or return the seconds to wait.

        While `asks` says so, the seconds are those of a round trip: nobody knows more.
        """
        if self._hand >= cost and now < self._expires:
            self._hand -= cost
            return 0.0
        if self._local is not None:
            return self._take_alone(self._local, now, cost)
        return self.wait(now, cost)

    def wait(self, now: float, cost: float) -> float:
        """Return the seconds until so many permits are there; takes nothing."""
        if self._local is not None:
            return self._wait_alone(self._local, now, cost)
        lack = self._lack(now, cost)
        if lack <= 0:
            return 0.0
        wait = self._first + (lack - 1) * self._interval - now
        return wait if wait > _EARLY else _ROUND_TRIP

    def asks(self, now: float, cost: float) -> bool:
        """Say whether only the store knows when so many permits are there."""
        if self._local is not None:
            return False
        lack = self._lack(now, cost)
        return lack > 0 and self._first + (lack - 1) * self._interval - now <= _EARLY

    def is_full(self, now: float) -> bool:
        """Say whether nothing is known that would have to be asked for again."""
        holds = self._hand > 0 and now < self._expires
        return (
            self._asking is None
            and self._local is None
            and not holds
            and self._first + self.burst * self._interval <= now
        )

    def pause(self, wait: float, cost: int, queued: int) -> float:
        """Return how long the first in line sleeps when `wait` is the least.

        Where others wait behind, permits for some of them are worth waiting for: else
        each would be a question of its own.
        """
        if self._local is not None:
            return min(wait, max(self._store.guard.wait, self._store.config.timeout))
        return wait + max(0, min(queued, self.most) - cost) * self._interval

    def start(self, cost: float, queued: int) -> asyncio.Task[None]:
        """Ask for permits, or return the task that does."""
        if self._asking is None:
            now = self._now()
            need = max(1, int(self._lack(now, cost)))
            self._resize(now)
            want = max(need, min(self.most, max(self._size, queued)))
            self._asking = self._store.spawn(self._ask(need, want))
            # Not in a `finally` of its own, which a task that never ran does not have.
            self._asking.add_done_callback(self._asked)
        return self._asking

    def _asked(self, _: asyncio.Task[None]) -> None:
        self._asking = None

    def _lack(self, now: float, cost: float) -> float:
        return cost - self._hand if now < self._expires else cost

    def _resize(self, now: float) -> None:
        """Fit the next lease to what was used of the last one."""
        used = self._leased - self._hand
        if now < self._expires:
            self._size = min(self.most, 2 * max(self._size, int(used)))
        else:
            self._size = max(1, int(used)) if self._hand else max(1, self._size // 2)
            self._hand = 0

    async def _ask(self, need: int, want: int) -> None:
        local = self._local
        try:
            given, rest = await self._answer(need, want, local)
        except (StoreError, ValueError, TypeError):  # the last two: not our script's
            if local is None:
                self._go_local()
            return
        now = self._now()
        if now >= self._expires:
            self._hand = 0.0
        self._hand += given
        self._leased = self._hand
        self._expires = now + self._lifetime
        self._first = now + rest
        self._local = None
        if local is not None:
            self.came_back()

    async def _answer(
        self, need: int, want: int, local: LocalShare | None
    ) -> tuple[int, float]:
        """Return how many were given, and the seconds until there is another one."""
        used = 0.0 if local is None else self._used(local)
        given, _, rest = await self._store.run(
            TAKE,
            self._key,
            repr(self._interval),
            repr(self._config.largest * self._interval),
            need,
            want,
            repr(used),
            "" if self._given_time is None else repr(self._given_time()),
        )
        return int(given), float(rest)

    @property
    def _lifetime(self) -> float:
        # Without leases a permit still has to last until its caller runs.
        return max(self._store.config.lease, self._store.config.timeout)

    def _go_local(self) -> None:
        now, config = self._now(), self._config
        self._local = LocalShare(now, config, self._store.config.share)

    def _used(self, local: LocalShare) -> float:
        mode = self._store.config.on_store_error
        if mode == "local":
            return local.used(self._now())
        return float(self.burst) if mode == "open" else 0.0

    def _take_alone(self, local: LocalShare, now: float, cost: float) -> float:
        store = self._store
        if self._asking is None and not store.guard.wait and not store.is_closed:
            self.start(1, 0)
        if store.config.on_store_error == "local":
            return local.take(now, cost)
        return self._wait_alone(local, now, cost)

    def _wait_alone(self, local: LocalShare, now: float, cost: float) -> float:
        mode = self._store.config.on_store_error
        if mode == "local":
            return local.wait(now, cost)
        if mode == "open":
            return 0.0
        return max(self._store.guard.wait, self._store.config.timeout)


def _nobody() -> None:
    """Tell nobody."""
