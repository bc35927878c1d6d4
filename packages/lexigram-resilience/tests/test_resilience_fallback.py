from __future__ import annotations

import asyncio
import copy
import gc
import weakref
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from pydantic import ValidationError

from lexigram.contracts.resilience import (
    Call,
    CallRejectedError,
    CallTimeoutError,
    CircuitOpenError,
    FallbackProtocol,
    Judgement,
    RetryExhaustedError,
)
from lexigram.resilience import RetryConfig, RetryPolicy
from lexigram.resilience._config.fallback import FallbackConfig
from lexigram.resilience._fallback.failed import FailedCall
from lexigram.resilience._fallback.policy import Fallback
from lexigram.resilience._fallback.sources import Shelf
from lexigram.resilience.events import Event, Events, FallbackUsed

BY_KEY = attrgetter("key")


class Hand:
    """A clock that is moved by hand."""

    now = 50.0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


class Unstoppable(BaseException):
    pass


def returning(value: Any) -> Callable[[], Any]:
    async def operation() -> Any:
        return value

    return operation


def raising(error: BaseException) -> Callable[[], Any]:
    async def operation() -> Any:
        raise error

    return operation


def judge(result: Any, error: BaseException | None) -> Judgement:
    """Take what begins with "bad", and ConnectionError, for failures; other errors for nothing."""
    if error is not None:
        down = isinstance(error, ConnectionError)
        return Judgement(
            "failure" if down else "neutral", reason="down" if down else ""
        )
    if str(result).startswith("bad"):
        return Judgement("failure", reason="503" if result == "bad" else "")
    return Judgement("neutral" if result == "odd" else "success")


def call_of(discarded: list[Any] | None = None, *, key: str = "rates") -> Call[Any]:
    kept: list[Any] = [] if discarded is None else discarded
    return Call(key=key, judge=judge, discard=kept.append)


def heard() -> tuple[Events, list[Event]]:
    told: list[Event] = []
    return Events([told.append]), told


def test_it_is_what_the_contract_describes() -> None:
    proof: FallbackProtocol[str] = Fallback.value("instead")
    assert isinstance(proof, FallbackProtocol)


async def test_a_good_result_is_returned_as_it_is() -> None:
    result = object()
    events, told = heard()
    fallback: Fallback[Any] = Fallback.value("instead", events=events)
    assert await fallback.execute(returning(result)) is result
    assert await fallback.execute(returning("odd"), call_of()) == "odd"
    assert told == []


async def test_a_value_stands_in_for_an_exception() -> None:
    value = object()
    fallback: Fallback[Any] = Fallback.value(value)
    assert await fallback.execute(raising(ValueError())) is value
    assert await fallback.execute(raising(ConnectionError()), call_of()) is value


async def test_a_value_stands_in_for_a_bad_result_which_is_discarded() -> None:
    discarded: list[Any] = []
    fallback: Fallback[Any] = Fallback.value("instead")
    assert await fallback.execute(returning("bad"), call_of(discarded)) == "instead"
    assert discarded == ["bad"]


async def test_good_results_and_what_an_exception_left_are_not_discarded() -> None:
    discarded: list[Any] = []
    fallback: Fallback[Any] = Fallback.value("instead")
    await fallback.execute(returning("good"), call_of(discarded))
    await fallback.execute(raising(ConnectionError()), call_of(discarded))
    assert discarded == []


async def test_none_is_an_answer() -> None:
    discarded: list[Any] = []
    events, told = heard()
    fallback: Fallback[Any] = Fallback.value(None, events=events)
    assert (
        await fallback.execute(raising(ConnectionError()), call_of(discarded)) is None
    )
    assert await fallback.execute(returning("bad"), call_of(discarded)) is None
    assert discarded == ["bad"]
    assert len(told) == 2


async def test_what_the_judge_calls_no_failure_passes_unchanged() -> None:
    error = TypeError("a mistake")
    fallback: Fallback[Any] = Fallback.value("instead")
    with pytest.raises(TypeError) as caught:
        await fallback.execute(raising(error), call_of())
    assert caught.value is error
    assert caught.value.__context__ is None


async def test_cancellation_passes_through() -> None:
    fallback: Fallback[Any] = Fallback.value("instead")
    never: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def operation() -> str:
        return await never

    task = asyncio.create_task(fallback.execute(operation))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


