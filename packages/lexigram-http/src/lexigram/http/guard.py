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


def describe_guard(
    *,
    resilience: ResiliencePipelineProtocol | None,
    retry_policy: RetryPolicyProtocol | None,
    circuit_breaker: CircuitBreakerProtocol | None,
    clock: ClockProtocol,
) -> str:
    """Say in words what `choose_guard` makes of the same arguments."""
    if resilience is not None:
        return _described(resilience)
    retry = _described(retry_policy or BuiltinRetry(clock))
    if circuit_breaker is None:
        return retry
    return f"{retry}\naround each attempt: {_described(circuit_breaker)}"


def _described(policy: object) -> str:
    """Let a policy speak that can, and show any other one."""
    describe = getattr(policy, "describe", None)
    return str(describe()) if callable(describe) else repr(policy)
