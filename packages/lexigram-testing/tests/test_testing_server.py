"""The fault server, seen from raw sockets."""

import asyncio
import gc
import gzip
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexigram.contracts.web import Headers, HTTPConnectionError, HttpResponse
from lexigram.testing import (
    Fault,
    FaultServer,
    RecordedRequest,
    Reply,
    UnmatchedRequest,
    VerificationError,
    fault,
    virtual_time,
)


@dataclass
class Answer:
    status: int
    headers: Headers
    body: bytes


class Peer:
    """A client of one connection that knows as little HTTP as it needs."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.reader = reader
        self.writer = writer

    def send(self, line: str, *fields: str, body: bytes = b"") -> None:
        head = "\r\n".join([f"{line} HTTP/1.1", *fields, "", ""])
        self.writer.write(head.encode() + body)

    async def answer(self, *, to_head: bool = False) -> Answer:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        line, *fields = head.removesuffix("\r\n\r\n").split("\r\n")
        headers = Headers(
            [(f.partition(": ")[0], f.partition(": ")[2]) for f in fields]
        )
        size = 0 if to_head else int(headers.get("content-length", "0"))
        body = await self.reader.readexactly(size)
        return Answer(int(line.split()[1]), headers, body)

    async def ask(self, line: str, *fields: str, body: bytes = b"") -> Answer:
        self.send(line, *fields, body=body)
        return await self.answer(to_head=line.startswith("HEAD"))

    async def rest(self) -> bytes:
        return await asyncio.wait_for(self.reader.read(), 5)


@asynccontextmanager
async def connected(server: FaultServer) -> AsyncGenerator[Peer, None]:
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        yield Peer(reader, writer)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def test_one_connection_serves_many_requests() -> None:
    async with FaultServer.run() as server, connected(server) as peer:
        server.on.get("/v1/{id}").respond(json={"ok": True})
        for number in range(3):
            answer = await peer.ask(f"GET /v1/{number}", "Host: h")
            assert (answer.status, answer.body) == (200, b'{"ok":true}')
            assert answer.headers["content-type"] == "application/json"
        (record,) = server.connections
        assert [request.path for request in record.requests] == [
            "/v1/0",
            "/v1/1",
            "/v1/2",
        ]
        assert record.is_open
        assert record.closed_by is None
        assert (server.open_connections, server.peak_connections) == (1, 1)
        assert server.base_url == f"http://127.0.0.1:{server.port}"


async def test_a_request_is_recorded_as_it_was_sent() -> None:
    async with FaultServer.run() as server, connected(server) as peer:
        server.on.post("/x").respond(201)
        fields = ("Host: api.test", "X-Many: 1", "x-many:  2 ", "Content-Length: 7")
        await peer.ask("POST /x?a=1&a=2", *fields, body=b'{"a":1}')
        request = server.calls.one().request
        assert request.url == "http://api.test/x?a=1&a=2"
        assert request.params == (("a", "1"), ("a", "2"))
        assert request.headers.pairs[1:3] == (("X-Many", "1"), ("x-many", "2"))
        assert request.json == {"a": 1}
        assert request.target == "/x?a=1&a=2"


@given(
    pieces=st.lists(st.binary(min_size=1, max_size=50), max_size=5),
    extension=st.sampled_from(["", ";name=value"]),
    trailer=st.sampled_from(["", "X-Sum: 1\r\n"]),
)
@settings(max_examples=30)
async def test_a_chunked_body_arrives_whole(
    pieces: list[bytes], extension: str, trailer: str
) -> None:
    wire = b"".join(
        f"{len(piece):X}{extension}\r\n".encode() + piece + b"\r\n" for piece in pieces
    )
    async with FaultServer.run() as server, connected(server) as peer:
        server.on.post("/x").respond(204)
        for _ in range(2):
            body = wire + f"0\r\n{trailer}\r\n".encode()
            await peer.ask("POST /x", "Transfer-Encoding: chunked", body=body)
        assert [call.request.body for call in server.calls] == [b"".join(pieces)] * 2


async def test_a_client_that_expects_100_continue_gets_it_before_it_sends() -> None:
    async with FaultServer.run() as server, connected(server) as peer:
        server.on.put("/x", body=b"late").respond(200)
        peer.send("PUT /x", "Expect: 100-continue", "Content-Length: 4")
        assert (await peer.answer()).status == 100
        peer.writer.write(b"late")
        assert (await peer.answer()).status == 200


@pytest.mark.parametrize(
    ("line", "field"),
    [("GET /x", "Connection: close"), ("GET /x", "Connection: Keep-Alive, Close")],
)
async def test_a_client_that_asks_to_close_is_closed(line: str, field: str) -> None:
    async with FaultServer.run() as server, connected(server) as peer:
        server.on.get("/x").respond(200)
        answer = await peer.ask(line, field)
        assert answer.headers["connection"] == "close"
        assert await peer.rest() == b""
        await server.wait_until(lambda s: s.open_connections == 0)
        assert server.connections[0].closed_by == "server"


async def test_a_client_of_http_1_0_is_closed_unless_it_asks_otherwise() -> None:
    async with FaultServer.run() as server, connected(server) as peer:
        server.on.get("/x").respond(200)
        peer.writer.write(b"GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert (await peer.answer()).headers["connection"] == "keep-alive"
        peer.writer.write(b"GET /x HTTP/1.0\r\n\r\n")
        assert (await peer.answer()).headers["connection"] == "close"


async def test_a_client_of_http_1_0_gets_chunks_without_their_framing() -> None:
    async with FaultServer.run() as server, connected(server) as peer:
        server.on.get("/x").respond(Reply(chunks=[b"a", b"bc"]))
        peer.writer.write(b"GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        answer = await peer.answer()
        assert "transfer-encoding" not in answer.headers
        assert answer.headers["connection"] == "close"
        assert await peer.rest() == b"abc"


async def test_requests_sent_at_once_are_answered_in_order() -> None:
    async with virtual_time(), FaultServer.run() as server, connected(server) as peer:
        server.on.get("/slow").respond(text="first", delay=9)
        server.on.post("/x", body=b"abc").respond(text="second")
        server.on.get("/y").respond(text="third")
        peer.send("GET /slow")
        peer.send("POST /x", "Content-Length: 3", body=b"abc")
        peer.send("GET /y")
        bodies = [(await peer.answer()).body for _ in range(3)]
        assert bodies == [b"first", b"second", b"third"]
        assert [record.reuses for record in server.connections] == [2]


async def test_the_clients_of_the_standard_library_can_read_every_reply() -> None:
    replies = {
        "/length": Reply(text="plain"),
        "/chunks": Reply(chunks=[b"pl", b"ain"]),
        "/gzip": Reply(body=gzip.compress(b"plain"), headers={"Content-Encoding": "x"}),
        "/204": Reply(204, body=b"plain"),
        "/304": Reply(304, headers={"Content-Length": "5"}),
    }

    def read_all(port: int) -> dict[str, bytes]:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        with closing(connection):
            bodies: dict[str, bytes] = {}
            for path in replies:
                for method in ("HEAD", "GET"):
                    connection.request(method, path)
                    bodies[f"{method} {path}"] = connection.getresponse().read()
            return bodies

    async with FaultServer.run() as server:
        for path, reply in replies.items():
            server.on("*", path).respond(reply)
        bodies = await asyncio.to_thread(read_all, server.port)
        assert bodies.pop("GET /gzip") == replies["/gzip"].body
        whole = {path for path, body in bodies.items() if body == b"plain"}
        assert whole == {"GET /length", "GET /chunks"}
        assert len(server.connections) == 1


async def test_reset_forgets_what_was_and_keeps_what_is_open() -> None:
    async with FaultServer.run() as server, connected(server) as peer:
        server.on.get("/x").respond(text="before")
        async with connected(server) as other:
            await other.ask("GET /x")
        await peer.ask("GET /x")
        await server.wait_until(lambda s: s.open_connections == 1)
        server.reset()
        assert len(server.calls) == 0
        assert [record.id for record in server.connections] == [1]
        assert server.peak_connections == 1
        server.on.get("/x").respond(text="after")
        assert (await peer.ask("GET /x")).body == b"after"


async def test_reset_can_keep_the_routes() -> None:
    async with FaultServer.run() as server, connected(server) as peer:
        server.on.get("/x").respond(200)
        await peer.ask("GET /x")
        server.reset(routes=False)
        assert (await peer.ask("GET /x")).status == 200
        assert len(server.calls) == 1


async def test_a_reply_that_says_close_closes() -> None:
    async with FaultServer.run() as server, connected(server) as peer:
        server.on.get("/x").respond(200, headers={"Connection": "close"})
        await peer.ask("GET /x")
        assert await peer.rest() == b""


@pytest.mark.parametrize(
    ("method", "status", "length"),
    [("HEAD", 200, "7"), ("GET", 204, None), ("GET", 304, None)],
)
async def test_an_answer_without_a_body_has_none(
    method: str, status: int, length: str | None
) -> None:
    async with FaultServer.run() as server, connected(server) as peer:
        server.on(method, "/x").respond(status, body=b"content")
        for _ in range(2):
            answer = await peer.ask(f"{method} /x")
            assert answer.status == status
            assert answer.headers.get("content-length") == length


async def test_repeated_headers_and_given_lengths_are_sent_as_they_are() -> None:
    headers = [("Set-Cookie", "a"), ("Set-Cookie", "b"), ("content-length", "3")]
    async with FaultServer.run() as server, connected(server) as peer:
        server.on.get("/x").respond(headers=headers, body=b"abc")
        assert (await peer.ask("GET /x")).headers.pairs == tuple(headers)


@pytest.mark.parametrize(
    ("reply", "wire"),
    [
        (Reply(body=b"abc", chunked=True), b"3\r\nabc\r\n0\r\n\r\n"),
        (Reply(chunks=[b"a", b"", b"bc"]), b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"),
        (Reply(chunks=[b"a", b"b"], pause=2), b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n"),
        (Reply(chunked=True), b"0\r\n\r\n"),
    ],
)
async def test_a_reply_can_be_chunked(reply: Reply, wire: bytes) -> None:
    async with virtual_time(), FaultServer.run() as server, connected(server) as peer:
        server.on.get("/x").respond(reply)
        answer = await peer.ask("GET /x", "Connection: close")
        assert answer.headers["transfer-encoding"] == "chunked"
        assert await peer.rest() == wire


async def test_a_status_without_a_name_is_sent_all_the_same() -> None:
    async with FaultServer.run() as server, connected(server) as peer:
        server.on.get("/x").respond(299)
        peer.send("GET /x")
        assert await peer.reader.readuntil(b"\n") == b"HTTP/1.1 299 \r\n"


async def test_a_delay_comes_before_the_status_line() -> None:
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        connected(server) as peer,
    ):
        server.on.get("/x").respond(delay=9)
        peer.send("GET /x")
        await server.calls.wait_for(1)
        assert server.calls[0].outcome is None
        assert (await peer.answer()).status == 200
        assert clock.elapsed == 9


async def test_a_client_that_leaves_during_a_delay_ends_the_call() -> None:
    async with FaultServer.run() as server:
        server.on.get("/x").respond(delay=3600)
        async with connected(server) as peer:
            peer.send("GET /x")
            await server.calls.wait_for(1)
        await server.wait_until(lambda s: s.open_connections == 0)
        assert server.connections[0].closed_by == "client"
        assert isinstance(server.calls.one().outcome, ConnectionError)


async def test_a_client_that_leaves_an_idle_connection_is_noticed() -> None:
    async with FaultServer.run() as server:
        async with connected(server):
            await server.wait_until(lambda s: s.open_connections == 1)
        await server.wait_until(lambda s: s.open_connections == 0)
        assert server.connections[0].closed_by == "client"
        assert server.connections[0].requests == []


async def test_a_client_that_has_sent_everything_may_close_its_half() -> None:
    async with FaultServer.run() as server, connected(server) as peer:
        server.on.get("/x").respond(text="still here")
        peer.send("GET /x")
        peer.writer.write_eof()
        assert (await peer.answer()).body == b"still here"


async def test_the_peak_counts_connections_at_the_same_time() -> None:
    async with FaultServer.run() as server:
        async with connected(server), connected(server):
            await server.wait_until(lambda s: s.open_connections == 2)
        await server.wait_until(lambda s: s.open_connections == 0)
        async with connected(server):
            await server.wait_until(lambda s: s.open_connections == 1)
        assert server.peak_connections == 2
        assert [record.id for record in server.connections] == [1, 2, 3]


async def test_waiting_in_vain_says_how_things_are() -> None:
    async with virtual_time(), FaultServer.run() as server:
        with pytest.raises(AssertionError, match="Of 0 connections 0 are open"):
            await server.wait_until(lambda s: s.open_connections == 1, timeout=9)


async def test_a_condition_that_raises_ends_the_wait() -> None:
    def condition(server: FaultServer) -> bool:
        raise TimeoutError("mine")

    async with FaultServer.run() as server:
        with pytest.raises(TimeoutError, match="mine"):
            await server.wait_until(condition)


async def test_a_server_that_is_down_refuses_and_comes_back_on_its_port() -> None:
    async with FaultServer.run() as server, connected(server) as peer:
        server.on.get("/x").respond(200)
        await peer.ask("GET /x")
        port = server.port
        await server.down()
        await server.down()
        assert server.open_connections == 0
        assert server.connections[0].closed_by == "server"
        with pytest.raises(ConnectionResetError):
            await peer.rest()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(server.host, server.port)
        await server.up()
        await server.up()
        assert server.port == port
        async with connected(server) as again:
            assert (await again.ask("GET /x")).status == 200


async def test_a_connection_that_was_just_accepted_is_reset_too() -> None:
    async with FaultServer.run() as server, connected(server) as peer:
        await server.wait_until(lambda s: s.open_connections == 1)
        await server.down()
        assert server.open_connections == 0
        with pytest.raises(ConnectionResetError):
            await peer.rest()


@pytest.mark.parametrize("turns", range(6))
async def test_a_connection_on_its_way_is_reset_however_far_it_has_come(
    turns: int,
) -> None:
    async with FaultServer.run() as server:
        # Connected as far as the operating system is concerned.
        with socket.create_connection((server.host, server.port)) as client:
            client.settimeout(0)
            for _ in range(turns):
                await asyncio.sleep(0)
            await server.down()
            with pytest.raises(ConnectionResetError):
                await asyncio.wait_for(
                    asyncio.get_running_loop().sock_recv(client, 1), 5
                )
        assert server.open_connections == 0


async def test_a_handler_may_take_its_own_server_down() -> None:
    async def handler(request: RecordedRequest) -> Reply:
        await server.down()
        return Reply()

    async with FaultServer.run() as server, connected(server) as peer:
        server.on.get("/x").handle(handler)
        peer.send("GET /x")
        with pytest.raises(ConnectionResetError):
            await peer.rest()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(server.host, server.port)
        await server.up()


async def test_the_end_leaves_no_task_and_no_connection() -> None:
    async def forever(request: RecordedRequest) -> Reply:
        await asyncio.Event().wait()
        return Reply()

    before = asyncio.all_tasks()
    async with FaultServer.run() as server:
        server.on.get("/hang").fail(fault.hang())
        server.on.get("/slow").respond(delay=3600)
        server.on.get("/handler").handle(forever)
        server.on.get("/big").respond(body=b"x" * 50_000_000)
        async with (
            connected(server) as one,
            connected(server) as two,
            connected(server) as three,
            connected(server) as four,
            connected(server),
        ):
            for peer, path in zip(
                (one, two, three, four), ("hang", "slow", "handler", "big"), strict=True
            ):
                peer.send(f"GET /{path}")
            await server.calls.wait_for(4)
            await server.wait_until(lambda s: s.open_connections == 5)
            await server.__aexit__(None, None, None)
            assert server.open_connections == 0
            assert asyncio.all_tasks() == before
            assert all(call.outcome is not None for call in server.calls)
    gc.collect()  # a socket that was not closed would warn here


async def test_a_proxy_sees_the_absolute_target_and_its_credentials() -> None:
    async with FaultServer.run() as server, connected(server) as peer:
        route = server.on.get("http://api.test/v1/{id}").respond(text="by proxy")
        answer = await peer.ask(
            "GET http://api.test/v1/7?a=1", "Host: api.test", "Proxy-Authorization: B x"
        )
        assert answer.body == b"by proxy"
        request = route.calls.one().request
        assert request.headers["proxy-authorization"] == "B x"
        assert request.url == "http://api.test/v1/7?a=1"
        assert request.target == request.url


async def test_a_proxy_can_refuse_a_tunnel() -> None:
    async with FaultServer.run() as server, connected(server) as peer:
        server.on("CONNECT", "http://api.test:443/").respond(407)
        assert (await peer.ask("CONNECT api.test:443", "Host: api.test")).status == 407


async def test_the_star_of_options_is_the_root() -> None:
    async with FaultServer.run() as server, connected(server) as peer:
        server.on("OPTIONS", "/").respond(204)
        assert (await peer.ask("OPTIONS *", "Host: h")).status == 204


async def test_an_unmatched_request_is_explained_to_both_sides() -> None:
    async def block() -> None:
        async with FaultServer.run() as server, connected(server) as peer:
            answers.append(await peer.ask("GET /typo", "Host: h"))

    answers: list[Answer] = []
    with pytest.raises(VerificationError) as caught:
        await block()
    (answer,) = answers
    assert answer.status == 501
    (unmatched,) = caught.value.unmatched
    assert isinstance(unmatched, UnmatchedRequest)
    assert answer.body.decode() == f"{unmatched}\n"
    assert "No route matches request #1." in answer.body.decode()


async def test_the_line_to_paste_uses_a_path_for_the_servers_own_origin() -> None:
    async with FaultServer.run(strict="lenient") as server, connected(server) as peer:
        answer = await peer.ask("GET /x?a=1", f"Host: {server.host}:{server.port}")
        assert b'server.on("GET", "/x", params={"a": "1"}).respond(200)' in answer.body


async def test_a_failing_test_keeps_its_failure() -> None:
    async def block() -> None:
        async with FaultServer.run() as server, connected(server) as peer:
            await peer.ask("GET /typo")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        await block()
    assert "GET http://127.0.0.1" in caught.value.__notes__[0]


async def test_an_exhausted_sequence_is_answered_500_and_raised() -> None:
    async with FaultServer.run(strict="lenient") as server, connected(server) as peer:
        server.on.get("/x").sequence(Reply(200))
        assert (await peer.ask("GET /x")).status == 200
        assert (await peer.ask("GET /x")).status == 500
    with pytest.raises(VerificationError, match="once more than its sequence of 1"):
        server.verify()


async def test_a_handler_makes_the_reply() -> None:
    async def handler(request: RecordedRequest) -> HttpResponse:
        await asyncio.sleep(0)
        return HttpResponse(202, json=request.path_params)

    async with FaultServer.run() as server, connected(server) as peer:
        server.on.get("/{id}").handle(handler)
        assert (await peer.ask("GET /7")).body == b'{"id":"7"}'


@pytest.mark.parametrize(
    "error", [AssertionError("seen"), HTTPConnectionError("seen", failure="dns")]
)
async def test_what_a_handler_raises_is_not_lost(error: Any) -> None:
    def handler(request: RecordedRequest) -> Reply:
        raise error

    async with FaultServer.run(strict="lenient") as server, connected(server) as peer:
        server.on.get("/x").handle(handler)
        assert (await peer.ask("GET /x")).status == 500
    with pytest.raises(VerificationError, match="seen") as caught:
        server.verify()
    assert caught.value.failures[0].__cause__ is error


async def test_a_client_that_leaves_ends_its_handler() -> None:
    ended = asyncio.Event()

    async def handler(request: RecordedRequest) -> Reply:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return Reply()

    async with FaultServer.run() as server:
        server.on.get("/x").handle(handler)
        async with connected(server) as peer:
            peer.send("GET /x")
            await server.calls.wait_for(1)
        await asyncio.wait_for(ended.wait(), 5)
        await server.wait_until(lambda s: s.open_connections == 0)
        assert isinstance(server.calls.one().outcome, ConnectionError)


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET /x HTTP/1.1\r\nno field\r\n\r\n",
        b"GET /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"GET /x HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
        b"POST /x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /x HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"GET http://h:port/ HTTP/1.1\r\n\r\n",
        b"GET /x HTTP/1.1\r\nLong: " + b"x" * 2_000_000,
    ],
    ids=lambda sent: repr(sent[:60]),
)
async def test_what_is_not_http_is_refused_and_raised(sent: Any) -> None:
    async with FaultServer.run(strict="lenient") as server, connected(server) as peer:
        peer.writer.write(sent)
        assert (await peer.answer()).status == 400
        await server.wait_until(lambda s: s.open_connections == 0)
        assert server.connections[0].closed_by == "server"
    with pytest.raises(VerificationError, match="not HTTP"):
        server.verify()


async def test_a_request_that_breaks_off_is_no_request() -> None:
    async with FaultServer.run() as server:
        async with connected(server) as peer:
            peer.writer.write(b"POST /x HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc")
            await server.wait_until(lambda s: s.open_connections == 1)
        await server.wait_until(lambda s: s.open_connections == 0)
        assert len(server.calls) == 0


def test_a_server_that_does_not_listen_has_no_port() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        _ = FaultServer.run().port


@pytest.mark.parametrize("outcome", [fault.refused(), ValueError("mine")])
def test_what_a_server_cannot_do_is_refused_where_it_is_written(outcome: Any) -> None:
    with pytest.raises(ValueError, match="server"):
        FaultServer().on.get("/x").fail(outcome)


# --- faults ---


async def _wire(cause: Fault, *, line: str = "GET /x") -> bytes:
    async with FaultServer.run() as server, connected(server) as peer:
        server.on.get("/x").fail(cause)
        peer.send(line, "Connection: close")
        return await peer.rest()


@pytest.mark.parametrize("cause", [fault.reset(), fault.reset(10)])
async def test_reset_ends_with_a_reset(cause: Any) -> None:
    with pytest.raises(ConnectionResetError):
        await _wire(cause)


async def test_reset_within_the_body_sends_what_comes_before() -> None:
    async with FaultServer.run() as server, connected(server) as peer:
        server.on.get("/x").fail(fault.reset(10))
        peer.send("GET /x")
        head = await peer.reader.readuntil(b"\r\n\r\n")
        assert b"Content-Length: 1024" in head
        assert await peer.reader.readexactly(10) == b"0123456789"


async def test_close_ends_without_a_byte() -> None:
    assert await _wire(fault.close()) == b""


@pytest.mark.parametrize(
    ("cause", "declared", "sent"),
    [
        (fault.truncate(3, body=b"12345"), b"5", b"123"),
        (fault.wrong_length(2, body=b"12345"), b"7", b"12345"),
        (fault.wrong_length(-2, body=b"12345"), b"3", b"12345"),
        (fault.drip(100_000, body=b"12345"), b"5", b"12345"),
    ],
)
async def test_a_body_that_does_not_fit_its_length(
    cause: Any, declared: bytes, sent: Any
) -> None:
    head, _, body = (await _wire(cause)).partition(b"\r\n\r\n")
    assert b"Content-Length: " + declared in head
    assert body == sent


async def test_a_slow_body_comes_in_pieces() -> None:
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        connected(server) as peer,
    ):
        server.on.get("/x").fail(fault.drip(1, body=b"x" * 60))
        answer = await peer.ask("GET /x")
        assert clock.elapsed == 60
        assert answer.body == b"x" * 60
        assert (await peer.ask("GET /x")).status == 200


async def test_garbage_is_no_status_line() -> None:
    assert not (await _wire(fault.garbage())).startswith(b"HTTP")


async def test_a_bad_chunk_follows_a_good_one() -> None:
    assert b"4\r\ngood\r\nzz\r\n" in await _wire(fault.bad_chunk())


@pytest.mark.parametrize("cause", [fault.bad_gzip(), fault.truncated_gzip()])
async def test_bad_gzip_is_framed_correctly(cause: Any) -> None:
    async with FaultServer.run() as server, connected(server) as peer:
        server.on.get("/x").fail(cause)
        for _ in range(2):
            answer = await peer.ask("GET /x")
            assert answer.headers["content-encoding"] == "gzip"


async def test_raw_bytes_are_sent_as_they_are_and_the_connection_kept() -> None:
    async with FaultServer.run() as server, connected(server) as peer:
        answer = b"HTTP/1.1 299 Odd\r\nContent-Length: 2\r\n\r\nhi"
        server.on.get("/x").fail(fault.raw(answer, then="keep"))
        for _ in range(2):
            assert (await peer.ask("GET /x")).status == 299
        assert len(server.connections) == 1


@pytest.mark.parametrize(("cause", "sent"), [(fault.hang(), 0), (fault.hang(4), 4)])
async def test_a_hanging_answer_ends_when_the_client_leaves(
    cause: Any, sent: Any
) -> None:
    async with FaultServer.run() as server:
        server.on.get("/x").fail(cause)
        async with connected(server) as peer:
            peer.send("GET /x")
            await server.calls.wait_for(1)
            if sent:
                await peer.reader.readuntil(b"\r\n\r\n")
                assert len(await peer.reader.readexactly(sent)) == sent
        await server.wait_until(lambda s: s.open_connections == 0)
        assert server.connections[0].closed_by == "client"
        call = server.calls.one()
        assert call.outcome is cause
        assert call.render().endswith(f"-> {cause!r}")


async def test_a_client_that_leaves_a_slow_body_ends_it() -> None:
    async with FaultServer.run() as server:
        server.on.get("/x").fail(fault.drip(0.001))
        async with connected(server) as peer:
            peer.send("GET /x")
            await peer.reader.readuntil(b"\r\n\r\n")
        await server.wait_until(lambda s: s.open_connections == 0)
        assert server.connections[0].closed_by == "client"
