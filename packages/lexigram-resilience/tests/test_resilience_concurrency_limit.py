"""The adaptive limit of one key: each rule by its numbers, and all against a model."""

from __future__ import annotations

from math import sqrt
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pydantic import ValidationError

from lexigram.contracts.resilience import Outcome
from lexigram.resilience._adaptive.limit import AdaptiveLimit
from lexigram.resilience._config.concurrency import AdaptiveConcurrencyConfig


class Subject:
    """A limit, its time and what it told."""

    def __init__(self, **options: Any) -> None:
        self.now = 100.0
        self.told: list[int] = []
        config = AdaptiveConcurrencyConfig(**options)
        self.limit = AdaptiveLimit(
            config, self.now, lambda limit: self.told.append(limit.limit)
        )

    def enter(self, calls: int) -> float:
        for _ in range(calls):
            assert self.limit.try_acquire(self.now)
        return self.now

    def leave(self, began: float, outcome: Outcome, calls: int = 1) -> None:
        for _ in range(calls):
            self.limit.release(began, outcome, self.now)

    def window(self, latency: float, calls: int = 10, failures: int = 0) -> int:
        """Have calls that begin and end together; return the limit after them."""
        began = self.enter(calls)
        self.now += latency
        self.leave(began, "failure", failures)
        self.leave(began, "success", calls - failures)
        return self.limit.limit

    def known(self, usual: float) -> None:
        """Let it know the usual latency, with less than half of the limit in use."""
        before = self.limit.limit
        while self.limit.usual is None:
            assert self.window(usual, calls=before // 2 - 1) == before
        assert self.limit.usual == usual


def knowing(usual: float = 2.0, **options: Any) -> Subject:
    """Return a limit of 40 that knows how long a call usually takes."""
    subject = Subject(**{"initial_limit": 40} | options)
    subject.known(usual)
    return subject


def test_it_lets_in_as_many_as_it_says() -> None:
    subject = Subject(initial_limit=3)
    began = subject.enter(3)
    assert not subject.limit.try_acquire(subject.now)
    assert subject.limit.in_flight == 3
    subject.leave(began, "neutral")
    subject.enter(1)
    assert not subject.limit.try_acquire(subject.now)


def test_a_limit_in_use_grows_by_its_root() -> None:
    subject = knowing()
    assert subject.window(2.0, calls=20) == int(40 + sqrt(40)) == 46
    assert subject.told == [46]


def test_the_fraction_that_is_left_over_counts_in_the_next_step() -> None:
    subject = knowing()
    subject.window(2.0, calls=20)
    exact = 40 + sqrt(40)
    assert subject.window(2.0, calls=23) == int(exact + sqrt(exact)) == 53


def test_a_limit_that_is_not_half_used_does_not_grow() -> None:
    assert knowing().window(2.0, calls=19) == 40


def test_it_settles_where_latency_is_just_what_is_tolerated() -> None:
    subject = knowing()
    assert subject.window(3.0, calls=40) == 40
    assert subject.window(2.8, calls=40) == int(40 * 3.0 / 2.8) == 42


def test_a_latency_beyond_what_is_tolerated_lowers_it_in_proportion() -> None:
    assert knowing().window(4.0, calls=40) == 30


def test_one_step_lowers_it_by_half_at_most() -> None:
    assert knowing().window(20.0, calls=40) == 20


def test_a_limit_that_nobody_felt_is_lowered_until_it_is_felt() -> None:
    assert knowing().window(4.0, calls=17) == 34  # twice those, though 30 is wanted
    assert knowing().window(4.0, calls=13) == 30
    assert knowing(max_limit=40).window(4.0, calls=19) == 38


def test_a_growth_past_the_maximum_ends_there() -> None:
    subject = knowing(max_limit=43)
    assert subject.window(2.0, calls=40) == 43


def test_a_decrease_past_the_minimum_ends_there() -> None:
    subject = knowing(min_limit=35)
    assert subject.window(9.0, calls=40) == 35


def test_an_average_of_few_and_unequal_latencies_proves_nothing() -> None:
    subject = knowing(1.0)
    began = subject.enter(40)
    subject.now += 1.0
    subject.leave(began, "success", 9)
    subject.now += 19.0
    subject.leave(began, "success")  # 2.9 on average
    assert subject.limit.limit == 40
    assert subject.limit.usual == 1.0


def test_an_average_of_unequal_latencies_proves_what_its_error_leaves() -> None:
    subject = knowing(1.0, min_samples=40, window=0.5)
    began = subject.enter(40)
    subject.now += 1.8
    subject.leave(began, "success", 20)
    subject.now += 0.8
    subject.leave(began, "success", 20)
    surely = 2.2 - 2 * 0.4 / sqrt(40)
    assert subject.limit.limit == int(40 * 1.5 / surely) == 28


@pytest.mark.parametrize(
    ("latency", "calls", "usual"),
    [
        (1.0, 20, 1.9),
        (2.5, 20, 2.05),
        (2.51, 20, 2.0),  # may be a queue of our own
        (2.51, 19, 2.051),
        (3.0, 19, 2.1),
        (3.01, 19, 2.0),
    ],
)
def test_the_usual_latency_follows_slowly_what_is_no_queue(
    latency: float, calls: int, usual: float
) -> None:
    subject = knowing()
    subject.window(latency, calls)
    assert subject.limit.usual == pytest.approx(usual)


@pytest.mark.parametrize(("long", "limit"), [(1.6, 44), (2.0, 40), (1.2, 46)])
def test_an_average_of_unequal_latencies_allows_what_its_error_leaves(
    long: float, limit: int
) -> None:
    subject = knowing(1.0, min_samples=40)
    began = subject.enter(40)
    subject.now += 1.0
    subject.leave(began, "success", 20)
    subject.now += long - 1.0
    subject.leave(began, "success", 20)
    latency, error = (1 + long) / 2, (long - 1) / 2 / sqrt(40)
    usual = 1 + 0.1 * (latency - 1) if latency <= 1.25 else 1.0
    expected = min(40 + sqrt(40), 40 * 1.5 * usual / (latency + error))
    assert subject.limit.limit == int(max(40, expected)) == limit


def test_a_latency_beyond_the_healthy_lowers_it_however_usual() -> None:
    subject = knowing(2.0)
    subject.limit.change(AdaptiveConcurrencyConfig(max_healthy_latency=1.5))
    assert subject.window(2.0, calls=40) == 30
    assert subject.limit.usual == 2.0


def test_what_is_not_tolerated_is_not_healthy_either() -> None:
    assert knowing(2.0, max_healthy_latency=3.5).window(4.0, calls=40) == 30


def test_the_first_window_says_what_is_usual() -> None:
    subject = Subject()
    usual = [subject.limit.usual]
    assert subject.window(7.0) == 24
    assert [*usual, subject.limit.usual] == [None, 7.0]


def test_operations_that_take_no_time_let_it_grow() -> None:
    subject = Subject(initial_limit=10)
    for _ in range(2):
        subject.now += 1.0
        subject.window(0.0)
    assert subject.limit.usual == 0.0
    assert subject.limit.limit == int(10 + sqrt(10) + sqrt(10 + sqrt(10))) == 16


def test_a_window_needs_enough_calls() -> None:
    subject = knowing()
    for calls in (3, 3, 3):
        assert subject.window(9.0, calls) == 40
    subject.now += 100
    assert subject.limit.limit == 40
    assert subject.window(9.0, 1) < 40


def test_a_window_needs_enough_time() -> None:
    subject = knowing(0.5, window=4.0)
    for _ in range(7):
        assert subject.window(0.5, 20) == 40
    assert subject.window(0.5, 20) == 46


def test_a_call_that_began_before_the_window_says_nothing_of_its_latency() -> None:
    subject = knowing(min_samples=2)
    old = subject.enter(20)
    assert subject.window(2.0, calls=2) == 46
    subject.now += 100
    subject.leave(old, "success", 20)
    assert subject.limit.limit == 46
    assert subject.window(2.0, calls=2) == 46  # two more, that are not half of it


def test_a_failure_counts_whenever_its_call_began() -> None:
    subject = knowing()
    old = subject.enter(20)
    assert subject.window(2.0) == 46
    subject.now += 10
    subject.leave(old, "failure", 9)
    assert subject.limit.limit == 46
    subject.leave(old, "failure")
    assert subject.limit.limit == 23


def test_neutral_calls_do_not_count() -> None:
    subject = knowing()
    began = subject.enter(40)
    subject.now += 100
    subject.leave(began, "neutral", 40)
    assert subject.limit.limit == 40
    assert subject.limit.in_flight == 0
    assert subject.limit.usual == 2.0
    assert subject.window(2.0, calls=9) == 40
    # Their place was in use, though: half of the limit, so that it grows.
    assert subject.window(2.0, calls=1) == 46


@pytest.mark.parametrize(
    ("failures", "limit"), [(1, 46), (2, 36), (4, 32), (10, 20), (18, 20), (20, 20)]
)
def test_a_large_share_of_failures_lowers_it_whatever_the_latency(
    failures: int, limit: int
) -> None:
    subject = knowing(min_samples=20)
    assert subject.window(2.0, calls=20, failures=failures) == limit


def test_failures_and_latency_do_not_add_up() -> None:
    subject = knowing(min_samples=20)
    assert subject.window(4.0, calls=20, failures=4) == 30


def test_no_failure_is_tolerated_when_none_is_said_to_be() -> None:
    subject = knowing(min_samples=20, drop_tolerance=0.0)
    assert subject.window(2.0, calls=20, failures=1) == 38


def test_windows_of_failures_only_leave_what_is_usual() -> None:
    subject = knowing()
    subject.window(5.0, failures=10)
    assert (subject.limit.limit, subject.limit.usual) == (20, 2.0)
    subject.window(5.0, failures=10)
    assert (subject.limit.limit, subject.limit.usual) == (10, 2.0)


def high_for(subject: Subject, seconds: float) -> None:
    """Have all of the limit in use, and a latency that keeps it where it is."""
    assert subject.limit.usual is not None
    latency = subject.limit.usual * 1.5
    end = subject.now + seconds
    while subject.now < end - 1e-6:
        before = subject.limit.limit
        assert not subject.limit.is_measuring
        subject.window(latency, calls=before)
    assert subject.now == pytest.approx(end)


def test_after_a_time_of_high_latency_the_usual_one_is_measured_anew() -> None:
    subject = knowing(probe_interval=30.0)
    high_for(subject, 27.0)
    assert (subject.limit.limit, subject.limit.is_measuring) == (40, False)
    high_for(subject, 3.0)
    assert (subject.limit.limit, subject.limit.is_measuring) == (10, True)
    assert subject.window(1.0) == 40
    assert not subject.limit.is_measuring
    assert subject.limit.usual == 1.0
    assert subject.told == [10, 40]


def test_measurements_are_as_far_apart_as_configured() -> None:
    subject = knowing(probe_interval=30.0)
    high_for(subject, 30.0)
    subject.window(2.0)
    assert subject.limit.usual == 2.0
    high_for(subject, 30.0)
    assert subject.limit.is_measuring


def test_a_latency_that_is_usual_makes_a_measurement_needless() -> None:
    subject = knowing(probe_interval=30.0, max_limit=40)
    high_for(subject, 27.0)
    subject.window(2.0, calls=40)
    high_for(subject, 27.0)
    assert subject.limit.limit == 40
    assert not subject.limit.is_measuring


def test_a_latency_that_nobody_s_queue_explains_makes_a_measurement_needless() -> None:
    subject = knowing(probe_interval=30.0, min_samples=40)
    high_for(subject, 27.0)
    for _ in range(3):
        assert subject.window(2.4, calls=19) == 40
    for _ in range(9):
        subject.window(2.9, calls=40)
        assert not subject.limit.is_measuring


def test_a_latency_that_may_be_a_queue_is_no_confirmation_of_what_is_usual() -> None:
    subject = knowing(probe_interval=30.0, max_limit=40)
    high_for(subject, 27.0)
    subject.window(2.2, calls=40)
    assert not subject.limit.is_measuring
    subject.window(2.9, calls=40)
    assert subject.limit.is_measuring


def test_a_limit_that_nobody_feels_needs_no_measurement() -> None:
    subject = knowing(probe_interval=30.0, min_samples=40)
    high_for(subject, 27.0)
    # Just too high to be usual: it is lowered to 39.
    assert [subject.window(3.05, calls=19) for _ in range(3)] == [40, 40, 39]
    assert not subject.limit.is_measuring


def test_a_limit_that_lost_three_quarters_in_vain_is_measured_at_once() -> None:
    subject = knowing(probe_interval=1000.0)
    limits = [subject.window(4.0, subject.limit.limit) for _ in range(4)]
    assert limits == [30, 22, 16, 12]
    # 9.49 is less than a quarter of 40: it is put aside.
    assert subject.window(4.0, calls=12) == int(40 * 0.75**5 / 4) == 2
    assert subject.limit.is_measuring
    for _ in range(5):
        assert subject.limit.is_measuring
        subject.window(4.0, calls=2)
    assert subject.limit.usual == 4.0
    assert subject.limit.limit == int(40 * 0.75**5) == 9


def test_the_three_quarters_are_of_the_highest_limit_since_it_was_usual() -> None:
    subject = knowing(probe_interval=1000.0, min_limit=2)
    # Grows where latency is neither usual nor too high.
    while subject.limit.limit < 120:
        subject.window(2.51, calls=subject.limit.limit)
        assert not subject.limit.is_measuring
    highest = subject.limit.limit
    steps = 0
    while not subject.limit.is_measuring:
        subject.window(30.0, calls=max(10, subject.limit.limit))
        steps += 1
    assert steps == 2
    assert subject.limit.limit == highest // 16


def test_failures_in_a_measurement_lower_what_was_put_aside() -> None:
    subject = knowing(probe_interval=30.0)
    high_for(subject, 30.0)
    assert subject.window(1.0, failures=3) == 28
    assert subject.limit.usual == 1.0


def test_a_measurement_of_failures_only_leaves_what_is_usual() -> None:
    subject = knowing(probe_interval=30.0)
    high_for(subject, 30.0)
    assert subject.window(1.0, failures=10) == 20
    assert subject.limit.usual == 2.0
    assert not subject.limit.is_measuring


def test_a_limit_at_its_minimum_learns_that_the_upstream_is_slower_now() -> None:
    subject = Subject(initial_limit=4, min_samples=2, probe_interval=30.0)
    for _ in range(2):
        subject.window(2.0, calls=1)
    assert subject.limit.usual == 2.0
    for _ in range(40):
        subject.window(8.0, calls=subject.limit.limit)
    assert subject.limit.usual == pytest.approx(8.0)
    assert subject.limit.limit > 10


def test_other_bounds_hold_at_once() -> None:
    subject = knowing()
    subject.limit.change(AdaptiveConcurrencyConfig(max_limit=30))
    assert subject.limit.limit == 30
    subject.limit.change(AdaptiveConcurrencyConfig(min_limit=50, initial_limit=60))
    assert subject.limit.limit == 50
    assert subject.told == [30, 50]
    assert subject.limit.usual == 2.0


def test_other_bounds_hold_for_what_is_put_aside_too() -> None:
    subject = knowing(probe_interval=30.0)
    high_for(subject, 30.0)
    subject.limit.change(AdaptiveConcurrencyConfig(max_limit=25))
    assert (subject.limit.limit, subject.limit.is_measuring) == (10, True)
    assert subject.window(2.0) == 25


def test_another_window_and_number_of_calls_hold_for_the_one_that_goes_on() -> None:
    subject = knowing(0.5, window=4.0, min_samples=20)
    subject.window(0.5, 20)
    subject.limit.change(
        AdaptiveConcurrencyConfig(window=0.75, min_samples=25, initial_limit=40)
    )
    assert subject.window(0.25, 4) == 40
    assert subject.window(0.25, 1) > 40


def test_a_longer_window_holds_for_the_one_that_goes_on() -> None:
    subject = knowing(0.5, window=2.0)
    subject.limit.change(AdaptiveConcurrencyConfig(window=4.0, initial_limit=40))
    for _ in range(7):
        assert subject.window(0.5, 20) == 40
    assert subject.window(0.5, 20) == 46


def test_it_may_go_when_a_new_one_would_do_as_well() -> None:
    subject = knowing(probe_interval=30.0)
    assert subject.limit.may_go(subject.now)
    began = subject.enter(1)
    assert not subject.limit.may_go(subject.now + 1000)
    subject.leave(began, "neutral")
    assert subject.limit.may_go(subject.now)


def test_it_stays_while_it_is_lower_than_a_new_one_and_that_is_news() -> None:
    subject = knowing(probe_interval=30.0)
    subject.window(4.0, calls=40)
    # The window ended with its tenth call.
    assert not subject.limit.may_go(subject.now + 29.9)
    assert subject.limit.may_go(subject.now + 30)


@pytest.mark.parametrize(
    "options",
    [
        {"initial_limit": 0},
        {"min_limit": 0},
        {"max_limit": 0},
        {"tolerance": 1.0},
        {"tolerance": 10.1},
        {"window": 0},
        {"min_samples": 0},
        {"drop_tolerance": -0.1},
        {"drop_tolerance": 1.0},
        {"max_healthy_latency": 0},
        {"probe_interval": 0},
        {"max_keys": 0},
    ],
)
def test_values_out_of_bounds_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AdaptiveConcurrencyConfig(**options)


@pytest.mark.parametrize(
    ("options", "way_out"),
    [
        ({"min_limit": 21, "max_limit": 20}, "Raise the maximum or lower the minimum"),
        ({"initial_limit": 201}, "Choose one that is, or move the bounds"),
        ({"min_limit": 21}, "Choose one that is, or move the bounds"),
        ({"probe_interval": 0.9}, "Raise the interval or shorten the window"),
    ],
)
def test_values_that_contradict_each_other_are_refused_with_a_way_out(
    options: dict[str, Any], way_out: str
) -> None:
    with pytest.raises(ValidationError, match=way_out):
        AdaptiveConcurrencyConfig(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"min_limit": 20},
        {"max_limit": 20},
        {"probe_interval": 1.0},
        {"tolerance": 10},
        {"drop_tolerance": 0},
    ],
)
def test_values_at_the_bounds_are_accepted(options: dict[str, Any]) -> None:
    config = AdaptiveConcurrencyConfig(**options)
    assert {name: getattr(config, name) for name in options} == options


