"""What each policy of a pipeline sees of a call."""

from __future__ import annotations

import asyncio

import pytest

from lexigram.contracts.clock import SystemClock
from lexigram.contracts.resilience import (
    BulkheadFullError,
    Call,
    CallTimeoutError,
    CircuitOpenError,
    ConcurrencyLimitedError,
    Judgement,
    RateLimitedError,
    RetryExhaustedError,
    ThrottledError,
)
from lexigram.resilience import (
    AdaptiveConcurrency,
    AdaptiveConcurrencyConfig,
    AdaptiveThrottle,
    AdaptiveThrottleConfig,
    BudgetConfig,
    Bulkhead,
    BulkheadConfig,
    CircuitBreaker,
    CircuitBreakerConfig,
    CircuitState,
    Fallback,
    HedgeConfig,
    PipelineConfig,
    RateLimiter,
    RateLimiterConfig,
    ResiliencePipeline,
    RetryConfig,
    RetryPolicy,
    Timeouts,
    TimeoutsConfig,
)
from lexigram.testing import virtual_time

EVEN = RetryConfig(base_delay=1, max_delay=1, jitter="none")


class Upstream:
    """Fails after a while, and counts how often it was asked."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.calls = 0
        self._seconds = seconds

    async def __call__(self) -> object:
        self.calls += 1
        await asyncio.sleep(self._seconds)
        raise OSError(f"down at {self.calls}")


async def test_an_attempt_that_takes_too_long_is_a_failure_for_the_breaker() -> None:
    breaker = CircuitBreaker("test", CircuitBreakerConfig(consecutive_failures=2))
    pipeline = ResiliencePipeline(
        timeouts=Timeouts(TimeoutsConfig(total=30, attempt=2)),
        retry=RetryPolicy(EVEN),
        breaker=breaker,
    )
    upstream = Upstream(60)
    async with virtual_time() as clock:
        with pytest.raises(CircuitOpenError) as caught:
            await pipeline.execute(upstream)
        assert clock.elapsed == 6.0
    assert upstream.calls == 2
    assert isinstance(caught.value.__context__, CallTimeoutError)
    assert breaker.snapshot()[""].failures == 2


async def test_a_limit_of_time_is_a_failure_even_where_the_judge_excuses_errors() -> (
    None
):
    breaker = CircuitBreaker("test")
    pipeline = ResiliencePipeline(
        timeouts=Timeouts(TimeoutsConfig(total=5, attempt=None)),
        retry=RetryPolicy(EVEN),
        breaker=breaker,
    )
    call: Call[object] = Call(judge=lambda *_: Judgement("neutral"))
    async with virtual_time():
        with pytest.raises(CallTimeoutError) as caught:
            await pipeline.execute(Upstream(60), call)
    assert caught.value.phase == "total"
    snapshot = breaker.snapshot()[""]
    assert (snapshot.calls, snapshot.failures) == (1, 1)


async def test_the_end_of_the_call_is_not_repeated_though_attempts_are_left() -> None:
    upstream = Upstream(4)
    pipeline = ResiliencePipeline(
        timeouts=Timeouts(TimeoutsConfig(total=6, attempt=None)),
        retry=RetryPolicy(EVEN),
    )
    async with virtual_time() as clock:
        with pytest.raises(CallTimeoutError) as caught:
            await pipeline.execute(upstream)
        assert clock.elapsed == 6.0
    assert (upstream.calls, caught.value.phase) == (2, "total")


async def test_the_end_of_the_call_comes_during_a_pause_too() -> None:
    # Asked for by a clock that the limit of time does not go by: else it would not
    # begin a pause that ends too late.
    pipeline = ResiliencePipeline(
        timeouts=Timeouts(TimeoutsConfig(total=6, attempt=None)),
        retry=RetryPolicy(RetryConfig(), clock=Stopped()),
        clock=Stopped(),
    )
    async with virtual_time() as clock:
        with pytest.raises(CallTimeoutError) as caught:
            await pipeline.execute(Upstream(4))
        assert clock.elapsed == 6.0
    assert caught.value.phase == "total"
    assert pipeline.policies.retry is not None
    assert pipeline.policies.retry.budget is not None
    # The attempt that was waited for is given back.
    assert pipeline.policies.retry.budget.balance() == 10.2


class Stopped:
    """A clock whose sleeps take far longer than it thinks."""

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds + 3600)


async def test_a_call_ends_no_later_than_the_one_around_it() -> None:
    outer = ResiliencePipeline(timeouts=Timeouts(TimeoutsConfig(total=5, attempt=None)))
    inner = ResiliencePipeline(timeouts=Timeouts(TimeoutsConfig(total=30, attempt=9)))
    upstream = Upstream(8)

    async with virtual_time() as clock:
        with pytest.raises(CallTimeoutError) as caught:
            await outer.execute(lambda: inner.execute(upstream))
        assert clock.elapsed == 5.0
    assert caught.value.phase == "total"


async def test_the_owner_of_a_call_enforces_the_deadline_that_it_set() -> None:
    pipeline = ResiliencePipeline(
        timeouts=Timeouts(TimeoutsConfig(total=30, attempt=None)),
        retry=RetryPolicy(EVEN),
    )
    upstream = Upstream(4)
    async with virtual_time() as clock:
        call: Call[object] = Call(deadline=clock.monotonic() + 2)
        with pytest.raises(RetryExhaustedError):
            await pipeline.execute(upstream, call)
        # Neither ended before its time nor repeated after it.
        assert clock.elapsed == 4.0
    assert upstream.calls == 1


async def test_a_retry_within_an_attempt_leaves_the_repeating_to_the_outer_one() -> (
    None
):
    upstream = Upstream()
    outer = ResiliencePipeline(retry=RetryPolicy(EVEN))
    inner = ResiliencePipeline(retry=RetryPolicy(EVEN))
    async with virtual_time():
        with pytest.raises(RetryExhaustedError, match="after attempt 3"):
            await outer.execute(lambda: inner.execute(upstream))
    assert upstream.calls == 3


async def test_a_nested_retry_that_is_allowed_to_multiplies() -> None:
    upstream = Upstream()
    allowed = RetryConfig(base_delay=1, max_delay=1, jitter="none", nested="allow")
    outer = ResiliencePipeline(retry=RetryPolicy(EVEN))
    inner = ResiliencePipeline(retry=RetryPolicy(allowed))
    async with virtual_time():
        with pytest.raises(RetryExhaustedError):
            await outer.execute(lambda: inner.execute(upstream))
    assert upstream.calls == 9


async def test_a_pipeline_within_a_call_that_is_not_repeated_repeats() -> None:
    upstream = Upstream()
    outer = ResiliencePipeline(retry=RetryPolicy(EVEN))
    inner = ResiliencePipeline(retry=RetryPolicy(EVEN))
    async with virtual_time():
        with pytest.raises(RetryExhaustedError):
            await outer.execute(lambda: inner.execute(upstream), Call(repeatable=False))
    assert upstream.calls == 3


async def test_the_longest_duration_counts_from_the_first_attempt() -> None:
    config = EVEN.model_copy(update={"max_duration": 10.0, "max_attempts": 9})
    upstream = Upstream(4)
    pipeline = ResiliencePipeline(retry=RetryPolicy(config))
    async with virtual_time() as clock:
        with pytest.raises(RetryExhaustedError) as caught:
            await pipeline.execute(upstream)
        # The pause after the second attempt would end when ten seconds are over.
        assert clock.elapsed == 9.0
    assert caught.value.attempts == upstream.calls == 2


async def test_a_call_holds_one_place_however_often_it_is_repeated() -> None:
    bulkhead = Bulkhead(BulkheadConfig(max_concurrent=1))
    seen: list[int] = []

    async def fail() -> None:
        seen.append(bulkhead.snapshot()[""].in_flight)
        raise OSError

    async with virtual_time():
        pipeline = ResiliencePipeline(bulkhead=bulkhead, retry=RetryPolicy(EVEN))
        task = asyncio.ensure_future(pipeline.execute(fail))
        await asyncio.sleep(0.5)  # in the first pause
        with pytest.raises(BulkheadFullError):
            await pipeline.execute(fail)
        with pytest.raises(RetryExhaustedError):
            await task
    assert seen == [1, 1, 1]
    assert bulkhead.snapshot()[""].in_flight == 0


async def test_a_call_that_waits_for_a_place_has_all_its_time_when_it_has_one() -> None:
    pipeline = ResiliencePipeline(
        bulkhead=Bulkhead(BulkheadConfig(max_concurrent=1, max_queue=1)),
        timeouts=Timeouts(TimeoutsConfig(total=5, attempt=None)),
    )
    async with virtual_time() as clock:
        first = asyncio.ensure_future(pipeline.execute(lambda: asyncio.sleep(4)))
        await asyncio.sleep(0)
        await pipeline.execute(lambda: asyncio.sleep(4))
        assert clock.elapsed == 8.0
        await first


async def test_the_limiter_is_asked_once_for_a_call_and_may_make_it_wait() -> None:
    limiter = RateLimiter(RateLimiterConfig(permits=1, per=10))
    upstream = Upstream()
    async with virtual_time() as clock:
        pipeline = ResiliencePipeline(limiter=limiter, retry=RetryPolicy(EVEN))
        with pytest.raises(RetryExhaustedError):
            await pipeline.execute(upstream)
        assert (upstream.calls, clock.elapsed) == (3, 2.0)
        with pytest.raises(RetryExhaustedError):
            await pipeline.execute(upstream)
        assert (upstream.calls, clock.elapsed) == (6, 12.0)
        deadline = Call[object](deadline=clock.monotonic() + 1)
        with pytest.raises(RateLimitedError):
            await pipeline.execute(upstream, deadline)
    assert upstream.calls == 6


async def test_an_attempt_that_an_inner_policy_refuses_is_given_back_by_the_outer() -> (
    None
):
    breaker = CircuitBreaker("test")
    concurrency = AdaptiveConcurrency(
        AdaptiveConcurrencyConfig(initial_limit=1, max_limit=1)
    )
    pipeline = ResiliencePipeline(breaker=breaker, concurrency=concurrency)
    async with virtual_time():
        first = asyncio.ensure_future(pipeline.execute(lambda: asyncio.sleep(4)))
        await asyncio.sleep(0)
        with pytest.raises(ConcurrencyLimitedError):
            await pipeline.execute(Upstream())
        await first
    assert concurrency.snapshot()[""].in_flight == 0
    assert breaker.snapshot()[""].calls == 1  # the first; a refusal is no sample


async def test_a_throttled_attempt_is_not_repeated_and_not_made() -> None:
    config = AdaptiveThrottleConfig(minimum_calls=0, max_rejection=0.999, multiplier=1)
    pipeline = ResiliencePipeline(
        retry=RetryPolicy(RetryConfig(max_attempts=2, base_delay=0, jitter="none")),
        throttle=AdaptiveThrottle(config),
    )
    upstream = Upstream()
    async with virtual_time():
        refused = made = 0
        while not refused:
            made = upstream.calls
            try:
                await pipeline.execute(upstream)
            except ThrottledError:
                refused += 1
            except RetryExhaustedError:
                assert upstream.calls == made + 2
    assert upstream.calls - made <= 1


async def test_a_half_open_circuit_admits_what_it_is_told_of_how_slow_it_was() -> None:
    breaker = CircuitBreaker(
        "test",
        CircuitBreakerConfig(slow_call_duration=2, minimum_calls=1, window=1),
    )
    pipeline = ResiliencePipeline(breaker=breaker)
    async with virtual_time():
        await pipeline.execute(lambda: asyncio.sleep(3))
    snapshot = breaker.snapshot()[""]
    assert (snapshot.state, snapshot.slow) == (CircuitState.OPEN, 1)


async def test_a_hedge_is_not_made_while_a_circuit_is_half_open() -> None:
    config = PipelineConfig(
        timeouts=None,
        retry=None,
        hedge=HedgeConfig(delay=1.0),
        breaker=CircuitBreakerConfig(
            consecutive_failures=1, half_open_permits=2, half_open_max_concurrent=2
        ),
    )
    calls = 0

    async def slow() -> None:
        nonlocal calls
        calls += 1
        await asyncio.sleep(3)

    async with virtual_time():
        pipeline = ResiliencePipeline.from_config(config)
        assert pipeline.policies.breaker is not None
        with pytest.raises(OSError, match="down"):
            await pipeline.execute(Upstream())
        await asyncio.sleep(30)
        await pipeline.execute(slow)
        assert pipeline.policies.breaker.snapshot()[""].state is CircuitState.HALF_OPEN
        assert calls == 1
        await pipeline.execute(slow)  # closes it
        assert calls == 2
        await pipeline.execute(slow)
    assert calls == 4


async def test_retry_and_hedge_share_one_budget() -> None:
    config = PipelineConfig(
        timeouts=None,
        retry=RetryConfig(
            max_attempts=9,
            base_delay=0,
            jitter="none",
            budget=BudgetConfig(ratio=0, min_per_second=0.4),
        ),
        hedge=HedgeConfig(delay=1.0),
        breaker=None,
    )
    upstream = Upstream()
    async with virtual_time():
        pipeline = ResiliencePipeline.from_config(config)
        with pytest.raises(RetryExhaustedError):
            await pipeline.execute(upstream)
    # Four beyond the first, whoever made them.
    assert upstream.calls == 5


async def test_a_hedge_without_a_budget_beside_it_has_one_of_its_own() -> None:
    config = PipelineConfig(
        timeouts=None, retry=None, hedge=HedgeConfig(delay=1.0), breaker=None
    )
    pipeline = ResiliencePipeline.from_config(config)
    assert pipeline.policies.hedge is not None
    balance = pipeline.policies.hedge.budget.balance()
    await pipeline.execute(lambda: asyncio.sleep(0))
    # Nobody else counts the calls.
    assert pipeline.policies.hedge.budget.balance() == pytest.approx(balance + 0.2)


async def test_a_fallback_answers_when_everything_else_has_failed() -> None:
    upstream = Upstream()
    pipeline = ResiliencePipeline(
        fallback=Fallback[object].value("none"), retry=RetryPolicy(EVEN)
    )
    async with virtual_time():
        assert await pipeline.execute(upstream) == "none"
    assert upstream.calls == 3


async def test_what_a_retry_does_not_take_for_repeatable_is_raised_unchanged() -> None:
    error = KeyError("not there")

    async def fail() -> None:
        raise error

    pipeline = ResiliencePipeline(retry=RetryPolicy(EVEN, retry_on=OSError))
    with pytest.raises(KeyError) as caught:
        await pipeline.execute(fail)
    assert caught.value is error


async def test_what_is_no_exception_passes_and_counts_for_nothing() -> None:
    class Stop(BaseException):
        pass

    async def stop() -> None:
        raise Stop

    breaker = CircuitBreaker("test")
    pipeline = ResiliencePipeline(retry=RetryPolicy(EVEN), breaker=breaker)
    with pytest.raises(Stop):
        await pipeline.execute(stop)
    assert breaker.snapshot()[""].calls == 0


@pytest.mark.parametrize(
    "hedge", [None, HedgeConfig(delay=1.0)], ids=["alone", "hedged"]
)
async def test_the_end_of_the_time_for_a_call_is_a_failure_of_each_attempt(
    hedge: HedgeConfig | None,
) -> None:
    upstream = Upstream(seconds=60)
    pipeline = ResiliencePipeline.from_config(
        PipelineConfig(
            timeouts=TimeoutsConfig(total=5, attempt=None),
            breaker=CircuitBreakerConfig(),
            hedge=hedge,
        )
    )
    async with virtual_time():
        with pytest.raises(CallTimeoutError, match="5 s"):
            await pipeline.execute(upstream)
    breaker = pipeline.policies.breaker
    assert breaker is not None
    counted = breaker.snapshot()[""]
    assert counted.calls == counted.failures == upstream.calls == (2 if hedge else 1)


async def test_a_limiter_of_another_clock_goes_by_its_own() -> None:
    class Stopped(SystemClock):
        def monotonic(self) -> float:
            return 1e6

    limiter = RateLimiter(
        RateLimiterConfig(permits=1, per=10, burst=2, max_wait=0), clock=Stopped()
    )
    pipeline = ResiliencePipeline(limiter=limiter)

    async def fetch() -> str:
        return "fetched"

    async with virtual_time():
        for _ in range(2):
            assert await pipeline.execute(fetch) == "fetched"
            await asyncio.sleep(100)  # of which this limiter knows nothing
        with pytest.raises(RateLimitedError):
            await pipeline.execute(fetch)
