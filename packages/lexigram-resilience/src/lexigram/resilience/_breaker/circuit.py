"""The state machine of one circuit: no I/O, no asyncio, no clock of its own.

            too many failures              wait is over and a call asks
    CLOSED ───────────────────▶ OPEN ───────────────────▶ HALF_OPEN
      ▲                          ▲                          │   │
      │                          └── trial can not pass ────┘   │
      └───────────────────── trial passed ──────────────────────┘

Rules:

* `admit` hands out a permit or refuses; whoever got one gives it back by `record`,
  once, whatever happened to the call. Both return at once and nobody is ever queued, so
  that no herd is let loose when a circuit closes.
* Each transition begins a new generation with nothing counted. A permit is good for the
  generation it was handed out in; what comes back later is dropped. Numbers are used
  once, so that a call from one trial can not take part in the next.
* An outcome is a success, a failure or neutral. Neutral (cancellation is) says nothing
  of the upstream: it is not counted, and gives a probe's place back.
* CLOSED admits all. It opens when at least `minimum_calls` of the last `window` calls
  are counted and `failure_rate` of them failed, or at `consecutive_failures`.
* OPEN refuses all until its wait is over. The wait is drawn from the upper half of
  `open_duration`, which grows with each trial that fails in a row: clients that saw the
  same outage do not come back together.
* HALF_OPEN is a trial of `half_open_permits` counted outcomes. It never has more probes
  out than outcomes missing. It closes when all are counted; it re-opens as soon as the
  failures reach `failure_rate` of the permits.
* A probe that is out for `half_open_max_wait` counts as failed as soon as the next call
  asks: one that hangs can not hold the circuit half open.

Callers run it on one event loop, and nothing in it awaits: no lock is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

from lexigram.contracts.resilience import Outcome
from lexigram.resilience._breaker.windows import CountWindow
from lexigram.resilience._config.breaker import CircuitBreakerConfig

__all__ = ["Circuit", "CircuitSnapshot", "CircuitState", "Transition"]


class CircuitState(StrEnum):
    """What a circuit does with the next call."""

    CLOSED = "closed"
    """Admits it."""

    OPEN = "open"
    """Refuses it until its wait is over."""

    HALF_OPEN = "half_open"
    """Admits it as a probe while there are places."""


# Reading a member off its enum costs more than all else that admits a call.
_CLOSED: Final = CircuitState.CLOSED
_OPEN: Final = CircuitState.OPEN
_HALF_OPEN: Final = CircuitState.HALF_OPEN


@dataclass(frozen=True, slots=True)
class CircuitSnapshot:
    """A circuit at one moment.

    Attributes:
        state: Its state. An open circuit whose wait is over stays open until a call
            asks.
        calls: Outcomes counted in this state; while open, what it was opened by.
        failures: How many of them are failures.
        consecutive_failures: Failures in a row, up to now.
        probes: Probes that are out.
        late_results: Outcomes dropped since its making, of calls that were admitted
            before the latest transition.
        retry_after: Seconds until an open circuit admits a probe, else 0.
    """

    state: CircuitState
    calls: int
    failures: int
    consecutive_failures: int
    probes: int
    late_results: int
    retry_after: float


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of state.

    Attributes:
        state: The new one.
        calls: Outcomes that were counted in the old one.
        failures: How many of them were failures.
        open_for: Seconds that an opened circuit refuses calls, else 0.
    """

    state: CircuitState
    calls: int
    failures: int
    open_for: float = 0.0


