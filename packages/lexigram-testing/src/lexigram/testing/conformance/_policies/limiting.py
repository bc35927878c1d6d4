"""RATE-001 to 019: what `RateLimiterProtocol` asks of a limiter.

Whether permits come back one by one or all at the end of a period is open: what is asked
for holds for both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import combinations
from random import Random
from typing import TypeAlias

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.resilience import RateLimitedError, RateLimiterProtocol
from lexigram.testing.conformance._behaviour import behaviour
from lexigram.testing.conformance._expectations import (
    elapsed,
    expect,
    expect_equal,
    expect_raised,
    fail,
    now,
)
from lexigram.testing.conformance._implements import assert_implements
from lexigram.testing.conformance._policies.clock import StepClock
from lexigram.testing.conformance._policies.operations import cancelled

LimiterFactory: TypeAlias = Callable[[ClockProtocol], RateLimiterProtocol]
"""Makes a limiter of five permits a second of this clock, that gives five at once after a
pause, and never more than five and what comes meanwhile between any two moments."""

_BURST = 5
_RATE = 5
_REFILL = 1.0
_MANY = 20
_KEY = "https://api.test:443"
_OTHER = "https://other.test:443"
# What binary fractions make of a second that was added up.
_NOISE = 1e-6


@behaviour("RATE-001")
async def implements_the_protocol(make: LimiterFactory) -> None:
    """The limiter has the protocol's methods, with their parameters."""
    assert_implements(RateLimiterProtocol, make(StepClock()))


@behaviour("RATE-002")
async def a_burst_is_admitted_at_once(make: LimiterFactory) -> None:
    """The permits of a burst are there at once, by either method."""
    clock = StepClock()
    trying, waiting = make(clock), make(clock)
    for _ in range(_BURST):
        expect_equal("The wait", await _tried(trying), 0)
        await waiting.acquire(_KEY)
    expect_equal("The sleeps", clock.sleeps, [])


@behaviour("RATE-003")
async def more_than_a_burst_is_not(make: LimiterFactory) -> None:
    """When the burst is used up, the seconds are returned until it is worth trying."""
    limiter = make(StepClock())
    await _use_up(limiter)
    wait = await _tried(limiter)
    expect(0 < wait <= _REFILL, f"The wait is {wait!r}, of {_REFILL:g} s at most.")


@behaviour("RATE-004")
async def who_waits_as_told_is_admitted(make: LimiterFactory) -> None:
    """After the seconds that it returned, the permit is there."""
    clock = StepClock()
    limiter = make(clock)
    await _use_up(limiter)
    for _ in range(_MANY):
        clock.now += await _tried(limiter) + _NOISE
        expect_equal("The wait", await _tried(limiter), 0)
        await _use_up(limiter)


@behaviour("RATE-005")
async def a_refusal_takes_nothing(make: LimiterFactory) -> None:
    """What was refused does not make the next one wait longer."""
    clock = StepClock()
    limiter = make(clock)
    await _use_up(limiter)
    wait = await _tried(limiter)
    for _ in range(_MANY):
        expect_equal("The wait", limiter.try_acquire(_KEY), wait)
        await expect_raised(RateLimitedError, limiter.acquire(_KEY, timeout=0.0))
    clock.now += wait + _NOISE
    expect_equal("The wait", await _tried(limiter), 0)


@behaviour("RATE-006")
async def no_stretch_of_time_sees_too_many(make: LimiterFactory) -> None:
    """Between any two moments no more is given than a burst and what comes meanwhile."""
    clock, random = StepClock(), Random(5)  # noqa: S311 - steps of a clock
    limiter = make(clock)
    given: list[float] = []
    for _ in range(200):
        while await _tried(limiter) == 0 and len(given) < 1000:  # noqa: PLR2004 - a limit that never ends would
            given.append(clock.now)
        clock.now += random.choice([0.01, 0.1, 0.3, 2.0])
    for (first, begin), (last, end) in combinations(enumerate(given), 2):
        number, allowed = last - first + 1, _BURST + _RATE * (end - begin) + _NOISE
        expect(
            number <= allowed,
            f"In {end - begin:.3g} s it gave {number} permits, of {allowed:.3g} at most.",
        )


