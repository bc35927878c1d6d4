"""A body that is read while it is sent arrives whole, or the call says why it does not."""

import asyncio
import gc
import io
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from lexigram.contracts.web import (
    BodyStream,
    FilePart,
    HTTPInvalidRequestError,
    HTTPRedirectError,
    HTTPStatusError,
    HTTPTimeoutError,
    RequestContext,
)
from lexigram.http import (
    AccessToken,
    ConnectionPoolConfig,
    HTTPClient,
    HTTPClientConfig,
    RequestSigning,
    TokenRefresh,
)
from lexigram.testing import FaultServer, Reply, fault, virtual_time

MIB = 1024 * 1024
TEXT = b"hello world" * 100_000


async def letters(count: int = 3) -> AsyncIterator[bytes]:
    for number in range(count):
        yield b"abcdefgh"[number : number + 1]


class Letters:
    """An iterable that can be closed, and says whether it was."""

    def __init__(self, *, then: BaseException | None = None) -> None:
        self.closed = 0
        self.then = then
        self.waiting = asyncio.Event()

    async def __call__(self) -> AsyncIterator[bytes]:
        try:
            yield b"a"
            if self.then is not None:
                raise self.then
            self.waiting.set()
            await asyncio.Event().wait()
        finally:
            self.closed += 1


