"""The connections of a client: how many, for how long, and their start and end.

aiohttp's connector counts the connections in use against its limits; the ones that lie
idle come on top. Here both limits hold for what is *open*, and idle ones are capped per
host as well. The two overrides below are the only places that rely on the connector's
internals; tests over real sockets fail when one of them stops being called.
"""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest, ConnectionKey
from aiohttp.tracing import Trace

from lexigram.contracts.web.calling import accepted_codings
from lexigram.http.config import ConnectionPoolConfig
from lexigram.http.tls import PinMismatchError, TLSPolicy

# The call's deadline bounds every part of an exchange; aiohttp must not pay for timers.
_NO_TIMEOUT = aiohttp.ClientTimeout(
    total=None, connect=None, sock_connect=None, sock_read=None
)


# What a proxy may do instead of opening a tunnel. The request was not sent then, which
# nobody can tell from these classes once they have left the connector.
_BEFORE_THE_TUNNEL = (
    aiohttp.ServerDisconnectedError,
    aiohttp.ClientOSError,
    aiohttp.ClientResponseError,
    aiohttp.ClientPayloadError,
)
_KNOWN_OF_PROXIES = (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError)


class Pool:
    """An open set of connections, with the cookies that go over them."""

    def __init__(
        self, config: ConnectionPoolConfig, tls: TLSPolicy, *, cookies: bool
    ) -> None:
        """Open the pool; must be called inside the event loop it will serve."""
        self._session = aiohttp.ClientSession(
            connector=_Connector(config, tls),
            cookie_jar=aiohttp.CookieJar() if cookies else aiohttp.DummyCookieJar(),
            timeout=_NO_TIMEOUT,
            # Bodies are decoded by the attempt: aiohttp takes gzip without its end for
            # complete. So it must not offer what only aiohttp can decode either.
            auto_decompress=False,
            headers={"Accept-Encoding": accepted_codings()},
        )
        _switch_off_hidden_retry(self._session)

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session, for the attempt."""
        return self._session

    async def close(self) -> None:
        """Close every connection, those in use included."""
        await self._session.close()


def _switch_off_hidden_retry(session: aiohttp.ClientSession) -> None:
    """Make the session send each request once.

    aiohttp repeats GET, HEAD, OPTIONS, TRACE, PUT and DELETE by itself when a pooled
    connection turns out dead, unseen by policies and metrics. There is no public switch
    (https://github.com/aio-libs/aiohttp/issues/10790).
    """
    if not hasattr(session, "_retry_connection"):
        # A release without the switch needs a decision, not a silent second request.
        raise RuntimeError(
            f"aiohttp {aiohttp.__version__} has no `_retry_connection` switch any more. "
            "Use a version of lexigram-http that knows this release."
        )
    session._retry_connection = False  # noqa: SLF001 - the only switch there is


class _Connector(aiohttp.TCPConnector):
    def __init__(self, config: ConnectionPoolConfig, tls: TLSPolicy) -> None:
        lifetime: dict[str, Any] = (
            {"force_close": True}
            if config.force_close
            else {"keepalive_timeout": config.keepalive_timeout}
        )
        super().__init__(
            limit=config.max_connections,
            limit_per_host=config.max_connections_per_host,
            ttl_dns_cache=config.ttl_dns_cache,  # type: ignore[arg-type]  # compared as a number of seconds
            ssl=tls.context,
            **lifetime,
        )
        self._tls = tls
        self._max_idle = config.max_keepalive_connections

    def _release(
        self,
        key: ConnectionKey,
        protocol: ResponseHandler,
        *,
        should_close: bool = False,
    ) -> None:
        """Keep the connection for reuse, unless its host has enough idle ones."""
        full = len(self._conns.get(key, ())) >= self._max_idle
        super()._release(key, protocol, should_close=should_close or full)

    async def _create_connection(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the signature to override
    ) -> ResponseHandler:
        """Open a connection, closing idle ones first where the total requires it."""
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
        return protocol

    def _check_pins(self, req: ClientRequest, protocol: ResponseHandler) -> None:
        """Refuse the connection if the certificate at its far end is not pinned.

        aiohttp's own `Fingerprint` takes one only, and switches verification off.
        """
        if protocol.transport is None:
            return
        session = protocol.transport.get_extra_info("ssl_object")
        try:
            self._tls.check(session)
        except PinMismatchError as error:
            protocol.close()
            raise aiohttp.ClientConnectorCertificateError(
                req.connection_key, error
            ) from error

    def _close_surplus_idle(self) -> int:
        """Close the longest idle connections while too many are open."""
        # Connections in use include the one that is about to be opened.
        surplus = len(self._acquired) + sum(map(len, self._conns.values())) - self.limit
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
