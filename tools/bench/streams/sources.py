"""Many streams of events at once, in a process of its own, and who sends them.

    python sources.py serve              prints its port
    python sources.py NAME PORT COUNT    prints the KiB that each stream takes

Each stream has read some events and waits for more, as those of a service do.
"""

from __future__ import annotations

import asyncio
import gc
import resource
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, TypeAlias

import aiohttp

from lexigram.http import ConnectionPoolConfig, HTTPClient, HTTPClientConfig

EVENTS: Final = 5
"""How many each stream has read when memory is looked at."""

_EVENT: Final = b'event: delta\nid: 7\ndata: {"text": "%s"}\n\n' % (b"x" * 200)
_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
_WARM: Final = 20

Opened: TypeAlias = Callable[[], None]
Reading: TypeAlias = Callable[[str, Opened], Awaitable[None]]
Contestant: TypeAlias = Callable[[AsyncExitStack, int], Awaitable[Reading]]


async def ours(stack: AsyncExitStack, most: int) -> Reading:
    """`HTTPClient.stream` and its `events()`."""
    pool = ConnectionPoolConfig(max_connections=most, max_connections_per_host=most)
    client = await stack.enter_async_context(HTTPClient(HTTPClientConfig(pool=pool)))

    async def read(url: str, opened: Opened) -> None:
        async with client.stream("GET", url) as stream:
            left = EVENTS
            async for _ in stream.events():
                left -= 1
                if not left:
                    opened()

    return read


async def by_hand(stack: AsyncExitStack, most: int) -> Reading:
    """aiohttp, `async for line in response.content`."""
    connector = aiohttp.TCPConnector(limit=most)
    timeout = aiohttp.ClientTimeout(total=None)
    session = await stack.enter_async_context(
        aiohttp.ClientSession(connector=connector, timeout=timeout)
    )

    async def read(url: str, opened: Opened) -> None:
        async with session.get(url) as response:
            left = EVENTS
            async for line in response.content:
                if not line.strip():
                    left -= 1
                    if not left:
                        opened()

    return read


CONTESTANTS: Final[dict[str, Contestant]] = {"ours": ours, "by_hand": by_hand}


async def measure(name: str, url: str, count: int) -> float:
    """Return the KiB that each of so many streams takes."""
    async with AsyncExitStack() as stack:
        read = await CONTESTANTS[name](stack, count + _WARM)
        tasks: list[asyncio.Task[None]] = []

        async def open_more(number: int) -> None:
            for _ in range(number):
                opened = asyncio.Event()
                tasks.append(asyncio.ensure_future(read(url, opened.set)))
                async with asyncio.timeout(30):
                    await opened.wait()

        await open_more(_WARM)
        before = resident()
        await open_more(count)
        used = resident() - before
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return used / count


def resident() -> int:
    """Return the KiB that are resident now."""
    gc.collect()
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


async def serve() -> None:
    """Send each who asks some events, and then nothing, until the process is ended."""

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(_HEAD)
        for _ in range(EVENTS):
            writer.write(b"%x\r\n%s\r\n" % (len(_EVENT), _EVENT))
            await asyncio.sleep(0)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    """Be one of the two ends."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if sys.argv[1] == "serve":
        asyncio.run(serve())
        return
    _, name, port, count = sys.argv
    print(asyncio.run(measure(name, f"http://127.0.0.1:{port}/feed", int(count))))


if __name__ == "__main__":
    main()
