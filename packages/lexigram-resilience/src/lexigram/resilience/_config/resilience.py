"""The section `resilience` of an application, put together from its parts."""

from pydantic import Field

from lexigram.resilience._config.breaker import CircuitBreakerConfig
from lexigram.resilience._config.retry import RetryConfig
from lexigram.resilience._config.section import Section

__all__ = ["ResilienceConfig"]


class ResilienceConfig(Section):
    """The section `resilience` of an application's configuration."""

    retry: RetryConfig = Field(
        default=RetryConfig(), description="Of the retry policy."
    )
    breaker: CircuitBreakerConfig = Field(
        default=CircuitBreakerConfig(),
        description="Of every circuit breaker in the registry.",
    )
