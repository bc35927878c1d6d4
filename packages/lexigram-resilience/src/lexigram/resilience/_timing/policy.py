"""A limit of time as a policy of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.resilience import Call
from lexigram.resilience._config.timeouts import TimeoutsConfig
from lexigram.resilience._timing.deadline import DEADLINE, time_left
from lexigram.resilience._timing.timer import CallTimer

__all__ = ["Timeouts"]

T = TypeVar("T")

_PLAIN_CALL: Final[Call[Any]] = Call()


class Timeouts:
    """Ends an operation that takes too long.

    Here the operation is one attempt, and the shorter of the two limits holds. What is
    called within it inherits the deadline: a `Timeouts` inside ends no later. The
    operation is ended by cancellation, at its next await; a cancellation that comes from
    elsewhere passes through, also when both come at the same time.

    Example:
        ```python
        limit = Timeouts(TimeoutsConfig(total=5.0, attempt=2.0))
        rows = await limit.execute(fetch_rows)
        ```
    """

    def __init__(
        self,
        config: TimeoutsConfig | None = None,
        *,
        clock: ClockProtocol | None = None,
    ) -> None:
        self._config = config or TimeoutsConfig()
        self._clock = clock or SystemClock()

    def __repr__(self) -> str:
        return f"<Timeouts {self._config!r}>"

    @property
    def config(self) -> TimeoutsConfig:
        """What is in force."""
        return self._config

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        """Run `operation` once, for as long as it may take.

        Raises:
            CallTimeoutError: It took longer.
            BaseException: Whatever `operation` raised, unchanged.
        """
        now = self._clock.monotonic()
        left = time_left(self._config.total, call or _PLAIN_CALL, now)
        timer = CallTimer(left, self._config.attempt)
        token = None if left is None else DEADLINE.set(now + left)
        timer.begin_attempt()
        try:
            return await operation()
        except asyncio.CancelledError:
            error = timer.claim()
            if error is None:
                raise
            raise error from None
        finally:
            timer.stop()
            if token is not None:
                DEADLINE.reset(token)
