"""A pool of connections, for one client or for several."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Self

from lexigram.contracts.web import HTTPClientStateError
from lexigram.http.config import ConnectionPoolConfig
from lexigram.http.egress.config import EgressConfig
from lexigram.http.egress.policy import EgressPolicy
from lexigram.http.pool.admission import Admission
from lexigram.http.pool.connector import Connector, TCPConnector, UnixConnector
from lexigram.http.pool.left_behind import forget_in_children
from lexigram.http.pool.session import Session
from lexigram.http.pool.statistics import PoolStatistics
from lexigram.http.tls import TLSConfig, TLSPolicy, prepare


class ConnectionPool:
    """The connections of one client, or of several that share them.

    A client that is given a pool uses it and leaves its start and stop to whoever made
    it: start the pool before the clients, and stop it after them. Calls are let in first
    come, first served; idle connections count against the total.

    Args:
        config: How many connections, and how long they are kept. The limits of time in
            it are those of a client that has this pool as its own.
        tls: How requests speak TLS that name no policy.
        egress: Where connections may lead; left out, anywhere.
        unix_socket: Every connection goes to this socket, whatever host a URL names.

    Example:
        >>> from lexigram.http import HTTPClient
        >>> async with ConnectionPool() as pool, HTTPClient(pool=pool) as client:
        ...     result = await client.get("https://api.example.com/users")
        ...     pool.statistics()
        PoolStatistics(in_use=0, idle=1, waiting=0, opened=1, reused=0)
    """

    def __init__(
        self,
        config: ConnectionPoolConfig | None = None,
        tls: TLSConfig | None = None,
        *,
        egress: EgressConfig | None = None,
        unix_socket: str | Path | None = None,
    ) -> None:
        self.config: ConnectionPoolConfig = config or ConnectionPoolConfig()
        self.tls: TLSConfig = tls or TLSConfig()
        self.egress: EgressConfig = egress or EgressConfig()
        self._policy = EgressPolicy(self.egress)
        self.unix_socket: Path | None = (
            None if unix_socket is None else Path(unix_socket)
        )
        self._connector: Connector | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._admission = self._new_admission()

    @property
    def started(self) -> bool:
        """Whether it is open."""
        return self._connector is not None

    async def start(self) -> None:
        """Open the pool, in the event loop it will serve; without effect on an open one.

        Raises:
            TLSConfigError: What the TLS configuration names cannot be used.
            HTTPClientStateError: It is open in another event loop that goes on.
        """
        self._leave_behind()
        if self._connector is None:
            self._open(await prepare(self.tls))

    async def stop(self) -> None:
        """Close every connection, those in use included; without effect on a closed one.

        Raises:
            HTTPClientStateError: It is open in another event loop that goes on.
        """
        self._leave_behind()
        connector, self._connector = self._connector, None
        if connector is not None:
            self._admission.close()
            self._admission = self._new_admission()
            await connector.close()

    def forget(self) -> None:
        """Drop the connections without closing them, where they are another's by now.

        For a child after a fork, and for what is left of an event loop that is closed.
        """
        connector, self._connector = self._connector, None
        if connector is not None:
            self._admission = self._new_admission()
            connector.forget()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    def session(self, *, cookies: bool) -> Session:
        """Return what one client sends through; for clients.

        Raises:
            RuntimeError: The pool is not open, or in another event loop.
        """
        self._leave_behind()
        if self._connector is None:
            raise RuntimeError(
                "The pool is not started. Use it inside `async with`, or between "
                "`start()` and `stop()`, around the clients that share it."
            )
        return Session(self._connector, self._admission, self._policy, cookies=cookies)

    def statistics(self) -> PoolStatistics:
        """Return the figures of this moment; all are 0 before the start."""
        connector, admission = self._connector, self._admission
        return PoolStatistics(
            in_use=admission.taken,
            idle=connector.idle if connector else 0,
            waiting=admission.waiting,
            opened=connector.opened if connector else 0,
            reused=connector.reused if connector else 0,
        )

    def __repr__(self) -> str:
        now = self.statistics()
        return (
            f"<ConnectionPool {'open' if self.started else 'closed'}, {now.in_use} in use, "
            f"{now.idle} idle, {now.waiting} waiting>"
        )

    def _leave_behind(self) -> None:
        """Forget what was opened in an event loop that is over."""
        loop = asyncio.get_running_loop()
        if self._connector is None or self._loop is None or self._loop is loop:
            return
        if not self._loop.is_closed():
            raise HTTPClientStateError(
                "The pool is open in another event loop, which is not closed. Stop it "
                "there, or make a pool of its own for this one."
            )
        self.forget()

    def _new_admission(self) -> Admission:
        return Admission(
            self.config.max_connections, self.config.max_connections_per_host
        )

    def _open(self, policy: TLSPolicy) -> None:
        if self._connector is not None:
            return  # Another task started it while this one waited.
        self._loop = asyncio.get_running_loop()
        forget_in_children(self)
        if self.unix_socket is not None:
            self._connector = UnixConnector(
                self.config, self._admission, self.unix_socket
            )
        else:
            self._connector = TCPConnector(
                self.config, self._admission, policy, self._policy
            )
