"""The module's value and its configuration."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, get_type_hints
from uuid import uuid4

import pytest
from pydantic import ValidationError

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.di import Binding, ConfigSection, ModuleDefinition, Named
from lexigram.contracts.health import HealthCheckProtocol
from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.contracts.resilience import (
    CircuitBreakerRegistryProtocol,
    CircuitOpenError,
    IdempotencyStoreProtocol,
    ResiliencePipelineProtocol,
    RetryExhaustedError,
    RetryPolicyProtocol,
)
from lexigram.resilience import (
    CircuitBreakerConfig,
    CircuitBreakerRegistry,
    CoordinationConfig,
    MemoryIdempotencyStore,
    PipelineConfig,
    PipelineRegistry,
    RateLimiterConfig,
    ResilienceConfig,
    ResilienceModule,
    ResiliencePipeline,
    RetryConfig,
    RetryPolicy,
    Sharing,
    StoreConfig,
)
from lexigram.resilience.events import Events
from lexigram.resilience.watching import CircuitHealthCheck
from lexigram.testing import InMemoryMetrics

HEALTH: Any = Annotated[HealthCheckProtocol, Named("circuit-breakers")]
STORE_HEALTH: Any = Annotated[HealthCheckProtocol, Named("resilience-store")]


def named(name: str) -> Any:
    return Annotated[ResiliencePipelineProtocol, Named(name)]


def build(module: ModuleDefinition, **instances: Any) -> dict[Any, Any]:
    """Do what a core does: call each factory with what its hints ask for."""
    built: dict[Any, Any] = {Sharing: Sharing(), **instances.pop("bound")}
    for binding in module.providers:
        if isinstance(binding, Binding) and binding.key is Sharing:
            continue  # open as long as the application is: see the shared store's tests
        assert isinstance(binding, Binding)
        assert binding.factory is not None
        hints = get_type_hints(binding.factory)
        returned = hints.pop("return")
        assert returned is getattr(binding.key, "__origin__", binding.key)
        known = {name: built[hint] for name, hint in hints.items() if hint in built}
        built[binding.key] = binding.factory(**known)
    return built


@asynccontextmanager
async def opened(config: ResilienceConfig) -> AsyncIterator[dict[Any, Any]]:
    """Build what it binds, and open what is open as long as the application is."""
    module = ResilienceModule.configure(config)
    built = build(module, bound={ResilienceConfig: config})
    (opens,) = (
        binding.factory
        for binding in module.providers
        if isinstance(binding, Binding) and binding.key is Sharing
    )
    assert opens is not None
    parts = (config, built[CircuitBreakerRegistryProtocol], built[Events])
    async with asynccontextmanager(opens)(*parts) as sharing:
        shared = build(module, bound={ResilienceConfig: config, Sharing: sharing})
        store = shared[IdempotencyStoreProtocol]
        yield built | {Sharing: sharing, IdempotencyStoreProtocol: store}


async def test_without_a_store_nothing_is_shared() -> None:
    async with opened(ResilienceConfig()) as built:
        assert built[Sharing] == Sharing()
        assert isinstance(built[IdempotencyStoreProtocol], MemoryIdempotencyStore)


async def test_a_store_is_open_as_long_as_the_application(store_server: Any) -> None:
    config = StoreConfig(url=store_server.url, prefix=uuid4().hex, timeout=10)
    async with opened(ResilienceConfig(store=config)) as built:
        sharing = built[Sharing]
        assert sharing.circuits is None
        store = built[IdempotencyStoreProtocol]
        assert repr(store) == f"<SharedIdempotencyStore on {sharing.store!r}>"
        claim = await store.claim("pay 1", lease=60.0)
        assert (await store.claim("pay 1", lease=60.0)).state == "taken"
        assert await store.finish(claim, b"paid", keep=60.0)
    assert sharing.store.is_closed
    assert store_server.ask("KEYS", f"{config.prefix}:*") == [
        f"{config.prefix}:once:{{pay 1}}"
    ]


async def test_circuits_are_coordinated_where_that_is_configured(
    store_server: Any,
) -> None:
    store = StoreConfig(
        url=store_server.url,
        prefix=uuid4().hex,
        timeout=10,
        coordination=CoordinationConfig(),
    )
    async with opened(ResilienceConfig(store=store)) as built:
        await built[Sharing].circuits.isolate("default", "a")
        breaker = built[CircuitBreakerRegistryProtocol].get("default")
        assert breaker.circuit("a").state.value == "forced_open"
    assert built[Sharing].store.is_closed


def test_configure_describes_the_section_and_exports_what_it_binds() -> None:
    config = ResilienceConfig(retry=RetryConfig(max_attempts=5))
    module = ResilienceModule.configure(config)
    assert module.config == ConfigSection("resilience", ResilienceConfig, config)
    assert set(module.exports) == {
        ResiliencePipelineProtocol,
        RetryPolicyProtocol,
        CircuitBreakerRegistryProtocol,
        Events,
        PipelineRegistry,
        Sharing,
        IdempotencyStoreProtocol,
        HEALTH,
        STORE_HEALTH,
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
        (ResilienceConfig, {"breaker": {"name": "a"}}),
        (ResilienceConfig, {"pipelines": {"a": {"breakers": {}}}}),
        (ResilienceConfig, {"pipelines": {"default": {}}}),
        (ResilienceConfig, {"limiter": {"shared": True}}),
        (ResilienceConfig, {"pipelines": {"a": {"limiter": {"shared": True}}}}),
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
        (
            ResilienceConfig,
            {"limiter": RateLimiterConfig(shared=True)},
            "Configure `resilience: store:",
        ),
    ],
)
def test_values_that_contradict_each_other_are_refused_with_the_way_out(
    model: Any, options: dict[str, Any], advice: str
) -> None:
    with pytest.raises(ValidationError, match=advice):
        model(**options)


def test_every_field_is_described() -> None:
    for model in (RetryConfig, CircuitBreakerConfig, ResilienceConfig, PipelineConfig):
        for name, field in model.model_fields.items():
            assert field.description, name


def test_a_configuration_does_not_change() -> None:
    with pytest.raises(ValidationError):
        RetryConfig().max_attempts = 9


def test_an_unknown_option_is_named_with_the_nearest_known_one() -> None:
    with pytest.raises(TypeError, match="has no option 'retyr'. Did you mean 'retry'"):
        ResilienceConfig(retyr=RetryConfig())  # type: ignore[call-arg]  # the point


def test_the_pipeline_at_the_top_is_not_configured_twice() -> None:
    with pytest.raises(
        ValidationError, match="'default', which is the pipeline at the"
    ):
        ResilienceConfig(pipelines={"default": PipelineConfig()})


def test_named_pipelines_are_offered_under_their_names_once() -> None:
    config = ResilienceConfig(pipelines={"partner": PipelineConfig()})
    module = ResilienceModule.configure(config, pipelines=["partner", "mail"])
    keys = [each.key for each in module.providers if isinstance(each, Binding)]
    assert keys[-2:] == [named("partner"), named("mail")]
    assert set(module.exports) == set(keys)
    assert len(set(keys)) == len(keys)


async def test_a_named_pipeline_is_that_of_the_registry_with_the_breaker_of_its_name() -> (
    None
):
    own = CircuitBreakerConfig(consecutive_failures=1)
    other = CircuitBreakerConfig(consecutive_failures=2)
    config = ResilienceConfig(
        pipelines={
            "partner": PipelineConfig(breaker=own, retry=None),
            "mail": PipelineConfig(breaker=None),
            "search": PipelineConfig(breaker=own),
        },
        breakers={"search": other},
    )
    module = ResilienceModule.configure(config)
    built = build(module, bound={ResilienceConfig: config})
    pipeline = built[named("partner")]
    pipelines = built[PipelineRegistry]
    assert pipeline is pipelines.get("partner")
    assert pipelines.names() == ("partner", "mail", "search", "default")

    breakers = built[CircuitBreakerRegistryProtocol]
    assert pipeline.policies.breaker is breakers.get("partner")
    assert pipeline.config.breaker == own
    assert pipelines.get("mail").policies.breaker is None
    # What is said of a breaker by its name goes before what its pipeline says.
    assert pipelines.get("search").config.breaker == other
    assert breakers.get("search").config == other


async def test_the_breaker_of_the_application_may_be_configured_by_its_name() -> None:
    other = CircuitBreakerConfig(consecutive_failures=2)
    config = ResilienceConfig(breakers={"default": other})
    built = build(ResilienceModule.configure(), bound={ResilienceConfig: config})
    assert built[ResiliencePipelineProtocol].config.breaker == other


def test_a_retry_policy_of_the_applications_own_is_used_as_it_is() -> None:
    policy = RetryPolicy(RetryConfig(max_attempts=2), retry_on=OSError)
    registry = PipelineRegistry(
        ResilienceConfig(), breakers=CircuitBreakerRegistry(), retry=policy
    )
    pipeline = registry.get()
    assert isinstance(pipeline, ResiliencePipeline)
    assert pipeline.policies.retry is policy
    assert pipeline.config.retry == RetryConfig(max_attempts=2)


async def test_a_registered_recorder_hears_of_every_policy() -> None:
    metrics = InMemoryMetrics()
    built = build(
        ResilienceModule.configure(),
        bound={
            ResilienceConfig: ResilienceConfig(),
            MetricsRecorderProtocol | None: metrics,
        },
    )
    await built[ResiliencePipelineProtocol].execute(lambda: asyncio.sleep(0))
    built[CircuitBreakerRegistryProtocol].get("default").force_open()
    with pytest.raises(CircuitOpenError):
        await built[ResiliencePipelineProtocol].execute(lambda: asyncio.sleep(0))
    assert (
        metrics.value("lexigram.resilience.calls", policy="default", result="ok") == 1
    )
    assert metrics.value("lexigram.resilience.calls", result="rejected") == 1
    assert metrics.value("lexigram.resilience.breaker.calls", kind="not_permitted") == 1
    assert metrics.value("lexigram.resilience.breaker.state") == 3


def test_without_a_recorder_nobody_listens() -> None:
    built = build(
        ResilienceModule.configure(), bound={ResilienceConfig: ResilienceConfig()}
    )
    assert built[Events].listeners == ()


async def test_open_circuits_of_pipelines_degrade_the_health_of_the_application() -> (
    None
):
    config = ResilienceConfig(pipelines={"partner": PipelineConfig()})
    built = build(ResilienceModule.configure(config), bound={ResilienceConfig: config})
    check = built[HEALTH]
    assert isinstance(check, CircuitHealthCheck)
    assert (await check.check()).status == "healthy"
    built[named("partner")].policies.breaker.force_open("a")
    report = await check.check()
    assert (report.status, report.data) == ("degraded", {"partner a": "forced_open"})
