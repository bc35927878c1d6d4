"""What an application gets when it adds resilience."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from typing import Annotated, Any

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.di import (
    Binding,
    ConfigSection,
    ModuleDefinition,
    Named,
    bind,
    written_at,
)
from lexigram.contracts.health import HealthCheckProtocol
from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.contracts.resilience import (
    CircuitBreakerRegistryProtocol,
    IdempotencyStoreProtocol,
    ResiliencePipelineProtocol,
    RetryPolicyProtocol,
)
from lexigram.resilience._breaker.registry import CircuitBreakerRegistry
from lexigram.resilience._config.resilience import ResilienceConfig
from lexigram.resilience._events.listeners import Events
from lexigram.resilience._idempotency.memory import MemoryIdempotencyStore
from lexigram.resilience._pipeline.registry import DEFAULT, PipelineRegistry
from lexigram.resilience._retry.policy import RetryPolicy
from lexigram.resilience._shared.circuits import FleetCircuits
from lexigram.resilience._shared.idempotency import SharedIdempotencyStore
from lexigram.resilience._shared.sharing import Sharing
from lexigram.resilience._shared.store import SharedStore
from lexigram.resilience._watching.health import CircuitHealthCheck
from lexigram.resilience._watching.metrics import MetricsListener
from lexigram.resilience._watching.store import StoreHealthCheck

__all__ = ["ResilienceModule"]


class ResilienceModule:
    """Brings pipelines, a retry policy and circuit breakers into an application.

    A client that finds a `ResiliencePipelineProtocol` uses it, so that to add the module
    is all there is to do. Registered beside it are the policies that it is made of
    (`RetryPolicyProtocol`, `CircuitBreakerRegistryProtocol`), the `PipelineRegistry` of
    all pipelines, the `Events` that all of them tell, and the health check
    "circuit-breakers", which open circuits degrade. Where `store` is configured, the
    limiters that say `shared` are kept there, and the `IdempotencyStoreProtocol`, which
    else is the process' own; the `Sharing` that holds it is closed with the application,
    and the health check "resilience-store" asks it.

    What the policies do is recorded by a `MetricsRecorderProtocol`, where one is
    registered; more listeners are added to the `Events`. Time is that of a registered
    `ClockProtocol`, or else of the event loop.

    Example:
        ```python
        async with Application.boot(
            modules=[HTTPModule.configure(), ResilienceModule.configure()]
        ) as app: ...
        ```
    """

    @staticmethod
    def configure(
        config: ResilienceConfig | None = None, *, pipelines: Collection[str] = ()
    ) -> ModuleDefinition:
        """Return the module; the section `resilience` is merged with `config`.

        Args:
            config: Fields set here win over the files' and yield to the environment's.
            pipelines: Names of pipelines that are injected as
                `Annotated[ResiliencePipelineProtocol, Named("partner")]`; those that
                `config` has are anyway.
        """
        names = dict.fromkeys([*pipelines, *(config.pipelines if config else ())])
        named = [_named(name) for name in names]
        return ModuleDefinition(
            name="ResilienceModule",
            providers=(
                bind(Events).to(_events),
                bind(RetryPolicyProtocol).to(_retry_policy),
                bind(CircuitBreakerRegistryProtocol).to(_breaker_registry),
                bind(Sharing).to(_sharing),
                bind(IdempotencyStoreProtocol).to(_idempotency_store),
                bind(PipelineRegistry).to(_pipeline_registry),
                bind(ResiliencePipelineProtocol).to(_pipeline_of(DEFAULT)),
                bind(_HEALTH).to(_health_check),
                bind(_STORE_HEALTH).to(_store_health_check),
                *named,
            ),
            exports=(
                Events,
                RetryPolicyProtocol,
                CircuitBreakerRegistryProtocol,
                Sharing,
                IdempotencyStoreProtocol,
                PipelineRegistry,
                ResiliencePipelineProtocol,
                _HEALTH,
                _STORE_HEALTH,
                *(binding.key for binding in named),
            ),
            config=ConfigSection("resilience", ResilienceConfig, explicit=config),
            origin=written_at(),
        )


_HEALTH: Any = Annotated[HealthCheckProtocol, Named("circuit-breakers")]
_STORE_HEALTH: Any = Annotated[HealthCheckProtocol, Named("resilience-store")]


def _events(metrics: MetricsRecorderProtocol | None = None) -> Events:
    return Events([] if metrics is None else [MetricsListener(metrics)])


def _retry_policy(
    config: ResilienceConfig, events: Events, clock: ClockProtocol | None = None
) -> RetryPolicyProtocol:
    return RetryPolicy(config.retry, name=DEFAULT, clock=clock, events=events)


def _breaker_registry(
    config: ResilienceConfig, events: Events, clock: ClockProtocol | None = None
) -> CircuitBreakerRegistryProtocol:
    own = {
        name: pipeline.breaker
        for name, pipeline in config.pipelines.items()
        if pipeline.breaker is not None
    }
    return CircuitBreakerRegistry(
        config.breaker, configs={**own, **config.breakers}, clock=clock, events=events
    )


async def _sharing(
    config: ResilienceConfig,
    breakers: CircuitBreakerRegistryProtocol,
    events: Events,
    clock: ClockProtocol | None = None,
) -> AsyncIterator[Sharing]:
    if config.store is None:
        yield Sharing()
        return
    async with SharedStore(config.store, clock=clock, events=events) as store:
        coordination = config.store.coordination
        if coordination is None or not isinstance(breakers, CircuitBreakerRegistry):
            yield Sharing(store)
            return
        async with FleetCircuits(
            store, breakers, events=events, config=coordination, clock=clock
        ) as fleet:
            yield Sharing(store, fleet)


def _idempotency_store(
    sharing: Sharing, clock: ClockProtocol | None = None
) -> IdempotencyStoreProtocol:
    if sharing.store is None:
        return MemoryIdempotencyStore(clock=clock)
    return SharedIdempotencyStore(sharing.store)


def _pipeline_registry(
    config: ResilienceConfig,
    retry: RetryPolicyProtocol,
    breakers: CircuitBreakerRegistryProtocol,
    events: Events,
    sharing: Sharing,
    clock: ClockProtocol | None = None,
) -> PipelineRegistry:
    return PipelineRegistry(
        config,
        breakers=breakers,
        retry=retry,
        clock=clock,
        events=events,
        store=sharing.store,
    )


def _health_check(breakers: CircuitBreakerRegistryProtocol) -> HealthCheckProtocol:
    return CircuitHealthCheck(breakers)


def _store_health_check(sharing: Sharing) -> HealthCheckProtocol:
    return StoreHealthCheck(sharing)


def _pipeline_of(
    name: str,
) -> Callable[[PipelineRegistry], ResiliencePipelineProtocol]:
    def pipeline(pipelines: PipelineRegistry) -> ResiliencePipelineProtocol:
        return pipelines.get(name)

    return pipeline


def _named(name: str) -> Binding:
    key: Any = Annotated[ResiliencePipelineProtocol, Named(name)]
    return bind(key).to(_pipeline_of(name))