@behaviour("RATE-007")
async def a_pause_gives_no_more_than_a_burst(make: LimiterFactory) -> None:
    """However long nobody came, only the burst is there at once."""
    clock = StepClock()
    limiter = make(clock)
    for _ in range(2):
        clock.now += 3600.0
        taken = 0
        while await _tried(limiter) == 0 and taken < _MANY:
            taken += 1
        expect_equal("The permits after a pause", taken, _BURST)


@behaviour("RATE-008")
async def keys_are_kept_apart(make: LimiterFactory) -> None:
    """What one key uses up is there for another one."""
    limiter = make(StepClock())
    await _use_up(limiter)
    for _ in range(_BURST):
        expect_equal("The wait", await _tried(limiter, _OTHER), 0)
    await _use_up(limiter, key="")


@behaviour("RATE-009")
async def a_cost_takes_as_many_permits(make: LimiterFactory) -> None:
    """A call of some cost takes so many permits, by either method."""
    for cost, rest in ((_BURST, 0), (3, 2)):
        trying, waiting = make(StepClock()), make(StepClock())
        expect_equal("The wait", await _tried(trying, cost=cost), 0)
        await waiting.acquire(_KEY, cost=cost, timeout=0.0)
        for limiter in (trying, waiting):
            for _ in range(rest):
                expect_equal("The wait", await _tried(limiter), 0)
            expect(await _tried(limiter) > 0, f"A cost of {cost} took less.")


@behaviour("RATE-010")
async def what_is_never_there_is_refused(make: LimiterFactory) -> None:
    """A cost greater than the burst is a mistake, at once; and takes nothing."""
    limiter = make(SystemClock())
    try:
        async with asyncio.timeout(60.0):
            await expect_raised(ValueError, limiter.acquire(_KEY, cost=_BURST + 1))
    except TimeoutError:
        fail("It waited a minute for what never comes.")
    try:
        wait = limiter.try_acquire(_KEY, cost=_BURST + 1)
    except ValueError:
        expect_equal("The wait", await _tried(limiter, cost=_BURST), 0)
    else:
        fail(f"It returned {wait!r} for what never comes.")


@behaviour("RATE-011")
async def acquire_returns_when_there_is_a_permit(make: LimiterFactory) -> None:
    """Who waits is admitted, and neither early nor for longer than it takes."""
    limiter, began = make(SystemClock()), now()
    more = 2 * _RATE
    await asyncio.gather(*(limiter.acquire(_KEY) for _ in range(_BURST + more)))
    took = elapsed(began)
    soonest = (_BURST + more - _BURST) / _RATE
    expect(
        soonest - _NOISE <= took <= soonest + _REFILL,
        f"{_BURST + more} permits took {took:.3g} s, of {soonest:.3g} s at least.",
    )


@behaviour("RATE-012")
async def a_wait_too_long_is_refused_at_once(make: LimiterFactory) -> None:
    """Where it would take longer than allowed, it is refused, without waiting."""
    limiter, began = make(SystemClock()), now()
    await _use_up(limiter)
    error = await expect_raised(RateLimitedError, limiter.acquire(_KEY, timeout=0.01))
    expect_equal("The seconds until it was refused", elapsed(began), 0)
    expect_equal("The key of the error", error.key, _KEY)
    wait = error.retry_after
    expect(
        wait is None or 0 < wait <= _REFILL,
        f"`retry_after` is {wait!r}, of {_REFILL:g} s at most.",
    )


@behaviour("RATE-013")
async def a_wait_short_enough_is_waited(make: LimiterFactory) -> None:
    """Where it takes no longer than allowed, it is admitted."""
    limiter, began = make(SystemClock()), now()
    await _use_up(limiter)
    await limiter.acquire(_KEY, timeout=2 * _REFILL)
    waited = elapsed(began)
    expect(
        0 < waited <= _REFILL + _NOISE,
        f"It waited {waited!r} s, of {_REFILL:g} s at most.",
    )


@behaviour("RATE-014")
async def those_in_line_count_for_the_timeout(make: LimiterFactory) -> None:
    """Whose turn comes too late behind the others is refused at once."""
    limiter, began = make(SystemClock()), now()
    await _use_up(limiter)
    line = [asyncio.ensure_future(limiter.acquire(_KEY)) for _ in range(4 * _RATE)]
    await _settled()
    await expect_raised(RateLimitedError, limiter.acquire(_KEY, timeout=1.5 * _REFILL))
    expect_equal("The seconds until it was refused", elapsed(began), 0)
    await _end(line)


