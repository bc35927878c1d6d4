"""How a policy says that it gave up or refused."""

from __future__ import annotations

from typing import ClassVar

from lexigram.contracts.errors import LexigramError

__all__ = [
    "BulkheadFullError",
    "CallRejectedError",
    "CircuitOpenError",
    "RateLimitedError",
    "ResilienceError",
    "RetryExhaustedError",
]


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
