"""What one client has of a pool: places in it, and cookies of its own."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import aiohttp
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from yarl import URL

from lexigram.contracts.web.calling import AttemptTimer, accepted_codings
from lexigram.http.pool.admission import Admission
from lexigram.http.pool.connector import Connector, attempt_timer
from lexigram.http.tls import TLSPolicy

# The call's limits bound every part of an exchange; aiohttp must not pay for timers.
_NO_TIMEOUT = aiohttp.ClientTimeout(
    total=None, connect=None, sock_connect=None, sock_read=None
)


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
            timeout=_NO_TIMEOUT,
            # Bodies are decoded by the attempt: aiohttp takes gzip without its end for
            # complete. So it must not offer what only aiohttp can decode either.
            auto_decompress=False,
            headers={"Accept-Encoding": accepted_codings()},
        )
        _switch_off_hidden_retry(self._session)

    async def enter(self, url: URL, timer: AttemptTimer) -> Hashable:
        """Take a place among those who may hold a connection, in turn.

        Returns:
            What to `leave`.

        Raises:
            PoolClosedError: There will be none.
        """
        host = (url.raw_host, url.port)
        if not self._admission.enter(host):
            timer.enter("pool")
            await self._admission.wait(host)
        return host

    def leave(self, host: Hashable) -> None:
        """Give the place back, its connection being released or closed."""
        self._admission.leave(host)

    async def send(
        self, method: str, url: URL, timer: AttemptTimer, **options: Any
    ) -> aiohttp.ClientResponse:
        """Send a request; return its response, the body of which is on its way.

        Args:
            method: The method.
            url: Where to.
            timer: Is told when a connection is opened, and when it is there.
            options: As `aiohttp.ClientSession.request` takes them.
        """
        token = attempt_timer.set(timer)
        try:
            return await self._session.request(
                method, url, allow_redirects=False, **options
            )
        finally:
            attempt_timer.reset(token)

    async def connect(
        self, url: URL, timer: AttemptTimer, **options: Any
    ) -> Connection:
        """Return a connection for `url` without sending anything.

        Args:
            url: Where to.
            timer: As for `send`.
            options: As `aiohttp.ClientRequest` takes them: `ssl`, `proxy`,
                `proxy_headers`.
        """
        if "proxy_headers" in options:
            # By which aiohttp tells connections apart, as it completes them.
            prepared = self._session._prepare_headers(options["proxy_headers"])  # noqa: SLF001 - see above
            options["proxy_headers"] = prepared
        request = ClientRequest("GET", url, session=self._session, **options)
        token = attempt_timer.set(timer)
        try:
            return await self._connector.connect(request, [], _NO_TIMEOUT)
        finally:
            attempt_timer.reset(token)

    def speak(self, policies: Sequence[TLSPolicy]) -> None:
        """Let requests name these policies by their contexts."""
        for policy in policies:
            self._connector.speak(policy)

    async def close(self) -> None:
        """Forget the cookies; the connections are the pool's."""
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
