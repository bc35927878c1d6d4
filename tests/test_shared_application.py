"""Two applications that share a limit by configuration."""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Any

import pytest
from store_server import running_store

from lexigram import Application
from lexigram.contracts.health import HealthCheckProtocol
from lexigram.contracts.resilience import (
    Call,
    CircuitOpenError,
    IdempotencyStoreProtocol,
    RateLimitedError,
    ResiliencePipelineProtocol,
)
from lexigram.contracts.web import (
    HTTPClientProtocol,
    HTTPRejectedError,
    InterceptorChainProtocol,
)
from lexigram.di import Module, Named, bind, module
from lexigram.http import HTTPModule, InterceptorChain
from lexigram.http.interceptors.once import SendOnce
from lexigram.resilience import ResilienceModule, Sharing
from lexigram.testing import FaultServer

PartnerPipeline = Annotated[ResiliencePipelineProtocol, Named("partner")]
StoreHealth = Annotated[HealthCheckProtocol, Named("resilience-store")]

YAML = """
resilience:
  retry: null
  limiter: {permits: 3, per: 600, max_wait: 0, shared: true}
  store: {url: "redis://:planted-s3cret@127.0.0.1:1/0", prefix: shop, timeout: 10}
  pipelines:
    partner: {limiter: {permits: 2, per: 600, max_wait: 0, shared: true}}
"""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Run in a folder with the file, and with the server's address in the environment."""
    (tmp_path / "application.yaml").write_text(YAML, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with running_store() as server:
        monkeypatch.setenv("LEX_RESILIENCE__STORE__URL", server.url)
        yield server


@module(
    imports=[HTTPModule.configure(), ResilienceModule.configure(pipelines=["partner"])]
)
class AppModule(Module):
    pass


async def test_applications_share_what_their_configuration_says(store: Any) -> None:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(FaultServer.run())
        server.on.get("/v1").respond(200)
        apps = [
            await stack.enter_async_context(Application.boot(AppModule))
            for _ in range(2)
        ]
        clients = [await app.resolve(HTTPClientProtocol) for app in apps]
        url = f"{server.base_url}/v1"
        for client in (clients[0], clients[1], clients[0]):
            assert (await client.get(url)).unwrap().status == 200
        with pytest.raises(HTTPRejectedError) as refused:
            await clients[1].get(url)
        assert refused.value.retry_after == pytest.approx(200.0, abs=20.0)
        assert len(server.calls) == 3

        # A pipeline with a name has a limit of its own.
        partners = [await app.resolve(PartnerPipeline) for app in apps]

        async def done() -> str:
            return "done"

        for partner in partners:
            assert await partner.execute(done) == "done"
        with pytest.raises(RateLimitedError):
            await partners[0].execute(done)


async def test_workers_of_two_applications_send_a_call_once(store: Any) -> None:
    def chain(keys: IdempotencyStoreProtocol) -> InterceptorChainProtocol:
        return InterceptorChain(SendOnce(keys, wait=5.0))

    @module(
        imports=[HTTPModule.configure(), ResilienceModule.configure()],
        providers=[bind(InterceptorChainProtocol).to(chain)],
    )
    class Worker(Module):
        pass

    async with (
        FaultServer.run() as server,
        Application.boot(Worker) as one,
        Application.boot(Worker) as other,
    ):
        server.on.post("/orders").respond(201, json={"id": 7})
        key = {"Idempotency-Key": "order-7"}
        bodies: list[Any] = []
        for app in (one, other):
            client = await app.resolve(HTTPClientProtocol)
            result = await client.post(f"{server.base_url}/orders", headers=key)
            bodies.append(await result.unwrap().json())
        assert bodies == [{"id": 7}, {"id": 7}]
        assert len(server.calls) == 1


async def test_an_operator_isolates_an_upstream_in_all_applications(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEX_RESILIENCE__STORE__COORDINATION__INTERVAL", "0.01")
    async with AsyncExitStack() as stack:
        apps = [
            await stack.enter_async_context(Application.boot(AppModule))
            for _ in range(2)
        ]
        partners = [await app.resolve(PartnerPipeline) for app in apps]

        async def done() -> str:
            return "done"

        assert await partners[1].execute(done, Call(key="a")) == "done"
        circuits = (await apps[0].resolve(Sharing)).circuits
        assert circuits is not None
        await circuits.isolate("partner", "a")
        told = await apps[1].resolve(Sharing)
        assert told.circuits is not None
        await told.circuits.confer()
        with pytest.raises(CircuitOpenError):
            await partners[1].execute(done, Call(key="a"))


async def test_the_store_is_closed_with_the_application_and_its_health_is_told(
    store: Any,
) -> None:
    async with Application.boot(AppModule) as app:
        check = await app.resolve(StoreHealth)
        assert (await check.check()).status == "healthy"
        sharing = await app.resolve(Sharing)
        assert sharing.store is not None
    assert sharing.store.is_closed


async def test_an_application_starts_and_works_without_its_store(store: Any) -> None:
    store.kill()
    async with Application.boot(AppModule) as app:
        partner = await app.resolve(PartnerPipeline)

        async def done() -> str:
            return "done"

        assert await partner.execute(done) == "done"
        report = await (await app.resolve(StoreHealth)).check()
        assert report.status == "degraded"


async def test_the_password_of_the_store_is_shown_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "application.yaml").write_text(YAML, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    caplog.set_level(0)
    async with Application.boot(AppModule) as app:
        sharing = await app.resolve(Sharing)
        partner = await app.resolve(PartnerPipeline)

        async def done() -> str:
            return "done"

        await partner.execute(done)
        report = await (await app.resolve(StoreHealth)).check()
        shown = [
            repr(sharing),
            repr(partner),
            repr(report),
            str(app.config.explain("resilience")),
            *(str(record.__dict__) for record in caplog.records),
        ]
    assert "resilience" in shown[3]
    assert not [text for text in shown if "planted-s3cret" in text]
