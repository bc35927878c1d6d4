"""The configuration of a pipeline: which policies it has, and theirs."""

from pydantic import Field

from lexigram.resilience._config.breaker import CircuitBreakerConfig
from lexigram.resilience._config.bulkhead import BulkheadConfig
from lexigram.resilience._config.chaos import ChaosConfig
from lexigram.resilience._config.concurrency import AdaptiveConcurrencyConfig
from lexigram.resilience._config.hedging import HedgeConfig
from lexigram.resilience._config.limiter import RateLimiterConfig
from lexigram.resilience._config.retry import RetryConfig
from lexigram.resilience._config.section import Section
from lexigram.resilience._config.throttle import AdaptiveThrottleConfig
from lexigram.resilience._config.timeouts import TimeoutsConfig

__all__ = ["PipelineConfig"]


class PipelineConfig(Section):
    """Which policies a pipeline has; without options those that are right for HTTP.

    None leaves a policy out. What the policies say of each other is checked when a
    pipeline is made of them.
    """

    limiter: RateLimiterConfig | None = Field(
        default=None, description="How many calls may go out in a time."
    )
    bulkhead: BulkheadConfig | None = Field(
        default=None, description="How many calls may be under way at once."
    )
    timeouts: TimeoutsConfig | None = Field(
        default=TimeoutsConfig(), description="How long a call and an attempt may take."
    )
    retry: RetryConfig | None = Field(
        default=RetryConfig(), description="When another attempt is made."
    )
    hedge: HedgeConfig | None = Field(
        default=None, description="When another attempt is made beside a slow one."
    )
    breaker: CircuitBreakerConfig | None = Field(
        default=CircuitBreakerConfig(), description="When an upstream is left alone."
    )
    concurrency: AdaptiveConcurrencyConfig | None = Field(
        default=None,
        description="How many attempts may be under way at once is found out.",
    )
    throttle: AdaptiveThrottleConfig | None = Field(
        default=None,
        description="How many attempts an upstream gets that refuses many.",
    )
    chaos: ChaosConfig | None = Field(
        default=None, description="Which attempts are disturbed on purpose."
    )
    strict: bool = Field(
        default=False,
        description=(
            "Whether doubtful combinations are refused, of which there is else a "
            "warning, and calls whose time nothing limits."
        ),
    )
