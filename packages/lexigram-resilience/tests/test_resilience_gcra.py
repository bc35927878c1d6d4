"""The rate of one key, against a model that counts permits."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.resilience._admission.gcra import Gcra

steps = st.lists(
    st.tuples(
        st.floats(min_value=0, max_value=5, allow_nan=False),
        st.integers(min_value=1, max_value=4),
    ),
    max_size=60,
)
rates = st.floats(min_value=0.1, max_value=50)


def taken(rate: Gcra, plan: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """Try to take at each step; return when how much was granted."""
    now, granted = 0.0, []
    for pause, cost in plan:
        now += pause
        if rate.take(now, cost) == 0:
            granted.append((now, cost))
    return granted


@given(steps, rates, st.integers(min_value=4, max_value=20))
def test_no_window_holds_more_than_the_burst_and_what_came_in_it(
    plan: list[tuple[float, int]], rate: float, burst: int
) -> None:
    granted = taken(Gcra(rate, burst), plan)
    for start, (first, _) in enumerate(granted):
        total = 0
        for moment, cost in granted[start:]:
            total += cost
            assert total <= burst + rate * (moment - first) + 1e-6


@given(steps, rates, st.integers(min_value=4, max_value=20))
def test_it_grants_whenever_a_bucket_of_tokens_would(
    plan: list[tuple[float, int]], rate: float, burst: int
) -> None:
    gcra, tokens, now = Gcra(rate, burst), float(burst), 0.0
    for pause, cost in plan:
        now += pause
        tokens = min(burst, tokens + pause * rate)
        if math.isclose(tokens, cost, rel_tol=1e-6):
            return  # too close to tell in floating point
        granted = gcra.take(now, cost) == 0
        assert granted == (tokens >= cost)
        tokens -= cost * granted


@given(steps, rates, st.integers(min_value=4, max_value=20))
def test_after_the_wait_that_it_tells_it_grants_and_not_before(
    plan: list[tuple[float, int]], rate: float, burst: int
) -> None:
    gcra, now = Gcra(rate, burst), 0.0
    for pause, cost in plan:
        now += pause
        wait = gcra.wait(now, cost)
        if wait > 1e-6:
            assert gcra.take(now, cost) == pytest.approx(wait)
            assert gcra.take(now + wait * 0.99, cost) > 0
            now += wait + 1e-9
        assert gcra.take(now, cost) == 0


def test_what_was_not_granted_is_not_taken() -> None:
    gcra = Gcra(1.0, 2)
    assert gcra.take(0.0, 2) == 0
    assert [gcra.take(0.0, 1) for _ in range(3)] == [1.0, 1.0, 1.0]


def test_it_is_full_before_and_when_all_has_come_back() -> None:
    gcra = Gcra(2.0, 4)
    assert gcra.is_full(0.0)
    gcra.take(0.0, 4)
    assert not gcra.is_full(1.99)
    assert gcra.is_full(2.0)


def test_another_rate_keeps_what_is_used_up() -> None:
    gcra = Gcra(1.0, 4)
    gcra.take(0.0, 4)
    gcra.change(1.0, 10.0, 4)  # one of four had come back
    assert gcra.take(1.0, 1) == 0
    assert gcra.wait(1.0, 1) == pytest.approx(0.1)


def test_another_rate_gives_nothing_to_one_that_is_full() -> None:
    gcra = Gcra(1.0, 2)
    gcra.change(100.0, 5.0, 3)
    assert gcra.take(100.0, 3) == 0
    assert gcra.take(100.0, 1) == pytest.approx(0.2)