class Circuit:
    """The state of one upstream, as its calls tell it."""

    __slots__ = (
        "_config",
        "_generation",
        "_last_number",
        "_late_results",
        "_now",
        "_on_transition",
        "_open_duration",
        "_open_until",
        "_probes",
        "_random",
        "_state",
        "_window",
    )

    def __init__(
        self,
        config: CircuitBreakerConfig,
        *,
        now: Callable[[], float],
        random: Random,
        on_transition: Callable[[Transition], None],
    ) -> None:
        self._config = config
        self._now = now
        self._random = random
        self._on_transition = on_transition
        self._state = _CLOSED
        self._window = CountWindow(config.window)
        # Generations and probes are numbered by one counter: no two are equal.
        self._last_number = self._generation = 0
        self._probes: dict[int, float] = {}
        self._open_duration = config.open_duration
        self._open_until = 0.0
        self._late_results = 0

    @property
    def state(self) -> CircuitState:
        """The state as of the last call."""
        return self._state

    @property
    def retry_after(self) -> float:
        """Seconds until an open circuit admits a probe; 0 in any other state."""
        if self._state is not _OPEN:
            return 0.0
        return max(0.0, self._open_until - self._now())

    def snapshot(self) -> CircuitSnapshot:
        """Return the state and the counts."""
        return CircuitSnapshot(
            state=self._state,
            calls=self._window.calls,
            failures=self._window.failures,
            consecutive_failures=self._window.consecutive,
            probes=len(self._probes),
            late_results=self._late_results,
            retry_after=self.retry_after,
        )

    def admit(self) -> int | None:
        """Return a permit for one call, or None to refuse it."""
        if self._state is _CLOSED:
            return self._generation
        now = self._now()
        if self._state is _HALF_OPEN:
            self._fail_overdue_probes(now)
        elif now >= self._open_until:
            self._try_out()
        return self._permit(now)

    def record(self, permit: int, outcome: Outcome) -> None:
        """Take back a permit with the outcome of its call."""
        if permit == self._generation:
            # Only a closed circuit hands out its generation.
            if outcome != "neutral":
                self._window.add(failed=outcome == "failure")
                if self._window.failures and self._is_failing():
                    self._open()
        elif self._probes.pop(permit, None) is None:
            self._late_results += 1
        elif outcome != "neutral":
            self._count_probe(failed=outcome == "failure")

    def _is_failing(self) -> bool:
        window, config = self._window, self._config
        limit = config.consecutive_failures
        if limit is not None and window.consecutive >= limit:
            return True
        # Divided, not multiplied: 0.07 * 100 is more than 7, while 7 / 100 is 0.07.
        return (
            window.calls >= config.minimum_calls
            and window.failures / window.calls >= config.failure_rate
        )

    def _permit(self, now: float) -> int | None:
        if self._state is _CLOSED:
            # The trial had enough successes to pass without its overdue probes.
            return self._generation
        taken = self._window.calls + len(self._probes)
        if self._state is _OPEN or taken >= self._config.half_open_permits:
            return None
        self._last_number += 1
        self._probes[self._last_number] = now
        return self._last_number

    def _fail_overdue_probes(self, now: float) -> None:
        latest = now - self._config.half_open_max_wait
        for probe in [p for p, since in self._probes.items() if since <= latest]:
            # Gone when an earlier one of them ended the trial.
            if self._probes.pop(probe, None) is not None:
                self._count_probe(failed=True)

    def _count_probe(self, *, failed: bool) -> None:
        self._window.add(failed=failed)
        config, window = self._config, self._window
        if window.failures / config.half_open_permits >= config.failure_rate:
            longer = self._open_duration * config.open_duration_growth
            self._open_duration = min(config.max_open_duration, longer)
            self._open()
        elif window.calls == config.half_open_permits:
            self._close()

    def _open(self) -> None:
        wait = self._random.uniform(self._open_duration / 2, self._open_duration)
        self._open_until = self._now() + wait
        # The window stays, for a snapshot to show what opened the circuit.
        self._enter(_OPEN, self._window, open_for=wait)

    def _try_out(self) -> None:
        window = CountWindow(self._config.half_open_permits)
        self._enter(_HALF_OPEN, window)

    def _close(self) -> None:
        self._open_duration = self._config.open_duration
        self._enter(_CLOSED, CountWindow(self._config.window))

    def _enter(
        self, state: CircuitState, window: CountWindow, *, open_for: float = 0.0
    ) -> None:
        before, self._window = self._window, window
        self._state = state
        self._last_number += 1
        self._generation = self._last_number
        self._probes.clear()
        self._on_transition(Transition(state, before.calls, before.failures, open_for))
