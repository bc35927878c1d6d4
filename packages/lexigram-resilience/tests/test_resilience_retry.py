"""The retry policy, as its callers see it."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

import pytest

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import (
    Call,
    CallRejectedError,
    CircuitOpenError,
    Judgement,
    RetryExhaustedError,
    RetryPolicyProtocol,
)
from lexigram.resilience import BudgetConfig, RetryConfig, RetryPolicy

T = TypeVar("T")

AGAIN = Judgement("failure", retryable=True)
FINAL = Judgement("failure")
LIMIT = 5  # seconds that anything here may take before it counts as hung


class ManualClock:
    """Stands still until it is advanced."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.sleeps: list[float] = []
        self.asleep = asyncio.Event()
        self._alarms: list[tuple[float, asyncio.Future[None]]] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.asleep.set()
        alarm = asyncio.get_running_loop().create_future()
        self._alarms.append((self.now + seconds, alarm))
        await alarm

    def advance(self, seconds: float) -> None:
        self.now += seconds
        due = [entry for entry in self._alarms if entry[0] <= self.now]
        self._alarms = [entry for entry in self._alarms if entry[0] > self.now]
        for _, alarm in due:
            if not alarm.done():
                alarm.set_result(None)

    async def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Advance past every sleep until `coroutine` is over."""
        task = asyncio.ensure_future(coroutine)
        async with asyncio.timeout(LIMIT):
            while not task.done():
                await asyncio.sleep(0)
                if self._alarms:
                    self.advance(max(0.0, self._alarms[0][0] - self.now))
            return await task


def attempts_of(outcomes: Iterable[Any]) -> Callable[[], Awaitable[Any]]:
    """Return an operation that gives one outcome after the other."""
    rest = iter(outcomes)

    async def operation() -> Any:
        outcome = next(rest)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    return operation


def judge_status(status: int | None, error: BaseException | None) -> Judgement:
    failed = error is not None or (status or 0) >= 500
    return AGAIN if failed else Judgement("success")


def test_it_is_a_retry_policy_and_its_clock_a_clock() -> None:
    assert isinstance(RetryPolicy(), RetryPolicyProtocol)
    assert isinstance(ManualClock(), ClockProtocol)


async def test_a_first_success_is_returned_without_a_wait() -> None:
    clock = ManualClock()
    assert await RetryPolicy(clock=clock).execute(attempts_of(["fine"])) == "fine"
    assert clock.sleeps == []


async def test_a_failure_is_repeated_until_a_success() -> None:
    clock = ManualClock()
    operation = attempts_of([OSError(), OSError(), "fine"])
    assert await clock.run(RetryPolicy(clock=clock).execute(operation)) == "fine"
    assert len(clock.sleeps) == 2


async def test_max_attempts_counts_the_first_one_and_no_wait_follows_the_last() -> None:
    clock = ManualClock()
    failures = [OSError(n) for n in range(3)]
    with pytest.raises(RetryExhaustedError) as caught:
        await clock.run(RetryPolicy(clock=clock).execute(attempts_of(failures)))

    assert caught.value.attempts == 3
    assert caught.value.last is failures[-1]
    assert caught.value.__cause__ is failures[-1]
    assert len(clock.sleeps) == 2


async def test_its_budget_reads_the_same_clock() -> None:
    clock = ManualClock()
    policy = RetryPolicy(
        RetryConfig(budget=BudgetConfig(ratio=1, min_per_second=0, window=10)),
        clock=clock,
    )
    assert policy.budget is not None
    await policy.execute(attempts_of([1]))
    assert policy.budget.balance() == 1
    clock.now += 11
    assert policy.budget.balance() == 0


def test_it_has_no_name_unless_it_is_given_one() -> None:
    assert (RetryPolicy().name, RetryPolicy(name="billing").name) == ("", "billing")


async def test_one_attempt_allowed_is_one_attempt_made() -> None:
    policy = RetryPolicy(RetryConfig(max_attempts=1), clock=ManualClock())
    with pytest.raises(RetryExhaustedError) as caught:
        await policy.execute(attempts_of([OSError()]))
    assert caught.value.attempts == 1


async def test_the_error_of_giving_up_says_how_often_and_why() -> None:
    clock = ManualClock()
    operation = attempts_of([OSError()] * 3)
    call: Call[object] = Call(operation="GET /invoices")
    with pytest.raises(
        RetryExhaustedError,
        match=r"'GET /invoices' after attempt 3: `max_attempts`.*OSError",
    ):
        await clock.run(RetryPolicy(clock=clock).execute(operation, call))


async def test_the_error_of_giving_up_on_a_call_without_a_name_has_none() -> None:
    clock = ManualClock()
    with pytest.raises(RetryExhaustedError, match="^Gave up after attempt 3: "):
        await clock.run(RetryPolicy(clock=clock).execute(attempts_of([OSError()] * 3)))


async def test_the_last_result_is_returned_and_those_before_are_discarded() -> None:
    clock = ManualClock()
    discarded: list[int] = []
    call = Call(judge=judge_status, discard=discarded.append)
    operation = attempts_of([500, 502, 503])

    assert await clock.run(RetryPolicy(clock=clock).execute(operation, call)) == 503
    assert discarded == [500, 502]


async def test_a_result_is_discarded_before_the_wait() -> None:
    clock = ManualClock()
    slept_before: list[int] = []
    call = Call(
        judge=judge_status, discard=lambda _: slept_before.append(len(clock.sleeps))
    )
    operation = attempts_of([500, 200])

    assert await clock.run(RetryPolicy(clock=clock).execute(operation, call)) == 200
    assert slept_before == [0]


async def test_an_exception_of_a_call_that_is_not_repeatable_is_raised_unchanged() -> (
    None
):
    failure = OSError("sent, perhaps")
    call: Call[object] = Call(repeatable=False)
    with pytest.raises(OSError, match="sent, perhaps") as caught:
        await RetryPolicy().execute(attempts_of([failure]), call)
    assert caught.value is failure
    assert caught.value.__cause__ is None


async def test_a_result_of_a_call_that_is_not_repeatable_is_returned_and_kept() -> None:
    discarded: list[int] = []
    call = Call(judge=judge_status, discard=discarded.append, repeatable=False)
    assert await RetryPolicy().execute(attempts_of([503]), call) == 503
    assert discarded == []


async def test_an_exception_not_worth_repeating_is_raised_unchanged_after_others() -> (
    None
):
    clock = ManualClock()
    bug = TypeError("a bug")
    call: Call[object] = Call(judge=lambda _, error: FINAL if error is bug else AGAIN)
    with pytest.raises(TypeError) as caught:
        await clock.run(
            RetryPolicy(clock=clock).execute(attempts_of([OSError(), bug]), call)
        )
    assert caught.value is bug
    assert bug.__context__ is None


@pytest.mark.parametrize(
    "stop", [asyncio.CancelledError(), KeyboardInterrupt(), SystemExit(3)]
)
async def test_what_is_no_exception_is_never_judged_or_repeated(
    stop: BaseException,
) -> None:
    call: Call[object] = Call(judge=lambda *_: pytest.fail("judged"))
    policy = RetryPolicy(clock=ManualClock())
    # Driven by hand: the loop would take these for its own.
    running = policy.execute(attempts_of([stop]), call)
    with pytest.raises(type(stop)) as caught:
        running.send(None)
    assert caught.value is stop


async def test_cancelling_the_wait_ends_the_call_without_another_attempt() -> None:
    clock = ManualClock()
    attempts: list[None] = []

    async def operation() -> None:
        attempts.append(None)
        raise OSError

    task = asyncio.ensure_future(RetryPolicy(clock=clock).execute(operation))
    await asyncio.wait_for(clock.asleep.wait(), LIMIT)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(attempts) == 1


@pytest.mark.parametrize(
    "rejection",
    [CircuitOpenError("Open.", retry_after=0.1), CallRejectedError("Full.")],
)
async def test_a_refused_call_is_neither_judged_nor_repeated_nor_slept_on(
    rejection: CallRejectedError,
) -> None:
    clock = ManualClock()
    call: Call[object] = Call(judge=lambda *_: pytest.fail("judged"))
    with pytest.raises(CallRejectedError) as caught:
        await RetryPolicy(clock=clock).execute(attempts_of([rejection]), call)
    assert caught.value is rejection
    assert clock.sleeps == []
    assert not hasattr(rejection, "__notes__")


@pytest.mark.parametrize(("left", "attempts"), [(0.1, 1), (0.1001, 2), (0.3001, 3)])
async def test_a_wait_that_would_end_at_the_deadline_is_not_begun(
    left: float, attempts: int
) -> None:
    clock = ManualClock()
    clock.now = 0.0
    policy = RetryPolicy(RetryConfig(jitter="none", max_attempts=9), clock=clock)
    call: Call[object] = Call(deadline=left)
    failures = [OSError() for _ in range(attempts)]

    with pytest.raises(RetryExhaustedError, match="the deadline of the call") as caught:
        await clock.run(policy.execute(attempts_of(failures), call))
    assert caught.value.attempts == attempts
    assert clock.now < left


async def test_the_deadline_ends_a_call_with_its_result() -> None:
    clock = ManualClock()
    call = Call(judge=judge_status, deadline=clock.now)
    assert await RetryPolicy(clock=clock).execute(attempts_of([503]), call) == 503
    assert clock.sleeps == []


def asking_for(seconds: float) -> Call[int]:
    return Call(
        judge=lambda status, error: (
            Judgement("success")
            if status == 200
            else Judgement("failure", retryable=True, retry_after=seconds)
        )
    )


@pytest.mark.parametrize("jitter", ["decorrelated", "full", "none"])
async def test_a_wait_is_never_shorter_than_the_upstream_asked_for(jitter: Any) -> None:
    clock = ManualClock()
    policy = RetryPolicy(RetryConfig(jitter=jitter), clock=clock)
    operation = attempts_of([503, 503, 200])
    assert await clock.run(policy.execute(operation, asking_for(7))) == 200
    assert all(7 <= slept <= 12 for slept in clock.sleeps)  # at most `max_delay` more


@pytest.mark.parametrize("seconds", [-3.0, 0.0, float("nan")])
async def test_a_hint_that_says_nothing_is_ignored(seconds: float) -> None:
    clock = ManualClock()
    operation = attempts_of([503, 200])
    policy = RetryPolicy(RetryConfig(jitter="none"), clock=clock)
    assert await clock.run(policy.execute(operation, asking_for(seconds))) == 200
    assert clock.sleeps == [0.1]


@pytest.mark.parametrize("seconds", [60.1, float("inf")])
async def test_a_hint_longer_than_accepted_ends_the_call_at_once(
    seconds: float,
) -> None:
    clock = ManualClock()
    policy = RetryPolicy(clock=clock)
    assert await policy.execute(attempts_of([503]), asking_for(seconds)) == 503
    with pytest.raises(RetryExhaustedError, match="`max_retry_after`"):
        await policy.execute(attempts_of([OSError()]), asking_for(seconds))
    assert clock.sleeps == []


@pytest.mark.parametrize("seconds", [0.5, 60.0])
async def test_a_hint_as_long_as_accepted_is_waited_for_and_what_is_drawn_after_it(
    seconds: float,
) -> None:
    clock = ManualClock()
    config = RetryConfig(jitter="none", max_retry_after=60, throttled_delay=2)
    operation = attempts_of([503, 200])
    policy = RetryPolicy(config, clock=clock)
    assert await clock.run(policy.execute(operation, asking_for(seconds))) == 200
    assert clock.sleeps == [seconds + 2]


async def test_a_hint_beyond_the_deadline_ends_the_call_at_once() -> None:
    clock = ManualClock()
    call = asking_for(20)
    call = Call(judge=call.judge, deadline=clock.now + 20)
    assert await RetryPolicy(clock=clock).execute(attempts_of([503]), call) == 503
    assert clock.sleeps == []


async def test_calls_that_run_at_once_share_no_attempts() -> None:
    clock = ManualClock()
    policy = RetryPolicy(RetryConfig(max_attempts=4, budget=None), clock=clock)
    turns = asyncio.Event()

    async def one_call(failures: int) -> int:
        made = 0

        async def operation() -> int:
            nonlocal made
            made += 1
            await turns.wait()  # all calls are inside their first attempt together
            if made <= failures:
                raise OSError
            return made

        try:
            return await policy.execute(operation)
        except RetryExhaustedError as error:
            return -error.attempts

    async def all_calls() -> list[int]:
        calls = [asyncio.ensure_future(one_call(n % 5)) for n in range(200)]
        await asyncio.sleep(0)
        turns.set()
        return await asyncio.gather(*calls)

    assert await clock.run(all_calls()) == [1, 2, 3, 4, -4] * 40


async def test_a_call_leaves_no_reference_cycle_behind() -> None:
    class OutageError(Exception):
        """Can be watched, which a builtin can not."""

    watched: list[weakref.ref[BaseException]] = []

    async def operation() -> str:
        if watched:
            return "fine"
        raise OutageError

    def judge(_: str | None, error: BaseException | None) -> Judgement:
        if error is None:
            return Judgement("success")
        watched.append(weakref.ref(error))
        return AGAIN

    clock = ManualClock()
    policy = RetryPolicy(clock=clock)
    gc.disable()
    try:
        assert await clock.run(policy.execute(operation, Call(judge=judge))) == "fine"
        assert [gone() for gone in watched] == [None]
    finally:
        gc.enable()


async def test_a_planned_repetition_is_logged_with_what_failed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "lexigram.resilience.retry")
    clock = ManualClock()
    call = Call(key="https://api.test", operation="GET", judge=judge_status)
    operation = attempts_of([503, OSError(), 200])
    await clock.run(RetryPolicy(clock=clock).execute(operation, call))

    first, second = (vars(record) for record in caplog.records)
    assert first["message"] == "resilience.retry.scheduled"
    assert first["levelno"] == logging.DEBUG
    assert (first["operation"], first["key"]) == ("GET", "https://api.test")
    assert (first["attempt"], first["reason"]) == (1, "result")
    assert (second["attempt"], second["reason"]) == (2, "OSError")
    assert [first["delay"], second["delay"]] == clock.sleeps


async def test_giving_up_is_logged_as_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "lexigram.resilience.retry")
    clock = ManualClock()
    operation = attempts_of([503, 503, 503])
    call = Call(operation="GET", judge=judge_status)
    await clock.run(RetryPolicy(clock=clock).execute(operation, call))

    (record,) = caplog.records
    assert record.getMessage() == "resilience.retry.exhausted"
    assert record.levelno == logging.WARNING
    facts = vars(record)
    assert (facts["attempts"], facts["limit"], facts["reason"]) == (
        3,
        "attempts",
        "result",
    )
