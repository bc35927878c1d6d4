"""Options of one call: as whom, through which proxy, by which TLS, under which name."""

import asyncio
import hashlib
import logging
import ssl
from base64 import b64encode
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

import pytest
import trustme

from lexigram.contracts.resilience import Call
from lexigram.contracts.web import (
    HTTPBlockedError,
    HTTPClientProtocol,
    HTTPConnectionError,
    HTTPInvalidRequestError,
    HTTPUnknownOptionError,
    InterceptorProtocol,
    RequestContext,
    RequestOptions,
)
from lexigram.http import (
    AccessToken,
    BaseURLHTTPClient,
    BasicAuth,
    BearerAuth,
    DefaultHeaders,
    HTTPClient,
    HTTPClientConfig,
    RequestSigning,
    TLSConfigError,
    TokenRefresh,
)
from lexigram.http.config import ProxyURL
from lexigram.http.egress.config import EgressConfig
from lexigram.testing import FakeHTTPClient, FaultServer, Reply
from lexigram.testing.conformance import Backend, other_origin

T = TypeVar("T")

Make = Callable[[str], InterceptorProtocol]
Opened = AbstractAsyncContextManager[tuple[HTTPClientProtocol, Backend]]
Open = Callable[..., Opened]


@asynccontextmanager
async def on_sockets(
    *make: Make, **wiring: Any
) -> AsyncGenerator[tuple[HTTPClientProtocol, Backend]]:
    async with (
        FaultServer.run() as server,
        HTTPClient(
            interceptors=[one(server.base_url) for one in make], **wiring
        ) as client,
    ):
        yield client, server


@asynccontextmanager
async def in_memory(
    *make: Make, **wiring: Any
) -> AsyncGenerator[tuple[HTTPClientProtocol, Backend]]:
    interceptors = [one("https://fake.test") for one in make]
    async with FakeHTTPClient(interceptors=interceptors, **wiring) as client:
        yield client, client


BOTH = pytest.mark.parametrize("opened", [on_sockets, in_memory])


async def fetch() -> AccessToken:
    return AccessToken("client")


def by_hand(origin: str) -> InterceptorProtocol:
    return RequestSigning(lambda _: {"Authorization": "Bearer client"}, origin=origin)


KINDS: list[Make] = [
    lambda origin: BearerAuth("client", origin=origin),
    lambda origin: BasicAuth("me", "client", origin=origin),
    lambda origin: TokenRefresh(fetch, origin=origin),
    lambda origin: DefaultHeaders({"Authorization": "client"}, origin=origin),
    by_hand,
]
EVERY_KIND = pytest.mark.parametrize(
    "make", KINDS, ids=["bearer", "basic", "refresh", "default", "signing"]
)
CALLS = "Basic dTpw"  # u:p


class Wrapped(InterceptorProtocol):
    """A stranger's credentials, which ask another interceptor for them."""

    def __init__(self, inner: InterceptorProtocol) -> None:
        self.scope = "attempt"
        self._inner = inner

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        return await self._inner.intercept_request(context)


class Secret(InterceptorProtocol):
    """Adds a header, of the call when it does not say otherwise."""

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        context.headers["Authorization"] = "Bearer mine"
        return context


@BOTH
@EVERY_KIND
async def test_the_credentials_of_a_call_take_the_place_of_the_clients(
    opened: Open, make: Make
) -> None:
    async with opened(make) as (client, backend):
        backend.on.get("/v1").respond()
        origin = backend.base_url
        for auth in (
            ("u", "p"),
            BearerAuth("mine", origin=origin),
            Wrapped(BearerAuth("mine", origin=origin)),
            Secret(),
            None,
        ):
            await client.get(f"{origin}/v1", auth=auth)
        await client.get(f"{origin}/v1")
        sent = [call.request.headers.get("authorization") for call in backend.calls]
    assert sent[:-1] == [CALLS, "Bearer mine", "Bearer mine", "Bearer mine", None]
    assert "client" in str(sent[-1]) or "Basic" in str(sent[-1])


@BOTH
async def test_a_refused_call_with_own_credentials_costs_the_client_no_token(
    opened: Open,
) -> None:
    fetched: list[int] = []

    async def count() -> AccessToken:
        fetched.append(1)
        return AccessToken("client")

    async with opened(lambda o: TokenRefresh(count, origin=o)) as (client, backend):
        backend.on.get("/v1").respond(401)
        assert (await client.get(f"{backend.base_url}/v1", auth=("u", "p"))).is_err()
        assert (await client.get(f"{backend.base_url}/v1", auth=None)).is_err()
        assert len(backend.calls) == 2
    assert not fetched


