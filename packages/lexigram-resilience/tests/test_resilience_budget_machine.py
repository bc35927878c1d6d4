"""A retry policy and its budget, against a model; anybody may be cancelled at any time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lexigram.contracts.resilience import Call, RetryExhaustedError
from lexigram.resilience import BudgetConfig, RetryBudget, RetryConfig, RetryPolicy
from lexigram.testing import VirtualLoop

KEYS = ("a", "b")
RATIO, ALLOWANCE, WINDOW = 0.5, 1.0, 5.0
SLICE = WINDOW / 10
ATTEMPTS, DELAY = 3, 0.75


@dataclass
class Running:
    """A call as the model knows it.

    Attributes:
        attempts: How many were made.
        wakes: When the wait is over; None while an attempt is under way.
    """

    key: str
    task: asyncio.Task[str]
    attempts: int = 1
    wakes: float | None = None


@dataclass
class Upstream:
    """Answers when it is told to, and counts how often it was asked."""

    asked: int = 0
    pending: dict[int, asyncio.Future[str]] = field(default_factory=dict)

    async def fetch(self, number: int) -> str:
        self.asked += 1
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.pending[number] = answer
        return await answer


class RetriesOnABudget(RuleBasedStateMachine):
    """Calls of two keys that fail, succeed, wait and are cancelled, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop(autojump=False)
        self.now = 0.0
        self.budget = RetryBudget(
            BudgetConfig(ratio=RATIO, min_per_second=ALLOWANCE / WINDOW, window=WINDOW)
        )
        self.policy = RetryPolicy(
            RetryConfig(max_attempts=ATTEMPTS, base_delay=DELAY, jitter="none"),
            budget=self.budget,
        )
        self.upstream = Upstream()
        self.calls: dict[int, Running] = {}
        self.counted: list[tuple[str, int]] = []
        self.spent: list[tuple[str, int]] = []
        self.asked = self.begun = 0

    def run(self, steps: Coroutine[Any, Any, None]) -> None:
        self.loop.run_until_complete(steps)

    def settle(self) -> None:
        self.run(self.loop.clock.settle())

    def slice(self) -> int:
        return int(self.now / SLICE)

    def balance(self, key: str) -> float:
        """Return what is left of one key, by all that happened in the window."""
        oldest = self.slice() - 9
        paid = sum(each == key and when >= oldest for each, when in self.counted)
        spent = sum(each == key and when >= oldest for each, when in self.spent)
        return ALLOWANCE + RATIO * paid - spent

    def under_way(self) -> list[int]:
        return [number for number, call in self.calls.items() if call.wakes is None]

    def waiting(self) -> list[int]:
        return [number for number, call in self.calls.items() if call.wakes is not None]

    @rule(key=st.sampled_from(KEYS))
    def begin(self, key: str) -> None:
        number = self.begun
        self.begun += 1
        operation = partial(self.upstream.fetch, number)
        task = self.loop.create_task(self.policy.execute(operation, Call(key=key)))
        self.calls[number] = Running(key, task)
        self.counted.append((key, self.slice()))
        self.asked += 1
        self.settle()

    @precondition(lambda self: self.under_way())
    @rule(data=st.data())
    def succeed(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(self.under_way()))
        call = self.calls.pop(number)
        self.upstream.pending[number].set_result("fine")
        self.settle()
        assert call.task.result() == "fine"

    @precondition(lambda self: self.under_way())
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(self.under_way()))
        call = self.calls[number]
        may_repeat = call.attempts < ATTEMPTS and self.balance(call.key) >= 1
        self.upstream.pending[number].set_exception(ConnectionError("reset"))
        self.settle()
        if may_repeat:
            assert not call.task.done()
            self.spent.append((call.key, self.slice()))
            call.wakes = self.now + DELAY * 2 ** (call.attempts - 1)
            return
        error = self.calls.pop(number).task.exception()
        assert isinstance(error, RetryExhaustedError)
        assert error.attempts == call.attempts

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(list(self.calls)))
        call = self.calls.pop(number)
        call.task.cancel()
        self.settle()
        assert call.task.cancelled()
        if call.wakes is not None:
            self.give_back(call.key)

    @precondition(lambda self: self.under_way())
    @rule(data=st.data())
    def fail_and_cancel_at_once(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(self.under_way()))
        call = self.calls.pop(number)
        self.upstream.pending[number].set_exception(ConnectionError("reset"))
        call.task.cancel()  # before it sees the failure
        self.settle()
        assert call.task.cancelled()

    @rule(quarters=st.integers(1, 12))
    def wait(self, quarters: int) -> None:
        self.now += quarters * 0.25
        self.run(self.loop.clock.advance(quarters * 0.25))
        for number in self.waiting():
            call = self.calls[number]
            if call.wakes is not None and call.wakes <= self.now:
                call.wakes = None
                call.attempts += 1
                self.asked += 1

    def give_back(self, key: str) -> None:
        """Take the newest second attempt of a key for one that was not made."""
        oldest = self.slice() - 9
        mine = [each for each in self.spent if each[0] == key and each[1] >= oldest]
        if mine:
            self.spent.remove(max(mine))

    @invariant()
    def balances_agree(self) -> None:
        for key in KEYS:
            assert self.budget_of(key) == self.balance(key)

    @invariant()
    def the_upstream_was_asked_as_often_as_it_should(self) -> None:
        assert self.upstream.asked == self.asked

    def budget_of(self, key: str) -> float:
        async def look() -> float:
            return self.budget.balance(key)

        return self.loop.run_until_complete(look())

    def teardown(self) -> None:
        for call in self.calls.values():
            call.task.cancel()
        self.settle()
        self.loop.close()


TestRetriesOnABudget = RetriesOnABudget.TestCase
TestRetriesOnABudget.settings = settings(max_examples=60, deadline=None)
