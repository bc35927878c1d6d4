"""The configuration of an adaptive throttle."""

from pydantic import Field

from lexigram.resilience._config.section import Section

__all__ = ["AdaptiveThrottleConfig"]


class AdaptiveThrottleConfig(Section):
    """How many calls an upstream gets that accepts only some of them."""

    multiplier: float = Field(
        default=2.0,
        ge=1,
        le=100,
        description=(
            "How many times the calls that the upstream accepts it is sent. 2 notices a "
            "recovery soon; nearer to 1 spares it more, and refuses calls for a few "
            "failures."
        ),
    )
    window: float = Field(
        default=120.0,
        gt=0,
        le=86_400,
        description=(
            "Seconds whose calls are counted; one is forgotten up to a tenth of it "
            "early."
        ),
    )
    max_rejection: float = Field(
        default=0.9,
        gt=0,
        lt=1,
        description=(
            "The largest share of calls that is refused: the others find out whether "
            "the upstream is well again."
        ),
    )
    minimum_calls: int = Field(
        default=10,
        ge=0,
        description=(
            "Calls in the window before any is refused; with few, one failure would be "
            "a large share. 0 refuses from the first failure on."
        ),
    )
    max_keys: int = Field(
        default=1000,
        ge=1,
        description=(
            "Keys whose calls are counted; from there on the longest unused ones that "
            "are refused nothing are forgotten."
        ),
    )
