"""The retry policy."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from enum import StrEnum
from random import Random
from typing import Any, Final, TypeVar

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.resilience import (
    Call,
    CallRejectedError,
    Judgement,
    RetryExhaustedError,
)
from lexigram.resilience._config.retry import RetryConfig
from lexigram.resilience._retry.backoff import waits, with_hint

__all__ = ["RetryPolicy"]

T = TypeVar("T")

_PLAIN_CALL: Final[Call[Any]] = Call()

_log = logging.getLogger("lexigram.resilience.retry")


class RetryPolicy:
    """Runs an operation until an attempt is good enough or it gives up.

    Waits between attempts are drawn at random, never shorter than the upstream asked
    for, and never taken when they would end at or after `Call.deadline`: then it gives
    up at once. Not repeated are calls that are not repeatable, attempts that the judge
    does not call retryable, refusals by an admission policy (an open circuit does not
    close for being asked again), and whatever is no `Exception`. One policy serves any
    number of calls at once and keeps no state of a call.

    Example:
        ```python
        policy = RetryPolicy(RetryConfig(max_attempts=5))
        invoice = await policy.execute(fetch_invoice)
        ```
    """

    def __init__(
        self,
        config: RetryConfig | None = None,
        *,
        clock: ClockProtocol | None = None,
        random: Random | None = None,
    ) -> None:
        self._config = config or RetryConfig()
        self._clock = clock or SystemClock()
        self._random = random or Random()  # noqa: S311 - spreads waits, hides nothing

    def __repr__(self) -> str:
        return f"<RetryPolicy {self._config!r}>"

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        """Return the result of the last attempt, whatever the judge says of it.

        Raises:
            RetryExhaustedError: It gave up after an exception worth repeating; that one
                is the cause.
            BaseException: Whatever an attempt raised that is not to be repeated,
                unchanged.
        """
        if call is None:
            call = _PLAIN_CALL
        failures: _Failures | None = None
        try:
            while True:
                try:
                    result = await operation()
                except Exception as error:  # judged; raised where it stands
                    failures = failures or self._failures_of(call)
                    wait = failures.after_error(error)
                    if wait is None:
                        raise
                else:
                    judgement = call.judge(result, None)
                    if not (judgement.retryable and call.repeatable):
                        return result
                    failures = failures or self._failures_of(call)
                    wait = failures.after_result(judgement)
                    if wait is None:
                        return result
                    call.discard(result)
                await self._clock.sleep(wait)
        finally:
            # It holds an exception whose traceback holds this frame.
            del failures

    def _failures_of(self, call: Call[Any]) -> _Failures:
        return _Failures(self._config, self._clock, self._random, call)


class _Stop(StrEnum):
    """What keeps a call from another attempt."""

    ATTEMPTS = "attempts"
    DEADLINE = "deadline"
    RETRY_AFTER = "retry_after"


_REASONS: Final = {
    _Stop.ATTEMPTS: "`max_attempts` allows no more",
    _Stop.DEADLINE: "the deadline of the call leaves no time for the next wait",
    _Stop.RETRY_AFTER: "the upstream asked for a wait longer than `max_retry_after`",
}


class _Failures:
    """The failed attempts of one call; made at its first, so that most need none."""

    __slots__ = ("_attempts", "_call", "_clock", "_config", "_last", "_waits")

    def __init__(
        self,
        config: RetryConfig,
        clock: ClockProtocol,
        random: Random,
        call: Call[Any],
    ) -> None:
        self._config = config
        self._clock = clock
        self._call = call
        self._waits = waits(config, random)
        self._attempts = 0
        self._last: Exception | None = None

    def after_error(self, error: Exception) -> float | None:
        """Return how long to wait, or None when `error` is not to be repeated.

        Raises:
            RetryExhaustedError: It is, but may not be.
        """
        if isinstance(error, CallRejectedError):
            self._tell_of_failures(error)
            return None
        judgement = self._call.judge(None, error)
        if not (judgement.retryable and self._call.repeatable):
            return None
        plan = self._plan(judgement, judgement.reason or type(error).__name__)
        if isinstance(plan, _Stop):
            subject = f" on {self._call.operation!r}" if self._call.operation else ""
            raise RetryExhaustedError(
                f"Gave up{subject} after attempt {self._attempts!r}: "
                f"{_REASONS[plan]}. The last failure, {type(error).__name__}, is the "
                "cause.",
                attempts=self._attempts,
                last=error,
            ) from error
        self._last = error
        return plan

    def after_result(self, judgement: Judgement) -> float | None:
        """Return how long to wait, or None when the result is the last one."""
        plan = self._plan(judgement, judgement.reason or "result")
        self._last = None
        return None if isinstance(plan, _Stop) else plan

    def _plan(self, judgement: Judgement, reason: str) -> float | _Stop:
        self._attempts += 1
        plan = self._next_wait(judgement.retry_after)
        stopped = isinstance(plan, _Stop)
        level = logging.WARNING if stopped else logging.DEBUG
        if _log.isEnabledFor(level):
            self._report(plan, reason)
        return plan

    def _next_wait(self, hint: float | None) -> float | _Stop:
        if self._attempts >= self._config.max_attempts:
            return _Stop.ATTEMPTS
        if hint is not None and hint > self._config.max_retry_after:
            return _Stop.RETRY_AFTER
        wait = with_hint(next(self._waits), hint)
        deadline = self._call.deadline
        if deadline is not None and self._clock.monotonic() + wait >= deadline:
            return _Stop.DEADLINE
        return wait

    def _report(self, plan: float | _Stop, reason: str) -> None:
        facts: dict[str, object] = {
            "operation": self._call.operation,
            "key": self._call.key,
            "reason": reason,
        }
        if isinstance(plan, _Stop):
            facts |= {"attempts": self._attempts, "limit": plan.value}
            _log.warning("resilience.retry.exhausted", extra=facts)
        else:
            facts |= {"attempt": self._attempts, "delay": plan}
            _log.debug("resilience.retry.scheduled", extra=facts)

    def _tell_of_failures(self, rejection: CallRejectedError) -> None:
        if not self._attempts:
            return
        failure = (
            f"raised {type(self._last).__name__}"
            if self._last is not None
            else "gave a result worth repeating"
        )
        rejection.add_note(
            f"Attempt {self._attempts + 1} was refused; attempt {self._attempts} "
            f"{failure}."
        )
        if rejection.__context__ is None:
            rejection.__context__ = self._last
