"""BREAKER-001 to 019: what `CircuitBreakerProtocol` asks of a breaker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import CircuitBreakerProtocol, CircuitOpenError
from lexigram.testing.conformance._behaviour import behaviour
from lexigram.testing.conformance._expectations import (
    expect,
    expect_equal,
    expect_raised,
)
from lexigram.testing.conformance._implements import assert_implements
from lexigram.testing.conformance._policies.clock import StepClock
from lexigram.testing.conformance._policies.operations import (
    Script,
    Trouble,
    Unstoppable,
    call_of,
    cancelled,
)

BreakerFactory: TypeAlias = Callable[[ClockProtocol], CircuitBreakerProtocol]
"""Makes a breaker that opens after three failures in a row, stays open for ten seconds of
this clock at most, and then admits one probe that closes it or opens it again."""

_FAILURES = 3
_OPEN_FOR = 10.0
_MANY = 20


@behaviour("BREAKER-001")
async def implements_the_protocol(make: BreakerFactory) -> None:
    """The breaker has the protocol's method, with its parameters."""
    assert_implements(CircuitBreakerProtocol, make(StepClock()))


@behaviour("BREAKER-002")
async def outcomes_pass_unchanged(make: BreakerFactory) -> None:
    """Results and exceptions come out unchanged, of one attempt each."""
    breaker, trouble = make(StepClock()), Trouble()
    good, bad = Script("good"), Script(trouble)
    expect_equal("The result", await breaker.call(good, call_of()), "good")
    expect_equal("The result", await breaker.call(Script("bad"), call_of()), "bad")
    error = await expect_raised(Trouble, breaker.call(bad, call_of()))
    expect(error is trouble, f"{error!r} is not what the attempt raised.")
    expect_equal("The attempts", (good.count, bad.count), (1, 1))


@behaviour("BREAKER-003")
async def failures_open_it(make: BreakerFactory) -> None:
    """After three failures in a row calls are refused, and the operation is not run."""
    breaker = make(StepClock())
    await _open(breaker)
    operation = Script("good")
    error = await expect_raised(CircuitOpenError, breaker.call(operation, call_of()))
    expect_equal("The runs of the operation", operation.count, 0)
    expect_equal("The key of the error", error.key, call_of().key)
    wait = error.retry_after
    expect(
        wait is None or 0 <= wait <= _OPEN_FOR,
        f"`retry_after` is {wait!r}, of {_OPEN_FOR:g} s at most.",
    )


@behaviour("BREAKER-004")
async def bad_results_open_it(make: BreakerFactory) -> None:
    """Results that the judge calls failures open it like exceptions."""
    breaker = make(StepClock())
    for _ in range(_FAILURES):
        await breaker.call(Script("bad"), call_of())
    await expect_raised(CircuitOpenError, breaker.call(Script("good"), call_of()))


@behaviour("BREAKER-005")
async def a_success_starts_the_count_again(make: BreakerFactory) -> None:
    """One failure, or two with a success between, open nothing."""
    breaker = make(StepClock())
    for outcome in (Trouble(), Trouble(), "good", Trouble(), Trouble()):
        await _run(breaker, outcome)
    expect_equal("The result", await breaker.call(Script("good"), call_of()), "good")


@behaviour("BREAKER-006")
async def upstreams_are_kept_apart(make: BreakerFactory) -> None:
    """A dead upstream closes no circuit of another key."""
    breaker = make(StepClock())
    await _open(breaker)
    other = call_of(key="https://other.test:443")
    expect_equal("The result", await breaker.call(Script("good"), other), "good")


@behaviour("BREAKER-007")
async def it_closes_after_a_good_probe(make: BreakerFactory) -> None:
    """After its time a probe is admitted, and a good one closes it."""
    clock = StepClock()
    breaker = make(clock)
    await _open(breaker)
    clock.now += _OPEN_FOR
    for _ in range(_MANY):
        result = await breaker.call(Script("good"), call_of())
        expect_equal("The result", result, "good")


@behaviour("BREAKER-008")
async def a_bad_probe_opens_it_again(make: BreakerFactory) -> None:
    """A probe that fails opens it again."""
    clock = StepClock()
    breaker = make(clock)
    await _open(breaker)
    clock.now += _OPEN_FOR
    await expect_raised(Trouble, breaker.call(Script(Trouble()), call_of()))
    await expect_raised(CircuitOpenError, breaker.call(Script("good"), call_of()))


