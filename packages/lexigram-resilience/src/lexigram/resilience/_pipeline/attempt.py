"""One attempt on its way: what admitted it, and what became of it. Nothing here awaits."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from lexigram.contracts.resilience import Call, CallRejectedError, Judgement
from lexigram.resilience._events.events import AttemptFinished
from lexigram.resilience._layers import NEUTRAL, Layer
from lexigram.resilience._pipeline.plan import Plan
from lexigram.resilience._timing.timer import CallTimer

__all__ = ["Attempt"]

# However the call judges: it was ended here, and for taking too long.
_TIMED_OUT: Final = {
    "attempt": Judgement("failure", retryable=True, reason="timeout"),
    "total": Judgement("failure", reason="timeout"),
}


class Attempt:
    """An attempt of a call; made when it begins, and ended once.

    Args:
        plan: What it goes by.
        call: Whose attempt it is.
        number: Which one, from 1; 0 for a race of attempts, which ask and tell each for
            themselves.
        timer: Limits its time.
        around: In a race, limits that of the whole call.

    Raises:
        CallRejectedError: A policy refused it; those that admitted it know.

    Attributes:
        judgement: What it says of the upstream; neutral until that is known.
    """

    __slots__ = (
        "_around",
        "_began",
        "_call",
        "_number",
        "_plan",
        "_timer",
        "_tokens",
        "judgement",
    )

    def __init__(
        self,
        plan: Plan,
        call: Call[Any],
        number: int,
        timer: CallTimer | None,
        around: CallTimer | None = None,
    ) -> None:
        self._plan = plan
        self._call = call
        self._number = number
        self._timer = timer
        self._around = around
        self.judgement: Judgement = NEUTRAL
        self._tokens: list[tuple[Layer, Any]] = []
        self._began: float | None = None
        key = call.key
        try:
            for layer in plan.layers if number else ():
                self._tokens.append((layer, layer.admit(key)))
        except CallRejectedError:
            self._end()
            raise
        self._began = plan.now() if number and plan.events.listeners else None
        if timer is not None:
            timer.begin_attempt()

    def returned(self, result: Any) -> Judgement:
        """End it with a result; return what the judge says of that."""
        try:
            self.judgement = judgement = self._call.judge(result, None)
            return judgement
        finally:
            self._end()

    def raised(self, error: BaseException) -> BaseException:
        """End it with an exception; return the one that its caller is to see."""
        try:
            if isinstance(error, asyncio.CancelledError):
                return self._cancelled(error)
            if isinstance(error, Exception) and not isinstance(
                error, CallRejectedError
            ):
                if self._timer is not None:
                    # The operation made an error of its own out of its end.
                    self._timer.claim()
                self.judgement = self._call.judge(None, error)
            return error
        finally:
            self._end()

    def _cancelled(self, error: asyncio.CancelledError) -> BaseException:
        timeout = None if self._timer is None else self._timer.claim()
        if timeout is None:
            if self._around is not None and self._around.has_fired:
                # Whoever set that limit says so; the upstream took too long all the same.
                self.judgement = _TIMED_OUT["total"]
            return error
        self.judgement = _TIMED_OUT[timeout.phase]
        return timeout

    def _end(self) -> None:
        judgement = self.judgement
        for layer, token in self._tokens:
            layer.record(token, judgement)
        if self._began is not None:
            self._tell(self._plan.now() - self._began)

    def _tell(self, duration: float) -> None:
        judgement = self.judgement
        self._plan.events.tell(
            AttemptFinished(
                self._plan.name,
                self._call.key,
                self._number,
                judgement.outcome,
                judgement.reason,
                duration,
            )
        )
