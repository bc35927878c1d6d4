"""Proxies: which one a call goes through, and what is said to it and to the server."""

import asyncio
import socket
import ssl
from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import trustme
from pydantic import ValidationError

from lexigram.contracts.web import HTTPConnectionError, HTTPTimeoutError
from lexigram.http import HTTPClient, HTTPClientConfig
from lexigram.http.config import ProxyURL
from lexigram.http.proxies import ProxySelector
from lexigram.testing import FaultServer, fault, virtual_time

CLIENT = HTTPClientConfig(trust_env=True)


def basic(credentials: str) -> str:
    return f"Basic {b64encode(credentials.encode()).decode()}"


def config_for(server: FaultServer, proxy: str, **more: Any) -> HTTPClientConfig:
    """A client that goes through `proxy` and trusts `server`."""
    tls = {"ca_data": server.ca_pem.decode()}
    return HTTPClientConfig.model_validate({"proxy": proxy, "tls": tls, **more})


HALF = b"HTTP/1.1 200 Connection est"
"""A proxy that sends this says no more."""


@dataclass
class Tunnels:
    """A proxy that answers CONNECT, and what it was asked."""

    reply: bytes
    port: int = 0
    asked: list[str] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.asked.append(head)
            writer.write(self.reply)
            if self.reply.endswith(b"established\r\n\r\n"):
                # The test's servers are all on this machine, whatever the name.
                port = int(head.split()[1].rpartition(":")[2])
                upstream = await asyncio.open_connection("127.0.0.1", port)
                await asyncio.gather(
                    self.pump(reader, upstream[1]), self.pump(upstream[0], writer)
                )
            elif self.reply == HALF:
                await reader.read()  # until the client goes
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def tunnels(
    reply: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n",
    secure: ssl.SSLContext | None = None,
) -> AsyncGenerator[Tunnels, None]:
    proxy = Tunnels(reply)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, ssl=secure)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in proxy.tasks:
            task.cancel()
        await asyncio.gather(*proxy.tasks, return_exceptions=True)


async def test_https_goes_through_a_tunnel_with_the_credentials_in_front_of_it() -> (
    None
):
    async with tunnels() as proxy, FaultServer.run(tls=True) as server:
        server.on.get("/v1").respond(text="through")
        url = proxy.url.replace("//", "//u:p%40ss@")
        async with HTTPClient(config_for(server, url)) as client:
            for _ in range(2):
                response = (await client.get(f"{server.base_url}/v1")).unwrap()
                assert response.text == "through"
        assert len(proxy.asked) == 1, "the tunnel is used again"
        assert proxy.asked[0].startswith(f"CONNECT 127.0.0.1:{server.port} HTTP/1.1")
        assert f"Proxy-Authorization: {basic('u:p@ss')}\r\n" in proxy.asked[0]
        for call in server.calls:
            assert "proxy-authorization" not in call.request.headers


async def test_credentials_of_a_request_never_pass_the_proxy_either() -> None:
    async with tunnels() as proxy, FaultServer.run(tls=True) as server:
        server.on.get("/v1").respond()
        async with HTTPClient(config_for(server, proxy.url)) as client:
            headers = {
                "Proxy-Authorization": "Bearer mine",
                "Authorization": "Bearer a",
            }
            await client.get(f"{server.base_url}/v1", headers=headers)
        assert "Proxy-Authorization: Bearer mine\r\n" in proxy.asked[0]
        assert "Bearer a\r\n" not in proxy.asked[0]
        sent = server.calls.one().request.headers
        assert "proxy-authorization" not in sent
        assert sent["authorization"] == "Bearer a"


async def test_the_proxy_of_a_plain_request_reads_its_credentials_every_time() -> None:
    async with FaultServer.run() as proxy:
        proxy.on.get("http://partner.test/v1").respond()
        url = proxy.base_url.replace("//", "//J%C3%BCrgen:%E2%82%AC@")
        async with HTTPClient(HTTPClientConfig(proxy=ProxyURL(url))) as client:
            await client.get("http://partner.test/v1")
            await client.get("http://partner.test/v1")
        assert len(proxy.connections) == 1
        sent = [
            call.request.headers.get_all("proxy-authorization") for call in proxy.calls
        ]
    assert sent == [[basic("Jürgen:€")]] * 2


