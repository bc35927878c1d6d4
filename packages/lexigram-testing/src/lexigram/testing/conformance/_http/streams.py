"""STREAM-001 to 019: what a stream is, and the forms that its body is read in."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from typing import Any, TypeVar

from lexigram.contracts.web import (
    HTTPClientStateError,
    HTTPDecodeError,
    HTTPResponseTooLargeError,
    StreamingHTTPClientProtocol,
)
from lexigram.contracts.web.streaming import Reconnect, Resumed, events
from lexigram.result import Err
from lexigram.testing._answers.outcomes import Reply
from lexigram.testing.conformance._backend import Backend
from lexigram.testing.conformance._expectations import (
    elapsed,
    expect,
    expect_equal,
    expect_raised,
    now,
)
from lexigram.testing.conformance._http.opening import stream_behaviour
from lexigram.testing.conformance._implements import assert_implements

__all__ = ["read"]

T = TypeVar("T")

_NDJSON = {"Content-Type": "application/x-ndjson"}
_EVENTS = {"Content-Type": "text/event-stream"}


async def read(items: AsyncIterator[T]) -> list[T]:
    """Return what there is, to its end."""
    return [item async for item in items]


@stream_behaviour("STREAM-001")
async def streams_by_the_protocol(
    client: StreamingHTTPClientProtocol,
    backend: Backend,  # noqa: ARG001 - one signature for all
) -> None:
    """The client has the method of the protocol, with its parameters."""
    assert_implements(StreamingHTTPClientProtocol, client)


@stream_behaviour("STREAM-002")
async def the_head_comes_before_the_body(
    client: StreamingHTTPClientProtocol, backend: Backend
) -> None:
    """Status and headers are given before the body, and each piece as it comes."""
    url = f"{backend.base_url}/x?q=1"
    reply = Reply(201, {"X-A": "1"}, chunks=[b"a\n", b"b\n"], pause=5)
    backend.on.get("/x").respond(reply)
    began = now()
    async with client.stream("get", url) as stream:
        expect_equal("The seconds until the head", elapsed(began), 0.0)
        expect_equal("The status", stream.status, 201)
        expect_equal("The method", stream.method, "GET")
        expect_equal("The URL", stream.url, url)
        expect(stream.ok, "It is not called ok.")
        expect_equal("A header", stream.headers.get("x-a"), "1")
        expect(stream.raise_for_status() is stream, "It is another after a look.")
        came = [(line, elapsed(began)) async for line in stream]
    expect_equal("The lines and their times", came, [("a", 0.0), ("b", 5.0)])


@stream_behaviour("STREAM-003")
async def bytes_are_those_of_the_body(
    client: StreamingHTTPClientProtocol, backend: Backend
) -> None:
    """`bytes` gives the body as it was sent, also a large one."""
    body = bytes(range(256)) * 12_000
    backend.on.get("/x").respond(body=body)
    async with client.stream("GET", f"{backend.base_url}/x") as stream:
        came = b"".join(await read(stream.bytes()))
    expect(came == body, f"Of {len(body)} bytes came {len(came)}, or others.")


@stream_behaviour("STREAM-004")
async def no_character_is_cut_in_two(
    client: StreamingHTTPClientProtocol, backend: Backend
) -> None:
    """`text` gives whole characters, by the charset of the response."""
    for number, charset in enumerate(("utf-8", "utf-16-le", "latin-1")):
        encoded = "äöü".encode(charset)
        headers = {"Content-Type": f"text/plain; charset={charset}"}
        chunks = [encoded[at : at + 1] for at in range(len(encoded))]
        backend.on.get(f"/{number}").respond(Reply(headers=headers, chunks=chunks))
        async with client.stream("GET", f"{backend.base_url}/{number}") as stream:
            text = "".join(await read(stream.text()))
        expect_equal(f"The text in {charset}", text, "äöü")


@stream_behaviour("STREAM-005")
async def lines_end_where_they_end(
    client: StreamingHTTPClientProtocol, backend: Backend
) -> None:
    """CR, LF and CRLF end a line, also across chunks, and nothing else does."""
    chunks = [b"a\r", b"\nb\rc\n", b"\n", "d\u2028e\x0bf".encode(), b"\n"]
    backend.on.get("/x").respond(Reply(chunks=chunks, pause=1))
    lines = ["a", "b", "c", "", "d\u2028e\x0bf"]
    url = f"{backend.base_url}/x"
    async with client.stream("GET", url) as stream:
        expect_equal("The lines", await read(stream.lines()), lines)
    async with client.stream("GET", url) as stream:
        expect_equal("The lines by default", await read(aiter(stream)), lines)


@stream_behaviour("STREAM-006")
async def json_comes_value_by_value(
    client: StreamingHTTPClientProtocol, backend: Backend
) -> None:
    """`json_lines` gives a value a line, or what a decoder makes of its bytes."""
    chunks = [b'{"a"', b": 1}\n\n[2]\r\n", b"null"]
    backend.on.get("/x").respond(Reply(headers=_NDJSON, chunks=chunks))
    url = f"{backend.base_url}/x"
    async with client.stream("GET", url) as stream:
        expect_equal(
            "The values", await read(stream.json_lines()), [{"a": 1}, [2], None]
        )
    async with client.stream("GET", url) as stream:
        sizes = await read(stream.json_lines(len))
    expect_equal("What the decoder makes of them", sizes, [8, 3, 4])


@stream_behaviour("STREAM-007")
async def a_bad_value_ends_the_stream_or_not(
    client: StreamingHTTPClientProtocol, backend: Backend
) -> None:
    """A value that is none is an error, and with `results` one among others."""
    backend.on.get("/x").respond(Reply(headers=_NDJSON, body=b"1\n{\n3\n"))
    url = f"{backend.base_url}/x"
    async with client.stream("GET", url) as stream:
        values = aiter(stream.json_lines())
        expect_equal("The first value", await anext(values), 1)
        await expect_raised(HTTPDecodeError, anext(values))
    async with client.stream("GET", url) as stream:
        results: list[Any] = await read(stream.json_lines(results=True))
    bad = [isinstance(result, Err) for result in results]
    expect_equal("Which results are errors", bad, [False, True, False])
    expect_equal("The last value", results[-1].unwrap(), 3)


@stream_behaviour("STREAM-008")
async def events_come_one_by_one(
    client: StreamingHTTPClientProtocol, backend: Backend
) -> None:
    """`events` gives server-sent events as they come, up to the end marker."""
    chunks = [b"id: 7\ndata: a\ndata", b": b\n\n", b": ping\n\nevent: x\ndata: c\n\n"]
    chunks.append(b"data: [DONE]\n\ndata: d\n\n")
    backend.on.get("/x").respond(Reply(headers=_EVENTS, chunks=chunks, pause=1))
    url = f"{backend.base_url}/x"
    async with client.stream("GET", url) as stream:
        given = await read(stream.events(end="[DONE]"))
    came = [(event.event, event.data, event.id) for event in given]
    expect_equal("The events", came, [("message", "a\nb", "7"), ("x", "c", "7")])


@stream_behaviour("STREAM-009")
async def another_content_type_is_an_error(
    client: StreamingHTTPClientProtocol, backend: Backend
) -> None:
    """Events and JSON of another Content-Type are an error, unless asked for."""
    backend.on.get("/x").respond(text="data: 1\n\n")
    url = f"{backend.base_url}/x"
    async with client.stream("GET", url) as stream:
        await expect_raised(HTTPDecodeError, _first(stream.events))
    async with client.stream("GET", url) as stream:
        given = await read(stream.events(any_content_type=True))
    expect_equal("The data", [event.data for event in given], ["1"])


@stream_behaviour("STREAM-010")
async def codings_are_removed_on_the_way(
    client: StreamingHTTPClientProtocol, backend: Backend
) -> None:
    """The coding gzip is removed from a stream."""
    packed = gzip.compress(b"one\ntwo\n", mtime=0)
    chunks = [packed[:12], packed[12:]]
    headers = {"Content-Encoding": "gzip"}
    backend.on.get("/x").respond(Reply(headers=headers, chunks=chunks, pause=1))
    async with client.stream("GET", f"{backend.base_url}/x") as stream:
        expect_equal("The lines", await read(stream.lines()), ["one", "two"])


@stream_behaviour("STREAM-011")
async def lines_may_be_limited(
    client: StreamingHTTPClientProtocol, backend: Backend
) -> None:
    """A line above its limit is an error; one as long is not, however long."""
    backend.on.get("/x").respond(body=b"x" * 600_000 + b"\n")
    url = f"{backend.base_url}/x"
    async with client.stream("GET", url) as stream:
        lines = await read(stream.lines(max_line_bytes=600_000))
    expect_equal("The lengths of the lines", list(map(len, lines)), [600_000])
    async with client.stream("GET", url) as stream:
        lines_of_less = stream.lines(max_line_bytes=599_999)
        await expect_raised(HTTPResponseTooLargeError, read(lines_of_less))


@stream_behaviour("STREAM-012")
async def a_body_is_read_once_in_its_block(
    client: StreamingHTTPClientProtocol, backend: Backend
) -> None:
    """A body is read once, in one form, and not after its block."""
    backend.on.get("/x").respond(text="a\nb\n")
    async with client.stream("GET", f"{backend.base_url}/x") as stream:
        lines = aiter(stream)
        expect_equal("The first line", await anext(lines), "a")
        await expect_raised(HTTPClientStateError, _first(stream.bytes))
    await expect_raised(HTTPClientStateError, _first(lambda: lines))
    await expect_raised(HTTPClientStateError, _first(stream.text))


@stream_behaviour("STREAM-013")
async def a_source_of_events_goes_on(
    client: StreamingHTTPClientProtocol, backend: Backend
) -> None:
    """A source of events over the client reconnects where it was, when it is told to."""
    backend.on.get("/x").sequence(
        Reply(headers=_EVENTS, body=b"retry: 2000\nid: 7\ndata: a\n\n"),
        Reply(503, {"Retry-After": "9"}),
        Reply(headers=_EVENTS, body=b"data: b\n\n"),
        Reply(204),
    )
    url, plan = f"{backend.base_url}/x", Reconnect(jitter=0.0)
    began = now()
    came = await read(events(client, url, reconnect=plan, retry=False))
    data = [item.data for item in came if not isinstance(item, Resumed)]
    expect_equal("The events", data, ["a", "b"])
    expect_equal("What follows the first one", type(came[1]), Resumed)
    ids = [call.request.headers.get("last-event-id") for call in backend.calls]
    expect_equal("The `Last-Event-ID` of each request", ids, [None, "7", "7", "7"])
    expect_equal("The seconds that it took", elapsed(began), 2.0 + 9.0 + 2.0)


async def _first(start: Any) -> object:
    """Begin to read within a coroutine, so that it does not matter when it raises."""
    return await anext(start())
