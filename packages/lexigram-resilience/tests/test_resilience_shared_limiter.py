"""A limit that several processes have together."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import Call, RateLimitedError
from lexigram.resilience import (
    PipelineConfig,
    RateLimiterConfig,
    ResiliencePipeline,
    SharedRateLimiter,
    SharedStore,
    StoreConfig,
)
from lexigram.resilience._shared.redis import open_client
from lexigram.resilience.events import CallRefused, Event, Events, Waited

KEY = "https://api.test:443"


class ManualClock(ClockProtocol):
    """Stands still but for sleeps, which end at once."""

    def __init__(self) -> None:
        self.now = 100.0
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        await asyncio.sleep(0)
        self.now += max(0.0, seconds)


class StillClock(ManualClock):
    """Stands still; its sleeps last until they are cancelled."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.get_running_loop().create_future()


class CountingStore(SharedStore):
    """Counts its round trips; where they give a time, it is that of their beginning.

    Those of a fleet go one at a time: the server takes an earlier time that comes after
    a later one for a clock that was set back.
    """

    trips = 0
    turn: asyncio.Lock

    async def run(self, source: str, key: str, *args: Any) -> Any:
        self.trips += 1
        async with self.turn:
            *others, given = args
            time = given and repr(self._clock.monotonic())
            return await super().run(source, key, *others, time)


class Fleet:
    """Several processes with one limit, as far as they know of each other."""

    def __init__(self, url: str, stack: AsyncExitStack) -> None:
        self.clock = ManualClock()
        self.prefix = uuid4().hex
        self._turn = asyncio.Lock()
        self._url = url
        self._stack = stack

    def store(self, **options: Any) -> CountingStore:
        config = StoreConfig(
            url=self._url, prefix=self.prefix, **{"timeout": 10, **options}
        )
        store = CountingStore(config, clock=self.clock)
        store.turn = self._turn
        self._stack.push_async_callback(store.close)
        return store

    def process(
        self,
        config: RateLimiterConfig,
        *,
        name: str = "limiter",
        events: Events | None = None,
        **options: Any,
    ) -> tuple[SharedRateLimiter, CountingStore]:
        store = self.store(**options)
        limiter = SharedRateLimiter(
            config,
            store=store,
            name=name,
            clock=self.clock,
            events=events,
            given_time=self.clock.monotonic,
        )
        return limiter, store


@pytest.fixture
async def fleet(store_server: Any) -> AsyncIterator[Fleet]:
    async with AsyncExitStack() as stack:
        yield Fleet(store_server.url, stack)


async def taken(limiter: SharedRateLimiter, key: str = KEY, most: int = 1000) -> int:
    """Take what is there without waiting; return how much that was."""
    for number in range(most):
        try:
            await limiter.acquire(key, timeout=0)
        except RateLimitedError:
            return number
    return most


async def test_processes_have_one_limit_together(fleet: Fleet) -> None:
    config = RateLimiterConfig(permits=10, per=10.0)
    one, _ = fleet.process(config)
    other, _ = fleet.process(config)
    assert await taken(one, most=7) == 7
    assert await taken(other) == 3
    fleet.clock.now += 2.0
    assert await taken(one) == 2
    assert await taken(other) == 0


async def test_limits_of_other_names_keys_and_prefixes_are_others(fleet: Fleet) -> None:
    config = RateLimiterConfig(permits=2, per=60.0)
    limiter, _ = fleet.process(config)
    assert await taken(limiter) == 2
    assert await taken(limiter, "https://other.test:443") == 2
    assert await taken(limiter, "") == 2
    assert await taken(fleet.process(config, name="another")[0]) == 2
    fleet.prefix = uuid4().hex
    assert await taken(fleet.process(config)[0]) == 2


async def test_a_refusal_says_exactly_when_another_process_let_the_permit_go(
    fleet: Fleet,
) -> None:
    config = RateLimiterConfig(permits=4, per=2.0)
    one, _ = fleet.process(config)
    other, _ = fleet.process(config)
    await one.acquire(KEY, cost=4)
    fleet.clock.now += 0.125
    with pytest.raises(RateLimitedError, match="'limiter'.*in 0.375 s") as refused:
        await other.acquire(KEY, timeout=0.25)
    assert refused.value.retry_after == 0.375
    with pytest.raises(RateLimitedError) as refused:
        await other.acquire(KEY, cost=3, timeout=1.0)
    assert refused.value.retry_after == 1.375


