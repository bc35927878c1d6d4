"""The registry of circuit breakers."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from random import Random

import pytest
from pydantic import ValidationError

from lexigram.contracts.resilience import Call, CircuitBreakerRegistryProtocol
from lexigram.resilience import (
    CircuitBreakerConfig,
    CircuitBreakerRegistry,
    CircuitState,
)
from lexigram.resilience._events.events import Event, ReloadFailed
from lexigram.resilience._events.listeners import Events
from lexigram.testing._time.virtual import virtual_time


class HighestDraw(Random):
    def uniform(self, a: float, b: float) -> float:
        return b


async def succeed() -> str:
    return "fine"


def test_it_is_a_registry_of_circuit_breakers() -> None:
    assert isinstance(CircuitBreakerRegistry(), CircuitBreakerRegistryProtocol)


def test_one_name_is_one_breaker() -> None:
    registry = CircuitBreakerRegistry()
    billing = registry.get("billing")
    assert registry.get("billing") is billing
    assert registry.get("search") is not billing
    assert registry.names() == ("billing", "search")
    assert billing.name == "billing"


async def test_breakers_get_the_configuration_of_the_registry() -> None:
    registry = CircuitBreakerRegistry(CircuitBreakerConfig(consecutive_failures=1))

    async def fail() -> None:
        raise OSError

    with pytest.raises(OSError, match="^$"):
        await registry.get("billing").call(fail)
    assert registry.snapshot()["billing"][""].state is CircuitState.OPEN


async def test_a_snapshot_shows_every_key_and_does_not_change_any_more() -> None:
    registry = CircuitBreakerRegistry()
    await registry.get("billing").call(succeed, Call(key="https://a.test"))
    before = registry.snapshot()
    await registry.get("billing").call(succeed, Call(key="https://a.test"))
    await registry.get("billing").call(succeed, Call(key="https://b.test"))
    await registry.get("search").call(succeed)

    assert list(before) == ["billing"]
    assert list(before["billing"]) == ["https://a.test"]
    assert before["billing"]["https://a.test"].calls == 1
    assert registry.snapshot()["billing"]["https://a.test"].calls == 2
    with pytest.raises(FrozenInstanceError):
        before["billing"]["https://a.test"].calls = 0  # type: ignore[misc] # it is frozen


def test_its_repr_names_the_breakers() -> None:
    registry = CircuitBreakerRegistry()
    registry.get("billing")
    assert repr(registry) == "<CircuitBreakerRegistry ['billing']>"


def test_a_name_may_have_a_configuration_of_its_own() -> None:
    own = CircuitBreakerConfig(consecutive_failures=1)
    default = CircuitBreakerConfig(consecutive_failures=5)
    registry = CircuitBreakerRegistry(default, configs={"billing": own})
    assert registry.get("billing").config is own
    assert registry.get("search").config is default


def test_what_is_asked_for_can_be_walked_through() -> None:
    registry = CircuitBreakerRegistry(configs={"unasked": CircuitBreakerConfig()})
    billing, search = registry.get("billing"), registry.get("search")
    assert registry.items() == (("billing", billing), ("search", search))


async def test_a_removed_breaker_is_made_anew_as_it_was_configured() -> None:
    own = CircuitBreakerConfig(consecutive_failures=1)
    registry = CircuitBreakerRegistry(configs={"billing": own})
    before = registry.get("billing")
    registry.remove("billing")
    registry.remove("billing")
    assert registry.names() == ()
    assert await before.call(succeed) == "fine"
    assert registry.get("billing") is not before
    assert registry.get("billing").config is own
    assert registry.snapshot() == {"billing": {}}


def test_a_name_is_reconfigured_and_its_breaker_stays_the_same() -> None:
    registry = CircuitBreakerRegistry()
    billing, search = registry.get("billing"), registry.get("search")
    registry.reconfigure("billing", CircuitBreakerConfig(consecutive_failures=1))
    registry.reconfigure("later", {"consecutive_failures": 2})
    assert registry.get("billing") is billing
    assert billing.config.consecutive_failures == 1
    assert search.config.consecutive_failures is None
    assert registry.names() == ("billing", "search")
    assert registry.get("later").config.consecutive_failures == 2


def test_a_new_default_is_for_those_without_a_configuration_of_their_own() -> None:
    own = CircuitBreakerConfig(consecutive_failures=1)
    registry = CircuitBreakerRegistry(configs={"billing": own})
    billing, search = registry.get("billing"), registry.get("search")
    registry.reconfigure_default({"consecutive_failures": 7})
    assert billing.config is own
    assert search.config.consecutive_failures == 7
    assert registry.get("later").config.consecutive_failures == 7


def test_an_invalid_configuration_is_refused_and_the_old_one_stays() -> None:
    told: list[Event] = []
    registry = CircuitBreakerRegistry(events=Events([told.append]))
    billing = registry.get("billing")
    before = billing.config
    with pytest.raises(ValidationError):
        registry.reconfigure("billing", {"window": 0})
    with pytest.raises(ValidationError):
        registry.reconfigure_default({"window": 0})
    assert billing.config is before
    assert registry.get("later").config is before
    assert [(type(event), event.policy) for event in told] == [
        (ReloadFailed, "billing"),
        (ReloadFailed, "default"),
    ]


def test_an_invalid_configuration_is_refused_without_listeners_too() -> None:
    registry = CircuitBreakerRegistry()
    with pytest.raises(ValidationError):
        registry.reconfigure("billing", {"window": 0})
    with pytest.raises(ValidationError):
        registry.reconfigure_default({"window": 0})


async def test_breakers_read_the_clock_of_the_registry() -> None:
    class StoppedClock:
        """A clock that does not go on by itself."""

        now = 5.0

        def monotonic(self) -> float:
            return self.now

        async def sleep(self, seconds: float) -> None:
            self.now += seconds

    clock = StoppedClock()
    registry = CircuitBreakerRegistry(
        CircuitBreakerConfig(consecutive_failures=1), clock=clock, random=HighestDraw()
    )

    async def fail() -> None:
        raise OSError

    with pytest.raises(OSError, match="^$"):
        await registry.get("billing").call(fail)
    clock.now += 12
    assert registry.snapshot()["billing"][""].retry_after == 18


async def test_breakers_get_what_the_registry_was_given() -> None:
    told: list[Event] = []
    registry = CircuitBreakerRegistry(
        CircuitBreakerConfig(consecutive_failures=1),
        events=Events([told.append]),
        random=HighestDraw(),
        break_duration=lambda context: context.wait + 1,
    )

    async def fail() -> None:
        raise OSError

    async with virtual_time():
        with pytest.raises(OSError, match="^$"):
            await registry.get("billing").call(fail)
        assert registry.snapshot()["billing"][""].retry_after == 31
    assert [(event.name, event.policy) for event in told] == [
        ("breaker.changed", "billing")
    ]