async def test_what_is_no_exception_passes_through() -> None:
    stop = Unstoppable()
    fallback: Fallback[Any] = Fallback.value("instead")
    with pytest.raises(Unstoppable) as caught:
        await fallback.execute(raising(stop))
    assert caught.value is stop


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (CircuitOpenError("Open."), "CircuitOpenError"),
        (CallRejectedError("Full."), "CallRejectedError"),
        (CallTimeoutError("Late.", phase="total", limit=1.0), "CallTimeoutError"),
        (RetryExhaustedError("Up.", attempts=3, last=KeyError()), "KeyError"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_an_end_by_a_policy_is_covered_up_whatever_the_judge_says(
    error: Exception, reason: str
) -> None:
    events, told = heard()
    fallback: Fallback[Any] = Fallback.value("instead", name="f", events=events)
    assert await fallback.execute(raising(error), call_of()) == "instead"
    assert told == [FallbackUsed("f", "rates", "value", reason)]


async def test_the_types_decide_when_they_are_given() -> None:
    fallback: Fallback[Any] = Fallback.value("instead", on=(KeyError, ValueError))
    assert await fallback.execute(raising(KeyError()), call_of()) == "instead"
    assert await fallback.execute(raising(UnicodeError()), call_of()) == "instead"
    for passing in (ConnectionError(), CircuitOpenError("Open.")):
        with pytest.raises(type(passing)) as caught:
            await fallback.execute(raising(passing), call_of())
        assert caught.value is passing


async def test_one_type_may_be_given_alone() -> None:
    fallback: Fallback[Any] = Fallback.value("instead", on=KeyError)
    assert await fallback.execute(raising(KeyError())) == "instead"


async def test_types_of_exceptions_leave_results_to_the_judge() -> None:
    fallback: Fallback[Any] = Fallback.value("instead", on=())
    assert await fallback.execute(returning("bad"), call_of()) == "instead"
    with pytest.raises(ConnectionError, match="down"):
        await fallback.execute(raising(ConnectionError("down")), call_of())


async def test_the_last_exception_of_a_retry_counts_by_its_type() -> None:
    fallback: Fallback[Any] = Fallback.value("instead", on=KeyError)
    retry = RetryPolicy(RetryConfig(max_attempts=2), clock=Hand())

    async def tried_again(error: Exception) -> Any:
        return await retry.execute(raising(error))

    assert await fallback.execute(lambda: tried_again(KeyError())) == "instead"
    with pytest.raises(RetryExhaustedError):
        await fallback.execute(lambda: tried_again(ValueError()))


async def test_a_retry_that_gave_up_counts_by_its_own_type_too() -> None:
    fallback: Fallback[Any] = Fallback.value("instead", on=RetryExhaustedError)
    error = RetryExhaustedError("Up.", attempts=3, last=KeyError())
    assert await fallback.execute(raising(error)) == "instead"


@pytest.mark.parametrize(
    "on", [asyncio.CancelledError, (KeyError, BaseException), KeyError(), "KeyError"]
)
def test_types_that_are_no_exceptions_are_refused(on: Any) -> None:
    with pytest.raises(TypeError, match="no subclass of `Exception`") as caught:
        Fallback.value("instead", on=on)
    wrong = on[1] if isinstance(on, tuple) else on
    assert repr(wrong) in str(caught.value)


async def test_a_predicate_lets_failures_pass() -> None:
    asked: list[FailedCall[Any]] = []

    def when(failed: FailedCall[Any]) -> bool:
        asked.append(failed)
        return failed.error is None

    discarded: list[Any] = []
    call, error = call_of(discarded), ConnectionError()
    fallback: Fallback[Any] = Fallback.value("instead", when=when)
    assert await fallback.execute(returning("bad"), call) == "instead"
    with pytest.raises(ConnectionError) as caught:
        await fallback.execute(raising(error), call)
    assert caught.value is error
    assert asked == [
        FailedCall(call=call, result="bad", reason="503"),
        FailedCall(call=call, error=error, reason="down"),
    ]


async def test_a_predicate_is_not_asked_of_what_passes_anyway() -> None:
    def when(failed: FailedCall[Any]) -> bool:
        raise AssertionError(failed)

    fallback: Fallback[Any] = Fallback.value("instead", when=when)
    assert await fallback.execute(returning("good"), call_of()) == "good"
    with pytest.raises(TypeError):
        await fallback.execute(raising(TypeError()), call_of())


async def test_a_bad_result_that_passes_is_returned_and_not_discarded() -> None:
    discarded: list[Any] = []
    fallback: Fallback[Any] = Fallback.value("instead", when=lambda _: False)
    assert await fallback.execute(returning("bad"), call_of(discarded)) == "bad"
    assert discarded == []


async def test_a_function_is_told_of_the_failure() -> None:
    seen: list[FailedCall[Any]] = []

    def function(failed: FailedCall[Any]) -> str:
        seen.append(failed)
        return "instead"

    discarded: list[Any] = []
    call, error = call_of(discarded), ConnectionError()
    fallback: Fallback[Any] = Fallback.function(function)
    assert await fallback.execute(raising(error), call) == "instead"
    assert await fallback.execute(returning("bad2"), call) == "instead"
    assert seen == [
        FailedCall(call=call, error=error, reason="down"),
        FailedCall(call=call, result="bad2", reason="result"),
    ]
    assert discarded == ["bad2"]


async def test_a_function_may_be_async_and_read_the_result_before_its_discarding() -> (
    None
):
    discarded: list[Any] = []

    async def function(failed: FailedCall[Any]) -> str:
        await asyncio.sleep(0)
        assert discarded == []
        return f"instead of {failed.result}"

    fallback: Fallback[Any] = Fallback.function(function)
    result = await fallback.execute(returning("bad"), call_of(discarded))
    assert result == "instead of bad"
    assert discarded == ["bad"]


async def test_a_function_may_let_the_failure_pass() -> None:
    def function(failed: FailedCall[Any]) -> Any:
        if failed.error is not None:
            raise failed.error
        return failed.result

    discarded: list[Any] = []
    events, told = heard()
    error = ConnectionError()
    fallback: Fallback[Any] = Fallback.function(function, events=events)
    with pytest.raises(ConnectionError) as caught:
        await fallback.execute(raising(error), call_of(discarded))
    assert caught.value is error
    assert await fallback.execute(returning("bad"), call_of(discarded)) == "bad"
    assert discarded == []
    assert told == []


async def test_trap_t26_what_a_function_raises_does_not_hide_the_failure() -> None:
    async def function(failed: FailedCall[Any]) -> Any:
        raise LookupError("no cache")

    events, told = heard()
    error = ConnectionError()
    fallback: Fallback[Any] = Fallback.function(function, events=events)
    with pytest.raises(LookupError) as caught:
        await fallback.execute(raising(error), call_of())
    assert caught.value.__context__ is error
    assert told == []


async def test_a_bad_result_is_discarded_when_the_function_raises() -> None:
    def function(failed: FailedCall[Any]) -> Any:
        raise LookupError("no cache")

    discarded: list[Any] = []
    fallback: Fallback[Any] = Fallback.function(function)
    with pytest.raises(LookupError):
        await fallback.execute(returning("bad"), call_of(discarded))
    assert discarded == ["bad"]


async def test_cancelling_the_function_passes_through_and_discards_the_result() -> None:
    never: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def function(failed: FailedCall[Any]) -> str:
        return await never

    discarded: list[Any] = []
    fallback: Fallback[Any] = Fallback.function(function)
    task = asyncio.create_task(fallback.execute(returning("bad"), call_of(discarded)))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert discarded == ["bad"]


@pytest.mark.parametrize("reraises", [False, True], ids=["answers", "raises it again"])
async def test_a_covered_exception_is_freed_at_once(*, reraises: bool) -> None:
    class HeavyError(Exception):
        pass

    def function(failed: FailedCall[Any]) -> Any:
        try:
            if reraises and failed.error is not None:
                raise failed.error
            return "instead"
        finally:
            del failed

    async def operation() -> Any:
        error = HeavyError()
        kept.append(weakref.ref(error))
        try:
            raise error
        finally:
            del error

    kept: list[weakref.ref[HeavyError]] = []
    fallback: Fallback[Any] = Fallback.function(function)
    gc.collect()
    gc.disable()
    try:
        try:
            await fallback.execute(operation)
        except HeavyError:
            assert reraises
        assert kept[0]() is None
    finally:
        gc.enable()


async def test_its_use_is_told() -> None:
    events, told = heard()
    fallback: Fallback[Any] = Fallback.function(str, name="f", events=events)
    await fallback.execute(returning("bad"), call_of())
    await fallback.execute(raising(ConnectionError()), call_of())
    await fallback.execute(raising(KeyError()))
    assert told == [
        FallbackUsed("f", "rates", "function", "503"),
        FallbackUsed("f", "rates", "function", "down"),
        FallbackUsed("f", "", "function", "KeyError"),
    ]


async def test_trap_t18_calls_at_once_do_not_mix() -> None:
    async def function(failed: FailedCall[Any]) -> str:
        await asyncio.sleep(0)
        return f"for {failed.error}"

    def operation(number: int) -> Callable[[], Any]:
        async def run() -> Any:
            await asyncio.sleep(0)
            if number % 2:
                raise ConnectionError(number)
            return number

        return run

    fallback: Fallback[Any] = Fallback.function(function)
    results = await asyncio.gather(*(fallback.execute(operation(n)) for n in range(40)))
    assert results == [f"for {n}" if n % 2 else n for n in range(40)]


def stale(clock: Hand, **more: Any) -> Fallback[Any]:
    return Fallback.stale(
        more.pop("key", BY_KEY),
        FallbackConfig(
            max_age=more.pop("max_age", 10.0), max_keys=more.pop("max_keys", 100)
        ),
        clock=clock,
        **more,
    )


async def test_the_last_good_result_stands_in_until_it_is_too_old() -> None:
    clock = Hand()
    events, told = heard()
    fallback = stale(clock, name="f", events=events)
    await fallback.execute(returning("old"), call_of())
    await fallback.execute(returning("new"), call_of())
    clock.now += 10.0
    assert await fallback.execute(raising(ConnectionError()), call_of()) == "new"
    assert told == [FallbackUsed("f", "rates", "stale", "down")]
    clock.now += 0.001
    error = ConnectionError()
    with pytest.raises(ConnectionError) as caught:
        await fallback.execute(raising(error), call_of())
    assert caught.value is error
    assert "0 kept" in repr(fallback)


async def test_without_a_good_result_the_failure_passes() -> None:
    discarded: list[Any] = []
    fallback = stale(Hand())
    assert await fallback.execute(returning("bad"), call_of(discarded)) == "bad"
    with pytest.raises(ConnectionError, match="down"):
        await fallback.execute(raising(ConnectionError("down")), call_of(discarded))
    assert discarded == []


async def test_only_good_results_are_kept() -> None:
    fallback = stale(Hand())
    await fallback.execute(returning("good"), call_of())
    await fallback.execute(returning("odd"), call_of())
    await fallback.execute(returning("bad"), call_of())
    assert await fallback.execute(raising(ConnectionError()), call_of()) == "good"


async def test_a_stale_answer_makes_no_answer_younger() -> None:
    clock = Hand()
    fallback = stale(clock)
    await fallback.execute(returning("good"), call_of())
    for _ in range(2):
        clock.now += 5.0
        assert await fallback.execute(raising(ConnectionError()), call_of()) == "good"
    clock.now += 5.0
    with pytest.raises(ConnectionError):
        await fallback.execute(raising(ConnectionError()), call_of())


async def test_an_answer_is_only_given_to_its_own_question() -> None:
    fallback = stale(Hand())
    await fallback.execute(returning("1.1"), call_of(key="eur"))
    with pytest.raises(ConnectionError):
        await fallback.execute(raising(ConnectionError()), call_of(key="usd"))
    assert (
        await fallback.execute(raising(ConnectionError()), call_of(key="eur")) == "1.1"
    )


async def test_without_a_question_nothing_is_kept() -> None:
    fallback = stale(Hand(), key=lambda call: call.key or None)
    await fallback.execute(returning("secret"))
    with pytest.raises(ConnectionError):
        await fallback.execute(raising(ConnectionError()))
    assert "0 kept" in repr(fallback)
    await fallback.execute(returning("rates"), call_of(key="eur"))
    assert "1 kept" in repr(fallback)


async def test_no_more_answers_are_kept_than_allowed() -> None:
    fallback = stale(Hand(), max_keys=2)
    for key in ("a", "b", "c"):
        await fallback.execute(returning(key), call_of(key=key))
    with pytest.raises(ConnectionError):
        await fallback.execute(raising(ConnectionError()), call_of(key="a"))
    assert await fallback.execute(raising(ConnectionError()), call_of(key="b")) == "b"
    await fallback.execute(returning("d"), call_of(key="d"))
    assert await fallback.execute(raising(ConnectionError()), call_of(key="b")) == "b"
    with pytest.raises(ConnectionError):
        await fallback.execute(raising(ConnectionError()), call_of(key="c"))


async def test_without_a_copy_the_very_result_is_given_out() -> None:
    result = {"eur": [1.1]}
    fallback = stale(Hand())
    await fallback.execute(returning(result), call_of())
    assert await fallback.execute(raising(ConnectionError()), call_of()) is result


async def test_with_copies_no_receiver_changes_what_another_one_gets() -> None:
    result = {"eur": [1.1]}
    fallback = stale(Hand(), copy=copy.deepcopy)
    mine = await fallback.execute(returning(result), call_of())
    assert mine is result
    mine["eur"].clear()
    first = await fallback.execute(raising(ConnectionError()), call_of())
    first["eur"].append(2.2)
    assert await fallback.execute(raising(ConnectionError()), call_of()) == {
        "eur": [1.1]
    }


async def test_types_and_predicates_limit_stale_answers_too() -> None:
    fallback = stale(Hand(), on=KeyError, when=lambda failed: failed.call.key != "x")
    for key in ("x", "y"):
        await fallback.execute(returning(key), call_of(key=key))
    assert await fallback.execute(raising(KeyError()), call_of(key="y")) == "y"
    with pytest.raises(KeyError):
        await fallback.execute(raising(KeyError()), call_of(key="x"))
    with pytest.raises(ConnectionError):
        await fallback.execute(raising(ConnectionError()), call_of(key="y"))


async def test_trap_t07_ages_are_of_the_loops_clock_when_none_is_given() -> None:
    fallback: Fallback[Any] = Fallback.stale(BY_KEY)
    await fallback.execute(returning("good"), call_of())
    assert await fallback.execute(raising(ConnectionError()), call_of()) == "good"


def test_its_repr_names_its_kind_and_no_value() -> None:
    assert repr(Fallback.value("secret", name="f")) == "<Fallback 'f': value>"
    assert repr(Fallback.function(repr)) == "<Fallback 'fallback': function>"
    assert repr(Fallback.stale(BY_KEY)) == "<Fallback 'fallback': stale, 0 kept>"


@pytest.mark.parametrize("wrong", [{"max_age": 0}, {"max_keys": 0}, {"max_size": 1}])
def test_a_wrong_configuration_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((ValidationError, TypeError)):
        FallbackConfig(**wrong)


def test_five_minutes_and_a_thousand_questions_are_the_defaults() -> None:
    assert FallbackConfig() == FallbackConfig(max_age=300.0, max_keys=1000)


class ShelfMachine(RuleBasedStateMachine):
    """A shelf beside a list of what was kept, the longest unused first."""

    MAX_AGE, MAX_KEYS = 10.0, 3
    QUESTIONS = st.sampled_from("abcde")

    def __init__(self) -> None:
        super().__init__()
        self.shelf: Shelf[int] = Shelf(self.MAX_AGE, self.MAX_KEYS)
        self.model: dict[str, tuple[int, float]] = {}
        self.now = 0.0
        self.count = 0

    @rule(seconds=st.sampled_from([0.0, 1.0, 4.0, 10.0, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(question=QUESTIONS)
    def a_good_answer_comes(self, question: str) -> None:
        self.count += 1
        self.shelf.keep(question, self.count, self.now)
        self.model.pop(question, None)
        if len(self.model) == self.MAX_KEYS:
            del self.model[next(iter(self.model))]
        self.model[question] = (self.count, self.now)

    @rule(question=QUESTIONS)
    def an_answer_is_wanted(self, question: str) -> None:
        answer, since = self.model.get(question, (0, float("-inf")))
        fresh = self.now - since <= self.MAX_AGE
        assert self.shelf.has(question, self.now) is fresh
        self.model.pop(question, None)
        if fresh:
            assert self.shelf.take(question) == answer
            self.model[question] = (answer, since)

    @invariant()
    def it_holds_what_the_model_holds(self) -> None:
        assert len(self.shelf) == len(self.model) <= self.MAX_KEYS


TestShelf = ShelfMachine.TestCase
