"""The configuration of hedging."""

import math
import re
from typing import Final, Self

from pydantic import Field, field_validator, model_validator

from lexigram.resilience._config.section import Section

__all__ = ["HedgeConfig"]

_PERCENTILE: Final = re.compile(r"p([1-9][0-9]?(?:\.[0-9]+)?)")


class HedgeConfig(Section):
    """When an attempt takes so long that another one is started beside it."""

    max_hedges: int = Field(
        default=1,
        ge=1,
        le=5,
        description="Attempts beside the first one, at most, for each call.",
    )
    delay: float | str = Field(
        default="p95",
        description=(
            "How long an attempt is given before another one is started: seconds, or a "
            "percentile of how long the latest ones took, such as 'p95' or 'p99.9'."
        ),
    )
    min_delay: float = Field(
        default=0.001,
        ge=0,
        description="Seconds that a percentile is never taken to be shorter than.",
    )
    min_samples: int = Field(
        default=20,
        ge=1,
        description=(
            "Attempts that a percentile is taken of, at least; until there are as many, "
            "nothing is started beside a slow one."
        ),
    )
    window: int = Field(
        default=200,
        ge=1,
        le=10_000,
        description="How many of the latest attempts a percentile is taken of.",
    )
    max_keys: int = Field(
        default=1000,
        ge=1,
        description=(
            "Keys whose attempts are remembered; from there on the longest unused ones "
            "are forgotten."
        ),
    )

    @field_validator("delay")
    @classmethod
    def _check_delay(cls, delay: float | str) -> float | str:
        if isinstance(delay, str):
            if _PERCENTILE.fullmatch(delay):
                return delay
            delay = _seconds(delay)  # as an environment variable has it
        if 0 < delay < math.inf:  # what pydantic says of a number, not of a text
            return delay
        raise ValueError(
            f"`delay` {delay!r} starts every attempt twice. Use a positive number of "
            "seconds, or a percentile such as 'p95'."
        )

    @model_validator(mode="after")
    def _check_samples(self) -> Self:
        if self.min_samples > self.window:
            raise ValueError(
                f"`min_samples` {self.min_samples!r} is more than the {self.window!r} "
                "that `window` remembers, so that there are never enough. Lower it, or "
                "raise `window`."
            )
        return self

    @property
    def quantile(self) -> float | None:
        """The percentile as a number between 0 and 1; None when the delay is fixed."""
        if not isinstance(self.delay, str):
            return None
        return float(self.delay.removeprefix("p")) / 100


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(
            f"`delay` {text!r} is neither a number of seconds nor a percentile. Use "
            "something like 0.5 or 'p95'."
        ) from None
