"""One connection of the fault server, from its opening to its end.

The task of a connection shakes hands if there is TLS, reads a request, asks for the
outcome and performs it, until one side ends the connection. Whoever ends it first is
written into the record.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar, cast

from lexigram.testing._answers.faults import Ending, Fault, Phase
from lexigram.testing._answers.outcomes import Reply
from lexigram.testing._server.certificates import Certificates
from lexigram.testing._server.records import ByteLog, ConnectionRecord, TLSInfo
from lexigram.testing._server.wire import (
    LINE_LIMIT,
    BadRequest,
    Incoming,
    Source,
    head_of,
    read_request,
)

__all__ = ["ClientGone", "Connection", "Service", "protocol"]

T = TypeVar("T")

Exchange: TypeAlias = Callable[["Connection", Incoming], Awaitable[Ending]]
"""Serves one request; says what becomes of the connection."""

# Linger for zero seconds: closing sends RST and forgets what is not sent yet.
_RESET: Final = struct.pack("ii", 1, 0)
_TICKS_PER_SECOND: Final = 20
_FIRST_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Service:
    """What a connection needs of its server."""

    origin: str
    exchange: Exchange
    certificates: Certificates | None = None
    """Where those of a handshake come from; None for no TLS."""
    certificate: str = ""
    """The kind that is shown."""


class ClientGone(ConnectionError):  # noqa: N818 - no fault of the server's
    """The client closed while its answer was being made."""


class _Protocol(asyncio.StreamReaderProtocol):
    """A stream that keeps a log, and says when the client has gone, read or not."""

    def __init__(
        self,
        connected: Callable[[asyncio.StreamReader, asyncio.StreamWriter], None],
        *,
        secure: bool,
    ) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(
            asyncio.StreamReader(limit=LINE_LIMIT, loop=loop), connected, loop=loop
        )
        self.gone: asyncio.Future[None] = loop.create_future()
        self.log: ByteLog = ByteLog()
        self._secure = secure

    def data_received(self, data: bytes) -> None:
        self.log.add("client", data)
        super().data_received(data)

    def eof_received(self) -> bool:
        self._leave()
        super().eof_received()
        # True keeps the transport open: its end belongs to the connection's task. TLS
        # has no such half-closed state.
        return not self._secure

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        super().connection_lost(exc)

    def _leave(self) -> None:
        if not self.gone.done():
            self.gone.set_result(None)


def protocol(accept: Callable[[Connection], None], *, secure: bool) -> asyncio.Protocol:
    """Return a protocol that hands its connection to `accept`."""

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer, made.gone, made.log)
        if secure:
            # The ClientHello is for the handshake, which begins a little later.
            connection.hold()
        accept(connection)

    made = _Protocol(connected, secure=secure)
    return made


class Connection:
    """Serves one client."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        gone: asyncio.Future[None],
        log: ByteLog,
    ) -> None:
        self._source = Source(reader)
        self.writer = writer
        self.log = log
        self._gone = gone
        self._hears_of_its_end = True
        # Asked for now: a transport of TLS has none any more when it has ended.
        self._socket = writer.get_extra_info("socket")
        # `drain` then waits until everything is with the operating system.
        writer.transport.set_write_buffer_limits(high=0)

    def hold(self) -> None:
        """Do not read yet."""
        self._transport.pause_reading()

    async def serve(self, record: ConnectionRecord, service: Service) -> None:
        """Serve requests until one side ends the connection; then close it.

        Raises:
            BadRequest: The client sent something else.
        """
        try:
            ending = await self._begin(record, service)
            while ending == "keep":
                incoming = await read_request(self._source, self._write, service.origin)
                self.log.end_message("client", self._source.taken)
                record.requests.append(incoming.request)
                ending = await service.exchange(self, incoming)
                self.log.end_message("server", self.log.counts["server"])
            await self._end(ending)
            record.closed_by = "client" if self._gone.done() else "server"
        except (asyncio.IncompleteReadError, OSError):
            record.closed_by = "client"
        except BadRequest as error:
            await self._refuse(error)
            raise  # for the server to keep: the client under test is at fault
        finally:
            await self._close()

    async def perform(self, act: Reply | Fault, incoming: Incoming) -> Ending:
        """Answer, one way or the other; say what becomes of the connection.

        Raises:
            OSError: The client left before the end; `ClientGone` during a pause.
        """
        if isinstance(act, Reply):
            return await self._reply(act, incoming)
        await self._send(act.data)
        await self._send_slowly(act.slowly, act.bytes_per_second)
        return act.then if incoming.keep_alive or act.then != "keep" else "close"

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
        with suppress(OSError):  # it is closed already
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.abort()

    def abort(self) -> None:
        """End the connection; what is not sent yet is lost."""
        self.writer.transport.abort()

    @property
    def _transport(self) -> asyncio.Transport:
        # It reads too, whatever the annotation of StreamWriter says.
        return cast("asyncio.Transport", self.writer.transport)

    async def _begin(self, record: ConnectionRecord, service: Service) -> Ending:
        """Do what comes before the first request, faults included."""
        cause = record.fault
        if service.certificates is not None:
            await self._secure(record, service.certificates, service.certificate)
        if cause is None or cause.certificate:
            return "keep"
        if cause.phase is not Phase.CONNECT:
            begun = await self._source.read(_FIRST_BYTES)
            if not begun:
                raise ClientGone("The client left before it sent anything.")
        await self._send(cause.data)
        return cause.then

    async def _secure(
        self, record: ConnectionRecord, certificates: Certificates, kind: str
    ) -> None:
        """Shake hands, unless the connection is to break before."""
        cause = record.fault
        if cause is not None and not cause.certificate:
            if cause.phase is not Phase.REQUEST:
                self._transport.resume_reading()
                return
        elif cause is not None:
            kind = cause.certificate
        # Until the handshake is over, the loop does not tell this side of its end.
        self._hears_of_its_end = False
        try:
            await self.writer.start_tls(certificates.context(kind))
        except OSError as error:
            record.tls = TLSInfo(failure=_why(error))
            raise
        self._hears_of_its_end = True
        # Not 0, from which a transport of TLS never comes back.
        self._transport.set_write_buffer_limits(high=1, low=0)
        session = self.writer.get_extra_info("ssl_object")
        record.tls = TLSInfo(
            session.version(),
            session.cipher()[0],
            session.selected_alpn_protocol(),
            certificates.name_asked_of(session),
        )

    async def _end(self, ending: Ending) -> None:
        match ending:
            case "reset":
                self.reset()
            case "hang":
                await asyncio.wait({self._gone})
            case "half_close":
                self._socket.shutdown(socket.SHUT_WR)
                await asyncio.wait({self._gone})
            case "race":
                await self._source.read(1)
            case _:
                pass

    async def _reply(self, reply: Reply, incoming: Incoming) -> Ending:
        # Without chunks the end of the connection is the end of the body.
        unframed = reply.chunked and incoming.is_old
        close = not incoming.keep_alive or unframed or _says_close(reply)
        await self._pause(reply.delay)
        head = head_of(reply, incoming, close=close)
        if not reply.has_body(incoming.request.method):
            await self._send(head)
        elif reply.chunked:
            await self._send_chunks(head, reply, plain=unframed)
        else:
            await self._send(head + reply.body)
        return "close" if close else "keep"

    async def _send_chunks(self, head: bytes, reply: Reply, *, plain: bool) -> None:
        await self._send(head)
        for number, chunk in enumerate(reply.chunks):
            if number:
                await self._pause(reply.pause)
            await self._send(chunk if plain else b"%x\r\n%b\r\n" % (len(chunk), chunk))
        if not plain:
            await self._send(b"0\r\n\r\n")

    async def _send_slowly(self, data: bytes, bytes_per_second: float) -> None:
        size = max(1, int(bytes_per_second / _TICKS_PER_SECOND))
        for start in range(0, len(data), size):
            await self._pause(size / bytes_per_second)
            await self._send(data[start : start + size])

    async def _send(self, data: bytes) -> None:
        if data:
            self._write(data)
            await self.writer.drain()

    def _write(self, data: bytes) -> None:
        self.log.add("server", data)
        self.writer.write(data)

    async def _pause(self, seconds: float) -> None:
        if seconds <= 0:
            return
        done, _ = await asyncio.wait({self._gone}, timeout=seconds)
        if done:
            raise ClientGone("The client left before its answer was complete.")

    async def _refuse(self, error: BadRequest) -> None:
        reply = Reply(400, text=f"{error}\n")
        with suppress(OSError):  # nobody is there to read it
            await self._send(head_of(reply, None, close=True) + reply.body)

    async def _close(self) -> None:
        if not self._hears_of_its_end:
            self.abort()
            return
        self.writer.close()
        with suppress(OSError):  # the client has reset it
            await self.writer.wait_closed()


def _why(error: OSError) -> str:
    return getattr(error, "reason", None) or type(error).__name__


def _says_close(reply: Reply) -> bool:
    return "close" in reply.headers.get("connection", "").lower()
