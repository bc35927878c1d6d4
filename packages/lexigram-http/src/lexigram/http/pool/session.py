"""What one client has of a pool: places in it, and cookies of its own."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import aiohttp
from aiohttp.connector import Connection
from yarl import URL

from lexigram.contracts.web.calling import AttemptTimer
from lexigram.http.pool.admission import Admission, PoolClosedError
from lexigram.http.pool.connector import Connector, attempt_timer
from lexigram.http.pool.senders import NO_TIMEOUT, Message, request_of, sender_for
from lexigram.http.tls import TLSPolicy


class Session:
    """Sends the requests of one client over the connections of a pool."""

    def __init__(
        self, connector: Connector, admission: Admission, *, cookies: bool
    ) -> None:
        self._connector = connector
        self._admission = admission
        self._session = aiohttp.ClientSession(
            connector=connector,
            connector_owner=False,
            # "unsafe": also of a host that is an address, as RFC 6265 §5.3 has it.
            cookie_jar=aiohttp.CookieJar(unsafe=True)
            if cookies
            else aiohttp.DummyCookieJar(),
            timeout=NO_TIMEOUT,
            # Bodies are decoded by the attempt: aiohttp takes gzip without its end for
            # complete.
            auto_decompress=False,
        )
        self._sender = sender_for(self._session, connector)
        self._closed = False

    def enter(self, host: Hashable) -> bool:
        """Take a place among those who may hold a connection, if one is free now."""
        return self._admission.enter(host)

    async def wait(self, host: Hashable, timer: AttemptTimer) -> None:
        """Take a place, in turn.

        Raises:
            PoolClosedError: There will be none.
        """
        timer.enter("pool")
        await self._admission.wait(host)

    def leave(self, host: Hashable) -> None:
        """Give the place back, its connection being released or closed."""
        self._admission.leave(host)

    async def send(
        self, method: str, url: URL, timer: AttemptTimer, message: Message
    ) -> aiohttp.ClientResponse:
        """Send a request; return its response, the body of which is on its way.

        Args:
            method: The method.
            url: Where to.
            timer: Is told when a connection is opened, and when it is there.
            message: The rest of the request.

        Raises:
            PoolClosedError: The client was stopped, if not its pool.
        """
        if self._closed:
            raise PoolClosedError
        token = attempt_timer.set(timer)
        try:
            return await self._sender.send(method, url, message)
        finally:
            attempt_timer.reset(token)

    async def connect(
        self, url: URL, timer: AttemptTimer, message: Message
    ) -> Connection:
        """Return a connection for `url` without sending anything.

        Args:
            url: Where to.
            timer: As for `send`.
            message: How: `ssl`, `proxy`, `proxy_headers`.
        """
        request = request_of("GET", url, message, session=self._session)
        token = attempt_timer.set(timer)
        try:
            return await self._connector.connect(request, [], NO_TIMEOUT)
        finally:
            attempt_timer.reset(token)

    def speak(self, policies: Sequence[TLSPolicy]) -> None:
        """Let requests name these policies by their contexts."""
        for policy in policies:
            self._connector.speak(policy)

    async def close(self) -> None:
        """Forget the cookies and send nothing more; the connections are the pool's."""
        self._closed = True
        await self._session.close()
