"""A call that failed, as those see it who are to answer in its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from lexigram.contracts.resilience import Call

__all__ = ["FailedCall"]

T = TypeVar("T")


# Without slots: together with frozen they break `FailedCall[int](...)` on Python 3.11.
@dataclass(frozen=True, kw_only=True)
class FailedCall(Generic[T]):
    """A call whose outcome is to be covered up.

    Attributes:
        call: The call.
        error: What its operation raised; None when it returned.
        result: What its operation returned; None when it raised. It is discarded as
            soon as there is another answer.
        reason: Why it counts as failed: the name of an exception, or the judge's word.
    """

    call: Call[T]
    error: Exception | None = None
    result: T | None = None
    reason: str = ""
