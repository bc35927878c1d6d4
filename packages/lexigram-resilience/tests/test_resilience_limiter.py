from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexigram.contracts.resilience import Call, RateLimitedError, RateLimiterProtocol
from lexigram.resilience import RateLimiter, RateLimiterConfig, ResiliencePipeline
from lexigram.resilience._events.events import CallRefused, Event, Waited
from lexigram.resilience._events.listeners import Events
from lexigram.testing import virtual_time


def limiter(
    permits: int = 10, per: float = 1.0, burst: int = 1, **more: object
) -> RateLimiter:
    config = {"permits": permits, "per": per, "burst": burst, **more}
    return RateLimiter(RateLimiterConfig.model_validate(config), name="api")


async def fetch() -> str:
    return "fetched"


def test_it_is_what_the_contract_describes() -> None:
    proof: RateLimiterProtocol = limiter()
    assert isinstance(proof, RateLimiterProtocol)


async def test_within_the_burst_nobody_waits() -> None:
    subject = limiter(burst=3)
    async with virtual_time() as clock:
        for _ in range(3):
            await subject.acquire()
        assert clock.elapsed == 0


async def test_beyond_the_burst_calls_are_spread_at_the_rate() -> None:
    subject = limiter(permits=10, burst=2)
    async with virtual_time() as clock:
        times = []
        for _ in range(6):
            await subject.acquire()
            times.append(round(clock.elapsed, 6))
    assert times == [0.0, 0.0, 0.1, 0.2, 0.3, 0.4]


async def test_waiters_go_in_the_order_of_their_coming_whatever_they_cost() -> None:
    subject = limiter(permits=10, burst=5)
    order: list[str] = []

    async def take(name: str, cost: int) -> None:
        await subject.acquire(cost=cost)
        order.append(name)

    async with virtual_time() as clock:
        await subject.acquire(cost=5)
        async with asyncio.TaskGroup() as group:
            for name, cost in (("large", 5), ("small", 1), ("middle", 3)):
                group.create_task(take(name, cost))
        assert order == ["large", "small", "middle"]
        assert clock.elapsed == pytest.approx(0.9)


async def test_nobody_overtakes_a_line_not_even_without_waiting() -> None:
    subject = limiter(permits=1, burst=2)
    async with virtual_time() as clock:
        await subject.acquire()
        waiting = asyncio.create_task(subject.acquire(cost=2))
        await clock.settle()
        # One permit is there, and the one in the line wants it.
        assert subject.try_acquire() == pytest.approx(2.0)
        await waiting


async def test_too_long_a_wait_is_refused_at_once_and_takes_nothing() -> None:
    subject = limiter(permits=1, burst=1)
    async with virtual_time() as clock:
        await subject.acquire("k")
        with pytest.raises(RateLimitedError) as caught:
            await subject.acquire("k", timeout=0.5)
        assert clock.elapsed == 0
        assert (caught.value.key, caught.value.retry_after) == ("k", 1.0)
        await subject.acquire("k", timeout=1.0)
        assert clock.elapsed == 1.0


async def test_the_wait_of_all_before_counts() -> None:
    subject = limiter(permits=1, burst=1)
    async with virtual_time() as clock:
        await subject.acquire()
        line = [asyncio.create_task(subject.acquire()) for _ in range(3)]
        await clock.settle()
        with pytest.raises(RateLimitedError) as caught:
            await subject.acquire(timeout=3.9)
        assert caught.value.retry_after == pytest.approx(4.0)
        await asyncio.gather(*line)


async def test_keys_have_rates_of_their_own() -> None:
    subject = limiter(permits=1, burst=1)
    async with virtual_time() as clock:
        await subject.acquire("a")
        await subject.acquire("b")
        assert clock.elapsed == 0


async def test_one_that_is_cancelled_has_taken_nothing() -> None:
    subject = limiter(permits=1, burst=1)
    async with virtual_time() as clock:
        await subject.acquire()
        first = asyncio.create_task(subject.acquire())
        second = asyncio.create_task(subject.acquire())
        await clock.settle()
        first.cancel()
        await second
        assert clock.elapsed == 1.0
        with pytest.raises(asyncio.CancelledError):
            await first


async def test_the_head_may_be_cancelled_at_the_moment_of_its_turn() -> None:
    subject = limiter(permits=1, burst=1)
    async with virtual_time() as clock:
        await subject.acquire()
        line = [asyncio.create_task(subject.acquire()) for _ in range(3)]
        await clock.settle()
        line[0].cancel()
        line[1].cancel()  # it is woken and cancelled in the same turn of the loop
        await line[2]
        assert clock.elapsed == 1.0
        await asyncio.gather(*line, return_exceptions=True)


