"""The claims about the application: modules, configuration, injection, lifecycle."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import trustme
import yaml

from lexigram import Application
from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.contracts.web import (
    HTTPCircuitOpenError,
    HTTPClientProtocol,
    HTTPRetryExhaustedError,
    InterceptorChainProtocol,
    InterceptorProtocol,
    RequestContext,
)
from lexigram.di import Module, bind, module
from lexigram.http import (
    ConnectionPoolConfig,
    HTTPClient,
    HTTPClientConfig,
    HTTPModule,
    TLSConfig,
)
from lexigram.http.egress.config import EgressConfig
from lexigram.resilience import (
    CircuitBreakerConfig,
    ResilienceConfig,
    ResilienceModule,
    RetryConfig,
)
from lexigram.result import Err, Ok
from lexigram.testing import FaultServer, InMemoryMetrics, Reply, fault

pytestmark = pytest.mark.usefixtures("nowhere")


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run each test in an empty folder: no `application.yaml` but its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@dataclass(frozen=True)
class Invoice:
    """The document's `my_app.domain.models.Invoice`."""

    id: str
    amount_cents: int


@pytest.fixture
def my_app(monkeypatch: pytest.MonkeyPatch) -> None:
    """Offer the package that the document imports its model from."""
    for name in ("my_app", "my_app.domain", "my_app.domain.models"):
        package = ModuleType(name)
        package.__path__ = []
        monkeypatch.setitem(sys.modules, name, package)
    sys.modules["my_app.domain.models"].Invoice = Invoice  # type: ignore[attr-defined]  # just made


async def real_client(app: Application) -> HTTPClient:
    client = await app.resolve(HTTPClientProtocol)
    assert isinstance(client, HTTPClient)
    return client


def interceptors_of(*interceptors: InterceptorProtocol) -> InterceptorChainProtocol:
    class Chain:
        @property
        def interceptors(self) -> tuple[InterceptorProtocol, ...]:
            return interceptors

    return Chain()


