"""Opening connections, keeping them while they lie idle, and dropping them.

aiohttp's connectors do the opening. Here is what they leave open: a total that idle
connections count against, a cap on the idle ones of a host, an age, the time for which
a server says that it keeps a connection, and pins. The overrides below are the only
places that rely on the connector's internals; tests over real sockets fail when one of
them stops being called.
"""

from __future__ import annotations

import asyncio
import functools
import re
import ssl
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal, TypeAlias

import aiohttp
from aiohttp.abc import ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest, ConnectionKey
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from multidict import istr

from lexigram.contracts.web import TimeoutPhase
from lexigram.contracts.web.calling import AttemptTimer
from lexigram.http.config import ConnectionPoolConfig
from lexigram.http.egress.policy import EgressPolicy
from lexigram.http.egress.refusals import (
    EgressRefusedError,
    check_address,
    sockets_for,
)
from lexigram.http.pool.admission import Admission
from lexigram.http.tls import PinMismatchError, TLSPolicy

# What a proxy may do instead of opening a tunnel. The request was not sent then, which
# nobody can tell from these classes once they have left the connector.
_BEFORE_THE_TUNNEL = (
    aiohttp.ServerDisconnectedError,
    aiohttp.ClientOSError,
    aiohttp.ClientResponseError,
    aiohttp.ClientPayloadError,
)
_KNOWN_OF_PROXIES = (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError)

# "timeout=5, max=100" (RFC 9112 appendix C.2.2, from RFC 2068 §19.7.1.1)
_KEPT_FOR = re.compile(r"(?:^|[,\s])timeout\s*=\s*\"?([0-9]{1,6})", re.IGNORECASE)
_KEEP_ALIVE = istr("Keep-Alive")
# A request that is on its way when the server closes is lost: be gone before.
_MARGIN = 1.0

_attempt_timer: ContextVar[AttemptTimer] = ContextVar("_attempt_timer")
"""Whom the connector tells what it does for the calling task.

No argument of aiohttp's comes through to where it waits.
"""


# Whether the calling task connects to a proxy that is trusted with the egress policy.
_to_proxy: ContextVar[bool] = ContextVar("_to_proxy", default=False)


@contextmanager
def telling(timer: AttemptTimer) -> Generator[None, None, None]:
    """Let the connector tell this timer what it does for the calling task."""
    token = _attempt_timer.set(timer)
    try:
        yield
    finally:
        _attempt_timer.reset(token)


def _tell(phase: TimeoutPhase) -> None:
    timer = _attempt_timer.get(None)
    if timer is not None:
        timer.enter(phase)


