"""The traps that libraries of this kind fall into, through a whole pipeline.

T09 and the rest of T10 to T12 need a client, and are tested where there is one.
"""

import asyncio
import re
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

import pytest

from lexigram.contracts.resilience import (
    Call,
    CallTimeoutError,
    CircuitOpenError,
    Judgement,
    RetryExhaustedError,
)
from lexigram.resilience import (
    BudgetConfig,
    BulkheadConfig,
    CircuitBreakerConfig,
    CircuitSnapshot,
    CircuitState,
    HedgeConfig,
    PipelineConfig,
    RateLimiterConfig,
    ResiliencePipeline,
    RetryConfig,
    TimeoutsConfig,
)
from lexigram.resilience.events import Event, Events, RetryScheduled
from lexigram.testing import virtual_time

Step: TypeAlias = "BaseException | type[BaseException] | str | float"

DOWN = ConnectionError
HANGS = 1e6
OPEN_FOR = 10.0
"""Seconds from which on a circuit of `pipeline_of` surely lets a probe through."""


class Upstream:
    """What is called.

    Args:
        steps: What comes of each call: an exception is raised, a text returned, and of a
            number so many seconds pass before "fine" is. The last one stays.
    """

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.began: list[float] = []

    async def __call__(self) -> str:
        self.began.append(asyncio.get_running_loop().time())
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, str):
            return step
        if not isinstance(step, int | float):
            raise step
        await asyncio.sleep(step)
        return "fine"

    @property
    def calls(self) -> int:
        return len(self.began)


def pipeline_of(
    *, listeners: Any = (), random: int = 1, **sections: Any
) -> ResiliencePipeline:
    """Return a pipeline of a breaker that opens at once, and of what is given."""
    breaker = CircuitBreakerConfig(
        consecutive_failures=3,
        open_duration=OPEN_FOR,
        half_open_permits=2,
        half_open_max_concurrent=2,
    )
    parts: dict[str, Any] = {"retry": None, "timeouts": None, "breaker": breaker}
    config = PipelineConfig(**(parts | sections))
    return ResiliencePipeline.from_config(
        config, random=Random(random), events=Events(listeners)
    )


def circuit_of(pipeline: ResiliencePipeline, key: str = "") -> CircuitSnapshot:
    assert pipeline.policies.breaker is not None
    return pipeline.policies.breaker.snapshot()[key]


async def open_up(pipeline: ResiliencePipeline, call: Call[str] | None = None) -> None:
    for _ in range(3):
        with pytest.raises(ConnectionError):
            await pipeline.execute(Upstream(DOWN), call)
    assert circuit_of(pipeline, call.key if call else "").state is CircuitState.OPEN


def start(
    pipeline: ResiliencePipeline, upstream: Upstream, call: Call[str] | None = None
) -> asyncio.Task[str]:
    return asyncio.create_task(pipeline.execute(upstream, call))


async def ends(*tasks: asyncio.Task[str]) -> "Counter[str]":
    """Return what became of tasks, counted."""
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    return Counter(
        outcome if isinstance(outcome, str) else type(outcome).__name__
        for outcome in outcomes
    )


async def test_trap_t01_half_open_lets_its_probes_through_and_refuses_all_others() -> (
    None
):
    pipeline, upstream = pipeline_of(), Upstream(5)
    async with virtual_time() as clock:
        await open_up(pipeline)
        await asyncio.sleep(OPEN_FOR)
        herd = [start(pipeline, upstream) for _ in range(50)]
        await asyncio.sleep(0)
        assert upstream.calls == 2
        assert sum(task.done() for task in herd) == 48  # refused, not queued
        assert await ends(*herd) == {"fine": 2, "CircuitOpenError": 48}
        assert clock.elapsed == OPEN_FOR + 5


