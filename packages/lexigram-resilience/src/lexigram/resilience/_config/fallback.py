"""The configuration of a fallback to the last good answer."""

from pydantic import Field

from lexigram.resilience._config.section import Section

__all__ = ["FallbackConfig"]


class FallbackConfig(Section):
    """For how long the last good answer will do, and how many are kept."""

    max_age: float = Field(
        default=300.0,
        gt=0,
        description="Seconds for which a good answer may stand in for later failures.",
    )
    max_keys: int = Field(
        default=1000,
        ge=1,
        description=(
            "Questions whose last good answer is kept; from there on the longest unused "
            "ones are forgotten."
        ),
    )
