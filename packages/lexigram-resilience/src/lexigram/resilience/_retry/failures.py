"""What becomes of a call after an attempt that was not good enough.

Decides and counts, and does nothing else: no I/O, no sleep, no asyncio. Whoever runs the
attempts asks after each failed one, and waits or stops.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from lexigram.contracts.resilience import Call, CallRejectedError, Judgement
from lexigram.resilience._config.retry import RetryConfig
from lexigram.resilience._events.listeners import Events
from lexigram.resilience._retry.backoff import (
    is_throttled,
    throttled_waits,
    waits,
    with_hint,
)
from lexigram.resilience._retry.budget import RetryBudget
from lexigram.resilience._retry.judging import JUDGED_BY_EXCEPTION, Judge
from lexigram.resilience._retry.reporting import (
    Limit,
    decision,
    exhausted,
    gave_up,
    scheduled,
    tell_of_failures,
)
from lexigram.resilience._timing.deadline import DEADLINE

__all__ = ["Failures", "Rules"]


@dataclass(frozen=True, slots=True)
class Rules:
    """What one policy says to all its calls.

    Attributes:
        name: What the policy is called in events.
        config: How often and how far apart.
        now: Returns the time.
        random: What waits are drawn with.
        budget: Where attempts beyond the first are taken from; None for no limit.
        events: Whom it tells.
        judge: Judges calls that have no judge of their own.
    """

    name: str
    config: RetryConfig
    now: Callable[[], float]
    random: Random
    budget: RetryBudget | None
    events: Events
    judge: Judge


class Failures:
    """The failed attempts of one call; made at its first, so that most need none.

    After each of them call `after_error` or `after_result`, once, and do as it says;
    when the wait is not waited to its end, call `abandon`. Whoever refuses an attempt
    without asking these calls `refused` before raising.

    Args:
        rules: Of the policy.
        call: The call.
        end: When `RetryConfig.max_duration` is over for this call; None for never.
        nested: Whether a retry around this one repeats the call.
    """

    __slots__ = (
        "_call",
        "_end",
        "_end_is",
        "_history",
        "_judge",
        "_last",
        "_nested",
        "_rules",
        "_throttled",
        "_waits",
    )

    def __init__(
        self,
        rules: Rules,
        call: Call[Any],
        end: float | None,
        *,
        nested: bool,
    ) -> None:
        self._rules = rules
        self._call = call
        own = call.judge
        self._judge = rules.judge if own is JUDGED_BY_EXCEPTION else own
        self._nested = nested
        self._waits = waits(rules.config, rules.random)
        self._throttled = throttled_waits(rules.config, rules.random)
        self._history: list[tuple[str, float]] = []
        self._last: Exception | None = None
        self._end_is: Limit
        self._end, self._end_is = _earliest(end, call.deadline)

    @property
    def may_repeat(self) -> bool:
        """Whether retries within an attempt leave the repeating to this call."""
        allowed = self._call.repeatable and self._rules.config.max_attempts > 1
        return allowed and not self._nested

    def after_error(
        self, error: Exception, judgement: Judgement | None = None
    ) -> float | None:
        """Return how long to wait, or None when `error` is to be raised as it is.

        Args:
            error: What the attempt raised.
            judgement: What the judge says of it; asked for when None.

        Raises:
            RetryExhaustedError: It is worth repeating, but no attempt is left.
        """
        if isinstance(error, CallRejectedError):
            self.refused(error)
            return None
        if judgement is None:
            judgement = self._judge(None, error)
        if not (judgement.retryable and self._call.repeatable):
            return None
        plan = self._plan(judgement, judgement.reason or type(error).__name__)
        if plan == "outer_retry":
            return None
        if isinstance(plan, str):
            raise exhausted(self._call, plan, error, self._history) from error
        self._last = error
        return plan

    def after_result(self, judgement: Judgement) -> float | None:
        """Return how long to wait, or None when the result is the last one.

        It is for the caller to discard the result before the wait.
        """
        if not (judgement.retryable and self._call.repeatable):
            return None
        plan = self._plan(judgement, judgement.reason or "result")
        self._last = None
        return None if isinstance(plan, str) else plan

    def abandon(self) -> None:
        """Give back to the budget the attempt that was waited for."""
        if self._rules.budget is not None:
            self._rules.budget.give_back(self._call.key)

    def refused(self, rejection: CallRejectedError) -> None:
        """Note on the refusal of an attempt what became of the one before, if any."""
        if self._history:
            tell_of_failures(rejection, len(self._history), self._last)

    def _plan(self, judgement: Judgement, reason: str) -> float | Limit:
        """Return a wait, or what stands against it; both are told."""
        rules, call = self._rules, self._call
        plan = self._next_wait(judgement)
        if isinstance(plan, str):
            made = len(self._history) + 1
            gave_up(rules.events, rules.name, call, made, plan, reason)
        else:
            self._history.append((reason, plan))
            scheduled(rules.events, rules.name, call, self._history)
        if call.note is not None:
            call.note(decision(rules.config, plan, judgement.retry_after))
        return plan

    def _next_wait(self, judgement: Judgement) -> float | Limit:
        rules, hint = self._rules, judgement.retry_after
        if self._nested:
            return "outer_retry"
        if len(self._history) + 1 >= rules.config.max_attempts:
            return "attempts"
        if hint is not None and hint > rules.config.max_retry_after:
            return "retry_after"
        drawn = next(self._throttled if is_throttled(judgement) else self._waits)
        wait = with_hint(drawn, hint)
        if self._end is not None and rules.now() + wait >= self._end:
            return self._end_is
        # Last, so that nothing is taken out for an attempt that is not made.
        if rules.budget is not None and not rules.budget.withdraw(self._call.key):
            return "budget"
        return wait


def _earliest(
    duration: float | None, deadline: float | None
) -> tuple[float | None, Limit]:
    """Return when a call has to be over, and by what."""
    ends = [end for end in (deadline, DEADLINE.get()) if end is not None]
    if duration is not None and all(duration < end for end in ends):
        return duration, "duration"
    return min(ends, default=None), "deadline"
