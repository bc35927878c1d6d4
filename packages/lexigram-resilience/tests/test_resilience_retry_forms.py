"""The retry as a decorator and as a loop."""

from __future__ import annotations

import asyncio
import gc
import inspect
import weakref
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest

from lexigram.contracts.resilience import (
    Call,
    CircuitOpenError,
    Judgement,
    RetryExhaustedError,
)
from lexigram.resilience import RetryConfig, RetryPolicy
from lexigram.resilience._events.events import Event, RetryScheduled
from lexigram.resilience._events.listeners import Events
from lexigram.resilience._retry.decorator import retry
from lexigram.testing import virtual_time

PLAIN = RetryConfig(jitter="none")


def judge_status(status: int | None, error: BaseException | None) -> Judgement:
    failed = error is not None or (status or 0) >= 500
    return Judgement("failure" if failed else "success", retryable=failed)


async def test_a_decorated_function_is_repeated_with_its_arguments() -> None:
    made: list[tuple[int, str]] = []

    @RetryPolicy(PLAIN)
    async def fetch(number: int, *, kind: str = "order") -> str:
        """Fetch it."""
        made.append((number, kind))
        if len(made) < 3:
            raise ConnectionError
        return f"{kind} {number}"

    async with virtual_time():
        assert await fetch(7, kind="invoice") == "invoice 7"
    assert made == [(7, "invoice")] * 3
    assert fetch.__name__ == "fetch"
    assert fetch.__doc__ == "Fetch it."
    assert list(inspect.signature(fetch).parameters) == ["number", "kind"]
    assert inspect.iscoroutinefunction(fetch)


async def test_a_decorated_method_knows_its_object() -> None:
    class Store:
        def __init__(self) -> None:
            self.calls = 0

        @retry(RetryConfig(max_attempts=2))
        async def load(self, key: str) -> str:
            self.calls += 1
            if self.calls == 1:
                raise ConnectionError
            return key

    store = Store()
    async with virtual_time():
        assert await store.load("a") == "a"
    assert store.calls == 2


async def test_a_decorator_needs_no_parentheses_and_no_configuration() -> None:
    made: list[None] = []

    async def fail() -> None:
        made.append(None)
        raise ConnectionError

    async with virtual_time():
        for repeated in (retry(fail), retry()(fail)):
            with pytest.raises(RetryExhaustedError, match=r"fail'.* after attempt 3"):
                await repeated()
    assert len(made) == 6


def test_functions_that_are_not_async_are_refused() -> None:
    def fetch() -> str:
        return "at once"

    subject: Any = fetch
    for decorate in (retry, retry(), RetryPolicy()):
        with pytest.raises(TypeError, match="is no async function.") as caught:
            decorate(subject)
        assert str(caught.value).endswith(
            "declared with `async def`, or call `execute` with something to await."
        )


async def test_a_configuration_given_to_the_decorator_holds() -> None:
    made: list[None] = []

    @retry(RetryConfig(max_attempts=5, base_delay=0))
    async def fail() -> None:
        made.append(None)
        raise ConnectionError

    with pytest.raises(RetryExhaustedError):
        await fail()
    assert len(made) == 5


async def test_the_name_of_the_function_is_in_the_events() -> None:
    told: list[Event] = []

    @RetryPolicy(PLAIN, name="orders", events=Events([told.append]))
    async def fetch() -> None:
        if not told:
            raise ConnectionError

    async with virtual_time():
        await fetch()
    assert told == [
        RetryScheduled(
            policy="orders",
            key="",
            operation=fetch.__qualname__,
            attempt=1,
            delay=0.1,
            reason="ConnectionError",
        )
    ]


@pytest.mark.parametrize(
    "retry_on",
    [
        OSError,
        (LookupError, ConnectionError),
        lambda error: isinstance(error, ConnectionError),
    ],
)
async def test_what_is_worth_repeating_may_be_said_by_type(retry_on: Any) -> None:
    raised: list[Exception] = [ConnectionError(), ValueError(), ConnectionError()]
    rest = list(raised)

    @retry(RetryConfig(max_attempts=2), retry_on=retry_on)
    async def fail() -> None:
        raise rest.pop(0)

    async with virtual_time():
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - it is asked which one
            await fail()
    assert caught.value is raised[1]