@BOTH
async def test_a_refresh_may_belong_to_one_call(opened: Open) -> None:
    tokens = iter("ab")

    async def fetch_next() -> AccessToken:
        return AccessToken(next(tokens))

    def client_token(origin: str) -> InterceptorProtocol:
        return TokenRefresh(fetch, origin=origin)

    async with opened(client_token) as (client, backend):
        backend.on.get("/v1").sequence(Reply(401), Reply(200))
        own = TokenRefresh(fetch_next, origin=backend.base_url)
        response = await client.request("GET", f"{backend.base_url}/v1", auth=own)
        sent = [call.request.headers["authorization"] for call in backend.calls]
    assert (response.status, response.attempts) == (200, 2)
    assert sent == ["Bearer a", "Bearer b"]


@BOTH
@pytest.mark.parametrize("kind", ["pair", "bearer", "refresh", "stranger"])
async def test_the_credentials_of_a_call_stay_at_their_origin(
    opened: Open, kind: str
) -> None:
    async with opened() as (client, backend):
        here, there = backend.base_url, other_origin(backend)
        backend.on.get("/old").respond(302, headers={"Location": "/moved"})
        backend.on.get("/moved").respond(302, headers={"Location": f"{there}/away"})
        backend.on.get("/away").respond(302, headers={"Location": f"{here}/back"})
        backend.on.get("/back").respond()
        auth: Any = {
            "pair": ("u", "p"),
            "bearer": BearerAuth("mine", origin=here),
            "refresh": TokenRefresh(fetch, origin=here),
            "stranger": Secret(),
        }[kind]
        assert await client.get(f"{here}/old", auth=auth)
        sent = ["authorization" in call.request.headers for call in backend.calls]
    assert sent == [True, True, False, False]


@BOTH
async def test_a_stranger_among_the_interceptors_can_tell_such_a_call(
    opened: Open,
) -> None:
    class Polite(InterceptorProtocol):
        scope = "attempt"

        async def intercept_request(self, context: RequestContext, /) -> RequestContext:
            context.headers["X-Own"] = str(context.own_auth)
            return context

    async with opened(lambda _: Polite()) as (client, backend):
        backend.on.get("/v1").respond()
        for options in ({"auth": Secret()}, {"auth": None}, {}):
            await client.get(f"{backend.base_url}/v1", **options)
        sent = [call.request.headers["x-own"] for call in backend.calls]
    assert sent == ["True", "True", "False"]


@BOTH
async def test_the_error_of_an_interceptor_of_one_call_is_its_own(opened: Open) -> None:
    class Broken(InterceptorProtocol):
        async def intercept_request(self, context: RequestContext, /) -> RequestContext:
            raise LookupError("no key")

    async with opened() as (client, backend):
        with pytest.raises(LookupError) as caught:
            await client.get(f"{backend.base_url}/v1", auth=Broken())
    assert caught.value.__notes__ == [
        f"Raised by `intercept_request` of the interceptor {Broken.__qualname__}."
    ]


async def test_a_client_of_one_upstream_passes_every_option_through() -> None:
    async with FaultServer.run() as proxy:
        proxy.on.get("http://partner.test/v1/x").respond()
        config = HTTPClientConfig(trust_env=False)
        async with BaseURLHTTPClient(
            "http://partner.test/v1",
            headers={"Authorization": "Bearer client", "X-Team": "a"},
            interceptors=[DefaultHeaders({"X-More": "b"})],
            config=config,
        ) as client:
            url = proxy.base_url
            await client.get("x", proxy=url, route="/x")
            await client.get("x", proxy=url, auth=("u", "p"))
            await client.get("x", proxy=url, auth=None)
            with pytest.raises(HTTPInvalidRequestError, match="Give one of them"):
                await client.get(
                    "x", proxy=url, auth=None, headers={"Authorization": "Bearer b"}
                )
            with pytest.raises(HTTPInvalidRequestError, match="no policy 'x'"):
                await client.get("x", proxy=url, tls="x")
        headers = [call.request.headers for call in proxy.calls]
    assert [h.get("authorization") for h in headers] == ["Bearer client", CALLS, None]
    assert {(h["x-team"], h["x-more"]) for h in headers} == {("a", "b")}


