"""Policies around any operation: retry, circuit breaker, and pipelines of them.

A policy knows no HTTP and a client knows no policy; what passes between them is `Call`.
"""

from lexigram.contracts.resilience._call import Call, Judgement, Outcome
from lexigram.contracts.resilience._errors import (
    CallRejectedError,
    CircuitOpenError,
    ResilienceError,
    RetryExhaustedError,
)
from lexigram.contracts.resilience._policies import (
    CircuitBreakerProtocol,
    CircuitBreakerRegistryProtocol,
    ResiliencePipelineProtocol,
    RetryPolicyProtocol,
)

__all__ = [
    "Call",
    "CallRejectedError",
    "CircuitBreakerProtocol",
    "CircuitBreakerRegistryProtocol",
    "CircuitOpenError",
    "Judgement",
    "Outcome",
    "ResilienceError",
    "ResiliencePipelineProtocol",
    "RetryExhaustedError",
    "RetryPolicyProtocol",
]
