"""The configuration of a retry policy."""

from typing import Literal, Self

from pydantic import Field, model_validator

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

    @model_validator(mode="after")
    def _check_delays(self) -> Self:
        if self.base_delay > self.max_delay:
            raise ValueError(
                f"`base_delay` {self.base_delay!r} is longer than `max_delay` "
                f"{self.max_delay!r}. Raise `max_delay` or lower `base_delay`."
            )
        return self