async def test_a_client_that_is_given_has_its_own_interceptors() -> None:
    with pytest.raises(TypeError, match="not both"):
        BaseURLHTTPClient("http://a.test", client=HTTPClient(), interceptors=[Secret()])


async def test_a_proxy_of_one_call_wins_and_none_connects_directly() -> None:
    async with FaultServer.run() as usual, FaultServer.run() as other:
        for proxy in (usual, other):
            proxy.on.get("http://partner.test/v1").respond()
        usual.on.get("/direct").respond(text="direct")
        with_password = other.base_url.replace("//", "//J%C3%BCrgen:s3cret@")
        config = HTTPClientConfig(proxy=ProxyURL(usual.base_url))
        async with HTTPClient(config) as client:
            await client.get("http://partner.test/v1")
            for _ in range(2):
                await client.get("http://partner.test/v1", proxy=with_password)
            await client.get("http://partner.test/v1", proxy=other.base_url)
            response = await client.request(
                "GET", f"{usual.base_url}/direct", proxy=None
            )
            assert response.text == "direct"
        assert [call.request.target for call in usual.calls] == [
            "http://partner.test/v1",
            "/direct",
        ]
        said = [call.request.header("proxy-authorization") for call in other.calls]
    basic = f"Basic {b64encode('Jürgen:s3cret'.encode()).decode()}"
    assert said == [basic, basic, None]


async def test_a_proxy_of_one_call_wins_over_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("http_proxy", "socks5://nobody.test:1")
    async with FaultServer.run() as proxy, HTTPClient() as client:
        url = "http://partner.test/v1"
        proxy.on.get("/old").respond(302, headers={"Location": url})
        proxy.on.get(url).respond()
        assert (await client.get(url)).is_err()
        old = "http://partner.test/old"
        assert (await client.get(old, proxy=proxy.base_url)).is_ok()
        assert len(proxy.calls) == 2, "a redirect goes the way of its call"


@BOTH
async def test_a_proxy_that_cannot_be_used_fails_its_call_alone(opened: Open) -> None:
    async with opened() as (client, backend):
        backend.on.get("/v1").respond()
        url = f"{backend.base_url}/v1"
        result = await client.get(url, proxy="socks5://me:s3cret@proxy.test:1")
        error = result.unwrap_err()
        assert isinstance(error, HTTPInvalidRequestError)
        assert "SOCKS" in str(error)
        assert "s3cret" not in str(error)
        assert (await client.get(url)).is_ok()
        assert len(backend.calls) == 1


async def test_a_proxy_of_one_call_does_not_lead_out_of_the_loopback() -> None:
    config = HTTPClientConfig(egress=EgressConfig(addresses="loopback"))
    async with FaultServer.run() as proxy, HTTPClient(config) as client:
        proxy.on.get("/v1").respond()
        result = await client.get("http://partner.test/v1", proxy=proxy.base_url)
        assert isinstance(result.unwrap_err(), HTTPBlockedError)
        assert "`egress` (loopback)" in str(result.unwrap_err())
        assert (await client.get(f"{proxy.base_url}/v1", proxy=None)).is_ok()


def policies(**named: Any) -> HTTPClientConfig:
    return HTTPClientConfig.model_validate({"tls_policies": named, "trust_env": False})


async def test_a_call_chooses_whom_it_trusts_and_shares_no_connection() -> None:
    async with FaultServer.run(tls=True) as server:
        server.on.get("/v1").respond()
        url = f"{server.base_url}/v1"
        authority = {"ca_data": server.ca_pem.decode()}
        config = policies(partner=authority, twin=authority, plain={})
        async with HTTPClient(config) as client:
            assert (await client.get(url, tls="partner")).is_ok()
            assert (await client.get(url, tls="partner")).is_ok()
            assert len(server.connections) == 1, "it is used again"
            for choice in (RequestOptions(), RequestOptions(tls="plain")):
                error = (await client.get(url, **choice)).unwrap_err()
                assert isinstance(error, HTTPConnectionError)
                assert error.failure == "tls"
            assert (await client.get(url, tls="twin")).is_ok()
        assert len(server.calls) == 3


