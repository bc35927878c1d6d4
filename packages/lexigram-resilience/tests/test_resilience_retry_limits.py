"""What ends a retry, and what it tells of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pydantic import ValidationError

from lexigram.contracts.resilience import (
    Call,
    CircuitOpenError,
    Judgement,
    RetryExhaustedError,
)
from lexigram.resilience import (
    BudgetConfig,
    RetryConfig,
    RetryPolicy,
    Timeouts,
    TimeoutsConfig,
)
from lexigram.resilience._events.events import Event, RetryGaveUp, RetryScheduled
from lexigram.resilience._events.listeners import Events
from lexigram.testing import LogCapture, virtual_time

PLAIN = RetryConfig(jitter="none", max_attempts=9)


class Upstream:
    """Takes its time, then fails, and counts how often it was asked."""

    def __init__(self, takes: float = 0.0) -> None:
        self.takes = takes
        self.calls = 0

    async def __call__(self) -> None:
        self.calls += 1
        await asyncio.sleep(self.takes)
        raise ConnectionError("down")


def judging(judgement: Judgement) -> Call[int]:
    return Call(
        key="k",
        operation="fetch",
        judge=lambda status, _: Judgement("success") if status == 200 else judgement,
    )


def answers(*statuses: int) -> Callable[[], Awaitable[int]]:
    rest = list(statuses)

    async def operation() -> int:
        return rest.pop(0)

    return operation


@pytest.mark.parametrize(
    ("duration", "attempts"), [(0.1, 1), (0.11, 2), (0.29, 2), (0.31, 3), (0.71, 4)]
)
async def test_trap_t17_no_wait_ends_after_the_longest_duration(
    duration: float, attempts: int
) -> None:
    config = PLAIN.model_copy(update={"max_duration": duration})
    upstream = Upstream()
    async with virtual_time() as clock:
        began = clock.monotonic()
        with pytest.raises(
            RetryExhaustedError, match="`max_duration` leaves no time"
        ) as caught:
            await RetryPolicy(config).execute(upstream)
        assert clock.monotonic() - began < duration
    assert caught.value.attempts == upstream.calls == attempts


@pytest.mark.parametrize("form", ["execute", "attempts"])
async def test_the_duration_counts_from_the_first_attempt(form: str) -> None:
    config = PLAIN.model_copy(update={"max_duration": 1.0})
    policy, upstream = RetryPolicy(config), Upstream(takes=0.6)

    async def loop() -> None:
        async for attempt in policy.attempts():
            with attempt:
                await upstream()

    async with virtual_time() as clock:
        began = clock.monotonic()
        with pytest.raises(RetryExhaustedError, match="`max_duration`"):
            await (policy.execute(upstream) if form == "execute" else loop())
        assert clock.monotonic() - began == pytest.approx(1.3)
    assert upstream.calls == 2


@pytest.mark.parametrize(
    ("deadline", "reason"),
    [
        (0.05, "the deadline of the call"),
        (0.125, "the deadline of the call"),
        (9, "`max_duration`"),
    ],
)
async def test_of_duration_and_deadline_the_earlier_one_ends_the_call(
    deadline: float, reason: str
) -> None:
    config = PLAIN.model_copy(update={"base_delay": 0.125, "max_duration": 0.125})
    upstream = Upstream()
    async with virtual_time() as clock:
        call: Call[None] = Call(deadline=clock.monotonic() + deadline)
        with pytest.raises(RetryExhaustedError, match=reason):
            await RetryPolicy(config).execute(upstream, call)
    assert upstream.calls == 1


@pytest.mark.parametrize("budget", [None, BudgetConfig()], ids=["free", "counted"])
async def test_the_duration_counts_from_the_first_attempt_of_a_busy_policy_too(
    budget: BudgetConfig | None,
) -> None:
    config = PLAIN.model_copy(update={"max_duration": 1.0, "budget": budget})
    policy, upstream = RetryPolicy(config), Upstream(takes=0.6)
    async with virtual_time():
        # Of so many calls some could be counted without a look at the clock.
        for _ in range(20):
            assert await policy.execute(answers(200)) == 200
        with pytest.raises(RetryExhaustedError, match="`max_duration`"):
            await policy.execute(upstream)
    assert upstream.calls == 2


async def test_no_wait_ends_after_the_deadline_of_what_surrounds_the_call() -> None:
    upstream = Upstream()
    policy = RetryPolicy(PLAIN)
    limit = Timeouts(TimeoutsConfig(total=0.25, attempt=None))
    async with virtual_time() as clock:
        began = clock.monotonic()
        with pytest.raises(RetryExhaustedError, match="the deadline of the call"):
            await limit.execute(lambda: policy.execute(upstream))
        assert clock.monotonic() - began == pytest.approx(0.1)
    assert upstream.calls == 2


async def test_a_hint_comes_before_what_is_drawn() -> None:
    call = judging(Judgement("failure", retryable=True, retry_after=7.0))
    async with virtual_time() as clock:
        began = clock.monotonic()
        assert await RetryPolicy(PLAIN).execute(answers(503, 200), call) == 200
        assert clock.monotonic() - began == pytest.approx(8.0)


async def test_a_throttling_upstream_is_asked_again_after_a_longer_wait() -> None:
    throttled = judging(Judgement("failure", retryable=True, reason="429"))
    async with virtual_time() as clock:
        began = clock.monotonic()
        await RetryPolicy(PLAIN).execute(answers(429, 429, 200), throttled)
        assert clock.monotonic() - began == pytest.approx(1.0 + 2.0)


async def test_failures_between_throttled_answers_keep_their_own_waits() -> None:
    told: list[Any] = []

    def judge(status: int | None, _: BaseException | None) -> Judgement:
        return Judgement("failure", retryable=status != 200, reason=str(status))

    policy = RetryPolicy(PLAIN, events=Events([told.append]))
    async with virtual_time():
        await policy.execute(answers(503, 429, 503, 429, 200), Call(judge=judge))
    assert [event.delay for event in told] == [0.1, 1.0, 0.2, 2.0]


async def test_a_planned_repetition_and_giving_up_are_told() -> None:
    told: list[Event] = []
    policy = RetryPolicy(
        RetryConfig(jitter="none", max_attempts=2),
        name="orders",
        events=Events([told.append]),
    )
    assert policy.name == "orders"
    async with virtual_time():
        await policy.execute(
            answers(503, 503),
            judging(Judgement("failure", retryable=True, reason="503")),
        )
    assert told == [
        RetryScheduled("orders", "k", "fetch", 1, 0.1, "503"),
        RetryGaveUp("orders", "k", "fetch", 2, "attempts", "503"),
    ]


@pytest.mark.parametrize(
    ("options", "limit"),
    [
        ({"max_attempts": 1}, "attempts"),
        ({"max_duration": 0.01}, "duration"),
        ({"max_retry_after": 0.5}, "retry_after"),
        ({"budget": {"ratio": 0, "min_per_second": 0}}, "budget"),
    ],
)
async def test_giving_up_says_by_which_limit(
    options: dict[str, Any], limit: str
) -> None:
    told: list[Any] = []
    policy = RetryPolicy(
        RetryConfig.model_validate(options), events=Events([told.append])
    )
    call = judging(Judgement("failure", retryable=True, retry_after=0.6))
    with LogCapture() as logs:
        async with virtual_time():
            assert await policy.execute(answers(503), call) == 503
    (event,) = told
    assert (event.limit, event.attempts, event.reason) == (limit, 1, "result")
    logs.assert_logged("resilience.retry.exhausted", limit=limit, attempts=1, key="k")


async def test_a_deadline_is_told_as_one() -> None:
    told: list[Any] = []
    policy = RetryPolicy(events=Events([told.append]))
    async with virtual_time() as clock:
        call: Call[None] = Call(deadline=clock.monotonic())
        with pytest.raises(RetryExhaustedError):
            await policy.execute(Upstream(), call)
    assert [event.limit for event in told] == ["deadline"]


async def test_the_attempts_before_the_last_are_notes_of_the_error() -> None:
    async with virtual_time():
        with pytest.raises(RetryExhaustedError) as caught:
            await RetryPolicy(RetryConfig(jitter="none")).execute(Upstream())
    assert caught.value.__notes__ == [
        "Attempt 1: ConnectionError; then a wait of 0.1 s.",
        "Attempt 2: ConnectionError; then a wait of 0.2 s.",
    ]
    assert not hasattr(caught.value.last, "__notes__")


async def test_whole_seconds_are_seconds() -> None:
    config = PLAIN.model_copy(update={"base_delay": 2, "max_delay": 4})
    async with virtual_time() as clock:
        began = clock.monotonic()
        call = judging(Judgement("failure", retryable=True))
        assert await RetryPolicy(config).execute(answers(503, 503, 200), call) == 200
        assert clock.monotonic() - began == pytest.approx(6)


async def test_a_good_end_is_not_told() -> None:
    told: list[Event] = []
    policy = RetryPolicy(events=Events([told.append]))
    call = judging(Judgement("failure"))
    assert await policy.execute(answers(404), call) == 404
    assert told == []


async def test_trap_t11_a_response_is_released_before_the_wait() -> None:
    free = asyncio.Semaphore(1)  # a pool of one connection

    async def answer() -> int:
        async with asyncio.timeout(1):
            await free.acquire()
        return 503

    call = Call[int](
        judge=lambda *_: Judgement("failure", retryable=True),
        discard=lambda _: free.release(),
    )
    async with virtual_time():
        assert await RetryPolicy().execute(answer, call) == 503


async def test_trap_t13_an_open_circuit_is_not_waited_for() -> None:
    async def refuse() -> None:
        raise CircuitOpenError("Open.", retry_after=0.1)

    async with virtual_time() as clock:
        began = clock.monotonic()
        with pytest.raises(CircuitOpenError):
            await RetryPolicy(retry_on=Exception).execute(refuse)
        assert clock.monotonic() == began


async def test_trap_t18_one_policy_with_a_judge_serves_many_calls_at_once() -> None:
    policy = RetryPolicy(
        RetryConfig(max_attempts=4, budget=None), retry_on=ConnectionError
    )

    async def one(failures: int) -> int:
        made = 0

        async def operation() -> int:
            nonlocal made
            made += 1
            await asyncio.sleep(0.01 * failures)
            if made <= failures:
                raise ConnectionError
            return made

        return await policy.execute(operation)

    async with virtual_time():
        results = await asyncio.gather(*(one(n % 4) for n in range(200)))
    assert results == [1, 2, 3, 4] * 50


async def test_a_refusal_keeps_what_it_was_raised_because_of() -> None:
    reason, outcomes = LookupError(), list[Exception]()
    refusal = CircuitOpenError("Open.")
    refusal.__context__ = reason
    outcomes += [ConnectionError(), refusal]

    async def fail() -> None:
        raise outcomes.pop(0)

    async with virtual_time():
        with pytest.raises(CircuitOpenError) as caught:
            await RetryPolicy().execute(fail)
    assert caught.value.__context__ is reason
    assert caught.value.__notes__ == [
        "Attempt 2 was refused; attempt 1 raised ConnectionError."
    ]


async def test_a_refusal_shows_the_failure_before_it() -> None:
    failure, refusal = ConnectionError("reset"), CircuitOpenError("Open.")
    outcomes: list[Exception] = [failure, refusal]

    async def fail() -> None:
        raise outcomes.pop(0)

    async with virtual_time():
        with pytest.raises(CircuitOpenError):
            await RetryPolicy().execute(fail)
    assert refusal.__context__ is failure


async def test_a_refusal_after_a_result_says_that_there_was_one() -> None:
    outcomes: list[int | Exception] = [
        ConnectionError(),
        503,
        CircuitOpenError("Open."),
    ]

    async def answer() -> int:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    call: Call[int] = Call(judge=lambda *_: Judgement("failure", retryable=True))
    async with virtual_time():
        with pytest.raises(CircuitOpenError) as caught:
            await RetryPolicy().execute(answer, call)
    assert caught.value.__notes__ == [
        "Attempt 3 was refused; attempt 2 gave a result worth repeating."
    ]
    assert caught.value.__context__ is None


async def test_a_call_that_a_pipeline_began_is_over_by_when_it_did() -> None:
    config = RetryConfig(jitter="none", base_delay=1, max_attempts=9, max_duration=10)
    policy = RetryPolicy(config)
    failed = Judgement("failure", retryable=True)
    async with virtual_time() as clock:
        began = clock.monotonic()
        await clock.advance(9.5)
        assert policy.failures(Call()).after_result(failed) == 1
        assert policy.failures(Call(), began=began).after_result(failed) is None
        assert policy.failures(Call(), began=began + 5).after_result(failed) == 1


async def test_what_a_pipeline_has_judged_is_not_judged_again() -> None:
    call: Call[int] = Call(judge=lambda *_: pytest.fail("judged"))
    again = Judgement("failure", retryable=True, reason="503")
    policy = RetryPolicy(PLAIN)
    assert policy.config is PLAIN
    core = policy.failures(call)
    assert core.may_repeat
    assert core.after_error(ConnectionError(), again) == 0.1
    assert core.after_result(again) == 0.2
    assert core.after_error(ConnectionError(), Judgement("failure")) is None
    assert core.after_result(Judgement("failure")) is None


async def test_a_nested_core_leaves_every_attempt_to_the_outer_retry() -> None:
    core = RetryPolicy(PLAIN).failures(Call(), nested=True)
    assert not core.may_repeat
    assert core.after_error(ConnectionError()) is None
    assert core.after_result(Judgement("failure", retryable=True)) is None


async def test_trap_t28_without_options_attempts_are_few_and_apart() -> None:
    upstream = Upstream()
    async with virtual_time() as clock:
        began = clock.monotonic()
        with pytest.raises(RetryExhaustedError):
            await RetryPolicy().execute(upstream)
        assert 0.2 <= clock.monotonic() - began <= 10
    assert upstream.calls == 3


@pytest.mark.parametrize(
    "options",
    [
        {"throttled_delay": -1},
        {"max_duration": 0},
        {"nested": "perhaps"},
        {"budget": {"ratio": -1}},
    ],
)
def test_a_limit_out_of_bounds_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RetryConfig.model_validate(options)
