"""How long an attempt is given: the configuration and the arithmetic."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lexigram.resilience._config.hedging import HedgeConfig
from lexigram.resilience._hedging.quantile import Quantile

NUMBERS = st.lists(st.integers(0, 9).map(float), min_size=1, max_size=60)


@given(NUMBERS, st.integers(1, 20), st.sampled_from((0.01, 0.5, 0.9, 0.95, 0.999)))
def test_a_quantile_is_that_of_the_latest_numbers(
    numbers: list[float], window: int, share: float
) -> None:
    quantile = Quantile(share, window)
    for count, number in enumerate(numbers, 1):
        value = quantile.add(number)
        latest = sorted(numbers[max(0, count - window) : count])
        assert value == quantile.value == latest[math.ceil(share * len(latest)) - 1]
        assert len(quantile) == len(latest)


@given(NUMBERS, st.integers(1, 20), st.integers(1, 20), NUMBERS)
def test_what_another_one_begins_with_is_as_if_it_had_been_added(
    numbers: list[float], window: int, wider: int, more: list[float]
) -> None:
    first, direct = Quantile(0.9, window), Quantile(0.9, wider)
    for number in numbers:
        first.add(number)
    known = first.latest(wider)
    for number in numbers[-min(window, wider) :]:
        direct.add(number)
    second = Quantile(0.9, wider, known)
    assert second.value == direct.value
    assert [second.add(number) for number in more] == [
        direct.add(number) for number in more
    ]


@pytest.mark.parametrize(
    ("given_delay", "delay", "quantile"),
    [
        (0.5, 0.5, None),
        (2, 2, None),
        ("0.25", 0.25, None),
        ("p95", "p95", 0.95),
        ("p5", "p5", 0.05),
        ("p99.9", "p99.9", 0.999),
    ],
)
def test_a_delay_is_seconds_or_a_percentile(
    given_delay: float | str, delay: float | str, quantile: float | None
) -> None:
    config = HedgeConfig.model_validate({"delay": given_delay})
    assert config.delay == delay
    assert config.quantile == (None if quantile is None else pytest.approx(quantile))


@pytest.mark.parametrize("delay", [0, -1, "0", "-2.5", "nan"])
def test_a_delay_of_nothing_is_refused(delay: float | str) -> None:
    with pytest.raises(ValidationError, match="Use a positive number of seconds"):
        HedgeConfig(delay=delay)


@pytest.mark.parametrize("delay", ["p", "p0", "p100", "P95", "p95%", "often"])
def test_what_is_neither_is_refused(delay: str) -> None:
    with pytest.raises(ValidationError, match="neither a number of seconds nor"):
        HedgeConfig(delay=delay)


def test_more_samples_than_are_remembered_are_refused() -> None:
    with pytest.raises(ValidationError, match="`min_samples` 20 is more than the 10"):
        HedgeConfig(window=10)
    assert HedgeConfig(window=20).min_samples == 20


def test_by_default_the_slowest_in_twenty_get_one_other_attempt() -> None:
    config = HedgeConfig()
    assert (config.delay, config.max_hedges, config.min_delay) == ("p95", 1, 0.001)


@pytest.mark.parametrize("hedges", [0, 6])
def test_the_number_of_hedges_has_bounds(hedges: int) -> None:
    with pytest.raises(ValidationError):
        HedgeConfig(max_hedges=hedges)
