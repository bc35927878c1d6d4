"""An HTTP/1.1 server that answers and fails on command."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

from lexigram.testing._answers.faults import Ending, Fault
from lexigram.testing._answers.outcomes import Act, Outcome, Reply, accepted
from lexigram.testing._calls.failures import CallbackFailed, TestKitFailure
from lexigram.testing._calls.journal import CallLog, RecordedCall
from lexigram.testing._routing.routes import Route
from lexigram.testing._routing.switchboard import Switchboard
from lexigram.testing._routing.table import RouteTable
from lexigram.testing._routing.verification import Strictness
from lexigram.testing._server.certificates import (
    CertificateKind,
    Certificates,
    kind_of,
)
from lexigram.testing._server.connection import Connection, Service
from lexigram.testing._server.listener import HOST, Listener
from lexigram.testing._server.outages import Outage
from lexigram.testing._server.records import ConnectionRecord
from lexigram.testing._server.wire import Incoming

__all__ = ["FaultServer"]


class FaultServer:
    """A server on a free port of this machine, in the event loop of the test.

    Everything is on a real socket, so that a real client can be observed: which
    connections it opens, uses again and gives back, and what it makes of each fault.
    A request that no route takes is answered 501 with the explanation, and raised at
    the end of the block. All times are those of the event loop.

    Args:
        tls: Whether it speaks TLS, or with which certificate; True is one that is
            "trusted" by those who trust its authority: `server.trust(context)`. Needs
            the extra `lexigram-testing[tls]`.
        strict: What leaving the block verifies.

    Raises:
        ModuleNotFoundError: What makes the certificates is not installed.

    Example:
        ```python
        async with FaultServer.run() as server:
            server.on.get("/v1/slow").respond(json={}, delay=0.2)
            server.on.get("/v1/broken").fail(fault.reset())
            async with HTTPClient() as client:
                assert (await client.get(f"{server.base_url}/v1/slow")).is_ok()
                assert (await client.get(f"{server.base_url}/v1/broken")).is_err()
                async with server.outage(fault.refused()):
                    assert (await client.get(f"{server.base_url}/v1/slow")).is_err()
            await server.wait_until(lambda s: s.open_connections == 0)
        ```
    """

    def __init__(
        self, *, tls: bool | CertificateKind = False, strict: Strictness = "strict"
    ) -> None:
        self._board = Switchboard("server", _performable, strictness=strict)
        self._certificate = kind_of(tls)
        self._certificates = None if self._certificate is None else Certificates()
        self._outage: Outage | None = None
        self._listener = Listener(
            self._serve, self._ended, secure=self._certificates is not None
        )

    @classmethod
    def run(
        cls, *, tls: bool | CertificateKind = False, strict: Strictness = "strict"
    ) -> Self:
        """Return a server that listens within its `async with` block."""
        return cls(tls=tls, strict=strict)

    @property
    def host(self) -> str:
        """The address that it listens on."""
        return HOST

    @property
    def port(self) -> int:
        """The port that it listens on, the same after `down()` and `up()`.

        Raises:
            RuntimeError: It has not been started.
        """
        if not self._listener.port:
            raise RuntimeError(
                "The server has no port before it listens. "
                "Enter it: `async with FaultServer.run() as server:`."
            )
        return self._listener.port

    @property
    def base_url(self) -> str:
        """Its URL, without a slash at the end."""
        scheme = "http" if self._certificates is None else "https"
        return f"{scheme}://{self.host}:{self.port}"

    @property
    def ca_pem(self) -> bytes:
        """The certificate of its authority, for a client to trust.

        Raises:
            RuntimeError: The server does not speak TLS.
        """
        if self._certificates is None:
            raise RuntimeError(
                "The server does not speak TLS. Use `FaultServer.run(tls=True)`."
            )
        return self._certificates.ca_pem

    def trust(self, context: ssl.SSLContext | None = None) -> ssl.SSLContext:
        """Let a client's context trust the server's authority, and return it.

        Without one: return a new context that verifies, and trusts nobody else.

        Raises:
            RuntimeError: The server does not speak TLS.
        """
        authority = self.ca_pem.decode()
        if context is None:
            return ssl.create_default_context(cadata=authority)
        context.load_verify_locations(cadata=authority)
        return context

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
        return list(self._listener.records)

    @property
    def open_connections(self) -> int:
        """How many connections are open now."""
        return self._listener.open

    @property
    def peak_connections(self) -> int:
        """The most connections that were open at one time."""
        return self._listener.peak

    async def up(self) -> None:
        """Listen, again on the same port; nothing when it does already."""
        await self._listener.up()
        self._board.origin = self.base_url

    async def down(self) -> None:
        """Refuse connections and reset the live ones; nothing when it is down."""
        await self._listener.down(Connection.reset)

    @asynccontextmanager
    async def outage(
        self, outcome: Outcome, *, times: int | None = None
    ) -> AsyncGenerator[None, None]:
        """Answer every request with one outcome, whatever the routes, for a block.

        A fault that strikes before there is a request meets every new connection
        instead; those that are open are reset, so that the next request needs a new
        one. After the block all is as before, and what a client makes of that can be
        checked in the same test.

        Args:
            outcome: A fault or a reply.
            times: How many requests, or connections, meet it; None for all.

        Raises:
            ValueError: The fault needs TLS and the server has none, or nobody could
                be counted by `times`.
            RuntimeError: There is an outage already.
        """
        if isinstance(outcome, Fault) and outcome.before_request:
            async with self._cut_off(Outage(outcome, times)):
                yield
            return
        with self._board.outage(outcome) as everything:
            if times is not None:
                everything.times(times)
            yield

    def reset(self, *, routes: bool = True, calls: bool = True) -> None:
        """Forget the routes, and the calls with the connections that have ended.

        Open connections stay open, with their records.

        Args:
            routes: Whether the routes go.
            calls: Whether calls, failures and records of connections go.
        """
        self._board.reset(routes=routes, calls=calls)
        if calls:
            self._listener.forget()

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
        await self._listener.down(Connection.abort)
        self._board.close(error)

    @asynccontextmanager
    async def _cut_off(self, outage: Outage) -> AsyncGenerator[None, None]:
        self._check(outage)
        refuse = outage.cause.kind == "refused"
        self._outage = outage
        try:
            if refuse:
                await self.down()
            else:
                await self._listener.disconnect(Connection.reset)
            yield
        finally:
            self._outage = None
            if refuse:
                await self.up()

    def _check(self, outage: Outage) -> None:
        if outage.cause.kind == "tls" and self._certificates is None:
            raise ValueError(
                f"{outage.cause!r} spoils a handshake, and this server has none. "
                "Use `FaultServer.run(tls=True)`."
            )
        if self._outage is not None:
            raise RuntimeError(
                f"`server` has an outage already: {self._outage.cause!r}. Let one end "
                "before the next begins."
            )

    def _serve(
        self, connection: Connection, record: ConnectionRecord
    ) -> Coroutine[Any, Any, None]:
        record.fault = None if self._outage is None else self._outage.meets()
        self._board.changes.notify()
        return connection.serve(
            record,
            Service(
                self.base_url,
                self._exchange,
                self._certificates,
                self._certificate or "",
            ),
        )

    def _ended(self, error: BaseException | None) -> None:
        if error is not None:
            self._board.failures.append(error)
        self._board.changes.notify()

    async def _exchange(self, connection: Connection, incoming: Incoming) -> Ending:
        try:
            call, route = self._board.receive(incoming.request)
        except TestKitFailure as failure:
            return await connection.perform(_apology(501, failure), incoming)
        try:
            act = await self._decide(connection, call, route)
            ending = await connection.perform(act, incoming)
        except TestKitFailure as failure:
            self._board.keep(call, failure)
            return await connection.perform(_apology(500, failure), incoming)
        except BaseException as error:  # however the call ended is its outcome
            self._board.journal.end(call, error)
            raise
        self._board.journal.end(call, act)
        return ending

    async def _decide(
        self, connection: Connection, call: RecordedCall, route: Route
    ) -> Reply | Fault:
        work = self._board.decide(call, route)
        # Only what may take its time is worth a task that ends with the client.
        act = await (connection.while_here(work) if route.handler is not None else work)
        if isinstance(act, BaseException):
            raise CallbackFailed(
                f"The handler of {route} raised {act!r}, which a server cannot pass "
                "on. Return a Reply or a fault."
            ) from act
        return act

    def _state(self) -> str:
        calls = self.calls.render() or "none"
        return (
            f"Of {len(self.connections)} connections {self.open_connections} are open. "
            f"Calls: {calls}"
        )


def _performable(outcome: Outcome) -> Act:
    """Return an outcome that a server can perform.

    Raises:
        ValueError: Only the other end could, or there would be no request.
    """
    act = accepted(outcome)
    if isinstance(act, BaseException):
        raise ValueError(  # noqa: TRY004 - an outcome, but not in this world
            f"A server cannot raise {act!r} in its client. Use a fault, or a status."
        )
    if isinstance(act, Fault) and act.before_request:
        raise ValueError(
            f"{act!r} strikes before a server has a request, and so before there is a "
            "route. Use `async with server.outage(...)`."
        )
    return act


def _apology(status: int, failure: TestKitFailure) -> Reply:
    return Reply(status, text=f"{failure}\n")
