"""One call on its way through a pipeline: what it holds, and what it does next.

Nothing here awaits: the pipeline does, and asks this in between. Whatever was taken is
given back by `end`, in the same tick in which the call ends, however it ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import Token
from typing import Any, Final, Literal, TypeAlias, cast

from lexigram.contracts.resilience import (
    Call,
    CallRejectedError,
    CallTimeoutError,
)
from lexigram.resilience._admission.bulkhead import Places
from lexigram.resilience._events.events import CallFinished
from lexigram.resilience._pipeline.attempt import Attempt
from lexigram.resilience._pipeline.plan import Plan
from lexigram.resilience._retry.cancelling import is_being_cancelled
from lexigram.resilience._retry.failures import Failures
from lexigram.resilience._retry.judging import JUDGED_BY_EXCEPTION
from lexigram.resilience._retry.nesting import enter_layer, get_layer
from lexigram.resilience._retry.policy import RetryPolicy
from lexigram.resilience._timing.deadline import DEADLINE
from lexigram.resilience._timing.timer import CallTimer

__all__ = ["Run"]

_Result: TypeAlias = Literal["ok", "failed", "rejected", "timeout", "cancelled"]

_NO_MARK: Final = [False]


class Run:
    """A call.

    Attributes:
        places: Where it has a place, which it gives back when it ends.
    """

    __slots__ = (
        "_attempt",
        "_began",
        "_call",
        "_failures",
        "_mark",
        "_nested",
        "_number",
        "_outer_deadline",
        "_outer_mark",
        "_plan",
        "_result",
        "_started",
        "_timer",
        "places",
    )

    def __init__(self, plan: Plan, call: Call[Any]) -> None:
        self._plan = plan
        self._call = call
        self._number = 0
        self._failures: Failures | None = None
        self._mark = _NO_MARK
        self._nested = False
        self._outer_mark: Sequence[bool] | None = None
        self._timer: CallTimer | None = None
        self._outer_deadline: Token[float | None] | None = None
        self._started: float | None = None
        self._result: _Result = "cancelled"
        self._began = plan.now() if plan.events.listeners else None
        self.places: Places | None = None

    def begin(self) -> None:
        """Begin the time of the call, and count it, now that it is admitted."""
        plan = self._plan
        if plan.total is not None or plan.attempt is not None:
            self._set_limits(plan.now())
        retry = plan.policies.retry
        if retry is None:
            return
        if plan.duration is not None:
            self._started = retry.now()
        outer = get_layer()
        if outer[0]:
            if plan.collapses:
                self._nested = True
                return
            self._outer_mark = outer
        retry.count(self._call)
        # What is within knows that it is repeated here.
        self._mark = mark = [plan.repeats and self._call.repeatable]
        enter_layer(mark)

    def begin_attempt(self) -> None:
        """Begin the next attempt.

        Raises:
            CallRejectedError: A policy refused it.
        """
        plan = self._plan
        number = 0 if plan.policies.hedge else self._number + 1
        try:
            self._attempt = Attempt(plan, self._call, number, self._timer)
        except CallRejectedError as refusal:
            if self._failures is not None:
                self._failures.refused(refusal)
                self._failures.abandon()
            raise
        self._number += number > 0

    def begin_raced(self, timer: CallTimer | None) -> Attempt:
        """Begin an attempt of a race, and return it.

        Raises:
            CallRejectedError: A policy refused it.
        """
        number = self._number + 1
        attempt = Attempt(self._plan, self._call, number, timer, self._timer)
        self._number = number
        return attempt

    def returned(self, result: Any) -> float | None:
        """End the attempt; return how long to wait, or None when the result is the last.

        One that is not the last has been discarded.
        """
        judgement = self._attempt.returned(result)
        self._result = "failed" if judgement.outcome == "failure" else "ok"
        if not judgement.retryable or self._plan.policies.retry is None:
            return None
        if is_being_cancelled():
            return None
        wait = self._failures_with(self._plan.policies.retry).after_result(judgement)
        if wait is not None:
            self._end_attempt()
            self._call.discard(result)
        return wait

    def raised(self, error: BaseException) -> float | None:
        """End the attempt; return how long to wait, or None to raise `error` on.

        Raises:
            CallTimeoutError: `error` is the cancellation by a limit of time, and the
                call is not repeated.
            RetryExhaustedError: The call would be repeated, and may not be.
        """
        seen = self._attempt.raised(error)
        self._result = _result_of(seen)
        retry, wait = self._plan.policies.retry, None
        judgement = self._attempt.judgement
        # Ended by the limit of the call, after which there is no other attempt.
        is_over = seen is not error and not judgement.retryable
        is_over = is_over or is_being_cancelled()
        if retry is not None and isinstance(seen, Exception) and not is_over:
            # What has no judge of its own is repeated as the retry says.
            own = self._call.judge is not JUDGED_BY_EXCEPTION
            failures = self._failures_with(retry)
            wait = failures.after_error(seen, judgement if own else None)
        if wait is not None:
            self._end_attempt()
        elif seen is not error:
            raise seen from None
        return wait

    def interrupted(self, error: BaseException) -> BaseException:
        """End a wait between attempts; return the exception that the caller is to see."""
        # There are some: it was waiting because of them.
        cast("Failures", self._failures).abandon()
        timeout = None if self._timer is None else self._timer.claim()
        seen = timeout or error
        self._result = _result_of(seen)
        return seen

    def rejected(self) -> None:
        """Note that it was not admitted."""
        self._result = "rejected"

    def end(self) -> None:
        """Give back all that was taken."""
        self._mark[0] = False
        if self._outer_mark is not None:
            enter_layer(self._outer_mark)
        if self._timer is not None:
            self._timer.stop()
        if self._outer_deadline is not None:
            DEADLINE.reset(self._outer_deadline)
        if self.places is not None:
            self.places.leave()
        # It may hold an exception whose traceback holds a frame that holds this.
        self._failures = None
        if self._began is not None:
            self._tell(self._plan.now() - self._began)

    def _set_limits(self, now: float) -> None:
        """Start the timer, and say to calls within how long they may take."""
        plan, owner, end = self._plan, self._call.deadline, DEADLINE.get()
        total: float | None = None
        own = plan.total is not None and (end is None or now + plan.total < end)
        if own and plan.total is not None:
            end = now + plan.total
        # Who set the call's own deadline enforces it.
        if end is not None and (owner is None or end < owner):
            total = end - now
            if own:
                self._outer_deadline = DEADLINE.set(end)
        attempt = None if plan.policies.hedge else plan.attempt
        if total is not None or attempt is not None:
            usual = attempt is not None and (total is None or total >= attempt)
            self._timer = CallTimer(total, attempt, plan.timer if usual else None)

    def _end_attempt(self) -> None:
        """End the time of an attempt; at the end of a call all limits end at once."""
        if self._timer is not None:
            self._timer.end_attempt()

    def _failures_with(self, retry: RetryPolicy) -> Failures:
        if self._failures is None:
            self._failures = retry.failures(
                self._call, began=self._started, nested=self._nested
            )
        return self._failures

    def _tell(self, duration: float) -> None:
        call = self._call
        self._plan.events.tell(
            CallFinished(
                self._plan.name,
                call.key,
                call.operation,
                self._result,
                self._number,
                duration,
            )
        )


def _result_of(error: BaseException) -> _Result:
    if isinstance(error, CallRejectedError):
        return "rejected"
    if isinstance(error, CallTimeoutError):
        return "timeout"
    return "cancelled" if isinstance(error, asyncio.CancelledError) else "failed"
