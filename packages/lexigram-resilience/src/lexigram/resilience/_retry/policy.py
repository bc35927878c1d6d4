"""The retry policy."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial, wraps
from itertools import repeat
from random import Random
from typing import Any, Final, ParamSpec, TypeVar, overload

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.resilience import Call
from lexigram.resilience._config.budget import BudgetConfig
from lexigram.resilience._config.retry import RetryConfig
from lexigram.resilience._events.listeners import Events
from lexigram.resilience._retry.attempts import Attempts
from lexigram.resilience._retry.budget import Purse, RetryBudget
from lexigram.resilience._retry.cancelling import is_being_cancelled
from lexigram.resilience._retry.failures import Failures, Rules
from lexigram.resilience._retry.judging import (
    JUDGED_BY_EXCEPTION,
    RetryOn,
    judge_of,
)
from lexigram.resilience._retry.nesting import NO_LAYER, enter_layer, get_layer
from lexigram.resilience._retry.reporting import refused_repeat

__all__ = ["RetryPolicy"]

P = ParamSpec("P")
T = TypeVar("T")

# Nobody's, and empty: what stands where a call has to be counted with the time.
_NO_PURSE: Final = Purse(BudgetConfig())


class RetryPolicy:
    """Runs an operation until an attempt is good enough or it gives up.

    Waits between attempts are drawn at random, never shorter than the upstream asked
    for, and never taken when they would end at or after `Call.deadline`, the deadline of
    a surrounding `Timeouts`, or `RetryConfig.max_duration`: then it gives up at once.
    Attempts beyond the first come out of a budget that all calls of a key share, so that
    an outage is not answered with a multiple of the load. Within an attempt of another
    retry it makes one attempt, and leaves the repeating to that one. Cancellation ends
    the attempt or the wait and passes through; an attempt that was waited for goes back
    to the budget.

    Not repeated are calls that are not repeatable, attempts that the judge does not call
    retryable, refusals by an admission policy (an open circuit does not close for being
    asked again), and whatever is no `Exception`. One policy serves any number of calls
    at once, on one event loop, and keeps no state of a call. Implements
    `RetryPolicyProtocol`.

    Args:
        config: How often and how far apart.
        name: What it is called in events.
        clock: The running event loop's by default.
        random: What waits are drawn with.
        budget: Where attempts beyond the first are taken from, to share it with other
            policies; by default one of its own, as `RetryConfig.budget` says.
        events: Whom it tells.
        retry_on: What is worth repeating, for calls that do not bring a judge: exception
            types, or a function of the exception. By default every `Exception` is.

    Raises:
        TypeError: `retry_on` has something else than kinds of `Exception`.

    Example:
        ```python
        policy = RetryPolicy(RetryConfig(max_attempts=5))
        invoice = await policy.execute(fetch_invoice)


        @policy
        async def load(table: str) -> list[Row]:
            return await connection.fetch(table)


        rows = await load("invoices")

        async for attempt in policy.attempts():
            with attempt:
                row = await connection.fetch_one(query)
        ```
    """

    def __init__(
        self,
        config: RetryConfig | None = None,
        *,
        name: str = "",
        clock: ClockProtocol | None = None,
        random: Random | None = None,
        budget: RetryBudget | None = None,
        events: Events | None = None,
        retry_on: RetryOn | None = None,
    ) -> None:
        self._config = config = config or RetryConfig()
        self._clock = clock = clock or SystemClock()
        if budget is None and config.budget is not None:
            budget = RetryBudget(config.budget, clock=clock)
        self._budget = budget
        self._rules = Rules(
            name=name,
            config=config,
            now=clock.monotonic,
            random=random or Random(),  # noqa: S311 - spreads waits, hides nothing
            budget=budget,
            events=events if events is not None else Events(),
            judge=JUDGED_BY_EXCEPTION if retry_on is None else judge_of(retry_on),
        )
        self._plain_call: Call[Any] = Call(judge=self._rules.judge)
        self._repeats = config.max_attempts > 1
        self._max_duration = config.max_duration
        # The purse of the key that was called last, as most are called again and again,
        # and the one of calls that say nothing of themselves. They may be some that
        # their budget has forgotten since, until the next look at the clock.
        self._key = ""
        self._purse = self._plain_purse = _NO_PURSE
        self._uncounted = Purse(BudgetConfig())

    def __repr__(self) -> str:
        return f"<RetryPolicy {self._config!r}>"

    @property
    def name(self) -> str:
        """What it is called in events."""
        return self._rules.name

    @property
    def config(self) -> RetryConfig:
        """What is in force."""
        return self._config

    @property
    def budget(self) -> RetryBudget | None:
        """Where attempts beyond the first are taken from; None for no limit."""
        return self._budget

    async def execute(  # noqa: C901, PLR0912 - one coroutine: another costs too much
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        """Return the result of the last attempt, whatever the judge says of it.

        Raises:
            RetryExhaustedError: It gave up after an exception worth repeating; that one
                is the cause, and notes tell of the attempts before.
            CallRejectedError: The call repeats an earlier one, and the budget for that
                is exhausted; `operation` was not called.
            BaseException: Whatever an attempt raised that is not to be repeated, by
                this policy or because a retry around it does, unchanged.
        """
        # Down to the first attempt: what calls pay that need no second one.
        if get_layer()[0]:
            return await self._within_another(operation, call)
        if call is None:
            purse, mark = self._plain_purse, [self._repeats]
        else:
            known = call.key == self._key and not call.repeats
            purse = self._purse if known else _NO_PURSE
            mark = [self._repeats and call.repeatable]
        failures: Failures | None = None
        for _ in purse.untimed:
            break  # counted
        else:
            failures = self._start(call or self._plain_call)
        enter_layer(mark)
        try:
            while True:
                try:
                    result = await operation()
                except Exception as error:  # judged; raised where it stands
                    if is_being_cancelled():
                        raise
                    failures = failures or self.failures(call or self._plain_call)
                    wait = failures.after_error(error)
                    if wait is None:
                        raise
                else:
                    # What has no judge of its own is judged by exceptions alone.
                    if (
                        call is None
                        or not (judged := call.judge(result, None)).retryable
                        or is_being_cancelled()
                    ):
                        return result
                    failures = failures or self.failures(call)
                    wait = failures.after_result(judged)
                    if wait is None:
                        return result
                    call.discard(result)
                await self._pause(failures, wait)
        finally:
            mark[0] = False
            # It holds an exception whose traceback holds this frame.
            del failures

    @overload
    def attempts(self, call: Call[T]) -> Attempts[T]: ...

    @overload
    def attempts(self, call: None = None) -> Attempts[Any]: ...

    def attempts(self, call: Call[Any] | None = None) -> Attempts[Any]:
        """Return the attempts of a call, for `async for attempt in ...: with attempt:`.

        The loop ends as `execute` does: with `RetryExhaustedError` when it gave up after
        an exception worth repeating, with the exception itself when it was not.
        """
        if call is None:
            call = self._plain_call
        return Attempts(call, self._clock, partial(self._begin, call))

    def __call__(
        self, function: Callable[P, Coroutine[Any, Any, T]]
    ) -> Callable[P, Coroutine[Any, Any, T]]:
        """Return an async function, or method, that runs under this policy.

        Events and errors call the operation by the name of the function. All functions
        of one policy share its budget.

        Raises:
            TypeError: It is no async function.
        """
        if not inspect.iscoroutinefunction(function):
            raise TypeError(
                f"{function!r} is no async function. Decorate one that is declared with "
                "`async def`, or call `execute` with something to await."
            )
        call = self._plain_call._replace(operation=function.__qualname__)

        @wraps(function)
        async def repeated(*args: P.args, **kwargs: P.kwargs) -> T:
            return await self.execute(partial(function, *args, **kwargs), call)

        return repeated

    def failures(
        self, call: Call[Any], *, began: float | None = None, nested: bool = False
    ) -> Failures:
        """Return what decides about another attempt of a call.

        For a pipeline that runs the attempts by itself.

        Args:
            call: The call.
            began: When it began; now by default.
            nested: Whether it is made within an attempt of another retry.
        """
        return Failures(self._rules, call, self._end(began), nested=nested)

    def now(self) -> float:
        """Return the time that this policy goes by."""
        return self._rules.now()

    def count(self, call: Call[Any]) -> None:
        """Count a call for the budget: what `execute` does for its own.

        Raises:
            CallRejectedError: It repeats an earlier one, and the budget is exhausted.
        """
        known = call.key == self._key and not call.repeats
        for _ in (self._purse if known else _NO_PURSE).untimed:
            return  # counted
        self._count(call)

    async def _within_another(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None
    ) -> T:
        """Run a call that is made within an attempt of another retry."""
        if self._config.nested == "allow":
            outer = get_layer()
            enter_layer(NO_LAYER)
            try:
                return await self.execute(operation, call)
            finally:
                enter_layer(outer)
        call = call or self._plain_call
        failures = Failures(self._rules, call, None, nested=True)
        try:
            result = await operation()
        except Exception as error:  # judged; raised all the same
            failures.after_error(error)
            raise
        failures.after_result(call.judge(result, None))
        return result

    async def _pause(self, failures: Failures, wait: float) -> None:
        """Wait for the next attempt."""
        try:
            await self._clock.sleep(wait)
        except BaseException:  # however the pause ended
            failures.abandon()
            raise

    def _begin(self, call: Call[Any]) -> Failures:
        """Begin a call that does not come through `execute`."""
        nested = self._config.nested == "collapse" and get_layer()[0]
        if not nested:
            self.count(call)
        return self.failures(call, nested=nested)

    def _start(self, call: Call[Any]) -> Failures | None:
        """Count a call with the time; return its failures if time limits them."""
        self._count(call)
        return None if self._max_duration is None else self.failures(call)

    def _count(self, call: Call[Any]) -> None:
        if not call.repeats:
            self._deposit(call.key)
        elif self._budget is not None and not self._budget.withdraw(call.key):
            raise refused_repeat(call)

    def _deposit(self, key: str) -> None:
        purse = self._uncounted
        if self._budget is None:
            purse.untimed = repeat(None)
        else:
            self._budget.deposit(key)
            purse = self._budget.purse(key)
        # What limits the duration has to ask for the time at each call.
        if self._max_duration is None:
            self._key, self._purse = key, purse
            if not key:
                self._plain_purse = purse

    def _end(self, began: float | None = None) -> float | None:
        """Return when a call is over that began then, or begins now."""
        if self._max_duration is None:
            return None
        began = self._rules.now() if began is None else began
        return began + self._max_duration
