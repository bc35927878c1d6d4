"""Policies around any async operation: retry, circuit breaker, pipelines of them.

Every policy implements a protocol of `lexigram.contracts.resilience`, and knows of the
operation only what its `Call` says.
"""

import logging

from lexigram.resilience._admission.bulkhead import Bulkhead, BulkheadSnapshot
from lexigram.resilience._admission.limiter import RateLimiter
from lexigram.resilience._breaker.breaker import CircuitBreaker
from lexigram.resilience._breaker.circuit import CircuitSnapshot, CircuitState
from lexigram.resilience._breaker.registry import CircuitBreakerRegistry
from lexigram.resilience._breaker.waits import BreakContext, BreakDuration
from lexigram.resilience._config.breaker import CircuitBreakerConfig
from lexigram.resilience._config.budget import BudgetConfig
from lexigram.resilience._config.bulkhead import BulkheadConfig
from lexigram.resilience._config.limiter import RateLimiterConfig
from lexigram.resilience._config.resilience import ResilienceConfig
from lexigram.resilience._config.retry import RetryConfig
from lexigram.resilience._config.timeouts import TimeoutsConfig
from lexigram.resilience._module import ResilienceModule
from lexigram.resilience._pipeline.pipeline import ResiliencePipeline
from lexigram.resilience._retry.attempts import Attempt, Attempts
from lexigram.resilience._retry.budget import RetryBudget
from lexigram.resilience._retry.decorator import retry
from lexigram.resilience._retry.policy import RetryPolicy
from lexigram.resilience._timing.policy import Timeouts

__all__ = [
    "Attempt",
    "Attempts",
    "BreakContext",
    "BreakDuration",
    "BudgetConfig",
    "Bulkhead",
    "BulkheadConfig",
    "BulkheadSnapshot",
    "CircuitBreaker",
    "CircuitBreakerConfig",
    "CircuitBreakerRegistry",
    "CircuitSnapshot",
    "CircuitState",
    "RateLimiter",
    "RateLimiterConfig",
    "ResilienceConfig",
    "ResilienceModule",
    "ResiliencePipeline",
    "RetryBudget",
    "RetryConfig",
    "RetryPolicy",
    "Timeouts",
    "TimeoutsConfig",
    "retry",
]

# Without it, a process that set up no logging would get warnings on stderr.
logging.getLogger(__name__).addHandler(logging.NullHandler())
