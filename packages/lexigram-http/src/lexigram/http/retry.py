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

    def describe(self) -> str:
        """Return its numbers."""
        return (
            f"built in: {MAX_ATTEMPTS} attempts, waits of up to {BASE_DELAY:g} s and "
            f"twice that, Retry-After up to {MAX_RETRY_AFTER:g} s"
        )

    def _pause(self, call: Call[T], judgement: Judgement, attempt: int) -> float | None:
        """Return the seconds to wait before the next attempt; None when there is none."""
        if not judgement.retryable or not call.repeatable:
            return None
        pause, decision = self._decide(call, judgement.retry_after or 0.0, attempt)
        if call.note is not None:
            call.note(decision)
        return pause

    def _decide(
        self, call: Call[T], hint: float, attempt: int
    ) -> tuple[float | None, str]:
        """Return the pause, and in words what is decided."""
        if attempt >= MAX_ATTEMPTS:
            return None, f"not repeated: it was the last of {MAX_ATTEMPTS} attempts"
        if hint > MAX_RETRY_AFTER:
            return None, (
                f"not repeated: Retry-After asks for {hint:g} s, "
                f"more than {MAX_RETRY_AFTER:g} s"
            )
        drawn = self._random.uniform(0, min(MAX_DELAY, BASE_DELAY * 2 ** (attempt - 1)))
        pause = max(drawn, hint)
        wait = f"{round(pause, 3):g} s{', as Retry-After asks' if hint > drawn else ''}"
        if call.deadline is not None:
            left = call.deadline - self._clock.monotonic()
            if pause >= left:
                return None, (
                    f"not repeated: the call has {round(left, 3):g} s left, and the "
                    f"pause would be {wait}"
                )
        return pause, f"again in {wait}"
