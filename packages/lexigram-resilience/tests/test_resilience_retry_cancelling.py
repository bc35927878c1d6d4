"""A retry never carries on what somebody wants to end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from lexigram.contracts.resilience import Call, Judgement
from lexigram.resilience import (
    PipelineConfig,
    ResiliencePipeline,
    RetryConfig,
    RetryPolicy,
    TimeoutsConfig,
)
from lexigram.resilience._retry.cancelling import is_being_cancelled
from lexigram.testing import virtual_time

REPEAT: Call[Any] = Call(judge=lambda *_: Judgement("failure", retryable=True))


class Stubborn:
    """Turns its cancellation into an outcome that looks worth repeating."""

    def __init__(self, *, raises: bool) -> None:
        self.calls = 0
        self._raises = raises

    async def __call__(self) -> str:
        self.calls += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if self._raises:
                raise OSError("the connection is lost") from None
        return "nothing"


async def in_a_loop(operation: Callable[[], Awaitable[str]]) -> str:
    async for attempt in RetryPolicy(RetryConfig()).attempts(REPEAT):
        with attempt:
            last = attempt.result(await operation())
    return last


async def by_a_policy(operation: Callable[[], Awaitable[str]]) -> str:
    return await RetryPolicy(RetryConfig()).execute(operation, REPEAT)


async def by_a_pipeline(operation: Callable[[], Awaitable[str]]) -> str:
    return await ResiliencePipeline.from_config().execute(operation, REPEAT)


@pytest.mark.parametrize("run", [in_a_loop, by_a_policy, by_a_pipeline])
@pytest.mark.parametrize("raises", [True, False], ids=["raises", "returns"])
async def test_an_operation_that_hides_its_cancellation_is_not_repeated(
    run: Callable[[Callable[[], Awaitable[str]]], Awaitable[str]], *, raises: bool
) -> None:
    operation = Stubborn(raises=raises)
    async with virtual_time() as clock:
        task = asyncio.ensure_future(run(operation))
        await clock.settle()
        task.cancel()
        if raises:
            with pytest.raises(OSError, match="the connection is lost"):
                await task
        else:
            assert await task == "nothing"
    assert operation.calls == 1


async def test_an_attempt_whose_end_it_hides_is_repeated_all_the_same() -> None:
    operation = Stubborn(raises=True)
    pipeline = ResiliencePipeline.from_config(
        PipelineConfig(timeouts=TimeoutsConfig(total=30, attempt=2), breaker=None)
    )
    async with virtual_time():
        with pytest.raises(Exception, match="after attempt 3"):
            await pipeline.execute(operation)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
    assert operation.calls == 3


def test_without_a_loop_nobody_is_being_cancelled() -> None:
    assert not is_being_cancelled()
