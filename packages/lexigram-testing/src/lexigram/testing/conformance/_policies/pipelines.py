"""PIPELINE-001 to 019: what `ResiliencePipelineProtocol` asks, whatever it is made of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import (
    CallRejectedError,
    ResiliencePipelineProtocol,
    RetryExhaustedError,
)
from lexigram.testing.conformance._behaviour import behaviour
from lexigram.testing.conformance._expectations import (
    expect,
    expect_equal,
    expect_raised,
)
from lexigram.testing.conformance._implements import assert_implements
from lexigram.testing.conformance._policies.clock import StepClock
from lexigram.testing.conformance._policies.operations import (
    Notes,
    Script,
    Trouble,
    Unstoppable,
    call_of,
    cancelled,
)

PipelineFactory: TypeAlias = Callable[[ClockProtocol], ResiliencePipelineProtocol]
"""Makes a pipeline that takes the time from this clock; of which policies is open."""

_MANY = 30


@behaviour("PIPELINE-001")
async def implements_the_protocol(make: PipelineFactory) -> None:
    """The pipeline has the protocol's method, with its parameters."""
    assert_implements(ResiliencePipelineProtocol, make(StepClock()))


@behaviour("PIPELINE-002")
async def a_good_result_is_returned(make: PipelineFactory) -> None:
    """A good result is returned, of one attempt, with a call or without."""
    pipeline, operation = make(StepClock()), Script("good")
    expect_equal("The result", await pipeline.execute(operation, call_of()), "good")
    expect_equal("The result", await pipeline.execute(operation), "good")
    expect_equal("The attempts", operation.count, 2)


@behaviour("PIPELINE-003")
async def what_is_not_repeatable_runs_once(make: PipelineFactory) -> None:
    """A call that is not repeatable runs once; its exception comes out unchanged."""
    trouble = Trouble()
    operation = Script(trouble, "good")
    call = call_of(repeatable=False)
    error = await expect_raised(Trouble, make(StepClock()).execute(operation, call))
    expect(error is trouble, f"{error!r} is not what the attempt raised.")
    expect_equal("The attempts", operation.count, 1)


@behaviour("PIPELINE-004")
async def what_is_not_retryable_comes_out(make: PipelineFactory) -> None:
    """An exception that the judge does not call retryable comes out unchanged."""
    mistake = TypeError("a mistake")
    operation = Script(mistake, "good")
    error = await expect_raised(
        TypeError, make(StepClock()).execute(operation, call_of())
    )
    expect(error is mistake, f"{error!r} is not what the attempt raised.")
    expect_equal("The attempts", operation.count, 1)


@behaviour("PIPELINE-005")
async def an_outage_has_few_outcomes(make: PipelineFactory) -> None:
    """In an outage a call ends in its own exception, in giving up or in a refusal."""
    pipeline = make(StepClock())
    for _ in range(_MANY):
        error = await expect_raised(
            Exception, pipeline.execute(Script(Trouble()), call_of())
        )
        known = (Trouble, RetryExhaustedError, CallRejectedError)
        expect(isinstance(error, known), f"An outage raised {error!r}.")
        if isinstance(error, RetryExhaustedError):
            last = isinstance(error.last, Trouble)
            expect(last, f"`last` is {error.last!r}, not the exception.")


@behaviour("PIPELINE-006")
async def upstreams_are_kept_apart(make: PipelineFactory) -> None:
    """An outage of one upstream refuses no call to another."""
    pipeline = make(StepClock())
    for _ in range(_MANY):
        await expect_raised(Exception, pipeline.execute(Script(Trouble()), call_of()))
    other = call_of(key="https://other.test:443")
    expect_equal("The result", await pipeline.execute(Script("good"), other), "good")


@behaviour("PIPELINE-007")
async def unused_results_are_released(make: PipelineFactory) -> None:
    """Every result but the one that is returned is discarded, once."""
    notes, operation = Notes(), Script("bad 1", "bad 2", "bad 3", "good")
    result = await make(StepClock()).execute(operation, call_of(notes))
    every = ["bad 1", "bad 2", "bad 3", "good"][: operation.count]
    expect_equal("The result", result, every[-1])
    expect_equal("What was discarded", notes.discarded, every[:-1])


@behaviour("PIPELINE-008")
async def no_pause_goes_past_the_deadline(make: PipelineFactory) -> None:
    """Nothing sleeps past the deadline of the call."""
    clock = StepClock()
    call = call_of(retry_after=10.0, deadline=clock.now + 5.0)
    await make(clock).execute(Script("bad"), call)
    left = (call.deadline or 0.0) - clock.now
    expect(left >= 0, f"5 s before the deadline it slept {clock.sleeps!r}.")


@behaviour("PIPELINE-009")
async def cancellation_passes_through(make: PipelineFactory) -> None:
    """Cancellation passes through; there is no other attempt."""
    running: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    operation = Script(running, "good")
    task = asyncio.ensure_future(make(StepClock()).execute(operation, call_of()))
    passed = await cancelled(task, operation.runs)
    expect(passed, f"The cancelled call ended as {task!r}.")
    expect_equal("The attempts", operation.count, 1)


@behaviour("PIPELINE-010")
async def what_is_no_exception_comes_out(make: PipelineFactory) -> None:
    """Whatever is no `Exception` comes out unchanged, at once."""
    stop = Unstoppable()
    operation = Script(stop, "good")
    error = await expect_raised(Unstoppable, make(StepClock()).execute(operation))
    expect(error is stop, f"{error!r} is not what the attempt raised.")
    expect_equal("The attempts", operation.count, 1)


@behaviour("PIPELINE-011")
async def calls_at_once_do_not_mix(make: PipelineFactory) -> None:
    """One pipeline serves several calls at once, each with its own result."""
    pipeline = make(StepClock())
    results = await asyncio.gather(
        *(
            pipeline.execute(Script(n), call_of(key=f"https://{n}"))
            for n in range(_MANY)
        )
    )
    expect_equal("The results", results, list(range(_MANY)))