@asynccontextmanager
async def bare_server(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """A server that does with a connection what a test says, until the block ends."""
    serving: list[asyncio.Task[object]] = []

    async def accept(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.append(task)
        try:
            await serve(reader, writer)
        except asyncio.CancelledError:
            # Not `close()`: it waits for a client that may have stopped to read.
            writer.transport.abort()
            raise
        finally:
            writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        try:
            yield f"http://{host}:{port}"
        finally:
            # From Python 3.12 on a server waits for its connections.
            for task in serving:
                task.cancel()


@pytest.mark.parametrize("kind", ["path", "file", "raw", "spooled", "memory"])
async def test_a_file_arrives_with_its_length(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"skip" + TEXT)
    with (
        path.open("rb") as file,
        path.open("rb", buffering=0) as raw,
        tempfile.SpooledTemporaryFile(max_size=10) as spooled,
    ):
        spooled.write(b"skip" + TEXT)
        files: dict[str, Any] = {
            "file": file,
            "raw": raw,
            "spooled": spooled,
            "memory": io.BytesIO(b"skip" + TEXT),
        }
        expected = b"skip" + TEXT if kind == "path" else TEXT
        for opened in files.values():
            opened.seek(4)
        async with FaultServer.run() as server, HTTPClient() as client:
            server.on.put("/x").respond(201)
            content = files.get(kind, path)
            for _ in range(2):
                (await client.put(f"{server.base_url}/x", content=content)).unwrap()
                if kind != "path":
                    assert not content.closed
                    content.seek(4)
            first, second = (call.request for call in server.calls)
            assert len(server.connections) == 1
    assert first.body == second.body == expected
    assert first.headers.get_all("content-length") == [str(len(expected))]
    assert "transfer-encoding" not in first.headers


async def test_an_iterator_arrives_in_chunks() -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.post("/x").respond()
        (await client.post(f"{server.base_url}/x", content=letters())).unwrap()
        request = server.calls.one().request
    assert request.body == b"abc"
    assert request.headers["transfer-encoding"] == "chunked"
    assert request.headers["content-type"] == "application/octet-stream"


async def test_an_iterator_whose_length_the_caller_knows_is_not_chunked() -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.post("/x").respond()
        headers = {"content-length": "3"}
        result = await client.post(
            f"{server.base_url}/x", content=letters(), headers=headers
        )
        result.unwrap()
        request = server.calls.one().request
    assert request.body == b"abc"
    assert request.headers.get_all("content-length") == ["3"]
    assert "transfer-encoding" not in request.headers


async def test_empty_chunks_do_not_end_a_body() -> None:
    async def gaps() -> AsyncIterator[bytes]:
        for chunk in (b"", b"a", b"", bytearray(b"b"), b""):
            yield bytes(chunk)

    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.post("/x").respond()
        (await client.post(f"{server.base_url}/x", content=gaps())).unwrap()
        assert server.calls.one().request.body == b"ab"


async def test_an_empty_iterator_and_an_empty_file_are_empty_bodies() -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.post("/x").respond()
        for content in (letters(0), io.BytesIO()):
            (await client.post(f"{server.base_url}/x", content=content)).unwrap()
        assert [call.request.body for call in server.calls] == [b"", b""]


async def test_a_get_may_have_content() -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/x").respond()
        (await client.get(f"{server.base_url}/x", content=letters())).unwrap()
        assert server.calls.one().request.body == b"abc"


async def test_a_large_upload_is_not_held_in_memory() -> None:
    produced = taken = ahead = 0

    async def zeros() -> AsyncIterator[bytes]:
        nonlocal produced, ahead
        for _ in range(1024):
            produced += 64 * 1024
            ahead = max(ahead, produced - taken)
            yield bytes(64 * 1024)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        await reader.readuntil(b"\r\n\r\n")
        while taken < 64 * MIB:
            taken += len(await reader.readexactly(64 * 1024))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()

    async with bare_server(serve) as url, HTTPClient() as client:
        headers = {"Content-Length": str(64 * MIB)}
        (await client.put(url, content=zeros(), headers=headers)).unwrap()
    assert produced == taken == 64 * MIB
    # Beside the chunk in hand: what the two sockets and the two streams hold.
    assert ahead < 16 * MIB


async def test_a_cancelled_call_closes_the_file_of_its_path(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(8 * MIB))
    reading = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        reading.set()
        await asyncio.Event().wait()

    def is_open() -> bool:
        descriptors = Path("/proc/self/fd").iterdir()
        return any(
            descriptor.exists() and descriptor.samefile(path)
            for descriptor in descriptors
        )

    async with bare_server(serve) as url, HTTPClient() as client:
        task = asyncio.create_task(client.put(url, content=path))
        async with asyncio.timeout(5):
            await reading.wait()
            while not is_open():  # noqa: ASYNC110 - a file has no event
                await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not is_open()


@pytest.mark.parametrize("kind", ["factory", "path", "file", "form"])
async def test_what_can_be_read_again_is_sent_again_whole(
    kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(TEXT)
    file = io.BytesIO(TEXT)
    options: dict[str, Any] = {
        "factory": {"content": letters},
        "path": {"content": path},
        "file": {"content": file},
        "form": {"files": {"a": path, "b": file}},
    }[kind]
    async with virtual_time(), FaultServer.run() as server, HTTPClient() as client:
        server.on.put("/x").sequence(fault.reset(), Reply(503), Reply(200))
        response = (await client.put(f"{server.base_url}/x", **options)).unwrap()
        first, *others = (call.request for call in server.calls)
    assert response.attempts == 3
    assert {request.body for request in others} == {first.body}
    assert len(first.body) >= 3


async def test_what_is_read_once_is_sent_once() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"abc")
    os.close(writing)
    async with virtual_time(), FaultServer.run() as server, HTTPClient() as client:
        server.on.put("/x").respond(503)
        with os.fdopen(reading, "rb") as pipe:
            for content in (letters(), pipe):
                response = await client.request(
                    "PUT", f"{server.base_url}/x", content=content, idempotency_key="k"
                )
                assert (response.status, response.attempts) == (503, 1)
        assert [call.request.body for call in server.calls] == [b"abc", b"abc"]


async def test_a_refused_token_is_not_replayed_with_a_body_that_is_gone() -> None:
    async def fetch() -> AccessToken:
        return AccessToken("t")

    async with FaultServer.run() as server:
        server.on.put("/x").respond(401)
        auth = TokenRefresh(fetch, origin=server.base_url)
        async with HTTPClient(interceptors=[auth]) as client:
            for content, attempts in ((letters(), 1), (letters, 2)):
                response = await client.request(
                    "PUT", f"{server.base_url}/x", content=content
                )
                assert (response.status, response.attempts) == (401, attempts)
        assert {call.request.body for call in server.calls} == {b"abc"}


async def test_a_redirect_that_needs_the_body_again_says_so() -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.post("/x").respond(307, headers={"Location": "/y"})
        server.on.post("/y").respond().optional()
        url = f"{server.base_url}/x"
        error = (await client.post(url, content=letters())).unwrap_err()
        assert isinstance(error, HTTPRedirectError)
        assert "cannot be read again" in str(error)
        assert error.request_sent == "yes"
        (await client.post(url, content=letters)).unwrap()
        assert server.calls[-1].request.body == b"abc"


async def test_a_redirect_to_get_leaves_the_body_behind() -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.post("/x").respond(303, headers={"Location": "/y"})
        server.on.get("/y").respond()
        (await client.post(f"{server.base_url}/x", content=letters())).unwrap()
        request = server.calls[-1].request
    assert request.body == b""
    assert "content-type" not in request.headers


async def test_an_error_of_the_caller_s_iterator_ends_the_call() -> None:
    cause = OSError("the source is gone")  # aiohttp has a name of its own for these
    source = Letters(then=cause)
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.put("/x").respond().optional()
        error = (await client.put(f"{server.base_url}/x", content=source)).unwrap_err()
        await server.wait_until(lambda s: s.open_connections == 0)
        assert len(server.calls) == 0
    assert isinstance(error, HTTPInvalidRequestError)
    assert error.__cause__ is cause
    assert (error.request_sent, error.attempts) == ("maybe", 1)
    assert source.closed == 1


async def test_an_error_before_the_first_chunk_means_that_nothing_was_sent() -> None:
    def broken() -> AsyncIterator[bytes]:
        raise LookupError("no such export")

    async with FaultServer.run() as server, HTTPClient() as client:
        error = (await client.put(f"{server.base_url}/x", content=broken)).unwrap_err()
        assert not server.connections
    assert isinstance(error, HTTPInvalidRequestError)
    assert isinstance(error.__cause__, LookupError)
    assert error.request_sent == "no"


async def test_text_in_a_chunk_is_named() -> None:
    async def text() -> AsyncIterator[Any]:
        yield "abc"

    async with FaultServer.run() as server, HTTPClient() as client:
        error = (await client.put(f"{server.base_url}/x", content=text)).unwrap_err()
    assert isinstance(error, HTTPInvalidRequestError)
    assert "a chunk of type str, not bytes" in str(error)
    assert error.request_sent == "maybe"


@pytest.mark.parametrize(
    ("length", "message"),
    [("2", "goes on after 2 bytes"), ("9", "ended after 3 of 9 bytes")],
)
async def test_a_wrong_length_is_named_and_never_completes_a_request(
    length: str, message: str
) -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        error = (
            await client.put(
                f"{server.base_url}/x",
                content=letters(),
                headers={"Content-Length": length},
            )
        ).unwrap_err()
        await server.wait_until(lambda s: s.open_connections == 0)
        assert len(server.calls) == 0
    assert isinstance(error, HTTPInvalidRequestError)
    assert message in str(error)


async def test_a_file_that_grows_while_it_is_sent_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"abc")
    file = path.open("rb")

    class Growing:
        scope = "attempt"

        async def intercept_request(self, context: RequestContext, /) -> RequestContext:
            path.write_bytes(b"abcd")
            return context

        async def intercept_response(self, context: Any, /) -> Any:
            return context

    async with (
        FaultServer.run() as server,
        HTTPClient(interceptors=[Growing()]) as client,
    ):
        with file:
            result = await client.put(f"{server.base_url}/x", content=file)
    assert "goes on after 3 bytes" in str(result.unwrap_err())


async def test_a_cancellation_of_the_iterator_s_own_is_the_caller_s() -> None:
    source = Letters(then=asyncio.CancelledError())
    async with FaultServer.run() as server, HTTPClient() as client:
        with pytest.raises(asyncio.CancelledError):
            await client.put(f"{server.base_url}/x", content=source)
    assert source.closed == 1


async def test_a_cancelled_call_closes_what_it_reads() -> None:
    source = Letters()
    async with FaultServer.run() as server, HTTPClient() as client:
        url = f"{server.base_url}/x"
        task = asyncio.create_task(client.put(url, content=source))
        async with asyncio.timeout(5):
            await source.waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert source.closed == 1


async def test_a_timeout_while_the_iterator_waits_closes_it() -> None:
    source = Letters()
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        HTTPClient() as client,
    ):
        url = f"{server.base_url}/x"
        error = (
            await client.put(url, content=source, timeout=7, retry=False)
        ).unwrap_err()
        assert clock.elapsed == pytest.approx(7)
    assert isinstance(error, HTTPTimeoutError)
    assert error.request_sent == "maybe"
    assert source.closed == 1