async def test_who_waits_takes_what_another_process_did_not(fleet: Fleet) -> None:
    config = RateLimiterConfig(permits=4, per=2.0)
    one, _ = fleet.process(config)
    other, _ = fleet.process(config)
    await one.acquire(KEY, cost=4)
    await other.acquire(KEY)
    assert fleet.clock.now == 100.5
    await asyncio.gather(*(each.acquire(KEY) for each in [one, other] * 10))
    assert fleet.clock.now >= 110.5


async def test_a_busy_process_makes_a_round_trip_for_each_lease(fleet: Fleet) -> None:
    config = RateLimiterConfig(permits=100_000, per=1.0)
    limiter, store = fleet.process(config, lease=0.01)
    for _ in range(20_000):
        await limiter.acquire(KEY)
    # 1, 2, 4 … 512, and then a thousand at once.
    assert store.trips == 10 + 19


async def test_a_lease_that_is_not_used_is_lost_and_the_next_one_is_smaller(
    fleet: Fleet,
) -> None:
    limiter, store = fleet.process(RateLimiterConfig(permits=1000, burst=1000))
    for _ in range(63):
        await limiter.acquire(KEY)
    assert store.trips == 6  # 1, 2, 4, 8, 16, 32
    await limiter.acquire(KEY)
    fleet.clock.now += 10.05
    await limiter.acquire(KEY)
    assert store.trips == 8
    other, _ = fleet.process(RateLimiterConfig(permits=1000, burst=1000))
    assert await taken(other) == 1000 - 1


async def test_slow_limits_are_fetched_one_by_one(fleet: Fleet) -> None:
    limiter, store = fleet.process(RateLimiterConfig(permits=10, per=1.0))
    assert await taken(limiter) == 10
    assert store.trips == 10


async def test_nobody_asks_before_the_next_permit_is_there(fleet: Fleet) -> None:
    limiter, store = fleet.process(RateLimiterConfig(permits=1, per=1.0))
    await limiter.acquire(KEY)
    for _ in range(5):
        with pytest.raises(RateLimitedError):
            await limiter.acquire(KEY, timeout=0.5)
    assert store.trips == 1
    fleet.clock.now += 1.0
    await limiter.acquire(KEY, timeout=0)
    assert store.trips == 2


async def test_those_in_line_are_fetched_together(fleet: Fleet) -> None:
    limiter, store = fleet.process(RateLimiterConfig(permits=1000), lease=0.1)
    await limiter.acquire(KEY, cost=1000)
    assert store.trips == 1
    await asyncio.gather(*(limiter.acquire(KEY) for _ in range(500)))
    assert fleet.clock.now == pytest.approx(100.5, abs=0.02)
    assert store.trips < 25


async def test_a_cancelled_caller_leaves_its_permit_to_the_next(fleet: Fleet) -> None:
    limiter, _ = fleet.process(RateLimiterConfig(permits=1, per=60.0))
    first = asyncio.ensure_future(limiter.acquire(KEY))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await limiter.acquire(KEY, timeout=0)


async def test_try_acquire_takes_what_is_held_and_fetches_what_is_not(
    fleet: Fleet,
) -> None:
    limiter, store = fleet.process(RateLimiterConfig(permits=2, per=60.0))
    assert 0 < limiter.try_acquire(KEY) < 0.1
    await store.settled()
    assert limiter.try_acquire(KEY) == 0
    assert await taken(limiter) == 1
    assert limiter.try_acquire(KEY) == pytest.approx(30.0)


async def test_nobody_overtakes_who_waits_for_permits_that_have_just_come(
    fleet: Fleet,
) -> None:
    limiter, store = fleet.process(RateLimiterConfig(permits=1000, burst=1000))
    for _ in range(3):  # leases of one and of two
        await limiter.acquire(KEY)
    assert limiter.try_acquire(KEY) > 0  # fetches four

    async def overtakes() -> float:
        await store.settled()
        return limiter.try_acquire(KEY)

    overtaking = asyncio.ensure_future(overtakes())
    waiting = asyncio.ensure_future(limiter.acquire(KEY))
    assert await overtaking > 0
    await waiting
    assert [limiter.try_acquire(KEY) for _ in range(3)] == [0, 0, 0]
    assert store.trips == 3


async def test_whose_turn_comes_within_the_time_takes_what_is_there(
    fleet: Fleet,
) -> None:
    fleet.clock = StillClock()
    limiter, _ = fleet.process(RateLimiterConfig(permits=2, per=60.0))
    turns = (limiter.acquire(KEY), limiter.acquire(KEY, timeout=5.0))
    await asyncio.wait_for(asyncio.gather(*turns), timeout=30)
    with pytest.raises(RateLimitedError):
        await limiter.acquire(KEY, timeout=0)