@behaviour("RATE-015")
async def waiters_go_in_order_whatever_they_cost(make: LimiterFactory) -> None:
    """Who came first goes first: no small call overtakes a large one."""
    limiter = make(SystemClock())
    await _use_up(limiter)
    gone: list[int] = []

    async def go(number: int, cost: int) -> None:
        await limiter.acquire(_KEY, cost=cost)
        gone.append(number)

    costs = (1, _BURST, 1, 2, _BURST, 1)
    waiters: list[asyncio.Future[None]] = []
    for number, cost in enumerate(costs):
        waiters.append(asyncio.ensure_future(go(number, cost)))
        await _settled()
    await asyncio.gather(*waiters)
    expect_equal("The order", gone, list(range(len(costs))))


@behaviour("RATE-016")
async def cancelling_a_wait_passes_through(make: LimiterFactory) -> None:
    """Cancellation of a wait passes through."""
    limiter = make(SystemClock())
    await _use_up(limiter)
    waiting = asyncio.Event()
    waiting.set()
    task = asyncio.ensure_future(limiter.acquire(_KEY))
    passed = await cancelled(task, waiting)
    expect(passed, f"The cancelled wait ended as {task!r}.")


@behaviour("RATE-017")
async def a_cancelled_waiter_gives_back_what_it_reserved(make: LimiterFactory) -> None:
    """Those behind a cancelled waiter wait as if it had not come."""
    limiter, began = make(SystemClock()), now()
    await _use_up(limiter)
    large = asyncio.ensure_future(limiter.acquire(_KEY, cost=_BURST))
    await _settled()
    small = asyncio.ensure_future(limiter.acquire(_KEY))
    await _settled()
    await _end([large])
    await small
    waited = elapsed(began)
    expect(
        waited <= _REFILL + _NOISE,
        f"Behind a cancelled call of {_BURST} permits it waited {waited!r} s.",
    )


@behaviour("RATE-018")
async def cancellations_lose_nothing(make: LimiterFactory) -> None:
    """After many cancellations, at any time of the wait, the whole burst is there."""
    limiter, random = make(SystemClock()), Random(5)  # noqa: S311 - moments of a test
    waiters = [
        asyncio.ensure_future(limiter.acquire(_KEY, cost=random.randint(1, _BURST)))
        for _ in range(_MANY)
    ]
    while unfinished := [waiter for waiter in waiters if not waiter.done()]:
        await _end([random.choice(unfinished)])
        await asyncio.sleep(random.choice([0.0, 0.05, 0.2, 0.4]))
    await asyncio.sleep(_REFILL + _NOISE)
    expect_equal("The wait", await _tried(limiter, cost=_BURST), 0)


@behaviour("RATE-019")
async def a_waiter_holds_up_no_other_key(make: LimiterFactory) -> None:
    """While some wait for one key, another one is served at once."""
    limiter, began = make(SystemClock()), now()
    await _use_up(limiter)
    line = [asyncio.ensure_future(limiter.acquire(_KEY)) for _ in range(_MANY)]
    await _settled()
    await limiter.acquire(_OTHER)
    expect_equal("The seconds", elapsed(began), 0)
    await _end(line)


async def _tried(
    limiter: RateLimiterProtocol, key: str = _KEY, *, cost: int = 1
) -> float:
    """Take the permits and return 0, or return the seconds until it may succeed.

    A limiter that has to ask elsewhere whether they are there says first how long asking
    takes, and knows it when it has been waited for.
    """
    if not limiter.try_acquire(key, cost=cost):
        return 0.0
    try:
        await limiter.acquire(key, cost=cost, timeout=0.0)
    except RateLimitedError:
        return limiter.try_acquire(key, cost=cost)
    return 0.0


async def _use_up(limiter: RateLimiterProtocol, key: str = _KEY) -> None:
    """Take what is there, of a burst at most."""
    for _ in range(_BURST):
        if await _tried(limiter, key) > 0:
            return


async def _settled() -> None:
    """Let everybody who can go on do so."""
    for _ in range(_MANY):
        await asyncio.sleep(0)


async def _end(waiters: Sequence[asyncio.Future[None]]) -> None:
    for waiter in waiters:
        waiter.cancel()
    await asyncio.gather(*waiters, return_exceptions=True)
