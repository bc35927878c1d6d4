"""One logical call, described to policies that know nothing of its kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, NamedTuple, TypeAlias, TypeVar

__all__ = ["Call", "Judgement", "Outcome"]

T_contra = TypeVar("T_contra", contravariant=True)

Outcome: TypeAlias = Literal["success", "failure", "neutral"]
"""What an attempt says about the upstream's health; "neutral" says nothing."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the owner of a call thinks of one attempt.

    Attributes:
        outcome: What it says about the upstream, for a breaker.
        retryable: Whether another attempt may do better; whether one is allowed is
            `Call.repeatable`.
        retry_after: Seconds the upstream asked to wait before another attempt.
        reason: A word or two for logs, of low cardinality: "503", "timeout".
    """

    outcome: Outcome
    retryable: bool = False
    retry_after: float | None = None
    reason: str = ""


_SUCCESS: Final = Judgement("success")
_FAILURE: Final = Judgement("failure", retryable=True)
_NEUTRAL: Final = Judgement("neutral")


def judge_by_exception(result: object, error: BaseException | None) -> Judgement:  # noqa: ARG001
    """Take every `Exception` for a failure worth repeating, all else at face value.

    How a policy judges when it is called without a `Call`. Anything that is not an
    `Exception`, cancellation first of all, says nothing about the upstream.
    """
    if error is None:
        return _SUCCESS
    return _FAILURE if isinstance(error, Exception) else _NEUTRAL


def _discard_nothing(result: object) -> None:
    """Release nothing: the result holds no resource."""


# No frozen dataclass: one takes three times as long to make, and every call makes one.
class Call(NamedTuple, Generic[T_contra]):
    """One logical call, whatever the number of attempts it takes.

    Attributes:
        key: Whose state it touches: for HTTP the authority (scheme, host and port).
        operation: A name of low cardinality, for logs and metrics.
        repeatable: Whether the operation may run more than once. The owner has
            weighed all that matters (method, idempotency key, replay of the body).
        deadline: When the call has to be over, as a time of the clock
            (`ClockProtocol.monotonic`, by default the event loop's); None for never.
            Policies do not sleep past it; the owner enforces it.
        judge: Called with the result or the exception of an attempt (the other one is
            None), by each policy that wants to know; must not raise or block.
        discard: Called with a result that will not be used, to release it.
        note: Called by a policy that makes another attempt, or that would have but for a
            limit of its own, with what it decided and why, before it waits or ends:
            "again in 0.12 s", "not repeated: it was the last of 3 attempts". Never for a
            call that needs no second attempt; must not raise or block.
        repeats: Whether it does again what an earlier call was for, as when a stream that
            was lost is opened anew: a second attempt to who counts those, who may refuse
            it with `CallRejectedError` where there have been too many.
    """

    key: str = ""
    operation: str = ""
    repeatable: bool = True
    deadline: float | None = None
    judge: Callable[[T_contra | None, BaseException | None], Judgement] = (
        judge_by_exception
    )
    discard: Callable[[T_contra], Any] = _discard_nothing
    note: Callable[[str], None] | None = None
    repeats: bool = False
