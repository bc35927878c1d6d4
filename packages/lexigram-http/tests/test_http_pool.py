"""Each documented limit of the pool holds on real sockets."""

import asyncio
import socket
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from lexigram.contracts.web import (
    HTTPConnectionError,
    HTTPInvalidRequestError,
    HTTPTimeoutError,
)
from lexigram.http import (
    ConnectionPool,
    ConnectionPoolConfig,
    HTTPClient,
    HTTPClientConfig,
    PoolStatistics,
    SharedPoolError,
    TLSConfig,
)
from lexigram.http.pool.senders import _switch_off_hidden_retry
from lexigram.testing import FaultServer, RecordedRequest, Reply, fault, virtual_time


class Gate:
    """A handler that holds every request until it is opened."""

    def __init__(self) -> None:
        self._open = asyncio.Event()

    async def __call__(self, _: RecordedRequest) -> Reply:
        await self._open.wait()
        return Reply(200)

    def open(self) -> None:
        self._open.set()


def client_with(**limits: Any) -> HTTPClient:
    return HTTPClient(HTTPClientConfig(pool=ConnectionPoolConfig(**limits)))


async def gather_gets(client: HTTPClient, urls: list[str]) -> None:
    async with asyncio.timeout(10):
        for result in await asyncio.gather(*map(client.get, urls)):
            assert result.is_ok()


async def test_connections_to_one_host_stay_within_its_limit() -> None:
    gate = Gate()
    async with (
        FaultServer.run() as server,
        client_with(max_connections_per_host=3) as client,
    ):
        server.on.get("/v1").handle(gate)
        calls = asyncio.create_task(gather_gets(client, [f"{server.base_url}/v1"] * 9))
        await server.calls.wait_for(3)
        assert server.open_connections == 3
        gate.open()
        await calls
        assert len(server.calls) == 9
        assert server.peak_connections == 3


async def test_connections_in_total_stay_within_the_limit() -> None:
    gate = Gate()
    async with (
        FaultServer.run() as one,
        FaultServer.run() as two,
        client_with(max_connections=3) as client,
    ):
        for server in (one, two):
            server.on.get("/v1").handle(gate)
        urls = [f"{server.base_url}/v1" for server in (one, two)] * 4
        calls = asyncio.create_task(gather_gets(client, urls))
        await one.calls.wait_for(1)
        await two.calls.wait_for(1)
        assert one.open_connections + two.open_connections <= 3
        gate.open()
        await calls
        assert one.peak_connections + two.peak_connections <= 2 * 3
        assert len(one.calls) + len(two.calls) == 8


async def test_idle_connections_count_against_the_total() -> None:
    async with (
        FaultServer.run() as one,
        FaultServer.run() as two,
        client_with(max_connections=2) as client,
    ):
        gate = Gate()
        one.on.get("/v1").handle(gate)
        two.on.get("/v1").respond(200)
        calls = asyncio.create_task(gather_gets(client, [f"{one.base_url}/v1"] * 2))
        await one.calls.wait_for(2)
        gate.open()
        await calls
        assert one.open_connections == 2
        assert await client.get(f"{two.base_url}/v1")
        await one.wait_until(lambda server: server.open_connections == 1, timeout=5)
        assert two.open_connections == 1


async def test_at_most_the_configured_number_stays_idle_per_host() -> None:
    gate = Gate()
    async with (
        FaultServer.run() as server,
        client_with(max_keepalive_connections=2, max_connections_per_host=5) as client,
    ):
        server.on.get("/v1").handle(gate)
        calls = asyncio.create_task(gather_gets(client, [f"{server.base_url}/v1"] * 5))
        await server.calls.wait_for(5)
        assert server.open_connections == 5
        gate.open()
        await calls
        await server.wait_until(lambda s: s.open_connections == 2, timeout=5)


async def test_a_connection_that_somebody_waits_for_is_not_closed_as_idle() -> None:
    async with FaultServer.run() as server, client_with() as client:
        server.on.get("/v1").respond(200)
        await gather_gets(client, [f"{server.base_url}/v1"] * 200)
        assert len(server.connections) == 10
        assert client.statistics().idle == 5


