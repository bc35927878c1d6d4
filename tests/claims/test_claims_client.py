"""The claims about the client alone, against real servers."""

import asyncio
import inspect
import socket
from typing import Any

import pytest

import lexigram.contracts.web
import lexigram.http
import lexigram.http.types
from lexigram.contracts.web import (
    HTTPClientProtocol,
    HTTPConnectionError,
    HttpResponse,
    HTTPStatusError,
    HTTPTimeoutError,
    RequestContext,
    ResponseContext,
)
from lexigram.http import (
    BaseURLHTTPClient,
    ConnectionPoolConfig,
    HTTPClient,
    HTTPClientConfig,
)
from lexigram.result import Err, Ok
from lexigram.testing import FakeHTTPClient, FaultServer, RecordedRequest, Reply, fault

VERBS = ["get", "post", "put", "delete", "patch", "head"]


async def test_c01_the_guide_s_client_example_runs(documents: Any) -> None:
    async with FaultServer.run() as server:
        server.on.get("/users").respond(200, json=[{"name": "Bob"}])
        server.on.post("/users", json={"name": "Alice"}).respond(201)
        server.on.get("/health").respond(200, json={"up": True})
        names = await documents.run("client_example.py", host=server.base_url)
    assert names["users"] == [{"name": "Bob"}]
    assert names["result"].unwrap().status == 201
    assert names["data"] == {"up": True}


@pytest.mark.parametrize("verb", VERBS)
async def test_c02_every_verb_sends_its_method_and_returns_a_result(verb: str) -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on(verb.upper(), "/v1").respond(200)
        result = await getattr(client, verb)(f"{server.base_url}/v1")
        response = await client.request(verb, f"{server.base_url}/v1")
        sent = [call.request.method for call in server.calls]
    assert isinstance(result, Ok)
    assert isinstance(response, HttpResponse)
    assert sent == [verb.upper()] * 2


def test_c03_the_defaults_are_the_documented_ones() -> None:
    pool = HTTPClient().config.pool
    assert (pool.max_connections, pool.max_keepalive_connections) == (10, 5)
    assert pool.max_connections_per_host == 10
    assert (pool.timeout, pool.ttl_dns_cache) == (30, 300)


class Gate:
    """A handler that holds every request until it is opened."""

    def __init__(self) -> None:
        self._open = asyncio.Event()

    async def __call__(self, _: RecordedRequest) -> Reply:
        await self._open.wait()
        return Reply(200)

    def open(self) -> None:
        self._open.set()


def limited(**limits: Any) -> HTTPClient:
    return HTTPClient(HTTPClientConfig(pool=ConnectionPoolConfig(**limits)))


async def twelve(client: HTTPClient, server: FaultServer, at_once: int) -> None:
    """Make twelve calls; let them go when `at_once` have arrived."""
    gate = Gate()
    server.on.get("/v1").handle(gate)
    url = f"{server.base_url}/v1"
    calls = asyncio.gather(*(client.get(url) for _ in range(12)))
    await server.calls.wait_for(at_once)
    gate.open()
    async with asyncio.timeout(10):
        assert all(await calls)


@pytest.mark.parametrize("limit", ["max_connections", "max_connections_per_host"])
async def test_c04_no_more_connections_open_than_allowed(limit: str) -> None:
    async with FaultServer.run() as server, limited(**{limit: 4}) as client:
        await twelve(client, server, at_once=4)
        assert server.peak_connections == 4


async def test_c04_no_more_connections_stay_idle_than_allowed() -> None:
    async with (
        FaultServer.run() as server,
        limited(max_keepalive_connections=2) as client,
    ):
        await twelve(client, server, at_once=10)
        await server.wait_until(lambda s: s.open_connections == 2, timeout=5)


async def test_c04_a_request_past_the_timeout_fails() -> None:
    async with FaultServer.run() as server, limited(timeout=0.05) as client:
        server.on.get("/v1").fail(fault.hang())
        error = (await client.get(f"{server.base_url}/v1")).unwrap_err()
    assert isinstance(error, HTTPTimeoutError)


