"""How a policy says that it gave up or refused."""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

from lexigram.contracts.errors import LexigramError

__all__ = [
    "BulkheadFullError",
    "CallRejectedError",
    "CallTimeoutError",
    "CircuitOpenError",
    "ConcurrencyLimitedError",
    "IdempotencyStoreError",
    "RateLimitedError",
    "ResilienceError",
    "RetryExhaustedError",
    "ThrottledError",
    "TimeLimit",
]

TimeLimit: TypeAlias = Literal["attempt", "total"]
"""Which limit of time: on each attempt, or on the call with all that belongs to it."""


class ResilienceError(LexigramError):
    """A policy ended a call."""

    code: ClassVar[str] = "resilience.error"


class RetryExhaustedError(ResilienceError):
    """Every attempt that the policy allowed failed with an exception.

    Attributes:
        attempts: How many attempts were made.
        last: The exception of the last one, unchanged; also the `__cause__`.
    """

    code: ClassVar[str] = "resilience.retry_exhausted"

    def __init__(self, message: str, *, attempts: int, last: BaseException) -> None:
        super().__init__(message)
        self.attempts = attempts
        self.last = last


class CallTimeoutError(ResilienceError, TimeoutError):
    """A limit of time that a policy set ran out.

    Attributes:
        phase: Which limit.
        limit: Its length in seconds.
    """

    code: ClassVar[str] = "resilience.timeout"

    def __init__(self, message: str, *, phase: TimeLimit, limit: float) -> None:
        super().__init__(message)
        self.phase: TimeLimit = phase
        self.limit = limit


class CallRejectedError(ResilienceError):
    """An admission policy refused the call before it began.

    Attributes:
        key: The `Call.key` that was refused.
        retry_after: Seconds until it may be admitted, when known.
    """

    code: ClassVar[str] = "resilience.rejected"

    def __init__(
        self, message: str, *, key: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.key = key
        self.retry_after = retry_after


class CircuitOpenError(CallRejectedError):
    """The circuit of this key is open, or half open with every probe taken."""

    code: ClassVar[str] = "resilience.circuit_open"


class BulkheadFullError(CallRejectedError):
    """As many calls as allowed are under way, and the queue is full or took too long."""

    code: ClassVar[str] = "resilience.bulkhead_full"


class RateLimitedError(CallRejectedError):
    """The rate allows no call now, and not within the time the caller would wait."""

    code: ClassVar[str] = "resilience.rate_limited"


class ConcurrencyLimitedError(CallRejectedError):
    """As many calls are under way as the upstream was found to bear."""

    code: ClassVar[str] = "resilience.concurrency_limited"


class ThrottledError(CallRejectedError):
    """The upstream refuses so many calls that this one was not sent."""

    code: ClassVar[str] = "resilience.throttled"


class IdempotencyStoreError(ResilienceError):
    """Nobody can say whether a key was claimed, as the store does not answer."""

    code: ClassVar[str] = "resilience.idempotency_store"
