"""What becomes of a shared limit when its store is slow, gone, or another one."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, nullcontext, suppress
from functools import partial
from random import Random
from typing import Any

import pytest

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import RateLimitedError
from lexigram.resilience import (
    RateLimiterConfig,
    SharedRateLimiter,
    SharedStore,
    Sharing,
    StoreConfig,
)
from lexigram.resilience.events import CircuitChanged, Event, Events
from lexigram.resilience.watching import StoreHealthCheck
from lexigram.testing import VirtualClock, virtual_time

KEY = "https://api.test:443"


class ManualClock(ClockProtocol):
    """Stands still but for sleeps, which end at once."""

    def __init__(self) -> None:
        self.now = 100.0
        self.settles: Callable[[], Awaitable[None]] = partial(asyncio.sleep, 0)

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        await self.settles()
        self.now += max(0.0, seconds)


class HeldStore(SharedStore):
    """Holds virtual time, where there is any, while the server works."""

    time: VirtualClock | None = None
    trips = 0

    async def run(self, source: str, key: str, *args: Any) -> Any:
        self.trips += 1
        held = nullcontext() if self.time is None else self.time.register_external("")
        with held:
            return await super().run(source, key, *args)


class Process:
    """One of several processes that share a limit of 20 in 10 s."""

    def __init__(
        self,
        url: str,
        clock: ManualClock,
        events: Events | None,
        client: Any = None,
        **options: Any,
    ) -> None:
        settings = {"timeout": 10.0, "share": 0.25, "lease": 0.0} | options
        self.store = HeldStore(
            StoreConfig(url=url, prefix="outage", **settings),
            client=client,
            clock=clock,
            random=Random(1),
            events=events,
        )
        self.limiter = SharedRateLimiter(
            RateLimiterConfig(permits=20, per=10.0),
            store=self.store,
            clock=clock,
            given_time=clock.monotonic,
        )

    async def takes(self) -> int:
        """Take what is there without waiting; return how much that was."""
        with suppress(RateLimitedError):
            for number in range(100):
                last = number
                await self.limiter.acquire(KEY, timeout=0)
        return last

    async def settles(self) -> None:
        """Let it end what it does beside the calls."""
        await self.store.settled()
        await asyncio.sleep(0)


class Fleet:
    def __init__(self, url: str, stack: AsyncExitStack) -> None:
        self.clock = ManualClock()
        self.url = url
        self._stack = stack

    def process(self, *, events: Events | None = None, **options: Any) -> Process:
        made = Process(self.url, self.clock, events, **options)
        self._stack.push_async_callback(made.store.close)
        return made


@pytest.fixture
async def fleet(own_server: Any) -> AsyncIterator[Fleet]:
    async with AsyncExitStack() as stack:
        yield Fleet(own_server.url, stack)


async def test_without_the_store_each_process_keeps_to_its_share(
    fleet: Fleet, own_server: Any
) -> None:
    one, other = fleet.process(), fleet.process()
    assert await one.takes() == 20
    own_server.kill()
    fleet.clock.now += 1.0
    assert await one.takes() == await other.takes() == 1
    fleet.clock.now += 4.0
    # A quarter of two permits a second; and of a burst of 20, after a long pause.
    assert await one.takes() == 2
    fleet.clock.now += 1000.0
    assert await one.takes() == await other.takes() == 5


async def test_a_call_that_costs_more_than_the_share_pays_for_it_later(
    fleet: Fleet, own_server: Any
) -> None:
    own_server.kill()
    process = fleet.process()
    await process.takes()
    fleet.clock.now += 1000.0
    await process.limiter.acquire(KEY, cost=20)
    with pytest.raises(RateLimitedError) as refused:
        await process.limiter.acquire(KEY, timeout=0)
    assert refused.value.retry_after == pytest.approx(16 / 0.5)


async def test_a_store_that_answers_nothing_costs_a_few_calls_their_limit_of_time(
    fleet: Fleet, own_server: Any
) -> None:
    process = fleet.process(timeout=0.05)
    async with virtual_time() as time:
        process.store.time = time
        assert await process.takes() == 20
        own_server.pause()
        process.store.time = None
        fleet.clock.now += 1000.0
        began = time.elapsed
        assert await process.takes() == 1
        assert time.elapsed == began + 0.05
        for _ in range(3):
            # Nobody waits for the store any more: it is asked beside the calls.
            fleet.clock.now += 2.0
            began = time.elapsed
            assert await process.takes() == 1
            assert time.elapsed == began
            await process.settles()
        assert process.store.guard.is_lost
        # From now on nobody even tries.
        trips = process.store.trips
        assert await process.takes() == 0
        assert process.store.trips == trips
    own_server.resume()


async def test_the_shared_limit_is_back_without_a_burst(
    fleet: Fleet, own_server: Any
) -> None:
    processes = [fleet.process() for _ in range(4)]
    assert await processes[0].takes() == 20
    own_server.kill()
    for _ in range(6):
        fleet.clock.now += 5.0
        for each in processes:
            await each.takes()
            await each.settles()
    own_server.start()
    began, admitted = fleet.clock.now, 0
    while fleet.clock.now < began + 60.0:
        fleet.clock.now += 0.25
        for each in processes:
            admitted += await each.takes()
            await each.settles()
        # The server knows nothing: a burst of it would be 20 at once.
        assert admitted <= 4 + 2.0 * (fleet.clock.now - began)
    assert admitted >= 2.0 * 60.0 - 20
    assert not any(each.store.guard.is_lost for each in processes)


async def test_what_was_used_without_the_store_is_counted_when_it_is_back(
    fleet: Fleet, own_server: Any
) -> None:
    process, other = fleet.process(), fleet.process()
    assert await process.takes() == 20
    fleet.clock.now += 4.0  # 8 are there again
    own_server.pause()
    async with virtual_time():
        assert await process.takes() == 1  # by itself, with 5 of its share used
    own_server.resume()
    fleet.clock.now += 0.001
    await process.takes()
    await process.settles()
    assert await other.takes() <= 8 - 5


async def test_a_closed_limit_lets_nobody_through_and_says_when_to_try_again(
    fleet: Fleet, own_server: Any
) -> None:
    own_server.kill()
    process = fleet.process(on_store_error="closed")
    for _ in range(3):
        with pytest.raises(RateLimitedError) as refused:
            await process.limiter.acquire(KEY, timeout=0)
        await process.settles()
    assert 0 < (refused.value.retry_after or 0) <= 10.0
    own_server.start()
    await process.limiter.acquire(KEY)


async def test_an_open_limit_lets_everybody_through_and_is_back_without_a_burst(
    fleet: Fleet, own_server: Any
) -> None:
    own_server.kill()
    process = fleet.process(on_store_error="open")
    for _ in range(100):
        await process.limiter.acquire(KEY, timeout=0)
        assert process.limiter.try_acquire(KEY) == 0
    await process.settles()
    own_server.start()
    fleet.clock.now += 6.0
    await process.limiter.acquire(KEY, timeout=0)
    await process.settles()
    assert await process.takes() == 0


async def test_the_loss_and_the_return_are_logged_once_each(
    fleet: Fleet, own_server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    heard: list[Event] = []
    process = fleet.process(events=Events([heard.append]))
    own_server.kill()
    for _ in range(20):
        fleet.clock.now += 5.0
        await process.takes()
        await process.settles()
    own_server.start()
    for _ in range(5):
        fleet.clock.now += 5.0
        await process.takes()
        await process.settles()
    records = [r for r in caplog.records if r.name == "lexigram.resilience.store"]
    assert [r.message for r in records] == [
        "resilience.store.lost",
        "resilience.store.back",
    ]
    assert "ConnectionError" in records[0].__dict__["reason"]
    changes = [event for event in heard if isinstance(event, CircuitChanged)]
    assert {change.policy for change in changes} == {"store"}
    assert changes[-1].state == "closed"


async def test_who_waits_for_the_share_is_woken_when_the_store_is_back(
    fleet: Fleet, own_server: Any
) -> None:
    own_server.kill()
    process = fleet.process(share=0.001)
    assert await process.takes() == 1
    await process.settles()
    fleet.clock.settles = process.settles
    waiting = asyncio.ensure_future(process.limiter.acquire(KEY))
    await asyncio.sleep(0)
    own_server.start()
    await waiting
    # By itself it would have had one permit in 500 s.
    assert fleet.clock.now < 200.0


async def test_a_replica_that_takes_over_goes_on_with_the_limit(
    fleet: Fleet, own_server: Any, other_server: Any
) -> None:
    process = fleet.process()
    assert await process.takes() == 20
    own_server.ask("CONFIG", "SET", "repl-diskless-sync-delay", 0)
    other_server.start("--replicaof", "127.0.0.1", str(own_server.port))
    async with asyncio.timeout(50):
        # Not by WAIT, which counts a replica that still reads what it begins with.
        while other_server.ask("INFO", "replication")["master_link_status"] != "up":  # noqa: ASYNC110 - a server says it when it is asked
            await asyncio.sleep(0.01)
    own_server.kill()
    other_server.ask("REPLICAOF", "NO", "ONE")
    fleet.clock.now += 1.0
    fleet.url = other_server.url
    assert await fleet.process().takes() == 2


async def test_a_server_that_became_a_replica_is_connected_to_anew(
    fleet: Fleet, own_server: Any
) -> None:
    process = fleet.process()
    assert await process.takes() == 20
    own_server.ask("REPLICAOF", "127.0.0.1", "1")
    fleet.clock.now += 1.0
    assert await process.takes() == 1
    assert (
        "read only replica" in process.store.guard.trouble
    )  # in the words of Redis 6 and 7
    own_server.ask("REPLICAOF", "NO", "ONE")
    fleet.clock.now += 1.0
    await process.takes()
    await process.settles()
    assert process.store.guard.trouble == ""


async def test_a_client_of_somebody_else_keeps_its_connections_to_a_replica(
    fleet: Fleet, own_server: Any
) -> None:
    from redis.asyncio import Redis  # noqa: PLC0415 - tests of the rest go without

    async with Redis(port=own_server.port) as client:
        connection = await client.client_id()
        process = fleet.process(client=client)
        own_server.ask("REPLICAOF", "127.0.0.1", "1")
        assert await process.takes() == 1
        await process.settles()
        assert (
            "read only replica" in process.store.guard.trouble
        )  # in the words of Redis 6 and 7
        assert await client.client_id() == connection


async def test_what_the_store_cannot_take_for_a_limit_is_as_no_store(
    fleet: Fleet, own_server: Any
) -> None:
    own_server.ask("LPUSH", f"outage:rate:{{limiter:{KEY}}}", "of somebody else")
    process = fleet.process()
    assert await process.takes() == 1
    assert "WRONGTYPE" in process.store.guard.trouble


async def test_a_cancelled_call_leaves_no_answer_to_the_next_one(
    fleet: Fleet, own_server: Any
) -> None:
    process = fleet.process(timeout=0.5)
    await process.takes()
    own_server.pause()
    fleet.clock.now += 1000.0
    callers = [
        asyncio.ensure_future(process.limiter.acquire(f"{KEY}/{n}")) for n in range(8)
    ]
    await asyncio.sleep(0)
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    await process.store.close()
    own_server.resume()
    again = fleet.process()
    assert await again.takes() == 20


async def test_a_limit_goes_on_by_itself_after_its_store_was_closed(
    fleet: Fleet,
) -> None:
    process = fleet.process()
    await process.store.close()
    await process.store.close()
    assert await process.takes() == 1
    assert process.store.trips == 1


async def test_health_is_degraded_while_the_store_does_not_answer(
    fleet: Fleet, own_server: Any
) -> None:
    check = StoreHealthCheck(Sharing(fleet.process().store))
    assert (check.name, check.critical) == ("resilience-store", False)
    assert (await check.check()).status == "healthy"
    own_server.kill()
    report = await check.check()
    assert report.status == "degraded"
    assert "Shared limits are `local` until it does" in report.detail
    own_server.start()
    assert (await check.check()).status == "healthy"


async def test_health_is_degraded_when_the_store_was_closed(fleet: Fleet) -> None:
    process = fleet.process()
    await process.store.close()
    report = await StoreHealthCheck(Sharing(process.store)).check()
    assert report.status == "degraded"
    assert "closed" in report.detail


async def test_health_without_a_store_is_well() -> None:
    report = await StoreHealthCheck(Sharing()).check()
    assert (report.status, report.detail) == ("healthy", "No store is configured.")


async def test_who_is_in_line_behind_an_answer_that_does_not_come_waits_no_longer_than_told(
    fleet: Fleet, own_server: Any
) -> None:
    process = fleet.process()
    own_server.pause()
    first = asyncio.ensure_future(process.limiter.acquire(KEY))
    await asyncio.sleep(0)
    with pytest.raises(RateLimitedError):
        await process.limiter.acquire(KEY, timeout=0.5)
    own_server.resume()
    await first


async def test_those_in_line_for_the_share_count_for_who_comes_next(
    fleet: Fleet, own_server: Any
) -> None:
    own_server.kill()
    process = fleet.process()
    assert await process.takes() == 1
    waiting = asyncio.ensure_future(process.limiter.acquire(KEY, cost=2))
    await asyncio.sleep(0)
    with pytest.raises(RateLimitedError) as refused:
        await process.limiter.acquire(KEY, cost=3, timeout=1.0)
    # Five permits at half a permit a second, one of which is on its way.
    assert refused.value.retry_after == pytest.approx(10.0)
    await waiting


async def test_a_limit_that_is_changed_without_the_store_changes_the_share(
    fleet: Fleet, own_server: Any
) -> None:
    own_server.kill()
    process = fleet.process()
    assert await process.takes() == 1
    process.limiter.reconfigure(RateLimiterConfig(permits=4, per=1000.0))
    fleet.clock.now += 999.0
    assert await process.takes() == 1
    assert await process.takes() == 0


async def test_an_open_limit_lets_through_who_waits_for_more_than_its_new_burst(
    fleet: Fleet, own_server: Any
) -> None:
    own_server.kill()
    process = fleet.process(on_store_error="open")
    waiting = asyncio.ensure_future(process.limiter.acquire(KEY, cost=20))
    await asyncio.sleep(0)
    process.limiter.reconfigure(RateLimiterConfig(permits=2, per=10.0))
    await waiting
    assert "ConnectionError" in process.store.guard.trouble


async def test_a_new_key_does_not_wait_for_a_store_that_was_given_up(
    fleet: Fleet, own_server: Any
) -> None:
    own_server.kill()
    process = fleet.process()
    for number in range(3):
        await process.limiter.acquire(f"{KEY}/{number}")
    assert process.store.guard.is_lost
    own_server.start()
    # It is there again, and not asked before its time.
    await process.limiter.acquire(f"{KEY}/new")
    assert process.store.guard.is_lost
