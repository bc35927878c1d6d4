"""A server that does as little as Python lets it: canned answers, written at once.

    PYTHONPATH=tools python -P -m bench.requests.server

It prints its port, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import re
import sys
from typing import Final

from bench.requests.bodies import POST, SIZES, body

__all__ = ["serve"]

_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)\r", re.IGNORECASE)


def _answer(content: bytes) -> bytes:
    """Return what nginx would say, but for a date that does not change."""
    head = (
        "HTTP/1.1 200 OK\r\n"
        "Server: nginx/1.22.1\r\n"
        "Date: Fri, 02 Jan 2026 03:04:05 GMT\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n"
        "Connection: keep-alive\r\n\r\n"
    )
    return head.encode() + content


_ANSWERS: Final = {path.encode(): _answer(body(path)) for path in SIZES}
_ANSWERS[POST.encode()] = _ANSWERS[b"/100"]


class _Server(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for type checkers
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(_END)) >= 0:
            head = self._received[: end + len(_END)]
            length = _LENGTH.search(head)
            whole = len(head) + (int(length[1]) if length else 0)
            if len(self._received) < whole:
                return
            self._received = self._received[whole:]
            self._transport.write(_ANSWERS[head.split(b" ", 2)[1]])


async def serve() -> None:
    """Serve until standard input ends, as it does when whoever started it is gone."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Server, "127.0.0.1", 0, backlog=2048)
    async with server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
