"""Events as metrics.

All names begin with `lexigram.resilience.`, durations are in seconds, and each metric has
the tags `policy` (the name of a policy or pipeline) and `key` (`Call.key`) beside these:

| metric | kind | tags |
|---|---|---|
| calls | counter | result: ok, failed, rejected, timeout, cancelled |
| pipeline.duration | histogram | result |
| attempt.duration | histogram | outcome: success, failure, neutral |
| retry.attempts | counter | reason |
| retry.exhausted | counter | limit: as in `RetryGaveUp` |
| breaker.calls | counter | kind: success, failure, neutral, late, not_permitted |
| breaker.state | gauge | none; the values are those of `STATES` |
| breaker.transitions | counter | to |
| limiter.rejected, bulkhead.rejected | counter | none |
| concurrency.rejected, throttle.rejected | counter | none |
| bulkhead.wait, limiter.wait | histogram | none |
| concurrency.limit, concurrency.in_flight | gauge | none |
| hedge.fired, hedge.won | counter | none |
| fallback.used, chaos.injected | counter | kind |
| reload.failed | counter | none |
"""

from __future__ import annotations

from typing import Final, TypeAlias

from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.resilience._breaker.states import CircuitState
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

__all__ = ["STATES", "MetricsListener"]

Tags: TypeAlias = dict[str, str]

STATES: Final = {
    CircuitState.CLOSED: 0,
    CircuitState.HALF_OPEN: 1,
    CircuitState.OPEN: 2,
    CircuitState.FORCED_OPEN: 3,
    CircuitState.DISABLED: 4,
    CircuitState.METRICS_ONLY: 5,
}
"""What the gauge `breaker.state` holds: the higher of the first four, the worse."""

_PREFIX: Final = "lexigram.resilience."
_OTHERS: Final = "other"


class MetricsListener:
    """Records each event of policies and pipelines.

    Args:
        recorder: Where the numbers go.
        max_keys: Values of the tag `key`; those that come later are all "other". A
            process that talks to thousands of hosts must not make a time series each.

    Example:
        ```python
        events = Events([MetricsListener(recorder)])
        pipeline = ResiliencePipeline.from_config(events=events)
        invoice = await pipeline.execute(fetch_invoice)
        ```
    """

    def __init__(
        self, recorder: MetricsRecorderProtocol, *, max_keys: int = 100
    ) -> None:
        self._recorder = recorder
        self._max_keys = max_keys
        self._keys: set[str] = set()

    def __call__(self, event: Event) -> None:
        """Record one event; of a kind that is not in the table, nothing."""
        tags = {"policy": event.policy, "key": self._group(event.key)}
        match event:
            case AttemptFinished(outcome=outcome, duration=duration):
                self._count("breaker.calls", tags | {"kind": outcome})
                self._observe("attempt.duration", duration, tags | {"outcome": outcome})
            case CallFinished(result=result, duration=duration):
                self._count("calls", tags | {"result": result})
                self._observe("pipeline.duration", duration, tags | {"result": result})
            case CallRefused(kind="breaker"):
                self._count("breaker.calls", tags | {"kind": "not_permitted"})
            case CallRefused(kind=kind):
                self._count(f"{kind}.rejected", tags)
            case Waited(kind=kind, duration=duration):
                self._observe(f"{kind}.wait", duration, tags)
            case RetryScheduled(reason=reason):
                self._count("retry.attempts", tags | {"reason": reason})
            case _:
                self._record_rare(event, tags)

    def _record_rare(self, event: Event, tags: Tags) -> None:
        match event:
            case RetryGaveUp(limit=limit):
                self._count("retry.exhausted", tags | {"limit": limit})
            case CircuitChanged(state=state):
                self._set("breaker.state", STATES[CircuitState(state)], tags)
                self._count("breaker.transitions", tags | {"to": state})
            case LateResult():
                self._count("breaker.calls", tags | {"kind": "late"})
            case LimitChanged(limit=allowed, in_flight=in_flight):
                self._set("concurrency.limit", allowed, tags)
                self._set("concurrency.in_flight", in_flight, tags)
            case HedgeStarted():
                self._count("hedge.fired", tags)
            case HedgeFinished(winner=winner) if winner > 1:
                self._count("hedge.won", tags)
            case FallbackUsed(kind=kind):
                self._count("fallback.used", tags | {"kind": kind})
            case ChaosInjected(kind=kind):
                self._count("chaos.injected", tags | {"kind": kind})
            case ReloadFailed():
                self._count("reload.failed", tags)

    def _group(self, key: str) -> str:
        if key not in self._keys:
            if len(self._keys) >= self._max_keys:
                return _OTHERS
            self._keys.add(key)
        return key

    def _count(self, name: str, tags: Tags) -> None:
        self._recorder.increment(_PREFIX + name, 1, tags)

    def _observe(self, name: str, value: float, tags: Tags) -> None:
        self._recorder.histogram(_PREFIX + name, value, tags)

    def _set(self, name: str, value: float, tags: Tags) -> None:
        self._recorder.gauge(_PREFIX + name, value, tags)
