"""Both ways to send a request are alike: around aiohttp's session, and through it.

Which one is taken depends on the release of aiohttp, so that is what these tests vary.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from lexigram.contracts.web import HTTPConnectionError, RequestContext, ResponseContext
from lexigram.http import ConnectionPool, HTTPClient
from lexigram.http.pool.senders import QuickestSender, SessionSender, sender_for
from lexigram.testing import FaultServer


@pytest.fixture(params=["tried", "untried"])
def release(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A release of aiohttp: one that the direct way was tried with, or another."""
    name: str = request.param
    if name == "untried":
        monkeypatch.setattr(aiohttp, "__version__", "3.999.0")
    return name


class Script:
    """A server that answers each request with the next bytes, and notes what it got."""

    def __init__(self, answers: list[bytes]) -> None:
        self.port = 0
        self.heads: list[str] = []
        self.writers: list[asyncio.StreamWriter] = []
        self._answers = answers
        self._tasks: list[asyncio.Task[object] | None] = []

    @asynccontextmanager
    async def at(self, path: Path | None = None) -> AsyncGenerator["Script", None]:
        """Serve on a free port, or at a Unix socket, until every client has left."""
        if path is None:
            server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
        else:
            server = await asyncio.start_unix_server(self._serve, path)
        try:
            yield self
        finally:
            server.close()
            for writer in self.writers:
                writer.close()
            await asyncio.gather(*filter(None, self._tasks))

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._tasks.append(asyncio.current_task())
        self.writers.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while self._answers and not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head.decode())
                await self._answer(reader, writer, self._answers.pop(0))
            await reader.read()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: bytes
    ) -> None:
        if answer.startswith(b"HTTP/1.1 100"):
            first, end, answer = answer.partition(b"\r\n\r\n")
            writer.write(first + end)
        if "Content-Length: 4" in self.heads[-1]:
            await reader.readexactly(4)
        writer.write(answer)
        await writer.drain()
        if b"Connection: close" in answer or answer.startswith(b"HTTP/1.0"):
            writer.close()


@dataclass(frozen=True)
class Case:
    """What is sent, what comes back, and what is made of it."""

    answer: bytes
    status: int = 200
    body: bytes = b""
    method: str = "GET"
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    keeps: bool = True
    """Whether the next request goes over the same connection."""


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
EXPECTING = {"content": b"data", "headers": {"Expect": "100-continue"}}

CASES: dict[str, Case] = {
    "a length without a body, to HEAD": Case(
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", method="HEAD"
    ),
    "chunked without a body, to HEAD": Case(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", method="HEAD"
    ),
    "HEAD in other letters": Case(
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", method="head"
    ),
    "204": Case(b"HTTP/1.1 204 No Content\r\n\r\n", 204),
    "304 with a length": Case(
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304
    ),
    "a close at the end of the body": Case(
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end",
        body=b"to the end",
        keeps=False,
    ),
    "a close though there is a length": Case(
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        body=b"ok",
        keeps=False,
    ),
    "HTTP/1.0": Case(
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", body=b"ok", keeps=False
    ),
    "chunks with trailers and extensions": Case(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
        b"3;a=b\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n",
        body=b"abc",
    ),
    "early hints": Case(
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        b"HTTP/1.1 103 Early Hints\r\nLink: </b>\r\n\r\n" + OK,
        body=b"ok",
    ),
    "100 for who waits for it": Case(
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        body=b"ok",
        method="POST",
        options=EXPECTING,
    ),
    "100 for who does not": Case(
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        body=b"ok",
        method="POST",
        options={"content": b"data"},
    ),
    "a second response that nobody asked for": Case(OK + OK, body=b"ok", keeps=False),
    "another protocol": Case(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
        b"Upgrade: echo\r\n\r\n",
        101,
        options={"headers": {"Connection": "Upgrade", "Upgrade": "echo"}},
        keeps=False,
    ),
}


@pytest.mark.usefixtures("release")
@pytest.mark.parametrize("name", CASES)
async def test_a_response_is_taken_alike(name: str) -> None:
    case = CASES[name]
    async with Script([case.answer, OK]).at() as server, HTTPClient() as client:
        url = f"http://127.0.0.1:{server.port}/"
        async with asyncio.timeout(20):
            response = await client.request(case.method, url, **case.options)
            assert (response.status, response.body) == (case.status, case.body)
            assert client.statistics().in_use == 0
            assert (await client.request("GET", url)).text == "ok"
        assert len(server.writers) == (1 if case.keeps else 2)
        assert client.statistics().reused == (1 if case.keeps else 0)


