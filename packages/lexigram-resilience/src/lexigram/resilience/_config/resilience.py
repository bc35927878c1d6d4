"""The section `resilience` of an application, put together from its parts."""

from typing import Self

from pydantic import Field, model_validator

from lexigram.resilience._config.breaker import CircuitBreakerConfig
from lexigram.resilience._config.pipeline import PipelineConfig

__all__ = ["ResilienceConfig"]


class ResilienceConfig(PipelineConfig):
    """The section `resilience` of an application's configuration.

    What stands at its top is the pipeline of the application and the defaults of its
    other pipelines and breakers.
    """

    breakers: dict[str, CircuitBreakerConfig] = Field(
        default={},
        description="By name, circuit breakers that are configured otherwise.",
    )
    pipelines: dict[str, PipelineConfig] = Field(
        default={},
        description=(
            "By name, pipelines beside that of the application. A policy that one does "
            "not mention has its defaults, not what stands at the top."
        ),
    )

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        if "default" in self.pipelines:
            raise ValueError(
                "`pipelines` has 'default', which is the pipeline at the top. Configure "
                "that there, or choose another name."
            )
        return self