async def test_a_function_may_be_decorated_with_types_alone() -> None:
    made: list[None] = []

    @retry(retry_on=OSError)
    async def fail() -> None:
        made.append(None)
        raise KeyError

    with pytest.raises(KeyError):
        await fail()
    assert len(made) == 1


async def test_a_call_with_a_judge_of_its_own_is_not_judged_by_types() -> None:
    policy = RetryPolicy(RetryConfig(max_attempts=2), retry_on=OSError)
    made: list[None] = []

    async def fail() -> None:
        made.append(None)
        raise KeyError

    call: Call[None] = Call(judge=lambda *_: Judgement("failure", retryable=True))
    async with virtual_time():
        with pytest.raises(RetryExhaustedError):
            await policy.execute(fail, call)
    assert len(made) == 2
    with pytest.raises(KeyError):
        await policy.execute(fail, Call(operation="of no judge"))
    assert len(made) == 3


async def test_a_cancellation_is_repeated_by_no_predicate() -> None:
    async def stop() -> None:
        raise asyncio.CancelledError

    policy = RetryPolicy(retry_on=lambda _: pytest.fail("asked"))
    with pytest.raises(asyncio.CancelledError):
        await policy.execute(stop)


async def test_a_result_is_fine_whatever_types_are_named() -> None:
    async def fine() -> int:
        return 1

    policy = RetryPolicy(retry_on=OSError)
    assert await policy.execute(fine) == 1
    assert await policy(fine)() == 1


@pytest.mark.parametrize(
    "retry_on",
    [asyncio.CancelledError, (OSError, KeyboardInterrupt), ("OSError",), int],
)
def test_what_is_never_repeated_cannot_be_named(retry_on: Any) -> None:
    with pytest.raises(TypeError, match="which is no kind of Exception") as caught:
        RetryPolicy(retry_on=retry_on)
    assert str(caught.value).endswith(
        "nothing else is ever repeated, cancellation first of all. Name exception types, "
        "or give a function that says of an exception whether to repeat."
    )


async def test_a_loop_ends_with_the_first_attempt_that_does_not_raise() -> None:
    numbers: list[int] = []
    async with virtual_time() as clock:
        began = clock.monotonic()
        async for attempt in RetryPolicy(PLAIN).attempts():
            with attempt:
                numbers.append(attempt.number)
                if attempt.number < 3:
                    raise ConnectionError
        assert clock.monotonic() - began == pytest.approx(0.3)
    assert numbers == [1, 2, 3]


async def test_a_loop_that_gives_up_raises_what_a_call_would() -> None:
    failures = [ConnectionError(n) for n in range(3)]
    rest = list(failures)

    async def loop() -> None:
        async for attempt in RetryPolicy(PLAIN).attempts():
            with attempt:
                raise rest.pop(0)

    async with virtual_time():
        with pytest.raises(RetryExhaustedError) as caught:
            await loop()
    assert caught.value.last is caught.value.__cause__ is failures[-1]
    assert caught.value.attempts == 3
    assert caught.value.__notes__ == [
        "Attempt 1: ConnectionError; then a wait of 0.1 s.",
        "Attempt 2: ConnectionError; then a wait of 0.2 s.",
    ]


async def test_a_loop_lets_through_what_is_not_to_be_repeated() -> None:
    refusal = CircuitOpenError("Open.")

    async def loop() -> None:
        async for attempt in RetryPolicy(PLAIN).attempts():
            with attempt:
                raise refusal

    with pytest.raises(CircuitOpenError) as caught:
        await loop()
    assert caught.value is refusal


async def test_results_given_in_a_loop_are_judged_and_discarded_but_the_last() -> None:
    answers, discarded = [500, 502, 503], list[int]()
    call = Call(judge=judge_status, discard=discarded.append)
    answer = None
    async with virtual_time():
        async for attempt in RetryPolicy(PLAIN).attempts(call):
            with attempt:
                answer = attempt.result(answers.pop(0))
    assert answer == 503
    assert discarded == [500, 502]


async def test_a_good_result_ends_the_loop() -> None:
    answers = [500, 200, 500]
    async with virtual_time():
        async for attempt in RetryPolicy(PLAIN).attempts(Call(judge=judge_status)):
            with attempt:
                attempt.result(answers.pop(0))
    assert answers == [500]