@pytest.mark.parametrize("cost", [0, -1, 3])
async def test_a_cost_that_never_fits_is_a_mistake_of_the_program(cost: int) -> None:
    subject = limiter(burst=2)
    with pytest.raises(ValueError, match="cost"):
        await subject.acquire(cost=cost)
    with pytest.raises(ValueError, match="cost"):
        subject.try_acquire(cost=cost)


def test_a_cost_beyond_the_burst_says_what_to_do() -> None:
    with pytest.raises(
        ValueError, match=r"cost=3 is more than the burst of 2"
    ) as caught:
        limiter(burst=2).try_acquire(cost=3)
    assert str(caught.value).endswith(
        "so many permits are never there at a time. Raise `burst`, or split the call."
    )


async def test_a_higher_rate_wakes_the_one_who_sleeps() -> None:
    subject = limiter(permits=1, per=3600.0, burst=1)
    async with virtual_time() as clock:
        await subject.acquire()
        waiting = asyncio.create_task(subject.acquire())
        await clock.settle()
        subject.reconfigure(RateLimiterConfig(permits=10, burst=1))
        await waiting
        assert clock.elapsed == pytest.approx(0.1)


async def test_another_rate_holds_for_a_key_that_nobody_waits_for() -> None:
    subject = limiter(permits=1, burst=1)
    async with virtual_time():
        await subject.acquire()
        subject.reconfigure(RateLimiterConfig(permits=10, burst=1))
        assert subject.try_acquire() == pytest.approx(0.1)


async def test_a_lower_rate_refuses_who_would_wait_too_long_now() -> None:
    subject = limiter(permits=10, burst=1)
    async with virtual_time() as clock:
        await subject.acquire()
        waiting = asyncio.create_task(subject.acquire(timeout=0.2))
        await clock.settle()
        subject.reconfigure(RateLimiterConfig(permits=1, per=60.0, burst=1))
        with pytest.raises(RateLimitedError):
            await waiting


async def test_a_smaller_burst_refuses_who_wants_more_than_it_holds() -> None:
    subject = limiter(permits=10, burst=5)
    async with virtual_time() as clock:
        await subject.acquire(cost=5)
        waiting = asyncio.create_task(subject.acquire(cost=5))
        await clock.settle()
        subject.reconfigure(RateLimiterConfig(permits=10, burst=2))
        with pytest.raises(RateLimitedError):
            await waiting
        await subject.acquire()


async def test_an_operation_waits_for_its_permit() -> None:
    subject = limiter(permits=2, burst=1)
    async with virtual_time() as clock:
        assert [await subject.execute(fetch) for _ in range(3)] == ["fetched"] * 3
        assert clock.elapsed == 1.0


async def test_an_operation_is_not_started_when_the_wait_is_too_long() -> None:
    subject = limiter(permits=1, burst=1, max_wait=0.5)
    ran: list[int] = []

    async def run() -> None:
        ran.append(1)

    async with virtual_time():
        await subject.execute(run)
        with pytest.raises(RateLimitedError, match="'api'"):
            await subject.execute(run)
    assert ran == [1]


@pytest.mark.parametrize("max_wait", [None, 5.0])
async def test_nobody_waits_past_the_deadline_of_the_call(
    max_wait: float | None,
) -> None:
    subject = limiter(permits=1, burst=1, max_wait=max_wait)
    async with virtual_time() as clock:
        await subject.execute(fetch)
        soon = Call[str](deadline=clock.monotonic() + 0.5)
        with pytest.raises(RateLimitedError):
            await subject.execute(fetch, soon)
        later = Call[str](deadline=clock.monotonic() + 1.5)
        assert await subject.execute(fetch, later) == "fetched"


async def test_nobody_waits_longer_than_allowed_for_a_later_deadline() -> None:
    subject = limiter(permits=1, burst=1, max_wait=0.5)
    async with virtual_time() as clock:
        await subject.execute(fetch)
        with pytest.raises(RateLimitedError):
            await subject.execute(fetch, Call(deadline=clock.monotonic() + 9))


