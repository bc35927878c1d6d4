"""Clients in an application: with names, sharing connections, stubs, their health."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import pytest

from lexigram import Application
from lexigram.config import ConfigError
from lexigram.contracts.health import HealthCheckProtocol
from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.contracts.web import (
    HTTPBlockedError,
    HTTPClientProtocol,
    HTTPInvalidRequestError,
    InterceptorChainProtocol,
)
from lexigram.di import GraphError, Module, ModuleError, Named, bind, module
from lexigram.http import (
    BearerAuth,
    ConnectionPoolConfig,
    DefaultHeaders,
    HTTPClient,
    HTTPClientConfig,
    HTTPModule,
    InterceptorChain,
)
from lexigram.http.pool.pool import ConnectionPool
from lexigram.http.sharing import SharedPoolError
from lexigram.resilience import ResilienceModule
from lexigram.testing import FaultServer, InMemoryMetrics, RecordedRequest, Reply

pytestmark = pytest.mark.usefixtures("nowhere")

Partner = Annotated[HTTPClientProtocol, Named("partner")]
Bank = Annotated[HTTPClientProtocol, Named("bank")]
RealPartner = Annotated[HTTPClient, Named("partner")]
RealBank = Annotated[HTTPClient, Named("bank")]
Health = Annotated[HealthCheckProtocol, Named("http")]
PartnerHealth = Annotated[HealthCheckProtocol, Named("http_partner")]
WIRED = "http.client.wired"


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run each test in an empty folder, without proxies."""
    monkeypatch.chdir(tmp_path)
    for scheme in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{scheme}_proxy", raising=False)
        monkeypatch.delenv(f"{scheme}_proxy".upper(), raising=False)
    return tmp_path


