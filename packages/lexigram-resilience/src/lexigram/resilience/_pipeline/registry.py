"""The pipelines of an application, by name."""

from __future__ import annotations

from random import Random
from typing import Final

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import (
    CircuitBreakerProtocol,
    CircuitBreakerRegistryProtocol,
    ResiliencePipelineProtocol,
    RetryPolicyProtocol,
)
from lexigram.contracts.suggestions import did_you_mean
from lexigram.resilience._breaker.breaker import CircuitBreaker
from lexigram.resilience._config.pipeline import PipelineConfig
from lexigram.resilience._config.resilience import ResilienceConfig
from lexigram.resilience._config.timeouts import TimeoutsConfig
from lexigram.resilience._events.listeners import Events
from lexigram.resilience._pipeline.ordered import OrderedPipeline, Policy
from lexigram.resilience._pipeline.pipeline import ResiliencePipeline
from lexigram.resilience._retry.policy import RetryPolicy
from lexigram.resilience._shared.store import SharedStore
from lexigram.resilience._timing.policy import Timeouts

__all__ = ["DEFAULT", "PipelineRegistry"]

DEFAULT: Final = "default"
"""The pipeline of the application, and the breaker that it uses."""


class PipelineRegistry:
    """Makes the pipelines of a configuration, each when it is first asked for.

    Each has the breaker of its name from the registry of breakers, so that both are seen
    and commanded in one place.

    Args:
        config: The pipelines.
        breakers: Where the breakers come from.
        retry: The retry policy of the application's own pipeline; made from the
            configuration when there is none.
        clock: What all of them wait and measure by.
        random: What all of them draw with.
        events: Whom all of them tell.
        store: Where the limits are that are shared.
    """

    def __init__(
        self,
        config: ResilienceConfig,
        *,
        breakers: CircuitBreakerRegistryProtocol,
        retry: RetryPolicyProtocol | None = None,
        clock: ClockProtocol | None = None,
        random: Random | None = None,
        events: Events | None = None,
        store: SharedStore | None = None,
    ) -> None:
        self._configs = {**config.pipelines, DEFAULT: _top(config)}
        self._breakers = breakers
        self._retry = retry
        self._clock = clock
        self._random = random
        self._events = events
        self._store = store
        self._pipelines: dict[str, ResiliencePipelineProtocol] = {}

    def get(self, name: str = DEFAULT) -> ResiliencePipelineProtocol:
        """Return the pipeline of this name; the same one for the same name.

        Raises:
            LookupError: There is none; names the nearest one.
            ValueError: Its policies exclude each other.
        """
        pipeline = self._pipelines.get(name)
        if pipeline is None:
            config = self._configs.get(name)
            if config is None:
                raise LookupError(
                    f"There is no pipeline {name!r}. {did_you_mean(name, self._configs)} "
                    f"Configure it under `resilience: pipelines: {name}:`."
                )
            pipeline = self._pipelines[name] = self._make(name, config)
        return pipeline

    def names(self) -> tuple[str, ...]:
        """Return the names that are configured."""
        return tuple(self._configs)

    def _make(self, name: str, config: PipelineConfig) -> ResiliencePipelineProtocol:
        breaker = None if config.breaker is None else self._breakers.get(name)
        retry = None if config.retry is None or name != DEFAULT else self._retry
        ours = breaker if isinstance(breaker, CircuitBreaker) else None
        pipeline = ResiliencePipeline.from_config(
            config,
            name=name,
            breaker=ours,
            retry=retry if isinstance(retry, RetryPolicy) else None,
            clock=self._clock,
            random=self._random,
            events=self._events,
            store=self._store,
        )
        if (retry is None or isinstance(retry, RetryPolicy)) and breaker is ours:
            return pipeline
        return _with_others(pipeline, retry, breaker, self._clock)


def _top(config: ResilienceConfig) -> PipelineConfig:
    return PipelineConfig(
        **{name: getattr(config, name) for name in PipelineConfig.model_fields}
    )


def _with_others(
    pipeline: ResiliencePipeline,
    retry: RetryPolicyProtocol | None,
    breaker: CircuitBreakerProtocol | None,
    clock: ClockProtocol | None,
) -> OrderedPipeline:
    """Return the same policies with a retry or a breaker that somebody else wrote."""
    own = pipeline.policies
    total, attempt = _limits(own.timeouts, clock)
    order: tuple[Policy | None, ...] = (
        own.limiter,
        own.bulkhead,
        total,
        retry or own.retry,
        own.hedge,
        breaker or own.breaker,
        own.concurrency,
        own.throttle,
        attempt,
        own.chaos,
    )
    return OrderedPipeline(*(policy for policy in order if policy), name=pipeline.name)


def _limits(
    timeouts: Timeouts | None, clock: ClockProtocol | None
) -> tuple[Timeouts | None, Timeouts | None]:
    """Return the limit of a call and that of an attempt, which stand apart."""
    if timeouts is None:
        return None, None
    config = timeouts.config
    total = TimeoutsConfig(total=config.total, attempt=None)
    attempt = TimeoutsConfig(total=None, attempt=config.attempt)
    return (
        None if config.total is None else Timeouts(total, clock=clock),
        None if config.attempt is None else Timeouts(attempt, clock=clock),
    )
