"""A retry within an attempt of another one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from lexigram.contracts.resilience import Call, Judgement, RetryExhaustedError
from lexigram.resilience import RetryConfig, RetryPolicy
from lexigram.resilience._events.events import Event, RetryGaveUp
from lexigram.resilience._events.listeners import Events
from lexigram.testing import LogCapture, virtual_time

QUICK = RetryConfig(max_attempts=3)
ALLOWED = RetryConfig(max_attempts=3, nested="allow")


class Upstream:
    """Fails, and counts how often it was asked."""

    def __init__(self) -> None:
        self.calls = 0

    async def __call__(self) -> None:
        self.calls += 1
        raise ConnectionError("down")


def within(inner: RetryPolicy, upstream: Upstream) -> Callable[[], Awaitable[None]]:
    async def operation() -> None:
        await inner.execute(upstream)

    return operation


async def failing(running: Awaitable[object]) -> BaseException:
    with pytest.raises(RetryExhaustedError) as caught:
        await running
    return caught.value


async def test_retries_within_retries_make_as_many_attempts_as_the_outermost() -> None:
    upstream = Upstream()
    innermost = RetryPolicy(QUICK)
    middle = RetryPolicy(QUICK)

    async def through_both() -> None:
        await middle.execute(within(innermost, upstream))

    async with virtual_time():
        error = await failing(RetryPolicy(QUICK).execute(through_both))
    assert upstream.calls == 3
    assert isinstance(error.__cause__, ConnectionError)


async def test_an_inner_retry_raises_what_the_outer_one_is_to_judge() -> None:
    upstream, seen = Upstream(), list[BaseException | None]()

    def judge(_: object, error: BaseException | None) -> Judgement:
        seen.append(error)
        return Judgement("failure", retryable=True)

    async with virtual_time():
        await failing(
            RetryPolicy(QUICK).execute(
                within(RetryPolicy(QUICK), upstream), Call(judge=judge)
            )
        )
    assert [type(error) for error in seen] == [ConnectionError] * 3
    assert not any(hasattr(error, "__notes__") for error in seen)


async def test_an_inner_result_is_handed_out_to_the_outer_retry() -> None:
    made: list[int] = []
    call = Call[int](judge=lambda *_: Judgement("failure", retryable=True))
    inner = RetryPolicy(QUICK)

    async def answer() -> int:
        made.append(503)
        return 503

    async with virtual_time():
        running = RetryPolicy(QUICK).execute(lambda: inner.execute(answer, call), call)
        assert await running == 503
    assert len(made) == 3


async def test_an_inner_success_is_a_success() -> None:
    inner = RetryPolicy(QUICK)

    async def answer() -> str:
        return "fine"

    assert await RetryPolicy(QUICK).execute(lambda: inner.execute(answer)) == "fine"


async def test_an_inner_retry_may_be_told_to_repeat_all_the_same() -> None:
    upstream = Upstream()
    last = Upstream()
    allowed, collapsed = RetryPolicy(ALLOWED), RetryPolicy(QUICK)

    async def both() -> None:
        with pytest.raises(RetryExhaustedError):
            await allowed.execute(upstream)
        await collapsed.execute(last)  # the outer retry is around this one still

    async with virtual_time():
        await failing(RetryPolicy(QUICK).execute(both))
    assert upstream.calls == 9
    assert last.calls == 3


async def test_a_loop_within_an_attempt_makes_one_attempt() -> None:
    upstream, inner = Upstream(), RetryPolicy(QUICK)

    async def loop() -> None:
        async for attempt in inner.attempts():
            with attempt:
                await upstream()

    async with virtual_time():
        await failing(RetryPolicy(QUICK).execute(loop))
    assert upstream.calls == 3


@pytest.mark.parametrize(("config", "expected"), [(QUICK, 3), (ALLOWED, 9)])
async def test_a_retry_within_a_loop_leaves_the_repeating_to_it(
    config: RetryConfig, expected: int
) -> None:
    upstream, inner = Upstream(), RetryPolicy(config)

    async def loop() -> None:
        async for attempt in RetryPolicy(QUICK).attempts():
            with attempt:
                await inner.execute(upstream)

    async with virtual_time():
        await failing(loop())
    assert upstream.calls == expected


async def test_a_loop_that_may_repeat_within_another_restores_what_it_found() -> None:
    upstream = Upstream()
    allowed, collapsed = RetryPolicy(ALLOWED), RetryPolicy(QUICK)

    async def both() -> None:
        async for attempt in allowed.attempts():
            with attempt:
                pass
        await collapsed.execute(upstream)

    async with virtual_time():
        await failing(RetryPolicy(QUICK).execute(both))
    assert upstream.calls == 3


async def test_tasks_of_an_attempt_belong_to_it() -> None:
    upstream, inner = Upstream(), RetryPolicy(QUICK)

    async def both() -> None:
        await asyncio.wait_for(asyncio.ensure_future(inner.execute(upstream)), 9)

    async with virtual_time():
        await failing(RetryPolicy(QUICK).execute(both))
    assert upstream.calls == 3


async def test_a_task_that_outlives_the_attempt_repeats_by_itself() -> None:
    upstream, inner = Upstream(), RetryPolicy(QUICK)
    tasks: list[asyncio.Task[None]] = []
    is_over = asyncio.Event()

    async def later() -> None:
        await is_over.wait()
        await inner.execute(upstream)

    async def start() -> None:
        tasks.append(asyncio.ensure_future(later()))

    async with virtual_time():
        await RetryPolicy(QUICK).execute(start)
        is_over.set()
        await failing(tasks[0])
    assert upstream.calls == 3


async def test_a_task_that_outlives_the_attempt_of_a_loop_repeats_by_itself() -> None:
    upstream, inner = Upstream(), RetryPolicy(QUICK)
    is_over = asyncio.Event()

    async def later() -> None:
        await is_over.wait()
        await inner.execute(upstream)

    async with virtual_time():
        async for attempt in RetryPolicy(QUICK).attempts():
            with attempt:
                task = asyncio.ensure_future(later())
        is_over.set()
        await failing(task)
    assert upstream.calls == 3


async def test_an_inner_retry_that_repeats_all_the_same_asks_the_judge_of_its_call() -> (
    None
):
    made: list[int] = []
    call = Call[int](judge=lambda *_: Judgement("failure", retryable=True))

    async def answer() -> int:
        made.append(503)
        return 503

    inner = RetryPolicy(ALLOWED)
    async with virtual_time():
        outer = RetryPolicy(QUICK)
        assert await outer.execute(lambda: inner.execute(answer, call)) == 503
    assert len(made) == 3


@pytest.mark.parametrize(("status", "is_told"), [(200, False), (503, True)])
async def test_an_inner_result_is_judged_before_it_is_left_to_the_outer_retry(
    status: int, *, is_told: bool
) -> None:
    told: list[Event] = []
    inner = RetryPolicy(QUICK, events=Events([told.append]))

    def judge(result: int | None, _: BaseException | None) -> Judgement:
        return Judgement("failure", retryable=result == 503)

    async def answer() -> int:
        return status

    outer = RetryPolicy(QUICK)
    assert await outer.execute(lambda: inner.execute(answer, Call(judge=judge)))
    assert [type(each) for each in told] == [RetryGaveUp] * is_told


@pytest.mark.parametrize(
    ("outer", "call"),
    [
        (RetryConfig(max_attempts=1), Call[None]()),
        (RetryConfig(max_attempts=3), Call[None](repeatable=False)),
    ],
)
async def test_what_is_not_repeated_outside_is_repeated_inside(
    outer: RetryConfig, call: Call[None]
) -> None:
    upstream = Upstream()
    operation = within(RetryPolicy(QUICK), upstream)
    async with virtual_time():
        await failing(RetryPolicy(outer).execute(operation, call))
        assert upstream.calls == 3
        await failing(loop_of(RetryPolicy(outer), call, operation))
    assert upstream.calls == 6


async def loop_of(
    policy: RetryPolicy, call: Call[None], operation: Callable[[], Awaitable[None]]
) -> None:
    async for attempt in policy.attempts(call):
        with attempt:
            await operation()


async def test_calls_beside_each_other_are_not_within_each_other() -> None:
    upstream, policy = Upstream(), RetryPolicy(RetryConfig(budget=None))
    fine: list[str] = []

    async def succeed() -> None:
        fine.append("fine")

    async with virtual_time():
        await policy.execute(succeed)  # leaves its mark where the tasks copy it
        await asyncio.gather(*(failing(policy.execute(upstream)) for _ in range(10)))
    assert upstream.calls == 30


async def test_a_call_after_a_cancelled_one_is_not_within_it() -> None:
    upstream, policy = Upstream(), RetryPolicy(QUICK)
    async with virtual_time():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await policy.execute(lambda: asyncio.sleep(9))
        await failing(policy.execute(upstream))
    assert upstream.calls == 3


async def test_an_attempt_left_to_the_outer_retry_is_told_of_and_no_warning() -> None:
    told: list[Event] = []
    inner = RetryPolicy(QUICK, name="inner", events=Events([told.append]))
    call: Call[None] = Call(key="k", operation="fetch")
    upstream = Upstream()
    with LogCapture() as logs:
        async with virtual_time():
            await failing(
                RetryPolicy(RetryConfig(max_attempts=2)).execute(
                    lambda: inner.execute(upstream, call)
                )
            )
    gave_up = RetryGaveUp(
        policy="inner",
        key="k",
        operation="fetch",
        attempts=1,
        limit="outer_retry",
        reason="ConnectionError",
    )
    assert told == [gave_up, gave_up]
    warnings = [each for each in logs.records if each.levelname == "WARNING"]
    assert [vars(each)["limit"] for each in warnings] == ["attempts"]


async def test_what_is_not_worth_repeating_is_not_left_to_the_outer_retry() -> None:
    told: list[Event] = []
    inner = RetryPolicy(QUICK, retry_on=OSError, events=Events([told.append]))

    async def mistake() -> None:
        raise LookupError

    outer = RetryPolicy(QUICK, retry_on=OSError)
    with pytest.raises(LookupError):
        await outer.execute(lambda: inner.execute(mistake))
    assert told == []
