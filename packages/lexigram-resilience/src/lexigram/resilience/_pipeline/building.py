"""Making the policies of a pipeline, and changing them while calls go through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol, TypeVar

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import Call
from lexigram.resilience._adaptive.concurrency import AdaptiveConcurrency
from lexigram.resilience._adaptive.throttle import AdaptiveThrottle
from lexigram.resilience._admission.bulkhead import Bulkhead
from lexigram.resilience._admission.limiter import RateLimiter
from lexigram.resilience._breaker.breaker import CircuitBreaker
from lexigram.resilience._breaker.states import CircuitState
from lexigram.resilience._chaos.policy import Chaos
from lexigram.resilience._config.hedging import HedgeConfig
from lexigram.resilience._config.limiter import RateLimiterConfig
from lexigram.resilience._config.pipeline import PipelineConfig
from lexigram.resilience._config.retry import RetryConfig
from lexigram.resilience._events.listeners import Events
from lexigram.resilience._hedging.policy import HedgePolicy
from lexigram.resilience._pipeline.plan import Plan, Policies
from lexigram.resilience._retry.budget import RetryBudget
from lexigram.resilience._retry.policy import RetryPolicy
from lexigram.resilience._shared.limiter import SharedRateLimiter
from lexigram.resilience._shared.store import SharedStore
from lexigram.resilience._timing.policy import Timeouts

__all__ = ["Maker"]

C_contra = TypeVar("C_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes policies that share what one pipeline has.

    Attributes:
        name: What the pipeline and its policies are called.
        clock: What they wait and measure by.
        random: What they draw with.
        events: Whom they tell.
        store: Where limits are that are shared; None where there are none.
    """

    name: str
    clock: ClockProtocol
    random: Random
    events: Events
    store: SharedStore | None = None

    def plan(self, policies: Policies) -> Plan:
        """Return what a pipeline of these policies does."""
        return Plan(self.name, policies, self.clock, self.events)

    def policies(self, config: PipelineConfig, now: Policies) -> Policies:
        """Return the policies that `config` asks for.

        Those that are there now go on with what they know. A fallback is nothing that a
        configuration can name, and stays.

        Raises:
            ValueError: The chaos cannot do what it is configured to, or a limit is to be
                shared and there is no store; nothing has changed.
        """
        limiter = self._limiter(config.limiter, now.limiter)
        name, clock, events = self.name, self.clock, self.events
        # First, because it may refuse: what comes before it would have changed.
        chaos = _kept(
            now.chaos,
            config.chaos,
            lambda made: Chaos(
                made,
                name=name,
                random=self.random if made.seed is None else None,
                clock=clock,
                events=events,
            ),
        )
        retry = self._retry(config.retry, now.retry)
        breaker = _kept(
            now.breaker,
            config.breaker,
            lambda made: CircuitBreaker(
                name, made, clock=clock, random=self.random, events=events
            ),
        )
        # A hedge is bound to the two; beside others it would ask those that are gone.
        bound = now.breaker is breaker and _budget(now.retry) is _budget(retry)
        return Policies(
            fallback=now.fallback,
            limiter=_kept(limiter, config.limiter, self._new_limiter),
            bulkhead=_kept(
                now.bulkhead,
                config.bulkhead,
                lambda made: Bulkhead(made, name=name, clock=clock, events=events),
            ),
            timeouts=None
            if config.timeouts is None
            else Timeouts(config.timeouts, clock=clock),
            retry=retry,
            hedge=_kept(
                now.hedge if bound else None,
                config.hedge,
                lambda made: self._hedge(made, retry, breaker),
            ),
            breaker=breaker,
            concurrency=_kept(
                now.concurrency,
                config.concurrency,
                lambda made: AdaptiveConcurrency(
                    made, name=name, clock=clock, events=events
                ),
            ),
            throttle=_kept(
                now.throttle,
                config.throttle,
                lambda made: AdaptiveThrottle(
                    made, name=name, clock=clock, random=self.random, events=events
                ),
            ),
            chaos=chaos,
        )

    def _limiter(
        self, config: RateLimiterConfig | None, now: RateLimiter | None
    ) -> RateLimiter | None:
        """Return the present limiter if it can go on with this configuration."""
        shared = config is not None and config.shared
        there = isinstance(now, SharedRateLimiter)
        if shared and not there and self.store is None:
            raise ValueError(
                f"The limiter of the pipeline {self.name!r} is `shared`, and there is no "
                "store to share it on. Give a `SharedStore`, or configure "
                "`resilience: store:`."
            )
        return now if there is shared else None

    def _new_limiter(self, config: RateLimiterConfig) -> RateLimiter:
        name, clock, events = self.name, self.clock, self.events
        if config.shared and self.store is not None:
            return SharedRateLimiter(
                config, store=self.store, name=name, clock=clock, events=events
            )
        return RateLimiter(config, name=name, clock=clock, events=events)

    def _retry(
        self, config: RetryConfig | None, now: RetryPolicy | None
    ) -> RetryPolicy | None:
        if config is None:
            return None
        if now is not None and now.config == config:
            return now
        # A policy knows nothing but its budget, which goes on.
        budget = None
        if now is not None and now.budget is not None and config.budget is not None:
            budget = now.budget
            budget.reconfigure(config.budget)
        return RetryPolicy(
            config,
            name=self.name,
            clock=self.clock,
            random=self.random,
            budget=budget,
            events=self.events,
        )

    def _hedge(
        self,
        config: HedgeConfig,
        retry: RetryPolicy | None,
        breaker: CircuitBreaker | None,
    ) -> HedgePolicy:
        def is_well(call: Call[Any]) -> bool:
            # Of an upstream that may be well again one probe is enough.
            return (
                breaker is None
                or breaker.circuit(call.key).state is not CircuitState.HALF_OPEN
            )

        budget = _budget(retry)
        return HedgePolicy(
            config,
            budget=budget,
            counts_calls=budget is None,
            may_hedge=is_well,
            name=self.name,
            clock=self.clock,
            events=self.events,
        )


def _budget(retry: RetryPolicy | None) -> RetryBudget | None:
    return None if retry is None else retry.budget


class _Changeable(Protocol[C_contra]):
    """A policy that can go on with another configuration."""

    @property
    def config(self) -> object: ...

    def reconfigure(self, config: C_contra) -> None: ...


P = TypeVar("P", bound=_Changeable[Any])
C = TypeVar("C")


def _kept(now: P | None, config: C | None, make: Callable[[C], P]) -> P | None:
    """Return the policy of a configuration: the present one if there is one."""
    if config is None:
        return None
    if now is None:
        return make(config)
    if now.config != config:
        now.reconfigure(config)
    return now
