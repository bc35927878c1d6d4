"""What the policies tell those who listen, as values.

Give one `Events` to all policies that the same listeners are to hear of. With no
listener, no event is made.
"""

from lexigram.resilience._events.events import (
    AttemptFinished,
    CallFinished,
    CallRefused,
    ChaosInjected,
    CircuitChanged,
    Event,
    FallbackUsed,
    HedgeFinished,
    HedgeStarted,
    LateResult,
    LimitChanged,
    ReloadFailed,
    RetryGaveUp,
    RetryScheduled,
    Waited,
)
from lexigram.resilience._events.listeners import Events, Listener

__all__ = [
    "AttemptFinished",
    "CallFinished",
    "CallRefused",
    "ChaosInjected",
    "CircuitChanged",
    "Event",
    "Events",
    "FallbackUsed",
    "HedgeFinished",
    "HedgeStarted",
    "LateResult",
    "LimitChanged",
    "Listener",
    "ReloadFailed",
    "RetryGaveUp",
    "RetryScheduled",
    "Waited",
]
