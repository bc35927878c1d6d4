"""The attempts of one call, of which the first good one is taken.

The first attempt runs in place, in the task of the caller; a timer starts the next one,
in a task of its own. As long as no timer fires, that is all: no task is made.

When an attempt in a task wins, the one in place is ended by cancelling the caller's task,
as a limit of time would end it, and by the same rules this cancellation is told from
anybody else's: a task counts the cancellations that were asked for, and whoever asked
takes its own back. When the caller was cancelled too, it is that which goes on.

What started, ends before the call does. Every result is either returned, or discarded
once: when the attempt ends, if the call is decided or others are still under way, else
when the next one starts.

An outcome is the better the further up it stands:
    taken     what the judge does not call retryable, be it a result or an error;
    failed    the latest of the others, when no attempt is left to wait for or to make;
    not made  a refusal by a policy within, or a cancellation by a stranger: it starts
              nothing any more, but never ends what is under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

from lexigram.contracts.resilience import Call, CallRejectedError, Judgement
from lexigram.resilience._hedging.outcomes import FINAL, Raised, Returned
from lexigram.resilience._hedging.pacer import Pacer

__all__ = ["Race"]

T = TypeVar("T")

_Outcome: TypeAlias = "Returned[T] | Raised"


class Race(Generic[T]):
    """One call, whose first attempt its maker runs.

    After it, the maker calls `raised`, or `won` and, if that is not so, `returned`; then
    `settle`, unless it has won, for what the call comes to.

    Args:
        pacer: That of the call's key.
        operation: Makes every attempt but the first.
        call: The call; it is repeatable.

    Raises:
        RuntimeError: There is no task, as in a callback of the loop.
    """

    # Of the class until they change, which for most calls is never: making all of them
    # for each call would cost as much as all else here but the timer.
    _number: int = 1  # of the latest attempt
    _here: int = 1  # of the attempt in place, 0 when there is none
    _tasks: tuple[asyncio.Task[_Outcome[T]], ...] = ()
    _waiter: asyncio.Future[None] | None = None
    _winner: _Outcome[T] | None = None
    _failed: _Outcome[T] | None = None
    _fatal: BaseException | None = None
    _interrupted: bool = False
    _closed: bool = False  # to more attempts
    _stopped: bool = False
    _dropped: int = 0  # the number of a failed attempt whose result was discarded
    _handle: asyncio.TimerHandle | None = None

    def __init__(
        self, pacer: Pacer, operation: Callable[[], Awaitable[T]], call: Call[T]
    ) -> None:
        self._loop = loop = asyncio.get_running_loop()
        task: asyncio.Task[Any] | None = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError(
                "Hedging needs a task: it ends an attempt by cancelling it."
            )
        self._task = task
        self._cancelling = task.cancelling()
        self._pacer = pacer
        self._operation = operation
        self._call = call
        self._began = self._latest_began = began = loop.time()
        delay = pacer.delay
        if delay is not None:
            self._handle = loop.call_at(began + delay, self._due)

    def won(self, judgement: Judgement) -> bool:
        """Say that the first attempt returned, and whether that is all there is."""
        if judgement.retryable or self._number != 1:
            return False
        if self._handle is not None:
            self._handle.cancel()
        if self._pacer.learns and judgement.outcome == "success":
            self._pacer.add(self._loop.time() - self._began)
        return True

    def returned(self, result: T, judgement: Judgement) -> None:
        """Say that the attempt in place returned, and did not win by that alone."""
        number = self._leave()
        self._take_back()
        if number == 1 and judgement.outcome == "success":
            self._pacer.add(self._loop.time() - self._began)
        self._take(Returned(number, judgement, result))

    def raised(self, error: BaseException) -> None:
        """Say that the attempt in place raised, or was cancelled."""
        number = self._leave()
        was_interrupted = self._take_back()
        if isinstance(error, Exception):
            self._take(self._raised(number, error))
        elif not (was_interrupted and isinstance(error, asyncio.CancelledError)):
            self._fatal = error
        elif number == 1:
            # It would have taken longer than this. Leaving it out would let a percentile
            # sink: of a p95, to where every eighth call is hedged.
            self._pacer.add(self._loop.time() - self._began)

    async def settle(self) -> T:
        """Return what the call comes to, when every attempt has ended.

        Raises:
            BaseException: What the attempt raised whose outcome is taken, or the
                cancellation of the caller.
        """
        try:
            while self._winner is None and self._fatal is None:
                if self._may_start():
                    await self._run_here()
                elif self._tasks:
                    await self._news()
                else:
                    break
        except BaseException as error:  # noqa: BLE001 - raised when all have ended
            self._fatal = error
        await self._end()
        return self._conclude()

    # -- starting ----------------------------------------------------------------------

    def _may_start(self) -> bool:
        """Say whether there is another attempt; if so, it has to be started."""
        return (
            not self._closed
            and self._number <= self._pacer.max_hedges
            # Also when the operation in place made something else of its cancellation.
            and self._task.cancelling() <= self._cancelling
            and self._pacer.permits(self._call)
        )

    def _due(self) -> None:
        """The latest attempt takes long."""
        self._handle = None
        if self._may_start():
            self._start()

    def _start(self) -> None:
        """Start an attempt in a task."""
        number = self._count()
        task = self._loop.create_task(
            self._attempt(number), name=f"hedge {number} of {self._task.get_name()}"
        )
        self._tasks = (*self._tasks, task)
        task.add_done_callback(partial(self._ended, number))

    async def _run_here(self) -> None:
        """Make an attempt in place."""
        if isinstance(self._failed, Returned):
            self._drop(self._failed)
            self._failed = None
        self._here = self._count()
        try:
            result = await self._operation()
            judgement = self._call.judge(result, None)
        except BaseException as error:  # noqa: BLE001 - settled by the caller
            self.raised(error)
        else:
            self.returned(result, judgement)

    def _count(self) -> int:
        """Return the number of an attempt that begins now, and time it."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._number += 1
        now, delay = self._loop.time(), self._pacer.delay
        self._pacer.started(self._number, now - self._latest_began)
        self._latest_began = now
        if delay is not None and self._number <= self._pacer.max_hedges:
            self._handle = self._loop.call_at(now + delay, self._due)
        return self._number

    async def _attempt(self, number: int) -> _Outcome[T]:
        try:
            result = await self._operation()
        except Exception as error:  # noqa: BLE001 - judged, and handed over
            return self._raised(number, error)
        return Returned(number, self._call.judge(result, None), result)

    # -- ending ------------------------------------------------------------------------

    def _ended(self, number: int, task: asyncio.Task[_Outcome[T]]) -> None:
        """An attempt in a task has ended."""
        self._tasks = tuple(other for other in self._tasks if other is not task)
        if not self._here:
            self._wake()
        self._take(_outcome(number, task))
        if self._here and not self._stopped and self._may_start():
            self._start()

    def _take(self, outcome: _Outcome[T]) -> None:
        """Decide what an outcome means for the call."""
        judgement = outcome.judgement
        if self._stopped:
            self._drop(outcome)
        elif judgement is None:
            self._closed = True
            self._failed = self._failed or outcome
        elif not judgement.retryable:
            self._winner = outcome
            self._stop()
        else:
            self._fail(outcome, judgement)

    def _fail(self, outcome: _Outcome[T], judgement: Judgement) -> None:
        # Who asked for a pause is not asked again at once.
        self._closed = self._closed or bool(judgement.retry_after)
        if isinstance(outcome, Returned) and (self._here or self._tasks):
            # What it holds may be what the others wait for: a connection.
            self._drop(outcome)
        else:
            self._failed = outcome

    def _stop(self) -> None:
        """End every attempt that is under way, and start none."""
        if self._stopped:
            return  # Cancelled again, they would leave their cleaning up undone.
        self._stopped = True
        if self._handle is not None:
            self._handle.cancel()
        for task in self._tasks:
            task.cancel()
        if self._here:
            self._interrupted = True
            self._task.cancel()

    async def _end(self) -> None:
        """Return when every attempt in a task has ended."""
        self._stop()
        # A coroutine that is being closed cannot wait.
        while self._tasks and not isinstance(self._fatal, GeneratorExit):
            try:
                await self._news()
            except asyncio.CancelledError as error:
                self._fatal = self._fatal or error

    def _conclude(self) -> T:
        fatal, outcome = self._fatal, self._winner or self._failed
        # Exceptions hold the frames that hold this.
        self._fatal = self._winner = self._failed = None
        try:
            if fatal is not None:
                if outcome is not None:
                    self._drop(outcome)
                raise fatal
            assert outcome is not None  # noqa: S101 - an attempt has ended
            if self._number > 1:
                self._pacer.finished(outcome.number)
            if isinstance(outcome, Returned):
                return outcome.result
            if outcome.judgement is None and self._dropped:
                outcome.error.add_note(
                    f"Attempt {self._dropped} gave a result worth repeating."
                )
            raise outcome.error
        finally:
            del fatal, outcome

    def _leave(self) -> int:
        number, self._here = self._here, 0
        return number

    def _take_back(self) -> bool:
        """Say whether the attempt in place was cancelled from here, and only from here."""
        return self._interrupted and self._task.uncancel() <= self._cancelling

    def _raised(self, number: int, error: Exception) -> Raised:
        if isinstance(error, CallRejectedError):
            return Raised(number, None, error)
        return Raised(number, self._call.judge(None, error), error)

    def _drop(self, outcome: _Outcome[T]) -> None:
        if isinstance(outcome, Returned):
            self._dropped = outcome.number
            self._call.discard(outcome.result)

    async def _news(self) -> None:
        """Return when an attempt in a task has ended."""
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _outcome(number: int, task: asyncio.Task[_Outcome[T]]) -> _Outcome[T]:
    if task.cancelled():
        return Raised(number, None, asyncio.CancelledError())
    error = task.exception()
    return task.result() if error is None else Raised(number, FINAL, error)
