"""Credentials reach the origin that they are for, and no other one."""

import base64
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.web import (
    HTTPClientProtocol,
    HTTPInvalidRequestError,
    InterceptorProtocol,
    MutableHeaders,
    RequestContext,
)
from lexigram.http import (
    AccessToken,
    BasicAuth,
    BearerAuth,
    DefaultHeaders,
    HTTPClient,
    RequestSigning,
    TokenRefresh,
)
from lexigram.http.interceptors.origins import origin_of
from lexigram.testing import FakeHTTPClient, FaultServer, Reply
from lexigram.testing.conformance import Backend, other_origin

Make = Callable[[str], InterceptorProtocol]
Opened = AbstractAsyncContextManager[tuple[HTTPClientProtocol, Backend]]
Open = Callable[[Make], Opened]


@asynccontextmanager
async def on_sockets(make: Make) -> AsyncGenerator[tuple[HTTPClientProtocol, Backend]]:
    async with (
        FaultServer.run() as server,
        HTTPClient(interceptors=[make(server.base_url)]) as client,
    ):
        yield client, server


@asynccontextmanager
async def in_memory(make: Make) -> AsyncGenerator[tuple[HTTPClientProtocol, Backend]]:
    interceptors = [make("https://fake.test")]
    async with FakeHTTPClient(interceptors=interceptors) as client:
        yield client, client


BOTH = pytest.mark.parametrize("opened", [on_sockets, in_memory])


async def fetch() -> AccessToken:
    return AccessToken("s3cret")


def by_hand(origin: str) -> InterceptorProtocol:
    return RequestSigning(lambda _: {"Authorization": "Bearer s3cret"}, origin=origin)


KINDS: list[Make] = [
    lambda origin: BearerAuth("s3cret", origin=origin),
    lambda origin: BasicAuth("me", "s3cret", origin=origin),
    lambda origin: TokenRefresh(fetch, origin=origin),
    lambda origin: DefaultHeaders({"Authorization": "s3cret"}, origin=origin),
    by_hand,
]
EVERY_KIND = pytest.mark.parametrize(
    "make", KINDS, ids=["bearer", "basic", "refresh", "default", "signing"]
)


@BOTH
@EVERY_KIND
async def test_their_origin_gets_them_on_every_hop_and_attempt(
    opened: Open, make: Make
) -> None:
    async with opened(make) as (client, backend):
        backend.on.get("/old").respond(302, headers={"Location": "/new"})
        backend.on.get("/new").respond(200)
        assert await client.get(f"{backend.base_url}/old")
        sent = [call.request.headers["authorization"] for call in backend.calls]
    assert len(sent) == 2
    assert len(set(sent)) == 1


@BOTH
@EVERY_KIND
async def test_another_origin_gets_none(opened: Open, make: Make) -> None:
    async with opened(make) as (client, backend):
        backend.on.get("/x").respond(401)
        assert not await client.get(f"{other_origin(backend)}/x")
        assert "authorization" not in backend.calls.one().request.headers


@EVERY_KIND
async def test_a_redirect_takes_none_to_another_server(make: Make) -> None:
    async with (
        FaultServer.run() as home,
        FaultServer.run() as away,
        HTTPClient(interceptors=[make(home.base_url)]) as client,
    ):
        home.on.post("/").respond(307, headers={"Location": f"{away.base_url}/x"})
        away.on.post("/x").respond(401)
        response = await client.request("POST", f"{home.base_url}/", json={})
        assert response.status == 401
        assert "authorization" in home.calls.one().request.headers
        assert "authorization" not in away.calls.one().request.headers


@EVERY_KIND
async def test_a_redirect_from_another_server_obtains_none(make: Make) -> None:
    """Else whoever is called could have the client act with its credentials."""
    async with (
        FaultServer.run() as home,
        FaultServer.run() as away,
        HTTPClient(interceptors=[make(home.base_url)]) as client,
    ):
        away.on.get("/").respond(302, headers={"Location": f"{home.base_url}/delete"})
        home.on.get("/delete").respond(401)
        await client.get(f"{away.base_url}/")
        assert "authorization" not in home.calls.one().request.headers


@EVERY_KIND
async def test_a_call_that_was_elsewhere_comes_back_without(make: Make) -> None:
    async with (
        FaultServer.run() as home,
        FaultServer.run() as away,
        HTTPClient(interceptors=[make(home.base_url)]) as client,
    ):
        home.on.get("/").respond(302, headers={"Location": f"{away.base_url}/x"})
        away.on.get("/x").respond(302, headers={"Location": f"{home.base_url}/y"})
        home.on.get("/y").respond(401)
        await client.get(f"{home.base_url}/")
        assert "authorization" in home.calls[0].request.headers
        assert "authorization" not in home.calls[1].request.headers


@BOTH
@pytest.mark.parametrize("make", KINDS[:4])
async def test_what_the_caller_sets_is_kept(opened: Open, make: Make) -> None:
    async with opened(make) as (client, backend):
        backend.on.get("/x").respond(200)
        url = f"{backend.base_url}/x"
        await client.get(url, headers={"authorization": "mine"})
        sent = backend.calls.one().request.headers
    assert sent.get_all("authorization") == ["mine"]


@EVERY_KIND
async def test_userinfo_of_the_url_is_not_combined_with_them(make: Make) -> None:
    interceptor = make("http://h/")
    request = RequestContext("GET", "http://me:pw@h/")
    passed = await interceptor.intercept_request(request)
    assert "authorization" not in passed.headers


@EVERY_KIND
def test_none_is_shown(make: Make) -> None:
    assert "s3cret" not in repr(make("http://h:80/path"))
    assert "for http://h" in repr(make("http://h:80/path"))


