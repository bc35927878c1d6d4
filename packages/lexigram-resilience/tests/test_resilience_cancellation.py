"""Nothing is lost, whatever is cancelled and whenever."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Literal, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from lexigram.contracts.resilience import (
    Call,
    CircuitOpenError,
    Judgement,
)
from lexigram.resilience import (
    CircuitBreaker,
    CircuitBreakerConfig,
    CircuitState,
    ResiliencePipeline,
    RetryConfig,
    RetryPolicy,
)

LIMIT = 5  # seconds that anything here may take before it counts as hung

Step: TypeAlias = tuple[Literal["call", "cancel", "succeed", "fail", "advance"], int]

STEPS = st.lists(
    st.tuples(
        st.sampled_from(("call", "call", "cancel", "succeed", "fail", "advance")),
        st.integers(0, 1000),
    ),
    max_size=60,
)


class World:
    """Calls through one pipeline, each stopped at every await until it is told."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pending: list[asyncio.Future[bool]] = []  # attempts that are out
        self.alarms: list[tuple[float, asyncio.Future[None]]] = []
        self.tasks: list[asyncio.Task[object]] = []
        self.results: Counter[str] = Counter()
        self.breaker = CircuitBreaker(
            "test",
            CircuitBreakerConfig(consecutive_failures=2, open_duration=4),
            clock=self,
        )
        retry = RetryPolicy(RetryConfig(base_delay=1), clock=self)
        self.pipeline = ResiliencePipeline(retry=retry, breaker=self.breaker)
        self.call = Call(judge=self._judge, discard=self._discard)

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        alarm = asyncio.get_running_loop().create_future()
        self.alarms.append((self.now + seconds, alarm))
        await alarm

    async def attempt(self) -> bool:
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.pending.append(answer)
        try:
            result = await answer
        finally:
            self.pending.remove(answer)
        self.results["made"] += 1
        return result

    async def one_call(self) -> None:
        try:
            await self.pipeline.execute(self.attempt, self.call)
        except CircuitOpenError:
            pass  # Nothing else ends a call: a retry hands its last result back.
        else:
            self.results["returned"] += 1

    def take(self, step: Step) -> None:
        kind, number = step
        waiting = [answer for answer in self.pending if not answer.done()]
        if kind == "call":
            self.tasks.append(asyncio.ensure_future(self.one_call()))
        elif kind == "advance":
            self.advance(number % 40)
        elif kind == "cancel" and self.tasks:
            self.tasks[number % len(self.tasks)].cancel()
        elif kind in {"succeed", "fail"} and waiting:
            waiting[number % len(waiting)].set_result(kind == "succeed")

    def advance(self, seconds: float) -> None:
        self.now += seconds
        for moment, alarm in self.alarms:
            if moment <= self.now and not alarm.done():
                alarm.set_result(None)

    async def settle(self) -> None:
        """Cancel what is left and wait for it."""
        for task in self.tasks:
            task.cancel()
        everything = asyncio.gather(*self.tasks, return_exceptions=True)
        for outcome in await asyncio.wait_for(everything, LIMIT):
            assert outcome is None or isinstance(outcome, asyncio.CancelledError)

    @staticmethod
    def _judge(result: object, error: BaseException | None) -> Judgement:
        return Judgement("success" if result else "failure", retryable=not result)

    def _discard(self, result: bool) -> None:  # noqa: FBT001 - it is the result
        assert not result
        self.results["discarded"] += 1


@settings(deadline=None)
@given(STEPS, st.sampled_from(("at once", "turn by turn")))
async def test_random_cancels_leave_no_permit_and_no_result_behind(
    steps: list[Step], pace: str
) -> None:
    world = World()
    for step in steps:
        world.take(step)
        if pace == "turn by turn":
            await asyncio.sleep(0)
        for circuit in world.breaker.snapshot().values():
            assert (
                circuit.probes
                + circuit.calls * (circuit.state is CircuitState.HALF_OPEN)
                <= 3
            )
    await world.settle()

    assert world.pending == []
    assert all(circuit.probes == 0 for circuit in world.breaker.snapshot().values())
    made, kept = world.results["made"], world.results["returned"]
    assert made == kept + world.results["discarded"]


@settings(deadline=None)
@given(STEPS)
async def test_after_any_history_a_healthy_upstream_is_served_again(
    steps: list[Step],
) -> None:
    world = World()
    for step in steps:
        world.take(step)
        await asyncio.sleep(0)
    await world.settle()

    async def healthy() -> bool:
        return True

    world.now += 300  # the longest that a circuit stays open
    for _ in range(3):
        assert await world.breaker.call(healthy, world.call)
    assert world.breaker.snapshot()[""].state is CircuitState.CLOSED
