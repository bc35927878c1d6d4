"""Libraries that do what ours does.

They are imported by name: none has to be there.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any, Final

from bench.resilience.contestant import Contestant, Kind
from bench.resilience.decorating import decorated, entered

__all__ = ["hyx", "nopanic", "pyresilience"]

PLENTY: Final = 10**9


def hyx() -> Iterator[Contestant]:
    """Yield the decorators, the context managers, and decorators stacked."""
    retry = import_module("hyx.retry").retry(attempts=3)
    breaker = import_module("hyx.circuitbreaker").consecutive_breaker()
    limiter = import_module("hyx.ratelimit").tokenbucket(PLENTY, 1)
    bulkhead = import_module("hyx.bulkhead").bulkhead(25, 25)
    timeout: Any = import_module("hyx.timeout").timeout
    yield decorated(Kind.RETRY, "hyx", "@retry(attempts=3)", retry)
    yield decorated(Kind.BREAKER, "hyx", "@breaker", breaker)
    yield entered(Kind.BREAKER, "hyx", "breaker", breaker=breaker)
    yield decorated(Kind.LIMITER, "hyx", "@tokenbucket(…)", limiter)
    yield decorated(Kind.BULKHEAD, "hyx", "@bulkhead(…)", bulkhead)
    yield entered(Kind.BULKHEAD, "hyx", "bulkhead", bulkhead=bulkhead)
    yield decorated(Kind.TIMEOUT, "hyx", "@timeout(30)", timeout(30))
    yield entered(Kind.TIMEOUT, "hyx", "timeout(30)", timeout=timeout)
    untimed = (limiter, bulkhead, retry, breaker)
    yield decorated(
        Kind.PIPELINE, "hyx", "limiter > bulkhead > retry > breaker", *untimed
    )
    yield decorated(
        Kind.TIMED_PIPELINE,
        "hyx",
        "timeout > limiter > bulkhead > retry > breaker > timeout",
        *(timeout(30), *untimed, timeout(10)),
    )


def pyresilience() -> Iterator[Contestant]:
    """Yield its decorator with one policy and with all of them."""
    lib: Any = import_module("pyresilience")
    retry = {
        "retry": lib.RetryConfig(max_attempts=3),
        "retry_budget": lib.RetryBudgetConfig(),
    }
    breaker = {"circuit_breaker": lib.CircuitBreakerConfig()}
    window = {"circuit_breaker": lib.CircuitBreakerConfig(sliding_window_size=100)}
    limiter = {"rate_limiter": lib.RateLimiterConfig(max_calls=PLENTY)}
    bulkhead = {"bulkhead": lib.BulkheadConfig(max_concurrent=25)}
    timeout = {"timeout": lib.TimeoutConfig(seconds=30)}
    untimed = limiter | bulkhead | retry | window
    for kind, options, note in (
        (Kind.RETRY, retry, ""),
        (Kind.BREAKER, breaker, "consecutive failures"),
        (Kind.BREAKER, window, "a window"),
        (Kind.LIMITER, limiter, ""),
        (Kind.BULKHEAD, bulkhead, ""),
        (Kind.TIMEOUT, timeout, ""),
        (Kind.PIPELINE, untimed, ""),
        (Kind.TIMED_PIPELINE, untimed | timeout, "one limit"),
    ):
        code = f"@resilient({', '.join(f'{name}=…' for name in options)})"
        decorator = lib.resilient(**options)
        yield decorated(kind, "pyresilience", code, decorator, note=note)


def nopanic() -> Iterator[Contestant]:
    """Yield the decorators, and decorators composed."""
    lib: Any = import_module("nopanic")
    retry = lib.retry(attempts=3, budget=lib.RetryBudget())
    breaker, slow = lib.circuit_breaker(), lib.circuit_breaker(slow_call_duration=1.0)
    limiter, bulkhead = lib.rate_limit(PLENTY), lib.bulkhead(25)
    untimed = (limiter, bulkhead, retry, breaker)
    for kind, code, policy in (
        (Kind.RETRY, "@retry(attempts=3)", lib.retry(attempts=3)),
        (Kind.RETRY, "@retry(attempts=3, budget=…)", retry),
        (Kind.BREAKER, "@breaker", breaker),
        (Kind.BREAKER, "@circuit_breaker(slow_call_duration=1.0)", slow),
        (Kind.LIMITER, "@rate_limit(…)", limiter),
        (Kind.BULKHEAD, "@bulkhead(25)", bulkhead),
        (Kind.TIMEOUT, "@timeout(30)", lib.timeout(30)),
        (Kind.HEDGE, "@hedge(delay=1.0)", lib.hedge(delay=1.0)),
        (
            Kind.PIPELINE,
            "compose(limiter, bulkhead, retry, breaker)",
            lib.compose(*untimed),
        ),
        (
            Kind.TIMED_PIPELINE,
            "compose(deadline, limiter, bulkhead, retry, breaker, timeout)",
            lib.compose(lib.deadline(30), *untimed, lib.timeout(10)),
        ),
    ):
        yield decorated(kind, "nopanic", code, policy)
