"""What an application gets when it adds resilience."""

from __future__ import annotations

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.di import ConfigSection, ModuleDefinition, bind, written_at
from lexigram.contracts.resilience import (
    CircuitBreakerRegistryProtocol,
    ResiliencePipelineProtocol,
    RetryPolicyProtocol,
)
from lexigram.resilience._breaker.registry import CircuitBreakerRegistry
from lexigram.resilience._config.resilience import ResilienceConfig
from lexigram.resilience._pipeline.pipeline import ResiliencePipeline
from lexigram.resilience._retry.policy import RetryPolicy

__all__ = ["ResilienceModule"]


class ResilienceModule:
    """Brings the pipeline, its retry policy and the breakers into an application.

    Example:
        ```python
        async with Application.boot(
            modules=[HTTPModule.configure(), ResilienceModule.configure()]
        ) as app: ...
        ```
    """

    @staticmethod
    def configure(config: ResilienceConfig | None = None) -> ModuleDefinition:
        """Return the module; the section `resilience` is merged with `config`."""
        return ModuleDefinition(
            name="ResilienceModule",
            providers=(
                bind(RetryPolicyProtocol).to(_retry_policy),
                bind(CircuitBreakerRegistryProtocol).to(_breaker_registry),
                bind(ResiliencePipelineProtocol).to(_pipeline),
            ),
            exports=(
                ResiliencePipelineProtocol,
                RetryPolicyProtocol,
                CircuitBreakerRegistryProtocol,
            ),
            config=ConfigSection("resilience", ResilienceConfig, explicit=config),
            origin=written_at(),
        )


def _retry_policy(
    config: ResilienceConfig, clock: ClockProtocol | None = None
) -> RetryPolicyProtocol:
    return RetryPolicy(config.retry, clock=clock)


def _breaker_registry(
    config: ResilienceConfig, clock: ClockProtocol | None = None
) -> CircuitBreakerRegistryProtocol:
    return CircuitBreakerRegistry(config.breaker, clock=clock)


def _pipeline(
    retry: RetryPolicyProtocol, breakers: CircuitBreakerRegistryProtocol
) -> ResiliencePipelineProtocol:
    return ResiliencePipeline(retry=retry, breaker=breakers.get("default"))
