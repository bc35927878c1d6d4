"""The state machine of one circuit: no I/O, no asyncio, no clock of its own.

            too many failures              wait is over and a call asks
    CLOSED ───────────────────▶ OPEN ───────────────────▶ HALF_OPEN
      ▲                          ▲                          │   │
      │                          └── trial can not pass ────┘   │
      └───────────────────── trial passed ──────────────────────┘

    FORCED_OPEN, DISABLED, METRICS_ONLY: from any state and to any, by `move` alone.

Rules:

* `admit` hands out a permit or refuses; whoever got one gives it back by `record`,
  once, whatever happened to the call. Both return at once and nobody is ever queued, so
  that no herd is let loose when a circuit closes.
* Each transition begins a new generation with nothing counted. A permit is good for the
  generation it was handed out in; what comes back later is dropped. Numbers are used
  once, so that a call from one trial can not take part in the next.
* An outcome is a success, a failure or neutral. Neutral (cancellation is) says nothing
  of the upstream: it is not counted, and gives a probe's place back.
* CLOSED admits all. It opens when at least `minimum_calls` are in the window and
  `failure_rate` of them failed or `slow_call_rate` of them were slow, or at
  `consecutive_failures`.
* OPEN refuses all until its wait is over. The wait is drawn from the upper half of
  `open_duration`, which grows with each opening in a row: clients that saw the same
  outage do not come back together. The row ends when the circuit has been closed for
  as long as its window is.
* HALF_OPEN is a trial of `half_open_permits` counted outcomes, `half_open_max_concurrent`
  at a time and never more than are missing. It closes when all are counted; it re-opens
  as soon as the failures reach `failure_rate` of the permits, or the slow ones
  `slow_call_rate`.
* A probe that is out for `half_open_max_wait` counts as failed as soon as the next call
  asks: one that hangs can not hold the circuit half open.
* A circuit that has passed a trial admits a growing share of the calls for
  `recovery_ramp` seconds, if that is set: the upstream is well, but cold.
* Where circuits are coordinated (`_shared/circuits.py`), what others found opens a
  closed one, and a trial begins when the fleet lets this process try.
* Another configuration changes no state. A trial ends under what it began with, a wait
  too; an outcome is slow by what was in force when its call was admitted.

Callers run it on one event loop, and nothing in it awaits: no lock is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final, Protocol

from lexigram.contracts.resilience import Outcome
from lexigram.resilience._breaker.states import (
    CircuitSnapshot,
    CircuitState,
    Transition,
)
from lexigram.resilience._breaker.trial import Trial
from lexigram.resilience._breaker.waits import BreakDuration, OpenWaits
from lexigram.resilience._breaker.windows import (
    FAILED,
    SLOW,
    Window,
    fitted,
    made,
)
from lexigram.resilience._config.breaker import CircuitBreakerConfig

__all__ = ["Circuit", "CircuitSnapshot", "CircuitState", "Transition", "Watcher"]

# Reading a member off its enum costs more than all else that admits a call.
_CLOSED: Final = CircuitState.CLOSED
_OPEN: Final = CircuitState.OPEN
_HALF_OPEN: Final = CircuitState.HALF_OPEN
_DISABLED: Final = CircuitState.DISABLED

_COUNTING: Final = (_CLOSED, CircuitState.METRICS_ONLY)

_UNCOUNTED: Final = 0
"""The permit of a call whose outcome nobody wants; never that of any other."""

_EARLY: Final = 1e-6
"""Seconds before its wait is over, that an open circuit already takes for its end.

