"""The upstream of the soak: a process of its own that misbehaves as the path says.

    python server.py PORT JOURNAL

The path is `/<behaviour>/<number of the call>`; `BEHAVIOURS` has them all. Each request
whose head has arrived is written down before anything is done about it, by a system
call, so that no way of ending the process loses it. It listens on several addresses of
this machine, so that a name can move; port 0 takes a free one, which is printed.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import signal
import struct
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeAlias

ADDRESSES: Final = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
ENTRY: Final = struct.Struct("<I")
"""What stands in the journal of a request: the number of its call."""
ALIAS: Final = "other.soak.test"
"""Where redirects lead to: another name, and so another origin, of the same server."""

_BIG: Final = b"x" * 65_536
_PIECES: Final = 20
_BREATH: Final = 0.002
_HANDLED: Final = {"PUT", "POST"}


class Exchange:
    """One request, and what its answer is written with."""

    def __init__(
        self,
        number: int,
        port: int,
        seen: set[int],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.number = number
        self.port = port
        self.reader = reader
        self.writer = writer
        self.is_first = number not in seen
        self.received = 0
        seen.add(number)

    def send(self, status: str, *fields: str, body: bytes = b"") -> bool:
        """Write a whole response; the connection stays."""
        head = (f"HTTP/1.1 {status}", *fields, f"Content-Length: {len(body)}", "", "")
        self.writer.write("\r\n".join(head).encode() + body)
        return True

    def send_value(self) -> bool:
        """Write the usual response."""
        value = {"call": self.number, "received": self.received}
        kind = "Content-Type: application/json"
        return self.send("200 OK", kind, body=json.dumps(value).encode())

    def begin(self, kind: str) -> None:
        """Write the head of a response of unknown length."""
        self.writer.write(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Type: " + kind.encode() + b"\r\n\r\n"
        )

    def chunk(self, data: bytes) -> None:
        """Write a piece of a response of unknown length; an empty one ends it."""
        self.writer.write(b"%x\r\n%s\r\n" % (len(data), data))


Behaviour: TypeAlias = Callable[[Exchange], Awaitable[bool]]
"""Answers a request; says whether the connection goes on."""


async def ok(exchange: Exchange) -> bool:
    """Answer."""
    return exchange.send_value()


async def big(exchange: Exchange) -> bool:
    """Answer with 64 KiB in chunks."""
    exchange.begin("application/octet-stream")
    for start in range(0, len(_BIG), 16_384):
        exchange.chunk(_BIG[start : start + 16_384])
        await exchange.writer.drain()
    exchange.chunk(b"")
    return True


async def packed(exchange: Exchange) -> bool:
    """Answer with gzip."""
    body = gzip.compress(_BIG, compresslevel=1, mtime=0)
    return exchange.send("200 OK", "Content-Encoding: gzip", body=body)


async def bad_gzip(exchange: Exchange) -> bool:
    """Answer with what is said to be gzip."""
    return exchange.send("200 OK", "Content-Encoding: gzip", body=b"this is none")


async def missing(exchange: Exchange) -> bool:
    """Answer with an error of the caller's."""
    return exchange.send("404 Not Found", body=b"no such thing")


async def failing(exchange: Exchange) -> bool:
    """Answer with an error, always."""
    return exchange.send("500 Internal Server Error", body=b"broken")


async def flaky(exchange: Exchange) -> bool:
    """Answer with an error the first time."""
    if exchange.is_first:
        return exchange.send("503 Service Unavailable")
    return exchange.send_value()


async def busy(exchange: Exchange) -> bool:
    """Ask to come again at once the first time."""
    if exchange.is_first:
        return exchange.send("429 Too Many Requests", "Retry-After: 0")
    return exchange.send_value()


async def reset(exchange: Exchange) -> bool:
    """Break the connection the first time."""
    if not exchange.is_first:
        return exchange.send_value()
    exchange.writer.transport.abort()
    return False


async def broken(exchange: Exchange) -> bool:
    """Break the connection, always."""
    exchange.writer.transport.abort()
    return False


async def truncated(exchange: Exchange) -> bool:
    """Close in the middle of a body."""
    exchange.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.")
    return False


async def closing(exchange: Exchange) -> bool:
    """Close after a correct response without having said so."""
    exchange.send_value()
    return False


async def stalled(exchange: Exchange) -> bool:
    """Say nothing until the client leaves."""
    await exchange.reader.read()
    return False