class Wire(ResponseHandler):
    """One connection, with what decides how long it is kept.

    Attributes:
        opened: When it was opened, in the loop's time.
        idle_until: When it is dropped if it lies idle until then.
        kept_for: The seconds for which the server says that it keeps it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.opened: float = loop.time()
        self.idle_until: float = 0.0
        self.kept_for: float | None = None

    def feed_data(self, data: Any, size: int = 0) -> None:
        """Take note of what a response says, on its way to who waits for it."""
        hint = data[0].headers.get(_KEEP_ALIVE)
        if hint is not None:
            said = _KEPT_FOR.search(hint)
            self.kept_for = float(said[1]) if said else None
        super().feed_data(data, size)

    def close(self) -> None:
        """Close it, and tell who waits for the rest of a body: aiohttp leaves them."""
        body = self._payload
        transport = self.transport
        if transport is not None and transport.get_write_buffer_size():
            # To close would be to go on sending, to a server that may never take it.
            transport.abort()
        super().close()
        if body is not None and not body.is_eof() and body.exception() is None:
            body.set_exception(aiohttp.ClientPayloadError("it was closed on this side"))


class _Keeping(aiohttp.BaseConnector):
    """What both kinds of connectors do alike."""

    # Each set once, before the first connection.
    _max_open: int
    _max_idle: int
    _max_age: float | None
    _keep_for: float
    _policies: dict[ssl.SSLContext | Literal[True], TLSPolicy]
    opened: int
    reused: int

    def _keep_by(self, config: ConnectionPoolConfig, admission: Admission) -> None:
        # Whoever waits takes the connection that is given back: it does not lie idle.
        self._is_wanted = admission.is_wanted
        self._max_open = config.max_connections
        self._max_idle = config.max_keepalive_connections
        self._max_age = config.max_connection_age
        self._keep_for = config.keepalive_timeout
        self._policies = {}
        self._sweeper: asyncio.TimerHandle | None = None
        self._factory = functools.partial(Wire, loop=self._loop)  # type: ignore[assignment]  # a subclass of what it makes
        self.opened = 0
        self.reused = 0

    @property
    def idle(self) -> int:
        """How many connections lie idle."""
        return sum(map(len, self._conns.values()))

    def speak(self, policy: TLSPolicy) -> None:
        """Let requests whose context is the policy's be checked by it."""
        self._policies[policy.context] = policy

    async def _get(
        self,
        key: ConnectionKey,
        traces: list[Trace],  # noqa: ARG002 - the signature to override
    ) -> Connection | None:
        """Return a connection that lies idle, for who asks by aiohttp's own way."""
        wire = self.take(key, _attempt_timer.get(None))
        return None if wire is None else Connection(self, key, wire, self._loop)

    def take(
        self, key: ConnectionKey, timer: AttemptTimer | None
    ) -> ResponseHandler | None:
        """Return a connection that lies idle and may still be used, if there is one.

        It is to be given back by `_release`.

        Args:
            key: What it is kept under.
            timer: Is told when there is one.
        """
        wires = self._conns.get(key)
        if wires is None:
            return None
        now = self._loop.time()
        while wires:
            wire, _ = wires.popleft()
            if not wires:
                del self._conns[key]
            # What a server sent unasked would be taken for the next response.
            usable = wire.is_connected() and not wire.should_close
            if usable and wire.idle_until > now:  # type: ignore[attr-defined]  # made by our factory
                self._acquired.add(wire)
                self.reused += 1
                if timer is not None:
                    timer.enter("read")
                return wire
            wire.close()
        return None

    def _release(
        self,
        key: ConnectionKey,
        protocol: ResponseHandler,
        *,
        should_close: bool = False,
    ) -> None:
        """Keep the connection for reuse, unless it is old or its host has enough."""
        now = self._loop.time()
        if (
            should_close
            or self._closed
            or self._force_close
            or protocol.should_close
            or not isinstance(protocol, Wire)
            or not self._is_worth_keeping(key, protocol, now)
        ):
            super()._release(key, protocol, should_close=True)
            return
        self._acquired.discard(protocol)
        self._conns[key].append((protocol, now))
        if self._sweeper is None:
            self._set_sweeper(protocol.idle_until)

    def _is_worth_keeping(self, key: ConnectionKey, protocol: Wire, now: float) -> bool:
        transport = protocol.transport
        if transport is None or transport.get_write_buffer_size():
            # It was answered before it was read, and may never be.
            return False
        idle = len(self._conns.get(key, ()))
        if idle >= self._max_idle and not self._is_wanted((key.host, key.port)):
            return False
        if self._max_age is not None and now - protocol.opened >= self._max_age:
            return False
        kept_for = self._keep_for
        if protocol.kept_for is not None:
            kept_for = min(kept_for, protocol.kept_for - _MARGIN)
        protocol.idle_until = now + kept_for
        return kept_for > 0

    def _set_sweeper(self, when: float) -> None:
        if self._sweeper is None and not self._closed:
            self._sweeper = self._loop.call_at(when, self._sweep)

    def _sweep(self) -> None:
        """Drop what has been idle for too long, and come back for the rest."""
        self._sweeper = None
        for key in list(self._conns):
            self._drop_expired(key)
        kept = [wire.idle_until for wires in self._conns.values() for wire, _ in wires]  # type: ignore[attr-defined]  # made by our factory
        if kept:
            self._set_sweeper(min(kept))

    def _drop_expired(self, key: ConnectionKey) -> None:
        wires = self._conns.get(key)
        if wires is None:
            return
        now = self._loop.time()
        kept = [pair for pair in wires if pair[0].idle_until > now]  # type: ignore[attr-defined]  # made by our factory
        if len(kept) == len(wires):
            return
        for wire, _ in wires:
            if wire.idle_until <= now:  # type: ignore[attr-defined]  # made by our factory
                wire.close()
        wires.clear()
        wires.extend(kept)
        if not kept:
            del self._conns[key]

    def forget(self) -> None:
        """Drop every connection without a word to the other side.

        Not even the loop is told: after a fork its selector is the parent's.
        """
        self._closed = True
        self._conns.clear()
        self._acquired.clear()

    def __del__(self, _warnings: Any = warnings) -> None:
        """Close what is left, with one warning: aiohttp logs an error for each."""
        if getattr(self, "_closed", True) or not (self._conns or self._acquired):
            return
        if self._loop.is_closed():
            self.forget()
        else:
            self._close()
        _warnings.warn(
            "A pool of connections was not stopped. Use the client inside `async with`, "
            "or call its `stop()`.",
            ResourceWarning,
            source=self,
        )

    def _close(self, *, abort_ssl: bool = False) -> list[Any]:
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        return super()._close(abort_ssl=abort_ssl)

    async def _create_connection(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the signature to override
    ) -> ResponseHandler:
        """Open a connection, closing idle ones first where the total requires it."""
        _tell("connect")
        self.opened += 1
        if self._close_surplus_idle():
            # The sockets close in the next turn of the loop; connect after that.
            await asyncio.sleep(0)
        try:
            protocol = await super()._create_connection(req, traces, timeout)
        except _BEFORE_THE_TUNNEL as error:
            if req.proxy is None or isinstance(error, _KNOWN_OF_PROXIES):
                raise
            raise aiohttp.ClientProxyConnectionError(
                req.connection_key, OSError(0, "it did not answer to CONNECT")
            ) from error
        if req.is_ssl():
            self._check_pins(req, protocol)
        _tell("read")
        return protocol

    def _check_pins(self, req: ClientRequest, protocol: ResponseHandler) -> None:
        """Refuse the connection if the certificate at its far end is not pinned.

        aiohttp's own `Fingerprint` takes one only, and switches verification off.
        """
        if protocol.transport is None:
            return
        policy = self._policies.get(req.ssl)  # type: ignore[arg-type]  # never a fingerprint
        if policy is None:
            return
        try:
            policy.check(protocol.transport.get_extra_info("ssl_object"))
        except PinMismatchError as error:
            protocol.close()
            raise aiohttp.ClientConnectorCertificateError(
                req.connection_key, error
            ) from error

    def _close_surplus_idle(self) -> int:
        """Close the longest idle connections while too many are open."""
        # Connections in use include the one that is about to be opened.
        surplus = len(self._acquired) + self.idle - self._max_open
        for _ in range(surplus):
            key = min(self._conns, key=lambda key: self._conns[key][0][1])
            protocol, _idle_since = self._conns[key].popleft()
            if not self._conns[key]:
                del self._conns[key]
            if protocol.transport is not None:
                # Not `close()`: over TLS that waits for the peer's goodbye.
                protocol.transport.abort()
            protocol.close()
        return max(surplus, 0)