class Tag(InterceptorProtocol):
    """Adds its name to what is sent."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def intercept_request(self, context: RequestContext) -> RequestContext:
        context.headers.add("X-Tag", self._name)
        return context


async def test_c08_interceptors_come_from_the_container_in_order() -> None:
    chain = interceptors_of(Tag("a"), Tag("b"))

    @module(
        imports=[HTTPModule.configure()],
        providers=[bind(InterceptorChainProtocol).to_value(chain)],
    )
    class AppModule(Module):
        pass

    async with FaultServer.run() as server, Application.boot(AppModule) as app:
        server.on.get("/v1").respond(200)
        client = await app.resolve(HTTPClientProtocol)
        await client.get(f"{server.base_url}/v1")
        assert server.calls.one().request.headers.get_all("x-tag") == ["a", "b"]


async def test_c08_interceptors_come_by_constructor_in_order() -> None:
    async with (
        FaultServer.run() as server,
        HTTPClient(interceptors=[Tag("a"), Tag("b")]) as client,
    ):
        server.on.get("/v1").respond(200)
        await client.get(f"{server.base_url}/v1")
        assert server.calls.one().request.headers.get_all("x-tag") == ["a", "b"]


async def test_c10_the_booted_client_has_exactly_the_configured_values(
    documents: Any,
) -> None:
    app = Application()
    names = await documents.run(
        "configured_module.py", {"app": app, "HTTPModule": HTTPModule}
    )
    async with app:
        client = await real_client(app)
    assert client.config == names["config"]
    assert client.config == HTTPClientConfig(
        pool=ConnectionPoolConfig(max_connections=50, timeout=10.0), trust_env=True
    )


async def test_c11_the_documented_module_boots(documents: Any) -> None:
    names = await documents.run("app_module.py")
    async with names["Application"](names["AppModule"]) as app:
        assert await real_client(app)


async def test_c12_the_documented_file_is_read_every_key_of_it(
    documents: Any, nowhere: Path
) -> None:
    text = documents.text("application.yaml")
    (nowhere / "application.yaml").write_text(text)
    async with Application.boot(HTTPModule.configure()) as app:
        config = (await real_client(app)).config
    expected = yaml.safe_load(text)["http"]
    assert config.model_dump(include=_shape(expected)) == expected


def _shape(values: dict[str, Any]) -> Any:
    return {k: _shape(v) if isinstance(v, dict) else True for k, v in values.items()}


DANGER = "anyone may read and change what is sent"

FORMS = [
    ("LEX_HTTP__POOL__MAX_CONNECTIONS", "7", ("pool", "max_connections"), 7),
    ("LEX_HTTP__POOL__MAX_KEEPALIVE_CONNECTIONS", "3", ("pool", "max_keepalive_connections"), 3),
    ("LEX_HTTP__POOL__MAX_CONNECTIONS_PER_HOST", "4", ("pool", "max_connections_per_host"), 4),
    ("LEX_HTTP__POOL__TIMEOUT", "15.0", ("pool", "timeout"), 15.0),
    ("LEX_HTTP__POOL__ATTEMPT_TIMEOUT", "9", ("pool", "attempt_timeout"), 9.0),
    ("LEX_HTTP__POOL__ACQUIRE_TIMEOUT", "1.5", ("pool", "acquire_timeout"), 1.5),
    ("LEX_HTTP__POOL__CONNECT_TIMEOUT", "2", ("pool", "connect_timeout"), 2.0),
    ("LEX_HTTP__POOL__READ_TIMEOUT", "5", ("pool", "read_timeout"), 5.0),
    ("LEX_HTTP__POOL__STREAM_IDLE_TIMEOUT", "20", ("pool", "stream_idle_timeout"), 20.0),
    ("LEX_HTTP__POOL__MAX_CONNECTION_AGE", "90", ("pool", "max_connection_age"), 90.0),
    ("LEX_HTTP__POOL__TTL_DNS_CACHE", "60", ("pool", "ttl_dns_cache"), 60.0),
    ("LEX_HTTP__POOL__KEEPALIVE_TIMEOUT", "2.5", ("pool", "keepalive_timeout"), 2.5),
    ("LEX_HTTP__POOL__FORCE_CLOSE", "true", ("pool", "force_close"), True),
    ("LEX_HTTP__TLS_POLICIES", '{"partner": {"minimum_version": "1.3"}}', ("tls_policies",), {"partner": TLSConfig(minimum_version="1.3")}),
    ("LEX_HTTP__PROXY", "http://proxy:1", ("proxy",), "http://proxy:1"),
    ("LEX_HTTP__TRUST_ENV", "false", ("trust_env",), False),
    ("LEX_HTTP__EGRESS__ADDRESSES", "public_only", ("egress", "addresses"), "public_only"),
    ("LEX_HTTP__EGRESS__ALLOW_NETWORKS", '["10.2.0.0/16"]', ("egress", "allow_networks"), ("10.2.0.0/16",)),
    ("LEX_HTTP__EGRESS__DENY_NETWORKS", '["10.2.3.4"]', ("egress", "deny_networks"), ("10.2.3.4/32",)),
    ("LEX_HTTP__EGRESS__ALLOW_HOSTS", '["*.api.test"]', ("egress", "allow_hosts"), ("*.api.test",)),
    ("LEX_HTTP__EGRESS__DENY_HOSTS", '["Admin.test"]', ("egress", "deny_hosts"), ("admin.test",)),
    ("LEX_HTTP__EGRESS__ALLOW_PORTS", "[443]", ("egress", "allow_ports"), frozenset({443})),
    ("LEX_HTTP__EGRESS__DENY_PORTS", "[25]", ("egress", "deny_ports"), frozenset({25})),
    ("LEX_HTTP__EGRESS__ALLOW_SCHEMES", '["https"]', ("egress", "allow_schemes"), frozenset({"https"})),
    ("LEX_HTTP__EGRESS__TRUST_PROXY", "false", ("egress", "trust_proxy"), False),
    ("LEX_HTTP__COOKIE_JAR", "false", ("cookie_jar",), False),
    ("LEX_HTTP__FOLLOW_REDIRECTS", "false", ("follow_redirects",), False),
    ("LEX_HTTP__MAX_REDIRECTS", "2", ("max_redirects",), 2),
    ("LEX_HTTP__MAX_RESPONSE_BYTES", "100", ("max_response_bytes",), 100),
    ("LEX_HTTP__MAX_ERROR_BYTES", "50", ("max_error_bytes",), 50),
    ("LEX_HTTP__RETRY_STATUSES", "[429, 503]", ("retry_statuses",), frozenset({429, 503})),
    ("LEX_HTTP__INFRASTRUCTURE_ERRORS", "return", ("infrastructure_errors",), "return"),
    ("LEX_HTTP__TLS__TRUST", "system", ("tls", "trust"), "system"),
    ("LEX_HTTP__TLS__PINS", f'["{"ab" * 32}"]', ("tls", "pins"), ("ab" * 32,)),
    ("LEX_HTTP__TLS__MINIMUM_VERSION", "1.3", ("tls", "minimum_version"), "1.3"),
    ("LEX_HTTP__TLS__DANGER_ACCEPT_INVALID_CERTIFICATES", DANGER, ("tls", "danger_accept_invalid_certificates"), DANGER),
]  # fmt: skip
TLS_FILES = {
    ("tls", name)
    for name in (
        "ca_file",
        "ca_data",
        "client_cert_file",
        "client_key_file",
        "client_key_password",
    )
}


@pytest.mark.parametrize(
    ("variable", "text", "path", "value"), FORMS, ids=lambda v: str(v)[:40]
)
async def test_c13_the_environment_overrides_file_and_code(
    monkeypatch: pytest.MonkeyPatch,
    nowhere: Path,
    variable: str,
    text: str,
    path: tuple[str, ...],
    value: object,
) -> None:
    (nowhere / "application.yaml").write_text(
        "http: {pool: {timeout: 1, max_connections: 1}, trust_env: true, max_redirects: 1}"
    )
    monkeypatch.setenv(variable, text)
    explicit = HTTPClientConfig(
        pool=ConnectionPoolConfig(timeout=2.0, force_close=False),
        egress=EgressConfig(
            addresses="listed", allow_networks=("10.9.0.0/16",), trust_proxy=True
        ),
        cookie_jar=True,
    )
    async with Application.boot(HTTPModule.configure(explicit)) as app:
        found: Any = (await real_client(app)).config
    for name in path:
        found = getattr(found, name)
    found = found.get_secret_value() if variable == "LEX_HTTP__PROXY" else found
    assert (type(found), found) == (type(value), value)


async def test_c13_the_environment_names_the_files_of_certificates(
    monkeypatch: pytest.MonkeyPatch, nowhere: Path
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(nowhere / "ca.pem")
    client = authority.issue_cert("client.test")
    client.private_key_pem.write_to_path(nowhere / "key.pem")
    client.cert_chain_pems[0].write_to_path(nowhere / "client.pem")
    values = {
        "ca_file": "ca.pem",
        "ca_data": authority.cert_pem.bytes().decode(),
        "client_cert_file": "client.pem",
        "client_key_file": "key.pem",
        "client_key_password": "hunter2",
    }
    assert {("tls", name) for name in values} == TLS_FILES
    for name, value in values.items():
        monkeypatch.setenv(f"LEX_HTTP__TLS__{name.upper()}", value)
    async with Application.boot(HTTPModule.configure()) as app:
        config = (await real_client(app)).config
    found = config.tls.model_dump(include=set(values), mode="python")
    assert found.pop("client_key_password").get_secret_value() == "hunter2"
    del values["client_key_password"]
    assert {name: str(value) for name, value in found.items()} == values
    assert "hunter2" not in repr(config)


def test_c13_every_key_has_its_form_in_the_tests_above() -> None:
    pool = {("pool", name) for name in ConnectionPoolConfig.model_fields}
    tls = {("tls", name) for name in TLSConfig.model_fields}
    egress = {("egress", name) for name in EgressConfig.model_fields}
    sections = {"pool", "tls", "egress"}
    top = {(name,) for name in HTTPClientConfig.model_fields if name not in sections}
    assert {path for _, _, path, _ in FORMS} | TLS_FILES == pool | tls | egress | top


async def test_c14_the_pool_starts_and_stops_with_the_application() -> None:
    async with FaultServer.run() as server:
        server.on.get("/v1").respond(200)
        async with Application.boot(HTTPModule.configure()) as app:
            client = await app.resolve(HTTPClientProtocol)
            await client.get(f"{server.base_url}/v1")
            assert server.open_connections == 1
        await server.wait_until(lambda s: s.open_connections == 0, timeout=5)
        assert "stopped" in repr(client)


async def test_c14_a_boot_that_fails_half_way_leaves_no_connection() -> None:
    async with FaultServer.run() as server:
        server.on.get("/v1").respond(200)
        clients: list[HTTPClientProtocol] = []

        class Late:
            """Built after the client."""

        async def late(client: HTTPClientProtocol) -> AsyncIterator[Late]:
            clients.append(client)
            await client.get(f"{server.base_url}/v1")
            raise OSError("no licence")
            yield Late()  # type: ignore[unreachable]  # makes it a generator

        @module(imports=[HTTPModule.configure()], providers=[bind(Late).to(late)])
        class AppModule(Module):
            pass

        with pytest.raises(OSError, match="no licence"):
            async with Application.boot(AppModule):
                pass
        await server.wait_until(lambda s: s.open_connections == 0, timeout=5)
        assert "stopped" in repr(clients[0])


@pytest.mark.usefixtures("my_app")
async def test_c18_the_documented_client_is_injected_and_answers(
    documents: Any,
) -> None:
    async with FaultServer.run() as server:
        server.on.get(
            "/v1/invoices/inv_1", headers={"Authorization": "Bearer t0ken"}
        ).respond(200, json={"id": "inv_1", "amount_cents": 4200})
        server.on.get("/v1/invoices/inv_2").respond(404)
        names = await documents.run("billing_client.py", host=server.base_url)
        billing_client = names["BillingClient"]
        billing_client._token = "t0ken"

        @module(imports=[HTTPModule.configure()], providers=[billing_client])
        class AppModule(Module):
            pass

        async with Application.boot(AppModule) as app:
            billing = await app.resolve(billing_client)
            assert isinstance(billing._http, HTTPClient)
            found = await billing.fetch_invoice("inv_1")
            missing = await billing.fetch_invoice("inv_2")
    assert found == Ok(Invoice("inv_1", 4200))
    assert isinstance(missing, Err)
    assert missing.error.startswith("billing fetch failed: ")
    assert "404" in missing.error


FAST = ResilienceConfig(
    retry=RetryConfig(max_attempts=3, base_delay=0, max_delay=0),
    breaker=CircuitBreakerConfig(minimum_calls=4, window=4, open_duration=60),
)


async def test_c22_registering_resilience_wraps_the_client() -> None:
    modules = [HTTPModule.configure(), ResilienceModule.configure(FAST)]
    async with (
        FaultServer.run() as one,
        FaultServer.run() as two,
        Application.boot(modules=modules) as app,
    ):
        client = await app.resolve(HTTPClientProtocol)
        one.on.get("/v1").sequence(Reply(503), Reply(200), *[Reply(503)] * 2)
        two.on.get("/v1").respond(200)
        # The retry is seen on the wire…
        assert (await client.get(f"{one.base_url}/v1")).unwrap().attempts == 2
        # …and so is the breaker: the fourth outcome opens it, within a call.
        with pytest.raises(HTTPCircuitOpenError):
            await client.get(f"{one.base_url}/v1")
        assert len(one.calls) == 4
        with pytest.raises(HTTPCircuitOpenError):
            await client.request("GET", f"{one.base_url}/v1")
        assert len(one.calls) == 4
        # One upstream's circuit is its own.
        assert await client.get(f"{two.base_url}/v1")


async def test_c17_exhausted_retries_of_a_registered_policy_are_raised() -> None:
    modules = [HTTPModule.configure(), ResilienceModule.configure(FAST)]
    async with FaultServer.run() as server, Application.boot(modules=modules) as app:
        client = await app.resolve(HTTPClientProtocol)
        server.on.get("/v1").fail(fault.close())
        with pytest.raises(HTTPRetryExhaustedError) as caught:
            await client.get(f"{server.base_url}/v1")
        assert caught.value.attempts == len(server.calls) == 3
        with pytest.raises(HTTPCircuitOpenError):
            await client.get(f"{server.base_url}/v1")


LOGGED = """
import asyncio
from lexigram import Application
from lexigram.contracts.web import HTTPClientProtocol
from lexigram.http import HTTPModule
from lexigram.testing import FaultServer, fault