async def test_an_idle_connection_is_used_again() -> None:
    async with FaultServer.run() as server, client_with() as client:
        server.on.get("/v1").respond(200, json={"a": 1})
        for _ in range(3):
            await client.get(f"{server.base_url}/v1")
        assert len(server.connections) == 1


async def test_force_close_opens_one_connection_per_request() -> None:
    async with FaultServer.run() as server, client_with(force_close=True) as client:
        server.on.get("/v1").respond(200)
        for _ in range(3):
            await client.get(f"{server.base_url}/v1")
        assert len(server.connections) == 3


async def test_an_error_answer_gives_its_connection_back() -> None:
    async with FaultServer.run() as server, client_with() as client:
        server.on.get("/v1").respond(503, body=b"x" * 100_000)
        assert (await client.get(f"{server.base_url}/v1")).unwrap_err().attempts == 3
        assert len(server.connections) == 1


@pytest.mark.parametrize(("ttl", "look_ups"), [(300, 1), (0, 3)])
async def test_a_name_is_looked_up_once_per_time_to_live(
    monkeypatch: pytest.MonkeyPatch, ttl: float, look_ups: int
) -> None:
    asked: list[str] = []

    async def resolve(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    async with (
        FaultServer.run() as server,
        client_with(ttl_dns_cache=ttl, force_close=True) as client,
    ):
        server.on.get("/v1").respond(200)
        for _ in range(3):
            assert await client.get(f"http://partner.test:{server.port}/v1")
    assert asked == ["partner.test"] * look_ups


async def test_a_cancelled_call_closes_its_connection() -> None:
    async with FaultServer.run() as server, client_with() as client:
        server.on.get("/v1").handle(Gate())
        call = asyncio.create_task(client.get(f"{server.base_url}/v1"))
        await server.calls.wait_for(1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await server.wait_until(lambda s: s.open_connections == 0, timeout=5)


async def test_a_call_cancelled_while_it_waits_gives_its_place_away() -> None:
    gate = Gate()
    async with FaultServer.run() as server, client_with(max_connections=1) as client:
        server.on.get("/v1").handle(gate)
        first = asyncio.create_task(client.get(f"{server.base_url}/v1"))
        await server.calls.wait_for(1)
        waiting = asyncio.create_task(client.get(f"{server.base_url}/v1"))
        last = asyncio.create_task(client.get(f"{server.base_url}/v1"))
        await asyncio.sleep(0)
        waiting.cancel()
        gate.open()
        async with asyncio.timeout(5):
            assert await first
            assert await last
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert len(server.calls) == 2


@pytest.mark.parametrize("seed", range(5))
async def test_calls_cancelled_anywhere_leak_no_connection(seed: int) -> None:
    random = Random(seed)
    async with FaultServer.run() as server, client_with(max_connections=3) as client:
        server.on.get("/v1").handle(lambda _: Reply(200, body=b"x" * 50_000))
        url = f"{server.base_url}/v1"
        calls = [asyncio.create_task(client.get(url)) for _ in range(40)]
        while pending := [call for call in calls if not call.done()]:
            # A few turns of the loop later, wherever the call has come by then.
            for _ in range(random.randrange(6)):
                await asyncio.sleep(0)
            random.choice(pending).cancel()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert any(isinstance(o, asyncio.CancelledError) for o in outcomes)
        # Every place in the pool is free again: as many as fit go at once.
        gate = Gate()
        server.on.get("/after").handle(gate)
        now = client.statistics()
        assert (now.in_use, now.waiting) == (0, 0)
        last = asyncio.create_task(
            gather_gets(client, [f"{server.base_url}/after"] * 3)
        )
        await server.calls.to("GET", "/after").wait_for(3)
        gate.open()
        await last
        await server.wait_until(lambda s: s.open_connections <= 3, timeout=5)


async def test_calls_for_several_hosts_are_served_in_the_order_they_came() -> None:
    served: list[str] = []
    gate = Gate()
    async with (
        FaultServer.run() as one,
        FaultServer.run() as two,
        client_with(max_connections=1) as client,
    ):
        one.on.get("/first").handle(gate)
        for server in (one, two):
            server.on.get("/n/{number}").handle(
                lambda request: served.append(request.path) or Reply(200)  # type: ignore[func-returns-value]  # None is falsy
            )
        first = asyncio.create_task(client.get(f"{one.base_url}/first"))
        await one.calls.wait_for(1)
        calls = []
        for number, server in enumerate((two, two, one, two, one, one, two)):
            url = f"{server.base_url}/n/{number}"
            calls.append(asyncio.create_task(client.get(url)))
            await asyncio.sleep(0)
        assert client.statistics().waiting == 7
        gate.open()
        await asyncio.gather(first, *calls)
    assert served == [f"/n/{number}" for number in range(7)]


async def test_a_late_caller_does_not_overtake_who_waits() -> None:
    gate = Gate()
    async with FaultServer.run() as server, client_with(max_connections=1) as client:
        server.on.get("/first").handle(gate)
        server.on.get("/waits").respond(200)
        server.on.get("/late").respond(200)
        first = asyncio.create_task(client.get(f"{server.base_url}/first"))
        await server.calls.wait_for(1)
        waits = asyncio.create_task(client.get(f"{server.base_url}/waits"))
        await asyncio.sleep(0)
        gate.open()
        await first
        # The connection is free now, and idle; it is promised all the same.
        await client.get(f"{server.base_url}/late")
        assert waits.done()
        paths = [call.request.path for call in server.calls]
    assert paths == ["/first", "/waits", "/late"]


async def test_an_old_connection_is_not_used_again() -> None:
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        client_with(max_connection_age=60, keepalive_timeout=50) as client,
    ):
        server.on.get("/v1").respond(200)
        for _ in range(4):
            assert await client.get(f"{server.base_url}/v1")
            await clock.sleep(30)
        # Opened at 0 s, used at 0, 30 and 60 s, too old then.
        assert len(server.connections) == 2


@pytest.mark.parametrize(
    ("hint", "connections"),
    [
        ("timeout=3", 2),  # gone a second before
        ("timeout=9, max=100", 1),
        ('max=7,Timeout = "5"', 1),
        ("timeout=1", 2),
        ("max=100", 1),
        ("timeout=soon", 1),
    ],
)
async def test_a_server_says_how_long_it_keeps_a_connection(
    hint: str, connections: int
) -> None:
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        client_with(keepalive_timeout=10) as client,
    ):
        server.on.get("/v1").respond(200, headers={"Keep-Alive": hint})
        for _ in range(2):
            assert await client.get(f"{server.base_url}/v1")
            await clock.sleep(3)
        assert len(server.connections) == connections


