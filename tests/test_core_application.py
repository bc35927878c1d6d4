"""The core with the modules of two features: imported twice, hidden parts, health."""

from pathlib import Path

import pytest

from lexigram import Application
from lexigram.contracts.di import ModuleDefinition
from lexigram.contracts.resilience import ResiliencePipelineProtocol
from lexigram.contracts.web import HTTPClientProtocol
from lexigram.di import (
    DuplicateBindingError,
    GraphError,
    Module,
    ModuleError,
    module,
)
from lexigram.http import ConnectionPoolConfig, HTTPClientConfig, HTTPModule
from lexigram.http.provider import HTTPProvider
from lexigram.resilience import (
    PipelineConfig,
    ResilienceConfig,
    ResilienceModule,
    RetryConfig,
)
from lexigram.testing import FaultServer

pytestmark = pytest.mark.usefixtures("nowhere")


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run each test in an empty folder: no `application.yaml`."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def importing(name: str, *imports: ModuleDefinition) -> ModuleDefinition:
    return ModuleDefinition(name=name, imports=imports, origin=f"{name.lower()}.py:1")


def everything() -> list[ModuleDefinition]:
    """Configure each module anew, as two parts of an application would."""
    pool = ConnectionPoolConfig(max_connections=7)
    retry = RetryConfig(max_attempts=2)
    return [
        HTTPModule.configure(HTTPClientConfig(pool=pool)),
        HTTPModule.feature("partner", base_url="https://partner.test/v1"),
        ResilienceModule.configure(
            ResilienceConfig(retry=retry, pipelines={"bank": PipelineConfig()})
        ),
    ]


async def test_modules_that_two_others_configure_alike_are_there_once() -> None:
    left, right = importing("Left", *everything()), importing("Right", *everything())

    async with Application(left, right) as app:
        assert app.modules == (
            "HTTPModule",
            "HTTPModule.feature('partner')",
            "ResilienceModule",
            "Left",
            "Right",
        )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (HTTPModule.configure(), HTTPModule.configure(HTTPClientConfig(trust_env=False))),
        (HTTPModule.configure(), HTTPModule.stub()),
        (HTTPModule.stub(), HTTPModule.stub(egress="loopback")),
        (
            HTTPModule.feature("partner", base_url="https://one.test"),
            HTTPModule.feature("partner", base_url="https://two.test"),
        ),
        (
            ResilienceModule.configure(),
            ResilienceModule.configure(ResilienceConfig(retry=RetryConfig())),
        ),
        (ResilienceModule.configure(), ResilienceModule.configure(pipelines=["bank"])),
    ],
)  # fmt: skip
async def test_modules_configured_in_two_ways_are_an_error_with_both_chains(
    one: ModuleDefinition, other: ModuleDefinition
) -> None:
    left, right = importing("Left", one), importing("Right", other)

    with pytest.raises((ModuleError, DuplicateBindingError)) as caught:
        await Application(left, right).start()

    text = str(caught.value)
    assert f"  Left -> {one.name} ({one.origin})\n" in text
    assert f"  Right -> {one.name} ({other.origin})\n" in text


async def test_the_inner_parts_of_a_feature_are_hidden() -> None:
    class Nosy:
        def __init__(self, provider: HTTPProvider) -> None:
            self.provider = provider

    @module(imports=[HTTPModule.configure()], providers=[Nosy])
    class AppModule(Module):
        pass

    with pytest.raises(GraphError, match="Add `HTTPProvider` to the exports of HTTP"):
        await Application(AppModule).start()


async def test_the_health_checks_of_all_features_are_found() -> None:
    async with FaultServer.run() as server, Application(*everything()) as app:
        server.on.get("/v1").respond(200)
        client = await app.resolve(HTTPClientProtocol)
        await client.get(f"{server.base_url}/v1")
        health = await app.health()

    assert [one.name for one in health.checks] == [
        "http",
        "http_partner",
        "circuit-breakers",
        "resilience-store",
    ]
    assert health.status == "healthy"


class Billing:
    """Needs the client, and pipelines."""

    def __init__(
        self, http: HTTPClientProtocol, pipeline: ResiliencePipelineProtocol
    ) -> None: ...


@module(providers=[Billing])
class Unwired(Module):
    """Imports nothing that exports them."""


async def test_what_is_missing_is_named_with_the_module_that_exports_it() -> None:
    with pytest.raises(GraphError) as missing:
        await Application(Unwired).start()
    report = str(missing.value)
    for name, distribution in (("HTTP", "http"), ("Resilience", "resilience")):
        assert (
            f"{name}Module from lexigram-{distribution} exports it: "
            f"add `{name}Module.configure()` to the imports of Unwired"
        ) in report