async def main():
    async with FaultServer.run() as server, Application.boot(
        modules=[HTTPModule.configure()]
    ) as app:
        client = await app.resolve(HTTPClientProtocol)
        server.on.get("/error").respond(500)
        server.on.get("/slow").sequence(fault.hang())
        server.on.get("/reset").sequence(fault.reset())
        for path in ("error", "slow", "reset"):
            url = f"{server.base_url}/{path}?api_key=s3cret"
            limit = 0.1 if path == "slow" else 10.0
            await client.get(url, retry=False, timeout=limit, route=f"/{path}")

asyncio.run(main())
"""


def test_c27_the_documented_events_are_logged_with_their_fields(nowhere: Path) -> None:
    (nowhere / "application.yaml").write_text("logging: {level: debug, format: json}")
    done = subprocess.run(
        [sys.executable, "-c", LOGGED], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    events = {line["event"]: line for line in lines}
    assert events["http.client.wired"]["level"] == "info"
    for event, path in [
        ("http.client.error_response", "error"),
        ("http.client.timeout", "slow"),
        ("http.client.connection_error", "reset"),
    ]:
        line = events[event]
        assert (line["level"], line["logger"]) == ("debug", "lexigram.http.client")
        assert (line["method"], line["attempts"]) == ("GET", 1)
        assert line["url"].endswith(f"/{path}?api_key=***")
        assert line["route"] == f"/{path}"
        assert line["elapsed"] >= 0
    assert events["http.client.error_response"]["status"] == 500
    assert "took longer than its timeout" in events["http.client.timeout"]["error"]
    assert "s3cret" not in done.stderr


@pytest.mark.usefixtures("my_app")
async def test_c28_the_documented_fake_and_its_test_run(documents: Any) -> None:
    # The document's test reads only whether the call went well, and its fake's body has
    # no amount; its `BillingClient` would ask for one. The client under test here is
    # one that reads what is sent.
    class BillingClient:
        def __init__(self, http: HTTPClientProtocol) -> None:
            self._http = http

        async def fetch_invoice(self, invoice_id: str) -> Ok[str] | Err[str]:
            result = await self._http.get(f"https://partner.test/{invoice_id}")
            return result.map(lambda r: str(r.json["id"])).map_err(str)

    names = await documents.run("fake_client.py", {"BillingClient": BillingClient})
    await names["test_fetch_invoice"]()

    @module(imports=[HTTPModule.configure()], providers=[BillingClient])
    class AppModule(Module):
        pass

    app = Application(AppModule)
    app.override(HTTPClientProtocol).to(names["FakeHTTPClient"]())
    async with app:
        billing = await app.resolve(BillingClient)
        assert await billing.fetch_invoice("any") == Ok("inv_1")


async def test_c29_a_stub_makes_no_traffic_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEX_HTTP__POOL__TIMEOUT", "1")
    connections: list[object] = []

    async def refuse(*args: Any, **_: Any) -> None:
        connections.append(args)

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "sock_connect", refuse)
    monkeypatch.setattr(loop, "getaddrinfo", refuse)
    async with Application.boot(HTTPModule.stub()) as app:
        # The default but for proxies: they are the environment's too.
        assert (await real_client(app)).config == HTTPClientConfig(trust_env=False)
    assert connections == []


async def test_metrics_registered_in_the_container_are_recorded() -> None:
    metrics = InMemoryMetrics()

    @module(
        imports=[HTTPModule.configure()],
        providers=[bind(MetricsRecorderProtocol).to_value(metrics)],
    )
    class AppModule(Module):
        pass

    async with FaultServer.run() as server, Application.boot(AppModule) as app:
        server.on.get("/v1").respond(200)
        client = await app.resolve(HTTPClientProtocol)
        await client.get(f"{server.base_url}/v1")
    metrics.assert_emitted("http.request.status", value=1, method="GET", status="200")