def _settings(config: ConnectionPoolConfig) -> dict[str, Any]:
    """Return what every connector is made with.

    Calls are let in by `Admission`, and idle connections are dropped here, so that
    aiohttp sets no limit of its own. It must not pay for timers either.
    """
    settings: dict[str, Any] = {"limit": 0}
    if config.force_close:
        return {**settings, "force_close": True}
    return {**settings, "keepalive_timeout": None}


class TCPConnector(_Keeping, aiohttp.TCPConnector):
    """Connects over TCP, racing the addresses of a name (RFC 8305)."""

    def __init__(
        self,
        config: ConnectionPoolConfig,
        admission: Admission,
        tls: TLSPolicy,
        egress: EgressPolicy,
    ) -> None:
        super().__init__(
            limit_per_host=0,
            socket_factory=sockets_for(egress, _to_proxy.get),
            ttl_dns_cache=config.ttl_dns_cache,  # type: ignore[arg-type]  # compared as a number of seconds
            ssl=tls.context,
            **_settings(config),
        )
        self._keep_by(config, admission)
        # A request that names no context uses the connector's own.
        self._policies[True] = tls
        self.speak(tls)
        self._egress = egress

    async def _resolve_host(
        self, host: str, port: int, traces: Sequence[Trace] | None = None
    ) -> list[ResolveResult]:
        """Look a name up, for the addresses of it that may be connected to.

        Raises:
            EgressRefusedError: There are none.
        """
        if not self._egress.restricts or _to_proxy.get():
            return await super()._resolve_host(host, port, traces)
        try:
            found = await super()._resolve_host(host, port, traces)
        except OSError as error:
            # Where only this machine is called, a name that is nobody's is another's.
            loopback = self._egress.config.addresses == "loopback"
            if not loopback or isinstance(error, TimeoutError):
                raise
            why = f"{host!r} cannot be resolved, so it is not known to be this machine"
            raise EgressRefusedError(why) from error
        permitted = [
            one for one in found if not self._egress.why_not_address(one["host"])
        ]
        if found and not permitted:
            check_address(self._egress, found[0]["host"])
        return permitted

    async def _create_proxy_connection(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the signature to override
    ) -> tuple[asyncio.BaseTransport, ResponseHandler]:
        """Connect to a proxy, which the policy trusts or there would be none."""
        token = _to_proxy.set(True)
        try:
            return await super()._create_proxy_connection(req, traces, timeout)
        finally:
            _to_proxy.reset(token)


class UnixConnector(_Keeping, aiohttp.UnixConnector):
    """Connects to one Unix socket, whatever host the URL names."""

    def __init__(
        self, config: ConnectionPoolConfig, admission: Admission, path: Path
    ) -> None:
        super().__init__(str(path), **_settings(config))
        self._keep_by(config, admission)

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the signature to override
    ) -> Connection:
        """Return a connection; refuses what aiohttp leaves out here in silence."""
        if req.is_ssl():
            raise aiohttp.InvalidURL(req.url, "https is not spoken over a Unix socket")
        if req.proxy is not None:
            raise aiohttp.InvalidURL(req.url, "there is no proxy on a Unix socket")
        return await super().connect(req, traces, timeout)


Connector: TypeAlias = TCPConnector | UnixConnector
"""What opens and keeps the connections of a pool."""
