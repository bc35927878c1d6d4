"""The windows of a circuit, against lists of all that they were told."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from lexigram.resilience import CircuitBreakerConfig
from lexigram.resilience._breaker.windows import (
    FAILED,
    SLOW,
    CountWindow,
    TimeWindow,
    Window,
    fitted,
)

OUTCOMES = st.sampled_from((0, FAILED, SLOW, FAILED | SLOW))


class Clock:
    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def counts(window: Window) -> tuple[int, int, int]:
    return window.calls, window.failures, window.slow


def counted(outcomes: list[int]) -> tuple[int, int, int]:
    failures = sum(outcome in (FAILED, FAILED | SLOW) for outcome in outcomes)
    slow = sum(outcome in (SLOW, FAILED | SLOW) for outcome in outcomes)
    return len(outcomes), failures, slow


def of_calls(size: int) -> CircuitBreakerConfig:
    return CircuitBreakerConfig(window=size, minimum_calls=1)


def of_seconds(seconds: float) -> CircuitBreakerConfig:
    return CircuitBreakerConfig(window_seconds=seconds)


def told(window: Window, *outcomes: int) -> Window:
    for outcome in outcomes:
        window.add(outcome)
    return window


@given(st.integers(1, 9), st.lists(OUTCOMES, max_size=40))
def test_a_window_of_calls_counts_the_latest_ones_only(
    size: int, outcomes: list[int]
) -> None:
    window = told(CountWindow(size), *outcomes)
    window.refresh()
    assert counts(window) == counted(outcomes[-size:])


@given(
    st.sampled_from((10.0, 20.0, 0.5)),
    st.lists(st.tuples(st.sampled_from((0.0, 0.25, 1.0, 7.0, 300.0)), OUTCOMES)),
)
def test_a_window_of_seconds_counts_what_is_not_older_than_ten_slices(
    seconds: float, steps: list[tuple[float, int]]
) -> None:
    clock = Clock()
    window = TimeWindow(seconds, clock)
    came: list[tuple[float, int]] = []
    for passed, outcome in steps:
        clock.now += passed
        window.add(outcome)
        came.append((clock.now, outcome))
        newest = clock.now * 10 // seconds
        kept = [o for moment, o in came if moment * 10 // seconds > newest - 10]
        assert counts(window) == counted(kept)


def test_a_window_of_seconds_forgets_when_it_is_looked_at() -> None:
    clock = Clock()
    window = told(TimeWindow(10, clock), FAILED, SLOW)
    clock.now += 9.5
    window.refresh()
    assert counts(window) == (2, 1, 1)
    clock.now += 0.5
    window.refresh()
    assert counts(window) == (0, 0, 0)


def test_a_window_of_seconds_forgets_a_slice_at_a_time() -> None:
    clock = Clock()
    window = TimeWindow(10, clock)
    for _ in range(10):
        window.add(FAILED)
        clock.now += 1
    seen = []
    for _ in range(10):
        window.refresh()
        seen.append(window.failures)
        clock.now += 1
    assert seen == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]


def test_a_window_that_has_the_shape_already_stays_itself() -> None:
    clock = Clock()
    for window, config in (
        (CountWindow(5), of_calls(5)),
        (TimeWindow(5.0, clock), of_seconds(5)),
    ):
        assert fitted(window, config, clock) is window


def test_a_window_of_seconds_is_not_taken_for_one_of_as_many_calls() -> None:
    clock = Clock()
    config = CircuitBreakerConfig(window=20, window_seconds=5)
    assert isinstance(fitted(CountWindow(20), config, clock), TimeWindow)
    assert isinstance(fitted(TimeWindow(20.0, clock), of_calls(20), clock), CountWindow)


@given(st.integers(1, 9), st.integers(1, 9), st.lists(OUTCOMES), st.lists(OUTCOMES))
def test_another_size_keeps_the_latest_calls_and_their_order(
    size: int, other: int, before: list[int], after: list[int]
) -> None:
    window = told(CountWindow(size), *before)
    window = fitted(window, of_calls(other), Clock())
    kept = before[-size:][-other:]
    assert counts(window) == counted(kept)
    told(window, *after)
    assert counts(window) == counted([*kept, *after][-other:])


def test_another_length_keeps_what_is_not_too_old_for_it() -> None:
    clock = Clock()
    window = TimeWindow(100.0, clock)
    for outcome in (FAILED, SLOW, 0):
        window.add(outcome)
        clock.now += 30
    clock.now -= 30
    shorter = fitted(window, of_seconds(50), clock)
    assert counts(shorter) == counted([SLOW, 0])
    longer = fitted(window, of_seconds(200), clock)
    assert counts(longer) == counted([FAILED, SLOW, 0])
    # They keep their age: in the longer window, too, the oldest leaves first.
    clock.now = 1199
    longer.refresh()
    assert counts(longer) == counted([FAILED, SLOW, 0])
    clock.now = 1200
    longer.refresh()
    assert counts(longer) == counted([SLOW, 0])


def test_what_is_exactly_one_window_old_is_too_old() -> None:
    window = TimeWindow(10.0, Clock(20.5))
    window.take_over([(10.5, FAILED, 1), (11.0, SLOW, 2)])
    assert counts(window) == (2, 0, 2)


def test_what_a_window_of_seconds_has_forgotten_does_not_come_back() -> None:
    clock = Clock()
    window = told(TimeWindow(10.0, clock), FAILED)
    clock.now += 10
    assert counts(fitted(window, of_seconds(100), clock)) == (0, 0, 0)


@given(st.lists(OUTCOMES, max_size=20))
def test_calls_become_calls_of_now(outcomes: list[int]) -> None:
    clock = Clock()
    window = told(CountWindow(20), *outcomes)
    window = fitted(window, of_seconds(10), clock)
    assert counts(window) == counted(outcomes)
    clock.now += 9
    window.refresh()
    assert counts(window) == counted(outcomes)
    clock.now += 1
    window.refresh()
    assert counts(window) == (0, 0, 0)


@given(st.lists(OUTCOMES, max_size=20), st.integers(20, 30))
def test_seconds_become_as_many_calls(outcomes: list[int], size: int) -> None:
    clock = Clock()
    window = told(TimeWindow(10.0, clock), *outcomes)
    assert counts(fitted(window, of_calls(size), clock)) == counted(outcomes)


def test_of_too_many_seconds_the_latest_calls_are_kept() -> None:
    clock = Clock()
    window = told(TimeWindow(10.0, clock), *[FAILED] * 50)
    clock.now += 5
    told(window, *[SLOW] * 4, *[0] * 4)
    assert counts(fitted(window, of_calls(10), clock)) == (10, 2, 4)
    assert counts(fitted(window, of_calls(4), clock)) == (4, 0, 0)


def test_a_great_number_of_calls_is_not_walked_through() -> None:
    clock = Clock()
    window = TimeWindow(10.0, clock)
    window.take_over([(clock.now, FAILED, 10**15)])
    assert counts(fitted(window, of_calls(10), clock)) == (10, 10, 0)


@given(st.lists(OUTCOMES), st.sampled_from((1.0, 3.0, 7.0)), st.floats(0, 50))
def test_a_history_holds_what_is_counted(
    outcomes: list[int], step: float, later: float
) -> None:
    clock = Clock()
    window = TimeWindow(30.0, clock)
    for outcome in outcomes:
        window.add(outcome)
        clock.now += step
    clock.now += later
    held: Counter[int] = Counter()
    for moment, outcome, count in window.history(clock.now):
        assert clock.now - 30 <= moment <= clock.now
        held[outcome] += count
    assert counts(window) == counted(list(held.elements()))
