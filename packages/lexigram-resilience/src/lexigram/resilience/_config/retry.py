"""The configuration of a retry policy."""

from typing import Literal, Self

from pydantic import Field, model_validator

from lexigram.resilience._config.budget import BudgetConfig
from lexigram.resilience._config.section import Section

__all__ = ["RetryConfig"]


class RetryConfig(Section):
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

    throttled_delay: float = Field(
        default=1.0,
        ge=0,
        description=(
            "Takes the place of a shorter `base_delay` when the upstream throttles, "
            "that is when it says how long to wait or when the judge's reason is "
            '"429" or "throttled". `max_delay` limits it.'
        ),
    )
    max_duration: float | None = Field(
        default=None,
        gt=0,
        description=(
            "Seconds from the first attempt after which no wait ends and so no attempt "
            "begins; None for no limit. It does not end an attempt that is under way: "
            "limits of time do."
        ),
    )
    budget: BudgetConfig | None = Field(
        default=BudgetConfig(),
        description=(
            "How many attempts beyond the first there may be for all calls of a key "
            "together; None for as many as `max_attempts` allows each."
        ),
    )
    nested: Literal["collapse", "allow"] = Field(
        default="collapse",
        description=(
            "What happens within an attempt of another retry: one attempt, and the "
            'other retry repeats it ("collapse"), or as many as anywhere ("allow"), '
            "which multiplies with those of the other retry."
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
