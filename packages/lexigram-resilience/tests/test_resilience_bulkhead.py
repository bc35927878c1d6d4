from __future__ import annotations

import asyncio
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lexigram.contracts.resilience import BulkheadFullError, BulkheadProtocol, Call
from lexigram.resilience import Bulkhead, BulkheadConfig, BulkheadSnapshot
from lexigram.resilience._admission.bulkhead import Places
from lexigram.resilience._events.events import CallRefused, Event, Waited
from lexigram.resilience._events.listeners import Events
from lexigram.testing import virtual_time


def bulkhead(places: int = 1, queue: int = 0, **more: object) -> Bulkhead:
    config = {"max_concurrent": places, "max_queue": queue, **more}
    return Bulkhead(BulkheadConfig.model_validate(config), name="db")


class Work:
    """An operation that goes on until it is told to end."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self._ends: dict[str, asyncio.Event] = {}

    def end(self, name: str) -> None:
        self._ends[name].set()

    async def run(self, name: str) -> str:
        self.started.append(name)
        self._ends[name] = asyncio.Event()
        await self._ends[name].wait()
        return name


def spawn(
    subject: Bulkhead, work: Work, name: str, call: Call[str] | None = None
) -> asyncio.Task[str]:
    return asyncio.create_task(subject.execute(lambda: work.run(name), call))


def test_it_is_what_the_contract_describes() -> None:
    proof: BulkheadProtocol = bulkhead()
    assert isinstance(proof, BulkheadProtocol)


async def test_no_more_than_its_places_are_under_way() -> None:
    subject, work = bulkhead(places=2), Work()
    async with virtual_time() as clock:
        tasks = [spawn(subject, work, name) for name in "ab"]
        await clock.settle()
        with pytest.raises(BulkheadFullError, match="'db'") as caught:
            await spawn(subject, work, "c", Call(key=""))
        assert caught.value.retry_after is None
        assert work.started == ["a", "b"]
        work.end("a")
        assert await tasks[0] == "a"
        third = spawn(subject, work, "d")
        await clock.settle()
        assert work.started == ["a", "b", "d"]
        for name in "bd":
            work.end(name)
        await asyncio.gather(*tasks, third)
    assert subject.snapshot() == {"": BulkheadSnapshot(0, 0)}


async def test_those_who_wait_go_in_the_order_of_their_coming() -> None:
    subject, work = bulkhead(places=1, queue=3), Work()
    async with virtual_time() as clock:
        tasks = [spawn(subject, work, name) for name in "abcd"]
        await clock.settle()
        assert subject.snapshot() == {"": BulkheadSnapshot(1, 3)}
        for name in "abcd":
            assert work.started[-1] == name
            work.end(name)
            await clock.settle()
        assert await asyncio.gather(*tasks) == list("abcd")


async def test_a_full_queue_refuses_at_once() -> None:
    subject, work = bulkhead(places=1, queue=1), Work()
    async with virtual_time() as clock:
        tasks = [spawn(subject, work, name) for name in "ab"]
        await clock.settle()
        with pytest.raises(BulkheadFullError):
            await spawn(subject, work, "c")
        assert clock.elapsed == 0
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_wait_has_its_limit() -> None:
    subject, work = bulkhead(places=1, queue=1, queue_timeout=2.0), Work()
    async with virtual_time() as clock:
        first = spawn(subject, work, "a")
        await clock.settle()
        with pytest.raises(BulkheadFullError, match="2 s"):
            await spawn(subject, work, "b")
        assert clock.elapsed == 2.0
        work.end("a")
        await first
    assert subject.snapshot() == {"": BulkheadSnapshot(0, 0)}


@pytest.mark.parametrize("limit", [None, 10.0])
async def test_nobody_waits_past_the_deadline_of_the_call(
    limit: float | None,
) -> None:
    subject, work = bulkhead(places=1, queue=1, queue_timeout=limit), Work()
    async with virtual_time() as clock:
        first = spawn(subject, work, "a", Call(key="k"))
        await clock.settle()
        call = Call[str](key="k", deadline=clock.monotonic() + 0.5)
        with pytest.raises(BulkheadFullError):
            await spawn(subject, work, "b", call)
        assert clock.elapsed == 0.5
        work.end("a")
        await first


async def test_nobody_waits_past_the_limit_of_the_queue_for_a_later_deadline() -> None:
    subject, work = bulkhead(places=1, queue=1, queue_timeout=2.0), Work()
    async with virtual_time() as clock:
        first = spawn(subject, work, "a")
        await clock.settle()
        with pytest.raises(BulkheadFullError):
            await spawn(subject, work, "b", Call(deadline=clock.monotonic() + 9))
        assert clock.elapsed == 2.0
        work.end("a")
        await first


async def test_a_refusal_says_which_key_is_full_and_what_to_do() -> None:
    subject, work = bulkhead(places=1), Work()
    async with virtual_time() as clock:
        first = spawn(subject, work, "a", Call(key="k"))
        await clock.settle()
        with pytest.raises(BulkheadFullError) as caught:
            await spawn(subject, work, "b", Call(key="k"))
        work.end("a")
        await first
    assert caught.value.key == "k"
    assert str(caught.value) == (
        "The bulkhead 'db' has all 1 places for 'k' taken, 0 wait. Raise "
        "`max_concurrent` or `max_queue`, or send less."
    )


async def test_a_key_with_nobody_inside_makes_room() -> None:
    subject, work = bulkhead(places=1, max_keys=3), Work()
    async with virtual_time() as clock:
        for key in ("a", "b", "c"):
            task = spawn(subject, work, key, Call(key=key))
            await clock.settle()
            work.end(key)
            await task
        subject.reconfigure(BulkheadConfig(max_concurrent=1, max_keys=1))
        task = spawn(subject, work, "d", Call(key="d"))
        await clock.settle()
        assert subject.snapshot() == {"d": BulkheadSnapshot(1, 0)}
        work.end("d")
        await task


async def test_keys_have_places_of_their_own() -> None:
    subject, work = bulkhead(places=1), Work()
    async with virtual_time() as clock:
        tasks = [spawn(subject, work, key, Call(key=key)) for key in "ab"]
        await clock.settle()
        assert work.started == ["a", "b"]
        for key in "ab":
            work.end(key)
        await asyncio.gather(*tasks)


async def test_an_operation_that_raises_gives_its_place_back() -> None:
    subject = bulkhead(places=1)

    async def fail() -> None:
        raise LookupError("gone")

    for _ in range(2):
        with pytest.raises(LookupError):
            await subject.execute(fail)


async def test_a_cancelled_waiter_gives_up_its_place_in_the_queue() -> None:
    subject, work = bulkhead(places=1, queue=2), Work()
    async with virtual_time() as clock:
        tasks = [spawn(subject, work, name) for name in "abc"]
        await clock.settle()
        tasks[1].cancel()
        await clock.settle()
        assert subject.snapshot() == {"": BulkheadSnapshot(1, 1)}
        work.end("a")
        await clock.settle()
        assert work.started == ["a", "c"]
        work.end("c")
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("limit", [None, 5.0])
async def test_trap_t19_a_waiter_cancelled_after_its_grant_hands_the_place_on(
    limit: float | None,
) -> None:
    subject, work = bulkhead(places=1, queue=2, queue_timeout=limit), Work()
    places = subject.places("")
    async with virtual_time() as clock:
        assert places.try_enter()
        granted, next_one = (spawn(subject, work, name) for name in "ab")
        await clock.settle()
        places.leave()
        granted.cancel()  # before it could run
        await clock.settle()
        assert granted.cancelled()
        assert work.started == ["b"]
        work.end("b")
        await next_one
    assert subject.snapshot() == {"": BulkheadSnapshot(0, 0)}


@pytest.mark.parametrize("limit", [None, 5.0])
async def test_a_waiter_cancelled_before_a_place_comes_free_gives_none_back(
    limit: float | None,
) -> None:
    subject, work = bulkhead(places=1, queue=2, queue_timeout=limit), Work()
    places = subject.places("")
    async with virtual_time() as clock:
        assert places.try_enter()
        gone, next_one = (spawn(subject, work, name) for name in "ab")
        await clock.settle()
        gone.cancel()
        places.leave()  # before the one that was cancelled could give up
        await clock.settle()
        assert work.started == ["b"]
        assert subject.snapshot() == {"": BulkheadSnapshot(1, 0)}
        work.end("b")
        await next_one
        assert gone.cancelled()
    assert subject.snapshot() == {"": BulkheadSnapshot(0, 0)}


async def test_more_places_let_those_in_who_wait() -> None:
    subject, work = bulkhead(places=1, queue=3), Work()
    async with virtual_time() as clock:
        tasks = [spawn(subject, work, name) for name in "abc"]
        await clock.settle()
        subject.reconfigure(BulkheadConfig(max_concurrent=3, max_queue=3))
        await clock.settle()
        assert work.started == ["a", "b", "c"]
        for name in "abc":
            work.end(name)
        await asyncio.gather(*tasks)


async def test_fewer_places_throw_nobody_out() -> None:
    subject, work = bulkhead(places=2, queue=2), Work()
    async with virtual_time() as clock:
        tasks = [spawn(subject, work, name) for name in "abc"]
        await clock.settle()
        subject.reconfigure(BulkheadConfig(max_concurrent=1, max_queue=2))
        work.end("a")
        await clock.settle()
        assert work.started == ["a", "b"]
        work.end("b")
        await clock.settle()
        assert work.started == ["a", "b", "c"]
        work.end("c")
        await asyncio.gather(*tasks)
    assert subject.config.max_concurrent == 1


async def test_refusals_and_waits_are_told() -> None:
    told: list[Event] = []
    config = BulkheadConfig(max_concurrent=1, max_queue=1)
    subject = Bulkhead(config, name="db", events=Events([told.append]))
    work = Work()
    async with virtual_time() as clock:
        tasks = [spawn(subject, work, name) for name in "ab"]
        await clock.settle()
        with pytest.raises(BulkheadFullError):
            await spawn(subject, work, "c")
        await asyncio.sleep(3)
        work.end("a")
        await clock.settle()
        work.end("b")
        await asyncio.gather(*tasks)
    assert told == [CallRefused("db", "", "bulkhead"), Waited("db", "", "bulkhead", 3)]


def test_its_repr_shows_the_numbers() -> None:
    assert repr(bulkhead(places=4, queue=7)) == (
        "<Bulkhead 'db': 0 under way, 4 and a queue of 7 per key>"
    )
    assert repr(Bulkhead()).startswith("<Bulkhead 'bulkhead': 0 under way")


async def test_a_key_with_somebody_inside_is_not_forgotten() -> None:
    subject, work = bulkhead(places=1, max_keys=1), Work()
    async with virtual_time() as clock:
        task = spawn(subject, work, "a", Call(key="a"))
        await clock.settle()
        other = spawn(subject, work, "b", Call(key="b"))
        await clock.settle()
        with pytest.raises(BulkheadFullError):
            await spawn(subject, work, "c", Call(key="a"))
        for name in "ab":
            work.end(name)
        await asyncio.gather(task, other)


class PlacesModel(RuleBasedStateMachine):
    """Places against a count of who is inside and a list of who waits."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.limit = 2
        self.places = Places(self.limit)
        self.inside = 0
        self.waiting: list[asyncio.Future[None]] = []
        self.granted: list[asyncio.Future[None]] = []

    def _sort(self) -> None:
        """Check that grants came to the longest waiting."""
        done = [waiter for waiter in self.waiting if waiter.done()]
        assert done == self.waiting[: len(done)]
        self.waiting = self.waiting[len(done) :]
        self.granted += done

    @rule()
    def enter(self) -> None:
        free = self.inside + len(self.granted) < self.limit
        assert self.places.try_enter() == free
        self.inside += free

    @precondition(lambda self: self.inside + len(self.granted) >= self.limit)
    @rule()
    def wait(self) -> None:
        async def enqueue() -> asyncio.Future[None]:
            return self.places.enqueue()

        self.waiting.append(self.loop.run_until_complete(enqueue()))

    @precondition(lambda self: self.inside)
    @rule()
    def leave(self) -> None:
        self.places.leave()
        self.inside -= 1
        self._sort()

    @precondition(lambda self: self.granted)
    @rule()
    def run_granted(self) -> None:
        self.granted.pop(0)
        self.inside += 1

    @precondition(lambda self: self.granted)
    @rule()
    def cancel_granted(self) -> None:
        self.places.give_up(self.granted.pop(0))
        self._sort()

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def cancel_waiting(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.waiting) - 1))
        self.places.give_up(self.waiting.pop(index))

    @precondition(lambda self: self.inside and self.waiting)
    @rule(data=st.data())
    def cancel_waiting_as_another_leaves(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.waiting) - 1))
        gone = self.waiting.pop(index)
        gone.cancel()  # as the end of a task does with what it awaits
        self.places.leave()
        self.inside -= 1
        self._sort()
        self.places.give_up(gone)
        self._sort()

    @rule(limit=st.integers(1, 4))
    def change(self, limit: int) -> None:
        free = max(0, limit - self.inside - len(self.granted))
        before, next_ones = list(self.granted), self.waiting[:free]
        self.limit = limit
        self.places.change_limit(limit)
        self._sort()
        assert self.granted == before + next_ones

    @invariant()
    def counts_agree(self) -> None:
        assert self.places.in_flight == self.inside + len(self.granted)
        assert self.places.queued == len(self.waiting)

    @invariant()
    def nobody_waits_while_a_place_is_free(self) -> None:
        assert not self.waiting or self.places.in_flight >= self.limit

    def teardown(self) -> None:
        self.loop.close()


TestPlaces = PlacesModel.TestCase
TestPlaces.settings = settings(max_examples=80, deadline=None)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(), size=st.integers(1, 25))
def test_whoever_is_cancelled_when_all_places_are_there_at_the_end(
    seed: int, size: int
) -> None:
    random = Random(seed)
    peak = inside = 0

    async def work(seconds: float) -> None:
        nonlocal peak, inside
        inside += 1
        peak = max(peak, inside)
        try:
            await asyncio.sleep(seconds)
        finally:
            inside -= 1

    async def run() -> None:
        subject = bulkhead(places=3, queue=10, queue_timeout=2.0)
        async with virtual_time():
            tasks: list[asyncio.Task[None]] = []
            for _ in range(size):
                seconds = random.choice([0.0, 0.5, 1.0])
                tasks.append(
                    asyncio.create_task(subject.execute(lambda s=seconds: work(s)))
                )
                await asyncio.sleep(random.choice([0.0, 0.0, 0.25]))
                if random.random() < 0.5:
                    random.choice(tasks).cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert subject.snapshot()[""] == BulkheadSnapshot(0, 0)

    asyncio.run(run())
    assert peak <= 3
