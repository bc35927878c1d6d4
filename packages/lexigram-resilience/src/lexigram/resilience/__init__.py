"""Policies around any async operation, and pipelines of them.

They repeat, hedge, end, limit, refuse, disturb or replace an operation, and know of it
only what its `Call` says. Each is used alone by `execute(operation, call)`, a circuit
breaker by `call(operation, call)`; `ResiliencePipeline.from_config()` composes them.

State is kept apart by `Call.key`, and all of it belongs to one event loop. The errors
are those of `lexigram.contracts.resilience`. What policies tell is in
`lexigram.resilience.events`, metrics and health are in `lexigram.resilience.watching`.
"""

import logging

from lexigram.resilience._adaptive.concurrency import (
    AdaptiveConcurrency,
    ConcurrencySnapshot,
)
from lexigram.resilience._adaptive.throttle import AdaptiveThrottle, ThrottleSnapshot
from lexigram.resilience._admission.bulkhead import Bulkhead, BulkheadSnapshot
from lexigram.resilience._admission.limiter import RateLimiter
from lexigram.resilience._breaker.breaker import CircuitBreaker
from lexigram.resilience._breaker.circuit import CircuitSnapshot, CircuitState
from lexigram.resilience._breaker.registry import CircuitBreakerRegistry
from lexigram.resilience._breaker.waits import BreakContext, BreakDuration
from lexigram.resilience._chaos.policy import Chaos
from lexigram.resilience._config.breaker import CircuitBreakerConfig
from lexigram.resilience._config.budget import BudgetConfig
from lexigram.resilience._config.bulkhead import BulkheadConfig
from lexigram.resilience._config.chaos import ChaosConfig
from lexigram.resilience._config.concurrency import AdaptiveConcurrencyConfig
from lexigram.resilience._config.fallback import FallbackConfig
from lexigram.resilience._config.hedging import HedgeConfig
from lexigram.resilience._config.limiter import RateLimiterConfig
from lexigram.resilience._config.pipeline import PipelineConfig
from lexigram.resilience._config.resilience import ResilienceConfig
from lexigram.resilience._config.retry import RetryConfig
from lexigram.resilience._config.store import CoordinationConfig, StoreConfig
from lexigram.resilience._config.throttle import AdaptiveThrottleConfig
from lexigram.resilience._config.timeouts import TimeoutsConfig
from lexigram.resilience._fallback.failed import FailedCall
from lexigram.resilience._fallback.policy import Fallback
from lexigram.resilience._hedging.policy import HedgePolicy
from lexigram.resilience._idempotency.memory import MemoryIdempotencyStore
from lexigram.resilience._module import ResilienceModule
from lexigram.resilience._pipeline.checks import PipelineWarning
from lexigram.resilience._pipeline.ordered import OrderedPipeline
from lexigram.resilience._pipeline.pipeline import ResiliencePipeline
from lexigram.resilience._pipeline.plan import Policies
from lexigram.resilience._pipeline.registry import PipelineRegistry
from lexigram.resilience._retry.attempts import Attempt, Attempts
from lexigram.resilience._retry.budget import RetryBudget
from lexigram.resilience._retry.decorator import retry
from lexigram.resilience._retry.policy import RetryPolicy
from lexigram.resilience._shared.circuits import FleetCircuits
from lexigram.resilience._shared.guard import StoreError
from lexigram.resilience._shared.idempotency import SharedIdempotencyStore
from lexigram.resilience._shared.limiter import SharedRateLimiter
from lexigram.resilience._shared.sharing import Sharing
from lexigram.resilience._shared.store import SharedStore
from lexigram.resilience._timing.policy import Timeouts

__all__ = [
    "AdaptiveConcurrency",
    "AdaptiveConcurrencyConfig",
    "AdaptiveThrottle",
    "AdaptiveThrottleConfig",
    "Attempt",
    "Attempts",
    "BreakContext",
    "BreakDuration",
    "BudgetConfig",
    "Bulkhead",
    "BulkheadConfig",
    "BulkheadSnapshot",
    "Chaos",
    "ChaosConfig",
    "CircuitBreaker",
    "CircuitBreakerConfig",
    "CircuitBreakerRegistry",
    "CircuitSnapshot",
    "CircuitState",
    "ConcurrencySnapshot",
    "CoordinationConfig",
    "FailedCall",
    "Fallback",
    "FallbackConfig",
    "FleetCircuits",
    "HedgeConfig",
    "HedgePolicy",
    "MemoryIdempotencyStore",
    "OrderedPipeline",
    "PipelineConfig",
    "PipelineRegistry",
    "PipelineWarning",
    "Policies",
    "RateLimiter",
    "RateLimiterConfig",
    "ResilienceConfig",
    "ResilienceModule",
    "ResiliencePipeline",
    "RetryBudget",
    "RetryConfig",
    "RetryPolicy",
    "SharedIdempotencyStore",
    "SharedRateLimiter",
    "SharedStore",
    "Sharing",
    "StoreConfig",
    "StoreError",
    "ThrottleSnapshot",
    "Timeouts",
    "TimeoutsConfig",
    "retry",
]

# Without it, a process that set up no logging would get warnings on stderr.
logging.getLogger(__name__).addHandler(logging.NullHandler())