async def test_trap_t02_a_cancelled_caller_is_no_failure_and_a_limit_of_time_is() -> (
    None
):
    limits = TimeoutsConfig(total=None, attempt=5)
    pipeline = pipeline_of(timeouts=limits)
    async with virtual_time():
        callers = [start(pipeline, Upstream(HANGS)) for _ in range(9)]
        await asyncio.sleep(1)
        for caller in callers:
            caller.cancel()
        assert await ends(*callers) == {"CancelledError": 9}
        assert circuit_of(pipeline).calls == 0

        hanging = [start(pipeline, Upstream(HANGS)) for _ in range(3)]
        assert await ends(*hanging) == {"CallTimeoutError": 3}
        assert circuit_of(pipeline).state is CircuitState.OPEN


async def test_trap_t03_a_cancelled_probe_gives_its_place_back() -> None:
    pipeline = pipeline_of()
    async with virtual_time():
        await open_up(pipeline)
        await asyncio.sleep(OPEN_FOR)
        probes = [start(pipeline, Upstream(HANGS)) for _ in range(2)]
        await asyncio.sleep(1)
        with pytest.raises(CircuitOpenError):
            await pipeline.execute(Upstream("fine"))
        for probe in probes:
            probe.cancel()
        await ends(*probes)
        assert circuit_of(pipeline).state is CircuitState.HALF_OPEN
        for _ in range(2):
            assert await pipeline.execute(Upstream("fine")) == "fine"
        assert circuit_of(pipeline).state is CircuitState.CLOSED


async def test_trap_t04_a_late_success_from_before_the_outage_closes_nothing() -> None:
    pipeline = pipeline_of()
    async with virtual_time():
        late = [start(pipeline, Upstream(OPEN_FOR + 1)) for _ in range(5)]
        await asyncio.sleep(0)
        await open_up(pipeline)
        await asyncio.sleep(OPEN_FOR)
        assert await pipeline.execute(Upstream("fine")) == "fine"
        assert await ends(*late) == {"fine": 5}
        assert circuit_of(pipeline).state is CircuitState.HALF_OPEN


async def test_trap_t05_a_late_failure_from_before_the_outage_opens_nothing() -> None:
    limits = TimeoutsConfig(total=None, attempt=OPEN_FOR + 1)
    pipeline = pipeline_of(timeouts=limits)
    async with virtual_time():
        late = [start(pipeline, Upstream(HANGS)) for _ in range(5)]
        await asyncio.sleep(0)
        await open_up(pipeline)
        await asyncio.sleep(OPEN_FOR)
        assert await pipeline.execute(Upstream("fine")) == "fine"
        assert await ends(*late) == {"CallTimeoutError": 5}
        assert circuit_of(pipeline).state is CircuitState.HALF_OPEN
        assert await pipeline.execute(Upstream("fine")) == "fine"
        assert circuit_of(pipeline).state is CircuitState.CLOSED


async def test_trap_t06_a_probe_of_one_trial_takes_no_part_in_the_next() -> None:
    pipeline = pipeline_of()
    async with virtual_time():
        await open_up(pipeline)
        await asyncio.sleep(OPEN_FOR)
        slow = start(pipeline, Upstream(3 * OPEN_FOR))
        await asyncio.sleep(1)
        with pytest.raises(ConnectionError):
            await pipeline.execute(Upstream(DOWN))
        assert circuit_of(pipeline).state is CircuitState.OPEN
        await asyncio.sleep(2 * OPEN_FOR)  # it has grown
        assert await pipeline.execute(Upstream("fine")) == "fine"
        assert await slow == "fine"
        # In the first trial it would have been one of two; it is none of the second's.
        assert circuit_of(pipeline).state is CircuitState.HALF_OPEN


async def test_trap_t07_the_time_of_day_means_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits = TimeoutsConfig(total=None, attempt=5)
    pipeline = pipeline_of(retry=RetryConfig(), timeouts=limits)
    async with virtual_time():
        await open_up(pipeline, Call(repeatable=False))
        an_hour_ago = time.time() - 3600
        monkeypatch.setattr(time, "time", lambda: an_hour_ago)
        await asyncio.sleep(OPEN_FOR)
        for _ in range(2):
            assert await pipeline.execute(Upstream("fine")) == "fine"
        assert circuit_of(pipeline).state is CircuitState.CLOSED
        assert await pipeline.execute(Upstream(DOWN, HANGS, "fine")) == "fine"


