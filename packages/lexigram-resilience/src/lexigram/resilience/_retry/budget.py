"""A budget for attempts beyond the first, so that retrying cannot multiply an outage.

Each call pays in a fraction of an attempt, each second attempt takes out a whole one, and
both are forgotten after a window of some seconds (the retry budget of Finagle, which
tower has taken over). Counting what went out in a window, rather than what is under way,
is what makes it hold when attempts are short: an upstream that refuses at once is asked
most often.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from operator import length_hint
from typing import Final

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.resilience._config.budget import BudgetConfig
from lexigram.resilience._keyed import Keyed

__all__ = ["Purse", "RetryBudget"]

_SLICES: Final = 10
"""A call is forgotten when its slice of the window is: up to a tenth of it early."""

_UNTIMED_SHARE: Final = 8
"""Of the calls of a slice, one in so many may be counted without asking for the time."""


class Purse:
    """The budget of one key: no clock of its own.

    Counts calls and second attempts in ten slices of the window, as whole numbers.

    Asking for the time costs more than counting a call. Where many come, a few may
    therefore be counted without: they belong to the slice of the last look at the
    clock, which may forget them early but never late, and however the rate changes they
    are no more than an eighth of what that slice had.

    Attributes:
        untimed: The calls that may be counted without the time now: by taking one off,
            in the place of `deposit`. To take off an iterator costs nothing; a number
            that goes down is an object made for each call.
    """

    __slots__ = (
        "_calls",
        "_calls_in",
        "_floor",
        "_granted",
        "_newest",
        "_ratio",
        "_speed",
        "_spent",
        "_spent_in",
        "untimed",
    )

    untimed: Iterator[None]
    _granted: int

    def __init__(self, config: BudgetConfig) -> None:
        self._ratio = config.ratio
        self._floor = config.min_per_second * config.window
        self._speed = _SLICES / config.window
        self._newest = 0
        self._calls = self._spent = 0
        self._calls_in = [0] * _SLICES
        self._spent_in = [0] * _SLICES
        self._grant(0)

    def deposit(self, now: float) -> None:
        """Count a call."""
        self._look(now)
        place = self._newest % _SLICES
        self._calls += 1
        self._calls_in[place] += 1
        self._grant(self._calls_in[place] // _UNTIMED_SHARE)

    def withdraw(self, now: float) -> bool:
        """Take out one attempt if there is one."""
        if self.balance(now) < 1:
            return False
        self._spent += 1
        self._spent_in[self._newest % _SLICES] += 1
        return True

    def give_back(self) -> None:
        """Put back an attempt that was taken out and not made; the newest if several."""
        for number in range(self._newest, self._newest - _SLICES, -1):
            place = number % _SLICES
            if self._spent_in[place]:
                self._spent -= 1
                self._spent_in[place] -= 1
                return

    def balance(self, now: float) -> float:
        """Return how many attempts there are."""
        self._look(now)
        return self._floor + self._ratio * self._calls - self._spent

    def change(self, config: BudgetConfig) -> None:
        """Go on with another share and allowance, of the same window."""
        self._ratio = config.ratio
        self._floor = config.min_per_second * config.window

    def _look(self, now: float) -> None:
        """Count what came without the time, and move on to the slice of `now`."""
        left = length_hint(self.untimed)
        came = self._granted - left
        if came:
            self._calls += came
            self._calls_in[self._newest % _SLICES] += came
            self._granted = left
        current = int(now * self._speed)
        if current != self._newest:
            self._forget(current)

    def _forget(self, current: int) -> None:
        """Empty the slices that the window has moved over."""
        for number in range(max(self._newest + 1, current - _SLICES + 1), current + 1):
            place = number % _SLICES
            self._calls -= self._calls_in[place]
            self._spent -= self._spent_in[place]
            self._calls_in[place] = self._spent_in[place] = 0
        self._newest = current
        self._grant(0)

    def _grant(self, calls: int) -> None:
        """Let so many be counted without the time."""
        self._granted = calls
        self.untimed = repeat(None, calls)


class RetryBudget:
    """Budgets by key; give the same one to everything that makes second attempts.

    A retry policy and a hedge that share it cannot together ask an upstream more often
    than it allows. For one event loop.

    Args:
        config: How many second attempts there may be.
        clock: What the window is measured by; the running event loop's by default.

    Example:
        ```python
        budget = RetryBudget(BudgetConfig(ratio=0.1))
        policy = RetryPolicy(RetryConfig(max_attempts=5), budget=budget)
        rows = await policy.execute(fetch_rows)
        ```
    """

    def __init__(
        self, config: BudgetConfig | None = None, *, clock: ClockProtocol | None = None
    ) -> None:
        self._config = config or BudgetConfig()
        self._now = (clock or SystemClock()).monotonic
        self._purses = Keyed(
            lambda _: Purse(self._config),
            # What is forgotten begins with the allowance of a new key.
            may_go=lambda _: True,
            max_keys=self._config.max_keys,
        )

    def __repr__(self) -> str:
        return f"<RetryBudget {self._config!r}, {len(self._purses)} keys>"

    @property
    def config(self) -> BudgetConfig:
        """What is in force."""
        return self._config

    def reconfigure(self, config: BudgetConfig) -> None:
        """Go on with other numbers; what was counted stays unless the window is another."""
        kept = config.window == self._config.window
        self._config = config
        self._purses.change_limit(config.max_keys)
        for key, purse in self._purses.items():
            if kept:
                purse.change(config)
            else:
                self._purses.forget(key)

    def deposit(self, key: str = "") -> None:
        """Count a call, at its first attempt: that pays in `ratio` of a second one."""
        self._purses.get(key).deposit(self._now())

    def withdraw(self, key: str = "") -> bool:
        """Take out a second attempt and return True, or False when there is none."""
        return self._purses.get(key).withdraw(self._now())

    def give_back(self, key: str = "") -> None:
        """Put back a second attempt that was taken out and not made."""
        self._purses.get(key).give_back()

    def purse(self, key: str) -> Purse:
        """Return the budget of a key: what a policy counts with by itself."""
        return self._purses.get(key)

    def balance(self, key: str = "") -> float:
        """Return how many second attempts there are now, parts of one included."""
        return self._purses.get(key).balance(self._now())

    def balances(self) -> dict[str, float]:
        """Return the balance of each key."""
        now = self._now()
        return {key: purse.balance(now) for key, purse in self._purses.items()}