async def test_an_idle_connection_is_closed_when_its_time_is_over() -> None:
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        client_with(keepalive_timeout=4) as client,
    ):
        server.on.get("/v1").respond(200)
        assert await client.get(f"{server.base_url}/v1")
        await clock.sleep(3)
        assert (server.open_connections, client.statistics().idle) == (1, 1)
        await server.wait_until(lambda s: s.open_connections == 0)
        assert (clock.elapsed, client.statistics().idle) == (4, 0)


async def test_statistics_say_what_the_pool_does() -> None:
    gate = Gate()
    async with FaultServer.run() as server, client_with(max_connections=2) as client:
        server.on.get("/v1").handle(gate)
        url = f"{server.base_url}/v1"
        assert client.statistics() == PoolStatistics(0, 0, 0, 0, 0)
        calls = asyncio.create_task(gather_gets(client, [url] * 5))
        await server.calls.wait_for(2)
        assert client.statistics() == PoolStatistics(2, 0, 3, 2, 0)
        gate.open()
        await calls
        assert client.statistics() == PoolStatistics(0, 2, 0, 2, 3)
        assert client.statistics().open == 2


async def test_a_warm_pool_has_its_connections_before_the_first_call() -> None:
    async with FaultServer.run() as server, client_with() as client:
        server.on.get("/v1").respond(200)
        assert await client.warm_up([server.base_url], connections=3) == ()
        assert len(server.connections) == 3
        assert len(server.calls) == 0
        await gather_gets(client, [f"{server.base_url}/v1"] * 3)
        assert len(server.connections) == 3


