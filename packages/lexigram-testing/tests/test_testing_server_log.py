"""What the server keeps of a connection, byte by byte, and how it reads."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexigram.testing import FaultServer, Reply, fault, virtual_time
from lexigram.testing._server.records import LOG_LIMIT, ByteLog, ConnectionRecord
from lexigram.testing._server.transcript import Peer


@asynccontextmanager
async def connected(
    server: FaultServer,
) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter], None]:
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def record_of(*pieces: tuple[Peer, bytes]) -> ConnectionRecord:
    record = ConnectionRecord(1, 0.0)
    for sender, data in pieces:
        record.log.add(sender, data)
    return record


async def test_a_conversation_reads_like_one() -> None:
    async with FaultServer.run() as server:
        server.on.put("/v1/x").respond(json={"id": 7})
        server.on.get("/v1/y").respond(Reply(chunks=[b"one", b"two"]))
        async with connected(server) as (reader, writer):
            writer.write(
                b"PUT /v1/x?token=abc HTTP/1.1\r\nHost: api.test\r\n"
                b"Authorization: Bearer s3cret\r\nContent-Length: 29\r\n\r\n"
                b'{"a": 1, "password": "s3cret"'
            )
            await reader.readuntil(b"}")
            writer.write(b"GET /v1/y HTTP/1.1\r\n\r\n")
            await reader.readuntil(b"0\r\n\r\n")
        await server.wait_until(lambda s: s.open_connections == 0)
        assert server.connections[0].render() == CONVERSATION


CONVERSATION = """\
* connection 1
> PUT /v1/x?token=*** HTTP/1.1
> Host: api.test
> Authorization: ***
> Content-Length: 29
>
> {"a": 1, "password": ***
< HTTP/1.1 200 OK
< Content-Type: application/json
< Content-Length: 8
<
< {"id":7}
> GET /v1/y HTTP/1.1
>
< HTTP/1.1 200 OK
< Transfer-Encoding: chunked
<
< 3
< one
< 3
< two
< 0
<
* closed by the client"""


async def test_what_went_wrong_before_a_request_is_told() -> None:
    cause = fault.reset_on_request()
    async with (
        FaultServer.run() as server,
        server.outage(cause),
        connected(server) as (_, writer),
    ):
        writer.write(b"GET /x HTTP/1.1\r\n")
        await server.wait_until(lambda s: len(s.connections) == 1)
        await server.wait_until(lambda s: s.open_connections == 0)
        assert server.connections[0].render() == (
            "* connection 1, fault.reset_on_request()\n"
            "> GET /x HTTP/1.1\n"
            "* closed by the server"
        )


async def test_requests_sent_at_once_are_told_one_by_one() -> None:
    async with FaultServer.run() as server, connected(server) as (reader, writer):
        server.on.post("/x").respond(text="done")
        writer.write(b"POST /x HTTP/1.1\r\nContent-Length: 1\r\n\r\na" * 2)
        for _ in range(2):
            await reader.readuntil(b"done")
        lines = server.connections[0].render().splitlines()
        post = ["> POST /x HTTP/1.1", "> Content-Length: 1", ">", "> a"]
        assert lines[1:9] == post * 2
        assert [line for line in lines if line == "< done"] == ["< done"] * 2


async def test_every_byte_is_counted_and_the_first_ones_kept() -> None:
    body = bytes(range(256)) * 1000
    async with FaultServer.run() as server, connected(server) as (reader, writer):
        server.on.post("/x").respond(body=body)
        head = f"POST /x HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        writer.write(head + body)
        answer = await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(
            len(body)
        )
        (record,) = server.connections
        assert record.bytes_received == len(head + body)
        assert record.bytes_sent == len(answer)
        assert record.received == (head + body)[:LOG_LIMIT]
        assert record.sent == answer[:LOG_LIMIT]
        more = f"* {record.bytes_sent - LOG_LIMIT} more bytes of the server"
        assert record.render().endswith(f"{more}\n* open")


async def test_the_answer_to_an_expectation_is_in_the_log() -> None:
    async with FaultServer.run() as server, connected(server) as (reader, writer):
        server.on.put("/x").respond(204)
        writer.write(
            b"PUT /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"hi")
        await reader.readuntil(b"\r\n\r\n")
        lines = server.connections[0].render().splitlines()
        said = lines.index("< HTTP/1.1 100 Continue")
        assert lines[said:] == [
            "< HTTP/1.1 100 Continue",
            "<",
            "> hi",
            "< HTTP/1.1 204 No Content",
            "<",
            "* open",
        ]


async def test_times_are_those_of_the_loop() -> None:
    async with virtual_time() as clock, FaultServer.run() as server:
        server.on.get("/x").respond(delay=7, headers={"Connection": "close"})
        start = clock.monotonic()
        async with connected(server) as (reader, writer):
            writer.write(b"GET /x HTTP/1.1\r\n\r\n")
            await reader.read()
            await server.wait_until(lambda s: s.open_connections == 0)
        (record,) = server.connections
        assert (record.opened, record.closed) == (start, start + 7)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"Cookie: a=1; b=2", "Cookie: ***"),
        (b"X-Api-Key:k", "X-Api-Key: ***"),
        (b"Accept: text/plain", "Accept: text/plain"),
        (b"Location: https://u:p@h/x?code=1", "Location: https://***@h/x?code=***"),
        (
            b"GET https://u:p@h/x?code=1 HTTP/1.1",
            "GET https://***@h/x?code=*** HTTP/1.1",
        ),
        (b"caf\xc3\xa9", "café"),
        (b"\xff\x00\x1b[0m", "\\xff\\x00\\x1b[0m"),
        (b"x" * 300, "x" * 200 + "… (300 characters)"),
        (b"", ""),
    ],
)
def test_a_line_is_shown_without_what_must_not_be(line: bytes, shown: str) -> None:
    text = record_of(("client", line + b"\r\n")).render()
    assert text == f"* connection 1\n{f'> {shown}'.rstrip()}\n* open"


def test_what_continues_a_secret_on_the_next_line_is_hidden_too() -> None:
    record = record_of(
        ("client", b"Authorization: Bearer\r\n s3cret\r\n\tmore\r\nA: b")
    )
    assert record.render().splitlines()[1:] == [
        "> Authorization: ***",
        "> ***",
        "> ***",
        "> A: b",
        "* open",
    ]


@given(data=st.data())
def test_a_secret_is_hidden_however_its_bytes_come(data: st.DataObject) -> None:
    wire = b"GET /x HTTP/1.1\r\nAuthorization: Bearer s3cret\r\nA: b\r\n\r\n"
    cuts = sorted(data.draw(st.sets(st.integers(1, len(wire) - 1), max_size=6)))
    record = ConnectionRecord(1, 0.0)
    for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        record.log.add("client", wire[start:end])
        record.log.add("server", data.draw(st.sampled_from([b"", b"x", b"y\r\n"])))
    assert record.received == wire
    text = record.render()
    assert "s3cret" not in text
    mine = [line for line in text.splitlines() if line.startswith(">")]
    assert mine == ["> GET /x HTTP/1.1", "> Authorization: ***", "> A: b", ">"]


@given(
    pieces=st.lists(
        st.tuples(st.sampled_from(["client", "server"]), st.integers(0, 3 * LOG_LIMIT)),
        max_size=6,
    )
)
@settings(max_examples=50)
def test_the_log_keeps_the_beginning_of_each_direction(
    pieces: list[tuple[Peer, int]],
) -> None:
    log = ByteLog()
    whole: dict[Peer, bytes] = {"client": b"", "server": b""}
    for number, (sender, size) in enumerate(pieces):
        data = bytes([number]) * size
        whole[sender] += data
        log.add(sender, data)
    for sender, data in whole.items():
        assert log.counts[sender] == len(data)
        assert log.sent_by(sender) == data[:LOG_LIMIT]
