from __future__ import annotations

from operator import length_hint

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.resilience import BudgetConfig, RetryBudget
from lexigram.resilience._retry.budget import Purse


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def budget(**config: float) -> tuple[RetryBudget, Clock]:
    clock = Clock()
    return RetryBudget(BudgetConfig.model_validate(config), clock=clock), clock


def test_a_new_key_has_the_least_allowance() -> None:
    subject, _ = budget(min_per_second=0.3, window=10.0)
    assert subject.balance("k") == 3
    assert [subject.withdraw("k") for _ in range(4)] == [True, True, True, False]


def test_calls_pay_for_second_attempts() -> None:
    subject, _ = budget(ratio=0.2, min_per_second=0)
    for _ in range(10):
        subject.deposit("k")
    assert [subject.withdraw("k") for _ in range(3)] == [True, True, False]


def test_keys_have_budgets_of_their_own() -> None:
    subject, _ = budget(ratio=1, min_per_second=0)
    subject.deposit("a")
    assert not subject.withdraw("b")
    assert subject.withdraw("a")
    assert subject.balances() == {"b": 0, "a": 0}


@pytest.mark.parametrize("window", [0.5, 10.0, 60.0])
def test_what_is_older_than_the_window_counts_no_more(window: float) -> None:
    subject, clock = budget(ratio=1, min_per_second=0, window=window)
    subject.deposit()
    clock.now += 0.89 * window
    assert subject.balance() == 1
    clock.now += 0.12 * window
    assert subject.balance() == 0


def test_second_attempts_are_forgotten_with_the_window_too() -> None:
    subject, clock = budget(min_per_second=0.1, window=10.0)
    assert subject.withdraw()
    assert not subject.withdraw()
    clock.now += 10
    assert subject.withdraw()


@pytest.mark.parametrize("silence", [10**9 + slices for slices in range(10)])
def test_a_long_silence_leaves_the_least_allowance(silence: int) -> None:
    subject, clock = budget(ratio=1, min_per_second=0.1, window=10.0)
    for _ in range(50):
        subject.deposit()
    clock.now += silence
    assert subject.balance() == 1


def test_what_was_given_back_can_be_taken_out_again() -> None:
    subject, clock = budget(min_per_second=0.1, window=10.0)
    assert subject.withdraw("k")
    clock.now += 3
    subject.give_back("k")
    assert subject.balance("k") == 1
    assert subject.withdraw("k")
    assert not subject.withdraw("k")


def test_giving_back_what_was_forgotten_or_never_taken_changes_nothing() -> None:
    subject, clock = budget(min_per_second=0.2, window=10.0)
    subject.give_back("k")
    assert subject.balance("k") == 2
    assert subject.withdraw("k")
    clock.now += 20
    assert subject.balance("k") == 2
    subject.give_back("k")
    assert subject.balance("k") == 2


def test_what_is_given_back_is_the_newest() -> None:
    subject, clock = budget(min_per_second=0.2, window=10.0)
    subject.withdraw("k")
    clock.now += 5
    subject.withdraw("k")
    subject.give_back("k")
    clock.now += 5.5  # the first one is forgotten, the second one would not be
    assert subject.balance("k") == 2


@pytest.mark.parametrize("pause", range(10))
def test_what_was_taken_out_within_the_window_can_be_given_back(pause: int) -> None:
    subject, clock = budget(min_per_second=0.2, window=10.0)
    subject.withdraw("k")
    clock.now += pause
    assert subject.balance("k") == 1
    subject.give_back("k")
    assert subject.balance("k") == 2
    clock.now += 10
    assert subject.balance("k") == 2


def test_as_many_as_were_taken_out_can_be_given_back_and_no_more() -> None:
    subject, clock = budget(min_per_second=0.5, window=10.0)
    for _ in range(4):
        assert subject.withdraw("k")
    for _ in range(3):
        subject.give_back("k")
    assert subject.balance("k") == 4
    clock.now += 10  # which forgets the one that stayed out
    assert subject.balance("k") == 5
    subject.give_back("k")
    assert subject.balance("k") == 5


def test_without_a_key_the_key_is_empty() -> None:
    subject, _ = budget(ratio=1, min_per_second=0)
    subject.deposit()
    assert subject.withdraw()
    assert subject.balance() == 0
    subject.give_back()
    assert subject.balances() == {"": 1}


def test_another_share_and_allowance_hold_for_what_was_counted() -> None:
    subject, _ = budget(ratio=1, min_per_second=0, window=10.0)
    for _ in range(4):
        subject.deposit("k")
    subject.withdraw("k")
    config = BudgetConfig(ratio=0.5, min_per_second=0.3, window=10.0)
    subject.reconfigure(config)
    assert subject.config is config
    assert subject.balances() == {"k": 3 + 0.5 * 4 - 1}


def test_another_window_begins_anew() -> None:
    subject, _ = budget(ratio=1, min_per_second=0, window=10.0)
    for key in ("a", "b"):
        subject.deposit(key)
    subject.reconfigure(BudgetConfig(ratio=1, min_per_second=0.5, window=4.0))
    assert subject.balances() == {}
    assert subject.balance("a") == 2