async def test_trap_t08_a_probe_with_an_uncounted_exception_decides_nothing() -> None:
    def judge(result: str | None, error: BaseException | None) -> Judgement:
        return Judgement("neutral" if isinstance(error, ValueError) else "failure")

    pipeline, mistake = pipeline_of(), ValueError("a bug")
    async with virtual_time():
        await open_up(pipeline)
        await asyncio.sleep(OPEN_FOR)
        for _ in range(4):  # more than there are permits
            with pytest.raises(ValueError, match="a bug") as caught:
                await pipeline.execute(Upstream(mistake), Call(judge=judge))
            assert caught.value is mistake
        assert circuit_of(pipeline).state is CircuitState.HALF_OPEN


async def test_trap_t10_what_cannot_be_repeated_is_neither_retried_nor_hedged() -> None:
    once: Call[str] = Call(repeatable=False)
    pipeline = pipeline_of(retry=RetryConfig(), hedge=HedgeConfig(delay=1))
    async with virtual_time():
        upstream = Upstream(5)
        assert await pipeline.execute(upstream, once) == "fine"
        assert upstream.calls == 1
        upstream = Upstream(DOWN)
        with pytest.raises(ConnectionError):
            await pipeline.execute(upstream, once)
        assert upstream.calls == 1


async def test_trap_t11_what_is_not_used_is_discarded_before_the_wait() -> None:
    free = asyncio.Semaphore(1)  # a pool of one connection

    async def answer() -> str:
        await free.acquire()
        return "busy"

    pipeline = pipeline_of(retry=RetryConfig(), timeouts=TimeoutsConfig())
    call: Call[str] = Call(
        judge=lambda *_: Judgement("failure", retryable=True),
        discard=lambda _: free.release(),
    )
    async with virtual_time() as clock:
        assert await pipeline.execute(answer, call) == "busy"
        assert clock.elapsed < 1
        assert free.locked()  # the last one is the caller's


async def test_trap_t13_an_open_circuit_is_not_waited_for() -> None:
    pipeline = pipeline_of(retry=RetryConfig(max_attempts=9))
    async with virtual_time() as clock:
        await open_up(pipeline, Call(repeatable=False))
        with pytest.raises(CircuitOpenError):
            await pipeline.execute(Upstream("fine"))
        assert clock.elapsed == 0


async def test_trap_t14_each_attempt_is_a_sample_of_the_circuit() -> None:
    pipeline = pipeline_of(retry=RetryConfig(max_attempts=9))
    upstream = Upstream(DOWN)
    async with virtual_time():
        with pytest.raises(CircuitOpenError):
            await pipeline.execute(upstream)
        assert upstream.calls == 3


async def test_trap_t16_no_clients_come_back_together_at_the_cap() -> None:
    waits: list[float] = []

    def note(event: Event) -> None:
        if isinstance(event, RetryScheduled):
            waits.append(event.delay)

    pipeline = pipeline_of(
        breaker=None,
        retry=RetryConfig(max_attempts=7, base_delay=0.1, max_delay=2, budget=None),
        listeners=[note],
    )
    async with virtual_time():
        clients = [start(pipeline, Upstream(DOWN)) for _ in range(1000)]
        assert await ends(*clients) == {"RetryExhaustedError": 1000}
    assert len(waits) == 6000
    assert max(waits) <= 2
    # In slots of 50 ms, none has many more than the even share of the longest range.
    slots = Counter(int(wait / 0.05) for wait in waits[-1000:])
    assert max(slots.values()) < 100
    assert sum(wait == 2 for wait in waits) == 0


async def test_trap_t17_a_limit_ends_attempts_and_waits() -> None:
    waits = RetryConfig(
        max_attempts=9, base_delay=1, max_delay=1, jitter="none", budget=None
    )
    pipeline = pipeline_of(
        breaker=None, retry=waits, timeouts=TimeoutsConfig(total=5.5, attempt=None)
    )
    async with virtual_time() as clock:
        with pytest.raises(CallTimeoutError) as caught:
            await pipeline.execute(Upstream(DOWN, DOWN, HANGS))
        assert (caught.value.phase, clock.elapsed) == ("total", 5.5)

        # A wait that would end after it is not begun.
        with pytest.raises(RetryExhaustedError, match="deadline") as gave_up:
            await pipeline.execute(Upstream(DOWN))
        assert (gave_up.value.attempts, clock.elapsed) == (6, 5.5 + 5)


