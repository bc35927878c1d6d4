"""Servers that send without end: every call ends, in time and in bounded memory."""

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import pytest

from lexigram.contracts.web import (
    HTTPClientError,
    HTTPConnectionError,
    HTTPResponseTooLargeError,
    HTTPTimeoutError,
)
from lexigram.http import HTTPClient, HTTPClientConfig

MIB = 1024 * 1024
# What a call may hold at once, whatever comes: the limit of the body and some buffers.
BOUND = 6 * MIB
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@asynccontextmanager
async def endless(head: bytes, piece: bytes) -> AsyncGenerator[str, None]:
    """Answer each connection with a beginning, and then with the same again and again."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(head)
            while piece:
                writer.write(piece)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


@contextmanager
def bounded(most: int = BOUND) -> Generator[None, None, None]:
    """Require that no more memory is held at any moment of the block."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < most, f"{peak:,} bytes at once"


ENDLESS: dict[str, tuple[bytes, bytes, type[HTTPClientError]]] = {
    "status line": (b"HTTP/1.1 200 ", b"a" * 4096, HTTPConnectionError),
    "field names": (OK, b"a" * 4096, HTTPConnectionError),
    "a field": (OK + b"A: ", b"b" * 4096, HTTPConnectionError),
    "fields": (OK, b"A: b\r\n" * 512, HTTPConnectionError),
    "cookies": (OK, b"Set-Cookie: a=b\r\n" * 128, HTTPConnectionError),
    "folded lines": (OK + b"A: b\r\n", b" b\r\n" * 512, HTTPConnectionError),
    "empty lines": (b"", b"\r\n" * 512, HTTPTimeoutError),
    "informational": (b"", b"HTTP/1.1 103 Early\r\n\r\n" * 64, HTTPConnectionError),
    "body": (OK + b"\r\n", b"x" * 65536, HTTPResponseTooLargeError),
    "chunks": (CHUNKED, b"1000\r\n" + b"x" * 4096 + b"\r\n", HTTPResponseTooLargeError),
    "small chunks": (CHUNKED, b"1\r\nx\r\n" * 512, HTTPResponseTooLargeError),
    "chunk size": (CHUNKED, b"0" * 4096, HTTPConnectionError),
    "chunk extension": (CHUNKED + b"5;a=", b"b" * 4096, HTTPConnectionError),
    "chunk extensions": (CHUNKED, b"1;" + b"a" * 4096 + b"\r\nx\r\n", HTTPConnectionError),
    "trailers": (CHUNKED + b"0\r\n", b"A: b\r\n" * 512, HTTPConnectionError),
}  # fmt: skip


SLOW = ("small chunks", "chunk size", "chunk extension", "chunk extensions")


@pytest.mark.parametrize("what", ENDLESS)
async def test_what_a_server_sends_without_end_ends_the_call(what: str) -> None:
    head, piece, expected = ENDLESS[what]
    config = HTTPClientConfig(max_response_bytes=MIB)
    async with endless(head, piece) as url, HTTPClient(config) as client:
        with bounded():
            result = await client.get(url, timeout=1, retry=False)
        error = result.unwrap_err()
        # What is parsed byte by byte may take as long as the call has.
        slow = HTTPTimeoutError if what in SLOW else expected
        assert isinstance(error, expected | slow), repr(error)
        assert client.statistics().in_use == 0
        assert client.statistics().idle == 0


async def test_an_error_without_end_keeps_its_status() -> None:
    head = b"HTTP/1.1 503 Busy\r\n\r\n"
    async with endless(head, b"x" * 65536) as url, HTTPClient() as client:
        with bounded():
            result = await client.get(url, timeout=2, retry=False)
        error: Any = result.unwrap_err()
        assert error.status == 503
        assert len(error.response.body) == 65536
        assert client.statistics().idle == 0


def _zeros(times: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(packer.compress(bytes(MIB)) for _ in range(times))
    return packed + packer.flush()


@pytest.mark.parametrize(
    ("codings", "packed"),
    [
        ("gzip", _zeros(200)),
        ("gzip, gzip", gzip.compress(_zeros(400))),
        ("gzip, gzip, gzip", gzip.compress(gzip.compress(_zeros(400)))),
        ("deflate", zlib.compress(bytes(50 * MIB))),
    ],
    ids=["once", "twice", "three times", "deflate"],
)
async def test_a_bomb_takes_no_more_than_what_is_accepted(
    codings: str, packed: bytes
) -> None:
    head = OK + f"Content-Encoding: {codings}\r\n".encode()
    head += f"Content-Length: {len(packed)}\r\n\r\n".encode() + packed
    config = HTTPClientConfig(max_response_bytes=MIB)
    async with endless(head, b"") as url, HTTPClient(config) as client:
        with bounded():
            error = (await client.get(url, retry=False)).unwrap_err()
        assert isinstance(error, HTTPResponseTooLargeError)


async def test_a_streamed_bomb_is_given_in_pieces() -> None:
    packed = _zeros(64)
    head = OK + b"Content-Encoding: gzip\r\n"
    head += f"Content-Length: {len(packed)}\r\n\r\n".encode() + packed
    async with endless(head, b"") as url, HTTPClient() as client:
        with bounded():
            async with client.stream("GET", url) as stream:
                size = 0
                async for piece in stream.bytes():
                    size += len(piece)
        assert size == 64 * MIB


TWO_LENGTHS = {
    "differ": b"Content-Length: 5\r\nContent-Length: 6\r\n",
    "list": b"Content-Length: 5, 6\r\n",
    "sign": b"Content-Length: +5\r\n",
    "hex": b"Content-Length: 0x5\r\n",
    "negative": b"Content-Length: -5\r\n",
    "space": b"Content-Length : 5\r\n",
    "huge": b"Content-Length: 99999999999999999999999\r\n",
    "chunked too": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "twice chunked": b"Transfer-Encoding: chunked, chunked\r\n",
    "not last": b"Transfer-Encoding: chunked, identity\r\n",
    "unknown": b"Transfer-Encoding: xchunked\r\n",
}
SMUGGLED = b"5\r\nhello\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"


@pytest.mark.parametrize("which", TWO_LENGTHS)
async def test_a_response_of_unclear_length_is_the_last_on_its_connection(
    which: str,
) -> None:
    """What follows it is never taken for the answer to the next request."""
    head = OK + TWO_LENGTHS[which] + b"\r\n" + SMUGGLED
    async with endless(head, b"") as url, HTTPClient() as client:
        for _ in range(2):
            result = await client.get(url, timeout=2, retry=False)
            if result.is_ok():
                assert result.value.body != b"evil"
        assert client.statistics().reused == 0


async def test_a_second_response_that_comes_unasked_is_nobodys() -> None:
    answer = OK + b"Content-Length: 2\r\n\r\n"
    head = answer + b"ok" + answer + b"no"
    async with endless(head, b"") as url, HTTPClient() as client:
        for _ in range(3):
            assert (await client.get(url)).unwrap().body == b"ok"
