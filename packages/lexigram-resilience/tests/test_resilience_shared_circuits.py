"""Circuits that processes coordinate, and those that they do not."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import Call, CircuitOpenError
from lexigram.resilience import (
    CircuitBreakerConfig,
    CircuitBreakerRegistry,
    CircuitState,
    CoordinationConfig,
    FleetCircuits,
    SharedStore,
    StoreConfig,
    StoreError,
)
from lexigram.resilience._shared.scripts import CONFER
from lexigram.resilience.events import Events
from lexigram.testing import VirtualLoop

KEY = "https://api.test:443"
CONFIG = CircuitBreakerConfig(
    consecutive_failures=2,
    open_duration=10.0,
    half_open_permits=1,
    half_open_max_wait=5.0,
)


class Time(ClockProtocol):
    """The time of all processes and of their store; sleeps do not end by themselves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        await asyncio.get_running_loop().create_future()


class TimedStore(SharedStore):
    """Gives the store the time of the test."""

    time: Time
    trips = 0

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.told = asyncio.Event()

    async def run(self, source: str, key: str, *args: Any) -> Any:
        self.trips += 1
        if source is CONFER:
            args = (*args[:3], repr(self.time.now), *args[4:])
        result = await super().run(source, key, *args)
        self.told.set()
        return result


class Process:
    def __init__(self, url: str, prefix: str, time: Time) -> None:
        events = Events()
        config = StoreConfig(url=url, prefix=prefix, timeout=10)
        self.store = TimedStore(config, clock=time, random=Random(1), events=events)
        self.store.time = time
        self.breakers = CircuitBreakerRegistry(
            CONFIG, clock=time, random=Random(1), events=events
        )
        self.breaker = self.breakers.get("default")
        self.fleet = FleetCircuits(
            self.store,
            self.breakers,
            events=events,
            config=CoordinationConfig(quorum=0.5),
            clock=time,
        )

    @property
    def state(self) -> str:
        return self.breaker.circuit(KEY).state.value

    async def calls(self, *, fails: bool = False) -> str:
        """Make one call; return what became of it."""

        async def operation() -> None:
            if fails:
                raise OSError

        try:
            await self.breaker.call(operation, Call(key=KEY))
        except CircuitOpenError:
            return "refused"
        except OSError:
            return "failed"
        return "ok"

    async def breaks(self) -> None:
        """Find the upstream down."""
        for _ in range(2):
            assert await self.calls(fails=True) == "failed"
        assert self.state == "open"


class Fleet:
    def __init__(self, url: str, stack: AsyncExitStack) -> None:
        self.time = Time()
        self._url = url
        self._prefix = uuid4().hex
        self._stack = stack
        self.processes: list[Process] = []

    async def start(self, number: int) -> list[Process]:
        for _ in range(number):
            process = Process(self._url, self._prefix, self.time)
            await self._stack.enter_async_context(process.store)
            await self._stack.enter_async_context(process.fleet)
            self.processes.append(process)
        await self.confers()
        return self.processes

    async def confers(self) -> None:
        """Have every process look at what the others found, as after an interval."""
        for _ in range(2):
            for each in self.processes:
                await each.fleet.confer()

    async def passes(self, seconds: float) -> None:
        self.time.now += seconds
        await self.confers()

    def states(self) -> list[str]:
        return [each.state for each in self.processes]


@pytest.fixture
async def fleet(own_server: Any) -> AsyncIterator[Fleet]:
    async with AsyncExitStack() as stack:
        yield Fleet(own_server.url, stack)


async def test_one_process_that_finds_an_upstream_down_stays_alone(
    fleet: Fleet,
) -> None:
    first, *_ = await fleet.start(4)
    await first.breaks()
    await fleet.confers()
    assert fleet.states() == ["open", "closed", "closed", "closed"]


async def test_a_quorum_opens_the_circuits_of_all(fleet: Fleet) -> None:
    one, two, *_ = await fleet.start(4)
    await one.breaks()
    await fleet.confers()
    await two.breaks()
    await fleet.confers()
    assert fleet.states() == ["open"] * 4
    # Those that start now hear of it, too.
    await fleet.start(1)
    assert fleet.states() == ["open"] * 5


