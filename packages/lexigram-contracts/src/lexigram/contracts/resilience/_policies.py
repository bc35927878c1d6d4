"""The policies, as callers see them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar, runtime_checkable

from lexigram.contracts.resilience._call import Call

__all__ = [
    "BulkheadProtocol",
    "CircuitBreakerProtocol",
    "CircuitBreakerRegistryProtocol",
    "FallbackProtocol",
    "RateLimiterProtocol",
    "ResiliencePipelineProtocol",
    "RetryPolicyProtocol",
]

T = TypeVar("T")
T_invariant = TypeVar("T_invariant")


@runtime_checkable
class RetryPolicyProtocol(Protocol):
    """Runs an operation until an attempt is good enough or it gives up.

    Not promised: that a second attempt is made, or how long the pause before it is,
    beyond never being shorter than `Judgement.retry_after` asks. One policy serves any
    number of calls at once and keeps no state of a call. Cancellation ends the attempt or
    the wait and passes through.
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

    Not promised: which policies it holds, or their order. One pipeline serves any number
    of calls at once and keeps what it knows of an upstream under `Call.key`.
    Cancellation ends whatever is under way and passes through.
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
    """Circuit breakers by name.

    One name is one configuration; the state of each upstream is kept apart by
    `Call.key` within it. May be called at any time on the event loop's thread, and
    returns at once. Not promised: that a name nobody configured is refused.
    """

    def get(self, name: str) -> CircuitBreakerProtocol:
        """Return the breaker of this name; the same one for the same name."""
        ...


@runtime_checkable
class BulkheadProtocol(Protocol):
    """Lets a limited number of calls run at once, separately for each `Call.key`.

    Waiters go in the order of their coming. Not promised: that a place is free when the
    call is made. Cancellation while waiting gives up the place in the queue, while
    running the place itself, and passes through.
    """

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        """Run `operation` once there is a place for it.

        Raises:
            BulkheadFullError: There is none, nor one in the queue; `operation` was not
                called.
            BaseException: Whatever `operation` raised, unchanged.
        """
        ...


@runtime_checkable
class RateLimiterProtocol(Protocol):
    """Admits calls at a limited rate, separately for each key.

    Waiters go in the order of their coming, whatever they cost. Not promised: that other
    processes share the limit. Cancellation while waiting gives back what was reserved
    and passes through.
    """

    async def acquire(
        self,
        key: str = "",
        *,
        cost: int = 1,
        timeout: float | None = None,  # noqa: ASYNC109 - a limit, not a cancel scope
    ) -> None:
        """Return when a call of this cost may go ahead.

        Args:
            key: Whose rate it counts against.
            cost: How many permits it takes.
            timeout: The longest wait in seconds; None waits as long as it takes.

        Raises:
            RateLimitedError: It would take longer; nothing was taken, and at once.
            ValueError: The limit never has `cost` permits at a time.
        """
        ...

    def try_acquire(self, key: str = "", *, cost: int = 1) -> float:
        """Take the permits now and return 0, or return the seconds until it may succeed.

        Not promised: that permits which are elsewhere, as those of a limit that many
        processes share, are taken at the first try.

        Raises:
            ValueError: The limit never has `cost` permits at a time.
        """
        ...


@runtime_checkable
class FallbackProtocol(Protocol[T_invariant]):
    """Answers in the place of an operation that failed.

    Not promised: that an answer is the operation's own. Cancellation is no failure and
    passes through.
    """

    async def execute(
        self,
        operation: Callable[[], Awaitable[T_invariant]],
        call: Call[T_invariant] | None = None,
    ) -> T_invariant:
        """Return the result of `operation`, or the answer that stands in for it.

        Raises:
            BaseException: Whatever `operation` raised that is not to be covered up,
                unchanged.
        """
        ...
