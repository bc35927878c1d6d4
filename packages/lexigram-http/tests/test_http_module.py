"""The values that the modules are, the health of a pool, and URLs below a base."""

import asyncio
import inspect
from typing import Annotated

import pytest

from lexigram.contracts.di import Binding, Named
from lexigram.contracts.health import HealthCheckProtocol
from lexigram.contracts.web import HTTPClientProtocol, HTTPInvalidRequestError
from lexigram.http import (
    ConnectionPoolConfig,
    HTTPClient,
    HTTPClientConfig,
    HTTPModule,
    TLSConfig,
)
from lexigram.http.egress.config import EgressConfig
from lexigram.http.health import ConnectionHealthCheck
from lexigram.http.pool.pool import ConnectionPool
from lexigram.http.relative import RelativeHTTPClient
from lexigram.http.sharing import SharedPoolError, share
from lexigram.testing import FaultServer, RecordedRequest, Reply

LOOPBACK = EgressConfig(addresses="loopback")


def test_a_client_with_a_name_has_a_section_and_keys_of_its_own() -> None:
    config = HTTPClientConfig(follow_redirects=False)
    made = HTTPModule.feature("partner", config)
    assert made.config is not None
    assert (made.config.name, made.config.explicit) == ("http_partner", config)
    assert Annotated[HTTPClientProtocol, Named("partner")] in made.exports
    assert Annotated[HTTPClient, Named("partner")] in made.exports
    assert Annotated[HealthCheckProtocol, Named("http_partner")] in made.exports
    assert HTTPClientProtocol not in made.exports
    assert made.origin.startswith(__file__)
    assert made.name != HTTPModule.configure().name
    assert made.name != HTTPModule.feature("other").name


def test_modules_that_ask_for_the_same_have_the_same_bindings() -> None:
    one, two = (
        HTTPModule.feature("partner", base_url="https://a.test", share_pool=True)
        for _ in range(2)
    )
    assert one.providers == two.providers
    assert one.providers != HTTPModule.feature("partner").providers


@pytest.mark.parametrize(
    "name", ["", "Partner", "part-ner", "part__ner", "partner_", "_p", "7up", "a b"]
)
def test_a_name_that_no_variable_could_have_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="lower-case letters"):
        HTTPModule.feature(name)


@pytest.mark.parametrize("url", ["partner.test", "/v1", "https://a.test/?key=1"])
def test_a_base_url_that_is_none_is_refused_where_it_is_written(url: str) -> None:
    with pytest.raises(HTTPInvalidRequestError):
        HTTPModule.feature("partner", base_url=url)


def test_a_stub_leads_where_it_is_asked_to_only() -> None:
    own = EgressConfig(addresses="public_only", deny_ports=frozenset({22}))
    for stub, egress in (
        (HTTPModule.stub(), EgressConfig()),
        (HTTPModule.stub(egress="loopback"), LOOPBACK),
        (HTTPModule.stub(egress=own), own),
    ):
        config = stub.providers[0]
        assert isinstance(config, Binding)
        assert config.value == HTTPClientConfig(trust_env=False, egress=egress)
    with pytest.raises(ValueError, match="addresses"):
        HTTPModule.stub(egress="internet")  # type: ignore[arg-type]  # the mistake


def test_a_client_that_shares_a_pool_says_what_is_in_force() -> None:
    owner = HTTPClientConfig(
        pool=ConnectionPoolConfig(max_connections=50, timeout=5),
        tls=TLSConfig(minimum_version="1.3"),
        trust_env=False,
        egress=LOOPBACK,
    )
    own = HTTPClientConfig(pool=ConnectionPoolConfig(timeout=7, read_timeout=3))
    shared = share(own, owner, "http_partner")
    assert shared.pool == ConnectionPoolConfig(
        max_connections=50, timeout=7, read_timeout=3
    )
    assert (shared.tls, shared.egress) == (owner.tls, LOOPBACK)
    assert shared.trust_env is True


@pytest.mark.parametrize(
    ("config", "key"),
    [
        (
            HTTPClientConfig(pool=ConnectionPoolConfig(max_connections=5)),
            "pool.max_connections",
        ),
        (
            HTTPClientConfig(pool=ConnectionPoolConfig(keepalive_timeout=5)),
            "pool.keepalive_timeout",
        ),
        (HTTPClientConfig(tls=TLSConfig(minimum_version="1.3")), "tls"),
        (HTTPClientConfig(egress=EgressConfig()), "egress"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_belongs_to_the_pool_cannot_be_set_by_one_that_shares_it(
    config: HTTPClientConfig, key: str
) -> None:
    with pytest.raises(SharedPoolError, match=f"`http_partner.{key}` cannot be set"):
        share(config, HTTPClientConfig(), "http_partner")


async def test_waiting_for_connections_degrades_the_health() -> None:
    opened = asyncio.Event()

    async def hold(_: RecordedRequest) -> Reply:
        await opened.wait()
        return Reply(200)

    config = HTTPClientConfig(pool=ConnectionPoolConfig(max_connections=1))
    async with (
        asyncio.timeout(10),
        FaultServer.run() as server,
        ConnectionPool(config.pool) as pool,
        HTTPClient(config, pool=pool) as client,
        asyncio.TaskGroup() as calls,
    ):
        check = ConnectionHealthCheck(pool, name="http")
        assert isinstance(check, HealthCheckProtocol)
        assert (check.name, check.critical) == ("http", False)
        assert (await check.check()).status == "healthy"

        server.on.get("/v1").handle(hold)
        for _ in range(3):
            calls.create_task(client.get(f"{server.base_url}/v1"))
        await server.calls.wait_for(1)
        report = await check.check()
        assert report.status == "degraded"
        assert "wait for a connection: 2;" in report.detail
        assert (report.data["in_use"], report.data["waiting"]) == (1, 2)
        opened.set()
        await server.calls.wait_for(3)
    assert (await check.check()).status == "unhealthy"


async def test_paths_stand_below_the_base_and_urls_outside_are_refused() -> None:
    async with FaultServer.run() as server, FaultServer.run() as other:
        server.on.get("/v1/invoices").respond(text="well")
        server.on.post("/v1/invoices").respond(201)
        base_url = f"{server.base_url}/v1/"
        async with RelativeHTTPClient(base_url=base_url) as client:
            for path in ("invoices", "/invoices", "invoices?page=2"):
                response = (await client.get(path)).unwrap()
                assert response.text == "well"
            assert (await client.request("POST", "invoices")).status == 201

            host = other.base_url.removeprefix("http:")
            for path in (other.base_url, host, "../admin", "a/%2e%2e/%2e%2e/b"):
                error = (await client.get(path)).unwrap_err()
                assert isinstance(error, HTTPInvalidRequestError)
                with pytest.raises(HTTPInvalidRequestError, match="leads out"):
                    await client.request("GET", path)
        assert len(other.calls) == 0
        assert len(server.calls) == 4


def test_every_way_to_send_knows_the_base() -> None:
    # What is added to the client takes absolute URLs until it is told otherwise.
    through_others = {"get", "post", "put", "delete", "patch", "head", "download"}
    ways = {
        name
        for name, member in inspect.getmembers(HTTPClient, inspect.isfunction)
        if not name.startswith("_")
        and {"url", "urls"} & set(inspect.signature(member).parameters)
    }
    assert ways - through_others <= set(vars(RelativeHTTPClient))
