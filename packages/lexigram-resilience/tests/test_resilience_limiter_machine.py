"""A rate limiter and its line, against a bucket of tokens and a list."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lexigram.contracts.resilience import RateLimitedError
from lexigram.resilience import RateLimiter, RateLimiterConfig
from lexigram.testing import VirtualLoop

# Powers of two and quarters of seconds: no float below is rounded.
RATES = st.sampled_from([1, 2, 4])
BURSTS = st.integers(1, 4)
QUARTERS = st.integers(0, 12)


@dataclass
class Waiter:
    """Somebody in the line."""

    name: int
    task: asyncio.Task[None]
    cost: int
    began: float
    limit: float | None


class LimiterAgainstABucket(RuleBasedStateMachine):
    """Calls that take, wait, are refused and are cancelled while the limit changes."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop(autojump=False)
        self.rate, self.burst = 4, 3
        self.limiter = RateLimiter(RateLimiterConfig(permits=4, burst=3))
        self.now = 0.0
        self.tokens = 3.0
        self.line: list[Waiter] = []
        self.names = 0
        self.granted: list[int] = []
        self.expected: list[int] = []
        self.refused: list[Waiter] = []

    def run(self, steps: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(steps)

    def wait_for(self, permits: float) -> float:
        """Return the seconds until so many permits are there."""
        return max(0.0, (permits - self.tokens) / self.rate)

    def serve(self) -> None:
        """Let go, or refuse, whoever is at the head of the line and looks now."""
        while self.line:
            head = self.line[0]
            wait = self.wait_for(head.cost)
            late = head.limit is not None and self.now - head.began + wait > head.limit
            if not wait:
                self.tokens -= head.cost
                self.expected.append(head.name)
            elif late or head.cost > self.burst:
                self.refused.append(head)
            else:
                return
            self.line.pop(0)

    @rule(cost=BURSTS)
    def take_without_waiting(self, cost: int) -> None:
        cost = min(cost, self.burst)
        before = sum(each.cost for each in self.line)
        wait = self.wait_for(before + cost)

        async def take() -> float:
            return self.limiter.try_acquire(cost=cost)

        assert self.run(take()) == wait
        if not wait:
            self.tokens -= cost

    @rule(cost=BURSTS, limit=st.none() | QUARTERS.map(lambda each: each / 4))
    def take(self, cost: int, limit: float | None) -> None:
        cost = min(cost, self.burst)
        wait = self.wait_for(sum(each.cost for each in self.line) + cost)
        name = self.names
        self.names += 1
        task = self.loop.create_task(self.acquire(name, cost, limit))
        self.run(self.loop.clock.settle())
        if limit is not None and wait > limit:
            error = task.exception()
            assert isinstance(error, RateLimitedError)
            assert error.retry_after == wait
            return
        self.line.append(Waiter(name, task, cost, self.now, limit))
        self.serve()

    async def acquire(self, name: int, cost: int, limit: float | None) -> None:
        await self.limiter.acquire(cost=cost, timeout=limit)
        self.granted.append(name)

    @precondition(lambda self: self.line)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        gone = self.line.pop(data.draw(st.integers(0, len(self.line) - 1)))
        gone.task.cancel()
        self.run(self.loop.clock.settle())
        assert gone.task.cancelled()
        self.serve()

    @precondition(lambda self: len(self.line) > 1)
    @rule()
    def cancel_the_head_and_the_next(self) -> None:
        gone, self.line = self.line[:2], self.line[2:]
        for each in gone:
            each.task.cancel()
        self.run(self.loop.clock.settle())
        assert all(each.task.cancelled() for each in gone)
        self.serve()

    @rule(quarters=QUARTERS)
    def wait(self, quarters: int) -> None:
        self.run(self.loop.clock.advance(quarters / 4))
        end = self.now + quarters / 4
        while self.line and self.now + self.wait_for(self.line[0].cost) <= end:
            self.pass_time(self.wait_for(self.line[0].cost))
            self.serve()
        self.pass_time(end - self.now)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.tokens = min(float(self.burst), self.tokens + seconds * self.rate)

    @rule(rate=RATES, burst=BURSTS)
    def change(self, rate: int, burst: int) -> None:
        self.tokens += burst - self.burst  # what is used up stays so
        self.rate, self.burst = rate, burst

        async def reconfigure() -> None:
            self.limiter.reconfigure(RateLimiterConfig(permits=rate, burst=burst))
            await self.loop.clock.settle()

        self.run(reconfigure())
        self.serve()

    @invariant()
    def those_went_whose_turn_it_was_in_their_order(self) -> None:
        assert self.granted == self.expected

    @invariant()
    def those_were_refused_whose_wait_became_too_long(self) -> None:
        for each in self.refused:
            assert isinstance(each.task.exception(), RateLimitedError)

    @invariant()
    def nobody_else_has_left_the_line(self) -> None:
        assert not any(each.task.done() for each in self.line)
        gate = self.limiter.gate("")
        assert len(gate.line) == len(self.line)
        assert gate.queued == sum(each.cost for each in self.line)

    def teardown(self) -> None:
        for each in self.line:
            each.task.cancel()
        self.run(self.loop.clock.settle())
        self.loop.close()


TestLimiterAgainstABucket = LimiterAgainstABucket.TestCase
TestLimiterAgainstABucket.settings = settings(max_examples=60, deadline=None)
