"""An application with a client and resilience, configured by file and environment."""

import asyncio
from pathlib import Path
from typing import Annotated

import pytest

from lexigram import Application
from lexigram.contracts.health import HealthCheckProtocol
from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.contracts.resilience import ResiliencePipelineProtocol
from lexigram.contracts.web import HTTPCircuitOpenError, HTTPClientProtocol
from lexigram.di import Module, Named, bind, module
from lexigram.http import HTTPModule
from lexigram.resilience import (
    BulkheadConfig,
    PipelineRegistry,
    ResilienceModule,
    ResiliencePipeline,
)
from lexigram.testing import FaultServer, InMemoryMetrics, Reply

PartnerPipeline = Annotated[ResiliencePipelineProtocol, Named("partner")]
CircuitHealth = Annotated[HealthCheckProtocol, Named("circuit-breakers")]

YAML = """
resilience:
  retry: {max_attempts: 2, base_delay: 0, max_delay: 0, throttled_delay: 0}
  breaker: {consecutive_failures: 5}
  pipelines:
    partner:
      bulkhead: {max_concurrent: 4}
      retry: null
"""


class Partner:
    """Is given the pipeline of its name."""

    def __init__(self, pipeline: PartnerPipeline) -> None:
        self.pipeline = pipeline


@pytest.fixture
def metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InMemoryMetrics:
    """Run in a folder with the file, and with one key of it in the environment."""
    (tmp_path / "application.yaml").write_text(YAML, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEX_RESILIENCE__RETRY__MAX_ATTEMPTS", "3")
    return InMemoryMetrics()


def application(metrics: InMemoryMetrics) -> type[Module]:
    @module(
        imports=[
            HTTPModule.configure(),
            ResilienceModule.configure(pipelines=["partner"]),
        ],
        providers=[Partner, bind(MetricsRecorderProtocol).to_value(metrics)],
    )
    class AppModule(Module):
        pass

    return AppModule


async def test_requests_are_repeated_as_the_environment_says_and_recorded(
    metrics: InMemoryMetrics,
) -> None:
    async with (
        FaultServer.run() as server,
        Application.boot(application(metrics)) as app,
    ):
        server.on.get("/v1").sequence(Reply(503), Reply(503), Reply(200))
        client = await app.resolve(HTTPClientProtocol)
        response = (await client.get(f"{server.base_url}/v1")).unwrap()
        assert (response.status, response.attempts) == (200, 3)
        assert len(server.calls) == 3

    key, calls = server.base_url, "lexigram.resilience.calls"
    assert metrics.value(calls, policy="default", key=key, result="ok") == 1
    retries = "lexigram.resilience.retry.attempts"
    assert metrics.value(retries, policy="default", key=key, reason="503") == 2
    attempts = "lexigram.resilience.attempt.duration"
    assert len(metrics.observations(attempts, key=key, outcome="failure")) == 2


async def test_a_named_pipeline_is_injected_as_its_section_says(
    metrics: InMemoryMetrics,
) -> None:
    async with Application.boot(application(metrics)) as app:
        partner = await app.resolve(Partner)
        pipelines = await app.resolve(PipelineRegistry)
        pipeline = partner.pipeline
        assert isinstance(pipeline, ResiliencePipeline)
        assert pipeline is pipelines.get("partner")
        assert pipeline.config.bulkhead == BulkheadConfig(max_concurrent=4)
        assert pipeline.policies.names() == ["bulkhead", "timeouts", "breaker"]
        await pipeline.execute(lambda: asyncio.sleep(0))
    calls = "lexigram.resilience.calls"
    assert metrics.value(calls, policy="partner", result="ok") == 1


async def test_a_circuit_that_opens_degrades_the_health_of_the_application(
    metrics: InMemoryMetrics,
) -> None:
    async with (
        FaultServer.run() as server,
        Application.boot(application(metrics)) as app,
    ):
        server.on.get("/v1").respond(503)
        client = await app.resolve(HTTPClientProtocol)
        check = await app.resolve(CircuitHealth)
        await client.get(f"{server.base_url}/v1")
        assert (await check.check()).status == "healthy"
        with pytest.raises(HTTPCircuitOpenError):
            await client.get(f"{server.base_url}/v1")
        assert len(server.calls) == 5

        report = await check.check()
        assert report.status == "degraded"
        assert report.data == {f"default {server.base_url}": "open"}


async def test_a_name_that_is_not_configured_ends_the_boot_with_the_nearest_one(
    metrics: InMemoryMetrics,
) -> None:
    @module(imports=[ResilienceModule.configure(pipelines=["partnre"])])
    class AppModule(Module):
        pass

    assert metrics.names() == []
    with pytest.raises(LookupError, match="Did you mean 'partner'"):
        async with Application.boot(AppModule) as app:
            await app.resolve(Annotated[ResiliencePipelineProtocol, Named("partnre")])