async def test_a_long_upload_is_no_silence() -> None:
    async def slow() -> AsyncIterator[bytes]:
        for _ in range(10):
            await asyncio.sleep(3)
            yield b"x"

    config = HTTPClientConfig(pool=ConnectionPoolConfig(read_timeout=5, timeout=None))
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        HTTPClient(config) as client,
    ):
        server.on.put("/x").respond()
        (await client.put(f"{server.base_url}/x", content=slow)).unwrap()
        assert clock.elapsed == pytest.approx(30)
        await asyncio.sleep(60)  # no limit of the upload is left running


async def test_an_early_answer_ends_the_upload() -> None:
    source = Letters()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await reader.read()

    async with bare_server(serve) as url, HTTPClient() as client:
        response = await client.request("PUT", url, content=source)
    assert response.status == 413
    assert source.closed == 1


async def test_a_form_with_files_arrives_in_parts(tmp_path: Path) -> None:
    path = tmp_path / "invoice.pdf"
    path.write_bytes(TEXT)
    files: list[tuple[str, Any]] = [
        ("scan", path),
        ("note", FilePart(b"hi", 'a "b".txt', headers={"X-Id": "7"})),
        ("rows", FilePart(letters, "rows.csv")),
    ]
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.post("/x").respond()
        result = await client.post(
            f"{server.base_url}/x", files=files, data={"id": 7, "tag": ["a", "b"]}
        )
        result.unwrap()
        request = server.calls.one().request
    assert request.form == (("id", "7"), ("tag", "a"), ("tag", "b"))
    assert [(f.name, f.filename, f.content_type, f.body) for f in request.files] == [
        ("scan", "invoice.pdf", "application/pdf", TEXT),
        ("note", 'a "b".txt', "text/plain", b"hi"),
        ("rows", "rows.csv", "text/csv", b"abc"),
    ]
    assert request.files[1].headers["x-id"] == "7"


