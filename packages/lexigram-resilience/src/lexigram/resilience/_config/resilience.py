"""The section `resilience` of an application, put together from its parts."""

from typing import Self

from pydantic import Field, model_validator

from lexigram.resilience._config.breaker import CircuitBreakerConfig
from lexigram.resilience._config.pipeline import PipelineConfig
from lexigram.resilience._config.store import StoreConfig

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

    store: StoreConfig | None = Field(
        default=None,
        description=(
            "The server on which processes share the limiters that are `shared`; None "
            "keeps everything in the process."
        ),
    )

    @model_validator(mode="after")
    def _check_store(self) -> Self:
        places = {"": self.limiter} | {
            f"pipelines.{name}.": each.limiter for name, each in self.pipelines.items()
        }
        for place, limiter in places.items():
            if limiter is not None and limiter.shared and self.store is None:
                raise ValueError(
                    f"`{place}limiter.shared` is set and there is no `store` to share "
                    "it on. Configure `resilience: store: {url: redis://...}`, or leave "
                    "out `shared`."
                )
        return self

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        if "default" in self.pipelines:
            raise ValueError(
                "`pipelines` has 'default', which is the pipeline at the top. Configure "
                "that there, or choose another name."
            )
        return self
