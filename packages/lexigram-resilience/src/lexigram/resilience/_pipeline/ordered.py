"""Policies in an order of one's own."""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import combinations
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from lexigram.contracts.resilience import Call, CircuitBreakerProtocol
from lexigram.resilience._adaptive.concurrency import AdaptiveConcurrency
from lexigram.resilience._adaptive.throttle import AdaptiveThrottle
from lexigram.resilience._admission.bulkhead import Bulkhead
from lexigram.resilience._admission.limiter import RateLimiter
from lexigram.resilience._breaker.breaker import CircuitBreaker
from lexigram.resilience._chaos.policy import Chaos
from lexigram.resilience._fallback.policy import Fallback
from lexigram.resilience._hedging.policy import HedgePolicy
from lexigram.resilience._pipeline.checks import PipelineWarning
from lexigram.resilience._retry.policy import RetryPolicy

__all__ = ["OrderedPipeline", "Policy"]

T = TypeVar("T")

_Runner: TypeAlias = Callable[[Callable[[], Awaitable[Any]], Call[Any] | None], Any]


class Executes(Protocol):
    """Anything that runs an operation as the policies do."""

    def execute(
        self, operation: Callable[[], Awaitable[Any]], call: Call[Any] | None = None
    ) -> Awaitable[Any]:
        """Run it."""
        ...


Policy: TypeAlias = Executes | CircuitBreakerProtocol
"""What can stand in a pipeline."""

_REPEATING: Final = (RetryPolicy, HedgePolicy)
_ADMITTING: Final = (RateLimiter, Bulkhead)
_COUNTING: Final = (CircuitBreaker, AdaptiveConcurrency, AdaptiveThrottle)

# What must not stand outside of what, and what happens when it does.
_BAD: Final[tuple[tuple[tuple[type, ...], tuple[type, ...], str], ...]] = (
    (
        _COUNTING,
        _REPEATING,
        (
            "it sees one outcome where the upstream saw every attempt, and the attempts go "
            "on while it would refuse them"
        ),
    ),
    (
        _REPEATING,
        _ADMITTING,
        "each attempt queues again, so that repeated calls crowd out new ones",
    ),
    (
        (Chaos,),
        (*_REPEATING, *_COUNTING),
        "what it does to a call is never repeated or counted",
    ),
    (
        (*_REPEATING, *_COUNTING),
        (Fallback,),
        "an answer that stands in for a failure counts as a success",
    ),
    ((HedgePolicy,), (RetryPolicy,), "each of its attempts is repeated by itself"),
)


class OrderedPipeline:
    """Policies around an operation, in the order they are given, outermost first.

    For orders that `ResiliencePipeline` does not have, and for policies that are not of
    this package. Implements `ResiliencePipelineProtocol`.

    Args:
        policies: At least one; whatever has `execute` as the policies do, or `call` as
            circuit breakers do.
        name: What it is called in warnings.

    Raises:
        ValueError: There is no policy.

    Warns:
        PipelineWarning: Of two policies, the outer one should be the inner one.

    Example:
        ```python
        pipeline = OrderedPipeline(my_cache, RetryPolicy(), CircuitBreaker("orders"))
        order = await pipeline.execute(fetch_order)
        ```
    """

    def __init__(self, *policies: Policy, name: str = "") -> None:
        if not policies:
            raise ValueError(
                "A pipeline of no policies protects nothing. Give it at least one."
            )
        self._policies = policies
        # The innermost is applied first.
        self._runners = tuple(map(_runner, reversed(policies)))
        _warn_of_order(policies, name)

    def __repr__(self) -> str:
        return f"<OrderedPipeline {' > '.join(map(repr, self._policies))}>"

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        """Run `operation` through the policies.

        Raises:
            BaseException: Whatever the policies raise, unchanged.
        """
        for run in self._runners:
            operation = partial(run, operation, call)
        return await operation()


def _runner(policy: Policy) -> _Runner:
    return policy.call if isinstance(policy, CircuitBreakerProtocol) else policy.execute


def _warn_of_order(policies: Sequence[Policy], name: str) -> None:
    for outer, inner in combinations(policies, 2):
        for outside, inside, effect in _BAD:
            if isinstance(outer, outside) and isinstance(inner, inside):
                warnings.warn(
                    f"The pipeline {name!r} has {type(outer).__name__} around "
                    f"{type(inner).__name__}: {effect}. Exchange them.",
                    PipelineWarning,
                    stacklevel=3,
                )
