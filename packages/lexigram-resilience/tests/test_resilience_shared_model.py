"""The script that gives permits does what `Gcra` does."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lexigram.resilience._admission.gcra import Gcra
from lexigram.resilience._shared.scripts import TAKE

redis = pytest.importorskip("redis")

_KEYS = count()

# Binary fractions, whose sums are exact: no case depends on how a border is rounded.
RATES = st.sampled_from([0.125, 0.5, 1.0, 4.0, 64.0, 1024.0])
PAUSES = st.integers(0, 64).map(lambda n: n / 16)


@pytest.fixture(scope="module")
def take(store_server: Any) -> Iterator[Any]:
    with redis.Redis(port=store_server.port) as client:
        script = client.register_script(TAKE)

        def run(
            key: str, rate: float, burst: int, now: float, need: int, **more: float
        ) -> tuple[int, float]:
            want, used = more.get("want", need), more.get("used", 0.0)
            arguments = [
                repr(1 / rate),
                repr(burst / rate),
                need,
                want,
                used,
                repr(now),
            ]
            given, wait, _ = script(keys=[key], args=arguments)
            return int(given), float(wait)

        yield run


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    rate=RATES,
    burst=st.integers(1, 12),
    steps=st.lists(st.tuples(PAUSES, st.integers(1, 12)), max_size=30),
)
def test_the_script_gives_and_refuses_as_the_model_does(
    take: Any, rate: float, burst: int, steps: list[tuple[float, int]]
) -> None:
    model, key, now = Gcra(rate, burst), f"model-{next(_KEYS)}", 1000.0
    for pause, wish in steps:
        now += pause
        cost = min(wish, burst)
        expected = model.take(now, cost)
        assert take(key, rate, burst, now, cost) == (
            0 if expected else cost,
            expected,
        )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    rate=st.floats(0.01, 5000.0),
    burst=st.integers(1, 50),
    steps=st.lists(
        st.tuples(st.floats(0, 20), st.integers(1, 50), st.integers(0, 50)),
        max_size=30,
    ),
    start=st.sampled_from([0.0, 6e7, 1e9]),
)
def test_no_stretch_of_time_is_given_more_than_the_burst_and_what_comes_in_it(
    take: Any,
    rate: float,
    burst: int,
    steps: list[tuple[float, int, int]],
    start: float,
) -> None:
    key, now = f"stretch-{next(_KEYS)}", start
    given_at: list[tuple[float, int]] = []
    for pause, wish, more in steps:
        now += pause
        need = min(wish, burst)
        given, wait = take(key, rate, burst, now, need, want=min(burst, need + more))
        assert (given >= need) == (wait == 0)
        given_at.append((now, given))
    for first, (begin, _) in enumerate(given_at):
        total = 0
        for end, number in given_at[first:]:
            total += number
            # The times are exact to about a microsecond, here up to the year 2056.
            assert total <= burst + rate * (end - begin + 2e-6) + 1e-6


@given(
    rate=RATES,
    burst=st.integers(2, 12),
    held=st.integers(1, 12),
    wanted=st.integers(1, 12),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_lease_is_as_large_as_wanted_or_all_there_is(
    take: Any, rate: float, burst: int, held: int, wanted: int
) -> None:
    key, held, wanted = f"lease-{next(_KEYS)}", min(held, burst - 1), min(wanted, burst)
    assert take(key, rate, burst, 0.0, held) == (held, 0.0)
    given, _ = take(key, rate, burst, 0.0, 1, want=wanted)
    assert given == min(wanted, burst - held)


def test_a_clock_that_was_set_back_costs_a_burst_and_no_more(take: Any) -> None:
    assert take("back", 2.0, 4, 3600.0, 4) == (4, 0.0)
    assert take("back", 2.0, 4, 0.0, 1) == (0, 0.5)
    assert take("back", 2.0, 4, 0.5, 1) == (1, 0.0)


def test_a_limit_that_was_lowered_holds_from_the_next_call_on(take: Any) -> None:
    assert take("lowered", 1.0, 10, 0.0, 10) == (10, 0.0)
    assert take("lowered", 1.0, 2, 0.0, 1) == (0, 1.0)


def test_an_answer_says_when_the_next_permit_is_there(store_server: Any) -> None:
    with redis.Redis(port=store_server.port) as client:
        script = client.register_script(TAKE)
        answers = [
            script(keys=["next"], args=["0.5", "2.0", need, need, "0.0", now])
            for need, now in ((3, "10.0"), (1, "10.0"), (2, "10.25"), (1, "10.5"))
        ]
    assert [(given, float(rest)) for given, _, rest in answers] == [
        (3, 0.0),
        (1, 0.5),
        (0, 0.25),
        (1, 0.5),
    ]


def test_what_was_used_without_the_store_is_counted(take: Any) -> None:
    assert take("used", 1.0, 10, 0.0, 1) == (1, 0.0)
    assert take("used", 1.0, 10, 0.0, 7, used=3.0) == (0, 1.0)
    assert take("used", 1.0, 10, 0.0, 6) == (6, 0.0)


def test_a_server_that_knows_nothing_begins_empty_for_who_comes_back(take: Any) -> None:
    assert take("empty", 1.0, 10, 0.0, 1, used=0.5) == (0, 1.0)
    assert take("empty", 1.0, 10, 0.0, 1, used=0.5) == (0, 1.0)
    assert take("empty", 1.0, 10, 2.0, 3) == (0, 1.0)


def test_a_key_goes_when_its_burst_is_all_there_again(store_server: Any) -> None:
    with redis.Redis(port=store_server.port) as client:
        script = client.register_script(TAKE)
        script(keys=["life"], args=["0.5", "5.0", 4, 4, "0.0", ""])
        assert 1000 < client.pttl("life") <= 2000
