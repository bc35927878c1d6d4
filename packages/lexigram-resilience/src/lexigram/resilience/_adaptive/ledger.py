"""Calls asked for and calls accepted, of one key: no I/O, no clock of its own.

Client-side throttling as in "Handling Overload" of the book Site Reliability Engineering
(https://sre.google/sre-book/handling-overload/): of `requests` that were asked for in a
window, refused ones included, and `accepts` among them, the next one is refused with the
probability `max(0, (requests - K * accepts) / (requests + 1))`. What is sent then settles
at K times what the upstream accepts.

A call counts as asked for before it is sent, and as accepted until it has failed. The book
leaves open what a call under way is; to take it for one that was not accepted would refuse
most of the first burst that a healthy upstream gets. It also makes success cost nothing.
Both numbers of a call stand in the slice of the window in which it began, so that they
leave together and `accepts` never exceeds `requests`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from lexigram.contracts.resilience import Outcome
from lexigram.resilience._config.throttle import AdaptiveThrottleConfig

__all__ = ["Ledger"]

_SLICES: Final = 10
"""A call is forgotten when its slice of the window is: up to a tenth of it early."""


class Ledger:
    """The calls of one key in the latest window.

    Attributes:
        requests: Calls asked for, when it was last asked.
        accepts: How many of them were neither refused nor failed.
    """

    __slots__ = (
        "_accepts_in",
        "_max_rejection",
        "_minimum",
        "_multiplier",
        "_newest",
        "_random",
        "_requests_in",
        "_since",
        "_speed",
        "accepts",
        "requests",
    )

    requests: int
    accepts: int

    def __init__(
        self, config: AdaptiveThrottleConfig, random: Callable[[], float]
    ) -> None:
        self._random = random
        self._set(config)
        # Calls that began no later were counted by another division into slices.
        self._since = float("-inf")
        self._newest = 0
        self.requests = self.accepts = 0
        self._requests_in = [0] * _SLICES
        self._accepts_in = [0] * _SLICES

    def admit(self, now: float) -> bool:
        """Count a call; say whether it may be sent.

        Only one that may be sent is given to `record`.
        """
        current = int(now * self._speed)
        if current != self._newest:
            self._forget(current)
        place = current % _SLICES
        requests, accepts = self.requests, self.accepts
        self.requests = requests + 1
        self._requests_in[place] += 1
        if (
            requests > accepts  # a multiplication less for the healthy
            and requests > self._multiplier * accepts
            and self._random() < self._share(requests, accepts)
        ):
            return False
        self.accepts = accepts + 1
        self._accepts_in[place] += 1
        return True

    def record(self, began: float, outcome: Outcome) -> None:
        """Count how a call ended; after a success this changes nothing.

        Args:
            began: The time that `admit` was given.
            outcome: What it says of the upstream. A neutral one takes the call out.
        """
        if outcome == "success" or began <= self._since:
            return
        number = int(began * self._speed)
        if number <= self._newest - _SLICES:
            return
        place = number % _SLICES
        self.accepts -= 1
        self._accepts_in[place] -= 1
        if outcome == "neutral":
            self.requests -= 1
            self._requests_in[place] -= 1

    def rejection(self, now: float) -> float:
        """Return the share of calls that are refused now."""
        current = int(now * self._speed)
        if current != self._newest:
            self._forget(current)
        return self._share(self.requests, self.accepts)

    def change(self, config: AdaptiveThrottleConfig, now: float) -> None:
        """Go on by another configuration, with what still is in its window.

        When the window is another one, calls under way stay what they are taken for:
        accepted.
        """
        self.rejection(now)
        slices, speed = self._newest_first(), self._speed
        self._set(config)
        if self._speed == speed:
            return
        self._since = now
        self.requests = self.accepts = 0
        self._requests_in = [0] * _SLICES
        self._accepts_in = [0] * _SLICES
        self._newest = int(now * self._speed)
        for number, requests, accepts in slices:
            self._put(min(now, (number + 0.5) / speed), requests, accepts)

    def _share(self, requests: int, accepts: int) -> float:
        if requests < self._minimum:
            return 0.0
        share = (requests - self._multiplier * accepts) / (requests + 1)
        return min(self._max_rejection, max(0.0, share))

    def _set(self, config: AdaptiveThrottleConfig) -> None:
        self._multiplier = config.multiplier
        self._max_rejection = config.max_rejection
        self._minimum = config.minimum_calls
        self._speed = _SLICES / config.window

    def _newest_first(self) -> list[tuple[int, int, int]]:
        """Return number, requests and accepts of each slice."""
        return [
            (
                number,
                self._requests_in[number % _SLICES],
                self._accepts_in[number % _SLICES],
            )
            for number in range(self._newest, self._newest - _SLICES, -1)
        ]

    def _put(self, moment: float, requests: int, accepts: int) -> None:
        number = int(moment * self._speed)
        if number <= self._newest - _SLICES:
            return
        self.requests += requests
        self.accepts += accepts
        self._requests_in[number % _SLICES] += requests
        self._accepts_in[number % _SLICES] += accepts

    def _forget(self, current: int) -> None:
        """Empty the slices that the window has moved over."""
        for number in range(max(self._newest + 1, current - _SLICES + 1), current + 1):
            place = number % _SLICES
            self.requests -= self._requests_in[place]
            self.accepts -= self._accepts_in[place]
            self._requests_in[place] = self._accepts_in[place] = 0
        self._newest = current