Differences of times are rounded, and timers of a loop are as exact as its clock: who
slept for exactly `retry_after` may come an instant early.
"""

_FIRST_SHARE: Final = 0.1
"""Of the calls, that a circuit admits when its recovery begins."""


class Watcher(Protocol):
    """Whoever wants to know what happens to a circuit; must not raise."""

    def changed(self, transition: Transition) -> None:
        """The circuit is in another state."""

    def late(self) -> None:
        """An outcome was dropped."""


class Circuit:
    """The state of one upstream, as its calls tell it.

    Attributes:
        state: The state as of the last call.
        slow_after: Seconds from which on a call is slow; None when nobody needs to know
            how long one takes.
    """

    __slots__ = (
        "_admits_all",
        "_closed_at",
        "_config",
        "_consecutive",
        "_counted",
        "_generation",
        "_last_number",
        "_late_results",
        "_may_try",
        "_now",
        "_older",
        "_open_until",
        "_openings",
        "_ramp",
        "_random",
        "_trial",
        "_waits",
        "_watcher",
        "_window",
        "slow_after",
        "state",
    )

    _window: Window
    _counted: Window | Trial
    """What a snapshot shows: the window, the trial, or what the circuit opened by."""

    _trial: Trial | None
    """The one that goes on; never in another state than HALF_OPEN."""

    _generation: int
    _consecutive: int
    slow_after: float | None
    state: CircuitState

    def __init__(
        self,
        config: CircuitBreakerConfig,
        *,
        now: Callable[[], float],
        random: Random,
        watcher: Watcher,
        state: CircuitState = _CLOSED,
        break_duration: BreakDuration | None = None,
        may_try: Callable[[], float] | None = None,
    ) -> None:
        self._config = config
        self._may_try = may_try
        self._now = now
        self._random = random
        self._waits = OpenWaits(random, break_duration)
        self._watcher = watcher
        self._late_results = 0
        # Generations and probes are numbered by one counter: no two are equal.
        self._last_number = 0
        # Generations that still count, and what was slow when they were handed out.
        self._older: dict[int, float | None] = {}
        self._openings = 0
        self._open_until = 0.0
        self._closed_at = 0.0
        self._ramp = 0.0
        self._become(state)

    @property
    def is_recovering(self) -> bool:
        """Whether it is closed and does not admit every call yet."""
        return self.state is _CLOSED and self._share() < 1

    @property
    def retry_after(self) -> float:
        """Seconds until an open circuit admits a probe; 0 in any other state."""
        if self.state is not _OPEN:
            return 0.0
        return max(0.0, self._open_until - self._now())

    def snapshot(self) -> CircuitSnapshot:
        """Return the state and the counts."""
        if self.state in _COUNTING:
            self._window.refresh()
        return CircuitSnapshot(
            state=self.state,
            calls=self._counted.calls,
            failures=self._counted.failures,
            slow=self._counted.slow,
            consecutive_failures=self._consecutive,
            probes=0 if self._trial is None else self._trial.probes,
            late_results=self._late_results,
            openings=self._openings,
            retry_after=self.retry_after,
        )

    def admit(self) -> int | None:
        """Return a permit for one call, or None to refuse it."""
        if self._admits_all:
            return self._generation
        if self._trial is not None:
            self._trial.give_up(self._now())
            self._conclude(self._trial, None)
        elif self.state is _OPEN and self.retry_after < _EARLY:
            self._try()
        return self._admit_some()

    def record(
        self,
        permit: int,
        outcome: Outcome,
        duration: float | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Take back a permit with the outcome of its call.

        Args:
            permit: What `admit` returned.
            outcome: What the call says of the upstream.
            duration: Seconds that it took; None when `slow_after` was None as it began.
            retry_after: Seconds that the upstream asked to wait.
        """
        if permit == self._generation:
            limit = self.slow_after
        elif permit in self._older:
            limit = self._older[permit]
        else:
            self._record_probe(permit, outcome, duration, retry_after)
            return
        if outcome == "success":
            wrong = self._consecutive = 0
        elif outcome == "failure":
            wrong = FAILED
            self._consecutive += 1
        else:
            return
        if duration is not None and limit is not None and duration >= limit:
            wrong |= SLOW
        window = self._window
        window.add(wrong)
        if (window.failures or window.slow) and self._is_failing():
            self._open(retry_after)

    def move(self, state: CircuitState) -> None:
        """Begin anew in a state that somebody decided on, with nothing counted.

        Args:
            state: One that needs no trial and no wait: neither open nor half open.
        """
        self._openings = 0
        self._ramp = 0.0
        self._enter(state)

    def hold(self, seconds: float) -> None:
        """Be open for so long, since others found the upstream down.

        For a closed circuit and an open one; in any other state it knows better.
        """
        if self.state is _CLOSED:
            self._open_until = self._now() + seconds
            self._enter(_OPEN, seconds)
        elif self.state is _OPEN:
            self._open_until = self._now() + seconds

    def _try(self) -> None:
        """Begin a trial, unless somebody else does; then go on waiting."""
        wait = 0.0 if self._may_try is None else self._may_try()
        if wait:
            self._open_until = self._now() + wait
        else:
            self._enter(_HALF_OPEN)

    def reconfigure(self, config: CircuitBreakerConfig) -> None:
        """Go on in the same state, with as much of what is counted as still fits."""
        self._config = config
        if self.state not in _COUNTING:
            return
        if self.slow_after != config.slow_call_duration:
            self._older[self._generation] = self.slow_after
            self._generation = self._next_number()
            self.slow_after = config.slow_call_duration
        self._window = self._counted = fitted(self._window, config, self._now)

    def _admit_some(self) -> int | None:
        if self._trial is not None:
            number = self._next_number()
            return number if self._trial.send(number, self._now()) else None
        if self.state is _DISABLED:
            return _UNCOUNTED
        if self.state is not _CLOSED:
            return None
        share = self._share()
        self._admits_all = share >= 1
        if self._admits_all or self._random.random() < share:
            return self._generation
        return None

    def _share(self) -> float:
        """Return the share of the calls that it admits while it is closed."""
        if not self._ramp:
            return 1.0
        passed = (self._now() - self._closed_at) / self._ramp
        return _FIRST_SHARE + (1 - _FIRST_SHARE) * passed

    def _record_probe(
        self,
        number: int,
        outcome: Outcome,
        duration: float | None,
        retry_after: float | None,
    ) -> None:
        trial = self._trial
        if trial is not None and trial.take_back(number, outcome, duration):
            self._conclude(trial, retry_after)
        elif number != _UNCOUNTED:
            self._late_results += 1
            self._watcher.late()

    def _conclude(self, trial: Trial, retry_after: float | None) -> None:
        verdict = trial.verdict
        if verdict == "failed":
            self._open(retry_after)
        elif verdict == "passed":
            self._closed_at = self._now()
            self._ramp = self._config.recovery_ramp
            self._enter(_CLOSED)

    def _is_failing(self) -> bool:
        if self.state is not _CLOSED:
            return False
        window, config = self._window, self._config
        limit = config.consecutive_failures
        if limit is not None and self._consecutive >= limit:
            return True
        calls = window.calls
        if calls < config.minimum_calls:
            return False
        # Divided, not multiplied: 0.07 * 100 is more than 7, while 7 / 100 is 0.07.
        return window.failures / calls >= config.failure_rate or (
            self.slow_after is not None and window.slow / calls >= config.slow_call_rate
        )

    def _open(self, retry_after: float | None) -> None:
        now = self._now()
        if self.state is _CLOSED and self._has_settled(now):
            self._openings = 0
        counted = self._counted
        wait = self._waits.draw(
            self._config,
            (counted.calls, counted.failures, counted.slow),
            self._openings,
            retry_after,
        )
        self._openings += 1
        self._open_until = now + wait
        self._enter(_OPEN, wait)

    def _has_settled(self, now: float) -> bool:
        """Say whether it was closed for so long that an earlier outage is history."""
        config, closed_for = self._config, now - self._closed_at
        if config.window_seconds is not None:
            return closed_for >= config.window_seconds
        # A quiet upstream may need a month for as many calls.
        return (
            self._window.calls >= config.window
            or closed_for >= config.max_open_duration
        )

    def _enter(self, state: CircuitState, open_for: float = 0.0) -> None:
        before, counted = self.state, self._counted
        self._become(state)
        if state is not before:
            self._watcher.changed(
                Transition(
                    state=state,
                    before=before,
                    calls=counted.calls,
                    failures=counted.failures,
                    slow=counted.slow,
                    open_for=open_for,
                )
            )

    def _become(self, state: CircuitState) -> None:
        self.state = state
        self._generation = self._next_number()
        self._older.clear()
        self._admits_all = state in _COUNTING and not self._ramp
        self.slow_after = self._config.slow_call_duration
        self._trial = None
        if state is _OPEN:
            return
        if state is _HALF_OPEN:
            self._counted = self._trial = Trial(self._config)
            return
        if state is _DISABLED:
            self.slow_after = None
        self._consecutive = 0
        self._window = self._counted = made(self._config, self._now)

    def _next_number(self) -> int:
        self._last_number += 1
        return self._last_number
