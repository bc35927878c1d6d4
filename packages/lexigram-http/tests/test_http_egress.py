"""A client that may not call everything, on the wire."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from lexigram.contracts.web import HTTPBlockedError, HTTPClientError
from lexigram.contracts.web.calling import judge
from lexigram.http import (
    ConnectionPool,
    ConnectionPoolConfig,
    HTTPClient,
    HTTPClientConfig,
    HTTPConnectionError,
    HTTPInvalidRequestError,
    SharedPoolError,
)
from lexigram.http.config import ProxyURL
from lexigram.http.egress.config import EgressConfig
from lexigram.testing import FaultServer, fault

ELSEWHERE = "203.0.113.7"  # RFC 5737: nobody's


def config_of(*, pool: dict[str, Any] | None = None, **rules: Any) -> HTTPClientConfig:
    return HTTPClientConfig.model_validate({"egress": rules, "pool": pool or {}})


LOOPBACK = config_of(addresses="loopback")


@dataclass
class Network:
    """What was looked up, and what was connected to."""

    names: dict[str, list[str]]
    asked: list[str] = field(default_factory=list)
    connected: list[str] = field(default_factory=list)

    def answer(self, host: str) -> list[str]:
        """Return the next answer for a name; the last one is given for ever."""
        self.asked.append(host)
        answers = self.names.get(host)
        if answers is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return (answers.pop(0) if len(answers) > 1 else answers[0]).split()


@asynccontextmanager
async def nothing_leaves(
    monkeypatch: pytest.MonkeyPatch, **names: str | list[str]
) -> AsyncGenerator[Network, None]:
    """Look names up here, and connect to this machine alone."""
    loop = asyncio.get_running_loop()
    connect = loop.sock_connect
    network = Network({n: [a] if isinstance(a, str) else a for n, a in names.items()})

    async def look_up(host: str, port: int, **_: Any) -> list[Any]:
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                socket.IPPROTO_TCP,
                "",
                (address, port, 0, 0) if ":" in address else (address, port),
            )
            for address in network.answer(host)
        ]

    async def note(sock: socket.socket, address: Any) -> None:
        network.connected.append(address[0])
        if not ip_address(address[0]).is_loopback:
            raise ConnectionRefusedError("A test calls nobody elsewhere.")
        await connect(sock, address)

    monkeypatch.setattr(loop, "getaddrinfo", look_up)
    monkeypatch.setattr(loop, "sock_connect", note)
    yield network


def at(server: FaultServer, host: str, path: str = "/v1") -> str:
    return f"http://{host}:{server.port}{path}"


# -- refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", [ELSEWHERE, "10.0.0.1", "169.254.169.254", "[2001:db8::1]", "0.0.0.0"]
)
async def test_an_address_elsewhere_is_refused_before_a_connection(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    async with nothing_leaves(monkeypatch) as network, HTTPClient(LOOPBACK) as client:
        result = await client.get(f"http://{host}/v1?token=s3cret")
    error = result.unwrap_err()
    assert isinstance(error, HTTPBlockedError)
    assert f"the host is {host.strip('[]')}, which is no loopback address" in str(error)
    assert "s3cret" not in str(error)
    assert (error.attempts, error.request_sent, error.retryable) == (1, "no", False)
    assert network.connected == []


@pytest.mark.parametrize(
    ("rules", "url", "why"),
    [
        ({"deny_hosts": ["*.evil.test"]}, "http://a.evil.test/", "`egress.deny_hosts`"),
        ({"allow_hosts": ["api.test"]}, "http://evil.test/", "`egress.allow_hosts`"),
        ({"allow_hosts": ["api.test"]}, "http://api.test@evil.test/", "'evil.test'"),
        ({"deny_hosts": ["evil.test"]}, "http://EVIL.test./", "`egress.deny_hosts`"),
        (
            {"deny_hosts": ["evil.test"]},
            "http://\uff45vil\u3002test/",
            "`egress.deny_hosts`",
        ),
        ({"deny_hosts": ["xn--mnchen-3ya.test"]}, "http://MÜNCHEN.test/", "deny_hosts"),
        ({"allow_ports": [443]}, "https://api.test:8443/", "port 8443"),
        ({"deny_ports": [80]}, "http://api.test/", "port 80"),
        ({"allow_schemes": ["https"]}, "http://api.test/", "http is not in"),
        ({"addresses": "public_only"}, "http://127.0.0.1/", "is 127.0.0.1"),
        ({"addresses": "public_only"}, "http://0x7f.1/", "'0x7f.1' is 127.0.0.1"),
        ({"addresses": "public_only"}, "http://2130706433/", "is 127.0.0.1"),
        ({"addresses": "public_only"}, "http://①②⑦.0.0.1/", "is 127.0.0.1"),
        ({"addresses": "public_only"}, "http://[fe80::1%25eth0]/", "is fe80::1"),
        ({"addresses": "public_only"}, "http://[64:ff9b::a00:1]/", "no public"),
        ({"deny_networks": ["10.0.0.0/8"]}, "http://[::ffff:10.0.0.1]/", "10.0.0.0/8"),
    ],
)
async def test_what_the_url_alone_forbids_is_not_even_looked_up(
    monkeypatch: pytest.MonkeyPatch, rules: dict[str, Any], url: str, why: str
) -> None:
    async with (
        nothing_leaves(monkeypatch) as network,
        HTTPClient(config_of(**rules)) as client,
    ):
        assert why in client.explain("GET", url).egress_problem
        error = (await client.get(url)).unwrap_err()
    assert isinstance(error, HTTPBlockedError)
    assert why in str(error)
    assert error.retryable is False
    assert (network.asked, network.connected) == ([], [])


async def test_a_name_is_refused_by_what_it_resolves_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with (
        nothing_leaves(monkeypatch, **{"api.test": ELSEWHERE}) as network,
        HTTPClient(LOOPBACK) as client,
    ):
        with pytest.raises(HTTPBlockedError, match=rf"'api\.test' is {ELSEWHERE}"):
            await client.request("GET", "https://api.test/v1")
    assert network.connected == []


async def test_a_name_of_several_addresses_is_refused_when_all_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    addresses = f"2001:db8::1 {ELSEWHERE} 2001:db8::2"
    async with (
        nothing_leaves(monkeypatch, **{"api.test": addresses}) as network,
        HTTPClient(LOOPBACK) as client,
    ):
        error = (await client.get("https://api.test/v1")).unwrap_err()
    assert isinstance(error, HTTPBlockedError)
    assert any(f"'api.test' is {one}" in str(error) for one in addresses.split())
    assert network.connected == []


async def test_of_several_addresses_only_those_are_raced_that_are_permitted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    addresses = f"2001:db8::1 {ELSEWHERE} 127.0.0.1 169.254.169.254"
    async with (
        FaultServer.run() as server,
        nothing_leaves(monkeypatch, **{"api.test": addresses}) as network,
        HTTPClient(LOOPBACK) as client,
    ):
        server.on.get("/v1").respond(text="well")
        assert (await client.get(at(server, "api.test"))).unwrap().text == "well"
    assert network.connected == ["127.0.0.1"]


async def test_where_only_this_machine_is_called_an_unknown_name_is_refused_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with nothing_leaves(monkeypatch), HTTPClient(LOOPBACK) as client:
        error = (await client.get("https://api.test/v1")).unwrap_err()
    assert isinstance(error, HTTPBlockedError)
    assert "'api.test' cannot be resolved" in str(error)
    assert error.attempts == 1


async def test_elsewhere_an_unknown_name_is_a_failure_of_the_look_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = config_of(addresses="public_only")
    async with nothing_leaves(monkeypatch), HTTPClient(config) as client:
        error = (await client.get("https://api.test/v1")).unwrap_err()
    assert isinstance(error, HTTPConnectionError)
    assert error.failure == "dns"


async def test_a_name_that_answers_another_address_next_time_is_no_way_around(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = ["127.0.0.1", "169.254.169.254", "127.0.0.1"]
    pool = {"force_close": True, "ttl_dns_cache": 0}
    config = config_of(addresses="loopback", pool=pool)
    async with (
        FaultServer.run() as server,
        nothing_leaves(monkeypatch, **{"rebind.test": answers}) as network,
        HTTPClient(config) as client,
    ):
        server.on.get("/v1").respond(text="well")
        url = at(server, "rebind.test")
        assert (await client.get(url)).is_ok()
        assert isinstance((await client.get(url)).unwrap_err(), HTTPBlockedError)
        assert (await client.get(url)).is_ok()
    assert network.asked == ["rebind.test"] * 3, "one look-up for each connection"
    assert network.connected == ["127.0.0.1"] * 2


async def test_a_socket_is_judged_even_if_the_look_up_was_deceived(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is judged at the look-up is judged again where nothing can come between."""
    pool = ConnectionPool(egress=EgressConfig(addresses="loopback"))
    async with nothing_leaves(monkeypatch) as network, pool:
        connector: Any = pool._connector

        async def deceived(host: str, port: int, _: Any = None, **__: Any) -> Any:
            facts = {"hostname": host, "host": ELSEWHERE, "port": port}
            return [facts | {"family": socket.AF_INET, "proto": 6, "flags": 0}]

        monkeypatch.setattr(connector, "_resolve_host", deceived)
        async with HTTPClient(LOOPBACK, pool=pool) as client:
            error = (await client.get("http://api.test/")).unwrap_err()
    assert isinstance(error, HTTPBlockedError)
    assert f"'api.test' is {ELSEWHERE}" in str(error)
    assert network.connected == []


