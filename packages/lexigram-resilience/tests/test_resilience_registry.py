"""The registry of circuit breakers."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from lexigram.contracts.resilience import Call, CircuitBreakerRegistryProtocol
from lexigram.resilience import (
    CircuitBreakerConfig,
    CircuitBreakerRegistry,
    CircuitState,
)


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
