"""A limit of concurrency that finds itself, of one key: no I/O, no clock of its own.

What is given to an upstream beyond what it can do at once waits in its queue, and makes
every call take longer. So the limit follows the gradient: how long calls may take,
`tolerance` times what is usual, to how long they take (the idea of Netflix'
concurrency-limits and of Envoy's adaptive concurrency filter). By Little's law, limit and
latency are proportional as soon as there is a queue, so that one step

    limit * tolerance * usual / latency

leads to where latency is just what is tolerated, and the next one stays there.

Rules:

- A step follows from a window: so much time and so many calls. A latency counts for the
  window in which its call began, under the limit that the window is about; failures,
  which often take long, count for the one in which they come. Neutral ones, cancelled
  calls among them, do not count.
- An average of few, or very different, latencies says little: from it the limit moves by
  what is certain, give or take the standard error.
- Upwards, a step is no larger than the square root of the limit, and there is none unless
  half of the limit was in use. Downwards, it is no larger than half of the limit.
- A share of failures that is too large is an overload whatever the latency. The limit
  then loses this share.
- The usual latency follows slowly what is measured, but not into a queue of our own
  making: that would become usual, and the limit grow to its maximum. When nothing has
  confirmed it for a time, or the limit has lost three quarters and it did not help, it is
  measured anew: for one window the limit is a quarter of itself, so that there is no
  queue, and then what it was.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Final

from lexigram.contracts.resilience import Outcome
from lexigram.resilience._config.concurrency import AdaptiveConcurrencyConfig

__all__ = ["AdaptiveLimit"]

_FOLLOWS: Final = 0.1
"""How much of the way to a window's latency the usual one goes."""

_LOWEST_STEP: Final = 0.5
"""What the limit is multiplied by in one step, at least."""

_ERRORS: Final = 2
"""How many standard errors an average has to be beyond what is tolerated.

Growth keeps one from it on the other side: with none, chance would take the limit upwards
until there are two.
"""

_MEASURING: Final = 0.25
"""The part of the limit that the usual latency is measured with."""