async def test_a_call_without_a_policy_does_not_get_the_trust_of_one() -> None:
    async with FaultServer.run(tls=True) as server:
        server.on.get("/v1").respond()
        url = f"{server.base_url}/v1"
        config = HTTPClientConfig.model_validate(
            {"tls": {"ca_data": server.ca_pem.decode()}, "tls_policies": {"plain": {}}}
        )
        async with HTTPClient(config) as client:
            assert (await client.get(url)).is_ok()
            error = (await client.get(url, tls="plain", retry=False)).unwrap_err()
    assert isinstance(error, HTTPConnectionError)
    assert error.failure == "tls"


async def test_the_pins_of_a_policy_hold_for_its_calls_alone() -> None:
    async with FaultServer.run(tls=True) as server:
        server.on.get("/v1").respond()
        url = f"{server.base_url}/v1"
        authority = {"ca_data": server.ca_pem.decode()}
        address = ("127.0.0.1", server.port)
        pem = await asyncio.to_thread(ssl.get_server_certificate, address)
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
        config = policies(
            free=authority,
            right={**authority, "pins": [digest]},
            wrong={**authority, "pins": ["ab" * 32]},
        )
        async with HTTPClient(config) as client:
            for name in ("free", "right"):
                assert (await client.get(url, tls=name)).is_ok()
            error = (await client.get(url, tls="wrong", retry=False)).unwrap_err()
        assert isinstance(error, HTTPConnectionError)
        assert error.failure == "tls"
        assert digest in str(error)
        assert len(server.calls) == 2


async def test_an_unknown_policy_is_refused_with_the_nearest() -> None:
    async with HTTPClient(policies(partner={}, bank={})) as client:
        error = (await client.get("https://a.test/", tls="partnr")).unwrap_err()
        assert isinstance(error, HTTPInvalidRequestError)
        assert "Did you mean 'partner'?" in str(error)
    async with HTTPClient() as client:
        error = (await client.get("https://a.test/", tls="partner")).unwrap_err()
        assert "There are none." in str(error)


async def test_what_is_wrong_with_a_policy_stops_the_start_with_its_place() -> None:
    client = HTTPClient(policies(good={}, partner={"ca_file": "/nowhere/ca.pem"}))
    with pytest.raises(TLSConfigError, match=r"`tls_policies\.partner\.ca_file`"):
        await client.start()
    authority = trustme.CA().cert_pem.bytes().decode()
    assert "tls_policies" in repr(policies(a={"ca_data": authority}))


async def test_a_fake_takes_any_name_of_a_policy() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/v1").respond()
        assert (await fake.get("/v1", tls="partner")).is_ok()
        assert (await fake.get("/v1", tls="")).is_err()


class Names:
    """A policy that keeps what calls it was told of."""

    def __init__(self) -> None:
        self.operations: list[str] = []

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        assert call is not None
        self.operations.append(call.operation)
        return await operation()


@BOTH
async def test_a_route_names_the_call_everywhere_but_on_the_wire(
    opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    class Reader(InterceptorProtocol):
        async def intercept_request(self, context: RequestContext, /) -> RequestContext:
            seen.append(context.route)
            return context

    caplog.set_level(logging.DEBUG, "lexigram.http.client")
    seen: list[str] = []
    names = Names()
    async with opened(lambda _: Reader(), resilience=names) as (client, backend):
        backend.on.get("/v1/invoices/42").respond(302, headers={"Location": "/gone"})
        backend.on.get("/gone").respond(404)
        url = f"{backend.base_url}/v1/invoices/42"
        await client.get(url, route="/v1/invoices/{id}")
        for call in backend.calls:
            assert "{id}" not in f"{call.request.url} {call.request.headers}"
    assert names.operations == ["GET /v1/invoices/{id}"] * 2
    assert seen == ["/v1/invoices/{id}"]
    (record,) = [r for r in caplog.records if r.message.endswith("error_response")]
    assert vars(record)["route"] == "/v1/invoices/{id}"


@BOTH
async def test_an_option_that_does_not_exist_is_named_with_the_nearest(
    opened: Open,
) -> None:
    async with opened() as (client, backend):
        options: dict[str, Any] = {"prxy": None}
        with pytest.raises(HTTPUnknownOptionError, match="Did you mean 'proxy'"):
            await client.get(f"{backend.base_url}/v1", **options)
