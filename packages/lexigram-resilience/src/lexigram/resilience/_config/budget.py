"""The configuration of a budget for second attempts."""

from pydantic import Field

from lexigram.resilience._config.section import Section

__all__ = ["BudgetConfig"]


class BudgetConfig(Section):
    """How many attempts beyond the first there may be, relative to the calls."""

    ratio: float = Field(
        default=0.2,
        ge=0,
        le=10,
        description=(
            "Second attempts allowed per call: at 0.2 an outage makes the load a fifth "
            "larger, whatever `max_attempts` says."
        ),
    )
    min_per_second: float = Field(
        default=1.0,
        ge=0,
        description=(
            "Second attempts a second that are allowed however few calls there are: "
            "without them the first call after a pause could never be repeated."
        ),
    )
    window: float = Field(
        default=10.0,
        gt=0,
        description="Seconds after which a call, or a second attempt, counts no more.",
    )
    max_keys: int = Field(
        default=1000,
        ge=1,
        description=(
            "Keys whose budget is kept; from there on the longest unused ones are "
            "forgotten."
        ),
    )