class AdaptiveLimit:
    """The limit of one key, and the calls under it.

    Attributes:
        in_flight: Calls that are under way.
        limit: Calls that may be under way at once.
        usual: The usual latency in seconds; None as long as none is known.
    """

    __slots__ = (
        "_began",
        "_changed",
        "_config",
        "_dropped",
        "_ends",
        "_exact",
        "_highest",
        "_measured_at",
        "_min_samples",
        "_peak",
        "_put_aside",
        "_samples",
        "_squares",
        "_total",
        "in_flight",
        "limit",
        "usual",
    )

    _peak: int
    """The most calls that were under way at once in this window."""

    _samples: int
    _total: float
    """Seconds that the successful calls took together."""

    _squares: float
    """The squares of those seconds, together."""

    _dropped: int
    """Calls that failed."""

    def __init__(
        self,
        config: AdaptiveConcurrencyConfig,
        now: float,
        changed: Callable[[AdaptiveLimit], None],
    ) -> None:
        self._config = config
        self._min_samples = config.min_samples
        self._changed = changed
        self.in_flight: int = 0
        self.usual: float | None = None
        self.limit: int = config.initial_limit
        # The fraction of it that is left over counts in the next step.
        self._exact: float = self.limit
        # What it will be after the measurement; None when there is none.
        self._put_aside: float | None = None
        # When the usual latency was last known to be right, and the highest limit since.
        self._measured_at = now
        self._highest: float = self._exact
        self._begin(now)

    @property
    def is_measuring(self) -> bool:
        """Whether it is low in order to measure the usual latency."""
        return self._put_aside is not None

    def try_acquire(self, now: float) -> bool:  # noqa: ARG002 - said in the docstring
        """Take a place if one is free; whoever has one gives it back by `release`.

        The time is not looked at: it is what `release` is given as `began`.
        """
        taken = self.in_flight
        if taken >= self.limit:
            return False
        self.in_flight = taken = taken + 1
        if taken > self._peak:  # noqa: PLR1730 - `max` costs more than all the rest
            self._peak = taken
        return True

    def release(self, began: float, outcome: Outcome, now: float) -> None:
        """Give back a place.

        Args:
            began: When it was taken.
            outcome: What the call says of the upstream.
            now: The time.
        """
        self.in_flight -= 1
        if outcome == "success":
            if began < self._began:
                return
            duration = now - began
            self._samples += 1
            self._total += duration
            self._squares += duration * duration
        elif outcome == "failure":
            self._dropped += 1
        else:
            return
        if now >= self._ends and self._samples + self._dropped >= self._min_samples:
            self._conclude(now)

    def change(self, config: AdaptiveConcurrencyConfig) -> None:
        """Go on within other bounds, with what was learned."""
        self._config = config
        self._min_samples = config.min_samples
        self._ends = self._began + config.window
        if self._put_aside is not None:
            self._put_aside = self._bounded(self._put_aside)
        self._set(self._exact)

    def may_go(self, now: float) -> bool:
        """Say whether a new one would do as well: nobody inside, and nothing withheld.

        That the limit is low says nothing any more when it was found long ago.
        """
        if self.in_flight:
            return False
        config = self._config
        return (
            self.limit >= config.initial_limit
            or now - self._began >= config.probe_interval
        )

    def _conclude(self, now: float) -> None:
        """Draw the conclusion from the window that is over, and begin the next one."""
        latency = self._total / self._samples if self._samples else None
        before = self._exact if self._put_aside is None else self._put_aside
        limit, measures = before, False
        if latency is not None:
            if self._put_aside is not None:
                self.usual = latency
                self._confirm(before, now)
            else:
                limit = self._step(before, latency, now)
                measures = self._must_measure(limit, now)
        dropped = self._dropped / (self._samples + self._dropped)
        if dropped > self._config.drop_tolerance:
            limit = min(limit, before * max(_LOWEST_STEP, 1 - dropped))
        limit = self._bounded(limit)
        self._highest = max(self._highest, limit)
        self._put_aside = limit if measures else None
        self._begin(now)
        self._set(limit * _MEASURING if measures else limit)

    def _step(self, limit: float, latency: float, now: float) -> float:
        """Return the limit that `latency` leads to."""
        usual = self.usual
        if usual is None:
            usual = self.usual = latency
        config, in_use = self._config, self._is_in_use()
        error = self._standard_error(latency)
        surely = latency - _ERRORS * error
        if in_use:
            # Half of what is tolerated may be a queue of our own.
            is_usual = latency <= usual * (1 + config.tolerance) / 2
        else:
            is_usual = surely <= usual * config.tolerance
        if is_usual:
            # What follows a queue upwards, for all its slowness, is no confirmation.
            if not in_use or latency <= usual:
                self._confirm(limit, now)
            usual = self.usual = usual + _FOLLOWS * (latency - usual)
        healthy = usual * config.tolerance
        if config.max_healthy_latency is not None:
            healthy = min(healthy, config.max_healthy_latency)
        if surely > healthy:
            lowered = limit * max(_LOWEST_STEP, healthy / surely)
            # A limit that nobody felt is no cause: first it has to be felt.
            return lowered if in_use else min(limit, max(lowered, 2 * self._peak))
        if not in_use or latency + error > healthy:
            return limit
        return _raised(limit, healthy, latency + error)

    def _standard_error(self, latency: float) -> float:
        """Return that of the average latency."""
        variance = self._squares / self._samples - latency * latency
        # Of equal numbers, rounding may leave it a little below 0.
        return sqrt(max(0.0, variance) / self._samples)

    def _must_measure(self, limit: float, now: float) -> bool:
        return self._is_in_use() and (
            now - self._measured_at >= self._config.probe_interval
            or limit <= self._highest * _MEASURING
        )

    def _is_in_use(self) -> bool:
        return 2 * self._peak >= self.limit

    def _confirm(self, limit: float, now: float) -> None:
        self._measured_at = now
        self._highest = limit

    def _begin(self, now: float) -> None:
        self._began = now
        self._ends = now + self._config.window
        self._peak = self.in_flight
        self._samples = self._dropped = 0
        self._total = self._squares = 0.0

    def _bounded(self, limit: float) -> float:
        return min(self._config.max_limit, max(self._config.min_limit, limit))

    def _set(self, limit: float) -> None:
        self._exact = self._bounded(limit)
        before, self.limit = self.limit, int(self._exact)
        if self.limit != before:
            self._changed(self)


def _raised(limit: float, healthy: float, latency: float) -> float:
    """Return what leads to a latency of `healthy`, or as much as one step may."""
    highest = limit + sqrt(limit)
    # Compared as products: a latency may be 0.
    if limit * healthy >= latency * highest:
        return highest
    return limit * healthy / latency
