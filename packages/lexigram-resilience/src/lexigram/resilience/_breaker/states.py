"""What a circuit can be in, and what it tells of itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["CircuitSnapshot", "CircuitState", "Transition"]


class CircuitState(StrEnum):
    """What a circuit does with the next call."""

    CLOSED = "closed"
    """Admits it."""

    OPEN = "open"
    """Refuses it until its wait is over."""

    HALF_OPEN = "half_open"
    """Admits it as a probe while there are places."""

    FORCED_OPEN = "forced_open"
    """Refuses it until somebody decides otherwise."""

    DISABLED = "disabled"
    """Admits it and counts nothing, until somebody decides otherwise."""

    METRICS_ONLY = "metrics_only"
    """Admits and counts it but never opens, until somebody decides otherwise."""


@dataclass(frozen=True, slots=True)
class CircuitSnapshot:
    """A circuit at one moment.

    Attributes:
        state: Its state. An open circuit whose wait is over stays open until a call
            asks.
        calls: Outcomes counted in this state, of those that are still in the window;
            while open, what it was opened by.
        failures: How many of them are failures.
        slow: How many of them were slow.
        consecutive_failures: Failures in a row, up to now; while open, those that it
            was opened by.
        probes: Probes that are out.
        late_results: Outcomes dropped since its making, of calls that were admitted
            before the latest transition.
        openings: How often it opened in a row, each time after a failed trial or too
            soon after it had closed.
        retry_after: Seconds until an open circuit admits a probe, else 0.
    """

    state: CircuitState
    calls: int
    failures: int
    slow: int
    consecutive_failures: int
    probes: int
    late_results: int
    openings: int
    retry_after: float


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of state.

    Attributes:
        state: The new one.
        before: The one before.
        calls: Outcomes that were counted in the old one.
        failures: How many of them were failures.
        slow: How many of them were slow.
        open_for: Seconds that an opened circuit refuses calls, else 0.
    """

    state: CircuitState
    before: CircuitState
    calls: int
    failures: int
    slow: int
    open_for: float = 0.0
