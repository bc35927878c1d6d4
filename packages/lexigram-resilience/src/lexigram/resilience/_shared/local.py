"""A process' own part of a shared limit, for as long as the store is not there."""

from __future__ import annotations

from lexigram.resilience._admission.gcra import Gcra
from lexigram.resilience._config.limiter import RateLimiterConfig

__all__ = ["LocalShare"]


class LocalShare:
    """A share of the rate and of the burst.

    It begins with one permit: what the others had been given is not known, and the call
    that found out that the store is gone has waited long enough. A call that costs more
    than the share of the burst may go when all of that is there, and what it costs
    beyond has to come back first.
    """

    __slots__ = ("_burst", "_interval", "_rate")

    def __init__(self, now: float, config: RateLimiterConfig, share: float) -> None:
        rate = config.rate * share
        self._burst = max(1, int(config.largest * share))
        self._interval = 1.0 / rate
        self._rate = Gcra(rate, self._burst)
        self._rate.charge(now, self._burst - 1)

    def take(self, now: float, cost: float) -> float:
        """Take the permits and return 0, or return the seconds until it may succeed."""
        wait = self._rate.take(now, min(cost, self._burst))
        if not wait and cost > self._burst:
            self._rate.charge(now, cost - self._burst)
        return wait

    def wait(self, now: float, cost: float) -> float:
        """Return the seconds until so many may have gone; takes nothing."""
        beyond = max(0.0, cost - self._burst)
        return self._rate.wait(now, min(cost, self._burst)) + beyond * self._interval

    def used(self, now: float) -> float:
        """Return the permits that were taken and have not come back."""
        return self._rate.used(now)
