"""One connection of the fault server, from its opening to its end.

The task of a connection reads a request, asks for the outcome and performs it, until
one side ends the connection. Whoever ends it first is written into the record.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias, TypeVar

from lexigram.testing._answers.faults import Fault
from lexigram.testing._answers.outcomes import Reply
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._server.wire import (
    LINE_LIMIT,
    BadRequest,
    Incoming,
    head_of,
    read_request,
)

__all__ = ["ClientGone", "Connection", "ConnectionRecord", "Peer", "protocol"]

T = TypeVar("T")

Peer: TypeAlias = Literal["client", "server"]

Exchange: TypeAlias = Callable[["Connection", Incoming], Awaitable[bool]]
"""Serves one request; says whether the connection goes on."""

# Linger for zero seconds: closing sends RST and forgets what is not sent yet.
_RESET: Final = struct.pack("ii", 1, 0)
_TICKS_PER_SECOND: Final = 20


@dataclass(slots=True)
class ConnectionRecord:
    """What the server saw of one connection."""

    id: int
    """Its number, from 1."""
    opened: float
    """When it was accepted, as a time of the event loop."""
    closed: float | None = None
    """When it ended; None while it is open."""
    requests: list[RecordedRequest] = field(default_factory=list)
    """The requests that came over it, in order."""
    closed_by: Peer | None = None
    """Who ended it; None while it is open."""

    @property
    def is_open(self) -> bool:
        """Whether it has not ended yet."""
        return self.closed is None


class ClientGone(ConnectionError):  # noqa: N818 - no fault of the server's
    """The client closed while its answer was being made."""


class _Protocol(asyncio.StreamReaderProtocol):
    """A stream that also says when the client has gone, read or not."""

    def __init__(
        self,
        connected: Callable[[asyncio.StreamReader, asyncio.StreamWriter], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(
            asyncio.StreamReader(limit=LINE_LIMIT, loop=loop), connected, loop=loop
        )
        self.gone: asyncio.Future[None] = loop.create_future()

    def eof_received(self) -> bool:
        self._leave()
        # True keeps the transport open: its end belongs to the connection's task.
        return bool(super().eof_received())

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        super().connection_lost(exc)

    def _leave(self) -> None:
        if not self.gone.done():
            self.gone.set_result(None)


def protocol(accept: Callable[[Connection], None]) -> asyncio.Protocol:
    """Return a protocol that hands its connection to `accept`."""

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accept(Connection(reader, writer, made.gone))

    made = _Protocol(connected)
    return made


class Connection:
    """Serves one client."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        gone: asyncio.Future[None],
    ) -> None:
        self.reader = reader
        self.writer = writer
        self._gone = gone
        # `drain` then waits until everything is with the operating system.
        writer.transport.set_write_buffer_limits(high=0)

    async def serve(
        self, record: ConnectionRecord, authority: str, exchange: Exchange
    ) -> None:
        """Serve requests until one side ends the connection; then close it.

        Raises:
            BadRequest: The client sent something else.
        """
        try:
            goes_on = True
            while goes_on:
                incoming = await read_request(self.reader, self.writer, authority)
                record.requests.append(incoming.request)
                goes_on = await exchange(self, incoming)
            record.closed_by = "client" if self._gone.done() else "server"
        except (asyncio.IncompleteReadError, OSError):
            record.closed_by = "client"
        except BadRequest as error:
            await self._refuse(error)
            raise  # for the server to keep: the client under test is at fault
        finally:
            await self._close()

    async def perform(self, act: Reply | Fault, incoming: Incoming) -> bool:
        """Answer, one way or the other; say whether the connection goes on.

        Raises:
            OSError: The client left before the end; `ClientGone` during a pause.
        """
        if isinstance(act, Reply):
            return await self._reply(act, incoming)
        await self._send_slowly(act.data, act.bytes_per_second)
        if act.then == "hang":
            await asyncio.wait({self._gone})
        elif act.then == "reset":
            self.reset()
        return act.then == "keep" and incoming.keep_alive

    async def while_here(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what `work` does, or end it when the client leaves.

        Raises:
            ClientGone: It left.
        """
        task = asyncio.create_task(work)
        try:
            either: set[asyncio.Future[Any]] = {task, self._gone}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise ClientGone("The client left while its answer was worked out.")
        finally:
            task.cancel()
            await asyncio.wait({task})

    def reset(self) -> None:
        """End the connection with RST."""
        sock = self.writer.get_extra_info("socket")
        with suppress(OSError):  # it is closed already
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.abort()

    def abort(self) -> None:
        """End the connection; what is not sent yet is lost."""
        self.writer.transport.abort()

    async def _reply(self, reply: Reply, incoming: Incoming) -> bool:
        close = not incoming.keep_alive or _says_close(reply)
        await self._pause(reply.delay)
        head = head_of(reply, close=close)
        if not reply.has_body(incoming.request.method):
            await self._send(head)
        elif reply.chunked:
            await self._send_chunks(head, reply)
        else:
            await self._send(head + reply.body)
        return not close

    async def _send_chunks(self, head: bytes, reply: Reply) -> None:
        await self._send(head)
        for number, chunk in enumerate(reply.chunks):
            if number:
                await self._pause(reply.pause)
            await self._send(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        await self._send(b"0\r\n\r\n")

    async def _send_slowly(self, data: bytes, bytes_per_second: float | None) -> None:
        if bytes_per_second is None:
            await self._send(data)
            return
        head, end, body = data.partition(b"\r\n\r\n")
        await self._send(head + end)
        size = max(1, int(bytes_per_second / _TICKS_PER_SECOND))
        for start in range(0, len(body), size):
            await self._pause(size / bytes_per_second)
            await self._send(body[start : start + size])

    async def _send(self, data: bytes) -> None:
        if data:
            self.writer.write(data)
            await self.writer.drain()

    async def _pause(self, seconds: float) -> None:
        if seconds <= 0:
            return
        done, _ = await asyncio.wait({self._gone}, timeout=seconds)
        if done:
            raise ClientGone("The client left before its answer was complete.")

    async def _refuse(self, error: BadRequest) -> None:
        reply = Reply(400, text=f"{error}\n")
        with suppress(OSError):  # nobody is there to read it
            await self._send(head_of(reply, close=True) + reply.body)

    async def _close(self) -> None:
        self.writer.close()
        with suppress(OSError):  # the client has reset it
            await self.writer.wait_closed()


def _says_close(reply: Reply) -> bool:
    return "close" in reply.headers.get("connection", "").lower()
