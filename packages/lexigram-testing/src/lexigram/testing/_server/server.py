"""An HTTP/1.1 server that answers and fails on command."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from lexigram.testing._answers.faults import Fault
from lexigram.testing._answers.outcomes import Act, Outcome, Reply, accepted
from lexigram.testing._calls.failures import CallbackFailed, TestKitFailure
from lexigram.testing._calls.journal import CallLog, RecordedCall
from lexigram.testing._routing.routes import Route
from lexigram.testing._routing.switchboard import Switchboard
from lexigram.testing._routing.table import RouteTable
from lexigram.testing._routing.verification import Strictness
from lexigram.testing._server.connection import Connection, ConnectionRecord, protocol
from lexigram.testing._server.wire import Incoming

__all__ = ["FaultServer"]

_HOST: Final = "127.0.0.1"


class FaultServer:
    """A server on a free port of this machine, in the event loop of the test.

    Everything is on a real socket, so that a real client can be observed: which
    connections it opens, uses again and gives back, and what it makes of each fault.
    A request that no route takes is answered 501 with the explanation, and raised at
    the end of the block.

    Args:
        strict: What leaving the block verifies.

    Example:
        async with FaultServer.run() as server:
            server.on.get("/v1/slow").respond(json={}, delay=0.2)
            server.on.get("/v1/broken").fail(fault.reset())
            ...  # point a client at server.base_url
            await server.wait_until(lambda s: s.open_connections == 0)
    """

    def __init__(self, *, strict: Strictness = "strict") -> None:
        self._board = Switchboard("server", _performable, strictness=strict)
        self._listener: asyncio.Server | None = None
        self._port = 0
        self._live: dict[asyncio.Task[None], Connection] = {}
        self._records: list[ConnectionRecord] = []
        self._peak = 0

    @classmethod
    def run(cls, *, strict: Strictness = "strict") -> Self:
        """Return a server that listens within its `async with` block."""
        return cls(strict=strict)

    @property
    def host(self) -> str:
        """The address that it listens on."""
        return _HOST

    @property
    def port(self) -> int:
        """The port that it listens on, the same after `down()` and `up()`.

        Raises:
            RuntimeError: It has not been started.
        """
        if not self._port:
            raise RuntimeError(
                "The server has no port before it listens. "
                "Enter it: `async with FaultServer.run() as server:`."
            )
        return self._port

    @property
    def base_url(self) -> str:
        """Its URL, without a slash at the end."""
        return f"http://{self.host}:{self.port}"

    @property
    def on(self) -> RouteTable:
        """Where routes are registered."""
        return self._board.routes

    @property
    def calls(self) -> CallLog:
        """What was asked, and what was answered."""
        return self._board.calls

    @property
    def connections(self) -> list[ConnectionRecord]:
        """Every connection so far, in the order of their opening."""
        return list(self._records)

    @property
    def open_connections(self) -> int:
        """How many connections are open now."""
        return sum(record.is_open for record in self._records)

    @property
    def peak_connections(self) -> int:
        """The most connections that were open at one time."""
        return self._peak

    async def up(self) -> None:
        """Listen, again on the same port; nothing when it does already."""
        if self._listener is None:
            self._listener = await asyncio.get_running_loop().create_server(
                lambda: protocol(self._accept), _HOST, self._port
            )
            self._port = self._listener.sockets[0].getsockname()[1]
            self._board.origin = self.base_url

    async def down(self) -> None:
        """Refuse connections and reset the live ones; nothing when it is down."""
        await self._stop(Connection.reset)

    async def wait_until(
        self,
        condition: Callable[[FaultServer], bool],
        timeout: float = 5.0,  # noqa: ASYNC109 - a bound for a test, in its own words
    ) -> None:
        """Return as soon as `condition(server)` holds; asked again at each change.

        Raises:
            AssertionError: It did not hold within `timeout` seconds.
        """
        await self._board.changes.wait_until(
            lambda: condition(self), timeout, self._state
        )

    def verify(self) -> None:
        """Raise unless every request found a route and every route its requests.

        Raises:
            VerificationError: Lists what did not.
        """
        self._board.verify()

    async def __aenter__(self) -> Self:
        await self.up()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stop(Connection.abort)
        self._board.close(error)

    def _accept(self, connection: Connection) -> None:
        if self._listener is None:  # it was on its way when the server went down
            connection.reset()
            return
        loop = asyncio.get_running_loop()
        record = ConnectionRecord(len(self._records) + 1, loop.time())
        self._records.append(record)
        self._peak = max(self._peak, self.open_connections)
        authority = f"{self.host}:{self.port}"
        task = loop.create_task(connection.serve(record, authority, self._exchange))
        self._live[task] = connection
        task.add_done_callback(lambda task: self._ended(task, record))
        self._board.changes.notify()

    def _ended(self, task: asyncio.Task[None], record: ConnectionRecord) -> None:
        del self._live[task]
        record.closed = asyncio.get_running_loop().time()
        record.closed_by = record.closed_by or "server"
        if not task.cancelled() and (error := task.exception()) is not None:
            self._board.failures.append(error)
        self._board.changes.notify()

    async def _exchange(self, connection: Connection, incoming: Incoming) -> bool:
        try:
            call, route = self._board.receive(incoming.request)
        except TestKitFailure as failure:
            return await connection.perform(_apology(501, failure), incoming)
        try:
            act = await self._decide(connection, call, route)
            goes_on = await connection.perform(act, incoming)
        except TestKitFailure as failure:
            self._board.keep(call, failure)
            return await connection.perform(_apology(500, failure), incoming)
        except BaseException as error:  # however the call ended is its outcome
            self._board.journal.end(call, error)
            raise
        self._board.journal.end(call, act)
        return goes_on

    async def _decide(
        self, connection: Connection, call: RecordedCall, route: Route
    ) -> Reply | Fault:
        work = self._board.decide(call, route)
        # Only what may take its time is worth a task that ends with the client.
        act = await (connection.while_here(work) if route.is_handled else work)
        if isinstance(act, BaseException):
            raise CallbackFailed(
                f"The handler of {route} raised {act!r}, which a server cannot pass "
                "on. Return a Reply or a fault."
            ) from act
        return act

    async def _stop(self, end: Callable[[Connection], None]) -> None:
        listener, self._listener = self._listener, None
        if listener is None:
            return
        listener.close()
        tasks = dict(self._live)
        for task, connection in tasks.items():
            end(connection)
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await listener.wait_closed()

    def _state(self) -> str:
        calls = self.calls.render() or "none"
        return (
            f"Of {len(self._records)} connections {self.open_connections} are open. "
            f"Calls: {calls}"
        )


def _performable(outcome: Outcome) -> Act:
    """Return an outcome that a server can perform.

    Raises:
        ValueError: Only the other end could.
    """
    act = accepted(outcome)
    if isinstance(act, BaseException):
        raise ValueError(  # noqa: TRY004 - an outcome, but not in this world
            f"A server cannot raise {act!r} in its client. Use a fault, or a status."
        )
    if isinstance(act, Fault) and act.kind == "refused":
        raise ValueError(
            "A server that listens cannot refuse a connection. "
            "Use `await server.down()` and `await server.up()`."
        )
    return act


def _apology(status: int, failure: TestKitFailure) -> Reply:
    return Reply(status, text=f"{failure}\n")
