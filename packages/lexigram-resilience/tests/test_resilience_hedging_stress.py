"""Hedging against a model, and with cancellations at random."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Literal, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from lexigram.contracts.resilience import Call, CircuitOpenError, Judgement
from lexigram.resilience import BudgetConfig, RetryBudget
from lexigram.resilience._config.hedging import HedgeConfig
from lexigram.resilience._hedging.policy import HedgePolicy
from lexigram.testing import virtual_time

Kind: TypeAlias = Literal["good", "bad", "error", "final", "refused"]
KINDS: tuple[Kind, ...] = ("good", "bad", "error", "final", "refused")


class FinalError(Exception):
    """What is not worth repeating."""


@dataclass(frozen=True)
class Result:
    number: int
    kind: Kind


def judge(result: Result | None, error: BaseException | None) -> Judgement:
    if isinstance(error, FinalError):
        return Judgement("failure")
    if error is not None or (result is not None and result.kind == "bad"):
        return Judgement("failure", retryable=True)
    return Judgement("success")


def come_to(number: int, kind: Kind) -> Result:
    """Return or raise what an attempt of this kind comes to."""
    if kind == "error":
        raise OSError(number)
    if kind == "final":
        raise FinalError(number)
    if kind == "refused":
        raise CircuitOpenError(str(number))
    return Result(number, kind)


def plenty() -> RetryBudget:
    return RetryBudget(BudgetConfig(ratio=1.0, min_per_second=1000))


# -- against a model -------------------------------------------------------------------


class Model:
    """One call, event by event, as the documentation has it."""

    def __init__(self, script: list[tuple[float, Kind]], hedges: int) -> None:
        self.script = script
        self.hedges = hedges
        self.running: dict[int, float] = {}
        self.starts: list[float] = []
        self.closed = False
        self.answer: tuple[int, Kind] | None = None

    def run(self) -> tuple[float, tuple[int, Kind] | None]:
        now = 0.0
        self.start(now)
        while self.running:
            number = min(self.running, key=self.running.__getitem__)
            due = self.starts[-1] + 1.0
            if self.may_start() and due < self.running[number]:
                self.start(due)
                continue
            now = self.running.pop(number)
            if self.end(number, self.script[number - 1][1]):
                break
            if self.may_start():
                self.start(now)
        return now, self.answer

    def may_start(self) -> bool:
        return not self.closed and len(self.starts) <= self.hedges

    def start(self, now: float) -> None:
        self.starts.append(now)
        number = len(self.starts)
        self.running[number] = now + self.script[number - 1][0]

    def end(self, number: int, kind: Kind) -> bool:
        """Note how an attempt ended; say whether that decides the call."""
        if kind == "refused":
            self.closed = True
            self.answer = self.answer or (number, kind)
        elif kind == "bad" and self.running:
            pass  # Let go: only an error is kept while others are under way.
        elif kind == "bad" and self.may_start():
            self.answer = None
        else:
            self.answer = (number, kind)
        return kind in {"good", "final"}


# A little more for each, so that no two things happen at the same time: no sum of some is
# a sum of others.
SCRIPTS = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(KINDS)), min_size=4, max_size=4
).map(
    lambda steps: [
        (seconds + 0.1 + 0.013 * 2**number, kind)
        for number, (seconds, kind) in enumerate(steps)
    ]
)


@settings(deadline=None, max_examples=300)
@given(SCRIPTS, st.integers(1, 3))
def test_calls_go_as_a_model_says(
    script: list[tuple[float, Kind]], hedges: int
) -> None:
    begun = 0
    ended: list[int] = []
    discarded: list[Result] = []

    async def operation() -> Result:
        nonlocal begun
        begun += 1
        number = begun
        seconds, kind = script[number - 1]
        try:
            await asyncio.sleep(seconds)
        finally:
            ended.append(number)
        return come_to(number, kind)

    async def run() -> tuple[float, tuple[int, Kind]]:
        subject = HedgePolicy(HedgeConfig(delay=1, max_hedges=hedges), budget=plenty())
        async with virtual_time() as clock:
            answer: tuple[int, Kind]
            try:
                result = await subject.execute(
                    operation, Call(judge=judge, discard=discarded.append)
                )
                answer = (result.number, result.kind)
            except OSError as error:
                answer = (int(str(error)), "error")
            except FinalError as error:
                answer = (int(str(error)), "final")
            except CircuitOpenError as error:
                answer = (int(str(error)), "refused")
            return round(clock.elapsed, 4), answer

    model = Model(script, hedges)
    when, answer = model.run()
    assert asyncio.run(run()) == (round(when, 4), answer)
    assert begun == len(model.starts)
    assert sorted(ended) == list(range(1, begun + 1))
    assert len(discarded) == len(set(discarded))


# -- with cancellations at random ------------------------------------------------------

Step: TypeAlias = tuple[
    Literal["call", "cancel", "end", "advance", "limit", "turn"], int
]

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ("call", "call", "end", "end", "advance", "cancel", "limit", "turn")
        ),
        st.integers(0, 1000),
    ),
    max_size=60,
)


class World:
    """Calls whose attempts end when they are told to, some of them stubbornly."""

    def __init__(self, hedges: int) -> None:
        self.hedges = hedges
        self.subject = HedgePolicy(
            HedgeConfig(delay=1.0, max_hedges=hedges), budget=plenty()
        )
        self.pending: list[asyncio.Future[Kind]] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.begun = 0
        self.ended = 0
        self.made: Counter[int] = Counter()
        self.kept: Counter[int] = Counter()
        self.call = Call[Result](judge=judge, discard=self._discard)

    async def attempt(self) -> Result:
        self.begun += 1
        number = self.begun
        answer: asyncio.Future[Kind] = asyncio.get_running_loop().create_future()
        self.pending.append(answer)
        try:
            kind = await answer
        except asyncio.CancelledError:
            if number % 3 == 0:
                kind = "bad"  # does not heed its cancellation
            elif number % 3 == 1:
                await asyncio.sleep(0)  # cleans up
                raise
            else:
                raise
        finally:
            self.pending.remove(answer)
            self.ended += 1
        result = come_to(number, kind)
        self.made[number] += 1
        return result

    async def one_call(self, limit: float | None) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            async with asyncio.timeout(limit):
                result = await self.subject.execute(self.attempt, self.call)
                # At once, so that what was returned cannot get lost on the way.
                self.kept[result.number] += 1
        except (OSError, FinalError, CircuitOpenError):
            pass

    def _discard(self, result: Result) -> None:
        self.kept[result.number] += 1

    async def take(self, step: Step) -> None:
        kind, number = step
        waiting = [answer for answer in self.pending if not answer.done()]
        if kind in {"call", "limit"}:
            limit = number % 5 / 2 + 0.5 if kind == "limit" else None
            self.tasks.append(asyncio.create_task(self.one_call(limit)))
        elif kind == "advance":
            await asyncio.sleep(number % 5 / 2)
        elif kind == "turn":
            await asyncio.sleep(0)
        elif kind == "cancel" and self.tasks:
            self.tasks[number % len(self.tasks)].cancel()
        elif kind == "end" and waiting:
            waiting[number % len(waiting)].set_result(KINDS[number % len(KINDS)])

    async def settle(self) -> None:
        while any(not task.done() for task in self.tasks):
            for task in self.tasks:
                task.cancel()
            await asyncio.sleep(0)


@settings(deadline=None, max_examples=300)
@given(STEPS, st.integers(1, 3))
def test_random_cancels_leave_no_attempt_and_no_result_behind(
    steps: list[Step], hedges: int
) -> None:
    async def run() -> World:
        complaints: list[object] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        world = World(hedges)
        async with virtual_time():
            for step in steps:
                await world.take(step)
            await world.settle()
            assert asyncio.all_tasks() == {asyncio.current_task()}
        outcomes = await asyncio.gather(*world.tasks, return_exceptions=True)
        for outcome in outcomes:
            assert outcome is None or isinstance(
                outcome, TimeoutError | asyncio.CancelledError
            )
        assert complaints == []
        return world

    world = asyncio.run(run())
    assert world.pending == []
    assert world.begun == world.ended
    assert world.begun <= len(world.tasks) * (1 + world.hedges)
    assert world.kept == world.made
    assert set(world.made.values()) <= {1}
