"""The limits of one attempt: which one ends it, and whose cancellation that is."""

import asyncio
import selectors
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexigram.contracts.web import TimeoutPhase, Timeouts
from lexigram.contracts.web.calling import AttemptTimer, Deadline

Interrupted = tuple[TimeoutPhase, float] | None


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer instead of waiting for it."""

    def __init__(self) -> None:
        self.now = 0.0
        loop = self

        class Jumping(selectors.SelectSelector):
            def select(self, timeout: float | None = None) -> list[Any]:
                loop.now += timeout or 0.0
                return super().select(0)

        super().__init__(Jumping())

    def time(self) -> float:
        return self.now


def play(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a test in as much time as it asks for, which is none."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(coroutine)


@dataclass
class Attempt:
    """An attempt that goes through phases, each for so many seconds."""

    timeouts: Timeouts
    phases: tuple[tuple[TimeoutPhase, float], ...]
    interrupted: Interrupted = None
    cancelling: int = field(default=0, init=False)

    async def run(self) -> float:
        """Return when it ended; note what ended it."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        started = loop.time()
        timer = AttemptTimer(self.timeouts)
        try:
            for phase, seconds in self.phases:
                timer.enter(phase)
                await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.interrupted = timer.interrupted()
            if self.interrupted is None:
                raise
        finally:
            timer.close()
            self.cancelling = task.cancelling()
        return loop.time() - started


def limits(attempt: float | None, pool: float | None, **rest: float | None) -> Timeouts:
    return Timeouts(
        total=None,
        attempt=attempt,
        pool=pool,
        connect=rest.get("connect"),
        read=rest.get("read"),
    )


SECONDS = st.integers(1, 9).map(float)
LIMIT = st.none() | SECONDS
PHASE: st.SearchStrategy[TimeoutPhase] = st.sampled_from(("pool", "connect", "read"))


def expected(attempt: Attempt) -> tuple[float, Interrupted]:
    """Work out when an attempt ends, and by what, second by second."""
    now = 0.0
    whole = attempt.timeouts.attempt
    for phase, seconds in attempt.phases:
        limit = getattr(attempt.timeouts, phase)
        ends: list[tuple[float, TimeoutPhase, float]] = []
        if isinstance(limit, float):
            ends.append((now + limit, phase, limit))
        if isinstance(whole, float):
            ends.append((whole, "attempt", whole))
        first = min(ends, default=None, key=lambda end: end[0])
        if first is not None and first[0] < now + seconds:
            return first[0], (first[1], first[2])
        now += seconds
    return now, None


@settings(deadline=None)
@given(
    st.builds(limits, attempt=LIMIT, pool=LIMIT, connect=LIMIT, read=LIMIT),
    st.lists(st.tuples(PHASE, SECONDS.map(lambda s: s + 0.3)), max_size=5),
)
def test_the_first_limit_to_run_out_ends_it(
    timeouts: Timeouts, phases: list[tuple[TimeoutPhase, float]]
) -> None:
    async def run() -> None:
        attempt = Attempt(timeouts, tuple(phases))
        ended = await attempt.run()
        when, by_what = expected(attempt)
        assert ended == pytest.approx(when)
        assert attempt.cancelling == 0
        if by_what is None or attempt.interrupted is None:
            assert attempt.interrupted == by_what
        else:
            # Of two that run out together either may be named.
            assert attempt.interrupted[1] == getattr(timeouts, attempt.interrupted[0])

    play(run())


def test_a_limit_of_the_whole_call_is_not_the_attempt_s() -> None:
    async def run() -> None:
        attempt = Attempt(Timeouts(total=None, attempt=9.0), (("read", 20.0),))
        with pytest.raises(TimeoutError), Deadline(3.0) as deadline:
            await attempt.run()
        assert deadline.expired
        assert attempt.interrupted is None

    play(run())


async def test_a_cancelled_caller_is_no_limit() -> None:
    attempt = Attempt(Timeouts(attempt=60.0), (("read", 60.0),))
    task = asyncio.create_task(attempt.run())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert attempt.interrupted is None


def test_a_cancellation_nobody_answered_is_taken_back_at_the_end() -> None:
    async def run() -> None:
        timer = AttemptTimer(Timeouts(attempt=1.0))
        task = asyncio.current_task()
        assert task is not None
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(5)
        assert task.cancelling() == 1
        timer.close()
        assert task.cancelling() == 0

    play(run())


async def test_without_limits_there_is_no_timer() -> None:
    timer = AttemptTimer(Timeouts(total=1.0))
    timer.enter("connect")
    timer.enter("read")
    assert timer.phase == "read"
    assert timer.interrupted() is None
    timer.close()


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (Timeouts(), (1.0, 2.0, 3.0)),
        (Timeouts(total=None, read=9.0), (None, 2.0, 9.0)),
        (Timeouts(attempt=5.0), (1.0, 5.0, 3.0)),
    ],
)
def test_what_a_call_leaves_out_is_completed(
    own: Timeouts, expected: tuple[float | None, ...]
) -> None:
    whole = own.over(Timeouts(total=1.0, attempt=2.0, pool=None, read=3.0))
    assert (whole.total, whole.attempt, whole.read) == expected
    assert (whole.pool, whole.connect) == (None, ...)
