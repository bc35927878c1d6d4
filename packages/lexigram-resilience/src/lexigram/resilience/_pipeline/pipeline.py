"""Policies composed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from lexigram.contracts.resilience import (
    Call,
    CircuitBreakerProtocol,
    RetryPolicyProtocol,
)

__all__ = ["ResiliencePipeline"]

T = TypeVar("T")


class ResiliencePipeline:
    """A retry around a circuit breaker around the operation.

    In this order each attempt is a sample for the breaker, and an open circuit ends the
    retry: the other way round, a breaker sees one failure where the upstream saw three.

    Example:
        ```python
        pipeline = ResiliencePipeline(
            retry=RetryPolicy(), breaker=CircuitBreaker("billing")
        )
        invoice = await pipeline.execute(fetch_invoice)
        ```
    """

    def __init__(
        self,
        *,
        retry: RetryPolicyProtocol | None = None,
        breaker: CircuitBreakerProtocol | None = None,
    ) -> None:
        if retry is None and breaker is None:
            raise ValueError(
                "A pipeline of no policies protects nothing. Give it `retry=`, "
                "`breaker=` or both."
            )
        self._policies = tuple(p for p in (retry, breaker) if p is not None)
        self._retry: RetryPolicyProtocol = _Once() if retry is None else retry
        self._breaker = breaker

    def __repr__(self) -> str:
        return f"<ResiliencePipeline {' > '.join(map(repr, self._policies))}>"

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        """Return the result of the last attempt, whatever the judge says of it.

        Raises:
            RetryExhaustedError: The retry gave up after an exception worth repeating.
            CircuitOpenError: The breaker refused an attempt. When attempts failed
                before it, a note says so and the last exception is the context.
            BaseException: Whatever an attempt raised that is not to be repeated,
                unchanged.
        """
        if self._breaker is not None:
            operation = partial(self._breaker.call, operation, call)
        return await self._retry.execute(operation, call)


class _Once:
    """The retry of a pipeline that has none."""

    async def execute(
        self,
        operation: Callable[[], Awaitable[T]],
        call: Call[T] | None = None,  # noqa: ARG002 - the protocol's shape
    ) -> T:
        return await operation()
