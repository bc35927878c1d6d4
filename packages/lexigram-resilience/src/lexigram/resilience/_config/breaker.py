"""The configuration of a circuit breaker."""

from typing import Self

from pydantic import Field, model_validator

from lexigram.resilience._config.section import Section

__all__ = ["CircuitBreakerConfig"]


class CircuitBreakerConfig(Section):
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
            "Counted calls before a rate means anything. Below 20, a few unlucky calls "
            "open the circuit of a healthy upstream; far above, a quiet one never opens."
        ),
    )
    window: int = Field(
        default=100,
        ge=1,
        le=100_000,
        description=(
            "How many of the latest counted calls a rate is taken over, unless "
            "`window_seconds` is set."
        ),
    )
    window_seconds: float | None = Field(
        default=None,
        gt=0,
        le=86_400,
        description=(
            "Seconds whose calls a rate is taken over, however many they are; a call "
            "is forgotten up to a tenth of it early. None counts the latest `window` "
            "calls instead."
        ),
    )
    consecutive_failures: int | None = Field(
        default=None,
        ge=1,
        description=(
            "Failures in a row that open a circuit whatever the rate; None turns it "
            "off."
        ),
    )
    slow_call_duration: float | None = Field(
        default=None,
        gt=0,
        description=(
            "Seconds from which on a call is slow, whatever its outcome; None measures "
            "no call."
        ),
    )
    slow_call_rate: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description=(
            "The share of slow calls, from which on a circuit opens and a trial fails."
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
        description=(
            "What `open_duration` is multiplied by for each opening in a row: after a "
            "failed trial, or before the circuit was closed for as long as the window."
        ),
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
    half_open_max_concurrent: int = Field(
        default=1,
        ge=1,
        le=1000,
        description="How many of the probes may be out at once.",
    )
    half_open_max_wait: float = Field(
        default=30.0,
        gt=0,
        description=(
            "Seconds after which a probe that has not come back counts as failed. "
            "Make it longer than an attempt may take."
        ),
    )
    recovery_ramp: float = Field(
        default=0.0,
        ge=0,
        description=(
            "Seconds after a passed trial in which the share of calls that is admitted "
            "grows from a tenth to all; 0 admits all at once."
        ),
    )
    max_keys: int = Field(
        default=1000,
        ge=1,
        description=(
            "Circuits that one breaker keeps; from there on the longest unused closed "
            "ones are forgotten."
        ),
    )

    @model_validator(mode="after")
    def _check_sizes(self) -> Self:
        if self.window_seconds is None and self.minimum_calls > self.window:
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
        if self.half_open_max_concurrent > self.half_open_permits:
            raise ValueError(
                f"`half_open_max_concurrent` {self.half_open_max_concurrent!r} is more "
                f"than the {self.half_open_permits!r} probes of `half_open_permits`. "
                "Raise the permits or lower the concurrency."
            )
        return self

    @model_validator(mode="after")
    def _check_slowness(self) -> Self:
        longest, slow = self.half_open_max_wait, self.slow_call_duration
        if slow is not None and slow > longest:
            raise ValueError(
                f"`slow_call_duration` {slow!r} is longer than `half_open_max_wait` "
                f"{longest!r}: a probe that is given up on as failed would not even be "
                "slow. Raise the wait or lower the duration."
            )
        return self
