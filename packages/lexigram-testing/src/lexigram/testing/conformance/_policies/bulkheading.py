"""BULK-001 to 016: what `BulkheadProtocol` asks of a bulkhead."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import TypeAlias

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.resilience import BulkheadFullError, BulkheadProtocol, Call
from lexigram.testing.conformance._behaviour import behaviour
from lexigram.testing.conformance._expectations import (
    elapsed,
    expect,
    expect_equal,
    expect_raised,
    now,
)
from lexigram.testing.conformance._implements import assert_implements
from lexigram.testing.conformance._policies.operations import (
    Script,
    Trouble,
    Unstoppable,
    call_of,
)

BulkheadFactory: TypeAlias = Callable[[ClockProtocol], BulkheadProtocol]
"""Makes a bulkhead of two places and a queue of three for each key, in which calls wait as
long as it takes by this clock."""

_PLACES = 2
_QUEUE = 3
_MANY = 20


class _Work:
    """Operations that go on until they are told to end."""

    def __init__(self, bulkhead: BulkheadProtocol) -> None:
        self._bulkhead = bulkhead
        self.ends: dict[int, asyncio.Future[int]] = {}
        self.begun: list[int] = []
        self.running = 0
        self.most = 0

    async def start(
        self, number: int, call: Call[int] | None = None
    ) -> asyncio.Task[int]:
        """Start a call, which is now under way, waiting or refused."""
        task = asyncio.ensure_future(self._execute(number, call or call_of()))
        # Or the loop complains of refusals that no check asks for.
        task.add_done_callback(lambda task: task.cancelled() or task.exception())
        await _settled()
        return task

    async def fill(self, number: int) -> list[asyncio.Task[int]]:
        """Start so many calls."""
        return [await self.start(each) for each in range(number)]

    async def end(self, number: int) -> None:
        """Let an operation end."""
        self.ends[number].set_result(number)
        await _settled()

    async def run_out(self, tasks: list[asyncio.Task[int]]) -> None:
        """Let everything end."""
        while not all(task.done() for task in tasks):
            open_ends = [end for end in self.ends.values() if not end.done()]
            expect(open_ends, "Calls wait while no call runs.")
            for end in open_ends:
                end.set_result(0)
            await _settled()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _execute(self, number: int, call: Call[int]) -> int:
        return await self._bulkhead.execute(lambda: self._operation(number), call)

    async def _operation(self, number: int) -> int:
        self.begun.append(number)
        self.running += 1
        self.most = max(self.most, self.running)
        end: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.ends[number] = end
        try:
            return await end
        finally:
            self.running -= 1


@behaviour("BULK-001")
async def implements_the_protocol(make: BulkheadFactory) -> None:
    """The bulkhead has the protocol's method, with its parameters."""
    assert_implements(BulkheadProtocol, make(SystemClock()))


@behaviour("BULK-002")
async def outcomes_pass_unchanged(make: BulkheadFactory) -> None:
    """Results and exceptions come out unchanged, of one run each."""
    bulkhead, trouble = make(SystemClock()), Trouble()
    for outcome in ("good", "bad"):
        operation = Script(outcome)
        result = await bulkhead.execute(operation, call_of())
        expect_equal("The result", result, outcome)
        expect_equal("The runs of the operation", operation.count, 1)
    operation = Script(trouble)
    error = await expect_raised(Trouble, bulkhead.execute(operation, call_of()))
    expect(error is trouble, f"{error!r} is not what the operation raised.")
    expect_equal("The runs of the operation", operation.count, 1)


@behaviour("BULK-003")
async def no_more_than_its_places_run(make: BulkheadFactory) -> None:
    """As many calls run at once as there are places; the others wait."""
    work = _Work(make(SystemClock()))
    tasks = await work.fill(_PLACES + _QUEUE)
    expect_equal("The calls that run", work.running, _PLACES)
    expect_equal("The calls that ended", sum(task.done() for task in tasks), 0)
    await work.run_out(tasks)
    expect_equal("The most calls that ran at once", work.most, _PLACES)


