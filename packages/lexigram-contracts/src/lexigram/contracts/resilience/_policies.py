"""The policies, as callers see them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar, runtime_checkable

from lexigram.contracts.resilience._call import Call

__all__ = [
    "CircuitBreakerProtocol",
    "CircuitBreakerRegistryProtocol",
    "ResiliencePipelineProtocol",
    "RetryPolicyProtocol",
]

T = TypeVar("T")


@runtime_checkable
class RetryPolicyProtocol(Protocol):
    """Runs an operation until an attempt is good enough or it gives up.

    One policy serves any number of calls at once and keeps no state of a call.
    Cancellation ends the attempt or the wait and passes through.
    """

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        """Return the result of the last attempt.

        Without `call`, an exception is a failure worth repeating and `operation` is
        taken to be repeatable.

        Raises:
            RetryExhaustedError: Attempts were left to make no longer and the last one
                raised something retryable.
            BaseException: Whatever an attempt raised that is not to be repeated,
                unchanged.
        """
        ...


@runtime_checkable
class ResiliencePipelineProtocol(Protocol):
    """Several policies composed in one order, run as one.

    Concurrency and cancellation as for `RetryPolicyProtocol`.
    """

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        """Return the result of the last attempt.

        Raises:
            RetryExhaustedError: As for `RetryPolicyProtocol`.
            CallRejectedError: An admission policy refused; `CircuitOpenError` when it
                was the breaker.
            BaseException: Whatever an attempt raised that is not to be repeated,
                unchanged.
        """
        ...


@runtime_checkable
class CircuitBreakerProtocol(Protocol):
    """Stops calling an upstream that keeps failing, separately for each `Call.key`.

    Not promised: that calls are refused as soon as the upstream fails, or in the
    order of their start. Cancellation says nothing about the upstream and passes
    through.
    """

    async def call(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        """Run `operation` once, or refuse to.

        Raises:
            CircuitOpenError: The circuit is open; `operation` was not called.
            BaseException: Whatever `operation` raised, unchanged.
        """
        ...


@runtime_checkable
class CircuitBreakerRegistryProtocol(Protocol):
    """Circuit breakers by name."""

    def get(self, name: str) -> CircuitBreakerProtocol:
        """Return the breaker of this name; the same one for the same name."""
        ...
