"""A client of one upstream stays with it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Unpack

import pytest

from lexigram.contracts.web import (
    HTTPClientProtocol,
    HTTPConnectionError,
    HTTPInvalidRequestError,
    HTTPStatusError,
    HTTPTimeoutError,
    RequestOptions,
    ResponseStreamProtocol,
    Timeouts,
)
from lexigram.http import (
    BaseURLHTTPClient,
    HTTPClient,
    HTTPClientConfig,
    RelativeHTTPClient,
)
from lexigram.http.joining import BaseURL
from lexigram.testing import FakeHTTPClient, FaultServer, fault

URL = "https://fake.test/v1"
SECRETS: dict[str, Any] = {
    "headers": {"Authorization": "Bearer s3cret", "X-Api-Key": "s3cret"},
    "params": {"key": "s3cret"},
}


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    ("path", "arrives"),
    [("invoices", "/v1/invoices"), ("/invoices", "/v1/invoices"), ("", "/v1"),
     ("a/b?c=d", "/v1/a/b"), ("a%2Fb", "/v1/a%2Fb"), ("/a:b", "/v1/a:b")],
)  # fmt: skip
async def test_a_path_is_appended(path: str, arrives: str, slash: str) -> None:
    async with (
        FaultServer.run() as server,
        BaseURLHTTPClient(f"{server.base_url}/v1{slash}") as client,
    ):
        server.on("GET", arrives).respond(200)
        await client.get(path)
        assert server.calls.one().request.path == arrives


@pytest.mark.parametrize(
    "path",
    ["//evil.test/x", "http://evil.test/", "HTTPS://evil.test", "javascript:x", "../x",
     "a/../../x", "%2e%2e/x", "a/%2E%2E/x", ".", "\\\\evil.test", "/\\evil.test", "..\\x",
     "a%2f..%2fx", "%252e%252e/x", "..;/x", "a/..;v=1/x", "http://[", "http://"],
)  # fmt: skip
async def test_a_path_cannot_leave_the_base(path: str) -> None:
    async with (
        FaultServer.run() as server,
        BaseURLHTTPClient(server.base_url) as client,
    ):
        with pytest.raises(HTTPInvalidRequestError, match="leads out of the base URL"):
            await client.get(path)
        assert len(server.calls) == 0


@pytest.mark.parametrize(
    ("url", "below"),
    [
        ("https://api.test/v1/x?a=b", "/x?a=b"),
        ("HTTPS://API.test:443/v1/x", "/x"),
        ("https://api.test/v1", ""),
        ("https://api.test/v1?a=b", "?a=b"),
        ("https://api.test/v1/x#part", "/x"),
        ("https://me:pw@api.test/v1/x", "/x"),
    ],
)
def test_a_whole_url_below_the_base_is_a_path(url: str, below: str) -> None:
    base = BaseURL("https://me:pw@api.test/v1")
    assert base.join(url) == f"https://me:pw@api.test/v1{below}"


@pytest.mark.parametrize(
    "url",
    [
        "http://api.test/v1/x",
        "https://api.test:444/v1/x",
        "https://api.test.evil.test/v1/x",
        "https://api.test@evil.test/v1/x",
        "https://evil@api.test/v1/x",
        "https://api.test/v1x",
        "https://api.test/v2/x",
        "https://api.test/",
        "https://api.test/v1/../x",
        "https://api.test/v1/%2e%2e/x",
        "https://api.test\\@evil.test/v1/x",
        "https:api.test/v1/x",
        "https:///v1/x",
        "https://api.test:99999/v1/x",
    ],
)
def test_a_whole_url_elsewhere_leads_out(url: str) -> None:
    with pytest.raises(HTTPInvalidRequestError, match="leads out"):
        BaseURL("https://api.test/v1").join(url)


def test_the_error_of_a_path_shows_no_credentials() -> None:
    with pytest.raises(HTTPInvalidRequestError) as caught:
        BaseURL("https://me:pw@api.test").join("https://a:s3cret@evil.test/?key=s3cret")
    assert "s3cret" not in str(caught.value)
    assert "pw" not in str(caught.value)


def test_the_base_url_is_written_as_it_is_sent() -> None:
    assert BaseURLHTTPClient(
        "HTTPS://API.test/a b/../v 1/?".replace(" ", "%20")
    ).base_url == ("https://api.test/v%201")


@pytest.mark.parametrize("url", ["api.test", "ftp://api.test", "https://api.test/?a=1"])
def test_an_unusable_base_url_is_refused_at_once(url: str) -> None:
    with pytest.raises(HTTPInvalidRequestError):
        BaseURLHTTPClient(url)


@pytest.mark.parametrize(
    "verb", ["get", "post", "put", "delete", "patch", "head", "options"]
)
async def test_every_verb_returns_the_response_whatever_its_status(verb: str) -> None:
    async with (
        FaultServer.run() as server,
        BaseURLHTTPClient(server.base_url) as client,
    ):
        server.on(verb.upper(), "/v1").respond(404)
        response = await getattr(client, verb)("/v1")
        assert (response.status, response.method) == (404, verb.upper())
        with pytest.raises(HTTPStatusError):
            response.raise_for_status()


async def test_default_headers_are_sent_and_yield_to_those_of_a_call() -> None:
    headers = {"Authorization": "Bearer t", "X-Both": "default"}
    async with (
        FaultServer.run() as server,
        BaseURLHTTPClient(server.base_url, headers=headers) as client,
    ):
        server.on.get("/v1").respond(200)
        await client.get("/v1", headers={"x-both": "own"})
        sent = server.calls.one().request.headers
    assert sent["authorization"] == "Bearer t"
    assert sent.get_all("X-Both") == ["own"]


async def test_the_default_timeout_applies_and_a_call_may_change_it() -> None:
    async with (
        FaultServer.run() as server,
        BaseURLHTTPClient(server.base_url, timeout=0.05) as client,
    ):
        server.on.get("/v1").fail(fault.hang())
        for options, limit in (({}, 0.05), ({"timeout": 0.06}, 0.06)):
            with pytest.raises(HTTPTimeoutError) as caught:
                await client.get("/v1", **options)
            assert caught.value.limit == limit


async def test_failures_of_the_transport_are_raised() -> None:
    async with (
        FaultServer.run() as server,
        BaseURLHTTPClient(server.base_url) as client,
    ):
        await server.down()
        with pytest.raises(HTTPConnectionError):
            await client.get("/v1", retry=False)


async def test_several_share_the_pool_of_one_client() -> None:
    async with FaultServer.run() as server, HTTPClient() as shared:
        server.on.get("/a/x").respond(200)
        server.on.get("/b/x").respond(200)
        for part in ("a", "b"):
            async with BaseURLHTTPClient(
                f"{server.base_url}/{part}", client=shared
            ) as client:
                await client.get("x")
        assert len(server.connections) == 1
        assert await shared.get(f"{server.base_url}/a/x")


def test_a_client_and_a_configuration_exclude_each_other() -> None:
    with pytest.raises(TypeError, match="not both"):
        BaseURLHTTPClient("http://h", client=HTTPClient(), config=HTTPClientConfig())


def test_repr_hides_credentials() -> None:
    assert repr(BaseURLHTTPClient("http://u:s3cret@h/v1")) == (
        "<BaseURLHTTPClient http://***@h/v1>"
    )


# -- whole URLs elsewhere ---------------------------------------------------------------


async def test_a_url_elsewhere_is_called_when_allowed_and_without_credentials() -> None:
    async with FaultServer.run() as other:
        other.on.get("/x").respond()
        options: dict[str, Any]
        for client_allows, options in ((True, {}), (False, {"allow_absolute": True})):
            async with BaseURLHTTPClient(
                "http://api.test/v1", allow_absolute=client_allows, **SECRETS
            ) as client:
                await client.get(
                    f"{other.base_url}/x", headers={"X-Own": "1"}, **options
                )
        requests = [call.request for call in other.calls]
    assert len(requests) == 2
    for request in requests:
        assert not {"authorization", "x-api-key"} & {*map(str.lower, request.headers)}
        assert (request.headers["x-own"], request.params) == ("1", ())


async def test_a_url_elsewhere_gets_none_of_the_default_auth() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("https://other.test/x").respond()
        fake.on.get("/v1/x").respond()
        client = BaseURLHTTPClient(URL, client=fake, auth=("u", "p"))
        await client.get("https://other.test/x", allow_absolute=True)
        await client.get(f"{URL}/x", allow_absolute=True)
    headers = [call.request.headers for call in fake.calls]
    assert ["authorization" in each for each in headers] == [False, True]


@pytest.mark.parametrize("path", ["//evil.test/x", "../x", "javascript:x"])
async def test_what_is_no_whole_url_is_refused_all_the_same(path: str) -> None:
    async with FakeHTTPClient() as fake:
        client = BaseURLHTTPClient(URL, client=fake, allow_absolute=True)
        with pytest.raises(HTTPInvalidRequestError):
            await client.get(path)
    assert len(fake.calls) == 0


# -- defaults ---------------------------------------------------------------------------


async def test_default_params_yield_to_those_of_the_call_and_of_the_url() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/v1/x").respond()
        client = BaseURLHTTPClient(URL, client=fake, params={"a": 1, "b": [1, 2]})
        await client.get("x")
        await client.get("x", params={"a": 3})
        await client.get("x", params=[("c", 4)])
        await client.get("x?a=5")
        await client.get("x", params={"a": None, "b": None})
        queries = [call.request.url.partition("?")[2] for call in fake.calls]
    assert queries == [
        "a=1&b=1&b=2",
        "b=1&b=2&a=3",
        "a=1&b=1&b=2&c=4",
        "a=5&b=1&b=2",
        "",
    ]


async def test_credentials_of_a_call_take_the_place_of_the_default_ones() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/v1").respond()
        by_auth = BaseURLHTTPClient(URL, client=fake, auth=("u", "p"))
        by_header = BaseURLHTTPClient(
            URL, client=fake, headers={"authorization": "Bearer default"}
        )
        await by_auth.get("", headers={"Authorization": "Bearer own"})
        await by_header.get("", auth=("u", "p"))
        await by_auth.get("", auth=None)
        await by_header.get("", auth=None)
        await by_auth.with_options(headers={"Authorization": "Bearer new"}).get("")
        await by_header.with_options(auth=("u", "p")).get("")
    sent = [call.request.headers.get("authorization") for call in fake.calls]
    basic = "Basic dTpw"
    assert sent == ["Bearer own", basic, None, None, "Bearer new", basic]


async def test_headers_may_be_given_as_anything_that_gives_pairs() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/v1").respond()
        client = BaseURLHTTPClient(
            URL, client=fake, headers=(pair for pair in [("X-A", "1")])
        )
        for _ in range(2):
            await client.get("", headers=(pair for pair in [("X-B", "2")]))
        sent = [
            (c.request.headers["x-a"], c.request.headers["x-b"]) for c in fake.calls
        ]
    assert sent == [("1", "2")] * 2


@pytest.mark.parametrize(
    "defaults",
    [
        {"timeout": -1},
        {"headers": {"X A": "1"}},
        {"params": {"a": object()}},
        {"proxy": "socks5://proxy.test"},
        {"auth": ("u", "p"), "headers": {"Authorization": "Bearer t"}},
    ],
)
def test_an_unusable_default_is_refused_at_once(defaults: dict[str, Any]) -> None:
    with pytest.raises(HTTPInvalidRequestError):
        BaseURLHTTPClient(URL, client=FakeHTTPClient(), **defaults)
    client = BaseURLHTTPClient(URL, client=FakeHTTPClient())
    with pytest.raises(HTTPInvalidRequestError):
        client.with_options(**defaults)


def test_a_misspelt_default_is_refused_with_the_nearest_one() -> None:
    misspelt: dict[str, Any] = {"time_out": 1}
    with pytest.raises(TypeError, match="Did you mean 'timeout'"):
        BaseURLHTTPClient(URL, **misspelt)
    with pytest.raises(TypeError, match="Did you mean 'timeout'"):
        BaseURLHTTPClient(URL).with_options(**misspelt)


# -- with_options -----------------------------------------------------------------------


async def test_a_clone_has_other_defaults_on_the_same_connections() -> None:
    async with (
        FaultServer.run() as server,
        BaseURLHTTPClient(
            server.base_url, headers={"X-A": "1", "X-B": "1"}, params={"p": 1}
        ) as client,
    ):
        server.on.get("/bills").respond()
        server.on.get("/bills/7").respond()
        clone = client.with_options(
            "bills", headers={"x-b": "2"}, params={"p": None, "q": 2}
        )
        async with clone:
            await clone.get("7")
        await client.get("bills")
        assert len(server.connections) == 1
        first, second = (call.request for call in server.calls)
    assert first.url == f"{server.base_url}/bills/7?q=2"
    assert [first.headers[name] for name in ("x-a", "x-b")] == ["1", "2"]
    assert second.url == f"{server.base_url}/bills?p=1"
    assert second.headers["x-b"] == "1"


def test_a_clone_replaces_what_is_one_value() -> None:
    client = BaseURLHTTPClient(URL, timeout=7, retry=False, follow_redirects=False)
    clone = client.with_options(timeout=Timeouts(total=3), retry=True)
    plan = clone.explain("GET", "/x")
    assert (plan.timeouts[0].seconds, plan.repeatable, plan.redirects) == (
        3,
        True,
        None,
    )
    plan = client.explain("GET", "/x")
    assert (plan.timeouts[0].seconds, plan.repeatable) == (7, False)
    assert (
        client.with_options(timeout=None).explain("GET", "").timeouts[0].seconds is None
    )


@pytest.mark.parametrize("path", ["../x", "//evil.test", "a?b=c", "{tenant}"])
def test_a_clone_stays_below_the_base(path: str) -> None:
    client = BaseURLHTTPClient(URL)
    assert client.with_options("a/b/").base_url == f"{URL}/a/b"
    with pytest.raises(HTTPInvalidRequestError):
        client.with_options(path)


# -- streams ----------------------------------------------------------------------------


class Streams:
    """A client that streams, as far as the request is concerned."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, str, RequestOptions]] = []
        self.closed = 0

    @asynccontextmanager
    async def stream(
        self, method: str, url: str, **options: Unpack[RequestOptions]
    ) -> AsyncIterator[ResponseStreamProtocol]:
        self.opened.append((method, url, options))
        try:
            yield self  # type: ignore[misc]  # whatever is given is passed on
        finally:
            self.closed += 1


