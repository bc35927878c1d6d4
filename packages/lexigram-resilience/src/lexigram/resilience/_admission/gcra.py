"""The rate of one key: no I/O, no clock of its own.

The generic cell rate algorithm (ITU-T I.371, annex A) keeps one number, the theoretical
arrival time: when the permits taken so far would all have come one by one at the rate.
Taking is allowed while that time is no further ahead than `burst` permits last, so that
no window of `t` seconds, wherever it begins, sees more than `burst + rate * t` permits.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["Gcra", "Rate"]


class Rate(Protocol):
    """Permits at a rate, wherever they come from.

    Attributes:
        burst: The most permits that can be taken at once.
    """

    burst: int

    def take(self, now: float, cost: float, /) -> float:
        """Take `cost` permits and return 0, or return the seconds until they are there."""
        ...

    def wait(self, now: float, cost: float, /) -> float:
        """Return the seconds until `cost` permits are there; takes nothing."""
        ...

    def is_full(self, now: float, /) -> bool:
        """Say whether the whole burst is there, as at the beginning."""
        ...

    def change(self, now: float, rate: float, burst: int, /) -> None:
        """Go on at another rate: what is used up stays so, in permits."""
        ...


class Gcra:
    """Permits at a rate.

    Attributes:
        burst: The most permits that can be taken at once.
    """

    __slots__ = ("_arrival", "_interval", "_tolerance", "burst")

    def __init__(self, rate: float, burst: int) -> None:
        self._interval = 1.0 / rate
        self._tolerance = burst * self._interval
        self._arrival = float("-inf")
        self.burst: int = burst

    def take(self, now: float, cost: float) -> float:
        """Take `cost` permits and return 0, or return the seconds until they are there.

        When it is not 0, nothing was taken. No more than `burst` can be asked for.
        """
        arrival = self._arrival
        if arrival < now:
            # The whole burst is there, which is enough for any cost.
            self._arrival = now + cost * self._interval
            return 0.0
        arrival += cost * self._interval
        early = arrival - self._tolerance - now
        # Less than a nanosecond is the rounding of floats, not a time to wait.
        if early > 1e-9:  # noqa: PLR2004 - a name would be a look-up
            return early
        self._arrival = arrival
        return 0.0

    def wait(self, now: float, cost: float) -> float:
        """Return the seconds until `cost` permits are there; takes nothing."""
        start = max(now, self._arrival)
        return max(0.0, start + cost * self._interval - self._tolerance - now)

    def is_full(self, now: float) -> bool:
        """Say whether the whole burst is there, as at the beginning."""
        return self._arrival <= now

    def used(self, now: float) -> float:
        """Return the permits that were taken and have not come back."""
        return max(0.0, self._arrival - now) / self._interval

    def charge(self, now: float, cost: float) -> None:
        """Take permits whether they are there or not."""
        self._arrival = max(now, self._arrival) + cost * self._interval

    def change(self, now: float, rate: float, burst: int) -> None:
        """Go on at another rate: what is used up stays so, in permits.

        What was taken and has not come back at the old rate comes back at the new one.
        """
        interval = 1.0 / rate
        used = self.used(now)
        self._interval = interval
        self._tolerance = burst * interval
        self._arrival = now + used * interval
        self.burst = burst
