"""Every combination of policies, with everything that may become of a call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Final

import pytest

from lexigram.contracts.resilience import (
    BulkheadFullError,
    Call,
    CallTimeoutError,
    Judgement,
    RetryExhaustedError,
)
from lexigram.resilience import (
    AdaptiveConcurrencyConfig,
    AdaptiveThrottleConfig,
    BulkheadConfig,
    ChaosConfig,
    CircuitBreakerConfig,
    Fallback,
    HedgeConfig,
    PipelineConfig,
    RateLimiterConfig,
    ResiliencePipeline,
    RetryConfig,
    TimeoutsConfig,
)
from lexigram.resilience._retry.nesting import get_layer
from lexigram.resilience._timing.deadline import DEADLINE
from lexigram.resilience.events import AttemptFinished, CallFinished, Event, Events
from lexigram.testing import virtual_time

pytestmark = pytest.mark.thorough

KEY: Final = "https://api.test:443"
TOTAL: Final = 100.0
POLICIES: Final = (
    "fallback",
    "limiter",
    "bulkhead",
    "total",
    "retry",
    "hedge",
    "breaker",
    "concurrency",
    "throttle",
    "attempt",
    "chaos",
)

SUBSETS: Final = [
    frozenset(subset)
    for size in range(1, len(POLICIES) + 1)
    for subset in combinations(POLICIES, size)
]

# What becomes of a call; all but the first two are failures that a fallback covers.
FINE, CANCELLED = "fine", "cancelled"
CALL_RESULT: Final = {
    FINE: "ok",
    CANCELLED: "cancelled",
    "bad": "failed",
    "error": "failed",
    "exhausted": "failed",
    "refused": "rejected",
    "attempt": "timeout",
    "exhausted by attempt": "timeout",
    "total": "timeout",
}


@dataclass
class Result:
    """What an attempt gave; as if it held a connection."""

    good: bool


STAND_IN: Final = Result(good=True)


@dataclass
class Upstream:
    """Does what the script says, and remembers all that came out of it."""

    script: Callable[[Upstream, int], Awaitable[Result]]
    calls: int = 0
    under_way: int = 0
    made: list[Result] = field(default_factory=list)
    raised: list[Exception] = field(default_factory=list)
    discarded: list[Result] = field(default_factory=list)

    async def __call__(self) -> Result:
        self.calls += 1
        self.under_way += 1
        try:
            result = await self.script(self, self.calls)
        except Exception as error:
            self.raised.append(error)
            raise
        finally:
            self.under_way -= 1
        self.made.append(result)
        return result

    def call(self) -> Call[Result]:
        return Call(key=KEY, judge=judge, discard=self.discarded.append)


def judge(result: Result | None, error: BaseException | None) -> Judgement:
    if result is not None and result.good:
        return Judgement("success")
    good = error is not None and not isinstance(error, Exception)
    return Judgement("neutral") if good else Judgement("failure", retryable=True)


async def good(_: Upstream, __: int) -> Result:
    await asyncio.sleep(0.1)
    return Result(good=True)


async def bad_then_good(_: Upstream, number: int) -> Result:
    await asyncio.sleep(0.1)
    return Result(good=number > 1)


async def error_then_good(_: Upstream, number: int) -> Result:
    await asyncio.sleep(0.1)
    if number == 1:
        raise ConnectionError("attempt 1")
    return Result(good=True)


async def error(_: Upstream, number: int) -> Result:
    await asyncio.sleep(0.1)
    raise ConnectionError(f"attempt {number}")


async def refuse(_: Upstream, __: int) -> Result:
    await asyncio.sleep(0.1)
    raise BulkheadFullError("Another pipeline refuses.", key="inside")


async def hang(_: Upstream, __: int) -> Result:
    await asyncio.sleep(1e6)
    raise AssertionError("It was to be ended.")


async def slow_then_good(_: Upstream, number: int) -> Result:
    """Hold on to the result, however often it is cancelled."""
    try:
        await asyncio.sleep(5.0 if number == 1 else 0.1)
    except asyncio.CancelledError:
        return Result(good=True)
    return Result(good=True)


@dataclass(frozen=True)
class Case:
    """A script of the upstream, and what a set of policies makes of it."""

    script: Callable[[Upstream, int], Awaitable[Result]]
    attempts: Callable[[frozenset[str]], int]
    ending: Callable[[frozenset[str]], str]
    needs: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    cancel_after: float | None = None


def most(has: frozenset[str]) -> int:
    """As many attempts as there may be: each of a retry is a race of two."""
    return (3 if "retry" in has else 1) * (2 if "hedge" in has else 1)


def second(has: frozenset[str]) -> int:
    return 2 if has & {"retry", "hedge"} else 1


def hedged(has: frozenset[str]) -> int:
    return 2 if "hedge" in has else 1


CASES: Final = {
    "success": Case(good, lambda _: 1, lambda _: FINE),
    "result worth repeating, then success": Case(
        bad_then_good, second, lambda has: FINE if second(has) == 2 else "bad"
    ),
    "exception, then success": Case(
        error_then_good, second, lambda has: FINE if second(has) == 2 else "error"
    ),
    "exceptions for ever": Case(
        error, most, lambda has: "exhausted" if "retry" in has else "error"
    ),
    "refusal from inside": Case(refuse, lambda _: 1, lambda _: "refused"),
    "late results that nobody wants": Case(slow_then_good, hedged, lambda _: FINE),
    "cancelled during the first attempt": Case(
        hang, lambda _: 1, lambda _: CANCELLED, cancel_after=1.0
    ),
    "cancelled during a race": Case(
        hang, hedged, lambda _: CANCELLED, cancel_after=5.0
    ),
    "cancelled during the pause": Case(
        error,
        hedged,
        lambda _: CANCELLED,
        needs=frozenset({"retry"}),
        cancel_after=3.0,
    ),
    "hangs until the limit of the attempt": Case(
        hang,
        most,
        lambda has: "exhausted by attempt" if "retry" in has else "attempt",
        needs=frozenset({"attempt"}),
    ),
    "hangs until the limit of the call": Case(
        hang,
        hedged,
        lambda _: "total",
        needs=frozenset({"total"}),
        without=frozenset({"attempt"}),
    ),
}


def make(has: frozenset[str], events: Events) -> ResiliencePipeline:
    """Return a pipeline of these policies, each with room for one call."""
    total = TOTAL if "total" in has else None
    attempt = 10.0 if "attempt" in has else None
    parts: dict[str, Any] = {
        "limiter": RateLimiterConfig(permits=1, max_wait=0),
        "bulkhead": BulkheadConfig(max_concurrent=1),
        "timeouts": TimeoutsConfig(total=total, attempt=attempt),
        "retry": RetryConfig(base_delay=4, max_delay=4, jitter="none"),
        "hedge": HedgeConfig(delay=2.0),
        "breaker": CircuitBreakerConfig(),
        "concurrency": AdaptiveConcurrencyConfig(),
        "throttle": AdaptiveThrottleConfig(),
        "chaos": ChaosConfig(
            enabled=True,
            environment="test",
            latency_rate=1.0,
            min_latency=0.5,
            max_latency=0.5,
        ),
    }
    there = has | ({"timeouts"} if has & {"total", "attempt"} else frozenset())
    config = PipelineConfig.model_construct(
        **{name: part if name in there else None for name, part in parts.items()}
    )
    fallback = Fallback.value(STAND_IN) if "fallback" in has else None
    return ResiliencePipeline.from_config(config, fallback=fallback, events=events)


@dataclass
class Seen:
    """What became of one call, as its caller sees it."""

    result: Result | None = None
    error: BaseException | None = None
    surroundings: tuple[object, ...] = ()


async def observe(pipeline: ResiliencePipeline, upstream: Upstream) -> Seen:
    """Make one call, in a context that a call of its own surrounds."""
    seen = Seen()
    try:
        seen.result = await pipeline.execute(upstream, upstream.call())
    except BaseException as error:  # noqa: BLE001 - what it is about
        seen.error = error
    task = asyncio.current_task()
    assert task is not None
    seen.surroundings = (DEADLINE.get(), get_layer()[0], task.cancelling())
    return seen


async def run(case: Case, has: frozenset[str]) -> None:
    """Make the call that a case describes, and check what is true of each."""
    told: list[Event] = []
    pipeline, upstream = make(has, Events([told.append])), Upstream(case.script)
    before = asyncio.get_running_loop().time()
    task = asyncio.ensure_future(observe(pipeline, upstream))
    if case.cancel_after is not None:
        await asyncio.sleep(case.cancel_after)
        task.cancel()
    seen = await task

    ending = case.ending(has)
    check_ending(seen, upstream, ending, covered="fallback" in has)
    assert upstream.calls == case.attempts(has)
    check_events(told, upstream.calls, ending)
    cancelled = int(ending == CANCELLED)
    assert seen.surroundings == (None, False, cancelled)
    if "total" in has:
        assert asyncio.get_running_loop().time() - before <= TOTAL + 1e-6
    check_results(seen, upstream)
    check_nothing_is_left(pipeline, upstream)


def check_ending(seen: Seen, upstream: Upstream, ending: str, *, covered: bool) -> None:
    """Check what the caller got: the very objects that the upstream gave."""
    error = seen.error
    if ending == FINE:
        assert seen.result is not None
        assert any(seen.result is made for made in upstream.made)
        assert seen.result.good
    elif ending == CANCELLED:
        assert type(error) is asyncio.CancelledError
    elif covered:
        assert seen.result is STAND_IN
    elif ending == "bad":
        assert seen.result is upstream.made[-1]
    elif ending in {"error", "refused"}:
        assert error is upstream.raised[-1]
    elif ending == "exhausted":
        assert isinstance(error, RetryExhaustedError)
        assert error.last is upstream.raised[-1]
    else:
        if ending == "exhausted by attempt":
            assert isinstance(error, RetryExhaustedError)
            error = error.last
        assert isinstance(error, CallTimeoutError)
        assert error.phase == ending.rpartition(" ")[2]


def check_events(told: list[Event], attempts: int, ending: str) -> None:
    """Check that each attempt is told of once, and the call."""
    numbers = [event.number for event in told if isinstance(event, AttemptFinished)]
    assert sorted(numbers) == list(range(1, attempts + 1))
    (call,) = (event for event in told if isinstance(event, CallFinished))
    expected = CALL_RESULT[ending]
    if ending.startswith("exhausted"):
        expected = "failed" if ending == "exhausted" else "timeout"
    assert (call.result, call.attempts) == (expected, attempts)


def check_results(seen: Seen, upstream: Upstream) -> None:
    """Check that each result was either returned, or discarded once."""
    returned = [made for made in upstream.made if made is seen.result]
    gone = upstream.discarded
    assert sorted(map(id, [*returned, *gone])) == sorted(map(id, upstream.made))


def check_nothing_is_left(pipeline: ResiliencePipeline, upstream: Upstream) -> None:
    """Check that nothing is taken, and nothing runs."""
    policies = pipeline.policies
    assert upstream.under_way == 0
    if policies.bulkhead is not None:
        assert [each.in_flight for each in policies.bulkhead.snapshot().values()] == [0]
    if policies.concurrency is not None:
        limits = policies.concurrency.snapshot().values()
        assert [each.in_flight for each in limits] == [0]
    if policies.breaker is not None:
        assert [each.probes for each in policies.breaker.snapshot().values()] == [0]
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("name", CASES)
async def test_a_call_ends_as_it_should_under_every_set_of_policies(name: str) -> None:
    case = CASES[name]
    async with virtual_time():
        for has in SUBSETS:
            if case.needs <= has and not case.without & has:
                try:
                    await run(case, has)
                except BaseException as failure:
                    failure.add_note(
                        f"With {', '.join(p for p in POLICIES if p in has)}."
                    )
                    raise