@pytest.mark.usefixtures("release")
async def test_head_that_an_interceptor_writes_in_other_letters_has_no_body() -> None:
    class Peeking:
        """Asks for the head only."""

        async def intercept_request(self, context: RequestContext) -> RequestContext:
            context.method = "head"
            return context

        async def intercept_response(self, context: ResponseContext) -> ResponseContext:
            return context

    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    async with (
        Script([head]).at() as server,
        HTTPClient(interceptors=[Peeking()]) as client,
    ):
        url = f"http://127.0.0.1:{server.port}/"
        response = await client.request("GET", url, timeout=20)
        assert (response.status, response.body) == (200, b"")


@pytest.mark.usefixtures("release")
async def test_a_final_response_ends_a_body_that_is_still_being_sent() -> None:
    closed = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            yield b"data"
            await asyncio.Event().wait()
        finally:
            closed.set()

    refusal = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno"
    async with Script([refusal, OK]).at() as server, HTTPClient() as client:
        url = f"http://127.0.0.1:{server.port}/"
        async with asyncio.timeout(20):
            response = await client.request("POST", url, content=endless())
            assert (response.status, response.text) == (413, "no")
            assert closed.is_set()
            assert client.statistics().open == 0
            assert (await client.request("GET", url)).text == "ok"
        assert len(server.writers) == 2


@pytest.mark.usefixtures("release")
async def test_cookies_are_kept_with_commas_in_their_dates_and_under_one_name() -> None:
    cookies = (
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
        b"Set-Cookie: a=1; Expires=Wed, 09 Jun 2100 10:18:14 GMT; Path=/\r\n"
        b"Set-Cookie: b=2; Path=/elsewhere\r\n"
        b"Set-Cookie: a=deep; Path=/deep\r\n\r\n"
    )
    async with Script([cookies, OK, OK]).at() as server, HTTPClient() as client:
        url = f"http://127.0.0.1:{server.port}"
        for path in ("/", "/", "/deep"):
            await client.request("GET", f"{url}{path}")
    sent = [
        sorted(line for line in head.splitlines() if line.startswith("Cookie"))
        for head in server.heads
    ]
    assert sent == [[], ["Cookie: a=1"], ["Cookie: a=deep"]]


@pytest.mark.usefixtures("release")
@pytest.mark.parametrize(
    ("host", "sent"),
    [
        ("bücher.test", "xn--bcher-kva.test"),
        ("[::1]:8080", "[::1]:8080"),
        ("PARTNER.test:80", "partner.test"),
    ],
)
async def test_a_host_is_written_alike(tmp_path: Path, host: str, sent: str) -> None:
    path = tmp_path / "s"
    async with Script([OK]).at(path) as server, HTTPClient.over_unix_socket(path) as it:
        await it.request("GET", f"http://{host}/")
    assert f"Host: {sent}" in server.heads[0].splitlines()


@pytest.mark.usefixtures("release")
async def test_what_a_server_sends_unasked_is_not_the_next_response() -> None:
    evil = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    async with Script([OK] * 3).at() as server, HTTPClient() as client:
        url = f"http://127.0.0.1:{server.port}/"
        async with FaultServer.run() as other, asyncio.timeout(20):
            other.on.get("/").respond()
            await client.request("GET", url)
            server.writers[0].write(evil)
            # It arrives while another server is called.
            await client.request("GET", f"{other.base_url}/")
            assert (await client.request("GET", url)).text == "ok"
        assert len(server.writers) == 2


@pytest.mark.usefixtures("release")
async def test_a_stopped_client_sends_nothing_more_through_a_shared_pool() -> None:
    class Stopping:
        """Stops the client between the call and its attempt."""

        scope = "attempt"

        async def intercept_request(self, context: RequestContext) -> RequestContext:
            await client.stop()
            return context

        async def intercept_response(self, context: ResponseContext) -> ResponseContext:
            return context

    async with FaultServer.run() as server, ConnectionPool() as pool:
        client = HTTPClient(pool=pool, interceptors=[Stopping()])
        await client.start()
        result = await client.get(f"{server.base_url}/", retry=False)
        error = result.unwrap_err()
        assert isinstance(error, HTTPConnectionError)
        assert (error.failure, error.request_sent) == ("disconnected", "no")
        assert pool.statistics().in_use == 0
        assert not server.calls


async def test_the_way_depends_on_the_release_and_on_who_looks_on(
    release: str,
) -> None:
    async with aiohttp.ClientSession() as session:
        assert session.connector is not None
        way = sender_for(session, session.connector)  # type: ignore[arg-type]  # only kept
    assert type(way) is (QuickestSender if release == "tried" else SessionSender)
    traced = aiohttp.ClientSession(trace_configs=[aiohttp.TraceConfig()])
    async with traced:
        assert traced.connector is not None
        way = sender_for(traced, traced.connector)  # type: ignore[arg-type]  # only kept
    assert type(way) is SessionSender
