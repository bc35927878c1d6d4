"""The configuration of limits of time."""

from typing import Self

from pydantic import Field, model_validator

from lexigram.resilience._config.section import Section

__all__ = ["TimeoutsConfig"]


class TimeoutsConfig(Section):
    """How long a call, and each of its attempts, may take."""

    total: float | None = Field(
        default=30.0,
        gt=0,
        description=(
            "Seconds for a call: every attempt, and every wait between two. "
            "None for no limit."
        ),
    )
    attempt: float | None = Field(
        default=10.0,
        gt=0,
        description="Seconds for each attempt; None for no limit of its own.",
    )

    @model_validator(mode="after")
    def _check_limits(self) -> Self:
        if self.total and self.attempt and self.attempt > self.total:
            raise ValueError(
                f"`attempt` {self.attempt!r} is longer than `total` {self.total!r}, so "
                "that it would never end one. Lower it, or raise `total`."
            )
        return self
