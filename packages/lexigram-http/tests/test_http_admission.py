"""Places in a pool: never too many, first come first served, none lost."""

import asyncio
from collections.abc import Hashable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from lexigram.http.pool.admission import Admission, PoolClosedError

HOSTS = st.sampled_from("abc")


class Line(RuleBasedStateMachine):
    """Callers come, give up and leave; beside them, the line as it should be."""

    @initialize(total=st.integers(1, 4), per_host=st.integers(1, 4))
    def open(self, total: int, per_host: int) -> None:
        self.total, self.per_host = total, per_host
        self.loop = asyncio.new_event_loop()
        self.admission = Admission(total, per_host)
        self.inside: list[Hashable] = []
        self.line: list[tuple[Hashable, asyncio.Task[None]]] = []

    def settle(self) -> None:
        """Let every task come as far as it can."""

        async def turns() -> None:
            for _ in range(3):
                await asyncio.sleep(0)

        self.loop.run_until_complete(turns())

    def fits(self, host: Hashable) -> bool:
        return len(self.inside) < self.total and self.inside.count(host) < self.per_host

    def expect_next(self) -> None:
        """Move the first of the line who fits inside, as a leaving caller makes room."""
        for place in self.line:
            if self.fits(place[0]):
                self.line.remove(place)
                self.inside.append(place[0])
                self.settle()
                assert place[1].done()
                assert place[1].exception() is None
                break

    @rule(host=HOSTS)
    def come(self, host: Hashable) -> None:
        room = self.fits(host)
        assert self.admission.enter(host) is room
        if room:
            self.inside.append(host)
        else:
            waiting = self.loop.create_task(self.admission.wait(host))
            self.line.append((host, waiting))
            self.settle()

    @precondition(lambda self: self.inside)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        host = data.draw(st.sampled_from(sorted(self.inside, key=str)))
        self.inside.remove(host)
        self.admission.leave(host)
        self.expect_next()

    @precondition(lambda self: self.line)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        place = self.line.pop(data.draw(st.integers(0, len(self.line) - 1)))
        place[1].cancel()
        self.settle()
        assert place[1].cancelled()

    @precondition(lambda self: self.inside and self.line)
    @rule()
    def give_up_as_the_place_is_handed_over(self) -> None:
        host = self.inside.pop(0)
        chosen = next((place for place in self.line if self.fits(place[0])), None)
        self.admission.leave(host)
        if chosen is not None:
            self.line.remove(chosen)
            chosen[1].cancel()
            self.settle()
            assert chosen[1].cancelled()
            self.expect_next()

    @invariant()
    def agree(self) -> None:
        assert self.admission.taken == len(self.inside)
        assert self.admission.waiting == len(self.line)
        assert not any(task.done() for _, task in self.line)

    def teardown(self) -> None:
        if not hasattr(self, "admission"):
            return
        self.admission.close()
        self.settle()
        for _, task in self.line:
            assert isinstance(task.exception(), PoolClosedError)
        assert self.admission.waiting == 0
        self.loop.close()


TestLine = Line.TestCase
TestLine.settings = settings(deadline=None, max_examples=60, stateful_step_count=30)


async def test_a_closed_pool_lets_nobody_in() -> None:
    admission = Admission(1, 1)
    admission.close()
    assert not admission.enter("a")
    with pytest.raises(PoolClosedError):
        await admission.wait("a")


async def test_who_gives_up_as_the_pool_closes_gives_no_place_back() -> None:
    admission = Admission(1, 1)
    assert admission.enter("a")
    waiting = asyncio.create_task(admission.wait("a"))
    await asyncio.sleep(0)
    admission.close()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (admission.taken, admission.waiting) == (1, 0)
    admission.leave("a")
    assert admission.taken == 0
