"""The configuration of a bulkhead."""

from pydantic import Field

from lexigram.resilience._config.section import Section

__all__ = ["BulkheadConfig"]


class BulkheadConfig(Section):
    """How many calls at once, and who waits for a place."""

    max_concurrent: int = Field(
        default=25, ge=1, description="Calls that may be under way at once."
    )
    max_queue: int = Field(
        default=0,
        ge=0,
        description="Calls that may wait for a place; the next one is refused at once.",
    )
    queue_timeout: float | None = Field(
        default=None,
        gt=0,
        description=(
            "The longest wait for a place in seconds; None waits as long as the "
            "deadline of the call allows."
        ),
    )
    max_keys: int = Field(
        default=1000,
        ge=1,
        description=(
            "Keys whose places are kept; from there on the longest unused ones with "
            "nobody inside are forgotten."
        ),
    )
