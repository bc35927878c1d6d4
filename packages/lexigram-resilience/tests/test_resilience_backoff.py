"""The waits between attempts, as arithmetic."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate, islice, pairwise
from random import Random
from statistics import median
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexigram.contracts.resilience import Judgement
from lexigram.resilience import RetryConfig
from lexigram.resilience._retry.backoff import (
    is_throttled,
    throttled_waits,
    waits,
    with_hint,
)

Jitter = Literal["decorrelated", "full", "none"]
SECONDS = st.floats(min_value=0, max_value=1e6)
RANDOMS = st.randoms(use_true_random=False)


def configs(*jitters: Jitter) -> st.SearchStrategy[RetryConfig]:
    def build(delays: list[float], jitter: Jitter) -> RetryConfig:
        base, cap = sorted(delays)
        return RetryConfig(base_delay=base, max_delay=cap, jitter=jitter)

    delays = st.lists(SECONDS, min_size=2, max_size=2)
    return st.builds(build, delays, st.sampled_from(jitters))


@settings(deadline=None)
@given(configs("decorrelated", "full", "none"), RANDOMS)
def test_no_wait_is_negative_or_longer_than_the_cap(
    config: RetryConfig, random: Random
) -> None:
    for wait in islice(waits(config, random), 50):
        assert 0 <= wait <= config.max_delay


@settings(deadline=None)
@given(configs("decorrelated"), RANDOMS)
def test_a_decorrelated_wait_is_from_the_base_to_three_times_the_one_before(
    config: RetryConfig, random: Random
) -> None:
    drawn = list(islice(waits(config, random), 20))
    for before, wait in pairwise([config.base_delay, *drawn]):
        limit = max(config.base_delay, 3 * before)
        assert config.base_delay <= wait <= limit * (1 + 1e-12)


@settings(deadline=None)
@given(configs("full"), RANDOMS)
def test_a_full_wait_is_at_most_the_doubled_base(
    config: RetryConfig, random: Random
) -> None:
    for exponent, wait in enumerate(islice(waits(config, random), 20)):
        assert wait <= config.base_delay * 2**exponent


@settings(deadline=None)
@given(configs("none"), RANDOMS)
def test_without_jitter_a_wait_is_the_doubled_base_up_to_the_cap(
    config: RetryConfig, random: Random
) -> None:
    for exponent, wait in enumerate(islice(waits(config, random), 20)):
        assert wait == min(config.max_delay, config.base_delay * 2**exponent)


@pytest.mark.parametrize("jitter", ["decorrelated", "full"])
def test_trap_t16_no_share_of_the_waits_gathers_at_the_cap(jitter: Jitter) -> None:
    config = RetryConfig(base_delay=0.1, max_delay=2.0, jitter=jitter)
    random = Random(20)
    sixth = [list(islice(waits(config, random), 6))[-1] for _ in range(5000)]

    assert sum(wait >= 1.999 for wait in sixth) < 0.005 * len(sixth)
    # A cap applied to what was drawn puts a quarter or more of all into one slot.
    slots = Counter(int(wait / 0.05) for wait in sixth)
    assert max(slots.values()) < 0.06 * len(sixth)


@pytest.mark.parametrize(
    ("jitter", "peaks", "middle"),
    [
        ("none", [100, 100, 100, 100, 100, 100], 5.1),
        ("full", [52, 25, 12, 7, 4, 3], 2.56),
        ("decorrelated", [26, 10, 5, 3, 2, 2], 3.36),
    ],
)
def test_clients_that_failed_at_once_come_back_spread(
    jitter: Jitter, peaks: list[int], middle: float
) -> None:
    config = RetryConfig(base_delay=0.1, max_delay=2.0, jitter=jitter)
    random = Random(20)
    clients = [list(accumulate(islice(waits(config, random), 6))) for _ in range(5000)]

    for number, peak in enumerate(peaks):
        # Rounding, so that equal sums of seconds are in one slot.
        slots = Counter(int(round(each[number], 9) / 0.05) for each in clients)
        share = 100 * max(slots.values()) / len(clients)
        assert share == pytest.approx(peak, abs=2), (number, share)
    assert median(each[-1] for each in clients) == pytest.approx(middle, rel=0.03)


@pytest.mark.parametrize(
    ("delays", "first"),
    [
        ((0.1, 1.0, 5.0), 1.0),
        ((2.0, 1.0, 5.0), 2.0),
        ((0.1, 1.0, 0.5), 0.5),
        ((0.0, 0.0, 0.0), 0.0),
    ],
)
def test_a_throttled_wait_begins_at_a_base_of_its_own(
    delays: tuple[float, float, float], first: float
) -> None:
    base, throttled, cap = delays
    config = RetryConfig(
        base_delay=base, throttled_delay=throttled, max_delay=cap, jitter="none"
    )
    drawn = list(islice(throttled_waits(config, Random(1)), 2))
    assert drawn == [first, min(cap, 2 * first)]


@pytest.mark.parametrize(
    ("judgement", "throttled"),
    [
        (Judgement("failure", reason="429"), True),
        (Judgement("failure", reason="throttled"), True),
        (Judgement("failure", reason="503", retry_after=0.5), True),
        (Judgement("failure", reason="503"), False),
        (Judgement("failure", retry_after=0.0), False),
        (Judgement("failure", retry_after=-1.0), False),
    ],
)
def test_an_upstream_that_asks_to_wait_throttles(
    judgement: Judgement,
    throttled: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    assert is_throttled(judgement) is throttled


@settings(deadline=None)
@given(SECONDS, st.none() | st.floats())
def test_a_hint_is_never_undercut_and_never_shortens_a_wait(
    wait: float, hint: float | None
) -> None:
    waited = with_hint(wait, hint)
    assert waited >= wait
    assert hint is None or not waited < hint
