"""The module's value and its configuration."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest
from pydantic import ValidationError

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.di import Binding, ConfigSection, ModuleDefinition
from lexigram.contracts.resilience import (
    CircuitBreakerRegistryProtocol,
    CircuitOpenError,
    ResiliencePipelineProtocol,
    RetryExhaustedError,
    RetryPolicyProtocol,
)
from lexigram.resilience import (
    CircuitBreakerConfig,
    CircuitBreakerRegistry,
    ResilienceConfig,
    ResilienceModule,
    RetryConfig,
)


def build(module: ModuleDefinition, **instances: Any) -> dict[Any, Any]:
    """Do what a core does: call each factory with what its hints ask for."""
    built: dict[Any, Any] = dict(instances.pop("bound"))
    for binding in module.providers:
        assert isinstance(binding, Binding)
        assert binding.factory is not None
        hints = get_type_hints(binding.factory)
        assert hints.pop("return") is binding.key
        known = {name: built[hint] for name, hint in hints.items() if hint in built}
        built[binding.key] = binding.factory(**known)
    return built


def test_configure_describes_the_section_and_exports_what_it_binds() -> None:
    config = ResilienceConfig(retry=RetryConfig(max_attempts=5))
    module = ResilienceModule.configure(config)
    assert module.config == ConfigSection("resilience", ResilienceConfig, config)
    assert set(module.exports) == {
        ResiliencePipelineProtocol,
        RetryPolicyProtocol,
        CircuitBreakerRegistryProtocol,
    }
    bound = {b.key for b in module.providers if isinstance(b, Binding)}
    assert bound == set(module.exports)


def test_configure_takes_its_configuration_by_position_by_name_or_not() -> None:
    config = ResilienceConfig()
    assert ResilienceModule.configure(config).config == (
        ResilienceModule.configure(config=config).config
    )
    section = ResilienceModule.configure().config
    assert section is not None
    assert section.explicit is None


def test_the_module_says_where_it_was_configured() -> None:
    module = ResilienceModule.configure()
    assert __file__ in module.origin


async def test_what_it_binds_is_built_from_the_merged_configuration() -> None:
    merged = ResilienceConfig(
        retry=RetryConfig(max_attempts=2, base_delay=0),
        breaker=CircuitBreakerConfig(consecutive_failures=2),
    )
    built = build(ResilienceModule.configure(), bound={ResilienceConfig: merged})
    attempts = 0

    async def fail() -> None:
        nonlocal attempts
        attempts += 1
        raise OSError

    pipeline = built[ResiliencePipelineProtocol]
    with pytest.raises(RetryExhaustedError, match="after attempt 2"):
        await pipeline.execute(fail)
    with pytest.raises(CircuitOpenError):
        await pipeline.execute(fail)
    assert attempts == 2

    registry = built[CircuitBreakerRegistryProtocol]
    assert isinstance(registry, CircuitBreakerRegistry)
    assert registry.names() == ("default",)
    assert registry.snapshot()["default"][""].state == "open"


async def test_a_registered_clock_is_used() -> None:
    class StoppedClock(SystemClock):
        asked = 0

        def monotonic(self) -> float:
            StoppedClock.asked += 1
            return 0.0

    merged = ResilienceConfig(breaker=CircuitBreakerConfig(consecutive_failures=1))
    built = build(
        ResilienceModule.configure(),
        bound={
            ResilienceConfig: merged,
            ClockProtocol | None: StoppedClock(),
        },
    )

    async def fail() -> None:
        raise OSError

    with pytest.raises(OSError, match="^$"):
        await built[CircuitBreakerRegistryProtocol].get("default").call(fail)
    assert StoppedClock.asked > 0


@pytest.mark.parametrize(
    ("model", "options"),
    [
        (RetryConfig, {"max_attempts": 0}),
        (RetryConfig, {"base_delay": -0.1}),
        (RetryConfig, {"max_delay": float("inf")}),
        (RetryConfig, {"max_retry_after": float("nan")}),
        (RetryConfig, {"jitter": "some"}),
        (RetryConfig, {"attempts": 3}),
        (CircuitBreakerConfig, {"failure_rate": 0}),
        (CircuitBreakerConfig, {"failure_rate": 1.1}),
        (CircuitBreakerConfig, {"minimum_calls": 0}),
        (CircuitBreakerConfig, {"consecutive_failures": 0}),
        (CircuitBreakerConfig, {"open_duration": 0}),
        (CircuitBreakerConfig, {"open_duration_growth": 0.5}),
        (CircuitBreakerConfig, {"half_open_permits": 0}),
        (CircuitBreakerConfig, {"half_open_max_wait": 0}),
        (CircuitBreakerConfig, {"max_keys": 0}),
        (ResilienceConfig, {"breakers": {}}),
    ],
)
def test_a_value_out_of_bounds_or_unknown_is_refused(
    model: Any, options: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(options)


@pytest.mark.parametrize(
    ("model", "options", "advice"),
    [
        (RetryConfig, {"base_delay": 9}, "Raise `max_delay` or lower `base_delay`"),
        (CircuitBreakerConfig, {"window": 9}, "Raise `window` or lower"),
        (CircuitBreakerConfig, {"open_duration": 301}, "Raise the maximum or lower"),
    ],
)
def test_values_that_contradict_each_other_are_refused_with_the_way_out(
    model: Any, options: dict[str, Any], advice: str
) -> None:
    with pytest.raises(ValidationError, match=advice):
        model(**options)


def test_every_field_is_described() -> None:
    for model in (RetryConfig, CircuitBreakerConfig, ResilienceConfig):
        for name, field in model.model_fields.items():
            assert field.description, name


def test_a_configuration_does_not_change() -> None:
    with pytest.raises(ValidationError):
        RetryConfig().max_attempts = 9


def test_an_unknown_option_is_named_with_the_nearest_known_one() -> None:
    with pytest.raises(TypeError, match="has no option 'retyr'. Did you mean 'retry'"):
        ResilienceConfig(retyr=RetryConfig())  # type: ignore[call-arg]  # the point
