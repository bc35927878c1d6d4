"""Policies around any operation: retry, circuit breaker, and pipelines of them.

A policy knows no HTTP and a client knows no policy; what passes between them is `Call`.
"""

from lexigram.contracts.resilience._call import Call, Judgement, Outcome
from lexigram.contracts.resilience._errors import (
    BulkheadFullError,
    CallRejectedError,
    CallTimeoutError,
    CircuitOpenError,
    ConcurrencyLimitedError,
    IdempotencyStoreError,
    RateLimitedError,
    ResilienceError,
    RetryExhaustedError,
    ThrottledError,
    TimeLimit,
)
from lexigram.contracts.resilience._idempotency import (
    IdempotencyClaim,
    IdempotencyStoreProtocol,
)
from lexigram.contracts.resilience._policies import (
    BulkheadProtocol,
    CircuitBreakerProtocol,
    CircuitBreakerRegistryProtocol,
    FallbackProtocol,
    RateLimiterProtocol,
    ResiliencePipelineProtocol,
    RetryPolicyProtocol,
)

__all__ = [
    "BulkheadFullError",
    "BulkheadProtocol",
    "Call",
    "CallRejectedError",
    "CallTimeoutError",
    "CircuitBreakerProtocol",
    "CircuitBreakerRegistryProtocol",
    "CircuitOpenError",
    "ConcurrencyLimitedError",
    "FallbackProtocol",
    "IdempotencyClaim",
    "IdempotencyStoreError",
    "IdempotencyStoreProtocol",
    "Judgement",
    "Outcome",
    "RateLimitedError",
    "RateLimiterProtocol",
    "ResilienceError",
    "ResiliencePipelineProtocol",
    "RetryExhaustedError",
    "RetryPolicyProtocol",
    "ThrottledError",
    "TimeLimit",
]
