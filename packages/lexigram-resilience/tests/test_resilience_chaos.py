from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lexigram.contracts.resilience import Call
from lexigram.resilience import (
    CircuitBreaker,
    CircuitBreakerConfig,
    RetryConfig,
    RetryPolicy,
    Timeouts,
    TimeoutsConfig,
)
from lexigram.resilience._chaos.dice import Dice, Kind
from lexigram.resilience._chaos.policy import Chaos
from lexigram.resilience._config.chaos import ChaosConfig
from lexigram.resilience.events import ChaosInjected, Event, Events
from lexigram.testing import virtual_time

UPSTREAM: Call[Any] = Call(key="https://api.test:443")


def config(**values: Any) -> ChaosConfig:
    return ChaosConfig.model_validate(
        {"enabled": True, "environment": "test", "seed": 7, **values}
    )


def always(*kinds: Kind, **values: Any) -> ChaosConfig:
    return config(**{f"{kind}_rate": 1.0 for kind in kinds}, **values)


class Counting:
    """An operation that counts its runs."""

    def __init__(self) -> None:
        self.runs = 0

    async def __call__(self) -> str:
        self.runs += 1
        return "good"


class Hand:
    """A clock whose sleeps end at once and are written down."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds


async def outcome_of(chaos: Chaos, operation: Any = None) -> str:
    """Return what a call has come to, in a word."""
    try:
        result: object = await chaos.execute(operation or Counting(), UPSTREAM)
    except ConnectionResetError:
        return "fault"
    return str(result)


async def test_it_is_off_unless_configured() -> None:
    chaos = Chaos(fault=ConnectionResetError, outcome=lambda: "bad")
    assert not chaos.active
    assert repr(chaos) == "<Chaos 'chaos': off>"
    assert chaos.config == ChaosConfig()
    outcomes = [await outcome_of(chaos) for _ in range(5000)]
    assert set(outcomes) == {"good"}


async def test_what_is_off_does_nothing_whatever_the_rates() -> None:
    rates = always("fault", "outcome", "latency", "behaviour", enabled=False)
    chaos = Chaos(rates)
    assert not chaos.active
    assert await chaos.execute(Counting()) == "good"


async def test_a_fault_is_raised_and_the_operation_not_called() -> None:
    operation = Counting()
    chaos = Chaos(always("fault"), fault=lambda: ConnectionResetError("on purpose"))
    with pytest.raises(ConnectionResetError, match="on purpose"):
        await chaos.execute(operation)
    assert operation.runs == 0


async def test_each_fault_is_a_new_exception() -> None:
    chaos = Chaos(always("fault"), fault=ConnectionResetError)
    raised: list[BaseException] = []
    for _ in range(2):
        with pytest.raises(ConnectionResetError) as caught:
            await chaos.execute(Counting())
        raised.append(caught.value)
    assert raised[0] is not raised[1]


async def test_an_outcome_is_returned_and_the_operation_not_called() -> None:
    operation, result = Counting(), object()
    chaos = Chaos(always("outcome"), outcome=lambda: result)
    disturbed: object = await chaos.execute(operation, UPSTREAM)
    assert disturbed is result
    assert operation.runs == 0


async def test_latency_holds_up_the_call_which_then_goes_on() -> None:
    operation = Counting()
    chaos = Chaos(always("latency", min_latency=2.0, max_latency=3.0))
    async with virtual_time() as clock:
        began = clock.monotonic()
        assert await chaos.execute(operation) == "good"
        assert 2.0 <= clock.monotonic() - began <= 3.0
    assert operation.runs == 1


async def test_latencies_are_spread_between_their_bounds() -> None:
    clock = Hand()
    chaos = Chaos(always("latency", max_latency=1.0), clock=clock)
    for _ in range(1000):
        await chaos.execute(Counting())
    assert all(0.0 <= seconds <= 1.0 for seconds in clock.sleeps)
    tenths = Counter(int(seconds * 10) for seconds in clock.sleeps)
    assert all(60 <= tenths[tenth] <= 140 for tenth in range(10))


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_behaviour_is_run_before_the_operation(*, is_async: bool) -> None:
    happened: list[str] = []

    def break_something() -> None:
        happened.append("behaviour")

    async def break_something_slowly() -> None:
        await asyncio.sleep(0)
        happened.append("behaviour")

    async def operation() -> str:
        happened.append("operation")
        return "good"

    behaviour = break_something_slowly if is_async else break_something
    chaos = Chaos(always("behaviour"), behaviour=behaviour)
    assert await chaos.execute(operation) == "good"
    assert happened == ["behaviour", "operation"]


async def test_disturbances_come_in_their_order_and_a_fault_goes_before_an_outcome() -> (
    None
):
    told: list[Event] = []
    clock = Hand()
    chaos = Chaos(
        always("behaviour", "latency", "fault", "outcome", max_latency=1.0),
        behaviour=lambda: clock.sleeps.append(-1.0),
        fault=ConnectionResetError,
        outcome=lambda: "bad",
        name="monkey",
        clock=clock,
        events=Events([told.append]),
    )
    assert await outcome_of(chaos) == "fault"
    assert told == [
        ChaosInjected("monkey", UPSTREAM.key, "behaviour"),
        ChaosInjected("monkey", UPSTREAM.key, "latency"),
        ChaosInjected("monkey", UPSTREAM.key, "fault"),
    ]
    assert clock.sleeps[0] == -1.0
    assert len(clock.sleeps) == 2


async def test_calls_are_disturbed_at_the_rates() -> None:
    chaos = Chaos(
        config(fault_rate=0.3, outcome_rate=0.1),
        fault=ConnectionResetError,
        outcome=lambda: "bad",
    )
    seen = Counter([await outcome_of(chaos) for _ in range(10_000)])
    assert 2800 <= seen["fault"] <= 3200
    assert 600 <= seen["bad"] <= 800  # a tenth of what is no fault


async def test_one_call_in_a_thousand_is_disturbed_when_no_rate_is_given() -> None:
    chaos = Chaos(config(), fault=ConnectionResetError)
    seen = Counter([await outcome_of(chaos) for _ in range(20_000)])
    assert 5 <= seen["fault"] <= 40
    defaults = ChaosConfig()
    assert {
        defaults.behaviour_rate,
        defaults.latency_rate,
        defaults.fault_rate,
        defaults.outcome_rate,
    } == {0.001}


async def test_a_rate_of_nothing_disturbs_nothing() -> None:
    chaos = Chaos(config(fault_rate=0), fault=ConnectionResetError)
    assert not chaos.active
    assert await chaos.execute(Counting()) == "good"


async def schedule(**how: Any) -> list[str]:
    chaos = Chaos(config(**how, fault_rate=0.4), fault=ConnectionResetError)
    return [await outcome_of(chaos) for _ in range(60)]


async def test_a_seed_repeats_the_disturbances() -> None:
    assert await schedule(seed=3) == await schedule(seed=3)
    assert await schedule(seed=3) != await schedule(seed=4)


async def test_without_a_seed_the_one_that_was_taken_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "lexigram.resilience.chaos"):
        chaos = Chaos(config(seed=None, fault_rate=0.4), fault=ConnectionResetError)
    (record,) = caplog.records
    assert record.getMessage() == "resilience.chaos.enabled"
    said = vars(record)
    assert said["rates"] == {"fault": 0.4}
    assert (said["policy"], said["environment"]) == ("chaos", "test")
    assert repr(chaos) == f"<Chaos 'chaos': fault 0.4; seed {said['seed']}>"
    outcomes = [await outcome_of(chaos) for _ in range(60)]
    assert outcomes == await schedule(seed=said["seed"])


async def test_without_a_seed_every_start_is_another() -> None:
    seeds = {
        repr(Chaos(config(seed=None), fault=ConnectionResetError)) for _ in range(20)
    }
    assert len(seeds) > 1


async def test_seed_zero_is_a_seed() -> None:
    chaos = Chaos(config(seed=0), fault=ConnectionResetError)
    assert repr(chaos).endswith("seed 0>")


async def test_a_given_random_source_is_drawn_from() -> None:
    unseeded = config(seed=None, fault_rate=0.4)
    chaos = Chaos(unseeded, fault=ConnectionResetError, random=Random(3))
    assert [await outcome_of(chaos) for _ in range(60)] == await schedule(seed=3)
    assert "given `random`" in repr(chaos)


def test_a_seed_and_a_random_source_contradict_each_other() -> None:
    with pytest.raises(ValueError, match="`seed=7`.*Leave one of them out"):
        Chaos(config(), fault=ConnectionResetError, random=Random(3))


async def test_the_order_of_calls_alone_decides_not_what_they_wait_for() -> None:
    async def sleeps(*, at_once: bool) -> list[float]:
        clock = Hand()

        async def yield_often() -> None:
            for _ in range(3 if at_once else 0):
                await asyncio.sleep(0)

        chaos = Chaos(
            always("behaviour", "latency", max_latency=1.0),
            behaviour=yield_often,
            clock=clock,
        )
        calls = [chaos.execute(Counting()) for _ in range(5)]
        if at_once:
            await asyncio.gather(*calls)
        else:
            for call in calls:
                await call
        return clock.sleeps

    assert await sleeps(at_once=True) == await sleeps(at_once=False)


async def test_calls_that_the_predicate_leaves_alone_draw_nothing() -> None:
    chaos = Chaos(
        config(fault_rate=0.4),
        fault=ConnectionResetError,
        when=lambda call: call.key == UPSTREAM.key,
    )
    outcomes: list[str] = []
    for _ in range(60):
        assert await chaos.execute(Counting()) == "good"
        outcomes.append(await outcome_of(chaos))
    assert outcomes == await schedule(seed=7)


async def test_it_tells_nothing_of_calls_that_it_leaves_alone() -> None:
    told: list[Event] = []
    chaos = Chaos(
        always("outcome"),
        outcome=lambda: "bad",
        when=lambda _: False,
        events=Events([told.append]),
    )
    assert await outcome_of(chaos) == "good"
    assert told == []


async def test_cancelling_a_call_that_is_held_up_passes_through() -> None:
    operation = Counting()
    chaos = Chaos(always("latency", min_latency=5.0, max_latency=5.0))
    async with virtual_time() as clock:
        task = asyncio.create_task(chaos.execute(operation))
        await clock.settle()
        task.cancel()
        await asyncio.wait({task})
    assert task.cancelled()
    assert operation.runs == 0


async def test_errors_of_the_operation_pass_unchanged() -> None:
    error = KeyError()

    async def operation() -> None:
        raise error

    chaos = Chaos(config(), fault=ConnectionResetError)
    with pytest.raises(KeyError) as caught:
        await chaos.execute(operation)
    assert caught.value is error


@pytest.mark.parametrize(
    "fault", [asyncio.CancelledError, lambda: "no exception", lambda: ValueError]
)
async def test_a_fault_that_is_no_exception_is_refused(fault: Any) -> None:
    chaos = Chaos(always("fault"), fault=fault)
    with pytest.raises(TypeError, match="is no `Exception`"):
        await chaos.execute(Counting())


async def test_the_policies_around_it_see_a_failing_upstream() -> None:
    chaos = Chaos(always("fault"), fault=ConnectionResetError)
    breaker = CircuitBreaker(
        "b", CircuitBreakerConfig(minimum_calls=3, consecutive_failures=3)
    )
    retry = RetryPolicy(RetryConfig(max_attempts=2), clock=Hand())
    operation = Counting()

    async def attempt() -> str:
        return await breaker.call(lambda: chaos.execute(operation))

    with pytest.raises(Exception, match="ConnectionResetError"):
        await retry.execute(attempt)
    with pytest.raises(Exception, match="open"):
        await retry.execute(attempt)
    assert operation.runs == 0


async def test_a_limit_of_time_ends_a_call_that_is_held_up() -> None:
    chaos = Chaos(always("latency", min_latency=60.0, max_latency=60.0))
    limit = Timeouts(TimeoutsConfig(total=5.0, attempt=2.0))
    async with virtual_time() as clock:
        began = clock.monotonic()
        with pytest.raises(TimeoutError):
            await limit.execute(lambda: chaos.execute(Counting()))
        assert clock.monotonic() - began == pytest.approx(2.0)


def test_enabled_it_wants_to_know_the_environment() -> None:
    with pytest.raises(ValidationError, match="`environment` does not say where"):
        ChaosConfig(enabled=True)


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ({}, "`allow_in_production=True` and `accept_harm_to_users=True` are missing"),
        ({"allow_in_production": True}, " `accept_harm_to_users=True` is missing"),
        ({"accept_harm_to_users": True}, " `allow_in_production=True` is missing"),
    ],
)
def test_production_is_refused_unless_it_is_said_twice(
    said: dict[str, bool], missing: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        config(environment="production", **said)
    assert missing in str(caught.value)


async def test_production_said_twice_is_taken_seriously() -> None:
    chaos = Chaos(
        always(
            "fault",
            environment="production",
            allow_in_production=True,
            accept_harm_to_users=True,
        ),
        fault=ConnectionResetError,
    )
    assert await outcome_of(chaos) == "fault"


@pytest.mark.parametrize("environment", ["development", "test", "staging"])
def test_elsewhere_it_is_said_once(environment: str) -> None:
    assert Chaos(config(environment=environment), fault=ValueError).active


def test_what_is_off_may_stand_in_any_configuration() -> None:
    assert not ChaosConfig(environment="production").enabled
    assert not ChaosConfig(environment="production", fault_rate=1.0).enabled


@pytest.mark.parametrize("environment", ["prod", "", "Production"])
def test_an_unknown_environment_is_refused(environment: str) -> None:
    with pytest.raises(ValidationError):
        config(environment=environment)


@pytest.mark.parametrize("kind", ["behaviour", "latency", "fault", "outcome"])
def test_a_rate_of_what_is_not_there_is_refused(kind: Kind) -> None:
    with pytest.raises(ValueError, match=f"`{kind}_rate` is 1.0 and there is nothing"):
        Chaos(always(kind))
    others: dict[str, Callable[[], Any]] = {
        name: ConnectionResetError for name in ("behaviour", "fault") if name != kind
    }
    Chaos(config(**{f"{kind}_rate": 0}), **others)


def test_enabled_with_nothing_to_disturb_by_is_refused() -> None:
    with pytest.raises(ValueError, match="would disturb nothing") as caught:
        Chaos(config())
    for way in ("`behaviour=`", "`max_latency`", "`fault=`", "`outcome=`"):
        assert way in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"min_latency": 2.0, "max_latency": 1.0}, "Raise the maximum"),
        ({"min_latency": 1.0}, "`min_latency` 1.0 is longer than `max_latency` 0.0"),
        ({"min_latency": -1.0}, "greater than or equal to 0"),
        ({"max_latency": -1.0, "min_latency": -2.0}, "2 validation errors"),
        *(
            ({f"{kind}_rate": rate}, f"{kind}_rate\n.*or equal to")
            for kind in ("behaviour", "latency", "fault", "outcome")
            for rate in (-0.1, 1.1)
        ),
    ],
)
def test_a_wrong_configuration_is_refused(wrong: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        config(**wrong)


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(TypeError, match="injection_rate"):
        ChaosConfig(injection_rate=0.1)


async def test_reconfigured_it_goes_on_with_other_shares_and_the_same_draws() -> None:
    chaos = Chaos(config(fault_rate=0.4), fault=ConnectionResetError)
    outcomes = [await outcome_of(chaos) for _ in range(30)]
    chaos.reconfigure(ChaosConfig())
    assert not chaos.active
    assert [await outcome_of(chaos) for _ in range(30)] == ["good"] * 30
    chaos.reconfigure(config(fault_rate=0.4))
    outcomes += [await outcome_of(chaos) for _ in range(30)]
    assert outcomes == await schedule(seed=7)


async def test_what_it_cannot_be_reconfigured_to_changes_nothing() -> None:
    chaos = Chaos(always("fault"), fault=ConnectionResetError)
    before = chaos.config
    with pytest.raises(ValueError, match="`outcome_rate` is 1.0"):
        chaos.reconfigure(always("outcome"))
    assert chaos.config is before
    assert await outcome_of(chaos) == "fault"


def test_being_switched_on_is_logged_and_being_switched_off_is_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    chaos = Chaos(ChaosConfig(), fault=ConnectionResetError)
    with caplog.at_level(logging.DEBUG, "lexigram.resilience.chaos"):
        chaos.reconfigure(config(fault_rate=0.2))
        chaos.reconfigure(ChaosConfig())
    (record,) = caplog.records
    assert vars(record)["rates"] == {"fault": 0.2}


KINDS: tuple[Kind, ...] = ("behaviour", "latency", "fault", "outcome")


@given(
    rates=st.lists(st.floats(0, 1), min_size=4, max_size=4), seed=st.integers(0, 1000)
)
def test_dice_draw_in_order_never_at_nought_and_always_at_one(
    rates: list[float], seed: int
) -> None:
    dice = Dice(zip(KINDS, rates, strict=True), Random(seed))
    again = Dice(zip(KINDS, rates, strict=True), Random(seed))
    for _ in range(20):
        drawn = dice.roll()
        assert drawn == again.roll()
        assert list(drawn) == [kind for kind in KINDS if kind in drawn]
        for kind, rate in zip(KINDS, rates, strict=True):
            assert kind in drawn or rate < 1
            assert kind not in drawn or rate > 0


def test_dice_draw_nothing_for_a_rate_of_nought() -> None:
    some, all_of_them = Random(5), Random(5)
    rates: list[tuple[Kind, float]] = [("fault", 0.5)]
    with_nought = Dice([("latency", 0.0), *rates, ("outcome", 0.0)], some)
    without = Dice(rates, all_of_them)
    assert [with_nought.roll() for _ in range(50)] == [
        without.roll() for _ in range(50)
    ]
    assert with_nought.rates == (("fault", 0.5),)
