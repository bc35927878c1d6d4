"""The circuit's state machine against a model that shares no code with it."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import hypothesis.strategies as st
from hypothesis import given, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from lexigram.contracts.resilience import Outcome
from lexigram.resilience import CircuitBreakerConfig
from lexigram.resilience._breaker.circuit import Circuit, Transition
from lexigram.resilience._breaker.windows import CountWindow

OUTCOMES = st.sampled_from(("success", "failure", "neutral"))


class HighestDraw(Random):
    """Draws the longest wait, so that a model needs no luck."""

    def uniform(self, a: float, b: float) -> float:
        return b


@dataclass
class Permit:
    number: int
    epoch: int
    since: float


class Model:
    """The rules once more, over whole histories instead of counters."""

    def __init__(self, config: CircuitBreakerConfig) -> None:
        self.config = config
        self.state = "closed"
        self.epoch = 0
        self.history: list[bool] = []  # of this epoch, True is a failure
        self.trips = 0  # since the circuit was last closed
        self.open_until = 0.0
        self.probes: list[Permit] = []
        self.late = 0

    def move(self, state: str) -> None:
        self.state = state
        self.epoch += 1
        self.history = []
        self.probes = []

    def trip(self, now: float) -> None:
        config = self.config
        wait = config.open_duration * config.open_duration_growth**self.trips
        self.trips += 1
        self.open_until = now + min(config.max_open_duration, wait)
        self.move("open")

    def ask(self, now: float) -> bool:
        if self.state == "open" and now >= self.open_until:
            self.move("half_open")
        for probe in list(self.probes):
            overdue = probe.since + self.config.half_open_max_wait <= now
            if overdue and probe in self.probes:
                self.probes.remove(probe)
                self.verdict(now, failed=True)
        if self.state == "half_open":
            used = len(self.history) + len(self.probes)
            return used < self.config.half_open_permits
        return self.state == "closed"

    def tell(self, permit: Permit, outcome: Outcome, now: float) -> None:
        if permit.epoch != self.epoch or (
            self.state == "half_open" and permit not in self.probes
        ):
            self.late += 1
            return
        if permit in self.probes:
            self.probes.remove(permit)
        if outcome != "neutral":
            self.verdict(now, failed=outcome == "failure")

    def verdict(self, now: float, *, failed: bool) -> None:
        self.history.append(failed)
        if self.state == "half_open":
            permits = self.config.half_open_permits
            if sum(self.history) / permits >= self.config.failure_rate:
                self.trip(now)
            elif len(self.history) == permits:
                self.trips = 0
                self.move("closed")
        elif self.fails():
            self.trip(now)

    def fails(self) -> bool:
        row = self.config.consecutive_failures
        if row and self.history[-row:] == [True] * row:
            return True
        seen = self.history[-self.config.window :]
        enough = len(seen) >= self.config.minimum_calls
        return enough and sum(seen) / len(seen) >= self.config.failure_rate


class CircuitMachine(RuleBasedStateMachine):
    @initialize(
        rate=st.sampled_from((0.07, 0.3, 0.5, 1.0)),
        minimum=st.integers(1, 6),
        extra=st.integers(0, 5),
        row=st.one_of(st.none(), st.integers(1, 4)),
        growth=st.sampled_from((1.0, 2.0, 3.0)),
        permits=st.integers(1, 4),
    )
    def begin(
        self,
        rate: float,
        minimum: int,
        extra: int,
        row: int | None,
        growth: float,
        permits: int,
    ) -> None:
        config = CircuitBreakerConfig(
            failure_rate=rate,
            minimum_calls=minimum,
            window=minimum + extra,
            consecutive_failures=row,
            open_duration=10,
            open_duration_growth=growth,
            max_open_duration=45,
            half_open_permits=permits,
            half_open_max_wait=15,
        )
        self.now = 0.0
        self.transitions: list[Transition] = []
        self.out: list[Permit] = []
        self.model = Model(config)
        self.circuit = Circuit(
            config,
            now=lambda: self.now,
            random=HighestDraw(),
            on_transition=self.transitions.append,
        )

    @rule(seconds=st.sampled_from((0.0, 1.0, 5.0, 10.0, 15.0, 45.0)))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def a_call_asks(self) -> None:
        expected = self.model.ask(self.now)
        number = self.circuit.admit()
        assert (number is not None) == expected
        if number is not None:
            permit = Permit(number, self.model.epoch, self.now)
            self.out.append(permit)
            if self.model.state == "half_open":
                self.model.probes.append(permit)

    @precondition(lambda self: self.out)
    @rule(data=st.data(), outcome=OUTCOMES)
    def a_call_ends(self, data: st.DataObject, outcome: Outcome) -> None:
        place = data.draw(st.integers(0, len(self.out) - 1))
        permit = self.out.pop(place)
        self.model.tell(permit, outcome, self.now)
        self.circuit.record(permit.number, outcome)

    @invariant()
    def circuit_and_model_agree(self) -> None:
        seen, model = self.circuit.snapshot(), self.model
        assert seen.state == model.state
        assert seen.probes == len(model.probes)
        assert seen.late_results == model.late
        assert len(self.transitions) == model.epoch
        if model.state == "open":
            assert seen.retry_after == max(0.0, model.open_until - self.now)
        else:
            assert seen.retry_after == 0
            counted = model.history
            if model.state == "closed":
                counted = counted[-model.config.window :]
            assert (seen.calls, seen.failures) == (len(counted), sum(counted))

    def teardown(self) -> None:
        for permit in self.out:
            self.circuit.record(permit.number, "neutral")
        assert self.circuit.snapshot().probes == 0


TestCircuitMachine = CircuitMachine.TestCase
# Some faults need a whole trial with a hung probe: 100 examples often miss them.
TestCircuitMachine.settings = settings(max_examples=300, deadline=None)


@settings(deadline=None)
@given(st.integers(1, 9), st.lists(st.booleans(), max_size=40))
def test_a_window_counts_the_latest_outcomes_only(
    size: int, outcomes: list[bool]
) -> None:
    window = CountWindow(size)
    for failed in outcomes:
        window.add(failed=failed)
    latest = outcomes[-size:]
    assert (window.calls, window.failures) == (len(latest), sum(latest))
    in_a_row = next((n for n, f in enumerate(reversed(outcomes)) if not f), None)
    assert window.consecutive == (len(outcomes) if in_a_row is None else in_a_row)
