"""The configuration of a rate limiter."""

from typing import Self

from pydantic import Field

from lexigram.resilience._config.section import Section

__all__ = ["RateLimiterConfig"]


class RateLimiterConfig(Section):
    """How many calls in how much time."""

    permits: int = Field(
        default=100,
        ge=1,
        description="Permits that come in `per` seconds, evenly spread.",
    )
    per: float = Field(
        default=1.0, gt=0, description="The seconds that `permits` come in."
    )
    burst: int | None = Field(
        default=None,
        ge=1,
        description=(
            "The most permits that can be taken at once after a pause; 1 spaces all "
            "calls evenly. None for as many as `permits`."
        ),
    )
    max_wait: float | None = Field(
        default=None,
        ge=0,
        description=(
            "The longest that a call waits in a pipeline, in seconds, before it is "
            "refused; 0 never waits, None waits as long as the deadline of the call "
            "allows."
        ),
    )
    max_keys: int = Field(
        default=1000,
        ge=1,
        description=(
            "Keys whose rate is kept; from there on the longest unused ones whose "
            "burst is all there again are forgotten."
        ),
    )

    shared: bool = Field(
        default=False,
        description=(
            "Whether all processes that use the `store` have this limit together; else "
            "each has it for itself."
        ),
    )

    @property
    def rate(self) -> float:
        """Permits per second."""
        return self.permits / self.per

    @property
    def largest(self) -> int:
        """The most permits that can be taken at once."""
        return self.permits if self.burst is None else self.burst

    @classmethod
    def per_second(
        cls, permits: int, *, burst: int | None = None, shared: bool = False
    ) -> Self:
        """Return the configuration of so many calls a second."""
        return cls(permits=permits, per=1.0, burst=burst, shared=shared)

    @classmethod
    def per_minute(
        cls, permits: int, *, burst: int | None = None, shared: bool = False
    ) -> Self:
        """Return the configuration of so many calls a minute."""
        return cls(permits=permits, per=60.0, burst=burst, shared=shared)
