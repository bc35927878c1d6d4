"""The other end: a bare server of its own process, as cheap as Python can have it.

    python server.py

It prints its port. `GET /N` gets N bytes, and `PUT /N` sends as many.
"""

from __future__ import annotations

import asyncio
from typing import Final

_BLOCK: Final = bytes(1024 * 1024)
_READ: Final = 1024 * 1024


async def serve() -> None:
    """Answer until the process is ended."""

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, target, _ = head.split(" ", 2)
        size = int(target.removeprefix("/"))
        if method == "PUT":
            await _take(reader, size)
            writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
        else:
            await _give(writer, size)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=2 * _READ)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def _give(writer: asyncio.StreamWriter, size: int) -> None:
    writer.write(
        f'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: {size}\r\n\r\n'.encode()
    )
    while size:
        block = _BLOCK[:size]
        writer.write(block)
        await writer.drain()
        size -= len(block)


async def _take(reader: asyncio.StreamReader, size: int) -> None:
    while size:
        size -= len(await reader.read(min(size, _READ)))


if __name__ == "__main__":
    asyncio.run(serve())