async def test_trap_t18_calls_at_once_through_one_pipeline_do_not_mix() -> None:
    pipeline = pipeline_of(
        breaker=None,
        retry=RetryConfig(max_attempts=5, budget=None),
        timeouts=TimeoutsConfig(total=60, attempt=10),
    )

    async def one(failures: int) -> bool:
        upstream = Upstream(*[ConnectionError(str(failures))] * failures, "fine")
        try:
            result = await pipeline.execute(upstream)
        except RetryExhaustedError as error:
            right = failures >= 5 and str(error.last) == str(failures)
            return right and upstream.calls == error.attempts == 5
        return result == "fine" and upstream.calls == failures + 1

    async with virtual_time():
        assert all(await asyncio.gather(*(one(n % 7) for n in range(210))))


async def test_trap_t19_cancelled_waiters_keep_no_place() -> None:
    pipeline = pipeline_of(bulkhead=BulkheadConfig(max_concurrent=3, max_queue=50))
    random = Random(19)
    async with virtual_time():
        tasks = [start(pipeline, Upstream(1)) for _ in range(50)]
        for task in random.sample(tasks, 35):
            await asyncio.sleep(random.uniform(0, 0.2))
            task.cancel()
        await ends(*tasks)
        at_rest = pipeline.policies.bulkhead
        assert at_rest is not None
        assert {(s.in_flight, s.queued) for s in at_rest.snapshot().values()} <= {
            (0, 0)
        }
        upstream = Upstream(1)
        again = [start(pipeline, upstream) for _ in range(3)]
        await asyncio.sleep(0)
        assert upstream.calls == 3
        assert await ends(*again) == {"fine": 3}


async def test_trap_t20_each_call_has_a_limit_of_its_own() -> None:
    pipeline = pipeline_of(breaker=None, timeouts=TimeoutsConfig(total=5, attempt=2))
    ended: list[float] = []

    async with virtual_time() as clock:

        async def one(after: float) -> None:
            await asyncio.sleep(after)
            with pytest.raises(CallTimeoutError):
                await pipeline.execute(Upstream(HANGS))
            ended.append(clock.elapsed - after)

        await asyncio.gather(*(one(n / 4) for n in range(12)))
    assert ended == [2] * 12


async def test_trap_t21_no_more_calls_go_out_than_the_limit_says() -> None:
    pipeline = pipeline_of(
        limiter=RateLimiterConfig(permits=10, per=1, burst=5, max_wait=None)
    )
    upstream = Upstream("fine")
    async with virtual_time():
        calls = [start(pipeline, upstream) for _ in range(60)]
        assert await ends(*calls) == {"fine": 60}
    for first, began in enumerate(upstream.began):
        for count, ended in enumerate(upstream.began[first:], start=1):
            assert count <= 5 + 10 * (ended - began) + 1e-6


async def test_trap_t22_when_all_is_slow_hedges_stay_within_the_budget() -> None:
    budget = BudgetConfig(ratio=0.2, min_per_second=1, window=10)
    pipeline = pipeline_of(
        breaker=None,
        retry=RetryConfig(budget=budget),
        timeouts=TimeoutsConfig(total=60, attempt=20),
        hedge=HedgeConfig(delay=0.1, max_hedges=5),
    )
    upstream = Upstream(10)
    async with virtual_time():
        calls: list[asyncio.Task[str]] = []
        for _ in range(600):
            calls.append(start(pipeline, upstream))
            await asyncio.sleep(0.01)
        assert await ends(*calls) == {"fine": 600}
    assert 600 < upstream.calls <= 600 * 1.25