async def test_a_cost_that_is_never_there_is_refused_without_asking(
    fleet: Fleet,
) -> None:
    limiter, store = fleet.process(RateLimiterConfig(permits=5))
    for cost in (0, 6):
        with pytest.raises(ValueError, match="cost="):
            await limiter.acquire(KEY, cost=cost)
        with pytest.raises(ValueError, match="cost="):
            limiter.try_acquire(KEY, cost=cost)
    assert store.trips == 0


async def test_events_tell_of_waits_and_refusals(fleet: Fleet) -> None:
    heard: list[Event] = []
    limiter, _ = fleet.process(
        RateLimiterConfig(permits=1, per=1.0),
        name="partner",
        events=Events([heard.append]),
    )
    await limiter.acquire(KEY)
    await limiter.acquire(KEY)
    with pytest.raises(RateLimitedError):
        await limiter.acquire(KEY, timeout=0.5)
    assert [type(event) for event in heard] == [Waited, Waited, CallRefused]
    assert heard[1] == Waited("partner", KEY, "limiter", 1.0)
    assert heard[2] == CallRefused("partner", KEY, "limiter", 1.0)


async def test_a_changed_limit_holds_for_those_who_wait(fleet: Fleet) -> None:
    limiter, _ = fleet.process(RateLimiterConfig(permits=1, per=3600.0))
    await limiter.acquire(KEY)
    limiter.reconfigure(RateLimiterConfig(permits=1, per=1.0))
    await limiter.acquire(KEY)
    assert fleet.clock.now <= 101.0
    assert limiter.config.shared


async def test_a_burst_that_became_too_small_refuses_who_waits_for_more(
    fleet: Fleet,
) -> None:
    limiter, _ = fleet.process(RateLimiterConfig(permits=5, per=3600.0))
    await limiter.acquire(KEY, cost=5)
    limiter.reconfigure(RateLimiterConfig(permits=2, per=3600.0))
    with pytest.raises(ValueError, match="cost=5"):
        await limiter.acquire(KEY, cost=5)


async def test_a_forgotten_script_is_sent_again(
    fleet: Fleet, store_server: Any
) -> None:
    limiter, store = fleet.process(RateLimiterConfig(permits=3, per=60.0))
    await limiter.acquire(KEY)
    store_server.ask("SCRIPT", "FLUSH")
    assert await taken(limiter) == 2
    assert store.guard.trouble == ""


async def test_a_pipeline_shares_its_limiter(fleet: Fleet) -> None:
    config = PipelineConfig(
        limiter=RateLimiterConfig(permits=3, per=60.0, shared=True, max_wait=0),
        breaker=None,
        retry=None,
        timeouts=None,
    )

    def pipeline() -> ResiliencePipeline:
        return ResiliencePipeline.from_config(
            config, name="partner", store=fleet.store(), clock=fleet.clock
        )

    async def operation() -> str:
        return "done"

    one, other = pipeline(), pipeline()
    assert isinstance(one.policies.limiter, SharedRateLimiter)
    assert "3 calls in 60 s by all processes" in one.describe()
    for each in (one, other, one):
        assert await each.execute(operation, Call(key=KEY)) == "done"
    with pytest.raises(RateLimitedError):
        await other.execute(operation, Call(key=KEY))


def test_a_limit_without_a_store_cannot_be_shared() -> None:
    shared = PipelineConfig(limiter=RateLimiterConfig(shared=True))
    with pytest.raises(ValueError, match="no store to share it on"):
        ResiliencePipeline.from_config(shared)
    pipeline = ResiliencePipeline.from_config()
    with pytest.raises(ValueError, match="no store to share it on"):
        pipeline.reconfigure(shared)
    assert pipeline.policies.limiter is None


async def test_a_pipeline_may_begin_to_share_and_end_it(fleet: Fleet) -> None:
    store = fleet.store()
    own = PipelineConfig(limiter=RateLimiterConfig())
    shared = PipelineConfig(limiter=RateLimiterConfig(shared=True))
    pipeline = ResiliencePipeline.from_config(own, store=store)
    kinds: list[Any] = []
    for config in (own, shared, shared, own):
        pipeline.reconfigure(config)
        kinds.append(pipeline.policies.limiter)
    assert [isinstance(each, SharedRateLimiter) for each in kinds] == [
        False,
        True,
        True,
        False,
    ]
    assert kinds[1] is kinds[2]


async def test_a_reconfigured_pipeline_keeps_a_shared_limiter_that_was_given(
    fleet: Fleet,
) -> None:
    limiter, _ = fleet.process(RateLimiterConfig(permits=3))
    pipeline = ResiliencePipeline(limiter=limiter)
    pipeline.reconfigure(
        PipelineConfig(limiter=RateLimiterConfig(permits=4, shared=True))
    )
    assert pipeline.policies.limiter is limiter
    assert limiter.config.permits == 4


