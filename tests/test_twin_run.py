"""The fake and the real client cannot be told apart.

Each scenario of the tables in `twin/` runs with the fake in memory and with the real
client against a server on a socket, both in virtual time. Whatever a caller, an upstream
or a metrics recorder can see has to be the same, or the table says why it is not.
"""

import importlib.util
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from lexigram.contracts.resilience import Call
from lexigram.contracts.web import HTTPClientProtocol, Timeouts
from lexigram.http import ConnectionPoolConfig, HTTPClient, HTTPClientConfig
from lexigram.testing import FakeHTTPClient, FaultServer
from lexigram.testing.conformance import Backend, Scenario, assert_equivalent

T = TypeVar("T")

TABLES = sorted(Path(__file__).with_name("twin").glob("*.py"))
POLICIES = {"resilience", "retry_policy", "circuit_breaker"}


class Once:
    """Sends each request once, as the fake does when it has no policy."""

    async def execute(self, operation: Any, call: Call[T] | None = None) -> T:
        return await operation()


@asynccontextmanager
async def fake(
    wiring: Mapping[str, Any],
) -> AsyncIterator[tuple[HTTPClientProtocol, Backend]]:
    options = dict(wiring)
    pool: ConnectionPoolConfig | None = options.pop("pool", None)
    if pool is not None:
        options["max_connections"] = pool.max_connections
    async with FakeHTTPClient(base_url="http://fake.test", **options) as client:
        yield client, client


@asynccontextmanager
async def real(
    wiring: Mapping[str, Any],
) -> AsyncIterator[tuple[HTTPClientProtocol, Backend]]:
    options = dict(wiring)
    config = {n: options.pop(n) for n in wiring if n in HTTPClientConfig.model_fields}
    if "timeout" in options:
        config["pool"] = limited_to(options.pop("timeout"))
    if not options.keys() & POLICIES:
        options["resilience"] = Once()
    async with (
        FaultServer.run() as server,
        HTTPClient(HTTPClientConfig(trust_env=False, **config), **options) as client,
    ):
        yield client, server


def limited_to(timeout: float | Timeouts | None) -> ConnectionPoolConfig:
    """Return the configuration of what the fake takes as an argument."""
    if not isinstance(timeout, Timeouts):
        return ConnectionPoolConfig(timeout=timeout)
    names = {"total": "timeout", "pool": "acquire_timeout"}
    limits = {
        names.get(phase, f"{phase}_timeout"): getattr(timeout, phase)
        for phase in Timeouts.__dataclass_fields__
        if getattr(timeout, phase) is not ...
    }
    return ConnectionPoolConfig(**limits)


def table() -> Iterator[Any]:
    for path in TABLES:
        spec = importlib.util.spec_from_file_location(f"twin_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for scenario in module.SCENARIOS:
            yield pytest.param(scenario, id=f"{path.stem}: {scenario}")


SCENARIOS = list(table())


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_the_fake_is_the_real_clients_twin(scenario: Scenario) -> None:
    await assert_equivalent(fake, real, [scenario])


def test_there_are_enough_scenarios_to_rely_on() -> None:
    assert len(SCENARIOS) >= 100