async def dripping(exchange: Exchange) -> bool:
    """Answer in small pieces with pauses."""
    exchange.begin("text/plain")
    for _ in range(5):
        exchange.chunk(b"drop")
        await exchange.writer.drain()
        await asyncio.sleep(_BREATH)
    exchange.chunk(b"")
    return True


async def huge(exchange: Exchange) -> bool:
    """Answer with a header field of 64 KiB."""
    return exchange.send("200 OK", f"X-Huge: {'x' * 65_536}")


async def moved(exchange: Exchange) -> bool:
    """Send the caller to another origin."""
    target = f"http://{ALIAS}:{exchange.port}/ok/{exchange.number}"
    return exchange.send("302 Found", f"Location: {target}")


async def circling(exchange: Exchange) -> bool:
    """Send the caller to where it is."""
    target = f"/circling/{exchange.number}"
    return exchange.send("307 Temporary Redirect", f"Location: {target}")


async def lines(exchange: Exchange) -> bool:
    """Stream JSON values, one a line."""
    exchange.begin("application/x-ndjson")
    for index in range(_PIECES):
        exchange.chunk(b'{"index": %d}\n' % index)
        await exchange.writer.drain()
    exchange.chunk(b"")
    return True


async def events(exchange: Exchange) -> bool:
    """Stream events until the caller leaves."""
    exchange.begin("text/event-stream")
    while not exchange.writer.transport.is_closing():
        exchange.chunk(b"data: tick\n\n")
        await exchange.writer.drain()
        await asyncio.sleep(_BREATH)
    return False


async def cut(exchange: Exchange) -> bool:
    """Stream JSON values, and break off."""
    exchange.begin("application/x-ndjson")
    exchange.chunk(b'{"index": 0}\n')
    await asyncio.sleep(_BREATH)
    exchange.writer.transport.abort()
    return False


BEHAVIOURS: Final[dict[str, Behaviour]] = {
    behaviour.__name__: behaviour
    for behaviour in (
        ok, big, packed, bad_gzip, missing, failing, flaky, busy, reset, broken,
        truncated, closing, stalled, dripping, huge, moved, circling, lines, events, cut,
    )
}  # fmt: skip


class Server:
    """The connections, and what is remembered from one to the next."""

    def __init__(self, journal: str) -> None:
        self._journal = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._seen: set[int] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    def close(self) -> None:
        """Close every connection."""
        for writer in self._writers:
            writer.close()

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer the requests of one connection."""
        self._writers.add(writer)
        try:
            with suppress(OSError, EOFError, asyncio.LimitOverrunError):
                while await self._answer(reader, writer):
                    await writer.drain()
        finally:
            self._writers.remove(writer)
            writer.close()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, target, _ = head.split(" ", 2)
        _, behaviour, number = target.split("/")
        if behaviour == "open":  # the harness asks, at the end
            writer.write(b"%d" % len(self._writers))
            return False
        os.write(self._journal, ENTRY.pack(int(number)))
        exchange = Exchange(int(number), self.port, self._seen, reader, writer)
        if method in _HANDLED:
            exchange.received = await _take_body(head, reader)
        return await BEHAVIOURS[behaviour](exchange)


async def _take_body(head: str, reader: asyncio.StreamReader) -> int:
    fields = dict(
        line.lower().split(": ", 1) for line in head.splitlines()[1:] if ": " in line
    )
    if "content-length" in fields:
        return len(await reader.readexactly(int(fields["content-length"])))
    received = 0
    while size := int(await reader.readuntil(b"\r\n"), 16):
        received += len(await reader.readexactly(size + 2)) - 2
    await reader.readuntil(b"\r\n")
    return received


async def main(port: int, journal: str) -> None:
    """Serve until the process is told to end."""
    server = Server(journal)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    # Its end is the end of who started this, however that came.
    loop.add_reader(sys.stdin, stop.set)
    first = await asyncio.start_server(server.serve, ADDRESSES[0], port)
    server.port = first.sockets[0].getsockname()[1]
    others = [
        await asyncio.start_server(server.serve, address, server.port)
        for address in ADDRESSES[1:]
    ]
    print(server.port, flush=True)
    await stop.wait()
    for listener in (first, *others):
        listener.close()
    server.close()
    # What was written leaves; who is still served does not hold up the end.
    await asyncio.sleep(_BREATH)
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
