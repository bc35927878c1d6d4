"""What a pipeline tells of its calls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from lexigram.contracts.resilience import Call, CallRejectedError, Judgement
from lexigram.resilience import (
    BulkheadConfig,
    HedgeConfig,
    PipelineConfig,
    ResiliencePipeline,
    RetryConfig,
    TimeoutsConfig,
)
from lexigram.resilience.events import AttemptFinished, CallFinished, Event, Events
from lexigram.testing import LogCapture, virtual_time

KEY = "https://api.test:443"

EVEN = PipelineConfig(
    timeouts=TimeoutsConfig(total=15, attempt=6),
    retry=RetryConfig(max_attempts=2, base_delay=1, jitter="none"),
    bulkhead=BulkheadConfig(max_concurrent=1),
)


def judge(result: Any, error: BaseException | None) -> Judgement:
    if error is not None:
        return Judgement("failure", retryable=True, reason=type(error).__name__)
    if result == 200:
        return Judgement("success", reason="200")
    return Judgement("failure", retryable=True, reason=str(result))


CALL: Call[Any] = Call(key=KEY, operation="GET", judge=judge)


async def answer() -> int:
    await asyncio.sleep(2)
    return 200


async def answer_503() -> int:
    await asyncio.sleep(2)
    return 503


async def fail() -> int:
    await asyncio.sleep(2)
    raise OSError("down")


async def refuse() -> int:
    raise CallRejectedError("Not now.")


async def hang() -> int:
    await asyncio.sleep(60)
    return 200


def attempt(number: int, outcome: Any, reason: str, seconds: float) -> Event:
    return AttemptFinished("orders", KEY, number, outcome, reason, seconds)


def call(result: Any, attempts: int, seconds: float) -> Event:
    return CallFinished("orders", KEY, "GET", result, attempts, seconds)


def own(told: list[Event]) -> list[Event]:
    """Return what is told of calls and attempts, without what else the policies tell."""
    return [each for each in told if isinstance(each, AttemptFinished | CallFinished)]


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (answer, [attempt(1, "success", "200", 2.0), call("ok", 1, 2.0)]),
        (
            answer_503,
            [
                attempt(1, "failure", "503", 2.0),
                attempt(2, "failure", "503", 2.0),
                call("failed", 2, 5.0),
            ],
        ),
        (
            fail,
            [
                attempt(1, "failure", "OSError", 2.0),
                attempt(2, "failure", "OSError", 2.0),
                call("failed", 2, 5.0),
            ],
        ),
        (refuse, [attempt(1, "neutral", "", 0.0), call("rejected", 1, 0.0)]),
        (
            hang,
            [
                attempt(1, "failure", "timeout", 6.0),
                attempt(2, "failure", "timeout", 6.0),
                call("timeout", 2, 13.0),
            ],
        ),
    ],
)
async def test_each_attempt_and_the_call_are_told_of_with_how_they_ended(
    operation: Callable[[], Awaitable[int]], expected: list[Event]
) -> None:
    told: list[Event] = []
    async with virtual_time():
        pipeline = ResiliencePipeline.from_config(
            EVEN, name="orders", events=Events([told.append])
        )
        task = asyncio.ensure_future(pipeline.execute(operation, CALL))
        await asyncio.wait([task])
        task.exception()
    assert own(told) == expected


async def test_a_call_that_is_cancelled_in_an_attempt_or_a_pause_is_told_of() -> None:
    told: list[Event] = []
    async with virtual_time():
        pipeline = ResiliencePipeline.from_config(
            EVEN, name="orders", events=Events([told.append])
        )
        for seconds in (1.0, 2.5):
            task = asyncio.ensure_future(pipeline.execute(fail, CALL))
            await asyncio.sleep(seconds)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    assert own(told) == [
        attempt(1, "neutral", "", 1.0),
        call("cancelled", 1, 1.0),
        attempt(1, "failure", "OSError", 2.0),
        call("cancelled", 1, 2.5),
    ]


async def test_a_call_that_is_not_admitted_made_no_attempt() -> None:
    told: list[Event] = []
    async with virtual_time():
        pipeline = ResiliencePipeline.from_config(
            EVEN, name="orders", events=Events([told.append])
        )
        task = asyncio.ensure_future(pipeline.execute(answer, CALL))
        await asyncio.sleep(1)
        with pytest.raises(CallRejectedError):
            await pipeline.execute(answer, CALL)
        await task
    assert own(told)[0] == call("rejected", 0, 0.0)


async def test_the_attempts_of_a_race_are_told_of_each() -> None:
    told: list[Event] = []
    config = PipelineConfig(timeouts=None, hedge=HedgeConfig(delay=1.5))
    async with virtual_time():
        pipeline = ResiliencePipeline.from_config(
            config, name="orders", events=Events([told.append])
        )
        assert await pipeline.execute(answer, CALL) == 200
    assert own(told) == [
        attempt(1, "success", "200", 2.0),
        attempt(2, "neutral", "", 0.5),
        call("ok", 2, 2.0),
    ]


async def test_a_listener_that_raises_changes_nothing() -> None:
    told: list[Event] = []

    def fails(event: Event) -> None:
        raise RuntimeError(event.name)

    pipeline = ResiliencePipeline.from_config(events=Events([fails, told.append]))
    with LogCapture() as logs:
        async with virtual_time():
            assert await pipeline.execute(answer, CALL) == 200
    assert len(own(told)) == 2
    logs.assert_logged("resilience.listener_failed", level="WARNING", event="attempt")


async def test_a_listener_that_comes_in_the_middle_hears_of_the_next_call() -> None:
    told: list[Event] = []
    events = Events()
    async with virtual_time():
        pipeline = ResiliencePipeline.from_config(EVEN, name="orders", events=events)
        task = asyncio.ensure_future(pipeline.execute(answer, CALL))
        await asyncio.sleep(1)
        events.add(told.append)
        await task
        assert own(told) == []
        await pipeline.execute(answer, CALL)
        events.remove(told.append)
        await pipeline.execute(answer, CALL)
    assert own(told) == [attempt(1, "success", "200", 2.0), call("ok", 1, 2.0)]


async def test_with_no_listener_no_time_is_asked_for_and_nothing_told() -> None:
    class Deaf(Events):
        def tell(self, event: Event) -> None:
            raise AssertionError(f"{event} was made, and nobody listens.")

    class Silent:
        def monotonic(self) -> float:
            raise AssertionError("The time was asked for.")

        async def sleep(self, seconds: float) -> None:
            raise AssertionError(seconds)

    config = PipelineConfig(timeouts=None, retry=RetryConfig(budget=None))
    pipeline = ResiliencePipeline.from_config(config, clock=Silent(), events=Deaf())
    async with virtual_time():
        assert await pipeline.execute(answer, CALL) == 200
