"""RETRY-001 to 019: what `RetryPolicyProtocol` asks of a policy of three attempts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import (
    Judgement,
    RetryExhaustedError,
    RetryPolicyProtocol,
)
from lexigram.testing.conformance._behaviour import behaviour
from lexigram.testing.conformance._expectations import (
    expect,
    expect_equal,
    expect_raised,
)
from lexigram.testing.conformance._implements import assert_implements
from lexigram.testing.conformance._policies.clock import EndlessClock, StepClock
from lexigram.testing.conformance._policies.operations import (
    Notes,
    Script,
    Trouble,
    Unstoppable,
    call_of,
    cancelled,
)

RetryFactory: TypeAlias = Callable[[ClockProtocol], RetryPolicyProtocol]
"""Makes a policy of at most three attempts in all, which takes the time from this clock
and, when asked to wait for ten seconds, does."""

_ATTEMPTS = 3
_WISH = 10.0


@behaviour("RETRY-001")
async def implements_the_protocol(make: RetryFactory) -> None:
    """The policy has the protocol's method, with its parameters."""
    assert_implements(RetryPolicyProtocol, make(StepClock()))


@behaviour("RETRY-002")
async def a_good_result_is_returned(make: RetryFactory) -> None:
    """A good first result is returned, without another attempt or a pause."""
    clock, operation = StepClock(), Script("good")
    expect_equal("The result", await make(clock).execute(operation, call_of()), "good")
    expect_equal("The attempts", operation.count, 1)
    expect_equal("The pauses", clock.sleeps, [])


@behaviour("RETRY-003")
async def a_failure_is_repeated(make: RetryFactory) -> None:
    """After an exception worth repeating comes a pause and another attempt."""
    clock, operation = StepClock(), Script(Trouble(), "good")
    expect_equal("The result", await make(clock).execute(operation, call_of()), "good")
    expect_equal("The attempts", operation.count, 2)
    expect_equal("The number of pauses", len(clock.sleeps), 1)


@behaviour("RETRY-004")
async def a_result_is_repeated_and_released(make: RetryFactory) -> None:
    """A result worth repeating is discarded; the one that is returned is not."""
    notes, operation = Notes(), Script("bad 1", "bad 2", "good")
    result = await make(StepClock()).execute(operation, call_of(notes))
    expect_equal("The result", result, "good")
    expect_equal("What was discarded", notes.discarded, ["bad 1", "bad 2"])


@behaviour("RETRY-005")
async def attempts_are_counted_from_the_first(make: RetryFactory) -> None:
    """Three attempts are three in all."""
    operation = Script(Trouble())
    await expect_raised(Exception, make(StepClock()).execute(operation, call_of()))
    expect_equal("The attempts", operation.count, _ATTEMPTS)


@behaviour("RETRY-006")
async def giving_up_is_said(make: RetryFactory) -> None:
    """Giving up raises `RetryExhaustedError` with the last exception and the count."""
    last = Trouble("last")
    operation = Script(Trouble("1"), Trouble("2"), last)
    policy = make(StepClock())
    error = await expect_raised(
        RetryExhaustedError, policy.execute(operation, call_of())
    )
    expect(error.last is last, f"`last` is {error.last!r}, not the last exception.")
    expect(error.__cause__ is last, f"`__cause__` is {error.__cause__!r}.")
    expect_equal("`attempts`", error.attempts, _ATTEMPTS)


@behaviour("RETRY-007")
async def the_last_result_stands(make: RetryFactory) -> None:
    """When every result is worth repeating, the last one is returned, not discarded."""
    notes, operation = Notes(), Script("bad 1", "bad 2", "bad 3")
    result = await make(StepClock()).execute(operation, call_of(notes))
    expect_equal("The result", result, "bad 3")
    expect_equal("What was discarded", notes.discarded, ["bad 1", "bad 2"])


@behaviour("RETRY-008")
async def what_is_not_repeatable_runs_once(make: RetryFactory) -> None:
    """A call that is not repeatable runs once; its outcome comes out unchanged."""
    trouble = Trouble()
    operation = Script(trouble)
    error = await expect_raised(
        Trouble, make(StepClock()).execute(operation, call_of(repeatable=False))
    )
    expect(error is trouble, f"{error!r} is not what the attempt raised.")
    expect_equal("The attempts", operation.count, 1)
    operation = Script("bad", "good")
    call = call_of(repeatable=False)
    expect_equal("The result", await make(StepClock()).execute(operation, call), "bad")


@behaviour("RETRY-009")
async def what_is_not_retryable_comes_out(make: RetryFactory) -> None:
    """An exception that the judge does not call retryable comes out unchanged."""
    mistake = TypeError("a mistake")
    operation = Script(Trouble(), mistake)
    error = await expect_raised(
        TypeError, make(StepClock()).execute(operation, call_of())
    )
    expect(error is mistake, f"{error!r} is not what the attempt raised.")
    expect_equal("The attempts", operation.count, 2)