async def test_a_refusal_says_of_which_key_how_long_and_what_was_allowed() -> None:
    subject = limiter(permits=1, burst=1)
    async with virtual_time() as clock:
        call = Call[str](key="k", deadline=clock.monotonic() + 0.5)
        await subject.execute(fetch, call)
        with pytest.raises(RateLimitedError) as caught:
            await subject.execute(fetch, call)
    assert (caught.value.key, caught.value.retry_after) == ("k", 1.0)
    assert str(caught.value) == (
        "The limiter 'api' lets 1 calls through in 1 s; for 'k' the next one may go in "
        "1 s, and 0.5 s were allowed."
    )


@pytest.mark.parametrize(
    ("limit", "end"), [(0.2, "in 60 s, and 0.2 s were allowed."), (None, "in 180 s.")]
)
async def test_a_refusal_by_a_changed_limit_says_the_same(
    limit: float | None, end: str
) -> None:
    subject = limiter(permits=10, burst=2)
    async with virtual_time() as clock:
        await subject.acquire("k", cost=2)
        cost = 2 if limit is None else 1
        waiting = asyncio.create_task(subject.acquire("k", cost=cost, timeout=limit))
        await clock.settle()
        # One who wants 2 of a burst of 1 never gets them; one who wants 1 gets it late.
        subject.reconfigure(RateLimiterConfig(permits=1, per=60.0, burst=3 - cost))
        with pytest.raises(RateLimitedError) as caught:
            await waiting
    assert caught.value.key == "k"
    assert str(caught.value).endswith(end)


async def test_a_key_whose_burst_is_back_makes_room() -> None:
    subject = limiter(permits=1, burst=1, max_keys=3)
    async with virtual_time() as clock:
        for key in ("a", "b", "c"):
            await subject.acquire(key)
        await clock.advance(1)
        subject.reconfigure(RateLimiterConfig(permits=1, burst=1, max_keys=1))
        await subject.acquire("d")
        assert repr(subject).endswith("burst 1, 1 keys>")


Take = Callable[[RateLimiter, str], Awaitable[object]]


async def try_once(subject: RateLimiter, key: str) -> None:
    assert subject.try_acquire(key) == 0


async def run_in_a_pipeline(subject: RateLimiter, key: str) -> None:
    await ResiliencePipeline(limiter=subject).execute(fetch, Call(key=key))


# All the ways to take one permit.
WAYS = pytest.mark.parametrize(
    "take",
    [
        try_once,
        lambda subject, key: subject.acquire(key),
        lambda subject, key: subject.execute(fetch, Call(key=key)),
        run_in_a_pipeline,
    ],
    ids=["try_acquire", "acquire", "execute", "pipeline"],
)


@WAYS
async def test_calls_without_a_key_take_no_place_among_the_keys(take: Take) -> None:
    subject = limiter(permits=1, burst=2, max_keys=1)
    async with virtual_time():
        await take(subject, "")
        assert repr(subject).endswith(" 0 keys>")
        await take(subject, "a")
        assert repr(subject).endswith(" 1 keys>")


@WAYS
async def test_each_way_takes_one_permit_of_its_key_alone(take: Take) -> None:
    subject = limiter(permits=1, burst=2)
    async with virtual_time():
        for key in ("", "a", "b"):
            await take(subject, key)
            assert subject.try_acquire(key) == 0
            assert subject.try_acquire(key) == 1.0


async def test_the_gate_of_calls_without_a_key_stays_however_many_keys_come() -> None:
    subject = limiter(permits=1, burst=1, max_keys=1)
    async with virtual_time() as clock:
        gate = subject.gate("")
        for key in ("a", "b", "c"):
            await subject.acquire(key)
            await clock.advance(1)
        assert subject.gate("") is gate


async def test_a_pipeline_waits_for_the_permit_of_its_call() -> None:
    subject = limiter(permits=2, burst=1)
    async with virtual_time() as clock:
        for _ in range(3):
            await run_in_a_pipeline(subject, "k")
        assert clock.elapsed == 1.0


async def test_a_gate_shows_who_waits_for_its_key() -> None:
    subject = limiter(permits=1, burst=1)
    async with virtual_time() as clock:
        await subject.acquire("k")
        waiting = asyncio.create_task(subject.acquire("k"))
        await clock.settle()
        assert [subject.gate(key).queued for key in ("k", "other", "")] == [1, 0, 0]
        await waiting


async def test_refusals_and_waits_are_told() -> None:
    told: list[Event] = []
    subject = RateLimiter(
        RateLimiterConfig(permits=1, burst=1), name="api", events=Events([told.append])
    )
    async with virtual_time():
        await subject.acquire("k")
        with pytest.raises(RateLimitedError):
            await subject.acquire("k", timeout=0)
        await subject.acquire("k")
    assert told == [
        CallRefused("api", "k", "limiter", 1.0),
        Waited("api", "k", "limiter", 1.0),
    ]


