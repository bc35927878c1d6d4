"""The configuration of a breaker."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from lexigram.resilience import CircuitBreakerConfig


@pytest.mark.parametrize(
    "options",
    [
        {"window": 0},
        {"window": 100_001},
        {"window_seconds": 0},
        {"window_seconds": 86_401},
        {"slow_call_duration": 0},
        {"slow_call_rate": 0},
        {"slow_call_rate": 1.01},
        {"max_open_duration": 0},
        {"half_open_permits": 1001},
        {"half_open_max_concurrent": 0},
        {"half_open_max_concurrent": 1001, "half_open_permits": 1000},
        {"recovery_ramp": -0.1},
        {"recovery_ramp": float("inf")},
    ],
)
def test_values_out_of_bounds_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CircuitBreakerConfig(**options)


@pytest.mark.parametrize(
    ("options", "way_out"),
    [
        ({"window": 19}, "Raise `window` or lower `minimum_calls`"),
        ({"open_duration": 301}, "Raise the maximum or lower the duration"),
        ({"half_open_max_concurrent": 4}, "Raise the permits or lower the concurrency"),
        ({"slow_call_duration": 31}, "Raise the wait or lower the duration"),
    ],
)
def test_values_that_contradict_each_other_are_refused_with_a_way_out(
    options: dict[str, Any], way_out: str
) -> None:
    with pytest.raises(ValidationError, match=way_out):
        CircuitBreakerConfig(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"window": 20},
        {"window": 5, "window_seconds": 10},
        {"window_seconds": 86_400},
        {"open_duration": 300},
        {"half_open_max_concurrent": 3},
        {"slow_call_duration": 30},
    ],
)
def test_values_at_the_bounds_are_valid(options: dict[str, Any]) -> None:
    config = CircuitBreakerConfig(**options)
    assert CircuitBreakerConfig.model_validate(config.model_dump()) == config


def test_the_defaults_are_those_of_the_documentation() -> None:
    assert CircuitBreakerConfig().model_dump() == {
        "failure_rate": 0.5,
        "minimum_calls": 20,
        "window": 100,
        "window_seconds": None,
        "consecutive_failures": None,
        "slow_call_duration": None,
        "slow_call_rate": 1.0,
        "open_duration": 30.0,
        "open_duration_growth": 2.0,
        "max_open_duration": 300.0,
        "half_open_permits": 3,
        "half_open_max_concurrent": 1,
        "half_open_max_wait": 30.0,
        "recovery_ramp": 0.0,
        "max_keys": 1000,
    }
