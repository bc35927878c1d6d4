"""The configuration of an adaptive limit of concurrency."""

from typing import Self

from pydantic import Field, model_validator

from lexigram.resilience._config.section import Section

__all__ = ["AdaptiveConcurrencyConfig"]


class AdaptiveConcurrencyConfig(Section):
    """Between which bounds the limit moves, and what moves it."""

    initial_limit: int = Field(
        default=20,
        ge=1,
        description="Calls that may be under way at once as long as nothing is known.",
    )
    min_limit: int = Field(
        default=1, ge=1, description="The limit that no latency and no failure lowers."
    )
    max_limit: int = Field(
        default=200, ge=1, description="The limit that no success raises."
    )
    tolerance: float = Field(
        default=1.5,
        gt=1,
        le=10,
        description=(
            "How many times its usual latency an upstream may take before the limit "
            "goes down. An upstream that can always be given more to do is given so "
            "many times what it can do at once: the rest waits in its queue."
        ),
    )
    window: float = Field(
        default=1.0,
        gt=0,
        le=3600,
        description="Seconds of calls, at least, that each change of the limit is drawn from.",
    )
    min_samples: int = Field(
        default=10,
        ge=1,
        description=(
            "Calls, at least, that each change of the limit is drawn from; a window "
            "that has fewer goes on."
        ),
    )
    drop_tolerance: float = Field(
        default=0.05,
        ge=0,
        lt=1,
        description=(
            "The share of failures in a window that is no sign of overload. A larger "
            "one lowers the limit by itself, by half at most."
        ),
    )
    max_healthy_latency: float | None = Field(
        default=None,
        gt=0,
        description=(
            "Seconds; a higher average latency lowers the limit however usual it is. "
            "None compares with what is usual only."
        ),
    )
    probe_interval: float = Field(
        default=30.0,
        gt=0,
        description=(
            "Seconds of high latency with the limit in use, after which the usual "
            "latency is measured again: with a quarter of the limit, for one window."
        ),
    )
    max_keys: int = Field(
        default=1000,
        ge=1,
        description=(
            "Keys whose limit is kept; from there on the longest unused ones with "
            "nobody inside and no lowered limit are forgotten."
        ),
    )

    @model_validator(mode="after")
    def _check_limits(self) -> Self:
        if self.min_limit > self.max_limit:
            raise ValueError(
                f"`min_limit` {self.min_limit!r} is more than `max_limit` "
                f"{self.max_limit!r}. Raise the maximum or lower the minimum."
            )
        if not self.min_limit <= self.initial_limit <= self.max_limit:
            raise ValueError(
                f"`initial_limit` {self.initial_limit!r} is not between `min_limit` "
                f"{self.min_limit!r} and `max_limit` {self.max_limit!r}. Choose one "
                "that is, or move the bounds."
            )
        return self

    @model_validator(mode="after")
    def _check_times(self) -> Self:
        if self.probe_interval < self.window:
            raise ValueError(
                f"`probe_interval` {self.probe_interval!r} is shorter than the `window` "
                f"{self.window!r}, so that every other window would be a measurement. "
                "Raise the interval or shorten the window."
            )
        return self