async def test_a_name_that_resolves_to_loopback_is_called() -> None:
    async with FaultServer.run() as server, HTTPClient(LOOPBACK) as client:
        server.on.get("/v1").respond(text="well")
        for host in ("localhost", "127.0.0.1", "[::ffff:127.0.0.1]"):
            assert (await client.get(at(server, host))).unwrap().text == "well"


async def test_a_number_that_is_permitted_is_for_the_transport_to_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with nothing_leaves(monkeypatch) as network, HTTPClient(LOOPBACK) as client:
        error = (await client.get("http://127.1/")).unwrap_err()
    assert isinstance(error, HTTPInvalidRequestError)
    assert network.connected == []


# -- every kind of call -------------------------------------------------------------------


async def streamed(client: HTTPClient, url: str) -> None:
    async with client.stream("GET", url):
        pass


async def warmed(client: HTTPClient, url: str) -> None:
    for error in await client.warm_up([url]):
        raise error


async def got(client: HTTPClient, url: str) -> None:
    await client.request("GET", url)


async def posted(client: HTTPClient, url: str) -> None:
    raise (await client.post(url, json={}, idempotency_key="k")).unwrap_err()


KINDS: list[Callable[[HTTPClient, str], Awaitable[None]]] = [
    got,
    posted,
    streamed,
    warmed,
]


