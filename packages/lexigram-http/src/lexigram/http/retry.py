"""The retry that a client has when no policy is registered.

Small on purpose: a few attempts with jittered pauses. It differs from a registered
policy in one promise: it hands back the last outcome, so that a client without
resilience answers `Err` with what really happened.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import Call, Judgement

T = TypeVar("T")

MAX_ATTEMPTS = 3
BASE_DELAY = 0.1
MAX_DELAY = 2.0
MAX_RETRY_AFTER = 60.0


class BuiltinRetry:
    """Three attempts in all, with full jitter up to 0.1 s, then 0.2 s.

    A Retry-After is waited for in full, or not at all: beyond 60 s, or beyond the
    deadline, the outcome at hand is the answer. Implements `RetryPolicyProtocol`.
    """

    def __init__(self, clock: ClockProtocol, random: Random | None = None) -> None:
        self._clock = clock
        self._random = random or Random()  # noqa: S311 - spreads load, keeps no secret

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        """Return or raise the outcome of the last attempt."""
        call = call or Call()
        attempt = 1
        while True:
            try:
                result = await operation()
            except Exception as error:  # judged below, raised when it stands
                pause = self._pause(call, call.judge(None, error), attempt)
                if pause is None:
                    raise
            else:
                pause = self._pause(call, call.judge(result, None), attempt)
                if pause is None:
                    return result
                call.discard(result)
            await self._clock.sleep(pause)
            attempt += 1

    def _pause(self, call: Call[T], judgement: Judgement, attempt: int) -> float | None:
        """Return the seconds to wait before the next attempt; None when there is none."""
        if not judgement.retryable or not call.repeatable or attempt >= MAX_ATTEMPTS:
            return None
        pause = self._random.uniform(0, min(MAX_DELAY, BASE_DELAY * 2 ** (attempt - 1)))
        hint = judgement.retry_after or 0.0
        if hint > MAX_RETRY_AFTER:
            return None
        pause = max(pause, hint)
        late = call.deadline is not None and (
            self._clock.monotonic() + pause >= call.deadline
        )
        return None if late else pause
