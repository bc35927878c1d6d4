"""The latest outcomes, counted.

An outcome is the sum of what is wrong with it: 0 for nothing, `FAILED`, `SLOW`. Both
kinds of window are told of them in the order of their coming by `add`, and give the
counts of those that are in it. A whole number is all that passes on the way of a call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

from lexigram.resilience._config.breaker import CircuitBreakerConfig

__all__ = ["FAILED", "SLOW", "CountWindow", "TimeWindow", "Window", "fitted", "made"]

FAILED: Final = 1
SLOW: Final = 2

_SLICES: Final = 10
"""A time window forgets by slices: an outcome is gone up to a tenth of it early."""

Kept: TypeAlias = tuple[float, int, int]
"""When, what, and how many of it."""


class CountWindow:
    """The latest `size` outcomes, whenever they came.

    Attributes:
        calls: How many outcomes it holds.
        failures: How many of them failed.
        slow: How many of them were slow.
    """

    __slots__ = ("_next", "_ring", "_size", "calls", "failures", "slow")

    def __init__(self, size: int) -> None:
        self._size = size
        self._ring = bytearray(size)
        self._next = 0
        self.calls = 0
        self.failures = 0
        self.slow = 0

    def add(self, outcome: int) -> None:
        """Count one outcome; the oldest one leaves a full window."""
        ring, place = self._ring, self._next
        # A place that was never written holds 0, as if a good one were leaving it.
        leaving = ring[place]
        if leaving != outcome:
            self.failures += (outcome & FAILED) - (leaving & FAILED)
            self.slow += (outcome >> 1) - (leaving >> 1)
            ring[place] = outcome
        place += 1
        self._next = place if place != self._size else 0
        if self.calls != self._size:
            self.calls += 1

    def refresh(self) -> None:
        """Do nothing: no time passes here."""

    def has_shape(self, config: CircuitBreakerConfig) -> bool:
        """Say whether it is what `config` asks for."""
        return config.window_seconds is None and config.window == self._size

    def history(self, now: float) -> Iterator[Kept]:
        """Return its outcomes, the oldest first, as if all had come now."""
        oldest = self._next if self.calls == self._size else 0
        for place in range(oldest, oldest + self.calls):
            yield now, self._ring[place % self._size], 1

    def take_over(self, history: Iterable[Kept]) -> None:
        """Count what another window held."""
        for _, outcome, count in history:
            for _ in range(min(count, self._size)):
                self.add(outcome)


class TimeWindow:
    """The outcomes of the latest `seconds`, however many they are.

    Attributes:
        calls: How many outcomes it held when it was last added to or refreshed.
        failures: How many of them failed.
        slow: How many of them were slow.
    """

    __slots__ = (
        "_ends",
        "_newest",
        "_now",
        "_seconds",
        "_slice",
        "_slices",
        "calls",
        "failures",
        "slow",
    )

    _newest: int
    _ends: float
    """When the newest slice is over."""

    _slice: list[int]
    """The newest one."""

    def __init__(self, seconds: float, now: Callable[[], float]) -> None:
        self._seconds = seconds
        self._now = now
        # Of each slice: how many there are of each outcome.
        self._slices = [[0, 0, 0, 0] for _ in range(_SLICES)]
        self.calls = 0
        self.failures = 0
        self.slow = 0
        self._begin(self._number(now()))

    def add(self, outcome: int) -> None:
        """Count one outcome; those of the slices that are over leave."""
        now = self._now()
        if now >= self._ends:
            self._move_to(self._number(now))
        self._slice[outcome] += 1
        self.calls += 1
        if outcome:
            self.failures += outcome & FAILED
            self.slow += outcome >> 1

    def refresh(self) -> None:
        """Forget what is too old by now."""
        self._move_to(self._number(self._now()))

    def has_shape(self, config: CircuitBreakerConfig) -> bool:
        """Say whether it is what `config` asks for."""
        return config.window_seconds == self._seconds

    def history(self, now: float) -> Iterator[Kept]:
        """Return its outcomes, the oldest slice first."""
        current = self._number(now)
        self._move_to(current)
        for number in range(current - _SLICES + 1, current + 1):
            moment = min(now, (number + 0.5) * self._seconds / _SLICES)
            # Of one slice nobody knows the order. With the good ones last, a smaller
            # window of calls does not open the circuit for being there.
            for outcome in (FAILED | SLOW, FAILED, SLOW, 0):
                count = self._slices[number % _SLICES][outcome]
                if count:
                    yield moment, outcome, count

    def take_over(self, history: Iterable[Kept]) -> None:
        """Count what another window held, unless it is too old for this one."""
        for moment, outcome, count in history:
            number = min(self._newest, self._number(moment))
            if number > self._newest - _SLICES:
                self._put(number, outcome, count)

    def _number(self, moment: float) -> int:
        return int(moment * _SLICES / self._seconds)

    def _put(self, number: int, outcome: int, count: int) -> None:
        self._slices[number % _SLICES][outcome] += count
        self.calls += count
        self.failures += count * (outcome & FAILED)
        self.slow += count * (outcome >> 1)

    def _move_to(self, current: int) -> None:
        """Empty the slices that the window has moved over."""
        for number in range(max(self._newest + 1, current - _SLICES + 1), current + 1):
            good, failed, slow, both = self._slices[number % _SLICES]
            self.calls -= good + failed + slow + both
            self.failures -= failed + both
            self.slow -= slow + both
            self._slices[number % _SLICES] = [0, 0, 0, 0]
        self._begin(current)

    def _begin(self, number: int) -> None:
        self._newest = number
        self._ends = (number + 1) * self._seconds / _SLICES
        self._slice = self._slices[number % _SLICES]


Window: TypeAlias = CountWindow | TimeWindow


def made(config: CircuitBreakerConfig, now: Callable[[], float]) -> Window:
    """Return the empty window that `config` asks for."""
    if config.window_seconds is None:
        return CountWindow(config.window)
    return TimeWindow(config.window_seconds, now)


def fitted(
    window: Window, config: CircuitBreakerConfig, now: Callable[[], float]
) -> Window:
    """Return the window that `config` asks for, with what fits in of this one.

    A window of calls that becomes one of seconds keeps its outcomes as if they had all
    come now: of their times nothing is known.
    """
    if window.has_shape(config):
        return window
    other = made(config, now)
    other.take_over(window.history(now()))
    return other
