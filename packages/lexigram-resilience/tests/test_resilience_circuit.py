"""The circuit's state machine against a model that shares no code with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from lexigram.contracts.resilience import Outcome
from lexigram.resilience import CircuitBreakerConfig, CircuitState
from lexigram.resilience._breaker.circuit import Circuit, Transition

OUTCOMES = st.sampled_from(("success", "failure", "neutral"))
BY_HAND = st.sampled_from(("closed", "forced_open", "disabled", "metrics_only"))
DRAW = 0.55  # who is above it is admitted during a recovery


class NoLuck(Random):
    """Draws the longest wait and always the same share."""

    def uniform(self, a: float, b: float) -> float:
        return b

    def random(self) -> float:
        return DRAW


@dataclass
class Watcher:
    """Writes down what a circuit tells."""

    transitions: list[Transition] = field(default_factory=list)
    late_results: int = 0

    def changed(self, transition: Transition) -> None:
        self.transitions.append(transition)

    def late(self) -> None:
        self.late_results += 1


@dataclass
class Ended:
    """A counted outcome."""

    at: float
    failed: bool
    slow: bool


@dataclass
class Permit:
    number: int
    epoch: int
    since: float
    slow_after: float | None
    is_counted: bool = True
    is_probe: bool = False


class Model:
    """The rules once more, over whole histories instead of counters."""

    def __init__(self, config: CircuitBreakerConfig) -> None:
        self.config = self.trial_config = config
        self.state = "closed"
        self.epoch = 0
        self.moves: list[str] = []
        self.history: list[Ended] = []  # of this epoch
        self.row = 0
        self.openings = 0
        self.opened_by = (0, 0, 0)
        self.open_until = 0.0
        self.closed_at = 0.0
        self.ramp = 0.0
        self.probes: list[Permit] = []
        self.late = 0

    def move(self, state: str) -> None:
        if state != self.state:
            self.moves.append(state)
        self.state = state
        self.epoch += 1
        self.history = []
        self.probes = []
        if state not in {"open", "half_open"}:
            self.row = 0

    def by_hand(self, state: str) -> None:
        self.openings = 0
        self.ramp = 0.0
        self.move(state)

    def counts(self, now: float) -> tuple[int, int, int]:
        seen = self.history
        seconds = self.config.window_seconds
        if self.state == "half_open":
            pass
        elif seconds is None:
            seen = seen[-self.config.window :]
        else:
            oldest = now * 10 // seconds - 9
            seen = [ended for ended in seen if ended.at * 10 // seconds >= oldest]
        failed = sum(ended.failed for ended in seen)
        return len(seen), failed, sum(ended.slow for ended in seen)

    def trip(self, now: float) -> None:
        config = self.config
        self.opened_by = self.counts(now)
        if self.state == "closed":
            closed_for = now - self.closed_at
            if config.window_seconds is not None:
                is_settled = closed_for >= config.window_seconds
            else:
                is_settled = (
                    closed_for >= config.max_open_duration
                    or len(self.history) >= config.window
                )
            if is_settled:
                self.openings = 0
        wait = config.open_duration * config.open_duration_growth**self.openings
        self.openings += 1
        self.open_until = now + min(config.max_open_duration, wait)
        self.move("open")

    def ask(self, now: float) -> bool:
        if self.state == "open" and now >= self.open_until:
            self.trial_config = self.config
            self.move("half_open")
        for probe in list(self.probes):
            overdue = probe.since + self.trial_config.half_open_max_wait <= now
            if overdue and probe in self.probes:
                self.probes.remove(probe)
                self.verdict(Ended(now, failed=True, slow=False))
        if self.state == "half_open":
            trial, out = self.trial_config, len(self.probes)
            has_place = len(self.history) + out < trial.half_open_permits
            return has_place and out < trial.half_open_max_concurrent
        if self.state == "closed" and self.ramp:
            return 0.1 + 0.9 * (now - self.closed_at) / self.ramp > DRAW
        return self.state in {"closed", "disabled", "metrics_only"}

    def permit(self, number: int, now: float) -> Permit:
        trial = self.state == "half_open"
        config = self.trial_config if trial else self.config
        permit = Permit(
            number,
            self.epoch,
            now,
            config.slow_call_duration,
            is_counted=self.state != "disabled",
            is_probe=trial,
        )
        if trial:
            self.probes.append(permit)
        return permit

    def tell(
        self, permit: Permit, outcome: Outcome, duration: float, now: float
    ) -> None:
        if not permit.is_counted:
            return
        if permit.epoch != self.epoch or (
            permit.is_probe and permit not in self.probes
        ):
            self.late += 1
            return
        if permit in self.probes:
            self.probes.remove(permit)
        if outcome != "neutral":
            slow = permit.slow_after is not None and duration >= permit.slow_after
            self.verdict(Ended(now, failed=outcome == "failure", slow=slow))

    def verdict(self, ended: Ended) -> None:
        self.history.append(ended)
        now = ended.at
        if self.state == "half_open":
            config = self.trial_config
            calls, failed, slow = self.counts(now)
            permits = config.half_open_permits
            is_slow = (
                config.slow_call_duration is not None
                and slow / permits >= config.slow_call_rate
            )
            if failed / permits >= config.failure_rate or is_slow:
                self.trip(now)
            elif calls == permits:
                self.closed_at = now
                self.ramp = self.config.recovery_ramp
                self.move("closed")
        else:
            self.row = self.row + 1 if ended.failed else 0
            if self.state == "closed" and self.fails(now):
                self.trip(now)

    def fails(self, now: float) -> bool:
        config = self.config
        if config.consecutive_failures and self.row >= config.consecutive_failures:
            return True
        calls, failed, slow = self.counts(now)
        if calls < config.minimum_calls:
            return False
        return failed / calls >= config.failure_rate or (
            config.slow_call_duration is not None
            and slow / calls >= config.slow_call_rate
        )

    def reconfigure(self, config: CircuitBreakerConfig) -> None:
        if self.config.window_seconds is None:
            self.history = (
                self.history
                if self.state == "half_open"
                else self.history[-self.config.window :]
            )
        self.config = config


# A window of seconds stays one, of as many: how one becomes another is tested apart.
CHANGES = st.fixed_dictionaries(
    {
        "failure_rate": st.sampled_from((0.07, 0.3, 0.5, 1.0)),
        "consecutive_failures": st.one_of(st.none(), st.integers(1, 4)),
        "slow_call_duration": st.sampled_from((None, 1.0, 2.0)),
        "slow_call_rate": st.sampled_from((0.5, 1.0)),
        "open_duration_growth": st.sampled_from((1.0, 2.0, 3.0)),
        "half_open_permits": st.integers(2, 4),
        "half_open_max_concurrent": st.integers(1, 2),
        "recovery_ramp": st.sampled_from((0.0, 20.0)),
        "window": st.integers(6, 9),
        "minimum_calls": st.integers(1, 6),
    }
)
FIXED = {"open_duration": 10, "max_open_duration": 45, "half_open_max_wait": 15}


class CircuitMachine(RuleBasedStateMachine):
    @initialize(options=CHANGES, seconds=st.sampled_from((None, 10, 20)))
    def begin(self, options: dict[str, Any], seconds: float | None) -> None:
        self.fixed: dict[str, Any] = {**FIXED, "window_seconds": seconds}
        config = CircuitBreakerConfig(**self.fixed, **options)
        self.now = 0.0
        self.out: list[Permit] = []
        self.model = Model(config)
        self.watcher = Watcher()
        self.circuit = Circuit(
            config, now=lambda: self.now, random=NoLuck(), watcher=self.watcher
        )

    @rule(seconds=st.sampled_from((1.0, 5.0, 10.0, 15.0, 45.0)))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def a_call_asks(self) -> None:
        expected = self.model.ask(self.now)
        number = self.circuit.admit()
        assert (number is not None) == expected
        if number is not None:
            self.out.append(self.model.permit(number, self.now))
            if self.model.state != "disabled":
                assert self.circuit.slow_after == self.out[-1].slow_after

    @precondition(lambda self: self.out)
    @rule(
        data=st.data(), outcome=OUTCOMES, duration=st.sampled_from((0.5, 1.0, 1.5, 2.0))
    )
    def a_call_ends(
        self, data: st.DataObject, outcome: Outcome, duration: float
    ) -> None:
        place = data.draw(st.integers(0, len(self.out) - 1))
        permit = self.out.pop(place)
        self.model.tell(permit, outcome, duration, self.now)
        measured = None if permit.slow_after is None else duration
        self.circuit.record(permit.number, outcome, measured)

    @precondition(lambda self: not self.out)
    @rule(outcome=OUTCOMES, duration=st.sampled_from((0.5, 1.5)))
    def a_call_runs(self, outcome: Outcome, duration: float) -> None:
        self.a_call_asks()
        for permit in self.out:
            self.model.tell(permit, outcome, duration, self.now)
            self.circuit.record(permit.number, outcome, duration)
        self.out.clear()

    @rule(state=BY_HAND)
    def somebody_decides(self, state: str) -> None:
        self.model.by_hand(state)
        self.circuit.move(CircuitState(state))

    @rule(options=CHANGES)
    def the_configuration_changes(self, options: dict[str, Any]) -> None:
        config = CircuitBreakerConfig(**self.fixed, **options)
        self.model.reconfigure(config)
        self.circuit.reconfigure(config)

    @invariant()
    def circuit_and_model_agree(self) -> None:
        seen, model = self.circuit.snapshot(), self.model
        assert seen.state == model.state
        assert seen.probes == len(model.probes)
        assert seen.late_results == self.watcher.late_results == model.late
        assert seen.openings == model.openings
        assert seen.consecutive_failures == model.row
        assert [t.state.value for t in self.watcher.transitions] == model.moves
        counts = (seen.calls, seen.failures, seen.slow)
        if model.state == "open":
            assert seen.retry_after == max(0.0, model.open_until - self.now)
            assert counts == model.opened_by
        else:
            assert seen.retry_after == 0
            assert counts == model.counts(self.now)
        ramp_left = model.closed_at + model.ramp - self.now
        is_recovering = model.state == "closed" and model.ramp > 0 and ramp_left > 0
        assert self.circuit.is_recovering == is_recovering

    def teardown(self) -> None:
        for permit in self.out:
            self.circuit.record(permit.number, "neutral")
        assert self.circuit.snapshot().probes == 0


TestCircuitMachine = CircuitMachine.TestCase
# Some faults need a whole trial with a hung probe: 100 examples often miss them.
TestCircuitMachine.settings = settings(max_examples=150, deadline=None)


def circuit_of(now: list[float], watcher: Watcher, **options: Any) -> Circuit:
    return Circuit(
        CircuitBreakerConfig(**options),
        now=lambda: now[0],
        random=NoLuck(),
        watcher=watcher,
    )


def end(circuit: Circuit, outcome: Outcome, duration: float | None = None) -> None:
    permit = circuit.admit()
    assert permit is not None
    circuit.record(permit, outcome, duration)


def test_a_transition_says_from_where_and_what_was_counted() -> None:
    watcher = Watcher()
    now = [0.0]
    circuit = circuit_of(
        now, watcher, consecutive_failures=2, slow_call_duration=1, half_open_permits=1
    )
    end(circuit, "success", 1.0)
    end(circuit, "failure", 0.9)
    end(circuit, "failure", 1.1)
    now[0] = 30.0
    end(circuit, "success")
    opened = Transition(
        CircuitState.OPEN, CircuitState.CLOSED, calls=3, failures=2, slow=2, open_for=30
    )
    half = Transition(CircuitState.HALF_OPEN, CircuitState.OPEN, 3, 2, 2)
    closed = Transition(CircuitState.CLOSED, CircuitState.HALF_OPEN, 1, 0, 0)
    assert watcher.transitions == [opened, half, closed]


def test_slow_successes_open_a_circuit() -> None:
    now = [0.0]
    circuit = circuit_of(
        now,
        Watcher(),
        minimum_calls=4,
        slow_call_duration=2,
        slow_call_rate=0.75,
    )
    for duration in (2.0, 0.1, 2.0):
        end(circuit, "success", duration)
    assert circuit.snapshot().state is CircuitState.CLOSED
    end(circuit, "success", 2.0)
    assert circuit.snapshot().state is CircuitState.OPEN


def test_a_trial_counts_slow_probes_that_do_not_come_in_a_row() -> None:
    now = [0.0]
    circuit = circuit_of(
        now,
        Watcher(),
        consecutive_failures=1,
        half_open_permits=4,
        slow_call_duration=2,
        slow_call_rate=0.5,
    )
    end(circuit, "failure")
    now[0] = 30.0
    for duration in (2.0, 0.1):
        end(circuit, "success", duration)
    assert circuit.snapshot().slow == 1
    assert circuit.snapshot().state is CircuitState.HALF_OPEN
    end(circuit, "success", 2.0)
    assert circuit.snapshot().state is CircuitState.OPEN


def test_an_outcome_without_a_duration_is_not_slow() -> None:
    circuit = circuit_of([0.0], Watcher(), minimum_calls=1, slow_call_duration=2)
    end(circuit, "success", None)
    assert circuit.snapshot().slow == 0


def test_no_call_is_slow_unless_it_is_asked_for() -> None:
    circuit = circuit_of([0.0], Watcher(), minimum_calls=1)
    assert circuit.slow_after is None
    end(circuit, "success", 1e9)
    assert circuit.snapshot().slow == 0


@pytest.mark.parametrize("outage", [3, 1100, 5000])
def test_an_outage_of_any_length_waits_the_longest_wait(outage: int) -> None:
    now = [0.0]
    circuit = circuit_of(now, Watcher(), consecutive_failures=1, half_open_permits=1)
    for _ in range(outage):
        end(circuit, "failure")
        now[0] += 300
    assert circuit.snapshot().openings == outage
    end(circuit, "failure")
    assert circuit.retry_after == (240 if outage == 3 else 300)


def test_a_recovering_circuit_admits_a_growing_share() -> None:
    drawn = Random(7)
    now = [0.0]
    circuit = Circuit(
        CircuitBreakerConfig(
            consecutive_failures=1, half_open_permits=1, recovery_ramp=10
        ),
        now=lambda: now[0],
        random=drawn,
        watcher=Watcher(),
    )
    end(circuit, "failure")
    now[0] = 30.0
    end(circuit, "success")
    shares = []
    for second in range(11):
        now[0] = 30.0 + second
        shares.append(sum(circuit.admit() is not None for _ in range(2000)) / 2000)
    expected = [0.1 + 0.09 * second for second in range(11)]
    assert shares == pytest.approx(expected, abs=0.04)
    assert shares[-1] == 1
    assert not circuit.is_recovering


def test_a_recovery_ends_with_the_next_outage() -> None:
    now = [0.0]
    circuit = circuit_of(
        now,
        Watcher(),
        consecutive_failures=1,
        half_open_permits=1,
        recovery_ramp=10,
        open_duration=1,
    )
    end(circuit, "failure")
    now[0] = 1.0
    end(circuit, "success")
    now[0] = 6.5
    before = circuit.is_recovering
    end(circuit, "failure")
    assert (before, circuit.is_recovering) == (True, False)
    assert circuit.admit() is None


@given(st.floats(0, 1e7), st.floats(1e-3, 1e3), st.floats(0, 1))
def test_whoever_comes_after_exactly_the_time_that_is_left_is_admitted(
    opened: float, wait: float, part: float
) -> None:
    now = [opened]
    circuit = Circuit(
        CircuitBreakerConfig(consecutive_failures=1),
        now=lambda: now[0],
        random=NoLuck(),
        watcher=Watcher(),
        break_duration=lambda _: wait,
    )
    end(circuit, "failure")
    now[0] += wait * part
    left = circuit.retry_after
    now[0] = max(now[0], now[0] + left - 1e-9)
    assert circuit.admit() is not None


def test_an_instant_is_not_more_than_a_microsecond() -> None:
    now = [0.0]
    circuit = circuit_of(now, Watcher(), consecutive_failures=1)
    end(circuit, "failure")
    now[0] = 30 - 2e-6
    assert circuit.admit() is None