@behaviour("RETRY-010")
async def an_upstreams_wish_is_kept(make: RetryFactory) -> None:
    """No pause is shorter than the upstream asked for."""
    clock, operation = StepClock(), Script("bad", "good")
    await make(clock).execute(operation, call_of(retry_after=_WISH))
    expect(sum(clock.sleeps) >= _WISH, f"Asked for 10 s, it waited {clock.sleeps!r}.")


@behaviour("RETRY-011")
async def no_pause_goes_past_the_deadline(make: RetryFactory) -> None:
    """Where a pause would end after the deadline, the call ends before the pause."""
    clock, operation = StepClock(), Script("bad", "good")
    call = call_of(retry_after=10.0, deadline=clock.now + 5.0)
    expect_equal("The result", await make(clock).execute(operation, call), "bad")
    left = (call.deadline or 0.0) - clock.now
    expect(left >= 0, f"5 s before the deadline it slept {clock.sleeps!r}.")


@behaviour("RETRY-012")
async def cancelling_an_attempt_ends_the_call(make: RetryFactory) -> None:
    """Cancellation of an attempt passes through; there is no other attempt."""
    running: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    operation = Script(running, "good")
    task = asyncio.ensure_future(make(StepClock()).execute(operation, call_of()))
    passed = await cancelled(task, operation.runs)
    expect(passed, f"The cancelled call ended as {task!r}.")
    expect_equal("The attempts", operation.count, 1)


@behaviour("RETRY-013")
async def cancelling_a_pause_ends_the_call(make: RetryFactory) -> None:
    """Cancellation of a pause passes through; there is no other attempt."""
    clock, operation = EndlessClock(), Script(Trouble(), "good")
    task = asyncio.ensure_future(make(clock).execute(operation, call_of()))
    passed = await cancelled(task, clock.asleep)
    expect(passed, f"The cancelled call ended as {task!r}.")
    expect_equal("The attempts", operation.count, 1)


@behaviour("RETRY-014")
async def what_is_no_exception_comes_out(make: RetryFactory) -> None:
    """Whatever is no `Exception` comes out unchanged, at once."""
    stop = Unstoppable()
    operation = Script(stop, "good")
    error = await expect_raised(Unstoppable, make(StepClock()).execute(operation))
    expect(error is stop, f"{error!r} is not what the attempt raised.")
    expect_equal("The attempts", operation.count, 1)


@behaviour("RETRY-015")
async def without_a_call_every_exception_is_repeated(make: RetryFactory) -> None:
    """Without a call, an exception is a failure worth repeating."""
    operation = Script(ValueError(), "good")
    expect_equal("The result", await make(StepClock()).execute(operation), "good")
    expect_equal("The attempts", operation.count, 2)


@behaviour("RETRY-016")
async def calls_at_once_do_not_mix(make: RetryFactory) -> None:
    """One policy serves many calls at once, each with all of its attempts."""
    policy = make(StepClock())
    operations = [Script(*[Trouble()] * (n % _ATTEMPTS), n) for n in range(30)]
    results = await asyncio.gather(
        *(policy.execute(op, call_of()) for op in operations)
    )
    expect_equal("The results", results, list(range(30)))
    for number, operation in enumerate(operations):
        expect_equal("The attempts", operation.count, number % _ATTEMPTS + 1)


@behaviour("RETRY-017")
async def the_judge_sees_either(make: RetryFactory) -> None:
    """The judge is given the result or the exception of an attempt, never both."""
    notes, trouble = Notes(), Trouble()
    operation = Script(trouble, "bad", "good")
    await make(StepClock()).execute(operation, call_of(notes))
    for result, error in notes.judged:
        expect(
            (result is None) != (error is None),
            f"The judge was asked of result {result!r} and exception {error!r}.",
        )
    expect((None, trouble) in notes.judged, "The judge was not asked of an exception.")
    expect(("bad", None) in notes.judged, "The judge was not asked of a result.")


@behaviour("RETRY-018")
async def the_judge_decides(make: RetryFactory) -> None:
    """What the judge calls good is returned, whatever it looks like."""

    def content(result: object, error: BaseException | None) -> Judgement:  # noqa: ARG001 - a judge's
        return Judgement("failure", retryable=False)

    operation = Script("bad", "good")
    call = call_of(judge=content)
    expect_equal("The result", await make(StepClock()).execute(operation, call), "bad")


@behaviour("RETRY-019")
async def a_repetition_of_another_call_is_made(make: RetryFactory) -> None:
    """A call that repeats an earlier one is made, and repeated, like any other."""
    operation = Script(Trouble(), "good")
    call = call_of(repeats=True)
    result = await make(StepClock()).execute(operation, call)
    expect_equal("The result", result, "good")
    expect_equal("The attempts", operation.count, 2)