@behaviour("BULK-004")
async def the_next_one_is_refused_at_once(make: BulkheadFactory) -> None:
    """With every place in the queue taken, a call is refused, and its operation not run."""
    bulkhead = make(SystemClock())
    work, began = _Work(bulkhead), now()
    tasks = await work.fill(_PLACES + _QUEUE)
    operation = Script("good")
    refused = asyncio.ensure_future(bulkhead.execute(operation, call_of()))
    await _settled()
    expect(refused.done(), "The call waits, though the queue is full.")
    error = await expect_raised(BulkheadFullError, refused)
    expect_equal("The seconds until it was refused", elapsed(began), 0)
    expect_equal("The runs of the operation", operation.count, 0)
    expect_equal("The key of the error", error.key, call_of().key)
    await work.run_out(tasks)


@behaviour("BULK-005")
async def a_refusal_takes_nothing(make: BulkheadFactory) -> None:
    """Refused calls change nothing for those that come after them."""
    work = _Work(make(SystemClock()))
    tasks = await work.fill(_PLACES + _QUEUE + _MANY)
    await work.run_out(tasks)
    refused = sum(isinstance(task.exception(), BulkheadFullError) for task in tasks)
    expect_equal("The calls that were refused", refused, _MANY)
    await _expect_all_places(work)


@behaviour("BULK-006")
async def waiters_go_in_order(make: BulkheadFactory) -> None:
    """Who came first goes first, one for each place that is left."""
    work = _Work(make(SystemClock()))
    tasks = await work.fill(_PLACES + _QUEUE)
    for number in range(_QUEUE):
        await work.end(number)
        expect_equal("The order", work.begun, list(range(_PLACES + number + 1)))
    await work.run_out(tasks)


@behaviour("BULK-007")
async def a_place_in_the_queue_is_free_again(make: BulkheadFactory) -> None:
    """When a waiter is let in, another call may wait."""
    work = _Work(make(SystemClock()))
    tasks = await work.fill(_PLACES + _QUEUE)
    await work.end(0)
    tasks.append(await work.start(_MANY))
    expect(not tasks[-1].done(), "The call was refused, though the queue had a place.")
    await work.run_out(tasks)
    expect_equal("The result", await tasks[0], 0)
    expect(_MANY in work.begun, "The call that waited last never ran.")


@behaviour("BULK-008")
async def upstreams_are_kept_apart(make: BulkheadFactory) -> None:
    """Calls of one key take no place of another one."""
    bulkhead = make(SystemClock())
    work, other = _Work(bulkhead), call_of(key="https://other.test:443")
    tasks = await work.fill(_PLACES + _QUEUE)
    expect_equal("The result", await bulkhead.execute(Script("good"), other), "good")
    expect_equal("The result", await bulkhead.execute(Script("good")), "good")
    await work.run_out(tasks)


@behaviour("BULK-009")
async def failures_give_back_their_places(make: BulkheadFactory) -> None:
    """Calls that raise, whatever it is, give back their places."""
    bulkhead = make(SystemClock())
    for _ in range(_PLACES + _QUEUE):
        for kind in (Trouble, Unstoppable):
            raised = kind()
            error = await expect_raised(
                kind, bulkhead.execute(Script(raised), call_of())
            )
            expect(error is raised, f"{error!r} is not what the operation raised.")
    await _expect_all_places(_Work(bulkhead))


@behaviour("BULK-010")
async def cancelling_a_running_call_gives_back_its_place(make: BulkheadFactory) -> None:
    """A cancelled call ends, and the next waiter has its place."""
    work = _Work(make(SystemClock()))
    tasks = await work.fill(_PLACES + 1)
    await _cancel(tasks[0])
    expect_equal("The calls that began", work.begun, list(range(_PLACES + 1)))
    await work.run_out(tasks)
    await _expect_all_places(work)


@behaviour("BULK-011")
async def cancelling_a_waiter_gives_back_its_place_in_the_queue(
    make: BulkheadFactory,
) -> None:
    """A cancelled waiter ends without a run, and another call may wait."""
    work = _Work(make(SystemClock()))
    tasks = await work.fill(_PLACES + _QUEUE)
    await _cancel(tasks[_PLACES])
    tasks.append(await work.start(_MANY))
    expect(not tasks[-1].done(), "The call was refused, though the queue had a place.")
    await work.run_out(tasks)
    expect(_PLACES not in work.begun, "The cancelled waiter ran all the same.")
    expect_equal("The calls that ran", len(work.begun), _PLACES + _QUEUE)
    await _expect_all_places(work)


