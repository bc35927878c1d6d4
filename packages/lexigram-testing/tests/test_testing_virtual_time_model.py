"""Any set of sleeps and timeouts happens as the calendar says."""

import asyncio
import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexigram.testing import VirtualLoop, virtual_time
from lexigram.testing._time.timeline import Timeline

# Milliseconds, so that the model's arithmetic is exact.
pauses = st.integers(min_value=1, max_value=100_000)


@dataclass(frozen=True)
class Work:
    """Sleeps one after the other, within a limit."""

    pauses: Sequence[int]
    limit: int | None

    def ends(self) -> int:
        total = sum(self.pauses)
        return total if self.limit is None else min(total, self.limit)


works = st.builds(
    Work, st.lists(pauses, min_size=1, max_size=4), st.none() | pauses
).filter(lambda work: work.limit != sum(work.pauses))  # either may win then

Event = tuple[int, int]  # when, in milliseconds, and whose


def model(works: Sequence[Work]) -> list[Event]:
    """Return who wakes when: every end of a sleep, and every limit."""
    events: list[Event] = []
    for number, work in enumerate(works):
        at = 0
        for pause in work.pauses:
            at += pause
            if at < work.ends():
                heapq.heappush(events, (at, number))
        heapq.heappush(events, (work.ends(), number))
    return [heapq.heappop(events) for _ in range(len(events))]


async def run(works: Sequence[Work]) -> list[Event]:
    loop = asyncio.get_running_loop()
    start = loop.time()
    events: list[Event] = []

    def happened(number: int) -> None:
        events.append((round((loop.time() - start) * 1000), number))

    async def perform(number: int, work: Work) -> None:
        try:
            async with asyncio.timeout(work.limit and work.limit / 1000):
                for pause in work.pauses:
                    await asyncio.sleep(pause / 1000)
                    happened(number)
        except TimeoutError:
            happened(number)

    async with asyncio.TaskGroup() as group:
        for number, work in enumerate(works):
            group.create_task(perform(number, work))
    return events


def times(events: Sequence[Event]) -> list[int]:
    return [when for when, _ in events]


@settings(deadline=None)
@given(st.lists(works, max_size=8))
def test_everything_happens_at_the_time_and_in_the_order_of_the_model(
    works: list[Work],
) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        observed = runner.run(run(works))
        assert sorted(observed) == model(works)
        assert times(observed) == sorted(times(observed))
        expected = max((work.ends() for work in works), default=0)
        assert runner.get_loop().time() == pytest.approx(expected / 1000)


@settings(deadline=None)
@given(st.lists(works, min_size=1, max_size=5))
def test_a_second_run_is_the_same_to_the_last_event(works: list[Work]) -> None:
    def once() -> list[Event]:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(run(works))

    assert once() == once()


@settings(deadline=None)
@given(st.lists(works, max_size=5), st.lists(pauses, max_size=10))
def test_moved_by_hand_in_any_steps_the_same_happens(
    works: list[Work], steps: list[int]
) -> None:
    async def body() -> None:
        async with virtual_time(autojump=False) as clock:
            task = asyncio.create_task(run(works))
            for step in [*steps, 4 * 100_000]:
                before = clock.elapsed
                await clock.advance(step / 1000)
                assert clock.elapsed == pytest.approx(before + step / 1000)
            assert sorted(task.result()) == model(works)

    with asyncio.Runner() as runner:
        runner.run(body())


@settings(max_examples=500, deadline=None)
@given(
    # Where a nanosecond is much, little and nothing beside what a float can tell apart.
    start=st.integers(min_value=0, max_value=2**30)
    | st.integers(min_value=2**21, max_value=2**25),
    delays=st.lists(
        st.floats(min_value=0, max_value=1e9)
        | st.floats(min_value=1e-10, max_value=1e-8)
        | st.integers(min_value=1, max_value=4),  # in steps of the float
        max_size=20,
    ),
)
def test_a_timer_is_reached_within_a_nanosecond_and_never_missed(
    start: int, delays: list[float]
) -> None:
    timeline = Timeline(start, autojump=True)
    for delay in delays:
        steps = isinstance(delay, int)
        before = timeline.now
        when = before + (delay * math.ulp(before) if steps else delay)
        for _ in range(100):
            # What asyncio does, turn by turn.
            timeout = max(0.0, when - timeline.now)
            if timeout > 0:
                timeline.move(timeout)
            else:
                timeline.tick()
            if when < timeline.now + 1e-9:
                break
        else:
            pytest.fail(f"The loop would turn for ever at {timeline.now!r}.")
        assert timeline.now >= before
        assert abs(timeline.now - when) <= max(1e-9, 4 * math.ulp(when))