class LimitModel(RuleBasedStateMachine):
    """A limit against a list of the calls under way, and the bounds of its moves."""

    def __init__(self) -> None:
        super().__init__()
        self.config = AdaptiveConcurrencyConfig(
            initial_limit=4, max_limit=30, min_samples=2, probe_interval=5.0
        )
        self.now = 10.0
        self.out: list[float] = []
        self.told = self.config.initial_limit
        self.limit = AdaptiveLimit(self.config, self.now, self._changed)

    def _changed(self, limit: AdaptiveLimit) -> None:
        assert limit is self.limit
        assert limit.limit != self.told
        self.told = limit.limit

    @rule(seconds=st.sampled_from([0.0, 0.1, 0.5, 1.0, 7.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(calls=st.integers(1, 6))
    def enter(self, calls: int) -> None:
        for _ in range(calls):
            free = len(self.out) < self.limit.limit
            assert self.limit.try_acquire(self.now) == free
            if free:
                self.out.append(self.now)

    @precondition(lambda self: self.out)
    @rule(data=st.data(), outcome=st.sampled_from(["success", "failure"]))
    def end(self, data: st.DataObject, outcome: Outcome) -> None:
        self._release(data, outcome)

    @precondition(lambda self: self.out)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        before = (self.limit.limit, self.limit.usual, self.limit.is_measuring)
        self._release(data, "neutral")
        assert before == (self.limit.limit, self.limit.usual, self.limit.is_measuring)

    @rule(
        low=st.integers(1, 5),
        more=st.integers(0, 30),
        interval=st.sampled_from([1.0, 5.0]),
    )
    def change(self, low: int, more: int, interval: float) -> None:
        self.config = AdaptiveConcurrencyConfig(
            initial_limit=low,
            min_limit=low,
            max_limit=low + more,
            min_samples=2,
            probe_interval=interval,
        )
        self.limit.change(self.config)

    def _release(self, data: st.DataObject, outcome: Outcome) -> None:
        began = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        before, measured = self.limit.limit, self.limit.is_measuring
        self.limit.release(began, outcome, self.now)
        after = self.limit.limit
        if not measured:
            assert after <= before + 1 + sqrt(before + 1)
            least = (before + 1) * (0.125 if self.limit.is_measuring else 0.5)
            assert after >= max(1, int(least) - 1)

    @invariant()
    def every_place_is_accounted_for(self) -> None:
        assert self.limit.in_flight == len(self.out)

    @invariant()
    def it_is_within_its_bounds(self) -> None:
        assert self.config.min_limit <= self.limit.limit <= self.config.max_limit

    @invariant()
    def every_change_was_told(self) -> None:
        assert self.told == self.limit.limit

    @invariant()
    def what_is_usual_was_seen(self) -> None:
        assert self.limit.usual is None or self.limit.usual >= 0


TestLimit = LimitModel.TestCase
TestLimit.settings = settings(max_examples=80, deadline=None)