class Replacing:
    """Sets a body where there was a stream, and forgets the stream or does not."""

    scope = "call"

    def __init__(self, *, forgets: bool) -> None:
        self.forgets = forgets

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        context.body = b"instead"
        if self.forgets:
            context.body_stream = None
        return context

    async def intercept_response(self, context: Any, /) -> Any:
        return context


@pytest.mark.parametrize("forgets", [True, False])
async def test_an_interceptor_may_send_bytes_instead_of_a_stream(
    *, forgets: bool
) -> None:
    async with (
        FaultServer.run() as server,
        HTTPClient(interceptors=[Replacing(forgets=forgets)]) as client,
    ):
        server.on.put("/x").respond().optional()
        result = await client.put(f"{server.base_url}/x", content=letters())
        if forgets:
            assert server.calls.one().request.body == b"instead"
        else:
            assert "sets the other to None" in str(result.unwrap_err())


async def test_a_signature_is_not_made_of_a_body_that_is_not_there() -> None:
    seen: list[BodyStream | None] = []

    def sign(request: RequestContext) -> dict[str, str]:
        seen.append(request.body_stream)
        return {"X-Signature": "unsigned"}

    async with FaultServer.run() as server:
        server.on.put("/x").respond().optional()
        url = f"{server.base_url}/x"
        strict = RequestSigning(sign, origin=url)
        async with HTTPClient(interceptors=[strict]) as client:
            error = (await client.put(url, content=letters)).unwrap_err()
            assert "cannot be signed" in str(error)
            assert not seen
        aware = RequestSigning(sign, origin=url, streams=True)
        async with HTTPClient(interceptors=[aware]) as client:
            (await client.put(url, content=letters)).unwrap()
        assert isinstance(seen[0], BodyStream)
        assert server.calls.one().request.body == b"abc"


def open_sockets(port: int) -> list[socket.socket]:
    """Return the sockets of this process that are bound to a port."""
    found = [thing for thing in gc.get_objects() if isinstance(thing, socket.socket)]
    alive = [one for one in found if one.fileno() >= 0]
    return [
        one
        for one in alive
        if one.family == socket.AF_INET and one.getsockname()[1] == port
    ]


async def test_a_connection_that_nobody_reads_from_is_closed_all_the_same() -> None:
    stopped, ports = asyncio.Event(), list[int]()

    async def refuse(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        ports.append(writer.get_extra_info("peername")[1])
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await stopped.wait()
        writer.transport.abort()

    async with (
        asyncio.timeout(10),
        await asyncio.start_server(refuse, "127.0.0.1") as server,
    ):
        port = server.sockets[0].getsockname()[1]
        async with HTTPClient() as client:
            body = bytes(64 * 1024 * 1024)
            answer = await client.put(f"http://127.0.0.1:{port}/", data=body)
            assert isinstance(answer.unwrap_err(), HTTPStatusError)
        # The rest of the body is in a buffer, and closing would wait until it is taken.
        assert not open_sockets(ports[0])
        stopped.set()