def wired(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the fields of what was said to be wired."""
    plain = {*vars(logging.makeLogRecord({})), "message"}
    return [
        {name: value for name, value in vars(record).items() if name not in plain}
        for record in caplog.records
        if record.getMessage() == WIRED and record.levelno == logging.INFO
    ]


class Shop:
    """Is given three clients."""

    def __init__(self, http: HTTPClientProtocol, partner: Partner, bank: Bank) -> None:
        self.http = http
        self.partner = partner
        self.bank = bank


async def test_several_clients_are_injected_by_name_beside_the_one_without() -> None:
    @module(
        imports=[
            HTTPModule.configure(),
            HTTPModule.feature("partner"),
            HTTPModule.feature("bank"),
        ],
        providers=[Shop],
    )
    class AppModule(Module):
        pass

    async with (
        FaultServer.run() as server,
        Application.boot(AppModule) as app,
    ):
        server.on.get("/v1").respond(200)
        shop = await app.resolve(Shop)
        clients = [shop.http, shop.partner, shop.bank]
        assert len({id(client) for client in clients}) == 3
        assert shop.partner is await app.resolve(RealPartner)
        for client in clients:
            assert (await client.get(f"{server.base_url}/v1")).is_ok()
        assert server.open_connections == 3
    for client in clients:
        assert "stopped" in repr(client)


async def test_a_client_with_a_name_needs_no_other() -> None:
    async with (
        FaultServer.run() as server,
        Application.boot(HTTPModule.feature("partner")) as app,
    ):
        server.on.get("/v1").respond(200)
        client = await app.resolve(Partner)
        assert (await client.get(f"{server.base_url}/v1")).is_ok()
        with pytest.raises(LookupError, match="HTTPClientProtocol"):
            await app.resolve(HTTPClientProtocol)


async def test_each_section_holds_for_its_client_field_by_field(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (nowhere / "application.yaml").write_text(
        """
http: {pool: {timeout: 11, max_connections: 3}, trust_env: false}
http_partner: {pool: {timeout: 21, max_connections: 4}, max_redirects: 1}
"""
    )
    monkeypatch.setenv("LEX_HTTP_PARTNER__MAX_REDIRECTS", "2")
    monkeypatch.setenv("LEX_HTTP_BANK__POOL__TIMEOUT", "31")
    explicit = HTTPClientConfig(
        pool=ConnectionPoolConfig(timeout=22, acquire_timeout=1), max_redirects=9
    )
    async with Application.boot(
        HTTPModule.configure(),
        HTTPModule.feature("partner", explicit),
        HTTPModule.feature("bank"),
    ) as app:
        default = (await app.resolve(HTTPClient)).config
        partner = (await app.resolve(RealPartner)).config
        bank = (await app.resolve(RealBank)).config
    assert default == HTTPClientConfig(
        pool=ConnectionPoolConfig(timeout=11, max_connections=3), trust_env=False
    )
    assert partner == HTTPClientConfig(
        pool=ConnectionPoolConfig(timeout=22, max_connections=4, acquire_timeout=1),
        max_redirects=2,
    )
    assert bank == HTTPClientConfig(pool=ConnectionPoolConfig(timeout=31))


async def test_an_unknown_key_of_a_named_section_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEX_HTTP_PARTNER__POOL__TIMEOT", "1")
    with pytest.raises(ConfigError, match="Did you mean 'timeout'") as caught:
        await Application(HTTPModule.feature("partner")).start()
    assert "$LEX_HTTP_PARTNER__POOL__TIMEOT" in str(caught.value)


async def test_the_same_client_twice_is_one_and_a_different_one_an_error() -> None:
    @module(imports=[HTTPModule.feature("partner", base_url="https://a.test")])
    class Orders(Module):
        pass

    again = HTTPModule.feature("partner", base_url="https://a.test")
    async with Application.boot(Orders, again) as app:
        assert isinstance(await app.resolve(Partner), HTTPClient)
        assert app.modules.count("HTTPModule.feature('partner')") == 1
    other = HTTPModule.feature("partner", HTTPClientConfig(max_redirects=1))
    with pytest.raises(ModuleError, match="imported twice"):
        await Application(Orders, other).start()


async def test_a_base_url_makes_urls_relative_and_holds_them() -> None:
    async with FaultServer.run() as server, FaultServer.run() as other:
        server.on.get("/v1/invoices").respond(404)
        partner = HTTPModule.feature("partner", base_url=f"{server.base_url}/v1")
        async with Application.boot(partner) as app:
            client = await app.resolve(Partner)
            assert isinstance(client, HTTPClient)
            error = (await client.get("/invoices")).unwrap_err()
            assert error.url == f"{server.base_url}/v1/invoices"
            refused = (await client.get(other.base_url)).unwrap_err()
            assert isinstance(refused, HTTPInvalidRequestError)
        assert (len(server.calls), len(other.calls)) == (1, 0)


async def test_clients_that_share_a_pool_share_its_connections_and_limits() -> None:
    both = HTTPClientConfig(pool=ConnectionPoolConfig(max_connections=1))
    own = HTTPClientConfig(pool=ConnectionPoolConfig(timeout=3))
    async with (
        FaultServer.run() as server,
        Application.boot(
            HTTPModule.configure(both),
            HTTPModule.feature("partner", own, share_pool=True),
        ) as app,
    ):
        server.on.get("/v1").respond(200)
        default, partner = await app.resolve(HTTPClient), await app.resolve(RealPartner)
        for client in (default, partner, default):
            assert (await client.get(f"{server.base_url}/v1")).is_ok()
        assert server.peak_connections == 1
        assert partner.config.pool.max_connections == 1
        assert partner.config.pool.timeout == 3
        pool = await app.resolve(ConnectionPool)
        assert (pool.statistics().opened, pool.statistics().reused) == (1, 2)
    await server.wait_until(lambda s: s.open_connections == 0, timeout=5)


async def test_clients_of_one_pool_do_not_share_cookies() -> None:
    async with (
        FaultServer.run() as server,
        Application.boot(
            HTTPModule.configure(), HTTPModule.feature("partner", share_pool=True)
        ) as app,
    ):
        server.on.get("/in").respond(200, headers={"Set-Cookie": "sid=1; Path=/"})
        server.on.get("/v1").respond(200)
        default, partner = await app.resolve(HTTPClient), await app.resolve(RealPartner)
        url = server.base_url.replace("127.0.0.1", "localhost")  # none for addresses
        await default.get(f"{url}/in")
        for client, cookie in ((default, "sid=1"), (partner, None)):
            await client.get(f"{url}/v1")
            assert server.calls[-1].request.headers.get("Cookie") == cookie


async def test_sharing_takes_the_module_of_the_pool_and_leaves_its_limits_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    partner = HTTPModule.feature("partner", share_pool=True)
    with pytest.raises(GraphError, match="ConnectionPool"):
        await Application(partner).start()
    monkeypatch.setenv("LEX_HTTP_PARTNER__POOL__MAX_CONNECTIONS", "7")
    with pytest.raises(SharedPoolError, match=r"`http_partner\.pool\.max_connections`"):
        await Application(HTTPModule.configure(), partner).start()


async def test_what_is_registered_is_used_by_every_client_and_a_namesake_by_its_own() -> (
    None
):
    metrics = InMemoryMetrics()
    common = InterceptorChain(DefaultHeaders({"X-App": "shop"}))

    @module(
        imports=[
            HTTPModule.configure(),
            HTTPModule.feature("partner"),
            HTTPModule.feature("bank"),
        ],
        providers=[
            Shop,
            bind(MetricsRecorderProtocol).to_value(metrics),
            bind(InterceptorChainProtocol).to_value(common),
        ],
    )
    class AppModule(Module):
        pass

    async with FaultServer.run() as server:
        own = InterceptorChain(BearerAuth("t0ken", origin=server.base_url))
        key = Annotated[InterceptorChainProtocol, Named("partner")]

        @module(providers=[bind(key).to_value(own)])
        class Credentials(Module):
            pass

        server.on.get("/v1").respond(200)
        async with Application.boot(AppModule, Credentials) as app:
            shop = await app.resolve(Shop)
            for client, app_header, token in (
                (shop.http, "shop", None),
                (shop.partner, None, "Bearer t0ken"),
                (shop.bank, "shop", None),
            ):
                await client.get(f"{server.base_url}/v1")
                headers = server.calls[-1].request.headers
                assert headers.get("X-App") == app_header
                assert headers.get("Authorization") == token
    assert metrics.value("http.request.status", method="GET", status="200") == 3


async def test_a_pipeline_of_the_clients_name_is_its_own(
    nowhere: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (nowhere / "application.yaml").write_text(
        """
resilience:
  retry: {max_attempts: 3, base_delay: 0, max_delay: 0}
  pipelines: {partner: {retry: {max_attempts: 1}}}
"""
    )
    caplog.set_level(logging.INFO, "lexigram.http")
    async with (
        FaultServer.run() as server,
        Application.boot(
            HTTPModule.configure(),
            HTTPModule.feature("partner"),
            ResilienceModule.configure(pipelines=["partner"]),
        ) as app,
    ):
        server.on.get("/v1").respond(503)
        default, partner = await app.resolve(HTTPClient), await app.resolve(RealPartner)
        for client, attempts in ((default, 3), (partner, 1)):
            error = (await client.get(f"{server.base_url}/v1")).unwrap_err()
            assert error.attempts == attempts
    lines = wired(caplog)
    assert len(lines) == 2
    for line in lines:
        assert line["pipeline"] == "ResiliencePipeline"
        assert (line["retry"], line["breaker"]) == ("none", "none")


async def test_the_log_says_once_what_was_wired_and_what_was_absent(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:hunter2@proxy.test:3128")
    caplog.set_level(logging.INFO, "lexigram.http")
    chain = InterceptorChain(BearerAuth("t0ken", origin="https://partner.test"))

    @module(
        imports=[
            HTTPModule.configure(),
            HTTPModule.feature(
                "partner",
                HTTPClientConfig(trust_env=False),
                base_url="https://me:pw@partner.test/v1",
                share_pool=True,
            ),
        ],
        providers=[bind(InterceptorChainProtocol).to_value(chain)],
    )
    class AppModule(Module):
        pass

    async with Application.boot(AppModule):
        pass
    lines = {line.pop("client"): line for line in wired(caplog)}
    assert set(lines) == {"default", "partner"}
    assert lines["default"] == {
        "base_url": "none",
        "pipeline": "none",
        "retry": "built-in",
        "breaker": "none",
        "interceptors": ["BearerAuth"],
        "metrics": "none",
        "clock": "built-in",
        "pool": "own",
        "max_connections": 10,
        "max_connections_per_host": 10,
        "max_keepalive_connections": 5,
        "proxy": "HTTPS_PROXY",
        "egress": "any",
    }
    assert lines["partner"]["pool"] == "shared"
    assert lines["partner"]["proxy"] == "none"
    assert lines["partner"]["base_url"] == "https://***@partner.test/v1"
    shown = " ".join(map(str, lines.values()))
    for secret in ("hunter2", "t0ken", "me:pw"):
        assert secret not in shown


async def test_a_stub_reads_neither_file_nor_environment(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (nowhere / "application.yaml").write_text("http: {max_redirects: 1}")
    monkeypatch.setenv("LEX_HTTP__POOL__TIMEOUT", "1")
    async with FaultServer.run() as server, FaultServer.run() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.base_url)
        server.on.get("/v1").respond(200)
        async with Application.boot(HTTPModule.stub()) as app:
            client = await app.resolve(HTTPClient)
            assert client.config == HTTPClientConfig(trust_env=False)
            assert client.statistics().opened == 0
            assert (await client.get(f"{server.base_url}/v1")).is_ok()
        assert (len(server.calls), len(proxy.calls)) == (1, 0)


async def test_a_stub_that_stays_at_home_calls_servers_of_the_test_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop, connected = asyncio.get_running_loop(), list[object]()
    connect = loop.sock_connect

    async def note(sock: Any, address: Any) -> None:
        connected.append(address[0])
        await connect(sock, address)

    monkeypatch.setattr(loop, "sock_connect", note)
    metrics = InMemoryMetrics()

    @module(
        imports=[HTTPModule.stub(egress="loopback"), ResilienceModule.configure()],
        providers=[bind(MetricsRecorderProtocol).to_value(metrics)],
    )
    class AppModule(Module):
        pass

    async with FaultServer.run() as server, Application.boot(AppModule) as app:
        client = await app.resolve(HTTPClientProtocol)
        port = server.base_url.rpartition(":")[2]
        server.on.get("/v1").respond(200)
        server.on.get("/out").respond(302, headers={"Location": "http://192.0.2.1/"})
        assert (await client.get(f"http://localhost:{port}/v1")).is_ok()
        for url in ("https://192.0.2.1/", f"{server.base_url}/out"):
            error = (await client.get(url)).unwrap_err()
            assert isinstance(error, HTTPBlockedError)
            assert "192.0.2.1" in str(error)
            assert 'HTTPModule.stub(egress="any")' in str(error)
    assert set(connected) <= {"127.0.0.1", "::1"}
    retries = "lexigram.resilience.retry.attempts"
    assert retries not in metrics.names()


async def test_waiting_for_a_connection_degrades_the_health_of_its_pool_alone() -> None:
    opened = asyncio.Event()

    async def hold(_: RecordedRequest) -> Reply:
        await opened.wait()
        return Reply(200)

    one = HTTPClientConfig(pool=ConnectionPoolConfig(max_connections=1))
    async with (
        asyncio.timeout(10),
        FaultServer.run() as server,
        Application.boot(
            HTTPModule.configure(), HTTPModule.feature("partner", one)
        ) as app,
        asyncio.TaskGroup() as calls,
    ):
        server.on.get("/v1").handle(hold)
        client = await app.resolve(Partner)
        checks = [await app.resolve(Health), await app.resolve(PartnerHealth)]
        assert [check.name for check in checks] == ["http", "http_partner"]
        assert [(await check.check()).status for check in checks] == ["healthy"] * 2
        for _ in range(2):
            calls.create_task(client.get(f"{server.base_url}/v1"))
        await server.calls.wait_for(1)
        reports = [await check.check() for check in checks]
        assert [report.status for report in reports] == ["healthy", "degraded"]
        assert reports[1].data["waiting"] == 1
        opened.set()
        await server.calls.wait_for(2)


async def test_a_boot_that_fails_half_way_closes_every_client_and_pool() -> None:
    clients: list[HTTPClientProtocol] = []
    pools: list[ConnectionPool] = []

    class Late:
        """Built after the clients."""

    async def late(shop: Shop, pool: ConnectionPool) -> AsyncIterator[Late]:
        clients.extend([shop.http, shop.partner, shop.bank])
        pools.append(pool)
        for client in clients:
            assert (await client.get(f"{server.base_url}/v1")).is_ok()
        raise OSError("no licence")
        yield Late()  # type: ignore[unreachable]  # makes it a generator

    @module(
        imports=[
            HTTPModule.configure(),
            HTTPModule.feature("partner"),
            HTTPModule.feature("bank", share_pool=True),
        ],
        providers=[Shop, bind(Late).to(late)],
    )
    class AppModule(Module):
        pass

    async with FaultServer.run() as server:
        server.on.get("/v1").respond(200)
        with pytest.raises(OSError, match="no licence"):
            await Application(AppModule).start()
        await server.wait_until(lambda s: s.open_connections == 0, timeout=5)
        assert server.peak_connections == 2
    assert ["stopped" in repr(client) for client in clients] == [True] * 3
    assert not pools[0].started
