"""A timer in common rings for each limit as a timer of its own would."""

import asyncio
from collections.abc import Callable
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.timers import CommonTimer
from lexigram.contracts.web.calling import Deadline

SECONDS = 10.0


class Loop:
    """As much of an event loop as a timer sees; its time is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.closed = False
        self.timers: list[Handle] = []

    def time(self) -> float:
        return self.now

    def is_closed(self) -> bool:
        return self.closed

    def call_at(
        self, when: float, callback: Callable[..., None], *args: object
    ) -> "Handle":
        handle = Handle(self, when, lambda: callback(*args))
        self.timers.append(handle)
        return handle

    def advance(self, seconds: float) -> None:
        """Let time pass, from one timer to the next."""
        end = self.now + seconds
        while due := [each for each in self.timers if each.when <= end]:
            first = min(due, key=lambda each: each.when)
            self.timers.remove(first)
            self.now = max(self.now, first.when)
            first.call()
        self.now = end


class Handle:
    """What `call_at` returns."""

    def __init__(self, loop: Loop, when: float, call: Callable[[], None]) -> None:
        self.when = when
        self.call = call
        self._loop = loop

    def cancel(self) -> None:
        if self in self._loop.timers:
            self._loop.timers.remove(self)


class Limit:
    """Notes when it is rung for."""

    def __init__(self, loop: Loop) -> None:
        self.began = loop.now
        self.rang: float | None = None
        self._loop = loop

    def ring(self) -> None:
        assert self.rang is None
        self.rang = self._loop.now


def asyncs(loop: Loop) -> asyncio.AbstractEventLoop:
    return cast("asyncio.AbstractEventLoop", loop)


STEPS = st.one_of(
    st.just("start"),
    st.tuples(st.just("stop"), st.integers(0, 20)),
    st.tuples(st.just("wait"), st.floats(0, 15)),
)


@given(st.lists(STEPS, max_size=40))
def test_each_limit_rings_at_its_end_unless_it_is_stopped(
    steps: list[str | tuple[str, float]],
) -> None:
    loop, timer = Loop(), CommonTimer(SECONDS)
    running: list[Limit] = []
    stopped: list[Limit] = []
    for step in steps:
        if step == "start":
            running.append(Limit(loop))
            assert timer.start(running[-1], asyncs(loop), loop.now)
        elif step[0] == "stop":
            if running:
                limit = running.pop(int(step[1]) % len(running))
                timer.stop(limit)
                if limit.rang is None:
                    stopped.append(limit)
        else:
            loop.advance(float(step[1]))
        assert len(loop.timers) <= 1
        for limit in running:
            over = loop.now - limit.began >= SECONDS
            assert limit.rang == (limit.began + SECONDS if over else None)
    loop.advance(2 * SECONDS)
    assert not any(limit.rang for limit in stopped)


def test_what_is_closed_leaves_no_timer_once_nothing_waits() -> None:
    loop, timer = Loop(), CommonTimer(SECONDS)
    first, second = Limit(loop), Limit(loop)
    timer.start(first, asyncs(loop), loop.now)
    timer.start(second, asyncs(loop), loop.now)
    timer.stop(first)
    timer.close()
    assert loop.timers
    timer.stop(second)
    assert not loop.timers
    timer.close()


def test_a_timer_moves_to_another_loop_when_nothing_waits_in_this_one() -> None:
    here, there = Loop(), Loop()
    timer = CommonTimer(SECONDS)
    first, second = Limit(here), Limit(there)
    assert timer.start(first, asyncs(here), here.now)
    assert not timer.start(second, asyncs(there), there.now)
    timer.stop(first)
    assert timer.start(second, asyncs(there), there.now)
    assert not here.timers
    there.advance(SECONDS)
    assert (first.rang, second.rang) == (None, SECONDS)


def test_what_waits_in_a_closed_loop_holds_nobody_up() -> None:
    here, there = Loop(), Loop()
    timer = CommonTimer(SECONDS)
    timer.start(Limit(here), asyncs(here), here.now)
    here.timers.clear()
    here.closed = True
    second = Limit(there)
    assert timer.start(second, asyncs(there), there.now)
    there.advance(SECONDS)
    assert second.rang == SECONDS


async def test_a_deadline_of_another_length_has_a_timer_of_its_own() -> None:
    common = CommonTimer(60.0)
    deadline = Deadline(60.0, common)
    with deadline:
        deadline.change(0.0)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            assert deadline.caused_cancellation()
    assert deadline.expired
    common.close()