async def test_a_limiter_shows_what_it_is_and_no_password(fleet: Fleet) -> None:
    config = StoreConfig(url="redis://me:s3cret@limits.test:6379/0", prefix="shop")
    async with SharedStore(config) as store:
        limiter = SharedRateLimiter(RateLimiterConfig(permits=3), store=store, name="a")
        assert repr(limiter) == (
            "<SharedRateLimiter 'a': 3 per 1 s, burst 3, 0 keys, "
            "<SharedStore redis://***@limits.test:6379/0 as 'shop': in use>>"
        )


async def test_a_client_of_somebody_else_is_used_and_left_open(
    store_server: Any, fleet: Fleet
) -> None:
    from redis.asyncio import Redis  # noqa: PLC0415

    async with Redis(port=store_server.port) as client:
        config = StoreConfig(url="redis://unused.test", prefix=fleet.prefix, timeout=10)
        async with SharedStore(config, client=client) as store:
            limiter = SharedRateLimiter(RateLimiterConfig(permits=2), store=store)
            await limiter.acquire(KEY)
        assert await client.ping()


async def test_keys_that_are_not_used_are_forgotten_and_begin_with_what_is_there(
    fleet: Fleet,
) -> None:
    limiter, _ = fleet.process(RateLimiterConfig(permits=1, per=1.0, max_keys=2))
    for key in ("a", "b"):
        await limiter.acquire(key)
    fleet.clock.now += 10.0
    for key in ("c", "d"):
        await limiter.acquire(key)
    assert ", 2 keys," in repr(limiter)
    # Those that still say something stay, whatever the limit of keys.
    await limiter.acquire("e")
    assert ", 3 keys," in repr(limiter)
    assert await taken(limiter, "c") == 0


async def test_many_keys_are_asked_for_by_few_connections(fleet: Fleet) -> None:
    limiter, store = fleet.process(RateLimiterConfig(permits=1), max_connections=2)
    await asyncio.gather(*(limiter.acquire(f"{KEY}/{n}") for n in range(200)))
    assert store.guard.trouble == ""
    assert store.trips == 200


async def test_the_time_is_the_servers(fleet: Fleet, store_server: Any) -> None:
    store = fleet.store()
    limiter = SharedRateLimiter(
        RateLimiterConfig(permits=5, per=3600.0), store=store, clock=fleet.clock
    )
    assert await taken(limiter) == 5
    seconds, _ = store_server.ask("TIME")
    arrival = float(store_server.ask("GET", f"{fleet.prefix}:rate:{{limiter:{KEY}}}"))
    assert abs(arrival - (int(seconds) - 1735689600) - 3600.0) < 60.0


def test_without_redis_py_a_store_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "lexigram.resilience._shared.redis", None)
    with pytest.raises(ImportError, match=r"Install `lexigram-resilience\[redis\]`"):
        SharedStore(StoreConfig(url="redis://limits.test"))


async def test_a_store_with_a_password_is_asked_with_it(other_server: Any) -> None:
    other_server.start("--requirepass", "planted-s3cret")
    for password, trouble in (("planted-s3cret", ""), ("planted-wr0ng", "Auth")):
        config = StoreConfig(url=other_server.url, password=password, timeout=10)
        async with SharedStore(config) as store:
            limiter = SharedRateLimiter(RateLimiterConfig(), store=store)
            await limiter.acquire(KEY)
            assert store.guard.trouble[:4] == trouble
            assert "planted" not in store.guard.trouble + repr(store) + repr(config)


def test_a_store_with_tls_trusts_whom_it_is_told_to(tmp_path: Path) -> None:
    config = StoreConfig(
        url="rediss://limits.test", ca_file=tmp_path / "ca.pem", username="shop"
    )
    kwargs = open_client(config).connection_pool.connection_kwargs
    assert kwargs["ssl_ca_certs"] == str(tmp_path / "ca.pem")
    assert kwargs["username"] == "shop"


@pytest.mark.parametrize(
    ("make", "advice"),
    [
        (lambda: StoreConfig(url="http://limits.test"), "begins with redis://"),
        (lambda: StoreConfig(url="redis://a", ca_file="ca.pem"), "Write rediss://"),
    ],
)
def test_a_store_that_cannot_be_is_refused_with_the_way_out(
    make: Callable[[], StoreConfig], advice: str
) -> None:
    with pytest.raises(ValueError, match=advice):
        make()