async def test_warming_up_tells_of_each_origin_that_could_not_be_reached() -> None:
    async with FaultServer.run() as server, client_with() as client:
        gone = FaultServer.run()
        async with gone:
            url = f"{gone.base_url}/path?key=s3cret"
        failures = await client.warm_up([url, server.base_url, "ftp://x/"])
        assert [type(error) for error in failures] == [
            HTTPConnectionError,
            HTTPInvalidRequestError,
        ]
        assert "s3cret" not in str(failures[0])
        assert client.statistics() == PoolStatistics(0, 1, 0, 2, 0)


async def test_warming_up_takes_no_longer_than_a_call_may() -> None:
    async with (
        virtual_time() as clock,
        FaultServer.run(tls=True) as server,
        client_with(timeout=3) as client,
    ):
        async with server.outage(fault.tls("hang")):
            [failure] = await client.warm_up([server.base_url])
        assert isinstance(failure, HTTPTimeoutError)
        assert (failure.phase, clock.elapsed) == ("total", 3)
        assert client.statistics().open == 0


async def test_more_than_the_pool_keeps_is_not_warmed_up() -> None:
    async with client_with(max_keepalive_connections=2) as client:
        with pytest.raises(ValueError, match=r"connections=3 .* keeps 1 to 2"):
            await client.warm_up(["http://127.0.0.1/"], connections=3)


async def test_clients_that_share_a_pool_share_its_limits_and_connections() -> None:
    gate = Gate()
    async with (
        FaultServer.run() as server,
        ConnectionPool(ConnectionPoolConfig(max_connections=2)) as pool,
    ):
        server.on.get("/v1").handle(gate)
        server.on.get("/cookie").respond(headers={"Set-Cookie": "whose=one"})
        url = f"{server.base_url}/v1"
        async with HTTPClient(pool=pool) as one, HTTPClient(pool=pool) as two:
            calls = [
                asyncio.create_task(gather_gets(client, [url] * 2))
                for client in (one, two)
            ]
            await server.calls.wait_for(2)
            assert pool.statistics() == PoolStatistics(2, 0, 2, 2, 0)
            assert one.statistics() == two.statistics() == pool.statistics()
            gate.open()
            await asyncio.gather(*calls)
            # No cookie is kept for a host that is an address.
            named = f"http://localhost:{server.port}"
            await one.get(f"{named}/cookie")
            await one.get(f"{named}/v1")
            await two.get(f"{named}/v1")
        # Cookies are a client's own, and connections outlive their clients.
        sent = [call.request.headers.get("cookie") for call in server.calls]
        assert sent[-2:] == ["whose=one", None]
        assert server.open_connections == 2
        assert server.peak_connections == 2
    await server.wait_until(lambda s: s.open_connections == 0, timeout=5)


async def test_a_client_does_not_start_before_the_pool_it_shares() -> None:
    with pytest.raises(RuntimeError, match="pool is not started"):
        await HTTPClient(pool=ConnectionPool()).start()


@pytest.mark.parametrize(
    ("config", "fields"),
    [
        ({"pool": {"max_connections": 9, "timeout": 3}}, "`pool.max_connections`"),
        ({"tls": {"minimum_version": "1.3"}}, "`tls`"),
        ({"egress": {"addresses": "loopback"}}, "`egress`"),
    ],
)
def test_a_client_asks_nothing_of_a_pool_that_is_made_otherwise(
    config: dict[str, Any], fields: str
) -> None:
    with pytest.raises(SharedPoolError, match=f"has another {fields}\\."):
        HTTPClient(HTTPClientConfig.model_validate(config), pool=ConnectionPool())


def test_a_client_may_say_what_the_pool_is_like_anyway() -> None:
    limits = ConnectionPoolConfig(max_connections=9, keepalive_timeout=2)
    tls = TLSConfig(minimum_version="1.3")
    config = HTTPClientConfig(pool=limits.model_copy(update={"timeout": 1}), tls=tls)
    HTTPClient(config, pool=ConnectionPool(limits, tls))


