"""The circuit breaker, as its callers see it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any, NoReturn

import pytest

from lexigram.contracts.resilience import (
    Call,
    CallRejectedError,
    CircuitBreakerProtocol,
    CircuitOpenError,
    Judgement,
    Outcome,
)
from lexigram.resilience import (
    CircuitBreaker,
    CircuitBreakerConfig,
    CircuitSnapshot,
    CircuitState,
)

LIMIT = 5  # seconds that anything here may take before it counts as hung


class ManualClock:
    """Stands still until it is advanced."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> NoReturn:
        pytest.fail("A breaker waits for nothing.")


class Upstream:
    """Answers each call when it is told to."""

    def __init__(self) -> None:
        self.calls: list[asyncio.Future[str]] = []

    async def __call__(self) -> str:
        self.calls.append(asyncio.get_running_loop().create_future())
        return await self.calls[-1]


def breaker_of(clock: ManualClock, **options: Any) -> CircuitBreaker:
    """Return a breaker that opens at the third failure in a row."""
    config: dict[str, Any] = {"consecutive_failures": 3, "open_duration": 10} | options
    return CircuitBreaker("test", CircuitBreakerConfig(**config), clock=clock)


async def succeed() -> str:
    return "fine"


async def fail() -> NoReturn:
    raise OSError("down")


async def try_to(
    breaker: CircuitBreaker,
    operation: Callable[[], Awaitable[str]],
    call: Call[str] | None = None,
) -> str:
    """Call and return what became of it."""
    try:
        return await breaker.call(operation, call)
    except CircuitOpenError:
        return "refused"
    except Exception as error:  # noqa: BLE001 - every test says what it expects
        return type(error).__name__


async def open_up(breaker: CircuitBreaker, call: Call[str] | None = None) -> None:
    for _ in range(3):
        assert await try_to(breaker, fail, call) == "OSError"
    assert await try_to(breaker, succeed, call) == "refused"


