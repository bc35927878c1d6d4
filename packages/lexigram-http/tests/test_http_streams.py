"""A response is read while it arrives, and what it holds is given back."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from random import Random
from typing import Any, TypeVar

import pytest

from lexigram.contracts.resilience import Call
from lexigram.contracts.web import (
    Headers,
    HTTPClientStateError,
    HTTPConnectionError,
    HTTPInvalidRequestError,
    HTTPResponseTooLargeError,
    HTTPStatusError,
    HTTPTimeoutError,
    InterceptorProtocol,
    ResponseContext,
    ResponseStreamProtocol,
    StreamingHTTPClientProtocol,
    Timeouts,
)
from lexigram.http import ConnectionPoolConfig, HTTPClient, HTTPClientConfig
from lexigram.testing import (
    Fault,
    FaultServer,
    InMemoryMetrics,
    RecordedRequest,
    Reply,
    VirtualClock,
    fault,
    virtual_time,
)

T = TypeVar("T")

MEBIBYTE = 1024 * 1024
BODY = "ä\r\nö\rü\n\u2028ß\n\né".encode()
LINES = ["ä", "ö", "ü", "\u2028ß", "", "é"]
EVENTS = (
    b"\xef\xbb\xbfid: 1\r\ndata: a\r\ndata: b\r\n\r\n: ping\n\nevent: x\rdata:c\r\r"
)


@asynccontextmanager
async def at_work(
    pool: ConnectionPoolConfig | None = None,
    config: dict[str, Any] | None = None,
    **wiring: Any,
) -> AsyncIterator[tuple[VirtualClock, FaultServer, HTTPClient]]:
    limits = HTTPClientConfig(
        pool=pool or ConnectionPoolConfig(), trust_env=False, **(config or {})
    )
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        HTTPClient(limits, **wiring) as client,
    ):
        yield clock, server, client


def cut(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


def in_use(client: HTTPClient) -> tuple[int, int]:
    now = client.statistics()
    return now.in_use, now.waiting


async def all_of(items: AsyncIterator[T]) -> list[T]:
    return [item async for item in items]


async def collect(
    opening: AbstractAsyncContextManager[ResponseStreamProtocol], seen: list[bytes]
) -> None:
    """Keep what came of a body, also of one that ends in an error."""
    async with opening as stream:
        async for piece in stream.bytes():
            seen.append(piece)  # noqa: PERF401 - see above


async def body_of(stream: ResponseStreamProtocol) -> bytes:
    return b"".join(await all_of(stream.bytes()))


# What comes, and when


def test_the_client_streams() -> None:
    assert isinstance(HTTPClient(), StreamingHTTPClientProtocol)


async def test_the_head_is_given_before_the_body() -> None:
    async with at_work() as (clock, server, client):
        server.on.get("/x").respond(
            Reply(201, {"X-A": "1"}, chunks=[b"a", b"b"], pause=3)
        )
        url = f"{server.base_url}/x"
        async with client.stream("get", url) as stream:
            assert (stream.status, stream.headers["x-a"]) == (201, "1")
            assert (stream.method, stream.url, stream.ok) == ("GET", url, True)
            assert clock.elapsed == 0
            assert await body_of(stream) == b"ab"
            assert clock.elapsed == 3


async def test_each_piece_is_given_when_it_arrives() -> None:
    async with at_work() as (clock, server, client):
        server.on.get("/x").respond(Reply(chunks=[b"a\n", b"b\n", b"c"], pause=2))
        async with client.stream("GET", f"{server.base_url}/x") as stream:
            seen = [(line, clock.elapsed) async for line in stream]
        assert seen == [("a", 0), ("b", 2), ("c", 4)]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 64])
async def test_every_form_is_whole_however_the_body_is_cut(size: int) -> None:
    kinds = {"json": "application/x-ndjson", "events": "text/event-stream"}
    bodies = {"plain": BODY, "json": b'{"a":1}\n\n[2]\r\n"x"', "events": EVENTS}
    async with at_work() as (_, server, client):
        for name, body in bodies.items():
            reply = Reply(
                headers={"Content-Type": kinds.get(name, "text/plain")},
                chunks=cut(body, size),
            )
            server.on.get(f"/{name}").respond(reply)

        def stream(name: str) -> Any:
            return client.stream("GET", f"{server.base_url}/{name}")

        async with stream("plain") as plain:
            assert await body_of(plain) == BODY
        async with stream("plain") as plain:
            assert "".join(await all_of(plain.text())) == BODY.decode()
        async with stream("plain") as plain:
            assert await all_of(plain.lines()) == LINES
        async with stream("json") as values:
            assert await all_of(values.json_lines()) == [{"a": 1}, [2], "x"]
        async with stream("events") as events:
            seen = [(e.event, e.data, e.id) async for e in events.events()]
            assert seen == [("message", "a\nb", "1"), ("x", "c", "1")]
        # Each was read to its end, so one connection was enough.
        assert len(server.connections) == 1


async def test_a_coding_is_removed_while_the_body_arrives() -> None:
    packer = zlib.compressobj(wbits=31)
    first = packer.compress(b"one\n") + packer.flush(zlib.Z_SYNC_FLUSH)
    rest = packer.compress(b"two\n") + packer.flush()
    async with at_work() as (clock, server, client):
        server.on.get("/x").respond(
            Reply(
                headers={"Content-Encoding": "gzip"},
                chunks=[*cut(first, 5), rest],
                pause=1,
            )
        )
        async with client.stream("GET", f"{server.base_url}/x") as stream:
            lines = aiter(stream)
            assert await anext(lines) == "one"
            assert clock.elapsed < len(cut(first, 5)) <= len(first)
            assert await all_of(lines) == ["two"]


PACKED = gzip.compress(b"one\n" * 100, mtime=0)
CUT_OFF = [
    fault.truncate(100),
    fault.truncated_chunked(),
    fault.reset(after_bytes=100),
    Reply(headers={"Content-Encoding": "gzip"}, chunks=[PACKED[:-9]]),
]


@pytest.mark.parametrize("outcome", CUT_OFF, ids=["length", "chunked", "reset", "gzip"])
async def test_a_body_without_its_end_is_an_error_after_what_there_was(
    outcome: Fault | Reply,
) -> None:
    async with at_work() as (_, server, client):
        async with server.outage(outcome):
            seen: list[bytes] = []
            with pytest.raises(HTTPConnectionError) as raised:
                await collect(client.stream("GET", f"{server.base_url}/x"), seen)
        error = raised.value
        assert b"".join(seen)
        assert error.failure in {"truncated", "disconnected"}
        assert (error.method, error.url) == ("GET", f"{server.base_url}/x")
        # The first bytes were the caller's already: nothing is sent again.
        assert (error.request_sent, error.attempts) == ("yes", 1)
        assert len(server.calls) == 1
        await server.wait_until(lambda s: s.open_connections == 0)
        assert in_use(client) == (0, 0)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204)])
async def test_an_answer_without_a_body_has_none_and_holds_nothing(
    method: str, status: int
) -> None:
    async with at_work() as (_, server, client):
        server.on(method, "/x").respond(status, headers={"Content-Encoding": "gzip"})
        for _ in range(2):
            async with client.stream(method, f"{server.base_url}/x") as stream:
                assert in_use(client) == (0, 0)
                assert stream.status == status
                assert not await body_of(stream)
        assert len(server.connections) == 1


async def test_64_mebibytes_pass_through_a_few_of_memory() -> None:
    size, piece = 64 * MEBIBYTE, bytes(64 * 1024)
    produced = consumed = ahead = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal produced, ahead
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.set_write_buffer_limits(high=0)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        while produced < size:
            writer.write(piece)
            await writer.drain()
            produced += len(piece)
            ahead = max(ahead, produced - consumed)
        writer.close()

    async with (
        await asyncio.start_server(serve, "127.0.0.1") as server,
        HTTPClient() as client,
    ):
        port = server.sockets[0].getsockname()[1]
        async with client.stream("GET", f"http://127.0.0.1:{port}/") as stream:
            async for chunk in stream.bytes():
                consumed += len(chunk)
                await asyncio.sleep(0)  # a consumer that lets the server get ahead
    assert consumed == size
    # What the operating system buffers, and as good as nothing of ours.
    assert ahead < 16 * MEBIBYTE


# What a call does before the head


async def test_redirects_are_followed() -> None:
    async with at_work() as (_, server, client):
        server.on.get("/old").respond(302, headers={"Location": "/new"}, body=b"moved")
        server.on.get("/new").respond(text="here")
        async with client.stream("GET", f"{server.base_url}/old") as stream:
            assert stream.url == f"{server.base_url}/new"
            assert await body_of(stream) == b"here"
        assert len(server.connections) == 1


async def test_a_redirect_that_is_not_followed_is_given() -> None:
    async with at_work() as (_, server, client):
        server.on.get("/old").respond(302, headers={"Location": "/new"}, body=b"moved")
        async with client.stream(
            "GET", f"{server.base_url}/old", follow_redirects=False
        ) as stream:
            assert stream.status == 302
            assert await body_of(stream) == b"moved"


@pytest.mark.parametrize("first", [Reply(503), fault.reset(), fault.close()])
async def test_an_attempt_that_fails_before_the_first_byte_is_repeated(
    first: Fault | Reply,
) -> None:
    async with at_work() as (_, server, client):
        server.on.get("/x").sequence(first, Reply(text="well"))
        async with client.stream("GET", f"{server.base_url}/x") as stream:
            assert await body_of(stream) == b"well"
            assert getattr(stream, "attempts", None) == 2
        assert len(server.calls) == 2
        assert in_use(client) == (0, 0)


async def test_what_cannot_be_sent_is_raised_on_entering() -> None:
    async with HTTPClient() as client:
        with pytest.raises(HTTPInvalidRequestError):
            async with client.stream("GET", "ftp://h/"):
                pytest.fail("entered")
    with pytest.raises(HTTPClientStateError):
        async with client.stream("GET", "http://h/"):
            pytest.fail("entered")


async def test_the_timeout_is_over_with_the_head() -> None:
    async with at_work() as (clock, server, client):
        server.on.get("/x").respond(Reply(chunks=[b"a"] * 6, pause=4))
        server.on.get("/late").respond(delay=6)
        url = server.base_url
        async with client.stream(
            "GET", f"{url}/x", timeout=Timeouts(total=5, attempt=5)
        ) as stream:
            assert await body_of(stream) == b"aaaaaa"
        assert clock.elapsed == 20
        with pytest.raises(HTTPTimeoutError) as raised:
            async with client.stream("GET", f"{url}/late", timeout=5):
                pytest.fail("entered")
        assert (raised.value.phase, clock.elapsed) == ("total", 25)
        assert in_use(client) == (0, 0)


# Errors are no data


FORMS: dict[str, Callable[[Any], AsyncIterator[Any]]] = {
    "lines": aiter,
    "bytes": lambda stream: stream.bytes(),
    "text": lambda stream: stream.text(),
    "json": lambda stream: stream.json_lines(),
    "events": lambda stream: stream.events(),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("status", [404, 500])
async def test_an_error_is_raised_by_who_reads_it_as_data(
    form: str, status: int
) -> None:
    async with at_work(config={"max_error_bytes": 1024}) as (_, server, client):
        server.on.get("/x").respond(status, text="no" * 10_000)
        async with client.stream("GET", f"{server.base_url}/x", retry=False) as stream:
            assert (stream.status, stream.ok) == (status, False)
            with pytest.raises(HTTPStatusError) as raised:
                await anext(FORMS[form](stream))
            with pytest.raises(HTTPStatusError):
                stream.raise_for_status()
            assert raised.value.response.body == b"no" * 512
            assert raised.value.response.cut
            # It was read at once, so its connection serves the next call already.
            assert in_use(client) == (0, 0)
            assert client.statistics().idle == 1


BOMB = gzip.compress(bytes(MEBIBYTE), mtime=0)
LARGE = {
    "declared": Reply(body=bytes(5000)),
    "chunked": Reply(chunks=cut(bytes(5000), 500)),
    "bomb": Reply(headers={"Content-Encoding": "gzip"}, body=BOMB),
}


@pytest.mark.parametrize("kind", LARGE)
async def test_a_stream_may_be_limited(kind: str) -> None:
    async with at_work() as (_, server, client):
        server.on.get("/x").respond(LARGE[kind])
        seen: list[bytes] = []
        stream = client.stream("GET", f"{server.base_url}/x", max_response_bytes=4096)
        with pytest.raises(HTTPResponseTooLargeError) as raised:
            await collect(stream, seen)
        assert (raised.value.limit, raised.value.attempts) == (4096, 1)
        assert sum(map(len, seen)) <= 4096
        await server.wait_until(lambda s: s.open_connections == 0)
        assert in_use(client) == (0, 0)


async def test_the_limit_of_buffered_bodies_is_none_of_streams() -> None:
    async with at_work(config={"max_response_bytes": 1000}) as (_, server, client):
        server.on.get("/x").respond(body=bytes(100_000))
        async with client.stream("GET", f"{server.base_url}/x") as stream:
            assert len(await body_of(stream)) == 100_000


# What is held, and for how long


async def test_leaving_early_closes_the_connection() -> None:
    async with at_work() as (_, server, client):
        server.on.get("/x").respond(Reply(chunks=[b"a\n", b"b\n"], pause=60))
        async with client.stream("GET", f"{server.base_url}/x") as stream:
            async for line in stream:
                assert line == "a"
                break
            assert in_use(client) == (1, 0)
        assert in_use(client) == (0, 0)
        assert client.statistics().idle == 0
        await server.wait_until(lambda s: s.open_connections == 0)


async def test_an_unread_stream_is_closed() -> None:
    async with at_work() as (_, server, client):
        server.on.get("/x").respond(Reply(chunks=[b"a", b"b"], pause=60))
        with pytest.raises(LookupError):
            async with client.stream("GET", f"{server.base_url}/x"):
                raise LookupError
        assert in_use(client) == (0, 0)
        await server.wait_until(lambda s: s.open_connections == 0)


async def test_the_end_of_the_body_gives_connection_and_place_back_at_once() -> None:
    pool = ConnectionPoolConfig(max_connections=1)
    async with at_work(pool) as (clock, server, client):
        server.on.get("/x").respond(Reply(chunks=[b"a", b"b"], pause=1))
        url = f"{server.base_url}/x"
        async with client.stream("GET", url) as outer:
            assert await body_of(outer) == b"ab"
            assert in_use(client) == (0, 0)
            async with client.stream("GET", url) as inner:
                assert await body_of(inner) == b"ab"
        assert clock.elapsed == 2
        assert len(server.connections) == 1


async def test_an_answer_before_the_end_of_its_request_leaks_nothing() -> None:
    hung_up = asyncio.Event()

    async def letters() -> AsyncIterator[bytes]:
        yield b"a"
        await asyncio.Event().wait()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await reader.read()
        hung_up.set()
        writer.close()

    async with (
        await asyncio.start_server(serve, "127.0.0.1") as server,
        HTTPClient(HTTPClientConfig(trust_env=False)) as client,
    ):
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        async with client.stream("POST", url, content=letters()) as stream:
            assert await body_of(stream) == b"ok"
            # Closed, as nobody would read the rest of the request.
            assert in_use(client) == (0, 0)
            assert client.statistics().idle == 0
            await hung_up.wait()


async def test_streams_wait_for_a_connection_in_turn() -> None:
    pool = ConnectionPoolConfig(max_connections=4)
    async with at_work(pool) as (clock, server, client):
        server.on.get("/{n}").handle(
            lambda request: Reply(
                chunks=[request.path_params["n"].encode(), b"!"], pause=1
            )
        )

        async def read(number: int) -> bytes:
            async with client.stream("GET", f"{server.base_url}/{number}") as stream:
                return await body_of(stream)

        bodies = await asyncio.gather(*map(read, range(20)))
        assert bodies == [b"%d!" % number for number in range(20)]
        assert (server.peak_connections, clock.elapsed) == (4, 5)
        assert in_use(client) == (0, 0)


async def test_stopping_the_client_ends_open_streams() -> None:
    async with at_work() as (_, server, client):
        server.on.get("/x").respond(Reply(chunks=[b"a\n", b"b\n"], pause=60))
        async with client.stream("GET", f"{server.base_url}/x") as stream:
            lines = aiter(stream)
            assert await anext(lines) == "a"
            waiting = asyncio.ensure_future(anext(lines))
            await asyncio.sleep(1)
            await client.stop()
            with pytest.raises(HTTPConnectionError) as raised:
                await waiting
            assert raised.value.request_sent == "yes"
        assert in_use(client) == (0, 0)
        await server.wait_until(lambda s: s.open_connections == 0)


# Silence


@pytest.mark.parametrize(
    ("pool", "own", "limit"),
    [
        (ConnectionPoolConfig(), None, 60),
        (ConnectionPoolConfig(stream_idle_timeout=7), None, 7),
        (ConnectionPoolConfig(read_timeout=5), None, 5),
        (ConnectionPoolConfig(stream_idle_timeout=7), Timeouts(read=2), 2),
    ],
)
async def test_silence_within_a_body_is_borne_so_long(
    pool: ConnectionPoolConfig, own: Timeouts | None, limit: float
) -> None:
    async with at_work(pool) as (clock, server, client):
        seen: list[bytes] = []
        async with server.outage(fault.hang(after_bytes=100)):
            stream = client.stream("GET", f"{server.base_url}/x", timeout=own or 30)
            with pytest.raises(HTTPTimeoutError) as raised:
                await collect(stream, seen)
            error = raised.value
            assert (len(b"".join(seen)), clock.elapsed) == (100, limit)
            assert (error.phase, error.limit) == ("read", limit)
            assert (error.request_sent, error.attempts) == ("yes", 1)
            await server.wait_until(lambda s: s.open_connections == 0)
        assert in_use(client) == (0, 0)


async def test_silence_is_borne_for_ever_when_asked_to() -> None:
    async with at_work(ConnectionPoolConfig(stream_idle_timeout=None)) as at:
        clock, server, client = at
        server.on.get("/x").respond(Reply(chunks=[b"a", b"b"], pause=7200))
        async with client.stream("GET", f"{server.base_url}/x") as stream:
            assert await body_of(stream) == b"ab"
        assert clock.elapsed == 7200


async def test_what_the_consumer_does_is_no_silence() -> None:
    async with at_work() as (clock, server, client):
        server.on.get("/x").respond(
            Reply(chunks=[b"a\n", b"b\n", b"c\n", b"d\n"], pause=40)
        )
        seen = []
        async with client.stream(
            "GET", f"{server.base_url}/x", timeout=Timeouts(read=50)
        ) as stream:
            async for line in stream:
                seen.append(line)
                await asyncio.sleep(55)
        assert seen == ["a", "b", "c", "d"]
        assert clock.elapsed == 220


async def test_a_stream_that_is_not_read_yet_is_under_no_limit() -> None:
    async with at_work() as (_, server, client):
        server.on.get("/x").respond(Reply(chunks=[b"a", b"b"], pause=1))
        limits = Timeouts(total=5, attempt=5, read=5)
        async with client.stream(
            "GET", f"{server.base_url}/x", timeout=limits
        ) as stream:
            await asyncio.sleep(600)
            assert await body_of(stream) == b"ab"


async def test_the_callers_own_timeout_cuts_a_healthy_stream() -> None:
    async with at_work() as (clock, server, client):
        server.on.get("/x").respond(Reply(chunks=[b"a\n"] * 10, pause=1))
        seen: list[bytes] = []
        with pytest.raises(TimeoutError) as raised:
            async with asyncio.timeout(4.5):
                await collect(client.stream("GET", f"{server.base_url}/x"), seen)
        assert not isinstance(raised.value, HTTPTimeoutError)
        assert (b"".join(seen), clock.elapsed) == (b"a\n" * 5, 4.5)
        assert in_use(client) == (0, 0)
        await server.wait_until(lambda s: s.open_connections == 0)


# Tasks


async def test_cancellation_in_the_middle_passes_through_and_leaks_nothing() -> None:
    async with at_work() as (_, server, client):
        server.on.get("/x").respond(Reply(chunks=[b"a\n", b"b\n"], pause=60))
        seen: list[bytes] = []
        stream = client.stream("GET", f"{server.base_url}/x")
        task = asyncio.create_task(collect(stream, seen))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait({task})
        assert (task.cancelled(), seen) == (True, [b"a\n"])
        assert in_use(client) == (0, 0)
        await server.wait_until(lambda s: s.open_connections == 0)


async def test_each_step_may_be_another_tasks() -> None:
    async with at_work() as (clock, server, client):
        server.on.get("/x").sequence(
            Reply(chunks=[b"a\n", b"b\n", b"c\n"], pause=2),
            Reply(chunks=[b"a\n", b"b\n"], pause=9),
        )
        url, limits = f"{server.base_url}/x", Timeouts(read=3)
        async with client.stream("GET", url, timeout=limits) as stream:
            lines = aiter(stream)
            seen = [await asyncio.wait_for(anext(lines), 60) for _ in range(3)]
            assert (seen, clock.elapsed) == (["a", "b", "c"], 4)
        async with client.stream("GET", url, timeout=limits) as stream:
            lines = aiter(stream)
            assert await anext(lines) == "a"
            with pytest.raises(HTTPTimeoutError):
                await asyncio.wait_for(anext(lines), 60)
        assert in_use(client) == (0, 0)


async def test_a_reading_that_was_cut_off_does_not_look_complete() -> None:
    async with at_work() as (_, server, client):
        server.on.get("/x").respond(Reply(chunks=[b"a\n", b"b\n"], pause=9))
        async with client.stream("GET", f"{server.base_url}/x") as stream:
            lines = aiter(stream)
            assert await anext(lines) == "a"
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(lines), 1)
            with pytest.raises(HTTPClientStateError):
                await anext(lines)
            # Nothing is left that would strike the caller later.
            await asyncio.sleep(600)


async def test_a_reading_that_failed_does_not_look_complete() -> None:
    async with (
        at_work() as (_, server, client),
        server.outage(fault.truncate(100)),
        client.stream("GET", f"{server.base_url}/x") as stream,
    ):
        pieces = stream.bytes()
        await anext(pieces)
        with pytest.raises(HTTPConnectionError):
            await anext(pieces)
        with pytest.raises(HTTPClientStateError):
            await anext(pieces)


async def test_a_body_is_read_once_and_within_its_block() -> None:
    async with at_work() as (_, server, client):
        server.on.get("/x").respond(text="a\nb")
        async with client.stream("GET", f"{server.base_url}/x") as stream:
            lines = aiter(stream)
            assert await anext(lines) == "a"
            with pytest.raises(HTTPClientStateError):
                stream.bytes()
        with pytest.raises(HTTPClientStateError):
            await anext(lines)


async def test_the_end_of_the_block_ends_who_is_still_reading() -> None:
    async with at_work() as (_, server, client):
        server.on.get("/x").respond(Reply(chunks=[b"a\n", b"b\n"], pause=50))
        async with client.stream("GET", f"{server.base_url}/x") as stream:
            reader = asyncio.create_task(all_of(aiter(stream)))
            await asyncio.sleep(1)
        with pytest.raises(HTTPConnectionError):
            await reader
        assert in_use(client) == (0, 0)
        await server.wait_until(lambda s: s.open_connections == 0)


async def test_an_iteration_may_be_closed_before_its_block() -> None:
    async with at_work() as (_, server, client):
        server.on.get("/x").respond(Reply(chunks=[b"a\n", b"b\n"], pause=50))
        async with client.stream("GET", f"{server.base_url}/x") as stream:
            lines: Any = stream.lines()
            async with aclosing(lines):
                assert await anext(lines) == "a"
            with pytest.raises(HTTPClientStateError):
                await anext(lines)
        assert in_use(client) == (0, 0)


@pytest.mark.parametrize("seed", range(6))
async def test_random_cancellation_leaks_nothing(seed: int) -> None:
    random = Random(seed)
    pool = ConnectionPoolConfig(max_connections=5, stream_idle_timeout=4)
    async with at_work(pool) as (_, server, client):

        def answer(_: RecordedRequest) -> Reply | Fault:
            pieces = [b"x" * random.randint(1, 3000)] * random.randint(1, 5)
            whole = Reply(chunks=pieces, pause=random.random(), delay=random.random())
            faults = [fault.truncate(9), fault.hang(after_bytes=9)]
            outcomes: list[Reply | Fault] = [whole, whole, Reply(503), *faults]
            return random.choice(outcomes)

        server.on.get("/x").handle(answer)

        async def read() -> None:
            async with client.stream("GET", f"{server.base_url}/x") as stream:
                async for _ in stream.bytes():
                    await asyncio.sleep(random.random() / 4)

        async def cancelled(delay: float) -> None:
            task = asyncio.create_task(read())
            await asyncio.sleep(delay)
            task.cancel()
            await asyncio.wait({task})

        await asyncio.gather(*(cancelled(random.random() * 8) for _ in range(60)))
        assert in_use(client) == (0, 0)
        await server.wait_until(
            lambda s: s.open_connections == client.statistics().idle
        )


# Interceptors, policies and telemetry


class Labels(InterceptorProtocol):
    def __init__(self, scope: str) -> None:
        self.scope = scope

    async def intercept_response(self, response: ResponseContext, /) -> ResponseContext:
        response.headers = Headers([*response.headers.pairs, ("X-Seen", "1")])
        return response


class Replaces(InterceptorProtocol):
    def __init__(self, scope: str) -> None:
        self.scope = scope

    async def intercept_response(self, response: ResponseContext, /) -> ResponseContext:
        response.body = b"mine"
        return response


class Fails(InterceptorProtocol):
    async def intercept_response(self, response: ResponseContext, /) -> ResponseContext:
        raise LookupError


@pytest.mark.parametrize("scope", ["call", "attempt"])
async def test_an_interceptor_that_changes_headers_keeps_the_stream(scope: str) -> None:
    async with at_work(interceptors=[Labels(scope)]) as (clock, server, client):
        server.on.get("/x").respond(Reply(chunks=[b"a", b"b"], pause=2))
        async with client.stream("GET", f"{server.base_url}/x") as stream:
            assert (stream.headers["x-seen"], clock.elapsed) == ("1", 0)
            assert await body_of(stream) == b"ab"


@pytest.mark.parametrize("scope", ["call", "attempt"])
async def test_an_interceptor_that_replaces_the_body_closes_it(scope: str) -> None:
    async with at_work(interceptors=[Replaces(scope)]) as (_, server, client):
        server.on.get("/x").respond(Reply(chunks=[b"a", b"b"], pause=60))
        async with client.stream("GET", f"{server.base_url}/x") as stream:
            assert in_use(client) == (0, 0)
            assert await body_of(stream) == b"mine"
        await server.wait_until(lambda s: s.open_connections == 0)


async def test_an_interceptor_that_fails_leaks_nothing() -> None:
    async with at_work(interceptors=[Fails()]) as (_, server, client):
        server.on.get("/x").respond(Reply(chunks=[b"a", b"b"], pause=60))
        with pytest.raises(LookupError):
            async with client.stream("GET", f"{server.base_url}/x"):
                pytest.fail("entered")
        assert in_use(client) == (0, 0)
        await server.wait_until(lambda s: s.open_connections == 0)


class Doubles:
    """Sends each request twice, and takes the second answer."""

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        _, second = await asyncio.gather(operation(), operation())
        return second


class Races:
    """Sends each request twice, and takes the first answer."""

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        tasks = [asyncio.ensure_future(operation()) for _ in range(2)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


@pytest.mark.parametrize("hedge", [Doubles(), Races()])
async def test_the_connection_of_an_attempt_that_lost_is_closed(
    hedge: Doubles | Races,
) -> None:
    async with at_work(resilience=hedge) as (_, server, client):
        server.on.get("/x").respond(Reply(chunks=[b"a", b"b"], pause=60, delay=1))
        limits = Timeouts(read=90)
        async with client.stream(
            "GET", f"{server.base_url}/x", timeout=limits
        ) as stream:
            assert in_use(client) == (1, 0)
            await server.wait_until(lambda s: s.open_connections == 1)
            assert await body_of(stream) == b"ab"
        assert len(server.calls) == 2
        assert in_use(client) == (0, 0)


class Fuse:
    """Keeps what a breaker is shown, and when."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def call(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        assert call is not None
        try:
            result = await operation()
        except Exception as error:  # judged, and raised again
            self.seen.append(call.judge(None, error).outcome)
            raise
        self.seen.append(call.judge(result, None).outcome)
        return result


async def test_breaker_and_metrics_see_a_stream_once_at_its_head() -> None:
    fuse, metrics = Fuse(), InMemoryMetrics()
    async with at_work(circuit_breaker=fuse, metrics=metrics) as at:
        clock, server, client = at
        server.on.get("/x").respond(Reply(chunks=[b"a", b"b"], pause=60))
        server.on.get("/bad").respond(500)
        tags = {"method": "GET", "status": "200"}
        async with client.stream("GET", f"{server.base_url}/x") as stream:
            assert fuse.seen == ["success"]
            assert metrics.value("http.request.status", **tags) == 1
            with pytest.raises(HTTPTimeoutError):
                await body_of(stream)
        assert clock.elapsed == 60
        assert metrics.value("http.request.status", **tags) == 1
        async with client.stream("GET", f"{server.base_url}/bad", retry=False):
            pass
        assert fuse.seen == ["success", "failure"]
