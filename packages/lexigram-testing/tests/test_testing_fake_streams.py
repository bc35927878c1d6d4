"""The fake streams as the real client does, without a wire."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import TypeVar

import pytest

from lexigram.contracts.web import (
    HTTPClientStateError,
    HTTPConnectionError,
    HTTPStatusError,
    HTTPTimeoutError,
    ResponseStreamProtocol,
    StreamingHTTPClientProtocol,
    Timeouts,
)
from lexigram.testing import (
    CallbackFailed,
    FakeHTTPClient,
    InMemoryMetrics,
    RecordedRequest,
    Reply,
    UnmatchedRequest,
    fault,
    virtual_time,
)

T = TypeVar("T")

_: StreamingHTTPClientProtocol = FakeHTTPClient()


async def all_of(items: AsyncIterator[T]) -> list[T]:
    return [item async for item in items]


async def test_chunks_come_at_their_times() -> None:
    async with virtual_time() as clock, FakeHTTPClient() as fake:
        fake.on.get("/x").respond(Reply(chunks=[b"a\n", b"b\n", b"c"], pause=2))
        async with fake.stream("GET", "/x") as stream:
            assert isinstance(stream, ResponseStreamProtocol)
            assert (stream.status, clock.elapsed) == (200, 0)
            seen = [(line, clock.elapsed) async for line in stream]
        assert seen == [("a", 0), ("b", 2), ("c", 4)]


async def test_a_server_sends_whether_or_not_anybody_reads() -> None:
    async with virtual_time() as clock, FakeHTTPClient() as fake:
        fake.on.get("/x").respond(Reply(chunks=[b"a\n", b"b\n", b"c\n"], pause=2))
        async with fake.stream("GET", "/x") as stream:
            async for _ in stream:
                await asyncio.sleep(3)
        assert clock.elapsed == 9


async def test_a_call_is_recorded_once_with_its_whole_reply() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.post("/x").respond(Reply(201, chunks=[b"a", b"b"]))
        async with fake.stream("POST", "/x", json={"a": 1}):
            call = fake.calls.one()
            assert call.request.json == {"a": 1}
            assert isinstance(call.outcome, Reply)
            assert (call.outcome.status, call.outcome.body) == (201, b"ab")
        assert call.render().endswith("-> 201")
        assert len(fake.calls) == 1


async def test_faults_and_errors_happen_on_entering() -> None:
    async with virtual_time() as clock, FakeHTTPClient() as fake:
        fake.on.get("/x").sequence(fault.refused(), fault.reset(), fault.hang())
        for failure in ("connect", "disconnected"):
            with pytest.raises(HTTPConnectionError) as raised:
                await fake.stream("GET", "/x").__aenter__()
            assert raised.value.failure == failure
        with pytest.raises(HTTPTimeoutError):
            await fake.stream("GET", "/x", timeout=3).__aenter__()
        assert clock.elapsed == 3
        assert [type(call.outcome) for call in fake.calls] == [
            HTTPConnectionError, HTTPConnectionError, HTTPTimeoutError,
        ]  # fmt: skip


async def test_an_error_is_buffered_and_raised_by_who_reads_it() -> None:
    async with FakeHTTPClient(max_error_bytes=2) as fake:
        fake.on.get("/x").respond(404, text="gone")
        async with fake.stream("GET", "/x") as stream:
            with pytest.raises(HTTPStatusError) as raised:
                await anext(aiter(stream))
        assert (raised.value.response.body, raised.value.response.cut) == (b"go", True)


async def test_a_body_that_breaks_off_is_an_error_after_what_there_was() -> None:
    packed = gzip.compress(b"one\n" * 100, mtime=0)
    async with FakeHTTPClient() as fake:
        reply = Reply(headers={"Content-Encoding": "gzip"}, chunks=[packed[:-9]])
        fake.on.get("/x").respond(reply)
        async with fake.stream("GET", "/x") as stream:
            lines = aiter(stream)
            assert await anext(lines) == "one"
            with pytest.raises(HTTPConnectionError):
                await all_of(lines)
            with pytest.raises(HTTPClientStateError):
                await anext(lines)


async def test_silence_has_the_limit_of_a_minute_or_its_own() -> None:
    async with virtual_time() as clock, FakeHTTPClient() as fake:
        fake.on.get("/x").respond(Reply(chunks=[b"a", b"b"], pause=100))
        for limits, seconds in ((None, 60), (Timeouts(read=3), 3)):
            began = clock.elapsed
            async with fake.stream("GET", "/x", timeout=limits or 30) as stream:
                with pytest.raises(HTTPTimeoutError) as raised:
                    await all_of(stream.bytes())
            assert (raised.value.phase, raised.value.limit) == ("read", seconds)
            assert clock.elapsed - began == seconds


async def test_an_open_stream_holds_a_connection_until_its_body_has_come() -> None:
    async with virtual_time() as clock, FakeHTTPClient(max_connections=1) as fake:
        fake.on.get("/slow").respond(Reply(chunks=[b"a", b"b"], pause=5))
        fake.on.get("/x").respond()
        async with fake.stream("GET", "/slow"):
            await fake.get("/x")
            assert clock.elapsed == 5
        async with fake.stream("GET", "/slow"):
            pass
        await fake.get("/x")
        assert clock.elapsed == 5


async def test_a_handler_makes_streams_as_well() -> None:
    async def handler(request: RecordedRequest) -> Reply:
        return Reply(chunks=[request.path_params["n"].encode(), b"!"])

    async with FakeHTTPClient() as fake:
        fake.on.get("/{n}").handle(handler)
        async with fake.stream("GET", "/7") as stream:
            assert await all_of(stream.lines()) == ["7!"]


async def test_what_the_test_got_wrong_cannot_be_swallowed() -> None:
    fake = FakeHTTPClient()
    with pytest.raises(UnmatchedRequest):
        await fake.stream("GET", "/x").__aenter__()
    fake.on.get("/x").handle(lambda _: Reply(int("none")))
    with pytest.raises(CallbackFailed):
        await fake.stream("GET", "/x").__aenter__()


async def test_a_stream_is_measured_once_at_its_head() -> None:
    metrics = InMemoryMetrics()
    async with virtual_time(), FakeHTTPClient(metrics=metrics) as fake:
        fake.on.get("/x").respond(Reply(chunks=[b"a", b"b"], delay=1, pause=5))
        async with fake.stream("GET", "/x") as stream:
            assert metrics.observations("http.request.duration", method="GET") == [1]
            await all_of(stream.bytes())
        assert metrics.value("http.request.status", method="GET", status="200") == 1
