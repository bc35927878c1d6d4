"""What a retry tells: events, log lines, and the error of giving up."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias

from lexigram.contracts.resilience import Call, CallRejectedError, RetryExhaustedError
from lexigram.resilience._config.retry import RetryConfig
from lexigram.resilience._events.events import RetryGaveUp, RetryScheduled
from lexigram.resilience._events.listeners import Events

__all__ = [
    "Limit",
    "decision",
    "exhausted",
    "gave_up",
    "refused_repeat",
    "scheduled",
    "tell_of_failures",
]

Limit: TypeAlias = Literal[
    "attempts", "deadline", "duration", "retry_after", "budget", "outer_retry"
]
"""What keeps a call from another attempt."""

_REASONS: Final[dict[Limit, str]] = {
    "attempts": "`max_attempts` allows no more",
    "deadline": "the deadline of the call leaves no time for the next wait",
    "duration": "`max_duration` leaves no time for the next wait",
    "retry_after": "the upstream asked for a wait longer than `max_retry_after`",
    "budget": "the retry budget is exhausted, as too many calls were repeated lately",
}

_log = logging.getLogger("lexigram.resilience.retry")


def scheduled(
    events: Events, policy: str, call: Call[Any], history: Sequence[tuple[str, float]]
) -> None:
    """Tell that another attempt will be made after the latest of `history`."""
    reason, delay = history[-1]
    if events.listeners:
        events.tell(
            RetryScheduled(
                policy, call.key, call.operation, len(history), delay, reason
            )
        )
    if _log.isEnabledFor(logging.DEBUG):
        facts = {"attempt": len(history), "delay": delay}
        _log.debug("resilience.retry.scheduled", extra=_about(call, reason) | facts)


def gave_up(
    events: Events,
    policy: str,
    call: Call[Any],
    attempts: int,
    limit: Limit,
    reason: str,
) -> None:
    """Tell that no other attempt will be made.

    A warning, unless another retry goes on: then nobody has given up.
    """
    if events.listeners:
        events.tell(
            RetryGaveUp(policy, call.key, call.operation, attempts, limit, reason)
        )
    level = logging.DEBUG if limit == "outer_retry" else logging.WARNING
    if _log.isEnabledFor(level):
        facts = {"attempts": attempts, "limit": limit}
        _log.log(
            level, "resilience.retry.exhausted", extra=_about(call, reason) | facts
        )


def exhausted(
    call: Call[Any],
    limit: Limit,
    last: Exception,
    history: Sequence[tuple[str, float]],
) -> RetryExhaustedError:
    """Return the error of giving up; its notes tell of the attempts before the last."""
    attempts = len(history) + 1
    subject = f" on {call.operation!r}" if call.operation else ""
    error = RetryExhaustedError(
        f"Gave up{subject} after attempt {attempts!r}: {_REASONS[limit]}. The last "
        f"failure, {type(last).__name__}, is the cause.",
        attempts=attempts,
        last=last,
    )
    for number, (reason, wait) in enumerate(history, start=1):
        error.add_note(f"Attempt {number}: {reason}; then a wait of {wait:.3g} s.")
    return error


def refused_repeat(call: Call[Any]) -> CallRejectedError:
    """Return the refusal of a call that repeats an earlier one."""
    subject = f" of {call.operation!r}" if call.operation else ""
    return CallRejectedError(
        f"A repetition{subject} was not made: {_REASONS['budget']}. It may be made later.",
        key=call.key,
    )


def decision(config: RetryConfig, plan: float | Limit, hint: float | None) -> str:
    """Return what was decided after an attempt and why, for `Call.note`.

    Args:
        config: Of the policy.
        plan: The wait, or what stands against one.
        hint: The seconds that the upstream asked for.
    """
    asked = hint or 0.0
    if not isinstance(plan, str):
        why = f", as the upstream asks for {asked:g} s" if asked > 0 else ""
        return f"again in {round(plan, 3):g} s{why}"
    if plan == "outer_retry":
        return "left to the retry around this one"
    if plan == "attempts":
        return f"not repeated: it was the last of {config.max_attempts} attempts"
    if plan == "retry_after":
        return (
            f"not repeated: the upstream asks for a wait of {asked:g} s, more than "
            f"{config.max_retry_after:g} s"
        )
    return f"not repeated: {_REASONS[plan]}"


def tell_of_failures(
    rejection: CallRejectedError, attempts: int, last: Exception | None
) -> None:
    """Say on the refusal of an attempt what became of the one before."""
    failure = (
        f"raised {type(last).__name__}"
        if last is not None
        else "gave a result worth repeating"
    )
    rejection.add_note(
        f"Attempt {attempts + 1} was refused; attempt {attempts} {failure}."
    )
    if rejection.__context__ is None:
        rejection.__context__ = last


def _about(call: Call[Any], reason: str) -> dict[str, object]:
    return {"operation": call.operation, "key": call.key, "reason": reason}
