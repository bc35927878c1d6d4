"""Adaptive concurrency in front of an upstream with a queue, in virtual time.

The upstream works at `capacity` calls at once, each for `service` seconds, and lets the
others wait in the order of their coming. There are always more callers than it can bear,
unless a test says otherwise.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from math import ceil
from random import Random

import pytest

from lexigram.contracts.resilience import ConcurrencyLimitedError
from lexigram.resilience._adaptive.concurrency import AdaptiveConcurrency
from lexigram.resilience._adaptive.limit import AdaptiveLimit
from lexigram.resilience._config.concurrency import AdaptiveConcurrencyConfig
from lexigram.testing import VirtualClock, virtual_time

pytestmark = pytest.mark.thorough

CAPACITY = 16
SERVICE = 0.2  # seconds
TOLERANCE = 1.5


class Upstream:
    def __init__(self) -> None:
        self.service = SERVICE
        self._places = asyncio.Semaphore(CAPACITY)
        self.latencies: list[float] = []

    async def __call__(self) -> None:
        began = asyncio.get_running_loop().time()
        async with self._places:
            await asyncio.sleep(self.service)
        self.latencies.append(asyncio.get_running_loop().time() - began)

    async def halve(self) -> AsyncExitStack:
        """Lose half of the capacity, until what is returned is closed."""
        lost = AsyncExitStack()
        for _ in range(CAPACITY // 2):
            await lost.enter_async_context(self._places)
        return lost


class Run:
    """Callers that keep on calling, and what they see."""

    def __init__(self, clock: VirtualClock, upstream: Upstream, initial: int) -> None:
        self._clock = clock
        self._upstream = upstream
        config = AdaptiveConcurrencyConfig(initial_limit=initial, tolerance=TOLERANCE)
        self._subject = AdaptiveConcurrency(config)

    async def caller(self) -> None:
        while True:
            try:
                await self._subject.execute(self._upstream)
            except ConcurrencyLimitedError:
                await self._clock.sleep(0.2)

    async def limit(self) -> int:
        """Return the limit, when it is none to measure with."""
        while (now := self._subject.snapshot()[""]).measuring:
            await self._clock.sleep(0.1)
        return now.limit

    async def watch(self, seconds: int) -> tuple[float, float]:
        """Let time pass; return the average latency, and the calls per second."""
        self._upstream.latencies.clear()
        await self._clock.sleep(seconds)
        latencies = self._upstream.latencies
        return sum(latencies) / len(latencies), len(latencies) / seconds


async def simulate(
    initial: int, callers: int, story: Callable[[Run, Upstream], Awaitable[None]]
) -> None:
    upstream = Upstream()
    async with virtual_time() as clock, asyncio.TaskGroup() as group:
        run = Run(clock, upstream, initial)
        tasks = [group.create_task(run.caller()) for _ in range(callers)]
        await story(run, upstream)
        for task in tasks:
            task.cancel()


async def check_settled(run: Run, capacity: int, service: float = SERVICE) -> None:
    """Check that the upstream is busy, and its queue as long as is tolerated."""
    latency, rate = await run.watch(30)
    # Measuring the usual latency leaves half of it idle for a second of thirty, and
    # what the limit is beyond its aim does not show within the error of an average.
    assert rate >= 0.95 * capacity / service
    # A limit is a whole number.
    most = ceil(1.15 * TOLERANCE * capacity)
    assert service <= latency <= most / capacity * service
    assert capacity <= await run.limit() <= most


@pytest.mark.parametrize("initial", [1, 10, 60])
async def test_the_limit_settles_near_what_the_upstream_can_do_at_once(
    initial: int,
) -> None:
    async def story(run: Run, upstream: Upstream) -> None:
        del upstream
        await run.watch(95)
        await check_settled(run, CAPACITY)

    await simulate(initial, 60, story)


async def test_it_does_not_drift_with_the_queue_that_it_allows() -> None:
    async def story(run: Run, upstream: Upstream) -> None:
        del upstream
        await run.watch(300)
        await check_settled(run, CAPACITY)

    await simulate(10, 60, story)


async def test_it_follows_an_upstream_that_loses_half_of_its_capacity_and_recovers() -> (
    None
):
    async def story(run: Run, upstream: Upstream) -> None:
        await run.watch(40)
        lost = await upstream.halve()
        await run.watch(5)
        await check_settled(run, CAPACITY // 2)
        await lost.aclose()
        await run.watch(10)
        await check_settled(run, CAPACITY)

    await simulate(10, 60, story)


async def test_it_learns_that_an_upstream_has_become_slower_at_no_smaller_capacity() -> (
    None
):
    async def story(run: Run, upstream: Upstream) -> None:
        await run.watch(40)
        upstream.service = 2 * SERVICE
        await run.watch(40)
        await check_settled(run, CAPACITY, 2 * SERVICE)
        upstream.service = SERVICE
        await run.watch(40)
        await check_settled(run, CAPACITY)

    await simulate(10, 60, story)


async def test_callers_that_the_upstream_can_bear_are_never_refused() -> None:
    async def story(run: Run, upstream: Upstream) -> None:
        del upstream
        latency, rate = await run.watch(100)
        assert rate == pytest.approx(CAPACITY / SERVICE, rel=0.02)
        assert latency == pytest.approx(SERVICE)

    await simulate(20, CAPACITY, story)


def refused(rate: float, draw: Callable[[Random], float], seed: int) -> float:
    """Return the share that is refused of calls that no queue makes longer."""
    random, now = Random(seed), 0.0
    limit = AdaptiveLimit(AdaptiveConcurrencyConfig(), now, lambda _: None)
    ends: list[tuple[float, float]] = []
    calls = refusals = 0
    while now < 600:
        now += random.expovariate(rate)
        while ends and ends[0][0] <= now:
            end, began = heapq.heappop(ends)
            limit.release(began, "success", end)
        calls += 1
        if limit.try_acquire(now):
            heapq.heappush(ends, (now + draw(random), now))
        else:
            refusals += 1
    return refusals / calls


@pytest.mark.parametrize("rate", [5, 50, 150])
@pytest.mark.parametrize(
    "draw",
    [
        lambda random: random.expovariate(10),
        lambda random: 0.1 * random.lognormvariate(-1.125, 1.5),
        lambda random: 1.0 if random.random() < 0.05 else 0.01,
    ],
    ids=["exponential", "long tail", "two kinds of calls"],
)
def test_latencies_that_differ_for_no_fault_of_ours_refuse_nobody(
    rate: float, draw: Callable[[Random], float]
) -> None:
    assert refused(rate, draw, seed=1) < 0.001


def overloaded(
    capacity: int, service: float, rate: float, seed: int
) -> tuple[float, float]:
    """Let calls of very different lengths queue up for 400 seconds.

    Returns:
        How much of its capacity the upstream could use in the second half of them, and
        how many times `service` a call took.
    """
    random, now = Random(seed), 0.0
    limit = AdaptiveLimit(AdaptiveConcurrencyConfig(), now, lambda _: None)
    arrival, busy = 0.0, 0
    queue: deque[float] = deque()
    ends: list[tuple[float, float]] = []
    latencies: list[float] = []
    while now < 400:
        if ends and ends[0][0] <= arrival:
            now, began = heapq.heappop(ends)
            busy -= 1
            limit.release(began, "success", now)
            latencies += [now - began] if now > 200 else []
        else:
            now = arrival
            arrival += random.expovariate(rate)
            if limit.try_acquire(now):
                queue.append(now)
        while queue and busy < capacity:
            busy += 1
            length = random.expovariate(1 / service)
            heapq.heappush(ends, (now + length, queue.popleft()))
    used = len(latencies) / 200 * service / capacity
    return used, sum(latencies) / len(latencies) / service


@pytest.mark.parametrize(
    ("capacity", "service", "rate"),
    [(10, 0.1, 200), (3, 0.3, 30), (30, 0.2, 300), (10, 1.0, 20)],
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_overloaded_upstream_of_very_different_calls_stays_busy_and_quick(
    capacity: int, service: float, rate: float, seed: int
) -> None:
    used, latency = overloaded(capacity, service, rate, seed)
    assert used > 0.85
    # Without a limit it would be hundreds.
    assert latency < 2.2