async def test_a_proxy_may_be_spoken_to_by_https_itself() -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    async with tunnels(secure=context) as proxy, FaultServer.run(tls=True) as server:
        server.on.get("/v1").respond(text="twice wrapped")
        trusted = server.ca_pem + authority.cert_pem.bytes()
        config = HTTPClientConfig.model_validate(
            {
                "proxy": f"https://u:pw@localhost:{proxy.port}",
                "tls": {"ca_data": trusted.decode()},
            }
        )
        async with HTTPClient(config) as client:
            response = (await client.get(f"{server.base_url}/v1")).unwrap()
        assert response.text == "twice wrapped"
        assert basic("u:pw") in proxy.asked[0]


@pytest.mark.parametrize(
    ("reply", "retryable", "words"),
    [
        (b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n", False, "credentials"),
        (b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", False, "answered 403"),
        (b"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n", True, "answered 502"),
        (b"", True, "CONNECT"),
        (b"nonsense\r\n\r\n", True, "CONNECT"),
    ],
)
async def test_a_proxy_that_opens_no_tunnel_is_named_and_nothing_was_sent(
    reply: bytes, words: str, *, retryable: bool
) -> None:
    async with tunnels(reply) as proxy, FaultServer.run(tls=True) as server:
        url = proxy.url.replace("//", "//u:s3cret@")
        async with HTTPClient(config_for(server, url)) as client:
            result = await client.get(f"{server.base_url}/v1", retry=False)
        assert len(server.connections) == 0
    error = result.unwrap_err()
    assert isinstance(error, HTTPConnectionError)
    assert (error.failure, error.request_sent) == ("proxy", "no")
    assert error.retryable is retryable
    assert words in str(error)
    assert "s3cret" not in str(error)


async def test_a_proxy_that_never_answers_is_given_up_with_the_call() -> None:
    async with (
        virtual_time() as clock,
        tunnels(HALF) as proxy,
        FaultServer.run(tls=True) as server,
        HTTPClient(config_for(server, proxy.url)) as client,
    ):
        result = await client.get(f"{server.base_url}/v1", timeout=30)
        assert isinstance(result.unwrap_err(), HTTPTimeoutError)
        assert clock.elapsed == 30
        # It sees the end of its connection, before the client is stopped.
        await asyncio.gather(*proxy.tasks)


async def test_a_server_that_is_gone_behind_its_tunnel_is_no_fault_of_the_proxy() -> (
    None
):
    async with tunnels() as proxy, FaultServer.run(tls=True) as server:
        server.on.get("/v1").fail(fault.close())
        async with HTTPClient(config_for(server, proxy.url)) as client:
            result = await client.get(f"{server.base_url}/v1", retry=False)
    error = result.unwrap_err()
    assert isinstance(error, HTTPConnectionError)
    assert (error.failure, error.request_sent) == ("disconnected", "maybe")


async def test_a_proxy_whose_name_is_unknown_is_the_failure_not_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def resolve(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "no address")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    async with HTTPClient(
        HTTPClientConfig(proxy=ProxyURL("http://nobody.test:1"))
    ) as client:
        error = (await client.get("http://partner.test/", retry=False)).unwrap_err()
    assert isinstance(error, HTTPConnectionError)
    assert (error.failure, error.request_sent) == ("proxy", "no")


def chosen(environ: dict[str, str], url: str) -> tuple[str | None, str]:
    choice = ProxySelector(CLIENT, environ).choose(url)
    return choice.proxy.url if choice.proxy else None, choice.reason


HTTP = {"HTTP_PROXY": "http://upper:1"}
LOWER = {"http_proxy": "http://lower:1"}
ALL = {"ALL_PROXY": "http://all:1"}
CGI = {"REQUEST_METHOD": "GET"}


@pytest.mark.parametrize(
    ("environ", "url", "proxy", "reason"),
    [
        ({}, "http://a.test", None, ""),
        (HTTP, "http://a.test", "http://upper:1", "HTTP_PROXY"),
        (HTTP, "https://a.test", None, ""),
        ({"HTTPS_PROXY": "http://s:1"}, "https://a.test", "http://s:1", "HTTPS_PROXY"),
        (HTTP | LOWER, "http://a.test", "http://lower:1", "http_proxy"),
        (HTTP | {"http_proxy": ""}, "http://a.test", None, ""),
        (HTTP | CGI, "http://a.test", None, ""),
        (LOWER | CGI, "http://a.test", "http://lower:1", "http_proxy"),
        (ALL, "http://a.test", "http://all:1", "ALL_PROXY"),
        (ALL, "https://a.test", "http://all:1", "ALL_PROXY"),
        (HTTP | ALL, "http://a.test", "http://upper:1", "HTTP_PROXY"),
        (HTTP | {"NO_PROXY": "a.test"}, "http://a.test/x?y", None, "NO_PROXY"),
        (
            HTTP | {"NO_PROXY": "*", "no_proxy": "b.test"},
            "http://a.test",
            "http://upper:1",
            "HTTP_PROXY",
        ),
        (HTTP | {"NO_PROXY": "a.test:80"}, "http://A.test", None, "NO_PROXY"),
        (
            HTTP | {"NO_PROXY": "a.test:80"},
            "http://a.test:81",
            "http://upper:1",
            "HTTP_PROXY",
        ),
        (HTTP | {"NO_PROXY": "[::1]:80"}, "http://[::1]/", None, "NO_PROXY"),
        (
            {"http_proxy": "host:3128"},
            "http://a.test",
            "http://host:3128",
            "http_proxy",
        ),
        ({"http_proxy": " http://h:1/ "}, "http://a.test", "http://h:1", "http_proxy"),
    ],
)
def test_the_environment_names_a_proxy(
    environ: dict[str, str], url: str, proxy: str | None, reason: str
) -> None:
    assert chosen(environ, url) == (proxy, reason)


def test_the_configured_proxy_wins_and_no_proxy_does_not_concern_it() -> None:
    config = HTTPClientConfig(proxy=ProxyURL("http://fixed:1"))
    selector = ProxySelector(config, HTTP | {"NO_PROXY": "*"})
    proxy = selector.select("http://a.test")
    assert proxy is not None
    assert proxy.url == "http://fixed:1"


def test_the_environment_is_left_alone_when_it_is_not_trusted() -> None:
    selector = ProxySelector(HTTPClientConfig(trust_env=False), HTTP)
    assert selector.select("http://a.test") is None


def test_an_origin_is_looked_up_once_and_few_are_kept() -> None:
    selector = ProxySelector(CLIENT, HTTP | {"NO_PROXY": "a.test"})
    first = selector.choose("http://a.test/1")
    assert selector.choose("http://a.test/2") is first
    for number in range(3000):
        selector.choose(f"http://{number}.test")
    # Not `is`: it was forgotten meanwhile.
    assert selector.choose("http://a.test/3") is not first


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("socks5h://u:s3cret@proxy:1080", "SOCKS"),
        ("ftp://u:s3cret@proxy:1", "scheme 'ftp'"),
        ("http://u:s3cret@", "no host"),
        ("http://u%3Au:s3cret@proxy:1", "colon"),
    ],
)
def test_a_variable_without_a_usable_proxy_fails_the_calls_that_need_it(
    value: str, words: str
) -> None:
    selector = ProxySelector(CLIENT, {"ALL_PROXY": value, "NO_PROXY": "direct.test"})
    assert selector.select("http://direct.test/") is None
    with pytest.raises(HTTPConnectionError, match=words) as caught:
        selector.select("http://a.test/", method="GET")
    error = caught.value
    assert (error.failure, error.request_sent, error.retryable) == (
        "proxy",
        "no",
        False,
    )
    assert "ALL_PROXY" in str(error)
    assert "s3cret" not in str(error)


@pytest.mark.parametrize(
    "url", ["socks5://u:s3cret@proxy:1", "http://u%3Au:s3cret@proxy:1", "http://"]
)
def test_a_configured_proxy_that_cannot_be_used_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        HTTPClientConfig(proxy=ProxyURL(url))
    assert "s3cret" not in str(caught.value)


def test_no_password_shows_in_what_was_chosen() -> None:
    selector = ProxySelector(CLIENT, {"http_proxy": "http://u:s3cret@proxy:1"})
    shown = repr(selector.choose("http://a.test"))
    assert "s3cret" not in shown
    assert "http://proxy:1" in shown
