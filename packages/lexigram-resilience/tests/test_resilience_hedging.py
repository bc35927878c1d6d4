"""Hedging, in virtual time."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

import pytest

from lexigram.contracts.resilience import (
    Call,
    CallTimeoutError,
    CircuitOpenError,
    Judgement,
)
from lexigram.resilience import (
    BudgetConfig,
    CircuitBreaker,
    CircuitBreakerConfig,
    CircuitState,
    RetryBudget,
    Timeouts,
    TimeoutsConfig,
)
from lexigram.resilience._config.hedging import HedgeConfig
from lexigram.resilience._events.events import Event, HedgeFinished, HedgeStarted
from lexigram.resilience._events.listeners import Events
from lexigram.resilience._hedging.policy import HedgePolicy
from lexigram.testing import VirtualClock, virtual_time

GOOD = Judgement("success")
BAD = Judgement("failure", retryable=True)


class Upstream:
    """Attempts of which each takes its time and comes to something.

    Args:
        attempts: For each, the seconds and what comes then: an exception is raised. The
            last one serves for all that follow.
        cleanup: Seconds that a cancelled attempt takes to end, times its number.
    """

    def __init__(self, *attempts: tuple[float, object], cleanup: float = 0.0) -> None:
        self._attempts = attempts
        self._cleanup = cleanup
        self.began: list[float] = []
        self.cancelled: list[int] = []
        self.ended: list[int] = []
        self.discarded: list[object] = []

    async def attempt(self) -> object:
        self.began.append(asyncio.get_running_loop().time())
        number = len(self.began)
        seconds, outcome = self._attempts[min(number, len(self._attempts)) - 1]
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.cancelled.append(number)
            await asyncio.sleep(number * self._cleanup)
            raise
        finally:
            self.ended.append(number)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def call(self, **more: Any) -> Call[object]:
        return Call(judge=self.judge, discard=self.discarded.append, **more)

    def judge(self, result: object, error: BaseException | None) -> Judgement:
        if isinstance(error, KeyError) or str(result).startswith("final"):
            return Judgement("failure")
        if isinstance(error, ConnectionError):
            return Judgement("failure", retryable=True, retry_after=3.0)
        bad = error is not None or str(result).startswith("bad")
        return BAD if bad else GOOD


def hedge(delay: float = 1.0, hedges: int = 1, **options: Any) -> HedgePolicy:
    """Return a policy whose budget is no matter."""
    budget = RetryBudget(BudgetConfig(ratio=1.0, min_per_second=100.0))
    more: dict[str, Any] = {"budget": budget} | options
    return HedgePolicy(HedgeConfig(delay=delay, max_hedges=hedges), **more)


@asynccontextmanager
async def nothing_left() -> AsyncGenerator[VirtualClock, None]:
    """Virtual time, at whose end no task, request to cancel or complaint is left."""
    complaints: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    task = asyncio.current_task()
    assert task is not None
    try:
        async with virtual_time() as clock:
            yield clock
            await asyncio.sleep(0)
            assert task.cancelling() == 0
            assert asyncio.all_tasks() == {task}
    finally:
        loop.set_exception_handler(None)
    gc.collect()
    assert complaints == []


def seconds(upstream: Upstream) -> list[float]:
    """Return when attempts began, after the first."""
    return [round(began - upstream.began[0], 6) for began in upstream.began]


async def test_what_is_quick_enough_has_no_other_beside_it() -> None:
    upstream = Upstream((0.9, "a"))
    async with nothing_left():
        assert await hedge().execute(upstream.attempt, upstream.call()) == "a"
        await asyncio.sleep(10)
        assert len(upstream.began) == 1


async def test_the_first_attempt_runs_in_the_task_of_its_caller() -> None:
    async def operation() -> asyncio.Task[Any] | None:
        return asyncio.current_task()

    assert await hedge().execute(operation) is asyncio.current_task()


async def test_one_that_overtakes_the_first_wins_and_the_first_is_cancelled() -> None:
    upstream = Upstream((60, "a"), (2, "b"))
    async with nothing_left() as clock:
        assert await hedge().execute(upstream.attempt, upstream.call()) == "b"
        assert clock.elapsed == 3.0
        assert (upstream.cancelled, upstream.discarded) == ([1], [])


async def test_the_first_wins_when_it_is_done_first_and_the_other_is_cancelled() -> (
    None
):
    upstream = Upstream((2, "a"), (60, "b"))
    async with nothing_left() as clock:
        assert await hedge().execute(upstream.attempt, upstream.call()) == "a"
        assert clock.elapsed == 2.0
        assert (upstream.cancelled, upstream.ended) == ([2], [1, 2])


async def test_of_two_that_are_done_at_once_one_is_used_and_one_let_go() -> None:
    upstream = Upstream((2, "a"), (1, "b"))
    async with nothing_left():
        taken = await hedge().execute(upstream.attempt, upstream.call())
        assert len(upstream.ended) == 2
        lost = [*upstream.discarded, *upstream.cancelled]
        assert (taken, lost) in [("a", ["b"]), ("a", [2]), ("b", [1])]


@pytest.mark.parametrize("winner", [1, 2])
async def test_losers_are_waited_for_before_the_call_ends(winner: int) -> None:
    slow, quick = (60.0, "slow"), (2.0, "quick")
    attempts = [quick, slow] if winner == 1 else [slow, quick]
    upstream = Upstream(*attempts, cleanup=5.0)
    async with nothing_left() as clock:
        assert await hedge().execute(upstream.attempt, upstream.call()) == "quick"
        assert clock.elapsed == (12.0 if winner == 1 else 8.0)
        assert sorted(upstream.ended) == [1, 2]


async def test_a_loser_that_returns_all_the_same_is_discarded() -> None:
    upstream = Upstream()
    runs = 0

    async def operation() -> str:
        nonlocal runs
        runs += 1
        number = runs
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60 if number == 1 else 1)
        return f"result {number}"

    async with nothing_left():
        assert await hedge().execute(operation, upstream.call()) == "result 2"
        assert upstream.discarded == ["result 1"]
        runs = 1  # now all are short, and those that lose return when cancelled
        upstream.discarded.clear()
        three = hedge(delay=0.25, hedges=2)
        assert await three.execute(operation, upstream.call()) == "result 2"
        assert upstream.discarded == ["result 3", "result 4"]


async def test_a_loser_that_raises_something_else_is_not_heard() -> None:
    runs = 0

    async def operation() -> str:
        nonlocal runs
        runs += 1
        number = runs
        try:
            await asyncio.sleep([3, 1.5, 60][number - 1])
        except asyncio.CancelledError:
            raise OSError("torn down") from None
        return f"result {number}"

    async with nothing_left():
        assert await hedge(hedges=2).execute(operation) == "result 2"
        assert runs == 3


async def test_more_attempts_follow_each_other_at_the_same_distance() -> None:
    upstream = Upstream((60, "a"))
    async with nothing_left() as clock:
        assert await hedge(hedges=3).execute(upstream.attempt, upstream.call()) == "a"
        assert seconds(upstream) == [0, 1, 2, 3]
        assert (clock.elapsed, sorted(upstream.cancelled)) == (60.0, [2, 3, 4])


async def test_what_is_not_repeatable_is_run_once() -> None:
    upstream = Upstream((60, "a"))
    async with nothing_left():
        subject = hedge()
        call = upstream.call(repeatable=False)
        assert await subject.execute(upstream.attempt, call) == "a"
        assert len(upstream.began) == 1
        assert subject.budget.balances() == {}


# -- failures --------------------------------------------------------------------------


async def test_after_a_failure_the_next_attempt_is_made_at_once() -> None:
    upstream = Upstream((0.5, OSError("first")), (0.25, "b"))
    async with nothing_left() as clock:
        assert await hedge().execute(upstream.attempt, upstream.call()) == "b"
        assert clock.elapsed == 0.75


async def test_a_failed_result_is_let_go_before_the_next_attempt_begins() -> None:
    upstream = Upstream((0.5, "bad a"), (0.5, "b"))
    async with nothing_left():
        task = asyncio.create_task(hedge().execute(upstream.attempt, upstream.call()))
        await asyncio.sleep(0.75)
        assert (len(upstream.began), upstream.discarded) == (2, ["bad a"])
        assert await task == "b"


async def test_a_failure_of_the_first_waits_for_the_other_that_is_under_way() -> None:
    upstream = Upstream((1.5, "bad a"), (2, "b"))
    async with nothing_left() as clock:
        assert await hedge().execute(upstream.attempt, upstream.call()) == "b"
        assert (clock.elapsed, upstream.discarded) == (3.0, ["bad a"])


async def test_a_failure_of_the_other_leaves_the_first_alone() -> None:
    upstream = Upstream((5, "a"), (1, "bad b"))
    async with nothing_left() as clock:
        assert await hedge().execute(upstream.attempt, upstream.call()) == "a"
        assert (clock.elapsed, upstream.discarded) == (5.0, ["bad b"])


async def test_a_failure_beside_the_first_makes_room_for_another_at_once() -> None:
    upstream = Upstream((60, "a"), (0.5, OSError()), (1, "c"))
    async with nothing_left() as clock:
        assert await hedge(hedges=2).execute(upstream.attempt, upstream.call()) == "c"
        assert (seconds(upstream), clock.elapsed) == ([0, 1, 1.5], 2.5)


async def test_an_attempt_after_a_failure_has_another_beside_it_in_its_turn() -> None:
    upstream = Upstream((0.5, OSError()), (60, "b"), (1, "c"))
    async with nothing_left() as clock:
        assert await hedge(hedges=2).execute(upstream.attempt, upstream.call()) == "c"
        assert (seconds(upstream), clock.elapsed) == ([0, 0.5, 1.5], 2.5)


async def test_the_task_of_the_caller_is_used_again_when_it_has_nothing_to_do() -> None:
    tasks: list[asyncio.Task[Any] | None] = []
    upstream = Upstream((1.5, OSError()), (1, OSError()), (1, "c"))

    async def operation() -> object:
        tasks.append(asyncio.current_task())
        return await upstream.attempt()

    async with nothing_left() as clock:
        subject = hedge(hedges=2)
        assert await subject.execute(operation, upstream.call()) == "c"
        assert clock.elapsed == 2.5
    caller = asyncio.current_task()
    assert [task is caller for task in tasks] == [True, False, True]


async def test_when_all_fail_the_latest_outcome_is_the_calls_unchanged() -> None:
    last = OSError("last")
    async with nothing_left():
        upstream = Upstream((0.5, OSError("first")), (0.5, last))
        with pytest.raises(OSError, match="last") as caught:
            await hedge().execute(upstream.attempt, upstream.call())
        assert caught.value is last
        assert caught.value.__context__ is None

        upstream = Upstream((2, "bad a"), (2, "bad b"))
        assert await hedge().execute(upstream.attempt, upstream.call()) == "bad b"
        assert upstream.discarded == ["bad a"]

        upstream = Upstream((0.5, "bad a"), (0.5, last))
        with pytest.raises(OSError, match="last"):
            await hedge().execute(upstream.attempt, upstream.call())
        assert not hasattr(last, "__notes__")

        upstream = Upstream((2, OSError("first")), (0.5, "bad b"))
        with pytest.raises(OSError, match="first"):
            await hedge().execute(upstream.attempt, upstream.call())
        assert upstream.discarded == ["bad b"]


async def test_what_is_not_worth_repeating_ends_the_call_whatever_it_is() -> None:
    async with nothing_left() as clock:
        upstream = Upstream((60, "a"), (1, KeyError("no such thing")))
        with pytest.raises(KeyError) as caught:
            await hedge().execute(upstream.attempt, upstream.call())
        assert (clock.elapsed, caught.value.__context__) == (2.0, None)

        upstream = Upstream((0.5, "final"))
        assert await hedge().execute(upstream.attempt, upstream.call()) == "final"
        assert len(upstream.began) == 1


async def test_who_asked_for_a_pause_is_not_asked_again() -> None:
    upstream = Upstream((0.5, ConnectionError("busy")), (0.5, "b"))
    async with nothing_left():
        with pytest.raises(ConnectionError):
            await hedge().execute(upstream.attempt, upstream.call())
        assert len(upstream.began) == 1


async def test_a_judge_that_raises_ends_the_call_with_what_it_raised() -> None:
    def judge(result: object, error: BaseException | None) -> Judgement:
        if result == "b":
            raise ZeroDivisionError
        return GOOD if error is None else Judgement("failure")

    async with nothing_left():
        for first in (60.0, 0.5):
            upstream = Upstream((first, OSError("a")), (1, "b"))
            call = Call[object](judge=judge if first > 1 else _bad_then(judge))
            with pytest.raises(ZeroDivisionError):
                await hedge().execute(upstream.attempt, call)


def _bad_then(
    judge: Callable[[object, BaseException | None], Judgement],
) -> Callable[[object, BaseException | None], Judgement]:
    def bad_at_errors(result: object, error: BaseException | None) -> Judgement:
        if isinstance(error, OSError):
            return BAD
        if error is not None:
            return Judgement("failure")
        return judge(result, error)

    return bad_at_errors


# -- refusals --------------------------------------------------------------------------


async def test_a_refusal_beside_the_first_does_not_win_and_nothing_more_starts() -> (
    None
):
    upstream = Upstream((5, "a"), (0, CircuitOpenError("open")), (0, "c"))
    async with nothing_left():
        assert await hedge(hedges=3).execute(upstream.attempt, upstream.call()) == "a"
        assert len(upstream.began) == 2


async def test_a_refusal_of_the_first_is_raised_unchanged_and_at_once() -> None:
    refusal = CircuitOpenError("open")
    upstream = Upstream((0, refusal))
    async with nothing_left() as clock:
        with pytest.raises(CircuitOpenError) as caught:
            await hedge().execute(upstream.attempt, upstream.call())
        assert caught.value is refusal
        assert (clock.elapsed, len(upstream.began)) == (0, 1)
        assert not hasattr(refusal, "__notes__")


async def test_a_refusal_is_no_answer_where_there_is_another() -> None:
    async with nothing_left():
        upstream = Upstream((2, OSError("real")), (0, CircuitOpenError("open")))
        with pytest.raises(OSError, match="real"):
            await hedge().execute(upstream.attempt, upstream.call())
        upstream = Upstream((0.5, OSError("real")), (0, CircuitOpenError("open")))
        with pytest.raises(OSError, match="real"):
            await hedge().execute(upstream.attempt, upstream.call())
        upstream = Upstream((1.5, CircuitOpenError("open")), (2, "b"))
        assert await hedge().execute(upstream.attempt, upstream.call()) == "b"


async def test_a_refusal_after_a_result_that_was_let_go_says_so() -> None:
    upstream = Upstream((0.5, "bad a"), (0, CircuitOpenError("open")))
    async with nothing_left():
        with pytest.raises(CircuitOpenError) as caught:
            await hedge().execute(upstream.attempt, upstream.call())
        notes = ["Attempt 1 gave a result worth repeating."]
        assert (caught.value.__notes__, upstream.discarded) == (notes, ["bad a"])


async def test_a_probe_is_not_hedged() -> None:
    breaker = CircuitBreaker(
        "b", CircuitBreakerConfig(consecutive_failures=1, half_open_permits=1)
    )
    upstream = Upstream((0, KeyError()), (60, "probe"))
    call = upstream.call()

    def may_hedge(call: Call[Any]) -> bool:
        return breaker.circuit(call.key).state is CircuitState.CLOSED

    subject = hedge(may_hedge=may_hedge)

    async def operation() -> object:
        return await breaker.call(upstream.attempt, call)

    async with nothing_left():
        with pytest.raises(KeyError):
            await subject.execute(operation, call)
        await asyncio.sleep(30)
        assert await subject.execute(operation, call) == "probe"
        assert len(upstream.began) == 2


# -- the budget ------------------------------------------------------------------------


async def test_attempts_are_taken_out_of_the_budget_of_the_key() -> None:
    budget = RetryBudget(BudgetConfig(ratio=0.5, min_per_second=0))
    upstream = Upstream((60, "a"))
    async with nothing_left():
        subject = hedge(budget=budget)
        for _ in range(4):
            asyncio.create_task(  # noqa: RUF006 - waited for below
                subject.execute(upstream.attempt, upstream.call(key="x"))
            )
        await asyncio.sleep(2)
        assert len(upstream.began) == 6
        assert budget.balance("x") == 0
        await asyncio.sleep(60)


async def test_inside_a_retry_calls_are_counted_once() -> None:
    budget = RetryBudget(BudgetConfig(ratio=1.0, min_per_second=0))
    upstream = Upstream((0, "a"))
    async with nothing_left():
        subject = hedge(budget=budget, counts_calls=False)
        await subject.execute(upstream.attempt, upstream.call())
        assert budget.balance() == 0
        await hedge(budget=budget).execute(upstream.attempt, upstream.call())
        assert budget.balance() == 1


async def test_trap_t22_when_all_is_slow_the_extra_load_stays_within_the_budget() -> (
    None
):
    upstream = Upstream((20, "a"))
    config = BudgetConfig(ratio=0.1, min_per_second=1.0, window=10.0)
    calls = 600
    async with nothing_left():
        subject = HedgePolicy(
            HedgeConfig(delay=0.1, max_hedges=5), budget=RetryBudget(config)
        )
        async with asyncio.TaskGroup() as group:
            for _ in range(calls):
                group.create_task(subject.execute(upstream.attempt, upstream.call()))
                await asyncio.sleep(0.01)
    extra = len(upstream.began) - calls
    assert 0 < extra <= calls * config.ratio + config.min_per_second * config.window
    assert len(upstream.ended) == len(upstream.began)
    # Besides, by default there is a budget: nothing above asks for it.
    assert HedgePolicy().budget.config == BudgetConfig()


async def test_after_its_deadline_a_call_has_no_other_attempt() -> None:
    upstream = Upstream((5, "a"))
    async with nothing_left() as clock:
        call = upstream.call(deadline=clock.monotonic() + 0.5)
        assert await hedge().execute(upstream.attempt, call) == "a"
        assert len(upstream.began) == 1
        call = upstream.call(deadline=clock.monotonic() + 1.5)
        assert await hedge().execute(upstream.attempt, call) == "a"
        assert len(upstream.began) == 3


# -- cancellation ----------------------------------------------------------------------


@pytest.mark.parametrize("after", [0.5, 1.5, 2.25])
async def test_trap_t02_the_callers_cancellation_ends_everything_and_passes(
    after: float,
) -> None:
    upstream = Upstream((2, "bad a"), (60, "b"), cleanup=0.25)
    async with nothing_left() as clock:
        subject = hedge(delay=1.0)
        task = asyncio.create_task(subject.execute(upstream.attempt, upstream.call()))
        await asyncio.sleep(after)
        task.cancel("by the caller")
        with pytest.raises(asyncio.CancelledError, match="by the caller"):
            await task
        assert len(upstream.ended) == len(upstream.began)
        assert clock.elapsed <= after + 0.75
        assert len(upstream.began) <= 2
        assert subject.delays() == {"": 1.0}


async def test_trap_t02_a_cancelled_call_teaches_nothing() -> None:
    upstream = Upstream((60, "a"))
    async with nothing_left():
        subject = HedgePolicy(HedgeConfig(min_samples=1))
        task = asyncio.create_task(subject.execute(upstream.attempt, upstream.call()))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert subject.delays() == {"": None}


async def test_the_callers_cancellation_wins_over_a_hedge_at_the_same_time() -> None:
    upstream = Upstream((60, "a"), (1, "b"))
    async with nothing_left():
        task = asyncio.create_task(hedge().execute(upstream.attempt, upstream.call()))
        asyncio.get_running_loop().call_later(2.0, task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert sorted(upstream.ended) == [1, 2]
        assert [*upstream.discarded, *upstream.cancelled] in (["b", 1], [1, 2])


async def test_cancelled_while_a_loser_cleans_up_the_caller_still_waits_for_it() -> (
    None
):
    upstream = Upstream((2, "a"), (60, "b"), cleanup=5.0)
    async with nothing_left() as clock:
        task = asyncio.create_task(hedge().execute(upstream.attempt, upstream.call()))
        await asyncio.sleep(3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert clock.elapsed == 12.0
        assert (upstream.ended, upstream.discarded) == ([1, 2], ["a"])


async def test_cancelled_while_the_one_in_place_cleans_up_it_is_that_which_hears() -> (
    None
):
    upstream = Upstream((60, "a"), (1, "b"), cleanup=5.0)
    async with nothing_left() as clock:
        task = asyncio.create_task(hedge().execute(upstream.attempt, upstream.call()))
        await asyncio.sleep(3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert clock.elapsed == 3.0
        assert (upstream.ended, upstream.discarded) == ([2, 1], ["b"])


async def test_a_loser_is_cancelled_once_and_cleans_up_undisturbed() -> None:
    upstream = Upstream((60, "a"), (60, "b"), (1, "c"), cleanup=2.0)
    async with nothing_left() as clock:
        assert await hedge(hedges=2).execute(upstream.attempt, upstream.call()) == "c"
        assert clock.elapsed == 7.0
        assert sorted(upstream.cancelled) == [1, 2]


async def test_whatever_else_the_one_in_place_raises_ends_the_call() -> None:
    class Stop(BaseException):
        pass

    upstream = Upstream((60, "never"), (1, "b"))

    async def operation() -> object:
        try:
            return await upstream.attempt()
        except asyncio.CancelledError:
            raise Stop from None

    async with nothing_left():
        with pytest.raises(Stop):
            await hedge().execute(operation, upstream.call())
        assert upstream.discarded == ["b"]


async def test_a_cancellation_of_the_operations_own_passes_through() -> None:
    async with nothing_left():
        upstream = Upstream((1.5, asyncio.CancelledError("within")), (60, "b"))
        with pytest.raises(asyncio.CancelledError, match="within"):
            await hedge().execute(upstream.attempt, upstream.call())
        assert sorted(upstream.ended) == [1, 2]


async def test_a_stranger_that_cancels_an_attempt_in_a_task_ends_only_that() -> None:
    upstream = Upstream((3, "a"), (60, "b"), (60, "c"))
    async with nothing_left():
        task = asyncio.create_task(
            hedge(hedges=1).execute(upstream.attempt, upstream.call()), name="caller"
        )
        await asyncio.sleep(2)
        names = {each.get_name(): each for each in asyncio.all_tasks()}
        names["hedge 2 of caller"].cancel()
        assert await task == "a"

        upstream = Upstream((1.5, "bad a"), (60, "b"))
        task = asyncio.create_task(
            hedge().execute(upstream.attempt, upstream.call()), name="caller"
        )
        await asyncio.sleep(2)
        names = {each.get_name(): each for each in asyncio.all_tasks()}
        names["hedge 2 of caller"].cancel()
        # Nothing is left that it could return.
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_an_operation_that_hides_its_cancellation_is_not_begun_anew() -> None:
    begun = 0

    async def operation() -> None:
        nonlocal begun
        begun += 1
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise OSError("connection lost") from None

    async with nothing_left() as clock:
        with pytest.raises(OSError, match="connection lost"):
            async with asyncio.timeout(0.5):
                await hedge().execute(operation)
        assert (begun, clock.elapsed) == (1, 0.5)


async def test_a_coroutine_that_is_closed_leaves_no_timer_and_no_attempt() -> None:
    upstream = Upstream((60, "a"))
    async with nothing_left() as clock:
        coroutine = hedge().execute(upstream.attempt, upstream.call())

        async def driver() -> None:
            await _Step(coroutine)
            await asyncio.sleep(1.5)
            coroutine.close()

        await asyncio.create_task(driver())
        await clock.settle()
        assert sorted(upstream.ended) == [1, 2]


class _Step:
    """Runs a coroutine up to where it waits first."""

    def __init__(self, coroutine: Coroutine[Any, Any, object]) -> None:
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, None]:
        self._coroutine.send(None)
        yield


# -- with limits of time ---------------------------------------------------------------


async def test_each_attempt_has_its_own_limit_of_time() -> None:
    limits = Timeouts(TimeoutsConfig(total=None, attempt=2.0))
    upstream = Upstream((60, "a"), (60, "b"), (1.5, "c"))
    async with nothing_left() as clock:
        assert (
            await hedge(hedges=2).execute(
                lambda: limits.execute(upstream.attempt), upstream.call()
            )
            == "c"
        )
        assert seconds(upstream) == [0, 1, 2]
        assert clock.elapsed == 3.5

        upstream = Upstream((60, "a"))
        with pytest.raises(CallTimeoutError):
            await hedge().execute(
                lambda: limits.execute(upstream.attempt), upstream.call()
            )
        assert clock.elapsed == 6.5


async def test_a_limit_and_a_win_at_the_same_time_leave_the_win() -> None:
    limits = Timeouts(TimeoutsConfig(total=None, attempt=2.0))
    upstream = Upstream((60, "a"), (1, "b"))
    async with nothing_left() as clock:
        assert (
            await hedge().execute(
                lambda: limits.execute(upstream.attempt), upstream.call()
            )
            == "b"
        )
        assert clock.elapsed == 2.0


async def test_a_limit_around_all_attempts_ends_all_of_them() -> None:
    upstream = Upstream((60, "a"))
    for surrounding in (1.5, 1.0, 0.5):
        async with nothing_left() as clock:
            with pytest.raises(CallTimeoutError):
                await Timeouts(TimeoutsConfig(total=surrounding, attempt=None)).execute(
                    lambda: hedge().execute(upstream.attempt, upstream.call())
                )
            assert clock.elapsed == surrounding
            assert len(upstream.ended) == len(upstream.began)


async def test_a_hedge_within_a_hedge_ends_what_it_started() -> None:
    inner, outer = hedge(delay=1.0), hedge(delay=1.0)
    upstream = Upstream((60, "a"), (60, "b"), (60, "c"), (1, "d"))
    call = upstream.call()
    async with nothing_left():
        result = await outer.execute(
            lambda: inner.execute(upstream.attempt, call), call
        )
        assert result == "d"
        assert sorted(upstream.ended) == list(range(1, len(upstream.began) + 1))


async def test_trap_t12_what_is_read_of_a_result_later_is_neither_hedged_nor_cut() -> (
    None
):
    class Response:
        async def read(self) -> bytes:
            await asyncio.sleep(60)
            return b"body"

    upstream = Upstream((60, Response()), (1, Response()))
    async with nothing_left() as clock:
        subject = hedge()
        response = await subject.execute(upstream.attempt, upstream.call())
        assert isinstance(response, Response)
        assert await response.read() == b"body"
        assert (clock.elapsed, len(upstream.began)) == (62.0, 2)


async def test_trap_t20_calls_at_the_same_time_know_nothing_of_each_other() -> None:
    subject = hedge()
    ups = [Upstream((60, f"a{n}"), (1 + n, f"b{n}")) for n in range(5)]
    async with nothing_left() as clock:
        results = await asyncio.gather(
            *(subject.execute(up.attempt, up.call()) for up in ups)
        )
        assert results == [f"b{n}" for n in range(5)]
        assert [up.cancelled for up in ups] == [[1]] * 5
        assert clock.elapsed == 6.0


async def test_attempts_in_tasks_see_the_context_of_the_caller() -> None:
    variable: ContextVar[str] = ContextVar("variable", default="none")
    seen: list[str] = []

    async def operation() -> None:
        seen.append(variable.get())
        await asyncio.sleep(60)

    async with nothing_left():
        variable.set("caller")
        await hedge(hedges=2).execute(operation)
        assert seen == ["caller"] * 3


async def test_events_tell_of_each_attempt_and_of_the_winner() -> None:
    told: list[Event] = []
    upstream = Upstream((60, "a"), (0.5, OSError()), (1, "c"))
    async with nothing_left():
        subject = hedge(hedges=2, name="quotes", events=Events([told.append]))
        await subject.execute(upstream.attempt, upstream.call(key="x"))
        assert [replace(event, delay=0) for event in started(told)] == [
            HedgeStarted("quotes", "x", 2, 0),
            HedgeStarted("quotes", "x", 3, 0),
        ]
        assert [round(event.delay, 6) for event in started(told)] == [1.0, 0.5]
        assert told[-1] == HedgeFinished("quotes", "x", 3)
        assert len(told) == 3


async def test_events_tell_of_no_winner_where_there_is_none() -> None:
    told: list[Event] = []
    upstream = Upstream((60, "a"))
    async with nothing_left():
        subject = hedge(events=Events([told.append]))
        await subject.execute(Upstream((0.5, "a")).attempt, upstream.call())
        with pytest.raises(KeyError):
            await subject.execute(Upstream((0, KeyError())).attempt, upstream.call())
        task = asyncio.create_task(subject.execute(upstream.attempt, upstream.call()))
        await asyncio.sleep(1.5)
        task.cancel()
        await asyncio.wait({task})
        assert [type(event) for event in told] == [HedgeStarted]


def started(told: list[Event]) -> list[HedgeStarted]:
    return [event for event in told if isinstance(event, HedgeStarted)]


async def test_what_it_raises_is_not_kept_alive_by_what_it_leaves_behind() -> None:
    class Remembered(Exception):  # noqa: N818 - a name is enough
        pass

    async def run(operation: Callable[[], Coroutine[Any, Any, object]]) -> Any:
        try:
            await hedge().execute(operation)
        except Remembered as error:
            return weakref.ref(error)

    upstream = Upstream((2, None))

    async def operation() -> object:
        await upstream.attempt()
        raise Remembered

    gc.disable()
    try:
        async with virtual_time():
            assert (await run(operation))() is None
    finally:
        gc.enable()


async def test_it_needs_a_task() -> None:
    failures: list[Exception] = []

    def callback() -> None:
        coroutine = hedge().execute(Upstream((0, "a")).attempt)
        try:
            coroutine.send(None)
        except RuntimeError as error:
            failures.append(error)

    asyncio.get_running_loop().call_soon(callback)
    await asyncio.sleep(0)
    assert "needs a task" in str(failures[0])


# -- how long an attempt is given ------------------------------------------------------


async def test_a_percentile_is_that_of_what_first_attempts_took() -> None:
    subject = HedgePolicy(HedgeConfig(delay="p50", min_samples=5, window=5))
    async with nothing_left():
        for number in (5, 1, 4, 2, 3):
            assert subject.delays().get("x") is None
            up = Upstream((number, "a"))
            await subject.execute(up.attempt, up.call(key="x"))
        assert subject.delays() == {"x": pytest.approx(3)}
        up = Upstream((60, "a"), (1, "b"))
        assert await subject.execute(up.attempt, up.call(key="x")) == "b"
        assert seconds(up) == [0, 3]


async def test_until_enough_is_known_nothing_is_started_beside_a_slow_one() -> None:
    subject = HedgePolicy(HedgeConfig(min_samples=2, window=2))
    up = Upstream((60, "a"))
    async with nothing_left():
        await subject.execute(up.attempt, up.call())
        assert len(up.began) == 1
        up = Upstream((1, OSError()), (1, "b"))
        # Nor is a failure one that could be learnt from; but the next is made at once.
        assert await subject.execute(up.attempt, up.call()) == "b"
        assert subject.delays() == {"": None}


async def test_the_percentile_does_not_sink_because_the_slow_are_cut_short() -> None:
    subject = learning(delay="p50", min_samples=6)
    slow = 0
    async with nothing_left():
        # Half of them are slow. Without those, the median would be that of the others.
        for number in range(120):
            up = Upstream(((0.25, 0.5, 1, 30, 30, 30)[number % 6], "a"), (0.1, "b"))
            await subject.execute(up.attempt, up.call())
            slow += bool(up.cancelled)
        assert slow > 50
        delay = subject.delays()[""]
        # What was cut short is known to have taken longer than the delay of its time.
        assert delay is not None
        assert 0.75 < delay <= 1.001


async def test_only_first_attempts_that_succeed_are_learnt_from() -> None:
    subject = learning(hedges=2, delay="p50", min_samples=1, window=1)
    async with nothing_left():
        await subject.execute(Upstream((1, "a")).attempt)
        for attempts in (
            [(0.5, "final")],
            [(0.5, "bad"), (0.25, "b")],
            [(0.5, OSError()), (60, "b"), (0.25, "c")],
        ):
            up = Upstream(*attempts)
            await subject.execute(up.attempt, up.call())
            assert len(up.began) == len(attempts)
            assert subject.delays() == {"": pytest.approx(1)}


async def test_a_percentile_has_a_lower_bound() -> None:
    subject = learning(delay="p50", min_samples=1, min_delay=2)
    async with nothing_left():
        await subject.execute(Upstream((1, "a")).attempt)
        assert subject.delays() == {"": 2}
        subject.reconfigure(HedgeConfig(delay="p50", min_samples=1, min_delay=3))
        assert subject.delays() == {"": 3}


async def test_no_more_keys_are_remembered_than_asked_for() -> None:
    subject = hedge()
    async with nothing_left():
        for key in "abc":
            await subject.execute(Upstream((0, "a")).attempt, Call(key=key))
        assert list(subject.delays()) == ["a", "b", "c"]
        subject.reconfigure(HedgeConfig(max_keys=2))
        await subject.execute(Upstream((0, "a")).attempt, Call(key="d"))
        assert list(subject.delays()) == ["c", "d"]


def learning(*, hedges: int = 1, **config: Any) -> HedgePolicy:
    budget = RetryBudget(BudgetConfig(ratio=1, min_per_second=100))
    return HedgePolicy(HedgeConfig(max_hedges=hedges, **config), budget=budget)


async def test_a_slow_first_attempt_that_wins_is_learnt_from_too() -> None:
    subject = HedgePolicy(HedgeConfig(delay="p99", min_samples=1, window=1))
    async with nothing_left():
        await subject.execute(Upstream((1, "a")).attempt)
        up = Upstream((8, "a"), (60, "b"))
        assert await subject.execute(up.attempt, up.call()) == "a"
        assert seconds(up) == [0, 1]
        assert subject.delays() == {"": pytest.approx(8)}
        up = Upstream((9, "final"), (60, "b"))
        await subject.execute(up.attempt, up.call())
        assert subject.delays() == {"": pytest.approx(8)}


async def test_another_configuration_goes_on_with_what_is_known() -> None:
    subject = HedgePolicy(HedgeConfig(delay="p50", min_samples=3, window=10))
    async with nothing_left():
        for took in (1, 2, 3, 4):
            up = Upstream((took, "a"))
            await subject.execute(up.attempt, up.call())
        assert subject.delays() == {"": pytest.approx(2)}
        more = HedgeConfig(delay="p99", min_samples=3, window=3, min_delay=0)
        subject.reconfigure(more)
        assert subject.config is more
        assert subject.delays() == {"": pytest.approx(4)}
        subject.reconfigure(HedgeConfig(delay="p99", min_samples=4, window=4))
        assert subject.delays() == {"": None}
        subject.reconfigure(HedgeConfig(delay=7))
        assert subject.delays() == {"": 7.0}
        await subject.execute(Upstream((0, "a")).attempt)
        assert subject.delays() == {"": 7.0}


def test_its_repr_shows_what_it_is() -> None:
    assert repr(HedgePolicy(HedgeConfig(delay=0.5), name="q")) == (
        f"<HedgePolicy 'q': {HedgeConfig(delay=0.5)!r}>"
    )