@BOTH
async def test_a_bearer_token_is_asked_for_at_each_attempt(opened: Open) -> None:
    numbers = count(1)

    async def token() -> str:
        return f"t{next(numbers)}"

    def make(origin: str) -> InterceptorProtocol:
        return BearerAuth(token, origin=origin)

    async with opened(make) as (client, backend):
        backend.on.get("/x").sequence(Reply(307, headers={"Location": "/x"}), Reply())
        assert await client.get(f"{backend.base_url}/x")
        sent = [call.request.headers["authorization"] for call in backend.calls]
    assert sent == ["Bearer t1", "Bearer t2"]


async def test_a_bearer_token_may_come_from_the_context() -> None:
    current: ContextVar[str] = ContextVar("current")
    auth = BearerAuth(current.get, origin="http://h")
    current.set("of-this-user")
    passed = await auth.intercept_request(RequestContext("GET", "http://h/"))
    assert passed.headers["authorization"] == "Bearer of-this-user"


@pytest.mark.parametrize("token", ["", "two words", "line\n", "ü", "a\r\nX: 1"])
async def test_a_token_that_no_header_can_hold_is_refused_and_not_shown(
    token: str,
) -> None:
    with pytest.raises(HTTPInvalidRequestError, match="bearer token is empty") as first:
        BearerAuth(token, origin="http://h")
    late = BearerAuth(lambda: token, origin="http://h")
    with pytest.raises(HTTPInvalidRequestError) as second:
        await late.intercept_request(RequestContext("GET", "http://h/"))
    for caught in (first, second):
        assert not token or token not in str(caught.value)


USERS = st.text(st.characters(exclude_characters=":", exclude_categories=["C"]))
PASSWORDS = st.text(st.characters(exclude_categories=["C"]))


@given(USERS, PASSWORDS)
async def test_basic_credentials_can_be_read_back(user: str, password: str) -> None:
    auth = BasicAuth(user, password, origin="http://h")
    passed = await auth.intercept_request(RequestContext("GET", "http://h/"))
    scheme, _, value = passed.headers["authorization"].partition(" ")
    pair = base64.b64decode(value, validate=True).decode()
    again = BasicAuth(*pair.split(":", 1), origin="http://h")
    repeated = await again.intercept_request(RequestContext("GET", "http://h/"))
    assert scheme == "Basic"
    assert repeated.headers == passed.headers


@pytest.mark.parametrize(
    ("user", "password", "value"),
    [
        ("Aladdin", "open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),  # RFC 7617 §2
        ("test", "123£", "dGVzdDoxMjPCow=="),  # RFC 7617 §2.1
        ("me", "e\u0301", "bWU6w6k="),  # in the form of Unicode that it names
        ("me", "a:b", "bWU6YTpi"),
    ],
)
async def test_basic_credentials_are_sent_as_rfc_7617_says(
    user: str, password: str, value: str
) -> None:
    auth = BasicAuth(user, password, origin="http://h")
    passed = await auth.intercept_request(RequestContext("GET", "http://h/"))
    assert passed.headers["authorization"] == f"Basic {value}"


@pytest.mark.parametrize(
    ("user", "password", "problem"),
    [
        ("a:b", "s3cret", "holds a colon"),
        ("a\n", "s3cret", "control character"),
        ("a", "s3cret\x7f", "control character"),
    ],
)
def test_basic_credentials_that_cannot_be_read_back_are_refused(
    user: str, password: str, problem: str
) -> None:
    with pytest.raises(HTTPInvalidRequestError, match=problem) as caught:
        BasicAuth(user, password, origin="http://h")
    assert "s3cret" not in str(caught.value)


def test_an_origin_that_is_none_is_refused() -> None:
    with pytest.raises(HTTPInvalidRequestError, match="no scheme"):
        BearerAuth("t", origin="api.test")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("HTTPS://API.test:443/v1?a=1", "https://api.test"),
        ("http://api.test:443", "http://api.test:443"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("http://me:pw@api.test", "http://api.test"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@BOTH
async def test_a_signature_covers_what_is_sent_at_each_attempt(opened: Open) -> None:
    signed: list[tuple[str, str, bytes | None, int]] = []

    async def sign(request: RequestContext) -> MutableHeaders:
        signed.append((request.method, request.url, request.body, request.attempt))
        return MutableHeaders([("X-Sig", str(len(signed))), ("X-Sig", "more")])

    def make(origin: str) -> InterceptorProtocol:
        return RequestSigning(sign, origin=origin)

    async with opened(make) as (client, backend):
        base = backend.base_url
        backend.on.post("/x").respond(307, headers={"Location": "/y"})
        backend.on.post("/y").respond(201)
        await client.post(f"{base}/x", data=b"body", headers={"X-Sig": "forged"})
        sent = [call.request.headers.get_all("x-sig") for call in backend.calls]
    assert sent == [["1", "more"], ["2", "more"]]
    assert signed == [
        ("POST", f"{base}/x", b"body", 1),
        ("POST", f"{base}/y", b"body", 2),
    ]


async def test_a_signature_that_fails_is_attributed_and_nothing_is_sent() -> None:
    def sign(request: RequestContext) -> dict[str, str]:
        raise LookupError(request.attempt)

    async with FaultServer.run() as server:
        signing = RequestSigning(sign, origin=server.base_url)
        async with HTTPClient(interceptors=[signing]) as client:
            with pytest.raises(LookupError) as caught:
                await client.get(server.base_url)
        assert not server.connections
    assert caught.value.__notes__ == [
        "Raised by `intercept_request` of the interceptor RequestSigning."
    ]
