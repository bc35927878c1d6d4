"""What calls cost that wait: many of them for a pool of 100 connections.

    python -P -m bench.requests.waiting CLIENT CALLS (allocated | resident)

The server holds its answers back until all calls are made; then it sees in which order
they come. Prints what was found as JSON. The bytes are those of each call that waits: all
that Python was asked for, the task and the coroutine of the caller included, or what the
process grew by.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from bench.requests.contestant import Calls, find

CONNECTIONS: Final = 100

_ANSWER: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
)
_PAGE: Final = 4096
_SETTLING: Final = 20
"""Turns of the loop until every call waits."""


class _Server:
    """Answers when it is told to, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.order: list[int] = []
        self.full = asyncio.Event()
        self.released = asyncio.Event()

    async def answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve one connection."""
        while head := await reader.readline():
            self.order.append(int(head.split()[1][1:]))
            if len(self.order) == CONNECTIONS:
                self.full.set()
            while await reader.readline() != b"\r\n":
                pass
            await self.released.wait()
            writer.write(_ANSWER)
        writer.close()

    def displaced(self) -> int:
        """Return how far from its turn a call came at most, of those that waited."""
        late = enumerate(self.order[CONNECTIONS:], CONNECTIONS)
        return max(abs(place - number) for place, number in late)


async def measured(
    client: Calls, calls: int, used: Callable[[], int]
) -> dict[str, Any]:
    """Let calls wait; return what they took, and what became of them."""
    server = _Server()
    listening = await asyncio.start_server(server.answer, "127.0.0.1", 0, backlog=256)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    async with listening, asyncio.TaskGroup() as group:
        under_way = [
            group.create_task(client.get(f"{url}{number}"))
            for number in range(CONNECTIONS)
        ]
        await server.full.wait()
        gc.collect()
        before = used()
        waiting = [
            group.create_task(client.get(f"{url}{number}"))
            for number in range(CONNECTIONS, CONNECTIONS + calls)
        ]
        for _ in range(_SETTLING):
            await asyncio.sleep(0)
        gc.collect()
        bytes_each = (used() - before) / calls
        tracemalloc.stop()
        start = perf_counter()
        server.released.set()
        await asyncio.wait([*under_way, *waiting])
    return {
        "bytes": round(bytes_each),
        "answered": sum(task.result() == {} for task in waiting),
        "displaced": server.displaced(),
        "seconds": round(perf_counter() - start, 1),
    }


def _allocated() -> int:
    if not tracemalloc.is_tracing():
        tracemalloc.start()
    return tracemalloc.get_traced_memory()[0]


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


async def main(name: str, calls: str, kind: str) -> None:
    """Measure once."""
    used = {"allocated": _allocated, "resident": _resident}[kind]
    async with find(name).load()(CONNECTIONS) as client:
        print(json.dumps(await measured(client, int(calls), used)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