async def test_trap_t23_the_call_that_opens_the_circuit_keeps_its_own_exception() -> (
    None
):
    pipeline, failure = pipeline_of(), ConnectionError("the third")
    async with virtual_time():
        for step in (DOWN, DOWN, failure):
            with pytest.raises(ConnectionError) as caught:
                await pipeline.execute(Upstream(step))
    assert circuit_of(pipeline).state is CircuitState.OPEN
    assert caught.value is failure
    assert caught.value.__cause__ is None


async def test_trap_t24_probes_that_hang_do_not_hold_the_circuit_half_open() -> None:
    pipeline = pipeline_of()
    async with virtual_time():
        await open_up(pipeline)
        await asyncio.sleep(OPEN_FOR)
        hung = [start(pipeline, Upstream(HANGS)) for _ in range(2)]
        await asyncio.sleep(30)
        with pytest.raises(CircuitOpenError):  # which opens it again
            await pipeline.execute(Upstream("fine"))
        await asyncio.sleep(2 * OPEN_FOR)
        for _ in range(2):
            assert await pipeline.execute(Upstream("fine")) == "fine"
        assert circuit_of(pipeline).state is CircuitState.CLOSED
        for probe in hung:
            probe.cancel()
        await ends(*hung)


async def test_trap_t25_a_recovered_upstream_is_not_met_by_a_herd() -> None:
    pipeline = pipeline_of(
        breaker=CircuitBreakerConfig(
            consecutive_failures=3,
            open_duration=OPEN_FOR,
            half_open_permits=1,
            recovery_ramp=10,
        )
    )
    async with virtual_time():
        keys = [Call[str](key=str(n)) for n in range(50)]
        for key in keys:
            await open_up(pipeline, key)
        waits = [circuit_of(pipeline, key.key).retry_after for key in keys]
        assert len({round(wait, 1) for wait in waits}) > 20  # not all together

        await asyncio.sleep(OPEN_FOR)
        assert await pipeline.execute(Upstream("fine"), keys[0]) == "fine"
        admitted: list[int] = []
        for _ in range(3):
            upstream = Upstream("fine")
            await ends(*(start(pipeline, upstream, keys[0]) for _ in range(100)))
            admitted.append(upstream.calls)
            await asyncio.sleep(5)
        first, halfway, all_of_them = admitted
        assert first < 25 < halfway < 85 < all_of_them == 100


async def test_trap_t26_an_exhausted_budget_does_not_hide_what_failed() -> None:
    nothing = RetryConfig(budget=BudgetConfig(ratio=0, min_per_second=0))
    pipeline, failure = pipeline_of(retry=nothing), ConnectionError("reset by peer")
    async with virtual_time() as clock:
        with pytest.raises(RetryExhaustedError, match="budget") as caught:
            await pipeline.execute(Upstream(failure))
        assert caught.value.last is caught.value.__cause__ is failure
        busy: Call[str] = Call(judge=lambda *_: Judgement("failure", retryable=True))
        assert await pipeline.execute(Upstream("503"), busy) == "503"
        assert clock.elapsed == 0


async def test_trap_t28_without_options_a_call_is_finite_and_its_attempts_apart() -> (
    None
):
    async with virtual_time() as clock:
        upstream = Upstream(DOWN)
        with pytest.raises(RetryExhaustedError):
            await ResiliencePipeline.from_config().execute(upstream)
        assert upstream.calls == 3
        pauses = [
            b - a for a, b in zip(upstream.began, upstream.began[1:], strict=False)
        ]
        assert all(0.1 <= pause <= 5 for pause in pauses)

        before, upstream = clock.elapsed, Upstream(HANGS)
        with pytest.raises((CallTimeoutError, RetryExhaustedError)):
            await ResiliencePipeline.from_config().execute(upstream)
        assert clock.elapsed - before <= 30


def test_every_trap_has_a_test_by_its_number() -> None:
    here = Path(__file__).parent
    names = re.compile(r"def test_trap_(\w+)")
    tested: set[int] = set()
    for path in here.glob("test_*.py"):
        for name in names.findall(path.read_text(encoding="utf-8")):
            tested |= {int(n) for n in re.findall(r"(?:^|_)t(\d\d)(?=_)", name)}
    assert tested >= set(range(1, 29)) - {9}