def test_another_limit_of_keys_holds_from_the_next_new_one_on() -> None:
    subject, _ = budget(ratio=1, min_per_second=0, max_keys=3)
    for key in ("a", "b", "c"):
        subject.deposit(key)
    subject.reconfigure(BudgetConfig(ratio=1, min_per_second=0, max_keys=2))
    subject.deposit("d")
    assert subject.balances() == {"c": 1, "d": 1}


def test_a_key_has_one_purse() -> None:
    subject, clock = budget(ratio=1, min_per_second=0)
    subject.purse("k").deposit(clock.now)
    assert subject.purse("k") is subject.purse("k")
    assert subject.balance("k") == 1


def test_an_eighth_of_the_calls_may_be_counted_without_the_time() -> None:
    purse = Purse(BudgetConfig(ratio=1, min_per_second=0, window=10.0))
    granted: list[int] = []
    for _ in range(16):
        purse.deposit(0.5)
        granted.append(length_hint(purse.untimed))
    assert granted == [0] * 7 + [1] * 8 + [2]
    assert list(purse.untimed) == [None, None]
    assert purse.balance(0.5) == 18
    assert list(purse.untimed) == []
    purse.deposit(1.5)
    assert list(purse.untimed) == []


def test_calls_counted_without_the_time_belong_to_the_last_look() -> None:
    purse = Purse(BudgetConfig(ratio=1, min_per_second=0, window=10.0))
    for _ in range(16):
        purse.deposit(0.5)
    next(purse.untimed)
    assert purse.balance(9.5) == 17
    assert purse.balance(10.5) == 0


def test_a_look_takes_back_the_leave_to_count_without_the_time() -> None:
    purse = Purse(BudgetConfig(ratio=1, min_per_second=0, window=10.0))
    for _ in range(80):
        purse.deposit(0.5)
    assert length_hint(purse.untimed) == 10
    assert purse.balance(1.5) == 80
    assert list(purse.untimed) == []


def test_the_longest_unused_key_is_forgotten() -> None:
    subject, _ = budget(ratio=1, min_per_second=0, max_keys=1)
    subject.deposit("a")
    subject.deposit("b")
    assert subject.balances() == {"b": 1}


def test_its_repr_shows_what_is_allowed() -> None:
    subject, _ = budget(ratio=0.5)
    assert repr(subject).startswith("<RetryBudget BudgetConfig(ratio=0.5")
    assert subject.config.ratio == 0.5


steps = st.lists(
    st.tuples(st.floats(min_value=0, max_value=3), st.booleans()), max_size=80
)


@given(
    steps,
    st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.0]),
    st.sampled_from([0.0, 0.2, 1.0]),
)
def test_it_allows_what_a_list_of_all_that_happened_allows(
    plan: list[tuple[float, bool]], ratio: float, least: float
) -> None:
    config = BudgetConfig(ratio=ratio, min_per_second=least, window=10.0)
    purse, now = Purse(config), 0.0
    calls: list[int] = []
    spent: list[int] = []
    for pause, is_call in plan:
        now += pause
        second = int(now)  # the slices of a window of ten seconds
        recent = range(second - 9, second + 1)
        if is_call:
            purse.deposit(now)
            calls.append(second)
            continue
        left = (
            least * 10
            + ratio * sum(when in recent for when in calls)
            - sum(when in recent for when in spent)
        )
        assert purse.balance(now) == pytest.approx(left)
        if abs(left - 1) < 1e-9:
            return  # too close to tell in floating point
        if purse.withdraw(now):
            spent.append(second)
            assert left >= 1
        else:
            assert left < 1


@given(steps)
def test_no_window_of_second_attempts_is_larger_than_its_calls_allow(
    plan: list[tuple[float, bool]],
) -> None:
    purse, now = Purse(BudgetConfig(ratio=0.5, min_per_second=0.2, window=10.0)), 0.0
    calls: list[float] = []
    spent: list[float] = []
    for pause, is_call in plan:
        now += pause
        if is_call:
            purse.deposit(now)
            calls.append(now)
        elif purse.withdraw(now):
            spent.append(now)
    for end in spent:
        in_window = sum(end - 9 < when <= end for when in spent)
        paid = sum(end - 10 < when <= end for when in calls)
        assert in_window <= 0.5 * paid + 2 + 1e-9


@given(
    st.lists(
        st.tuples(st.floats(min_value=0, max_value=0.3), st.booleans()), max_size=300
    )
)
def test_counting_without_the_time_never_allows_more(
    plan: list[tuple[float, bool]],
) -> None:
    config = BudgetConfig(ratio=0.5, min_per_second=0, window=2.0)
    exact, quick, now, calls = Purse(config), Purse(config), 0.0, 0
    for pause, look in plan:
        now += pause
        exact.deposit(now)
        calls += 1
        for _ in quick.untimed:
            break
        else:
            quick.deposit(now)
        if look:
            assert 0 <= quick.balance(now) <= exact.balance(now)
    # Without a pause, nothing is lost.
    steady = Purse(config)
    for _ in range(calls):
        for _ in steady.untimed:
            break
        else:
            steady.deposit(7.0)
    assert steady.balance(7.0) == 0.5 * calls
