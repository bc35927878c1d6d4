"""The ledger of one key: its numbers, and a model that keeps every call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pydantic import ValidationError

from lexigram.contracts.resilience import Outcome
from lexigram.resilience._adaptive.ledger import Ledger
from lexigram.resilience._config.throttle import AdaptiveThrottleConfig


def never() -> float:
    """Draw the highest number there is: nothing is refused that need not be."""
    return 1 - 2**-53


def always() -> float:
    """Draw the lowest: everything is refused that may be."""
    return 0.0


def undrawn() -> float:
    pytest.fail("Nothing may be drawn where nothing is refused.")


def ledger(draw: Any = never, **options: Any) -> Ledger:
    config = AdaptiveThrottleConfig(**{"minimum_calls": 0} | options)
    return Ledger(config, draw)


def failing(subject: Ledger, calls: int, now: float = 1000.0) -> None:
    for _ in range(calls):
        assert subject.admit(now)
        subject.record(now, "failure")


def test_a_burst_of_calls_under_way_refuses_nobody() -> None:
    subject = ledger(undrawn)
    assert all(subject.admit(1000.0) for _ in range(500))
    assert (subject.requests, subject.accepts) == (500, 500)


def test_success_changes_nothing() -> None:
    subject = ledger(undrawn)
    assert subject.admit(1000.0)
    subject.record(1000.0, "success")
    assert (subject.requests, subject.accepts) == (1, 1)
    assert subject.rejection(1000.0) == 0


def test_a_failure_was_not_accepted() -> None:
    subject = ledger(undrawn)
    failing(subject, 1)
    assert (subject.requests, subject.accepts) == (1, 0)
    assert subject.rejection(1000.0) == 1 / 2


def test_a_neutral_call_was_never_there() -> None:
    subject = ledger(undrawn)
    assert subject.admit(1000.0)
    subject.record(1000.0, "neutral")
    assert (subject.requests, subject.accepts) == (0, 0)


@pytest.mark.parametrize(
    ("accepted", "failed", "multiplier", "rejection"),
    [
        (5, 5, 2.0, 0.0),
        (5, 6, 2.0, 1 / 12),
        (10, 30, 2.0, 20 / 41),
        (10, 30, 1.0, 30 / 41),
        (10, 30, 4.0, 0.0),
        (0, 8, 2.0, 8 / 9),
        (0, 9, 2.0, 0.9),
        (0, 100, 2.0, 0.9),
    ],
)
def test_the_share_that_is_refused_is_that_of_the_book(
    accepted: int, failed: int, multiplier: float, rejection: float
) -> None:
    drawn = 1.0
    subject = ledger(lambda: drawn, multiplier=multiplier)
    for _ in range(accepted):
        assert subject.admit(1000.0)
    failing(subject, failed)
    assert subject.rejection(1000.0) == pytest.approx(rejection)
    drawn = rejection + 1e-9
    assert subject.admit(1000.0)
    subject.record(1000.0, "neutral")
    drawn = max(0.0, rejection - 1e-9)
    assert subject.admit(1000.0) == (rejection == 0)


def test_whoever_is_refused_counts_as_asked_for() -> None:
    subject = ledger(never)
    failing(subject, 2)
    drawn = ledger(always)
    failing(drawn, 1)
    assert not drawn.admit(1000.0)
    assert (drawn.requests, drawn.accepts) == (2, 0)
    assert drawn.rejection(1000.0) == subject.rejection(1000.0) == 2 / 3


def test_no_more_than_the_largest_share_is_refused() -> None:
    drawn = 0.25
    subject = ledger(lambda: drawn, max_rejection=0.25)
    failing(subject, 1000)
    assert subject.rejection(1000.0) == 0.25
    drawn = 0.2499
    assert not subject.admit(1000.0)


def test_few_calls_are_too_few_to_refuse_one() -> None:
    subject = ledger(always, minimum_calls=10)
    failing(subject, 9)
    assert subject.rejection(1000.0) == 0
    failing(subject, 1)
    assert subject.rejection(1000.0) == 0.9
    assert not subject.admit(1000.0)


def test_calls_are_forgotten_with_their_slice_of_the_window() -> None:
    subject = ledger(window=10.0)
    failing(subject, 3, now=1000.9)
    assert subject.rejection(1009.9) == 3 / 4
    assert subject.rejection(1010.0) == 0
    assert (subject.requests, subject.accepts) == (0, 0)


def test_slices_leave_one_by_one() -> None:
    subject = ledger(window=10.0)
    for second in range(10):
        failing(subject, 1, now=1000.5 + second)
    assert [subject.requests, subject.admit(1011.5), subject.requests] == [10, True, 9]
    subject.rejection(1019.5)
    assert (subject.requests, subject.accepts) == (1, 1)
    subject.rejection(5000.0)
    assert (subject.requests, subject.accepts) == (0, 0)


@pytest.mark.parametrize("outcome", ["failure", "neutral"])
def test_a_call_ends_in_the_slice_in_which_it_began(outcome: Outcome) -> None:
    subject = ledger(window=10.0)
    assert subject.admit(1000.5)
    assert subject.admit(1009.5)
    subject.record(1000.5, outcome)
    assert subject.accepts == 1
    subject.rejection(1010.0)
    assert (subject.requests, subject.accepts) == (1, 1)


@pytest.mark.parametrize("outcome", ["failure", "neutral"])
def test_a_call_that_took_longer_than_the_window_is_forgotten(outcome: Outcome) -> None:
    subject = ledger(window=10.0)
    assert subject.admit(1000.5)
    assert subject.admit(1010.0)
    subject.record(1000.5, outcome)
    assert (subject.requests, subject.accepts) == (1, 1)


def test_other_numbers_hold_at_once_for_what_is_counted() -> None:
    subject = ledger(window=10.0)
    failing(subject, 30)
    config = AdaptiveThrottleConfig(window=10.0, max_rejection=0.5, minimum_calls=30)
    subject.change(config, 1001.0)
    assert subject.rejection(1001.0) == 0.5
    subject.change(AdaptiveThrottleConfig(window=10.0, minimum_calls=31), 1001.0)
    assert subject.rejection(1001.0) == 0
    subject.change(AdaptiveThrottleConfig(window=10.0), 1010.0)
    assert subject.requests == 0


def test_a_call_under_way_counts_on_after_a_change_that_leaves_the_window() -> None:
    subject = ledger(window=10.0)
    assert subject.admit(1000.0)
    subject.change(AdaptiveThrottleConfig(window=10.0), 1001.0)
    subject.record(1000.0, "failure")
    assert (subject.requests, subject.accepts) == (1, 0)


def test_a_longer_window_keeps_what_is_counted() -> None:
    subject = ledger(window=10.0)
    for second in range(10):
        failing(subject, second + 1, now=1000.5 + second)
    subject.change(AdaptiveThrottleConfig(window=100.0), 1009.5)
    assert (subject.requests, subject.accepts) == (55, 0)
    assert subject.rejection(1099.9) == 0.9
    assert subject.requests == 55
    subject.rejection(1100.0)
    assert subject.requests == 0


def test_a_shorter_window_keeps_what_is_not_too_old_for_it() -> None:
    subject = ledger(window=100.0)
    for ten in range(10):
        failing(subject, 1, now=1000.5 + 10 * ten)
    subject.admit(1090.5)
    # In slices of 5 seconds, those of the middle of each slice of 10: 1045 is too old.
    subject.change(AdaptiveThrottleConfig(window=50.0), 1099.0)
    assert (subject.requests, subject.accepts) == (6, 1)
    subject.rejection(1104.9)
    assert (subject.requests, subject.accepts) == (6, 1)
    subject.rejection(1105.0)
    assert (subject.requests, subject.accepts) == (5, 1)


def test_nothing_that_is_counted_lies_in_the_future_of_another_window() -> None:
    subject = ledger(window=100.0)
    failing(subject, 4, now=1000.5)
    # The middle of its slice is yet to come.
    subject.change(AdaptiveThrottleConfig(window=10.0), 1001.5)
    assert subject.requests == 4
    assert subject.rejection(1010.9) == 0
    assert subject.requests == 4
    subject.rejection(1011.0)
    assert subject.requests == 0


@pytest.mark.parametrize("outcome", ["failure", "neutral"])
def test_calls_under_way_stay_accepted_when_the_window_is_another_one(
    outcome: Outcome,
) -> None:
    subject = ledger(window=100.0)
    assert subject.admit(1000.5)
    subject.change(AdaptiveThrottleConfig(window=10.0), 1000.5)
    subject.record(1000.5, outcome)
    assert (subject.requests, subject.accepts) == (1, 1)
    assert subject.admit(1001.0)
    subject.record(1001.0, "failure")
    assert (subject.requests, subject.accepts) == (2, 1)


@pytest.mark.parametrize(
    "options",
    [
        {"multiplier": 0.9},
        {"multiplier": 101},
        {"window": 0},
        {"window": 86_401},
        {"max_rejection": 0},
        {"max_rejection": 1},
        {"minimum_calls": -1},
        {"max_keys": 0},
    ],
)
def test_values_out_of_bounds_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AdaptiveThrottleConfig(**options)


@dataclass
class Asked:
    """A call, as the model keeps it."""

    began: float
    state: str  # "out", "accepted", "failed" or "refused"


class LedgerModel(RuleBasedStateMachine):
    """A ledger against a list of all calls."""

    WINDOW = 10.0

    def __init__(self) -> None:
        super().__init__()
        self.config = AdaptiveThrottleConfig(window=self.WINDOW, minimum_calls=0)
        self.now = 50.0
        self.drawn = 0.0
        self.calls: list[Asked] = []
        self.ledger = Ledger(self.config, lambda: self.drawn)

    def _counts(self) -> tuple[int, int]:
        counted = [
            call
            for call in self.calls
            if int(call.began) > int(self.now) - 10  # slices of a second
        ]
        accepts = [call for call in counted if call.state in {"out", "accepted"}]
        return len(counted), len(accepts)

    def _rejection(self) -> float:
        requests, accepts = self._counts()
        if requests < self.config.minimum_calls:
            return 0.0
        share = (requests - self.config.multiplier * accepts) / (requests + 1)
        return min(self.config.max_rejection, max(0.0, share))

    @rule(seconds=st.sampled_from([0.0, 0.25, 1.0, 4.5, 9.0, 30.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(drawn=st.floats(0, 1, exclude_max=True), count=st.integers(1, 5))
    def ask(self, drawn: float, count: int) -> None:
        self.drawn = drawn
        for _ in range(count):
            admitted = drawn >= self._rejection()
            assert self.ledger.admit(self.now) == admitted
            self.calls.append(Asked(self.now, "out" if admitted else "refused"))

    def _take_out(self, data: st.DataObject) -> Asked:
        out = [call for call in self.calls if call.state == "out"]
        return data.draw(st.sampled_from(range(len(out))).map(out.__getitem__))

    def is_out(self) -> bool:
        return any(call.state == "out" for call in self.calls)

    @precondition(is_out)
    @rule(data=st.data())
    def accept(self, data: st.DataObject) -> None:
        call = self._take_out(data)
        call.state = "accepted"
        self.ledger.record(call.began, "success")

    @precondition(is_out)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        call = self._take_out(data)
        call.state = "failed"
        self.ledger.record(call.began, "failure")

    @precondition(is_out)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        call = self._take_out(data)
        self.calls.remove(call)
        self.ledger.record(call.began, "neutral")

    @rule(
        multiplier=st.sampled_from([1.0, 2.0, 3.0]),
        largest=st.sampled_from([0.5, 0.9]),
        minimum=st.sampled_from([0, 5]),
    )
    def change(self, multiplier: float, largest: float, minimum: int) -> None:
        self.config = AdaptiveThrottleConfig(
            multiplier=multiplier,
            max_rejection=largest,
            minimum_calls=minimum,
            window=self.WINDOW,
        )
        self.ledger.change(self.config, self.now)

    @invariant()
    def counts_agree(self) -> None:
        assert self.ledger.rejection(self.now) == pytest.approx(self._rejection())
        assert (self.ledger.requests, self.ledger.accepts) == self._counts()


TestLedger = LedgerModel.TestCase
TestLedger.settings = settings(max_examples=80, deadline=None)


class ChangingModel(RuleBasedStateMachine):
    """What holds whatever the window is: no count is negative, none comes from nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 50.0
        self.out: list[float] = []
        self.asked = 0
        self.ledger = Ledger(AdaptiveThrottleConfig(minimum_calls=0), lambda: 0.5)

    @rule(seconds=st.floats(0, 40))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def ask(self) -> None:
        self.asked += 1
        if self.ledger.admit(self.now):
            self.out.append(self.now)

    @precondition(lambda self: self.out)
    @rule(data=st.data(), outcome=st.sampled_from(["success", "failure", "neutral"]))
    def end(self, data: st.DataObject, outcome: Outcome) -> None:
        self.ledger.record(
            self.out.pop(data.draw(st.integers(0, len(self.out) - 1))), outcome
        )

    @rule(window=st.floats(0.5, 500))
    def change(self, window: float) -> None:
        before = self.ledger.requests
        self.ledger.change(AdaptiveThrottleConfig(window=window), self.now)
        assert self.ledger.requests <= before

    @invariant()
    def counts_are_possible(self) -> None:
        self.ledger.rejection(self.now)
        assert 0 <= self.ledger.accepts <= self.ledger.requests <= self.asked

    def teardown(self) -> None:
        self.ledger.rejection(self.now + 1000)
        assert (self.ledger.requests, self.ledger.accepts) == (0, 0)


TestChanging = ChangingModel.TestCase
TestChanging.settings = settings(max_examples=60, deadline=None)