async def test_a_call_that_waits_ends_when_the_client_stops() -> None:
    async with FaultServer.run() as server:
        client = client_with(max_connections=1)
        await client.start()
        server.on.get("/v1").handle(Gate())
        url = f"{server.base_url}/v1"
        calls = [asyncio.create_task(client.get(url, retry=False)) for _ in range(2)]
        await server.calls.wait_for(1)
        await client.stop()
        used, waited = [(await call).unwrap_err() for call in calls]
        assert isinstance(used, HTTPConnectionError)
        assert isinstance(waited, HTTPConnectionError)
        assert (used.request_sent, waited.request_sent) == ("maybe", "no")


async def test_a_unix_socket_is_called_whatever_the_host(tmp_path: Path) -> None:
    hosts: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            head = await reader.readuntil(b"\r\n\r\n")
            hosts.append(head.decode().lower().partition("host: ")[2].split()[0])
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlocal")
        writer.close()

    path = tmp_path / "service.sock"
    async with (
        await asyncio.start_unix_server(serve, path),
        HTTPClient.over_unix_socket(path) as client,
    ):
        for _ in range(2):
            response = (await client.get("http://partner.test:81/v1")).unwrap()
            assert response.text == "local"
        assert client.statistics().opened == 1
        refused = (await client.get("https://localhost/v1")).unwrap_err()
        assert isinstance(refused, HTTPInvalidRequestError)
        assert "https is not spoken over a Unix socket" in str(refused)
    assert hosts == ["partner.test:81"] * 2


async def test_a_unix_socket_that_is_not_there_is_said(tmp_path: Path) -> None:
    async with HTTPClient.over_unix_socket(tmp_path / "gone.sock") as client:
        error = (await client.get("http://localhost/")).unwrap_err()
    assert isinstance(error, HTTPConnectionError)
    assert (error.failure, error.request_sent) == ("connect", "no")


def test_a_unix_socket_has_no_proxy() -> None:
    with pytest.raises(ValueError, match="not reached through a proxy"):
        HTTPClient.over_unix_socket("x", HTTPClientConfig(proxy="http://proxy.test:1"))


async def test_an_address_that_does_not_answer_does_not_hold_up_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = asyncio.get_running_loop()
    connect = loop.sock_connect

    async def resolve(_host: str, port: int, **_: Any) -> list[Any]:
        six = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0))
        four = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
        return [six, four]

    async def hang_over_six(sock: socket.socket, address: Any) -> None:
        if sock.family == socket.AF_INET6:
            await asyncio.Event().wait()
        await connect(sock, address)

    monkeypatch.setattr(loop, "getaddrinfo", resolve)
    monkeypatch.setattr(loop, "sock_connect", hang_over_six)
    async with FaultServer.run() as server, client_with() as client:
        server.on.get("/v1").respond(200)
        async with asyncio.timeout(5):
            assert await client.get(f"http://partner.test:{server.port}/v1")


async def test_stopping_leaves_no_connection_open() -> None:
    async with FaultServer.run() as server:
        server.on.get("/v1").respond(200)
        async with client_with() as client:
            await client.get(f"{server.base_url}/v1")
            assert server.open_connections == 1
        await server.wait_until(lambda s: s.open_connections == 0, timeout=5)


async def test_aiohttp_sends_nothing_a_second_time_by_itself() -> None:
    async with FaultServer.run() as server, client_with() as client:
        server.on.put("/v1").sequence(Reply(200), fault.close())
        url = f"{server.base_url}/v1"
        assert await client.put(url, retry=False)
        assert (await client.put(url, retry=False)).is_err()
        assert len(server.calls) == 2


def test_a_release_without_the_switch_is_refused() -> None:
    with pytest.raises(RuntimeError, match="has no `_retry_connection` switch"):
        _switch_off_hidden_retry(SimpleNamespace())  # type: ignore[arg-type]  # no session


def test_aiohttp_still_has_the_switch_for_its_hidden_retry() -> None:
    assert "_retry_connection" in aiohttp.ClientSession.ATTRS
