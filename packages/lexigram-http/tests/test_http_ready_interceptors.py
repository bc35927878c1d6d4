"""The chain, and the interceptors that add no credentials."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from itertools import count
from typing import Any, cast

import pytest

from lexigram.contracts.clock import SystemClock
from lexigram.contracts.web import (
    AroundInterceptorProtocol,
    Headers,
    HTTPClientProtocol,
    InterceptorChainProtocol,
    InterceptorProtocol,
    Proceed,
    RequestContext,
    ResponseContext,
)
from lexigram.http import (
    CorrelationId,
    DefaultHeaders,
    HTTPClient,
    IdempotencyKey,
    InterceptorChain,
)
from lexigram.http.retry import BuiltinRetry
from lexigram.testing import FakeHTTPClient, FaultServer, Reply, virtual_time
from lexigram.testing.conformance import Backend, other_origin

Opened = AbstractAsyncContextManager[tuple[HTTPClientProtocol, Backend]]
Open = Callable[..., Opened]


@asynccontextmanager
async def on_sockets(
    *interceptors: InterceptorProtocol,
) -> AsyncGenerator[tuple[HTTPClientProtocol, Backend]]:
    chain = InterceptorChain(*interceptors)
    async with (
        virtual_time(),
        FaultServer.run() as server,
        HTTPClient(interceptors=chain) as client,
    ):
        yield client, server


@asynccontextmanager
async def in_memory(
    *interceptors: InterceptorProtocol,
) -> AsyncGenerator[tuple[HTTPClientProtocol, Backend]]:
    chain = InterceptorChain(*interceptors)
    retry = BuiltinRetry(SystemClock())
    async with (
        virtual_time(),
        FakeHTTPClient(interceptors=chain, retry_policy=retry) as client,
    ):
        yield client, client


BOTH = pytest.mark.parametrize("opened", [on_sockets, in_memory])


def test_a_chain_keeps_its_order_and_does_not_change() -> None:
    first, second, third = CorrelationId(), IdempotencyKey(), CorrelationId()
    chain = InterceptorChain(first, second)
    longer = chain.extended(third)
    assert list(chain) == list(chain.interceptors) == [first, second]
    assert list(longer) == [first, second, third]
    assert (len(longer), longer[2], longer[:2]) == (3, third, (first, second))
    assert isinstance(chain, InterceptorChainProtocol)
    assert repr(chain).startswith("InterceptorChain(<CorrelationId as X-Corr")


def test_a_chain_refuses_a_class_and_what_is_no_interceptor() -> None:
    with pytest.raises(TypeError, match=r"CorrelationId is a class.*`CorrelationId\("):
        InterceptorChain(cast("Any", CorrelationId))
    with pytest.raises(TypeError, match="'x' is not an interceptor"):
        InterceptorChain(cast("Any", "x"))


@BOTH
async def test_default_headers_yield_to_the_call(opened: Open) -> None:
    defaults = DefaultHeaders([("X-Team", "a"), ("X-Team", "b"), ("X-Mode", "slow")])
    async with opened(defaults) as (client, backend):
        backend.on.get("/x").respond(200)
        await client.get(f"{backend.base_url}/x", headers={"x-mode": "fast"})
        sent = backend.calls.one().request.headers
    assert sent.get_all("x-team") == ["a", "b"]
    assert sent.get_all("x-mode") == ["fast"]


@BOTH
async def test_default_headers_do_not_follow_a_redirect_elsewhere(opened: Open) -> None:
    async with opened(DefaultHeaders({"X-Team": "a"})) as (client, backend):
        target = f"{other_origin(backend)}/y"
        backend.on.get("/x").respond(302, headers={"Location": target})
        backend.on.get("/y").respond(200)
        assert await client.get(f"{backend.base_url}/x")
        sent = ["x-team" in call.request.headers for call in backend.calls]
    assert sent == [True, False]


def test_default_headers_that_look_secret_need_an_origin() -> None:
    with pytest.raises(ValueError, match="'X-Api-Key' looks like a credential") as told:
        DefaultHeaders({"X-Api-Key": "s3cret"})
    assert "s3cret" not in str(told.value)
    everywhere = DefaultHeaders({"X-Api-Key": "s3cret"}, origin="*")
    assert repr(everywhere) == "<DefaultHeaders for every origin: X-Api-Key>"


@BOTH
async def test_a_correlation_id_comes_from_the_context(opened: Open) -> None:
    current: ContextVar[str] = ContextVar("current")
    current.set("req-7")
    correlation = CorrelationId(current, header="X-Request-Id")
    async with opened(correlation) as (client, backend):
        backend.on.get("/x").sequence(Reply(503), Reply(200), Reply(200))
        await client.get(f"{backend.base_url}/x")
        await client.get(f"{backend.base_url}/x", headers={"x-request-id": "own"})
        sent = [call.request.headers["x-request-id"] for call in backend.calls]
    assert sent == ["req-7", "req-7", "own"]


@pytest.mark.parametrize(
    "unusable", [None, "", "a\r\nX-Evil: 1", "two words", "x" * 201]
)
async def test_what_is_no_correlation_id_is_replaced_by_a_new_one(
    unusable: str | None,
) -> None:
    current: ContextVar[str | None] = ContextVar("current")
    if unusable is not None:
        current.set(unusable)
    correlation = CorrelationId(current, generate=lambda: "generated")
    passed = await correlation.intercept_request(RequestContext("GET", "http://h/"))
    assert passed.headers["x-correlation-id"] == "generated"


async def test_generated_ids_and_keys_differ_from_call_to_call() -> None:
    seen: set[str] = set()
    for _ in range(3):
        request = RequestContext("POST", "http://h/")
        for interceptor in (CorrelationId(), IdempotencyKey()):
            request = await interceptor.intercept_request(request)
        seen |= {value for _, value in request.headers.pairs}
    assert len(seen) == 6


@BOTH
async def test_an_idempotency_key_makes_a_post_repeatable_with_one_key(
    opened: Open,
) -> None:
    keys = count(1)
    interceptor = IdempotencyKey(generate=lambda: f"k{next(keys)}")
    async with opened(interceptor) as (client, backend):
        backend.on.post("/x").sequence(Reply(503), Reply(201), Reply(201), Reply(201))
        backend.on.get("/x").respond(200)
        url = f"{backend.base_url}/x"
        assert (await client.post(url)).unwrap().attempts == 2
        await client.post(url, idempotency_key="own")
        await client.post(url)
        await client.get(url)
        sent = [call.request.headers.get("idempotency-key") for call in backend.calls]
    assert sent == ["k1", "k1", "own", "k2", None]


@pytest.mark.parametrize(
    ("interceptor", "field"),
    [
        (IdempotencyKey(quoted=True, generate=lambda: "k"), ("idempotency-key", '"k"')),
        (IdempotencyKey(header="X-Key", generate=lambda: "k"), ("x-key", "k")),
        (
            IdempotencyKey(origin="http://h/v1", generate=lambda: "k"),
            ("idempotency-key", "k"),
        ),
        (IdempotencyKey(origin="http://other", generate=lambda: "k"), None),
        (IdempotencyKey(methods=["put"], generate=lambda: "k"), None),
    ],
)
async def test_an_idempotency_key_goes_where_and_as_it_was_told(
    interceptor: IdempotencyKey, field: tuple[str, str] | None
) -> None:
    request = RequestContext("POST", "http://h/x")
    passed = await interceptor.intercept_request(request)
    assert passed.headers == Headers([field] if field else ())
    assert repr(interceptor).startswith("<IdempotencyKey as ")


class Canned(AroundInterceptorProtocol):
    """Answers by itself what it knows."""

    def __init__(self, scope: str) -> None:
        self.scope = scope

    async def around(
        self, request: RequestContext, proceed: Proceed, /
    ) -> ResponseContext:
        if request.url.endswith("/known"):
            headers = Headers({"Content-Type": "application/json"})
            return ResponseContext(200, headers, b'{"a": 1}')
        return await proceed(request)


@BOTH
@pytest.mark.parametrize("scope", ["call", "attempt"])
async def test_an_interceptor_may_answer_by_itself(opened: Open, scope: str) -> None:
    async with opened(Canned(scope)) as (client, backend):
        backend.on.get("/x").respond(204)
        known = (await client.get(f"{backend.base_url}/known")).unwrap()
        other = (await client.get(f"{backend.base_url}/x")).unwrap()
        assert len(backend.calls) == 1
        assert known.url == f"{backend.base_url}/known"
    assert (known.status, known.json, known.attempts) == (200, {"a": 1}, 0)
    assert (other.status, other.attempts) == (204, 1)


class Again(AroundInterceptorProtocol):
    """Sends everything twice."""

    def __init__(self, scope: str) -> None:
        self.scope = scope

    async def around(
        self, request: RequestContext, proceed: Proceed, /
    ) -> ResponseContext:
        await proceed(request)
        return await proceed(request)


@BOTH
@pytest.mark.parametrize("scope", ["call", "attempt"])
async def test_what_is_sent_again_counts_as_an_attempt(
    opened: Open, scope: str
) -> None:
    async with opened(Again(scope), CorrelationId()) as (client, backend):
        backend.on.post("/x").respond(201)
        response = await client.request("POST", f"{backend.base_url}/x", data=b"b")
        sent = [call.request for call in backend.calls]
    assert response.attempts == len(sent) == 2
    assert [request.body for request in sent] == [b"b", b"b"]
    assert all(len(r.headers.get_all("x-correlation-id")) == 1 for r in sent)


@pytest.mark.parametrize("scope", ["call", "attempt"])
async def test_one_that_fails_after_the_answer_leaks_no_connection(scope: str) -> None:
    class Fails(AroundInterceptorProtocol):
        async def around(
            self, request: RequestContext, proceed: Proceed, /
        ) -> ResponseContext:
            response = await proceed(request)
            raise LookupError(response.status)

    fails = Fails()
    fails.scope = scope  # type: ignore[attr-defined]  # any interceptor may say it
    async with FaultServer.run() as server, HTTPClient(interceptors=[fails]) as client:
        server.on.get("/v1").respond(200)
        for _ in range(3):
            with pytest.raises(LookupError) as caught:
                await client.get(f"{server.base_url}/v1")
            assert "`around` of the interceptor" in caught.value.__notes__[0]
        assert len(server.connections) == 1
