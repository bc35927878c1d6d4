"""Which policies stand around an attempt."""

from __future__ import annotations

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import (
    CircuitBreakerProtocol,
    ResiliencePipelineProtocol,
    RetryPolicyProtocol,
)
from lexigram.contracts.web.calling import Guard, compose_policies
from lexigram.http.retry import BuiltinRetry


def choose_guard(
    *,
    resilience: ResiliencePipelineProtocol | None,
    retry_policy: RetryPolicyProtocol | None,
    circuit_breaker: CircuitBreakerProtocol | None,
    clock: ClockProtocol,
) -> Guard:
    """Compose what was given, with the built-in retry where no other one stands."""
    return compose_policies(
        resilience=resilience,
        retry_policy=retry_policy or BuiltinRetry(clock),
        circuit_breaker=circuit_breaker,
    )
