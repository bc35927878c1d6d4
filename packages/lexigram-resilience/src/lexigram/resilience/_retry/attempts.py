"""The attempts of a call as a loop, for code that does not fit into one function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Generic, TypeVar

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import Call, Judgement
from lexigram.resilience._retry.cancelling import is_being_cancelled
from lexigram.resilience._retry.failures import Failures
from lexigram.resilience._retry.nesting import NO_LAYER, enter_layer, get_layer

__all__ = ["Attempt", "Attempts"]

T = TypeVar("T")


class Attempts(Generic[T]):
    """The attempts of one call, one after the other; for one loop, once.

    Made by `RetryPolicy.attempts`. The loop ends after an attempt that is good enough,
    or whose result is the last one; by `RetryExhaustedError` where no attempt is left
    after an exception that is worth repeating, and by any other exception unchanged. It
    may be left at any point.
    """

    def __init__(
        self, call: Call[T], clock: ClockProtocol, begin: Callable[[], Failures]
    ) -> None:
        self._call = call
        self._clock = clock
        self._begin = begin
        self._failures: Failures | None = None
        self._current: Attempt[T] | None = None

    def __aiter__(self) -> Attempts[T]:
        return self

    async def __anext__(self) -> Attempt[T]:
        """Wait for as long as it takes, and return the next attempt.

        Raises:
            RuntimeError: The one before was not run.
            StopAsyncIteration: There is none.
        """
        before = self._current
        if before is None:
            self._failures = self._begin()
            self._current = Attempt(1, self._call, self._failures)
            return self._current
        wait = before.wait()
        if wait is None or self._failures is None:
            self._failures = None  # it may hold an exception that holds this loop
            raise StopAsyncIteration
        try:
            await self._clock.sleep(wait)
        except BaseException:  # however the pause ended
            self._failures.abandon()
            raise
        self._current = Attempt(before.number + 1, self._call, self._failures)
        return self._current


class Attempt(Generic[T]):
    """One attempt: what happens in the `with` block.

    An exception that is worth repeating ends the block and no more; the loop goes on.

    Attributes:
        number: Its number, from 1.
    """

    def __init__(self, number: int, call: Call[T], failures: Failures) -> None:
        self.number = number
        self._call = call
        self._failures: Failures | None = failures
        self._given: tuple[T, Judgement] | None = None
        self._wait: float | None = None
        self._mark = [False]
        self._outer: Sequence[bool] = NO_LAYER
        self._entered = False

    def __repr__(self) -> str:
        return f"<Attempt {self.number}>"

    def result(self, value: T) -> T:
        """Have a result judged when the block is over, and return it.

        One that is worth repeating is discarded before the next attempt, by
        `Call.discard`; the last one never is. Without a result the attempt counts as
        good enough.
        """
        self._given = value, self._call.judge(value, None)
        return value

    def __enter__(self) -> Attempt[T]:
        if self._entered:
            raise RuntimeError(
                f"{self!r} was run already. Take another one from the loop."
            )
        self._entered = True
        self._outer = get_layer()
        if self._failures is not None and self._failures.may_repeat:
            self._mark[0] = True
            enter_layer(self._mark)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        self._mark[0] = False
        # Not in a context that the block was not in: a generator may be closed in one.
        if get_layer() is self._mark:
            enter_layer(self._outer)
        failures, self._failures = self._failures, None
        if failures is None or not isinstance(error, Exception):
            if error is None and self._given is not None:
                self._failures = failures  # a result is judged where the loop goes on
            return False
        if is_being_cancelled():
            return False
        try:
            self._wait = failures.after_error(error)
        finally:
            del failures, error  # whose traceback holds this frame
        if self._wait is None:
            return False
        self._discard()
        return True

    def wait(self) -> float | None:
        """Return the seconds until the next attempt; None when there is none.

        Raises:
            RuntimeError: The attempt was not run.
        """
        if not self._entered:
            raise RuntimeError(
                f"{self!r} was not run. Write `with attempt:` around what it does, "
                "inside the loop."
            )
        failures, self._failures = self._failures, None
        if (
            failures is not None
            and self._given is not None
            and not is_being_cancelled()
        ):
            self._wait = failures.after_result(self._given[1])
            if self._wait is not None:
                self._discard()
        return self._wait

    def _discard(self) -> None:
        if self._given is not None:
            self._call.discard(self._given[0])
            self._given = None