async def test_a_key_whose_burst_is_not_back_is_not_forgotten() -> None:
    subject = limiter(permits=1, per=60.0, burst=1, max_keys=1)
    async with virtual_time():
        for key in ("a", "b"):
            await subject.acquire(key)
        assert subject.try_acquire("a") > 0


def test_its_repr_shows_the_limit() -> None:
    assert repr(limiter(permits=5, per=2.0)) == (
        "<RateLimiter 'api': 5 per 2 s, burst 1, 0 keys>"
    )
    assert repr(RateLimiter()).startswith("<RateLimiter 'limiter': 100 per 1 s")


def test_a_limit_is_configured_by_the_second_or_by_the_minute() -> None:
    assert RateLimiterConfig.per_second(5).rate == 5
    assert RateLimiterConfig.per_minute(120, burst=3).rate == 2
    assert RateLimiterConfig.per_minute(120).largest == 120
    assert limiter(permits=7).config.permits == 7


class LateClock:
    """The time of the loop, and what a busy loop has not noticed of it yet."""

    def __init__(self) -> None:
        self.behind = 0.0

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time() + self.behind

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def test_a_busy_loop_admits_nobody_for_nothing_while_others_wait() -> None:
    clock = LateClock()
    config = RateLimiterConfig(permits=10, burst=5)
    subject = RateLimiter(config, name="api", clock=clock)
    async with virtual_time() as virtual:
        await subject.acquire(cost=5)
        waiting = asyncio.create_task(subject.acquire())
        await virtual.settle()
        clock.behind = 60.0  # all is there again, and who waits has not been woken
        admitted = sum(subject.try_acquire() == 0 for _ in range(50))
        await waiting
        assert admitted + 1 <= 5


async def test_one_who_wants_more_than_a_smaller_burst_is_refused_when_it_is_full() -> (
    None
):
    clock = LateClock()
    config = RateLimiterConfig(permits=10, burst=5)
    subject = RateLimiter(config, name="api", clock=clock)
    async with virtual_time() as virtual:
        await subject.acquire(cost=5)
        waiting = asyncio.create_task(subject.acquire(cost=5))
        await virtual.settle()
        subject.reconfigure(RateLimiterConfig(permits=10, burst=2))
        clock.behind = 60.0  # all that the new burst holds is there again
        with pytest.raises(RateLimitedError) as caught:
            await waiting
        assert caught.value.retry_after == pytest.approx(0.3)
        assert subject.try_acquire(cost=2) == 0


async def test_trap_t21_a_limiter_admits_no_more_than_it_promises() -> None:
    subject = limiter(permits=100, burst=100)
    admitted = 0

    async def hammer() -> None:
        nonlocal admitted
        while True:
            await subject.acquire()
            admitted += 1

    async with virtual_time():
        tasks = [asyncio.create_task(hammer()) for _ in range(10)]
        await asyncio.sleep(2)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert admitted <= 301


@settings(max_examples=60, deadline=None)
@given(
    plan=st.lists(
        st.tuples(
            st.floats(min_value=0, max_value=0.3),
            st.integers(min_value=1, max_value=4),
            st.one_of(st.none(), st.floats(min_value=0, max_value=1)),
        ),
        max_size=30,
    ),
    seed=st.integers(),
)
def test_whoever_is_cancelled_when_the_promise_holds_and_nothing_is_left(
    plan: list[tuple[float, int, float | None]], seed: int
) -> None:
    random, rate, burst = Random(seed), 10, 4
    granted: list[tuple[float, int]] = []

    async def take(cost: int, limit: float | None) -> None:
        await subject.acquire(cost=cost, timeout=limit)
        granted.append((asyncio.get_running_loop().time(), cost))

    async def run() -> None:
        async with virtual_time():
            tasks: list[asyncio.Task[None]] = []
            for pause, cost, limit in plan:
                await asyncio.sleep(pause)
                tasks.append(asyncio.create_task(take(cost, limit)))
                if random.random() < 0.4:
                    random.choice(tasks).cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            gate = subject.gate("")
            assert (len(gate.line), gate.queued) == (0, 0)

    subject = limiter(permits=rate, burst=burst)
    asyncio.run(run())
    for start, (first, _) in enumerate(granted):
        total = 0
        for moment, cost in granted[start:]:
            total += cost
            assert total <= burst + rate * (moment - first) + 1e-6
