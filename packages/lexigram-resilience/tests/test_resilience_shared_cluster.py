"""A store of several servers: each key is on one of them, and each script has one key."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest

from lexigram.resilience import (
    CircuitBreakerRegistry,
    CircuitState,
    FleetCircuits,
    RateLimiterConfig,
    SharedIdempotencyStore,
    SharedRateLimiter,
    SharedStore,
    StoreConfig,
)
from lexigram.resilience.events import Events

pytestmark = pytest.mark.thorough

SLOTS = 16384
KEY = "https://api.test:443"


class Cluster:
    """Three servers that have a third of the slots each."""

    def __init__(self, servers: list[Any]) -> None:
        self.servers = servers
        first, *others = servers
        for number, server in enumerate(servers):
            share = range(number * SLOTS // 3, (number + 1) * SLOTS // 3)
            server.ask("CLUSTER", "ADDSLOTS", *share)
            # Two that call themselves the same would have to agree on it first.
            server.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for server in others:
            first.ask("CLUSTER", "MEET", "127.0.0.1", server.port)

    async def settles(self) -> None:
        """Wait until each server knows of all."""
        async with asyncio.timeout(50):
            for server in self.servers:
                while "cluster_state:ok" not in server.ask("CLUSTER", "INFO"):  # noqa: ASYNC110 - a server says it when it is asked
                    await asyncio.sleep(0.05)

    def held(self) -> list[list[str]]:
        """Return the keys that each server has."""
        return [server.ask("KEYS", "*") for server in self.servers]


@pytest.fixture
def three_servers(new_server: Callable[[], Any]) -> Iterator[list[Any]]:
    with ExitStack() as stack:
        servers: list[Any] = []
        while len(servers) < 3:
            server = new_server()
            # They talk to each other at a port that is greater by 10,000.
            if server.port < 55_000:
                server.start("--cluster-enabled", "yes")
                stack.callback(server.kill)
                servers.append(server)
        yield servers


@pytest.fixture
async def cluster(three_servers: list[Any]) -> Cluster:
    made = Cluster(three_servers)
    await made.settles()
    return made


@pytest.fixture
async def stores(cluster: Cluster) -> AsyncIterator[list[SharedStore]]:
    """Those of two processes, each with a client of its own."""
    from redis.asyncio.cluster import RedisCluster  # noqa: PLC0415 - only this test

    prefix = uuid4().hex
    clients = [
        RedisCluster(host="127.0.0.1", port=cluster.servers[0].port) for _ in "ab"
    ]
    made = [
        SharedStore(
            StoreConfig(url=cluster.servers[0].url, prefix=prefix, timeout=10),
            client=client,
        )
        for client in clients
    ]
    yield made
    for store in made:
        await store.close()
    for client in clients:
        await client.aclose()


async def test_limits_are_shared_and_spread_over_a_cluster(
    cluster: Cluster, stores: list[SharedStore]
) -> None:
    limit = RateLimiterConfig(permits=4, per=3600.0)
    one, other = (SharedRateLimiter(limit, store=each, name="l") for each in stores)
    for number in range(20):
        key = f"{KEY}/{number}"
        await one.acquire(key, cost=2)
        await other.acquire(key, cost=2)
        assert one.try_acquire(key) > 0
    await asyncio.gather(*(store.settled() for store in stores))
    assert [store.guard.trouble for store in stores] == ["", ""]
    held = cluster.held()
    assert all(held)
    assert sum(map(len, held)) == 20


async def test_idempotency_keys_are_shared_and_spread_over_a_cluster(
    cluster: Cluster, stores: list[SharedStore]
) -> None:
    one, other = map(SharedIdempotencyStore, stores)
    keys = [*(f"order {number}" for number in range(20)), "{a}b", "a}{b", "{}", ""]
    for key in keys:
        claim = await one.claim(key, lease=3600.0)
        assert claim.state == "claimed"
        assert (await other.claim(key, lease=3600.0)).state == "taken"
        assert await one.finish(claim, key.encode(), keep=3600.0)
        assert (await other.claim(key, lease=3600.0)).result == key.encode()
    held = cluster.held()
    assert all(held)
    assert sum(map(len, held)) == len(keys)


async def test_circuits_of_a_fleet_meet_in_a_cluster(
    cluster: Cluster, stores: list[SharedStore]
) -> None:
    registries: list[CircuitBreakerRegistry] = []
    fleets: list[FleetCircuits] = []
    for store in stores:
        events = Events()
        registries.append(CircuitBreakerRegistry(events=events))
        fleets.append(FleetCircuits(store, registries[-1], events=events))
    one, other = (each.get("default").circuit(KEY) for each in registries)
    async with fleets[0], fleets[1]:
        await fleets[0].isolate("default", KEY)
        await fleets[1].confer()
        assert (one.state, other.state) == (CircuitState.FORCED_OPEN,) * 2
        await fleets[1].close("default", KEY)
        await fleets[0].confer()
        assert (one.state, other.state) == (CircuitState.CLOSED,) * 2
    assert [store.guard.trouble for store in stores] == ["", ""]
    assert sum(map(len, cluster.held())) == 1


async def test_a_limit_goes_on_where_its_slot_has_moved(
    cluster: Cluster, stores: list[SharedStore]
) -> None:
    limit = RateLimiterConfig(permits=4, per=3600.0)
    one, other = (SharedRateLimiter(limit, store=each, name="l") for each in stores)
    await one.acquire(KEY, cost=2)
    [source] = [number for number, held in enumerate(cluster.held()) if held]
    target = (source + 1) % 3
    [[name]] = [held for held in cluster.held() if held]
    move(cluster, name, source, target)
    # Both still ask the server that had it, and are sent on.
    await one.acquire(KEY, cost=1)
    await other.acquire(KEY, cost=1)
    assert other.try_acquire(KEY) > 0
    assert [store.guard.trouble for store in stores] == ["", ""]
    assert cluster.held()[source] == []
    assert cluster.held()[target] == [name]


def move(cluster: Cluster, name: str, source: int, target: int) -> None:
    """Move a slot with its one key to another server."""
    servers = cluster.servers
    slot = servers[0].ask("CLUSTER", "KEYSLOT", name)
    ids = [server.ask("CLUSTER", "MYID") for server in servers]
    servers[target].ask("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
    servers[source].ask("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target])
    port = servers[target].port
    servers[source].ask("MIGRATE", "127.0.0.1", port, name, 0, 10_000)
    for number in (target, source, 3 - source - target):
        servers[number].ask("CLUSTER", "SETSLOT", slot, "NODE", ids[target])