async def test_processes_that_are_gone_are_not_counted(fleet: Fleet) -> None:
    await fleet.start(6)
    gone, fleet.processes = fleet.processes[4:], fleet.processes[:4]
    for each in gone:
        await each.fleet.__aexit__(None, None, None)
    await fleet.passes(4.0)
    for each in fleet.processes[:2]:
        await each.breaks()
    await fleet.confers()
    assert fleet.states() == ["open"] * 4


async def test_one_process_tries_for_all_and_the_others_follow(fleet: Fleet) -> None:
    one, two, three = await fleet.start(3)
    await one.breaks()
    await two.breaks()
    await fleet.confers()
    await fleet.passes(11.0)
    # The first call asks for the lease, and with it the next one is a probe.
    assert [await each.calls() for each in (three, one, two)] == ["refused"] * 3
    await fleet.confers()
    outcomes = [await each.calls(fails=True) for each in (one, two, three)]
    assert sorted(outcomes) == ["failed", "refused", "refused"]
    await fleet.confers()
    assert fleet.states() == ["open"] * 3

    await fleet.passes(25.0)
    for each in fleet.processes:
        await each.calls()
    await fleet.confers()
    assert sorted([await each.calls() for each in fleet.processes]) == [
        "ok",
        "refused",
        "refused",
    ]
    await fleet.confers()
    assert [await each.calls() for each in fleet.processes] == ["ok"] * 3
    assert fleet.states() == ["closed"] * 3


async def test_a_lease_to_try_that_is_not_used_goes_to_another(fleet: Fleet) -> None:
    one, two = await fleet.start(2)
    await one.breaks()
    await two.breaks()
    await fleet.confers()
    await fleet.passes(11.0)
    await one.calls()
    await fleet.confers()
    # The first one crashes now.
    fleet.processes = [two]
    assert await two.calls() == "refused"
    await fleet.passes(4.0)
    assert await two.calls() == "refused"
    # What it asked for then it gets when the lease of the other one is over.
    await fleet.passes(2.0)
    assert await two.calls() == "ok"


async def test_who_speaks_of_the_past_is_not_heard(fleet: Fleet) -> None:
    one, two, three = await fleet.start(3)
    await one.breaks()
    await two.fleet.close("default", KEY)
    # What the first one found was before the operator's word, which it has not heard.
    await one.fleet.confer()
    await three.breaks()
    await fleet.confers()
    assert fleet.states() == ["closed"] * 3


async def test_an_operator_isolates_and_closes_for_all(fleet: Fleet) -> None:
    one, two, three = await fleet.start(3)
    await two.fleet.isolate("default", KEY)
    await fleet.confers()
    await fleet.start(1)
    assert fleet.states() == ["forced_open"] * 4
    await fleet.passes(4000.0)
    assert [await each.calls() for each in (one, two, three)] == ["refused"] * 3
    await three.fleet.close("default", KEY)
    await fleet.confers()
    assert [await each.calls() for each in fleet.processes] == ["ok"] * 4


async def test_an_operator_closes_what_one_process_had_opened(fleet: Fleet) -> None:
    one, two = await fleet.start(2)
    await one.breaks()
    await fleet.confers()
    await two.fleet.close("default", KEY)
    await fleet.confers()
    assert fleet.states() == ["closed"] * 2
    await fleet.passes(100.0)
    await one.breaks()
    await fleet.confers()
    assert fleet.states() == ["open", "closed"]


async def test_a_breaker_that_is_off_stays_off_whatever_the_fleet_finds(
    fleet: Fleet,
) -> None:
    one, two, three = await fleet.start(3)
    three.breaker.disable(KEY)
    await one.breaks()
    await two.breaks()
    await fleet.confers()
    assert fleet.states() == ["open", "open", "disabled"]
    assert await three.calls() == "ok"


