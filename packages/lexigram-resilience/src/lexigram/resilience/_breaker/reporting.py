"""What a circuit says to logs, to listeners and to those it refuses."""

from __future__ import annotations

import logging
from typing import Final

from lexigram.contracts.resilience import CircuitOpenError
from lexigram.resilience._breaker.states import CircuitState, Transition
from lexigram.resilience._events.events import (
    CallRefused,
    CircuitChanged,
    LateResult,
)
from lexigram.resilience._events.listeners import Events

__all__ = ["Reporter", "refusal"]

_log = logging.getLogger("lexigram.resilience.breaker")

_LOGGED: Final = {
    CircuitState.OPEN: ("resilience.breaker.opened", logging.WARNING),
    CircuitState.HALF_OPEN: ("resilience.breaker.half_open", logging.INFO),
    CircuitState.CLOSED: ("resilience.breaker.closed", logging.INFO),
    CircuitState.FORCED_OPEN: ("resilience.breaker.forced_open", logging.WARNING),
    CircuitState.DISABLED: ("resilience.breaker.disabled", logging.WARNING),
    CircuitState.METRICS_ONLY: ("resilience.breaker.metrics_only", logging.INFO),
}

_REASONS: Final = {
    CircuitState.OPEN: "is open: the upstream kept failing. Try again in {left:.3g} s, "
    "when it admits a probe.",
    CircuitState.HALF_OPEN: "is half open and as many probes are out as it admits. Try "
    "again when they have come back.",
    CircuitState.CLOSED: "is recovering and admits only a part of the calls yet. Try "
    "again soon.",
    CircuitState.FORCED_OPEN: "was opened by hand. Close it with `reset`.",
}


class Reporter:
    """Tells of one circuit."""

    __slots__ = ("_breaker", "_events", "_key")

    def __init__(self, breaker: str, key: str, events: Events) -> None:
        self._breaker = breaker
        self._key = key
        self._events = events

    def changed(self, transition: Transition) -> None:
        """Log a change of state, and tell the listeners."""
        self._log(transition)
        if self._events.listeners:
            self._events.tell(
                CircuitChanged(
                    policy=self._breaker,
                    key=self._key,
                    state=transition.state.value,
                    before=transition.before.value,
                    calls=transition.calls,
                    failures=transition.failures,
                    slow=transition.slow,
                    open_for=transition.open_for,
                )
            )

    def late(self) -> None:
        """Tell the listeners of an outcome that was dropped."""
        if self._events.listeners:
            self._events.tell(LateResult(self._breaker, self._key))

    def _log(self, transition: Transition) -> None:
        message, level = _LOGGED[transition.state]
        if not _log.isEnabledFor(level):
            return
        facts: dict[str, object] = {"breaker": self._breaker, "key": self._key}
        if transition.state is CircuitState.OPEN:
            # Nothing was counted here when it was others that found the upstream down.
            counted = transition.calls or 1
            facts |= {
                "failure_rate": transition.failures / counted,
                "slow_call_rate": transition.slow / counted,
                "calls": transition.calls,
                "open_for": transition.open_for,
            }
        _log.log(level, message, extra=facts)


def refusal(
    breaker: str, key: str, state: CircuitState, left: float, events: Events
) -> CircuitOpenError:
    """Return what a refused call raises, and tell the listeners of it.

    Args:
        breaker: The name of the breaker.
        key: Of the call.
        state: Of the circuit.
        left: Seconds until it admits a probe, if it is open.
        events: Who is told.
    """
    retry_after = left if state is CircuitState.OPEN else None
    if events.listeners:
        events.tell(CallRefused(breaker, key, "breaker", retry_after))
    reason = _REASONS[state].format(left=left)
    return CircuitOpenError(
        f"The circuit {key!r} of the breaker {breaker!r} {reason}",
        key=key,
        retry_after=retry_after,
    )