async def start(
    breaker: CircuitBreaker, operation: Callable[[], Awaitable[str]], count: int = 1
) -> list[asyncio.Task[str]]:
    """Start calls and let each get as far as it does at once."""
    tasks = [asyncio.ensure_future(try_to(breaker, operation)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


async def ends(*tasks: asyncio.Task[str]) -> list[str]:
    return await asyncio.wait_for(asyncio.gather(*tasks), LIMIT)


def circuit_of(breaker: CircuitBreaker, key: str = "") -> CircuitSnapshot:
    return breaker.snapshot()[key]


def test_it_is_a_circuit_breaker() -> None:
    assert isinstance(CircuitBreaker("test"), CircuitBreakerProtocol)


async def test_a_closed_circuit_passes_results_and_exceptions_on() -> None:
    breaker = CircuitBreaker("test")
    failure = OSError("down")

    async def raise_it() -> NoReturn:
        raise failure

    assert await breaker.call(succeed) == "fine"
    with pytest.raises(OSError, match="down") as caught:
        await breaker.call(raise_it)
    assert caught.value is failure


async def test_an_open_circuit_refuses_without_calling() -> None:
    breaker = breaker_of(ManualClock())
    await open_up(breaker)
    with pytest.raises(CircuitOpenError):
        await breaker.call(lambda: pytest.fail("called"))


async def test_a_refusal_says_what_is_open_and_for_how_long() -> None:
    clock = ManualClock()
    breaker = breaker_of(clock)
    call: Call[str] = Call(key="https://api.test")
    await open_up(breaker, call)
    clock.now += 2
    with pytest.raises(
        CircuitOpenError, match=r"'https://api\.test' of the breaker 'test' is open"
    ) as caught:
        await breaker.call(succeed, call)

    left = circuit_of(breaker, call.key).retry_after
    assert caught.value.key == call.key
    assert caught.value.retry_after == left
    assert 3 <= left <= 8  # drawn from 5 to 10, 2 of them over


async def test_the_rate_counts_only_from_the_minimum_of_calls_on() -> None:
    breaker = CircuitBreaker("test", clock=ManualClock())
    for n in range(19):
        assert await try_to(breaker, succeed if n % 2 else fail) != "refused"
    assert circuit_of(breaker).state is CircuitState.CLOSED
    await try_to(breaker, succeed)
    assert circuit_of(breaker).state is CircuitState.OPEN


async def test_failures_that_left_the_window_do_not_count() -> None:
    config = CircuitBreakerConfig(minimum_calls=4, window=4)
    breaker = CircuitBreaker("test", config, clock=ManualClock())
    for operation in [succeed, succeed, succeed, fail] * 10:
        await try_to(breaker, operation)
    assert circuit_of(breaker).state is CircuitState.CLOSED
    assert circuit_of(breaker).failures == 1


async def test_a_result_that_is_judged_a_failure_counts_and_is_returned() -> None:
    breaker = breaker_of(ManualClock())
    call: Call[str] = Call(judge=lambda *_: Judgement("failure"))
    for _ in range(3):
        assert await breaker.call(succeed, call) == "fine"
    assert await try_to(breaker, succeed, call) == "refused"


async def test_keys_share_no_state() -> None:
    breaker = breaker_of(ManualClock())
    await open_up(breaker, Call(key="dead"))
    assert await breaker.call(succeed, Call(key="alive")) == "fine"
    assert circuit_of(breaker, "dead").state is CircuitState.OPEN
    assert circuit_of(breaker, "alive").state is CircuitState.CLOSED


async def test_a_trial_that_passes_closes_the_circuit() -> None:
    clock = ManualClock()
    breaker = breaker_of(clock)
    await open_up(breaker)
    clock.now += 10
    states = []
    for _ in range(3):
        await breaker.call(succeed)
        states.append(circuit_of(breaker).state)
    assert states == ["half_open", "half_open", "closed"]
    assert circuit_of(breaker).calls == 0


async def test_a_trial_ends_as_soon_as_it_can_not_pass() -> None:
    clock = ManualClock()
    breaker = breaker_of(clock, half_open_permits=4)
    await open_up(breaker)
    clock.now += 10
    assert await try_to(breaker, fail) == "OSError"
    assert circuit_of(breaker).state is CircuitState.HALF_OPEN
    assert await try_to(breaker, fail) == "OSError"
    assert circuit_of(breaker).state is CircuitState.OPEN


async def test_trap_t01_half_open_lets_one_probe_through_and_queues_nobody() -> None:
    clock, upstream = ManualClock(), Upstream()
    breaker = breaker_of(clock)
    await open_up(breaker)
    clock.now += 10

    callers = await start(breaker, upstream, 50)
    assert len(upstream.calls) == 1
    assert await ends(*callers[1:]) == ["refused"] * 49  # while the probe is out
    upstream.calls[0].set_result("fine")
    assert await ends(callers[0]) == ["fine"]
    assert circuit_of(breaker).state is CircuitState.HALF_OPEN


async def test_trap_t01_as_many_probes_are_out_at_once_as_are_allowed() -> None:
    clock, upstream = ManualClock(), Upstream()
    breaker = breaker_of(clock, half_open_permits=3, half_open_max_concurrent=2)
    await open_up(breaker)
    clock.now += 10

    first = await start(breaker, upstream, 50)
    assert await ends(*first[2:]) == ["refused"] * 48
    for probe in upstream.calls:
        probe.set_result("fine")
    assert await ends(*first[:2]) == ["fine"] * 2

    # One outcome is missing, so that there is one more probe and not two.
    second = await start(breaker, upstream, 50)
    assert await ends(*second[1:]) == ["refused"] * 49
    upstream.calls[2].set_result("fine")
    assert await ends(second[0]) == ["fine"]
    assert circuit_of(breaker).state is CircuitState.CLOSED


async def test_a_refusal_by_a_half_open_circuit_knows_no_time() -> None:
    clock = ManualClock()
    breaker = breaker_of(clock, half_open_permits=1)
    await open_up(breaker)
    clock.now += 10
    (probe,) = await start(breaker, Upstream())
    with pytest.raises(
        CircuitOpenError, match="half open and as many probes"
    ) as caught:
        await breaker.call(succeed)
    assert caught.value.retry_after is None
    probe.cancel()


async def test_trap_t02_cancellation_is_no_failure_and_passes_through() -> None:
    clock, upstream = ManualClock(), Upstream()
    # A judge that would call it one is not asked.
    call: Call[str] = Call(judge=lambda *_: Judgement("failure"))
    breaker = breaker_of(clock)
    for _ in range(9):
        task = asyncio.ensure_future(breaker.call(upstream, call))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert circuit_of(breaker).calls == 0


async def test_trap_t03_a_cancelled_probe_gives_its_place_back_in_the_same_tick() -> (
    None
):
    clock = ManualClock()
    breaker = breaker_of(clock, half_open_permits=1)
    await open_up(breaker)
    clock.now += 10
    probe = breaker.call(Upstream())
    probe.send(None)  # driven by hand: no turn of the loop comes between
    assert circuit_of(breaker).probes == 1
    with pytest.raises(asyncio.CancelledError):
        probe.throw(asyncio.CancelledError())

    assert circuit_of(breaker).probes == 0
    assert circuit_of(breaker).state is CircuitState.HALF_OPEN
    assert await breaker.call(succeed) == "fine"


@pytest.mark.parametrize("answer", ["fine", OSError()])
async def test_trap_t04_t05_an_answer_from_before_the_outage_is_dropped(
    answer: str | OSError,
) -> None:
    clock, upstream = ManualClock(), Upstream()
    breaker = breaker_of(clock, half_open_permits=1)
    late, probe = (await start(breaker, upstream))[0], Upstream()
    await open_up(breaker)
    clock.now += 10
    running = await start(breaker, probe)

    if isinstance(answer, str):
        upstream.calls[0].set_result(answer)
    else:
        upstream.calls[0].set_exception(answer)
    assert await ends(late) in (["fine"], ["OSError"])
    assert circuit_of(breaker).state is CircuitState.HALF_OPEN
    assert circuit_of(breaker).late_results == 1

    probe.calls[0].set_result("fine")
    await ends(*running)
    assert circuit_of(breaker).state is CircuitState.CLOSED


async def test_trap_t06_a_probe_of_one_trial_takes_no_part_in_the_next() -> None:
    clock, first = ManualClock(), Upstream()
    breaker = breaker_of(
        clock, half_open_permits=2, half_open_max_concurrent=2, open_duration_growth=1
    )
    await open_up(breaker)
    clock.now += 10
    (late,) = await start(breaker, first)
    await try_to(breaker, fail)  # ends the first trial
    clock.now += 10
    # Begins the second. Held, for a loop holds its tasks weakly and this one would be
    # collected: nobody else knows the future that it waits for.
    (second,) = await start(breaker, Upstream())
    first.calls[0].set_exception(OSError())
    await ends(late)

    seen = circuit_of(breaker)
    assert (seen.state, seen.failures, seen.probes) == (CircuitState.HALF_OPEN, 0, 1)
    second.cancel()


async def test_trap_t06_a_failure_from_before_the_outage_stays_out_of_the_new_window() -> (
    None
):
    clock, upstream = ManualClock(), Upstream()
    breaker = breaker_of(clock, half_open_permits=1)
    (late,) = await start(breaker, upstream)
    await open_up(breaker)
    clock.now += 10
    await breaker.call(succeed)
    assert circuit_of(breaker).state is CircuitState.CLOSED
    upstream.calls[0].set_exception(OSError())
    await ends(late)
    assert circuit_of(breaker).calls == 0


async def test_trap_t07_the_time_of_day_means_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = ManualClock()
    breaker = breaker_of(clock, half_open_permits=1)
    await open_up(breaker)
    an_hour_ago = time.time() - 3600
    monkeypatch.setattr(time, "time", lambda: an_hour_ago)
    clock.now += 10
    assert await breaker.call(succeed) == "fine"


@pytest.mark.parametrize("uncounted", [ValueError("a bug"), CallRejectedError("full")])
async def test_trap_t08_a_probe_with_an_uncounted_exception_decides_nothing(
    uncounted: Exception,
) -> None:
    def judge(_: str | None, error: BaseException | None) -> Judgement:
        outcome: Outcome = "failure" if isinstance(error, OSError) else "success"
        return Judgement("neutral" if isinstance(error, ValueError) else outcome)

    async def raise_it() -> NoReturn:
        raise uncounted

    clock = ManualClock()
    call: Call[str] = Call(judge=judge)
    breaker = breaker_of(clock, half_open_permits=1)
    await open_up(breaker, call)
    clock.now += 10
    for _ in range(5):
        assert await try_to(breaker, raise_it, call) == type(uncounted).__name__
    seen = circuit_of(breaker)
    assert (seen.state, seen.calls, seen.probes) == (CircuitState.HALF_OPEN, 0, 0)


async def test_a_judge_that_raises_keeps_no_permit() -> None:
    def judge(result: str | None, _: BaseException | None) -> Judgement:
        if result is not None:
            raise LookupError(result)
        return Judgement("failure")

    clock = ManualClock()
    call: Call[str] = Call(judge=judge)
    breaker = breaker_of(clock, half_open_permits=1)
    await open_up(breaker, call)
    clock.now += 10
    assert await try_to(breaker, succeed, call) == "LookupError"
    assert circuit_of(breaker).probes == 0


async def test_trap_t23_the_call_that_opens_the_circuit_keeps_its_own_exception() -> (
    None
):
    breaker = breaker_of(ManualClock(), consecutive_failures=1)
    failure = OSError("down")

    async def raise_it() -> NoReturn:
        raise failure

    with pytest.raises(OSError, match="down") as caught:
        await breaker.call(raise_it)
    assert circuit_of(breaker).state is CircuitState.OPEN
    assert caught.value is failure
    assert caught.value.__cause__ is None


async def test_trap_t24_probes_that_hang_do_not_hold_the_circuit_half_open() -> None:
    clock, hung = ManualClock(), Upstream()
    breaker = breaker_of(clock, half_open_max_wait=30, half_open_max_concurrent=3)
    await open_up(breaker)
    clock.now += 10
    probes = await start(breaker, hung, 3)
    clock.now += 29
    assert await try_to(breaker, succeed) == "refused"
    assert circuit_of(breaker).state is CircuitState.HALF_OPEN
    clock.now += 1
    assert await try_to(breaker, succeed) == "refused"
    assert circuit_of(breaker).state is CircuitState.OPEN

    clock.now += 20
    assert await try_to(breaker, succeed) == "fine"
    for call in hung.calls:
        call.set_exception(OSError())
    await ends(*probes)  # too late to be counted
    for _ in range(2):
        await breaker.call(succeed)
    assert circuit_of(breaker).state is CircuitState.CLOSED


async def test_trap_t24_a_trial_may_pass_without_its_hung_probe() -> None:
    clock = ManualClock()
    breaker = breaker_of(clock, half_open_max_wait=30, half_open_max_concurrent=2)
    await open_up(breaker)
    clock.now += 10
    (hung,) = await start(breaker, Upstream())
    for _ in range(2):
        await breaker.call(succeed)
    clock.now += 30
    assert await try_to(breaker, succeed) == "fine"
    assert circuit_of(breaker).state is CircuitState.CLOSED
    hung.cancel()


async def test_trap_t24_a_quiet_trial_waits_for_calls_without_re_opening() -> None:
    clock = ManualClock()
    breaker = breaker_of(clock, half_open_max_wait=30)
    await open_up(breaker)
    for _ in range(3):
        clock.now += 3600
        assert await breaker.call(succeed) == "fine"
    assert circuit_of(breaker).state is CircuitState.CLOSED


async def test_trap_t25_circuits_that_opened_together_do_not_come_back_together() -> (
    None
):
    clock = ManualClock()
    breaker = CircuitBreaker(
        "test",
        CircuitBreakerConfig(consecutive_failures=3),
        clock=clock,
        random=Random(25),
    )
    for n in range(300):
        await open_up(breaker, Call(key=str(n)))
    waits = [circuit.retry_after for circuit in breaker.snapshot().values()]

    assert all(15 <= wait <= 30 for wait in waits)
    seconds = [int(wait) for wait in waits]
    assert max(map(seconds.count, seconds)) < 0.15 * len(waits)


async def test_the_wait_grows_with_each_opening_in_a_row() -> None:
    clock = ManualClock()
    breaker = breaker_of(clock, open_duration=30, half_open_permits=1)
    await open_up(breaker)
    for limit in (30, 60, 120, 240, 300, 300):
        left = circuit_of(breaker).retry_after
        assert limit / 2 <= left <= limit
        clock.now += left
        await try_to(breaker, fail)
    assert circuit_of(breaker).openings == 7


async def close_again(breaker: CircuitBreaker, clock: ManualClock) -> None:
    """Let an open circuit with one permit pass its trial."""
    clock.now += circuit_of(breaker).retry_after
    assert await breaker.call(succeed) == "fine"
    assert circuit_of(breaker).state is CircuitState.CLOSED


async def test_a_circuit_that_opens_soon_after_it_closed_waits_longer() -> None:
    clock = ManualClock()
    breaker = breaker_of(clock, open_duration=30, half_open_permits=1)
    await open_up(breaker)
    await close_again(breaker, clock)
    clock.now += 299
    await open_up(breaker)
    assert 30 <= circuit_of(breaker).retry_after <= 60


@pytest.mark.parametrize(
    ("options", "calls", "seconds"),
    [
        ({"window": 20}, 20, 0),
        ({"window_seconds": 40}, 0, 41),
        ({}, 0, 301),
    ],
)
async def test_a_circuit_that_was_closed_for_a_window_begins_with_the_first_wait(
    options: dict[str, Any], calls: int, seconds: float
) -> None:
    clock = ManualClock()
    breaker = breaker_of(clock, open_duration=30, half_open_permits=1, **options)
    await open_up(breaker)
    await close_again(breaker, clock)
    for _ in range(calls):
        await breaker.call(succeed)
    clock.now += seconds
    await open_up(breaker)
    assert circuit_of(breaker).retry_after <= 30


async def test_within_a_window_of_seconds_it_is_the_same_outage() -> None:
    clock = ManualClock()
    breaker = breaker_of(
        clock, open_duration=30, half_open_permits=1, window_seconds=400
    )
    await open_up(breaker)
    await close_again(breaker, clock)
    clock.now += 399
    for _ in range(200):
        await breaker.call(succeed)
    await open_up(breaker)
    assert circuit_of(breaker).retry_after >= 30


async def test_the_longest_unused_closed_circuit_makes_room_for_a_new_one() -> None:
    breaker = breaker_of(ManualClock(), max_keys=3)
    for key in "abcad":
        await breaker.call(succeed, Call(key=key))
    assert sorted(breaker.snapshot()) == ["a", "c", "d"]


async def test_a_circuit_that_is_not_closed_is_never_dropped() -> None:
    breaker = breaker_of(ManualClock(), max_keys=2)
    await open_up(breaker, Call(key="dead"))
    for n in range(9):
        await breaker.call(succeed, Call(key=str(n)))
    assert sorted(breaker.snapshot()) == ["8", "dead"]


async def test_every_key_is_guarded_however_many_circuits_are_open() -> None:
    breaker = breaker_of(ManualClock(), max_keys=2)
    for n in range(9):
        await open_up(breaker, Call(key=str(n)))
    assert len(breaker.keys()) == 9
    for n in range(9):
        assert await try_to(breaker, succeed, Call(key=str(n))) == "refused"


async def test_a_recovering_circuit_is_not_dropped() -> None:
    clock = ManualClock()
    breaker = breaker_of(clock, max_keys=1, half_open_permits=1, recovery_ramp=60)
    cold: Call[str] = Call(key="cold")
    await open_up(breaker, cold)
    clock.now += 10
    await breaker.call(succeed, cold)
    clock.now += 59
    await breaker.call(succeed, Call(key="a"))
    assert breaker.keys() == ("cold", "a")
    clock.now += 1
    await breaker.call(succeed, Call(key="b"))
    await breaker.call(succeed, Call(key="c"))
    assert breaker.keys() == ("c",)


async def test_transitions_are_logged_with_the_breaker_and_the_key(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "lexigram.resilience.breaker")
    clock = ManualClock()
    breaker = breaker_of(clock, half_open_permits=1)
    call: Call[str] = Call(key="https://api.test")
    await open_up(breaker, call)
    open_for = circuit_of(breaker, call.key).retry_after
    clock.now += 10
    await breaker.call(succeed, call)

    opened, half_open, closed = (vars(record) for record in caplog.records)
    assert opened["message"] == "resilience.breaker.opened"
    assert opened["levelno"] == logging.WARNING
    assert (opened["failure_rate"], opened["calls"]) == (1.0, 3)
    assert opened["slow_call_rate"] == 0
    assert opened["open_for"] == pytest.approx(open_for)
    assert half_open["message"] == "resilience.breaker.half_open"
    assert closed["message"] == "resilience.breaker.closed"
    for record in (opened, half_open, closed):
        assert (record["breaker"], record["key"]) == ("test", "https://api.test")
    assert (half_open["levelno"], closed["levelno"]) == (logging.INFO, logging.INFO)


async def test_the_share_of_slow_calls_is_logged_when_a_circuit_opens(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = ManualClock()
    breaker = breaker_of(
        clock, minimum_calls=4, slow_call_duration=2, slow_call_rate=0.75
    )

    async def take_two_seconds() -> None:
        clock.now += 2

    await breaker.call(succeed)
    for _ in range(3):
        await breaker.call(take_two_seconds)
    (opened,) = (vars(record) for record in caplog.records)
    assert (opened["slow_call_rate"], opened["failure_rate"]) == (0.75, 0)


async def test_a_disabled_log_gets_no_record(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "lexigram.resilience.breaker")
    await open_up(breaker_of(ManualClock()))
    assert caplog.records == []


async def test_its_repr_counts_the_circuits_by_state() -> None:
    breaker = breaker_of(ManualClock())
    assert repr(breaker) == "<CircuitBreaker 'test': no circuits>"
    await open_up(breaker, Call(key="dead"))
    await breaker.call(succeed, Call(key="alive"))
    assert repr(breaker) == "<CircuitBreaker 'test': closed=1, open=1>"


async def test_trap_t24_a_slow_trial_re_opens_the_circuit() -> None:
    clock = ManualClock()
    breaker = breaker_of(
        clock, half_open_permits=1, slow_call_duration=2, slow_call_rate=1.0
    )

    async def crawl() -> str:
        clock.now += 2
        return "fine"

    await open_up(breaker)
    clock.now += 10
    assert await breaker.call(crawl) == "fine"
    assert circuit_of(breaker).state is CircuitState.OPEN


@pytest.mark.parametrize("options", [{}, {"window_seconds": 30}])
async def test_slow_calls_open_a_circuit_whatever_their_outcome(
    options: dict[str, Any],
) -> None:
    clock = ManualClock()
    breaker = breaker_of(
        clock, minimum_calls=4, slow_call_duration=2, slow_call_rate=0.5, **options
    )

    async def crawl() -> str:
        clock.now += 2
        return "fine"

    async def crawl_and_fail() -> NoReturn:
        clock.now += 2
        raise OSError("down")

    for operation in (succeed, crawl, succeed):
        await breaker.call(operation)
    seen = circuit_of(breaker)
    assert (seen.state, seen.slow) == (CircuitState.CLOSED, 1)
    assert await try_to(breaker, crawl_and_fail) == "OSError"
    seen = circuit_of(breaker)
    assert (seen.state, seen.slow, seen.failures) == (CircuitState.OPEN, 2, 1)


async def test_the_clock_is_not_read_for_a_call_that_nobody_measures() -> None:
    class Watch(ManualClock):
        reads = 0

        def monotonic(self) -> float:
            self.reads += 1
            return self.now

    clock = Watch()
    breaker = CircuitBreaker("test", clock=clock)
    await breaker.call(succeed)
    clock.reads = 0
    await breaker.call(succeed)
    assert clock.reads == 0


async def test_a_rate_over_seconds_forgets_older_calls() -> None:
    clock = ManualClock()
    breaker = breaker_of(
        clock, consecutive_failures=None, minimum_calls=4, window_seconds=30
    )
    for _ in range(3):
        await try_to(breaker, fail)
    clock.now += 31
    await try_to(breaker, fail)
    assert circuit_of(breaker).calls == 1
    for _ in range(3):
        await try_to(breaker, fail)
    assert circuit_of(breaker).state is CircuitState.OPEN


async def test_trap_t25_a_recovery_admits_a_part_of_the_calls_at_first() -> None:
    clock = ManualClock()
    breaker = CircuitBreaker(
        "test",
        CircuitBreakerConfig(
            consecutive_failures=3, half_open_permits=1, recovery_ramp=60
        ),
        clock=clock,
        random=Random(25),
    )
    await open_up(breaker)
    clock.now += 30
    await breaker.call(succeed)
    ends_of_calls = [await try_to(breaker, succeed) for _ in range(500)]
    assert 25 <= ends_of_calls.count("fine") <= 80  # a tenth
    clock.now += 60
    assert {await try_to(breaker, succeed) for _ in range(500)} == {"fine"}


async def test_a_refusal_by_a_recovering_circuit_knows_no_time() -> None:
    class LastDraw(Random):
        def random(self) -> float:
            return 0.9

    clock = ManualClock()
    config = CircuitBreakerConfig(
        consecutive_failures=3, half_open_permits=1, recovery_ramp=60
    )
    breaker = CircuitBreaker("test", config, clock=clock, random=LastDraw())
    await open_up(breaker)
    clock.now += 30
    await breaker.call(succeed)
    with pytest.raises(CircuitOpenError, match="is recovering") as caught:
        await breaker.call(succeed)
    assert caught.value.retry_after is None
