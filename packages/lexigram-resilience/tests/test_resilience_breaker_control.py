"""What an operator does to a breaker while it works."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from random import Random
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from lexigram.contracts.resilience import Call, CircuitOpenError, Judgement
from lexigram.resilience import (
    CircuitBreaker,
    CircuitBreakerConfig,
    CircuitSnapshot,
    CircuitState,
)
from lexigram.resilience._breaker.waits import BreakContext
from lexigram.resilience._events.events import (
    CallRefused,
    CircuitChanged,
    Event,
    LateResult,
    ReloadFailed,
)
from lexigram.resilience._events.listeners import Events
from lexigram.testing._time.virtual import virtual_time

DEAD: Call[str] = Call(key="dead")
ALIVE: Call[str] = Call(key="alive")


def breaker_of(
    told: list[Event] | None = None, name: str = "test", **options: Any
) -> CircuitBreaker:
    """Return a breaker that opens at the third failure in a row."""
    config: dict[str, Any] = {
        "consecutive_failures": 3,
        "open_duration": 10,
        "half_open_permits": 1,
    }
    return CircuitBreaker(
        name,
        CircuitBreakerConfig(**(config | options)),
        events=Events([] if told is None else [told.append]),
    )


async def succeed() -> str:
    return "fine"


async def fail() -> NoReturn:
    raise OSError("down")


async def ends(breaker: CircuitBreaker, call: Call[str] = DEAD) -> str:
    try:
        return await breaker.call(succeed, call)
    except CircuitOpenError:
        return "refused"


async def failures(
    breaker: CircuitBreaker, count: int = 3, call: Call[str] = DEAD
) -> None:
    for _ in range(count):
        with pytest.raises(OSError, match="down"):
            await breaker.call(fail, call)


def circuit_of(breaker: CircuitBreaker, key: str = "dead") -> CircuitSnapshot:
    return breaker.snapshot()[key]


async def test_keys_are_those_that_have_a_circuit() -> None:
    breaker = breaker_of()
    assert breaker.keys() == ()
    for key in "aba":
        await breaker.call(succeed, Call(key=key))
    assert breaker.keys() == ("b", "a")


async def test_a_circuit_forced_open_refuses_until_it_is_reset() -> None:
    breaker = breaker_of()
    async with virtual_time() as clock:
        breaker.force_open("dead")
        await clock.advance(1e6)
        with pytest.raises(CircuitOpenError, match="opened by hand") as caught:
            await breaker.call(succeed, DEAD)
        assert (caught.value.key, caught.value.retry_after) == ("dead", None)
        assert await ends(breaker, ALIVE) == "fine"
        breaker.reset("dead")
        assert await ends(breaker) == "fine"


async def test_a_breaker_forced_open_refuses_every_key() -> None:
    breaker = breaker_of()
    await ends(breaker)
    breaker.force_open()
    assert await ends(breaker) == "refused"
    assert await ends(breaker, ALIVE) == "refused"
    breaker.reset()
    assert await ends(breaker) == "fine"
    assert await ends(breaker, ALIVE) == "fine"


async def test_a_breaker_forced_open_keeps_no_more_keys_than_it_may() -> None:
    breaker = breaker_of(max_keys=3)
    breaker.force_open()
    for n in range(50):
        assert await ends(breaker, Call(key=str(n))) == "refused"
    assert len(breaker.keys()) == 3


async def test_a_circuit_that_somebody_decided_on_is_never_dropped() -> None:
    breaker = breaker_of(max_keys=1)
    breaker.disable("off")
    breaker.force_open("shut")
    breaker.metrics_only("seen")
    for n in range(9):
        await ends(breaker, Call(key=str(n)))
    assert {"off", "shut", "seen"} <= set(breaker.keys())


async def test_a_disabled_circuit_admits_all_and_counts_nothing() -> None:
    breaker = breaker_of(slow_call_duration=1)
    breaker.disable("dead")
    await failures(breaker, 50)
    seen = circuit_of(breaker)
    assert (seen.state, seen.calls) == (CircuitState.DISABLED, 0)
    assert seen.late_results == 0


async def test_a_disabled_breaker_lets_an_open_circuit_go() -> None:
    breaker = breaker_of()
    await failures(breaker)
    breaker.disable()
    assert await ends(breaker) == "fine"
    await failures(breaker, 50, ALIVE)
    assert await ends(breaker, ALIVE) == "fine"


async def test_a_circuit_for_metrics_only_counts_and_never_opens() -> None:
    breaker = breaker_of(slow_call_duration=1)
    breaker.metrics_only()
    await failures(breaker, 50)
    async with virtual_time():
        await breaker.call(lambda: asyncio.sleep(1, "fine"), DEAD)
    seen = circuit_of(breaker)
    assert seen.state is CircuitState.METRICS_ONLY
    assert (seen.calls, seen.failures, seen.slow) == (51, 50, 1)


async def test_a_reset_forgets_one_circuit_or_all() -> None:
    breaker = breaker_of()
    await failures(breaker)
    await failures(breaker, 2, ALIVE)
    breaker.reset("dead")
    breaker.reset("unknown")
    assert breaker.keys() == ("alive",)
    assert await ends(breaker) == "fine"
    breaker.reset()
    assert breaker.keys() == ()
    await failures(breaker, 2, ALIVE)
    assert circuit_of(breaker, "alive").state is CircuitState.CLOSED


async def test_a_circuit_that_is_reset_begins_as_the_breaker_s_circuits_do() -> None:
    breaker = breaker_of()
    breaker.metrics_only()
    breaker.force_open("dead")
    breaker.reset("dead")
    assert await ends(breaker) == "fine"
    assert circuit_of(breaker).state is CircuitState.METRICS_ONLY


@pytest.mark.parametrize("act", ["reset", "force_open", "metrics_only"])
async def test_what_was_under_way_says_nothing_of_what_began_by_hand(act: str) -> None:
    told: list[Event] = []
    breaker = breaker_of(told, consecutive_failures=1)
    gate: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    under_way = asyncio.ensure_future(breaker.call(lambda: gate, DEAD))
    await asyncio.sleep(0)
    getattr(breaker, act)("dead")
    gate.set_exception(OSError("down"))
    with pytest.raises(OSError, match="down"):
        await under_way
    assert LateResult("test", "dead") in told
    if act == "reset":
        assert await ends(breaker) == "fine"
    else:
        assert circuit_of(breaker).failures == 0
        assert circuit_of(breaker).late_results == 1


async def test_decisions_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "lexigram.resilience.breaker")
    breaker = breaker_of()
    for act in (breaker.force_open, breaker.disable, breaker.metrics_only):
        act("dead")
        act("dead")  # changes nothing, and says nothing
    breaker.reset("dead")
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", "resilience.breaker.forced_open"),
        ("WARNING", "resilience.breaker.disabled"),
        ("INFO", "resilience.breaker.metrics_only"),
        ("INFO", "resilience.breaker.closed"),
    ]


async def test_listeners_are_told_of_changes_and_refusals() -> None:
    told: list[Event] = []
    breaker = CircuitBreaker(
        "test",
        CircuitBreakerConfig(consecutive_failures=3, half_open_permits=1),
        events=Events([told.append]),
        break_duration=lambda _: 8.0,
    )
    async with virtual_time() as clock:
        await failures(breaker)
        await clock.advance(2)
        assert await ends(breaker) == "refused"
        await clock.advance(6)
        assert await ends(breaker) == "fine"
    breaker.force_open("dead")
    assert await ends(breaker) == "refused"

    def changed(state: str, before: str, counts: tuple[int, int], wait: float) -> Event:
        return CircuitChanged("test", "dead", state, before, *counts, 0, wait)

    assert told == [
        changed("open", "closed", (3, 3), 8.0),
        CallRefused("test", "dead", "breaker", 6.0),
        changed("half_open", "open", (3, 3), 0),
        changed("closed", "half_open", (1, 0), 0),
        changed("forced_open", "closed", (0, 0), 0),
        CallRefused("test", "dead", "breaker", None),
    ]


async def test_another_configuration_leaves_open_circuits_open() -> None:
    breaker = breaker_of()
    async with virtual_time() as clock:
        await failures(breaker)
        left = circuit_of(breaker).retry_after
        breaker.reconfigure(CircuitBreakerConfig(open_duration=200))
        assert circuit_of(breaker).retry_after == left
        assert circuit_of(breaker).failures == 3
        await clock.advance(10)
        assert await ends(breaker) == "fine"
        assert circuit_of(breaker).state is CircuitState.HALF_OPEN  # 3 permits by now


async def test_another_configuration_keeps_what_is_counted() -> None:
    breaker = breaker_of(consecutive_failures=None)
    await failures(breaker, 5)
    await breaker.call(succeed, DEAD)
    breaker.reconfigure(CircuitBreakerConfig(window=50))
    assert (circuit_of(breaker).calls, circuit_of(breaker).failures) == (6, 5)
    breaker.reconfigure(CircuitBreakerConfig(window_seconds=60))
    assert (circuit_of(breaker).calls, circuit_of(breaker).failures) == (6, 5)
    breaker.reconfigure(CircuitBreakerConfig(minimum_calls=7, consecutive_failures=9))
    assert breaker.config.minimum_calls == 7
    await breaker.call(succeed, DEAD)
    assert circuit_of(breaker).state is CircuitState.OPEN


async def test_another_configuration_keeps_a_row_of_failures() -> None:
    breaker = breaker_of()
    await failures(breaker, 2)
    breaker.reconfigure(CircuitBreakerConfig(window=50, consecutive_failures=3))
    await failures(breaker, 1)
    assert circuit_of(breaker).state is CircuitState.OPEN


async def test_another_configuration_keeps_what_somebody_decided() -> None:
    breaker = breaker_of()
    breaker.force_open("dead")
    breaker.disable("alive")
    breaker.reconfigure(CircuitBreakerConfig(slow_call_duration=1))
    assert await ends(breaker) == "refused"
    await failures(breaker, 50, ALIVE)


async def test_a_lower_limit_of_keys_holds() -> None:
    breaker = breaker_of()
    for key in "abcde":
        await ends(breaker, Call(key=key))
    breaker.reconfigure(CircuitBreakerConfig(max_keys=2))
    await ends(breaker, Call(key="f"))
    assert breaker.keys() == ("e", "f")


@pytest.mark.parametrize(
    ("before", "after", "slow"), [(1, 3, 1), (3, 1, 0), (1, None, 1), (None, 1, 0)]
)
async def test_a_call_is_slow_by_what_was_in_force_when_it_began(
    before: float | None, after: float | None, slow: int
) -> None:
    breaker = breaker_of(slow_call_duration=before)
    async with virtual_time():
        under_way = asyncio.ensure_future(
            breaker.call(lambda: asyncio.sleep(2, "fine"), DEAD)
        )
        await asyncio.sleep(1)
        breaker.reconfigure(CircuitBreakerConfig(slow_call_duration=after))
        await under_way
        seen = circuit_of(breaker)
        assert (seen.calls, seen.slow, seen.late_results) == (1, slow, 0)


async def test_a_call_from_before_two_changes_still_counts() -> None:
    breaker = breaker_of(slow_call_duration=1)
    async with virtual_time():
        under_way = asyncio.ensure_future(
            breaker.call(lambda: asyncio.sleep(2, "fine"), DEAD)
        )
        await asyncio.sleep(1)
        for duration in (3, 4):
            breaker.reconfigure(CircuitBreakerConfig(slow_call_duration=duration))
        await under_way
        assert circuit_of(breaker).slow == 1


async def test_a_trial_ends_under_what_it_began_with() -> None:
    breaker = breaker_of(half_open_permits=2)
    async with virtual_time() as clock:
        await failures(breaker)
        await clock.advance(10)
        await ends(breaker)
        breaker.reconfigure(CircuitBreakerConfig(half_open_permits=1))
        assert circuit_of(breaker).state is CircuitState.HALF_OPEN
        await ends(breaker)
        assert circuit_of(breaker).state is CircuitState.CLOSED


async def test_a_mapping_is_a_configuration_whose_absent_fields_have_defaults() -> None:
    breaker = breaker_of()
    breaker.reconfigure({"consecutive_failures": 1})
    assert breaker.config == CircuitBreakerConfig(consecutive_failures=1)
    await failures(breaker, 1)
    assert await ends(breaker) == "refused"


@pytest.mark.parametrize(
    "invalid", [{"failure_rate": 2}, {"window": 5}, {"failure_rates": 0.5}]
)
async def test_an_invalid_configuration_is_refused_and_the_old_one_stays(
    invalid: dict[str, Any],
) -> None:
    told: list[Event] = []
    breaker = breaker_of(told)
    await failures(breaker, 2)
    before = breaker.config
    with pytest.raises(ValidationError) as caught:
        breaker.reconfigure(invalid)
    assert told == [ReloadFailed("test", "", str(caught.value))]
    assert breaker.config is before
    await failures(breaker, 1)
    assert circuit_of(breaker).state is CircuitState.OPEN


def test_an_invalid_configuration_is_refused_without_listeners_too() -> None:
    with pytest.raises(ValidationError):
        breaker_of().reconfigure({"failure_rate": 2})


async def test_a_function_decides_for_how_long_a_circuit_stays_open() -> None:
    asked: list[BreakContext] = []

    def break_duration(context: BreakContext) -> float:
        asked.append(context)
        return 42.0

    config = CircuitBreakerConfig(
        minimum_calls=4, half_open_permits=1, slow_call_duration=9
    )
    breaker = CircuitBreaker("test", config, break_duration=break_duration)
    call: Call[str] = Call(judge=lambda *_: Judgement("failure", retry_after=7.0))
    async with virtual_time() as clock:
        await breaker.call(succeed)
        for _ in range(2):
            await breaker.call(succeed, Call(judge=lambda *_: Judgement("failure")))
        await breaker.call(succeed, call)
        assert breaker.snapshot()[""].retry_after == 42.0
        await clock.advance(42)
        await breaker.call(lambda: asyncio.sleep(9, "slow"))

    first, second = asked
    assert (first.calls, first.failures, first.slow) == (4, 3, 0)
    assert (first.failure_rate, first.reopen_count) == (0.75, 0)
    assert first.retry_after == 7.0
    assert 15 <= first.wait <= 30
    assert (second.calls, second.failures, second.slow) == (1, 0, 1)
    assert (second.reopen_count, second.retry_after) == (1, None)
    assert 30 <= second.wait <= 60


async def test_a_function_is_told_what_the_last_probe_was_told() -> None:
    asked: list[float | None] = []

    def break_duration(context: BreakContext) -> float:
        asked.append(context.retry_after)
        return 0.25

    config = CircuitBreakerConfig(consecutive_failures=1, half_open_permits=1)
    breaker = CircuitBreaker("test", config, break_duration=break_duration)
    async with virtual_time() as clock:
        for hint in (None, 7.0, 9.0):
            judgement = Judgement("failure", retry_after=hint)
            call: Call[str] = Call(judge=lambda *_, said=judgement: said)
            assert await breaker.call(succeed, call) == "fine"
            assert breaker.snapshot()[""].retry_after == 0.25
            await clock.advance(0.25)
    assert asked == [None, 7.0, 9.0]


async def test_a_break_duration_that_is_no_use_is_logged_with_what_was_used(
    caplog: pytest.LogCaptureFixture,
) -> None:
    waits: list[float] = []

    def break_duration(context: BreakContext) -> float:
        waits.append(context.wait)
        return -3.0

    config = CircuitBreakerConfig(consecutive_failures=1)
    breaker = CircuitBreaker("test", config, break_duration=break_duration)
    await failures(breaker, 1)
    (record,) = (
        vars(each)
        for each in caplog.records
        if each.message == "resilience.breaker.break_duration_failed"
    )
    assert (record["break_duration"], record["used"]) == (-3.0, *waits)


@pytest.mark.parametrize(
    "answer", [0, -1.0, float("inf"), float("nan"), "soon", ValueError()]
)
async def test_trap_t23_a_bad_break_duration_changes_nothing_for_the_call(
    answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def break_duration(_: BreakContext) -> float:
        if isinstance(answer, Exception):
            raise answer
        number: float = answer
        return number

    breaker = CircuitBreaker(
        "test",
        CircuitBreakerConfig(consecutive_failures=1),
        break_duration=break_duration,
    )
    await failures(breaker, 1)
    assert 14 < circuit_of(breaker).retry_after <= 30
    assert "resilience.breaker.break_duration_failed" in caplog.messages


async def test_a_result_keeps_its_call_whatever_the_break_duration_does() -> None:
    def break_duration(_: BreakContext) -> float:
        raise LookupError

    breaker = CircuitBreaker(
        "test",
        CircuitBreakerConfig(consecutive_failures=1),
        break_duration=break_duration,
    )
    call: Call[str] = Call(judge=lambda *_: Judgement("failure"))
    assert await breaker.call(succeed, call) == "fine"


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
async def test_whatever_is_cancelled_every_permit_comes_back(seed: int) -> None:
    random = Random(seed)
    breaker = breaker_of(
        half_open_permits=4,
        half_open_max_concurrent=2,
        open_duration=2,
        slow_call_duration=1,
        recovery_ramp=3,
    )
    under_way = 0

    async def work() -> str:
        nonlocal under_way
        under_way += 1
        try:
            await asyncio.sleep(random.choice((0, 0.5, 1.5)))
            if random.random() < 0.4:
                raise OSError("down")
            return "fine"
        finally:
            under_way -= 1

    async def caller() -> None:
        for _ in range(20):
            with contextlib.suppress(OSError, CircuitOpenError):
                await breaker.call(work, DEAD)
            await asyncio.sleep(random.choice((0, 0.25)))

    async with virtual_time():
        callers = [asyncio.ensure_future(caller()) for _ in range(8)]
        while not all(each.done() for each in callers):
            await asyncio.sleep(0.25)
            if random.random() < 0.3:
                random.choice(callers).cancel()
            probes = [seen.probes for seen in breaker.snapshot().values()]
            assert sum(probes) <= min(2, under_way)
        await asyncio.gather(*callers, return_exceptions=True)
        assert circuit_of(breaker).probes == 0

        # And the circuit can still be closed.
        while circuit_of(breaker).state is not CircuitState.CLOSED:
            await asyncio.sleep(circuit_of(breaker).retry_after)
            assert await ends(breaker) == "fine"


async def test_a_pipeline_can_do_what_a_call_does() -> None:
    told: list[Event] = []
    breaker = breaker_of(told, consecutive_failures=1)
    breaker.record(breaker.admit("dead"), Judgement("failure"))
    with pytest.raises(CircuitOpenError) as refused:
        breaker.admit("dead")
    assert refused.value.retry_after is not None
    assert isinstance(told[-1], CallRefused)
    assert await ends(breaker) == "refused"
