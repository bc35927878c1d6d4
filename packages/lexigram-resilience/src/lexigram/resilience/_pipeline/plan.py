"""What a pipeline does with each call: its policies, and what follows from them.

A plan is made once, for each configuration, and never changes: a call goes by the plan
it began with to its end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.timers import CommonTimer
from lexigram.resilience._adaptive.concurrency import AdaptiveConcurrency
from lexigram.resilience._adaptive.throttle import AdaptiveThrottle
from lexigram.resilience._admission.bulkhead import Bulkhead
from lexigram.resilience._admission.limiter import RateLimiter
from lexigram.resilience._breaker.breaker import CircuitBreaker
from lexigram.resilience._chaos.policy import Chaos
from lexigram.resilience._config.pipeline import PipelineConfig
from lexigram.resilience._events.listeners import Events
from lexigram.resilience._fallback.policy import Fallback
from lexigram.resilience._hedging.policy import HedgePolicy
from lexigram.resilience._layers import Layer
from lexigram.resilience._retry.policy import RetryPolicy
from lexigram.resilience._timing.policy import Timeouts

__all__ = ["Plan", "Policies"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """The policies of a pipeline, in the order in which a call meets them.

    The retry is outside of the breaker, so that each attempt is a sample and an open
    circuit ends the repeating. The limit of an attempt's time is inside of it, so that
    hanging counts as failing. What admits calls is outside of the retry, so that a call
    holds one place however often it is repeated. Chaos is innermost, so that all the
    others see it.
    """

    fallback: Fallback[Any] | None = None
    limiter: RateLimiter | None = None
    bulkhead: Bulkhead | None = None
    timeouts: Timeouts | None = None
    retry: RetryPolicy | None = None
    hedge: HedgePolicy | None = None
    breaker: CircuitBreaker | None = None
    concurrency: AdaptiveConcurrency | None = None
    throttle: AdaptiveThrottle | None = None
    chaos: Chaos | None = None

    def config(self, *, strict: bool) -> PipelineConfig:
        """Return what they are configured as."""
        parts = {
            name: None if policy is None else policy.config
            for name, policy in self.items()
            if name in PipelineConfig.model_fields
        }
        return PipelineConfig(**parts, strict=strict)

    def items(self) -> list[tuple[str, Any]]:
        """Return each place and its policy, or None, outermost first."""
        return [(each.name, getattr(self, each.name)) for each in fields(self)]

    def names(self) -> list[str]:
        """Return what there is, outermost first."""
        return [name for name, policy in self.items() if policy is not None]


@dataclass(slots=True)
class Plan:
    """The policies, and what each call needs to know of them.

    Attributes:
        name: Of the pipeline.
        policies: All of them.
        clock: What waits and measures.
        events: Whom the pipeline tells.
        now: The time.
        layers: What each attempt asks.
        total: Seconds for a call; None for no limit.
        attempt: Seconds for an attempt; None for no limit.
        timer: Rings for attempts that have all of that, of all calls.
        repeats: Whether there is a retry, which makes more than one attempt.
        collapses: Whether that leaves the repeating to a retry around it.
        duration: The `max_duration` of the retry.
    """

    name: str
    policies: Policies
    clock: ClockProtocol
    events: Events
    now: Callable[[], float] = field(init=False)
    layers: tuple[Layer, ...] = field(init=False)
    total: float | None = field(init=False)
    attempt: float | None = field(init=False)
    timer: CommonTimer | None = field(init=False)
    repeats: bool = field(init=False)
    collapses: bool = field(init=False)
    duration: float | None = field(init=False)

    def __post_init__(self) -> None:
        policies = self.policies
        self.now = self.clock.monotonic
        self.layers = tuple(_layers(policies))
        limits = policies.timeouts and policies.timeouts.config
        self.total = limits.total if limits else None
        self.attempt = limits.attempt if limits else None
        self.timer = None if self.attempt is None else CommonTimer(self.attempt)
        retry = policies.retry and policies.retry.config
        self.repeats = retry.max_attempts > 1 if retry else False
        self.collapses = retry.nested == "collapse" if retry else False
        self.duration = retry.max_duration if retry else None


def _layers(policies: Policies) -> list[Layer]:
    layers: list[Layer] = []
    if policies.breaker is not None:
        layers.append(policies.breaker)
    if policies.concurrency is not None:
        layers.append(policies.concurrency)
    if policies.throttle is not None:
        layers.append(policies.throttle)
    return layers