async def test_a_stream_is_that_of_the_client_with_the_defaults() -> None:
    streams = Streams()
    given: Any = streams  # it streams, and does nothing else
    client = BaseURLHTTPClient(URL, client=given, params={"a": 1}, timeout=5)
    async with client.stream("GET", "/jobs/{id}", path_params={"id": "x/y"}) as stream:
        assert stream is given
        assert streams.closed == 0
    assert streams.closed == 1
    ((method, url, options),) = streams.opened
    assert (method, url) == ("GET", f"{URL}/jobs/x%2Fy")
    assert (options["timeout"], options["route"]) == (5, "/v1/jobs/{id}")
    assert options["params"] == [("a", 1)]


async def test_lines_are_streamed_from_below_the_base() -> None:
    async with (
        FaultServer.run() as server,
        BaseURLHTTPClient(f"{server.base_url}/v1", headers={"X-A": "1"}) as client,
        RelativeHTTPClient(base_url=f"{server.base_url}/v1") as relative,
    ):
        server.on.get("/v1/x").respond(text="one\r\ntwo\n")
        for each in (client, relative):
            async with each.stream("GET", "/x") as stream:
                assert [line async for line in stream] == ["one", "two"]
            with pytest.raises(HTTPInvalidRequestError, match="leads out"):
                async with each.stream("GET", "../x"):
                    pass
        assert [call.request.headers.get("x-a") for call in server.calls] == ["1", None]


async def test_a_stream_does_not_leave_the_base() -> None:
    streams: Any = Streams()
    client = BaseURLHTTPClient(URL, client=streams)
    with pytest.raises(HTTPInvalidRequestError, match="leads out"):
        async with client.stream("GET", "//evil.test"):
            pass
    assert streams.opened == []


async def test_a_client_that_does_not_stream_says_so() -> None:
    client = BaseURLHTTPClient(URL, client=OnlyRequests())
    with pytest.raises(TypeError, match="does not stream"):
        async with client.stream("GET", "/x"):
            pass


class OnlyRequests(HTTPClientProtocol):
    """A client without streams."""