@behaviour("BREAKER-009")
async def probes_are_few(make: BreakerFactory) -> None:
    """Of many calls at once after its time, one goes through; none waits in a queue."""
    clock = StepClock()
    breaker = make(clock)
    await _open(breaker)
    clock.now += _OPEN_FOR
    gate: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    operation = Script(gate)
    calls = [
        asyncio.ensure_future(breaker.call(operation, call_of())) for _ in range(_MANY)
    ]
    for _ in range(_MANY):
        await asyncio.sleep(0)
    refused = sum(call.done() for call in calls)
    gate.set_result("good")
    await asyncio.gather(*calls, return_exceptions=True)
    expect_equal("The probes", operation.count, 1)
    expect_equal("The calls that were refused at once", refused, _MANY - 1)


@behaviour("BREAKER-010")
async def neutral_outcomes_do_not_count(make: BreakerFactory) -> None:
    """What the judge calls neutral opens nothing."""
    breaker = make(StepClock())
    for _ in range(_MANY):
        await expect_raised(TypeError, breaker.call(Script(TypeError()), call_of()))
    expect_equal("The result", await breaker.call(Script("good"), call_of()), "good")


@behaviour("BREAKER-011")
async def cancellation_does_not_count(make: BreakerFactory) -> None:
    """Cancelled calls open nothing, and cancellation passes through."""
    breaker = make(StepClock())
    for _ in range(_MANY):
        await _cancel(breaker)
    expect_equal("The result", await breaker.call(Script("good"), call_of()), "good")


@behaviour("BREAKER-012")
async def a_cancelled_probe_blocks_nothing(make: BreakerFactory) -> None:
    """When a probe is cancelled, the next call is one."""
    clock = StepClock()
    breaker = make(clock)
    await _open(breaker)
    clock.now += _OPEN_FOR
    await _cancel(breaker)
    expect_equal("The result", await breaker.call(Script("good"), call_of()), "good")


@behaviour("BREAKER-013")
async def a_late_success_closes_nothing(make: BreakerFactory) -> None:
    """The success of a call that began before the outage closes nothing."""
    breaker = make(StepClock())
    gate: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    early = asyncio.ensure_future(breaker.call(Script(gate), call_of()))
    await asyncio.sleep(0)
    await _open(breaker)
    gate.set_result("good")
    expect_equal("The late result", await early, "good")
    await expect_raised(CircuitOpenError, breaker.call(Script("good"), call_of()))


@behaviour("BREAKER-014")
async def a_late_failure_opens_nothing(make: BreakerFactory) -> None:
    """The failure of a call that began before the outage does not open it again."""
    clock = StepClock()
    breaker = make(clock)
    gates: list[asyncio.Future[str]] = [
        asyncio.get_running_loop().create_future() for _ in range(_FAILURES)
    ]
    early = [
        asyncio.ensure_future(breaker.call(Script(gate), call_of())) for gate in gates
    ]
    await asyncio.sleep(0)
    await _open(breaker)
    clock.now += _OPEN_FOR
    await breaker.call(Script("good"), call_of())
    for gate in gates:
        gate.set_exception(Trouble())
    await asyncio.gather(*early, return_exceptions=True)
    expect_equal("The result", await breaker.call(Script("good"), call_of()), "good")


@behaviour("BREAKER-015")
async def what_is_no_exception_comes_out(make: BreakerFactory) -> None:
    """Whatever is no `Exception` comes out unchanged, and opens nothing."""
    breaker = make(StepClock())
    for _ in range(_MANY):
        stop = Unstoppable()
        error = await expect_raised(Unstoppable, breaker.call(Script(stop)))
        expect(error is stop, f"{error!r} is not what the attempt raised.")
    expect_equal("The result", await breaker.call(Script("good")), "good")


@behaviour("BREAKER-016")
async def without_a_call_exceptions_count(make: BreakerFactory) -> None:
    """Without a call, exceptions are failures."""
    breaker = make(StepClock())
    for _ in range(_FAILURES):
        await expect_raised(ValueError, breaker.call(Script(ValueError())))
    await expect_raised(CircuitOpenError, breaker.call(Script("good")))


async def _open(breaker: CircuitBreakerProtocol) -> None:
    for _ in range(_FAILURES):
        await _run(breaker, Trouble())


async def _run(breaker: CircuitBreakerProtocol, outcome: object) -> None:
    if isinstance(outcome, Trouble):
        await expect_raised(Trouble, breaker.call(Script(outcome), call_of()))
    else:
        await breaker.call(Script(outcome), call_of())


async def _cancel(breaker: CircuitBreakerProtocol) -> None:
    """Cancel a call while its operation runs."""
    operation = Script(asyncio.get_running_loop().create_future())
    task = asyncio.ensure_future(breaker.call(operation, call_of()))
    passed = await cancelled(task, operation.runs)
    expect(passed, f"The cancelled call ended as {task!r}.")
    expect_equal("The runs of the operation", operation.count, 1)