@behaviour("BULK-012")
async def a_place_that_comes_with_a_cancellation_is_handed_on(
    make: BulkheadFactory,
) -> None:
    """When a place is left just as its waiter is cancelled, the next one has it."""
    for ticks in range(4):
        work = _Work(make(SystemClock()))
        tasks = await work.fill(_PLACES + 2)
        work.ends[0].set_result(0)
        for _ in range(ticks):
            await asyncio.sleep(0)
        tasks[_PLACES].cancel()
        await _settled()
        expect(tasks[_PLACES].cancelled(), f"The waiter ended as {tasks[_PLACES]!r}.")
        expect(_PLACES + 1 in work.begun, "The next waiter has no place.")
        await work.run_out(tasks)
        await _expect_all_places(work)


@behaviour("BULK-013")
async def cancellations_lose_nothing(make: BulkheadFactory) -> None:
    """Many calls, ended or cancelled at any moment, keep to the places and leave them."""
    work, random = _Work(make(SystemClock())), Random(5)  # noqa: S311 - moments of a test
    tasks: list[asyncio.Task[int]] = []
    for number in range(10 * _MANY):
        tasks.append(await work.start(number))
        victim = random.choice(tasks)
        if random.random() < 0.5:  # noqa: PLR2004 - one in two
            victim.cancel()
        open_ends = [end for end in work.ends.values() if not end.done()]
        if open_ends and random.random() < 0.5:  # noqa: PLR2004 - one in two
            random.choice(open_ends).set_result(0)
    await work.run_out(tasks)
    expect_equal("The most calls that ran at once", work.most, _PLACES)
    await _expect_all_places(work)


@behaviour("BULK-014")
async def no_call_waits_past_its_deadline(make: BulkheadFactory) -> None:
    """A call that has no place by its deadline is refused by then."""
    clock = SystemClock()
    work, began = _Work(make(clock)), now()
    tasks = await work.fill(_PLACES)
    late = await work.start(_MANY, call_of(deadline=clock.monotonic() + 5.0))
    await expect_raised(BulkheadFullError, late)
    waited = elapsed(began)
    expect(waited <= 5.0, f"5 s before its deadline it waited {waited!r} s.")  # noqa: PLR2004 - the deadline
    await work.run_out(tasks)
    await _expect_all_places(work)


@behaviour("BULK-015")
async def a_waiter_without_deadline_waits(make: BulkheadFactory) -> None:
    """However long it takes, a waiter is let in."""
    work = _Work(make(SystemClock()))
    tasks = await work.fill(_PLACES + 1)
    await asyncio.sleep(3600.0)
    await work.end(0)
    await work.end(_PLACES)
    expect_equal("The result", await tasks[_PLACES], _PLACES)
    await work.run_out(tasks)


@behaviour("BULK-016")
async def without_a_call_its_places_are_limited_too(make: BulkheadFactory) -> None:
    """Without a call, as many run at once as there are places."""
    bulkhead = make(SystemClock())
    gate: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    operation = Script(gate)
    calls = [
        asyncio.ensure_future(bulkhead.execute(operation))
        for _ in range(_PLACES + _QUEUE)
    ]
    await _settled()
    expect_equal("The calls that run", operation.count, _PLACES)
    gate.set_result("good")
    expect_equal("The results", set(await asyncio.gather(*calls)), {"good"})


async def _expect_all_places(work: _Work) -> None:
    """Require that as many calls run at once as there are places, and no more."""
    before = work.running
    tasks = [await work.start(1000 + number) for number in range(_PLACES + 1)]
    running = work.running - before
    await work.run_out(tasks)
    expect_equal("The calls that run at rest", running, _PLACES)


async def _cancel(task: asyncio.Task[int]) -> None:
    task.cancel()
    await _settled()
    expect(task.cancelled(), f"The cancelled call ended as {task!r}.")


async def _settled() -> None:
    """Let everybody who can go on do so."""
    for _ in range(_MANY):
        await asyncio.sleep(0)
