"""The events, as values: what happened, to which key, with which numbers.

Each has a stable `name`; the fields are what a log line or a metric is made of. No event
holds a URL or anything else of high cardinality but the key of the call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from lexigram.contracts.resilience import Outcome

__all__ = [
    "AttemptFinished",
    "CallFinished",
    "CallRefused",
    "ChaosInjected",
    "CircuitChanged",
    "Event",
    "FallbackUsed",
    "HedgeFinished",
    "HedgeStarted",
    "LateResult",
    "LimitChanged",
    "ReloadFailed",
    "RetryGaveUp",
    "RetryScheduled",
    "Waited",
]


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened in a policy.

    Attributes:
        policy: The name of the policy or pipeline it happened in.
        key: The `Call.key` it happened to.
    """

    name: ClassVar[str] = "event"

    policy: str
    key: str


@dataclass(frozen=True, slots=True)
class CallFinished(Event):
    """A call is over.

    Attributes:
        operation: `Call.operation`.
        result: "ok" for a result that the judge does not call a failure, else "failed",
            "rejected", "timeout" or "cancelled".
        attempts: How many were made; one that a policy refused was not.
        duration: Seconds, those waited for a permit or a place included.
    """

    name: ClassVar[str] = "call"

    operation: str
    result: Literal["ok", "failed", "rejected", "timeout", "cancelled"]
    attempts: int
    duration: float


@dataclass(frozen=True, slots=True)
class AttemptFinished(Event):
    """An attempt is over.

    Attributes:
        number: Its number, from 1.
        outcome: What it says of the upstream.
        reason: Why, in a word: "503", "timeout".
        duration: Seconds.
    """

    name: ClassVar[str] = "attempt"

    number: int
    outcome: Outcome
    reason: str
    duration: float


@dataclass(frozen=True, slots=True)
class RetryScheduled(Event):
    """Another attempt will be made.

    Attributes:
        operation: `Call.operation`.
        attempt: The number of the attempt that was not good enough.
        delay: Seconds until the next one.
        reason: Why, in a word.
    """

    name: ClassVar[str] = "retry.scheduled"

    operation: str
    attempt: int
    delay: float
    reason: str


@dataclass(frozen=True, slots=True)
class RetryGaveUp(Event):
    """No other attempt will be made, though the last one was worth repeating.

    Attributes:
        operation: `Call.operation`.
        attempts: How many were made.
        limit: What stood against another: `max_attempts`, the deadline of the call or of
            what surrounds it, `max_duration`, `max_retry_after`, the budget, or a retry
            around this one, which goes on.
        reason: Why the last one was not good enough, in a word.
    """

    name: ClassVar[str] = "retry.exhausted"

    operation: str
    attempts: int
    limit: Literal[
        "attempts", "deadline", "duration", "retry_after", "budget", "outer_retry"
    ]
    reason: str


@dataclass(frozen=True, slots=True)
class CircuitChanged(Event):
    """A circuit is in another state.

    Attributes:
        state: The new one.
        before: The one before.
        calls: Outcomes that were counted in it.
        failures: How many of them were failures.
        slow: How many of them were slow.
        open_for: Seconds that it refuses calls; 0 unless it opened.
    """

    name: ClassVar[str] = "breaker.changed"

    state: str
    before: str
    calls: int
    failures: int
    slow: int
    open_for: float


@dataclass(frozen=True, slots=True)
class LateResult(Event):
    """An outcome was dropped: its call began before the circuit's latest transition."""

    name: ClassVar[str] = "breaker.late"


@dataclass(frozen=True, slots=True)
class CallRefused(Event):
    """A policy refused a call.

    Attributes:
        kind: Which kind of policy.
        retry_after: Seconds until it may be admitted; None when not known.
    """

    name: ClassVar[str] = "refused"

    kind: Literal["breaker", "bulkhead", "limiter", "concurrency", "throttle"]
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Waited(Event):
    """A call was admitted after a wait.

    Attributes:
        kind: By which kind of policy.
        duration: Seconds.
    """

    name: ClassVar[str] = "waited"

    kind: Literal["bulkhead", "limiter"]
    duration: float


@dataclass(frozen=True, slots=True)
class LimitChanged(Event):
    """An adaptive limit moved.

    Attributes:
        limit: Calls that may be under way at once from now on.
        in_flight: Calls that are.
    """

    name: ClassVar[str] = "concurrency.changed"

    limit: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class HedgeStarted(Event):
    """Another attempt was started beside one that takes long, or after one that failed.

    Attributes:
        number: Its number, from 2.
        delay: Seconds that the one before it had been given.
    """

    name: ClassVar[str] = "hedge.started"

    number: int
    delay: float


@dataclass(frozen=True, slots=True)
class HedgeFinished(Event):
    """A call of which more than one attempt was under way is over.

    Attributes:
        winner: The number of the attempt whose outcome was taken, from 1.
    """

    name: ClassVar[str] = "hedge.finished"

    winner: int


@dataclass(frozen=True, slots=True)
class FallbackUsed(Event):
    """An answer stood in for that of the operation.

    Attributes:
        kind: Where it came from.
        reason: What it stood in for: the name of an exception, or the judge's word.
    """

    name: ClassVar[str] = "fallback"

    kind: Literal["value", "function", "stale"]
    reason: str


@dataclass(frozen=True, slots=True)
class ChaosInjected(Event):
    """A call was disturbed on purpose.

    Attributes:
        kind: How.
    """

    name: ClassVar[str] = "chaos"

    kind: Literal["behaviour", "latency", "fault", "outcome"]


@dataclass(frozen=True, slots=True)
class ReloadFailed(Event):
    """A new configuration was refused and the old one stays.

    Attributes:
        problem: What is wrong with it.
    """

    name: ClassVar[str] = "reload.failed"

    problem: str
