"""The port of the fault server, and the connections that came in at it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeAlias

from lexigram.testing._server.connection import Connection, protocol
from lexigram.testing._server.records import ConnectionRecord

__all__ = ["HOST", "Listener"]

HOST: Final = "127.0.0.1"

# Connections beyond the backlog wait a second for the second attempt of their client.
_BACKLOG: Final = 1024

# The loop makes a transport in one turn and announces it in the next.
_TURNS_TO_ARRIVE: Final = 2

Serve: TypeAlias = Callable[[Connection, ConnectionRecord], Coroutine[Any, Any, None]]
"""Serves a connection to its end."""

Ended: TypeAlias = Callable[[BaseException | None], None]
"""Is told of the end of each connection, with what its service raised."""


class Listener:
    """Accepts connections, keeps a record of each and a task for each that is open."""

    def __init__(self, serve: Serve, ended: Ended, *, secure: bool) -> None:
        self._serve = serve
        self._ended = ended
        self._secure = secure
        self._server: asyncio.Server | None = None
        self._live: dict[asyncio.Task[None], Connection] = {}
        self._accepted = 0
        self.port = 0
        self.records: list[ConnectionRecord] = []
        self.peak = 0

    @property
    def open(self) -> int:
        """How many connections are open."""
        return sum(record.is_open for record in self.records)

    async def up(self) -> None:
        """Listen, again on the same port; nothing when it does already."""
        if self._server is None:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: protocol(self._accept, secure=self._secure),
                HOST,
                self.port,
                backlog=_BACKLOG,
            )
            self.port = self._server.sockets[0].getsockname()[1]

    async def down(self, end: Callable[[Connection], None]) -> None:
        """Stop listening and end every connection; nothing when it does not listen."""
        server, self._server = self._server, None
        if server is not None:
            await _stop_accepting(server)
            server.close()
            await self.disconnect(end)
            await server.wait_closed()

    async def disconnect(self, end: Callable[[Connection], None]) -> None:
        """End every connection, and wait until their tasks are done."""
        tasks = dict(self._live)
        for task, connection in tasks.items():
            end(connection)
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def forget(self) -> None:
        """Drop the records of connections that have ended."""
        self.records = [record for record in self.records if record.is_open]
        self.peak = len(self.records)

    def _accept(self, connection: Connection) -> None:
        if self._server is None:  # it was on its way when the server went down
            connection.reset()
            return
        loop = asyncio.get_running_loop()
        self._accepted += 1
        record = ConnectionRecord(self._accepted, loop.time(), log=connection.log)
        self.records.append(record)
        self.peak = max(self.peak, self.open)
        task = loop.create_task(self._serve(connection, record))
        self._live[task] = connection
        task.add_done_callback(lambda task: self._end(task, record))

    def _end(self, task: asyncio.Task[None], record: ConnectionRecord) -> None:
        del self._live[task]
        record.closed = asyncio.get_running_loop().time()
        record.closed_by = record.closed_by or "server"
        self._ended(None if task.cancelled() else task.exception())


async def _stop_accepting(server: asyncio.Server) -> None:
    """Let connections that were accepted arrive, and no others.

    A server that is closed in between loses their sockets
    (https://github.com/python/cpython/issues/109564).
    """
    loop = asyncio.get_running_loop()
    with suppress(NotImplementedError):  # the loop has no readers
        for sock in server.sockets:
            loop.remove_reader(sock.fileno())
    for _ in range(_TURNS_TO_ARRIVE):
        await asyncio.sleep(0)