async def test_a_result_before_an_exception_is_discarded_when_it_is_repeated() -> None:
    discarded: list[int] = []
    call = Call(judge=judge_status, discard=discarded.append)
    async with virtual_time():
        async for attempt in RetryPolicy(PLAIN).attempts(call):
            with attempt:
                attempt.result(attempt.number)
                if attempt.number == 1:
                    raise ConnectionError
    assert discarded == [1]


async def test_leaving_a_loop_keeps_the_result_and_pays_for_no_attempt() -> None:
    discarded: list[int] = []
    call = Call(judge=judge_status, discard=discarded.append)
    policy = RetryPolicy(PLAIN)
    assert policy.budget is not None
    async for attempt in policy.attempts(call):
        with attempt:
            attempt.result(503)
            break
    async for attempt in policy.attempts(call):
        with attempt:
            attempt.result(503)
        break
    assert discarded == []
    assert policy.budget.balance() == pytest.approx(10.4)


async def test_cancelling_a_loop_ends_it() -> None:
    numbers: list[int] = []

    async def loop() -> None:
        async for attempt in RetryPolicy(PLAIN).attempts():
            with attempt:
                numbers.append(attempt.number)
                await asyncio.sleep(9)

    async with virtual_time():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await loop()
    assert numbers == [1]


async def test_an_exception_caught_around_an_attempt_ends_the_loop() -> None:
    numbers: list[int] = []
    async for attempt in RetryPolicy(PLAIN, retry_on=OSError).attempts():
        numbers.append(attempt.number)
        with pytest.raises(KeyError), attempt:
            raise KeyError
    assert numbers == [1]


async def test_a_result_before_what_is_no_exception_is_the_last_one() -> None:
    class Stop(BaseException):
        """Nothing that a retry repeats."""

    numbers: list[int] = []
    discarded: list[int] = []
    call: Call[int] = Call(judge=judge_status, discard=discarded.append)
    async for attempt in RetryPolicy(PLAIN).attempts(call):
        numbers.append(attempt.number)
        with suppress(Stop), attempt:
            attempt.result(503)
            raise Stop
    assert numbers == [1]
    assert discarded == []


async def test_an_attempt_that_is_not_run_is_reported() -> None:
    with pytest.raises(RuntimeError, match="<Attempt 1> was not run.") as caught:
        async for _ in RetryPolicy().attempts():
            pass
    assert str(caught.value).endswith(
        "Write `with attempt:` around what it does, inside the loop."
    )


async def test_an_attempt_is_run_once() -> None:
    async for attempt in RetryPolicy().attempts():
        with attempt:
            pass
        with pytest.raises(RuntimeError, match="was run already"), attempt:
            pass


async def test_a_loop_that_is_over_stays_over() -> None:
    attempts = RetryPolicy().attempts()
    async for attempt in attempts:
        with attempt:
            pass
    assert [each async for each in attempts] == []


async def test_a_generator_may_hold_a_loop_and_be_closed_elsewhere() -> None:
    policy = RetryPolicy(PLAIN)

    async def numbers() -> AsyncIterator[int]:
        async for attempt in policy.attempts():
            with attempt:
                yield attempt.number

    generator = numbers()
    assert await anext(generator) == 1

    async def close() -> None:
        await generator.aclose()  # type: ignore[attr-defined]  # it is a generator

    await asyncio.create_task(close())  # a task has a context of its own


async def test_a_loop_leaves_no_reference_cycle_behind() -> None:
    class OutageError(Exception):
        """Can be watched, which a builtin can not."""

    watched: list[weakref.ref[BaseException]] = []

    async def loop() -> None:
        async for attempt in RetryPolicy(PLAIN).attempts():
            with attempt:
                if attempt.number < 3:
                    error = OutageError()
                    watched.append(weakref.ref(error))
                    try:
                        raise error
                    finally:
                        del error

    gc.disable()
    try:
        async with virtual_time():
            await loop()
        assert [gone() for gone in watched] == [None, None]
    finally:
        gc.enable()


def test_its_repr_shows_what_is_configured() -> None:
    policy = RetryPolicy(RetryConfig(max_attempts=7))
    assert repr(policy).startswith("<RetryPolicy RetryConfig(max_attempts=7, ")
