"""Target: whatever a server sends, a call ends as the contract says, and soon."""

from __future__ import annotations

import asyncio
import atexit
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from random import Random
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, Final

from fuzzing.text import dice_of, divided, expect

from lexigram.contracts.web import HTTPClientError, HttpResponse, ResponseStreamProtocol
from lexigram.http import ConnectionPoolConfig, HTTPClient, HTTPClientConfig
from lexigram.result import Result

LARGEST: Final = 4096
"""The largest body that the client accepts."""
_REDIRECTS: Final = 2
_SECONDS: Final = 2.0
"""More than any input may take: the client's own limit comes first."""

_CONFIG: Final = HTTPClientConfig(
    pool=ConnectionPoolConfig(timeout=1.0, read_timeout=0.5, force_close=True),
    trust_env=False,
    max_response_bytes=LARGEST,
    max_error_bytes=LARGEST,
    max_redirects=_REDIRECTS,
)


class _Bench:
    """A client and a server that lasts as long as the process.

    They meet on a Unix socket, so that no redirect leads to anything else.
    """

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop = asyncio.new_event_loop()
        self.chunks: list[bytes] = []
        self.requests = 0
        self._path = Path(mkdtemp(), "fuzz.sock")
        self.client: HTTPClient = HTTPClient.over_unix_socket(self._path, _CONFIG)
        self.loop.run_until_complete(self._start())

    async def _start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self._path)
        await self.client.start()

    def close(self) -> None:
        """Leave nothing behind."""
        self._server.close()
        self.loop.run_until_complete(self.client.stop())
        self.loop.close()
        rmtree(self._path.parent)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.requests += 1
        with suppress(OSError, EOFError):
            await reader.readuntil(b"\r\n\r\n")
            for chunk in self.chunks:
                writer.write(chunk)
                await writer.drain()
                await asyncio.sleep(0)
        writer.close()


class _Benches:
    """The one bench, made when it is needed first."""

    bench: _Bench | None = None

    @classmethod
    def get(cls) -> _Bench:
        """Return it."""
        if cls.bench is None:
            cls.bench = _Bench()
            atexit.register(cls.bench.close)
        return cls.bench


def response(data: bytes) -> None:
    """A response of these bytes is `Ok`, or `Err` with an `HTTPClientError`."""
    bench = _Benches.get()
    bench.chunks, bench.requests = divided(data), 0
    began = time.monotonic()
    bench.loop.run_until_complete(_call(bench, dice_of(data)))
    expect(time.monotonic() - began < _SECONDS, "it took too long")
    expect(bench.requests <= _REDIRECTS + 1, f"{bench.requests} requests")
    now = bench.client.statistics()
    expect(now.open == now.waiting == 0, f"left over: {now!r}")


async def _call(bench: _Bench, dice: Random) -> None:
    way = dice.choice(["get", "head", "events", "lines", "json"])
    if way in {"get", "head"}:
        verb = bench.client.get if way == "get" else bench.client.head
        _look_at(await verb("http://fuzz.test/", retry=False))
        return
    with suppress(HTTPClientError):
        options = {"retry": False, "max_response_bytes": LARGEST}
        async with bench.client.stream("GET", "http://fuzz.test/", **options) as stream:  # type: ignore[arg-type]  # options by name
            async for _ in _pieces(stream, way):
                pass


def _pieces(stream: ResponseStreamProtocol, way: str) -> AsyncIterator[Any]:
    if way == "events":
        return stream.events()
    return stream.lines() if way == "lines" else stream.json_lines()


def _look_at(result: Result[HttpResponse, HTTPClientError]) -> None:
    """Read all of a result that is read when somebody asks for it."""
    if result.is_err():
        error = result.unwrap_err()
        expect(isinstance(error, HTTPClientError), f"{error!r}")
        error.explain()
        return
    answer = result.unwrap()
    expect(len(answer.body) <= LARGEST, f"{len(answer.body)} bytes")
    repr(answer)
    _ = answer.text
    with suppress(HTTPClientError):
        _ = answer.json