async def test_who_missed_that_an_operator_closed_a_circuit_hears_that_it_is_as_usual(
    fleet: Fleet,
) -> None:
    one, two = await fleet.start(2)
    await two.fleet.isolate("default", KEY)
    await fleet.confers()
    await two.fleet.close("default", KEY)
    fleet.time.now += 61.0
    await two.fleet.confer()
    assert fleet.states() == ["forced_open", "closed"]
    await one.fleet.confer()
    assert fleet.states() == ["closed", "closed"]


async def test_the_circuit_of_the_store_itself_is_of_no_concern_to_the_fleet(
    fleet: Fleet, own_server: Any
) -> None:
    (one,) = await fleet.start(1)
    own_server.kill()
    for _ in range(3):
        with pytest.raises(StoreError):
            await one.fleet.confer()
    assert "lost" in repr(one.store)
    own_server.start()
    await fleet.passes(10.0)
    assert "in use" in repr(one.store)
    (key,) = own_server.ask("KEYS", "*:circuits")
    assert not json.loads(own_server.ask("GET", key))["circuits"]


async def test_a_fleet_shows_what_it_knows_of(fleet: Fleet) -> None:
    (one,) = await fleet.start(1)
    await one.fleet.isolate("default", KEY)
    known = repr([f"default\n{KEY}"])
    assert repr(one.fleet) == f"<FleetCircuits of {one.store.instance!r}: {known}>"


async def test_a_call_asks_nobody(fleet: Fleet) -> None:
    one, _ = await fleet.start(2)
    trips = one.store.trips
    for _ in range(100):
        await one.calls()
    assert one.store.trips == trips


async def test_without_the_store_each_process_tries_by_itself(
    fleet: Fleet, own_server: Any
) -> None:
    one, two = await fleet.start(2)
    await one.breaks()
    await two.breaks()
    await fleet.confers()
    own_server.kill()
    for each in fleet.processes:
        with pytest.raises(StoreError):
            await each.fleet.confer()
    fleet.time.now += 11.0
    assert [await each.calls() for each in fleet.processes] == ["ok", "ok"]
    with pytest.raises(StoreError):
        await one.fleet.isolate("default", KEY)


async def test_what_opens_is_told_at_once(own_server: Any) -> None:
    time = Time()
    async with AsyncExitStack() as stack:
        processes = [Process(own_server.url, "x", time) for _ in range(2)]
        for each in processes:
            await stack.enter_async_context(each.store)
            await stack.enter_async_context(each.fleet)
        one, other = processes
        await other.fleet.confer()
        await one.fleet.confer()
        told = one.store.told
        told.clear()
        await one.breaks()
        await asyncio.wait_for(told.wait(), timeout=10)
        held = json.loads(own_server.ask("GET", "x:circuits"))
        assert list(held["circuits"]) == [f"default\n{KEY}"]


class LateStore(SharedStore):
    """Hands on its first answer when it may."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.has_answered = asyncio.Event()
        self.may_go = asyncio.Event()

    async def run(self, source: str, key: str, *args: Any) -> Any:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        with loop.clock.register_external("the store"):
            answer = await super().run(source, key, *args)
        if not self.has_answered.is_set():
            self.has_answered.set()
            await self.may_go.wait()
        return answer


def test_an_answer_that_comes_late_undoes_no_command(store_server: Any) -> None:
    async def command() -> None:
        config = StoreConfig(url=store_server.url, prefix=uuid4().hex, timeout=10)
        events = Events()
        breakers = CircuitBreakerRegistry(CONFIG, events=events)
        async with LateStore(config) as store:
            fleet = FleetCircuits(store, breakers, events=events)
            late = asyncio.ensure_future(fleet.confer())
            await store.has_answered.wait()
            isolating = asyncio.ensure_future(fleet.isolate("default", KEY))
            # In virtual time: until nothing goes on any more.
            await asyncio.wait({isolating}, timeout=1.0)
            store.may_go.set()
            await asyncio.gather(late, isolating)
        circuit = breakers.get("default").circuit(KEY)
        assert circuit.state is CircuitState.FORCED_OPEN

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(command())