async def test_c04_a_name_is_looked_up_once_per_time_to_live(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    async def resolve(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    for ttl, look_ups in ((300, 1), (0, 3)):
        asked.clear()
        async with (
            FaultServer.run() as server,
            limited(ttl_dns_cache=ttl, force_close=True) as client,
        ):
            server.on.get("/v1").respond(200)
            for _ in range(3):
                assert await client.get(f"http://partner.test:{server.port}/v1")
        assert len(asked) == look_ups


@pytest.mark.parametrize(("force_close", "connections"), [(False, 1), (True, 3)])
async def test_c05_connections_are_reused_unless_forced_to_close(
    *, force_close: bool, connections: int
) -> None:
    async with FaultServer.run() as server, limited(force_close=force_close) as client:
        server.on.get("/v1").respond(200, json={})
        for _ in range(3):
            assert await client.get(f"{server.base_url}/v1")
        assert len(server.connections) == connections


class Log:
    """The logger that the document's interceptor uses."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **fields: Any) -> None:
        self.events.append((event, fields))


async def test_c06_the_guide_s_interceptor_sees_request_and_response(
    documents: Any,
) -> None:
    log = Log()
    names = await documents.run("logging_interceptor.py", {"logger": log})
    interceptor = names["LoggingInterceptor"]()
    async with (
        FaultServer.run() as server,
        HTTPClient(interceptors=[interceptor]) as client,
    ):
        server.on.get("/v1").respond(204)
        await client.get(f"{server.base_url}/v1")
    (request, sent), (response, came) = log.events
    assert (request, sent) == (
        "http_request",
        {"method": "GET", "url": f"{server.base_url}/v1"},
    )
    assert (response, came["status"]) == ("http_response", 204)
    assert came["duration"] > 0


async def test_c07_the_guide_s_interceptor_adds_what_the_caller_did_not_set(
    documents: Any,
) -> None:
    names = await documents.run(
        "correlation_interceptor.py", {"current_correlation_id": lambda: "c-1"}
    )
    async with (
        FaultServer.run() as server,
        HTTPClient(interceptors=[names["CorrelationInterceptor"]()]) as client,
    ):
        server.on.get("/v1").respond(200)
        await client.get(f"{server.base_url}/v1")
        await client.get(f"{server.base_url}/v1", headers={"x-correlation-id": "own"})
        sent = [c.request.headers.get_all("X-Correlation-Id") for c in server.calls]
    assert sent == [["c-1"], ["own"]]


def test_c09_both_import_paths_name_the_same_types() -> None:
    web, http = lexigram.contracts.web, lexigram.http
    assert http.InterceptorProtocol is web.InterceptorProtocol
    assert http.types.RequestContext is RequestContext
    assert http.types.ResponseContext is ResponseContext


@pytest.mark.parametrize("status", [200, 201, 204, 299])
async def test_c15_success_is_ok(status: int) -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/v1").respond(status)
        assert (await client.get(f"{server.base_url}/v1")).unwrap().status == status


@pytest.mark.parametrize("status", [400, 404, 418, 500, 501])
async def test_c15_an_error_status_is_an_err_with_the_response(status: int) -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/v1").respond(status, json={"why": "no"})
        result = await client.get(f"{server.base_url}/v1", retry=False)
    assert isinstance(result, Err)
    assert isinstance(result.error, HTTPStatusError)
    assert result.error.response.json["why"] == "no"


async def test_c16_refused_reset_and_unknown_are_connection_errors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def no_such_name(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/v1").fail(fault.reset())
        results = [await client.get(f"{server.base_url}/v1")]
        await server.down()
        results.append(await client.get(f"{server.base_url}/v1"))
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", no_such_name)
        results.append(await client.get("http://nobody.test/"))
    for result in results:
        assert isinstance(result.unwrap_err(), HTTPConnectionError)
    assert [r.unwrap_err().attempts for r in results] == [3, 3, 1]


async def test_c16_too_slow_is_a_timeout_error() -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/v1").respond(200, delay=30)
        error = (await client.get(f"{server.base_url}/v1", timeout=0.05)).unwrap_err()
    assert isinstance(error, HTTPTimeoutError)


async def test_c20_the_guide_s_base_url_example_runs(documents: Any) -> None:
    async with FaultServer.run() as server:
        server.on.post(
            "/v1/invoices",
            json={"amount_cents": 4200},
            headers={"Authorization": "Bearer t0ken"},
        ).respond(201)
        names = await documents.run(
            "base_url_client.py", {"token": "t0ken"}, host=server.base_url
        )
        assert names["resp"].status == 201
        plan = names["client"].explain("POST", "/invoices")
        assert plan.timeouts[0].seconds == 60.0
        server.on.post("/v1/invoices").respond(402)
        with pytest.raises(HTTPStatusError, match="402"):
            await documents.run(
                "base_url_client.py", {"token": "t0ken"}, host=server.base_url
            )


async def test_c21_a_stream_of_one_upstream_yields_decoded_lines() -> None:
    long = "x" * (5 * 1024 * 1024)
    body = f"first\r\nzw\u2028ei\n{long}\rlast".encode()
    pieces = [body[:9], body[9:4_000_000], body[4_000_000:]]
    async with FaultServer.run() as server:
        server.on.get("/v1/log").respond(Reply(chunks=pieces))
        client = BaseURLHTTPClient(f"{server.base_url}/v1")
        async with client, client.stream("GET", "/log") as stream:
            assert stream.status == 200
            lines = [line async for line in stream]
    assert lines == ["first", "zw\u2028ei", long, "last"]


async def test_c21_events_and_json_lines_are_streamed() -> None:
    events = b": hello\nevent: delta\nid: 7\ndata: one\ndata: two\n\ndata: [DONE]\n\n"
    lines = b'{"n": 1}\n\n{"n": 2}\n'
    async with FaultServer.run() as server:
        server.on.get("/events").respond(
            body=events, headers={"Content-Type": "text/event-stream"}
        )
        server.on.get("/lines").respond(
            body=lines, headers={"Content-Type": "application/x-ndjson"}
        )
        async with BaseURLHTTPClient(server.base_url) as client:
            async with client.stream("GET", "/events") as stream:
                seen = [one async for one in stream.events(end="[DONE]")]
            async with client.stream("GET", "/lines") as stream:
                values = [value async for value in stream.json_lines()]
    assert [(one.event, one.data, one.id) for one in seen] == [
        ("delta", "one\ntwo", "7")
    ]
    assert values == [{"n": 1}, {"n": 2}]


FAULTS = [fault.reset(), fault.close(), fault.truncate(3), fault.garbage(),
          fault.bad_chunk(), fault.bad_gzip()]  # fmt: skip


@pytest.mark.parametrize("wire", FAULTS, ids=lambda f: f.kind)
async def test_c32_no_aiohttp_exception_escapes(wire: Any) -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/v1").fail(wire)
        error = (await client.get(f"{server.base_url}/v1", retry=False)).unwrap_err()
        with pytest.raises(HTTPConnectionError) as caught:
            await client.request("GET", f"{server.base_url}/v1", retry=False)
    for each in (error, caught.value):
        assert all(
            cls.__module__.split(".")[0] != "aiohttp" for cls in type(each).__mro__
        )
        assert not any("aiohttp" in type(v).__module__ for v in vars(each).values())


async def test_c32_no_aiohttp_type_is_in_a_response() -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/v1").respond(200, json={})
        response = (await client.get(f"{server.base_url}/v1")).unwrap()
    parts = [getattr(response, slot, None) for slot in response.__slots__]
    parts += [part for pair in response.headers.pairs for part in pair]
    assert {type(part).__module__.split(".")[0] for part in parts} <= {
        "builtins", "lexigram",
    }  # fmt: skip


def test_c32_no_public_signature_names_aiohttp() -> None:
    for name in lexigram.http.__all__:
        public = getattr(lexigram.http, name)
        for member in (
            (public, *vars(public).values()) if inspect.isclass(public) else (public,)
        ):
            hints = getattr(member, "__annotations__", {})
            assert not any("aiohttp" in str(hint) for hint in hints.values()), name


async def test_c34_the_real_client_and_the_fake_are_the_protocol() -> None:
    real: HTTPClientProtocol = HTTPClient()
    fake: HTTPClientProtocol = FakeHTTPClient()
    assert isinstance(real, HTTPClientProtocol)
    assert isinstance(fake, HTTPClientProtocol)