@pytest.mark.parametrize("call", KINDS)
@pytest.mark.parametrize("host", ["inside.test", "10.0.0.5"])
async def test_every_kind_of_call_is_judged(
    monkeypatch: pytest.MonkeyPatch,
    call: Callable[[HTTPClient, str], Awaitable[None]],
    host: str,
) -> None:
    names = {"inside.test": "10.0.0.5 fd00::5"}
    async with (
        nothing_leaves(monkeypatch, **names) as network,
        HTTPClient(config_of(addresses="public_only")) as client,
    ):
        with pytest.raises(HTTPClientError) as caught:
            await call(client, f"http://{host}/v1")
    failure: Any = caught.value
    assert isinstance(failure, HTTPBlockedError)
    assert failure.attempts <= 1
    assert network.connected == []


async def test_a_download_is_judged_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with (
        nothing_leaves(monkeypatch, **{"inside.test": "10.0.0.5"}) as network,
        HTTPClient(config_of(addresses="public_only")) as client,
    ):
        with pytest.raises(HTTPBlockedError):
            await client.download("http://inside.test/f", tmp_path / "f")
    assert network.connected == []
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize(
    "target", [f"http://{ELSEWHERE}/", "http://api.test/", "//169.254.169.254/latest"]
)
async def test_a_redirect_elsewhere_is_refused(
    monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    async with (
        FaultServer.run() as server,
        nothing_leaves(monkeypatch, **{"api.test": ELSEWHERE}) as network,
        HTTPClient(LOOPBACK) as client,
    ):
        server.on.get("/v1").respond(302, headers={"Location": target})
        error = (await client.get(at(server, "127.0.0.1"))).unwrap_err()
        assert isinstance(error, HTTPBlockedError)
        with pytest.raises(HTTPBlockedError):
            await streamed(client, at(server, "127.0.0.1"))
    assert set(network.connected) == {"127.0.0.1"}


async def test_a_redirect_to_another_port_is_judged_by_it() -> None:
    async with FaultServer.run() as server, FaultServer.run() as other:
        server.on.get("/v1").respond(302, headers={"Location": f"{other.base_url}/"})
        config = config_of(deny_ports=[other.port])
        async with HTTPClient(config) as client:
            error = (await client.get(f"{server.base_url}/v1")).unwrap_err()
        assert f"port {other.port} is in `egress.deny_ports`" in str(error)
        assert len(other.connections) == 0


async def test_idle_connections_are_no_way_around_another_policy() -> None:
    async with FaultServer.run() as server, ConnectionPool() as pool:
        server.on.get("/v1").respond()
        async with HTTPClient(pool=pool) as client:
            assert (await client.get(f"{server.base_url}/v1")).is_ok()
        assert pool.statistics().idle == 1
        with pytest.raises(SharedPoolError, match="`egress`"):
            HTTPClient(config_of(addresses="public_only"), pool=pool)
    HTTPClient(LOOPBACK, pool=ConnectionPool(egress=LOOPBACK.egress))


def test_a_refusal_says_nothing_against_the_upstream() -> None:
    verdict = judge(None, HTTPBlockedError("no"))
    assert (verdict.outcome, verdict.retryable) == ("neutral", False)


# -- proxies ------------------------------------------------------------------------------


async def test_proxies_of_the_environment_are_no_way_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with FaultServer.run() as proxy, HTTPClient(LOOPBACK) as before:
        monkeypatch.setenv("HTTP_PROXY", proxy.base_url)
        monkeypatch.delenv("http_proxy", raising=False)
        async with HTTPClient(LOOPBACK) as client:
            for one in (before, client):
                result = await one.get(f"http://{ELSEWHERE}/")
                assert isinstance(result.unwrap_err(), HTTPBlockedError)
        assert len(proxy.calls) == 0


@pytest.mark.parametrize(
    "rules",
    [{"addresses": "loopback"}, {"deny_hosts": ["a.test"]}, {"allow_ports": [80]}],
)
def test_a_proxy_beside_a_policy_is_refused(rules: dict[str, Any]) -> None:
    values = {"egress": rules, "proxy": "http://me:s3cret@127.0.0.1:3128"}
    with pytest.raises(ValueError, match=r"set `egress\.trust_proxy`") as caught:
        HTTPClientConfig.model_validate(values)
    assert "s3cret" not in str(caught.value)
    HTTPClientConfig.model_validate(values | {"egress": {**rules, "trust_proxy": True}})


async def test_a_trusted_proxy_may_be_anywhere_and_urls_are_still_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    egress = {"addresses": "public_only", "deny_hosts": ["evil.test"]}
    async with FaultServer.run() as proxy, nothing_leaves(monkeypatch) as network:
        proxy.on.get("http://partner.test/v1").respond(text="through")
        config = HTTPClientConfig(
            proxy=ProxyURL(proxy.base_url),
            egress=EgressConfig.model_validate({**egress, "trust_proxy": True}),
        )
        async with HTTPClient(config) as client:
            answer = await client.get("http://partner.test/v1")
            assert answer.unwrap().text == "through"
            for host in ("evil.test", "10.0.0.1"):
                error = (await client.get(f"http://{host}/v1")).unwrap_err()
                assert isinstance(error, HTTPBlockedError)
        assert len(proxy.calls) == 1
    assert network.asked == []


async def test_beside_a_trusted_proxy_direct_connections_are_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    egress = EgressConfig(addresses="public_only", trust_proxy=True)
    async with (
        FaultServer.run() as proxy,
        nothing_leaves(monkeypatch, **{"inside.test": "10.0.0.5"}) as network,
    ):
        proxy.on.get("http://partner.test/v1").respond()
        monkeypatch.delenv("http_proxy", raising=False)
        monkeypatch.setenv("HTTP_PROXY", proxy.base_url)
        monkeypatch.setenv("NO_PROXY", "inside.test")
        async with HTTPClient(HTTPClientConfig(egress=egress)) as client:
            assert (await client.get("http://partner.test/v1")).is_ok()
            error = (await client.get("http://inside.test/v1")).unwrap_err()
    assert isinstance(error, HTTPBlockedError)
    assert set(network.connected) == {"127.0.0.1"}


async def test_a_proxy_of_one_call_has_to_be_trusted_too() -> None:
    async with FaultServer.run() as proxy:
        proxy.on.get("http://partner.test/v1").respond()
        for trusted in (False, True):
            egress = EgressConfig(addresses="public_only", trust_proxy=trusted)
            async with HTTPClient(HTTPClientConfig(egress=egress)) as client:
                url = "http://partner.test/v1"
                result = await client.get(url, proxy=proxy.base_url)
                assert result.is_ok() is trusted
        assert len(proxy.calls) == 1


# -- the rest -----------------------------------------------------------------------------


def test_a_unix_socket_has_no_address_to_judge(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`egress` has nothing to judge"):
        HTTPClient.over_unix_socket(tmp_path / "s", LOOPBACK)


def test_a_plan_says_what_is_in_force_and_what_it_comes_to() -> None:
    client = HTTPClient(config_of(addresses="public_only", deny_ports=[8080]))
    plan = client.explain("GET", "http://api.test:8080/")
    assert plan.egress_problem == "port 8080 is in `egress.deny_ports`"
    lines = [line.strip() for line in str(plan).splitlines()]
    row = next(n for n, line in enumerate(lines) if line.startswith("egress"))
    assert lines[row].endswith("public_only, `deny_ports`")
    assert lines[row + 1] == "the call fails: port 8080 is in `egress.deny_ports`"
    assert client.explain("GET", "http://api.test/").egress_problem == ""


async def test_a_refused_call_leaves_its_place_to_others() -> None:
    pool = ConnectionPoolConfig(max_connections=1)
    egress = EgressConfig(addresses="loopback")
    config = HTTPClientConfig(pool=pool, egress=egress)
    async with FaultServer.run() as server, HTTPClient(config) as client:
        server.on.get("/v1").respond()
        for _ in range(3):
            assert (await client.get(f"http://{ELSEWHERE}/")).is_err()
        assert (await client.get(f"{server.base_url}/v1")).is_ok()
        assert client.statistics().in_use == 0


async def test_a_refused_call_waits_for_nobodys_place() -> None:
    pool = ConnectionPoolConfig(max_connections=1)
    egress = EgressConfig(addresses="loopback")
    config = HTTPClientConfig(pool=pool, egress=egress)
    async with FaultServer.run() as server, HTTPClient(config) as client:
        server.on.get("/held").sequence(fault.hang())
        held = asyncio.create_task(client.get(f"{server.base_url}/held"))
        await server.calls.wait_for(1)
        refused = await client.get(f"http://{ELSEWHERE}/", timeout=None)
        assert isinstance(refused.unwrap_err(), HTTPBlockedError)
        assert not held.done()
        held.cancel()
        await asyncio.wait({held})
