"""What can be configured, its defaults and its bounds."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lexigram.contracts.suggestions import refuse_unknown

__all__ = ["CircuitBreakerConfig", "ResilienceConfig", "RetryConfig"]


class _Section(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False
    )

    def __init__(self, /, **values: Any) -> None:
        refuse_unknown(type(self).__name__, values, type(self).model_fields)
        super().__init__(**values)

    # Tells pydantic that validating a mapping need not go through this constructor,
    # so that a configuration loader gets every problem with its place instead.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]


class RetryConfig(_Section):
    """How often, and how far apart, an operation is tried again."""

    max_attempts: int = Field(
        default=3,
        ge=1,
        le=100,
        description="Attempts in total, the first one included; 1 never repeats.",
    )
    base_delay: float = Field(
        default=0.1, ge=0, description="Seconds that the first wait is built from."
    )
    max_delay: float = Field(
        default=5.0,
        ge=0,
        description="The longest wait in seconds that the policy chooses by itself.",
    )
    jitter: Literal["decorrelated", "full", "none"] = Field(
        default="decorrelated",
        description=(
            "How waits are drawn: from `base_delay` to three times the wait before "
            '("decorrelated"), from 0 to a ceiling that doubles ("full"), or not at '
            'all ("none", which sends every client back at the same moment).'
        ),
    )
    max_retry_after: float = Field(
        default=60.0,
        ge=0,
        description=(
            "The longest wait in seconds that an upstream may ask for; when it asks "
            "for more, the call ends at once with what it has."
        ),
    )

    @model_validator(mode="after")
    def _check_delays(self) -> Self:
        if self.base_delay > self.max_delay:
            raise ValueError(
                f"`base_delay` {self.base_delay!r} is longer than `max_delay` "
                f"{self.max_delay!r}. Raise `max_delay` or lower `base_delay`."
            )
        return self


class CircuitBreakerConfig(_Section):
    """When a circuit opens, for how long, and what it takes to close it again."""

    failure_rate: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description=(
            "The share of failures, from which on a circuit opens and a trial fails."
        ),
    )
    minimum_calls: int = Field(
        default=20,
        ge=1,
        description=(
            "Counted calls before the rate means anything. Below 20, a few unlucky "
            "calls open the circuit of a healthy upstream; far above, a quiet one "
            "never opens."
        ),
    )
    window: int = Field(
        default=100,
        ge=1,
        le=100_000,
        description="How many of the latest counted calls the rate is taken over.",
    )
    consecutive_failures: int | None = Field(
        default=None,
        ge=1,
        description=(
            "Failures in a row that open a circuit whatever the rate; None turns it "
            "off."
        ),
    )
    open_duration: float = Field(
        default=30.0,
        gt=0,
        description=(
            "Seconds that a circuit stays open; the wait is drawn from its upper half."
        ),
    )
    open_duration_growth: float = Field(
        default=2.0,
        ge=1,
        description="What `open_duration` is multiplied by each time that a trial fails.",
    )
    max_open_duration: float = Field(
        default=300.0,
        gt=0,
        description="Seconds that the grown duration is limited to.",
    )
    half_open_permits: int = Field(
        default=3,
        ge=1,
        le=1000,
        description=(
            "Probes that a half open circuit lets through, and whose outcomes decide."
        ),
    )
    half_open_max_wait: float = Field(
        default=30.0,
        gt=0,
        description=(
            "Seconds after which a probe that has not come back counts as failed. "
            "Make it longer than an attempt may take."
        ),
    )
    max_keys: int = Field(
        default=1000,
        ge=1,
        description=(
            "Circuits that one breaker keeps; the longest unused closed ones are "
            "dropped."
        ),
    )

    @model_validator(mode="after")
    def _check_sizes(self) -> Self:
        if self.minimum_calls > self.window:
            raise ValueError(
                f"`minimum_calls` {self.minimum_calls!r} is more than the `window` "
                f"of {self.window!r} calls can hold, so that the circuit would never "
                "open. Raise `window` or lower `minimum_calls`."
            )
        if self.open_duration > self.max_open_duration:
            raise ValueError(
                f"`open_duration` {self.open_duration!r} is longer than "
                f"`max_open_duration` {self.max_open_duration!r}. Raise the maximum or "
                "lower the duration."
            )
        return self


class ResilienceConfig(_Section):
    """The section `resilience` of an application's configuration."""

    retry: RetryConfig = Field(
        default=RetryConfig(), description="Of the retry policy."
    )
    breaker: CircuitBreakerConfig = Field(
        default=CircuitBreakerConfig(),
        description="Of every circuit breaker in the registry.",
    )
