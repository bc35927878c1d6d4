"""What one client has of a pool: places in it, and cookies of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence

import aiohttp
from aiohttp.connector import Connection

from lexigram.contracts.web.calling import AttemptTimer
from lexigram.http.egress.policy import EgressPolicy
from lexigram.http.egress.refusals import EgressRefusedError
from lexigram.http.pool.admission import Admission, PoolClosedError
from lexigram.http.pool.connector import Connector
from lexigram.http.pool.direct import NO_TIMEOUT, connected
from lexigram.http.pool.messages import Answer, Message, Way
from lexigram.http.pool.origins import Origin
from lexigram.http.pool.senders import sender_for
from lexigram.http.tls import TLSPolicy


class Session:
    """Sends the requests of one client over the connections of a pool."""

    def __init__(
        self,
        connector: Connector,
        admission: Admission,
        egress: EgressPolicy,
        *,
        cookies: bool,
    ) -> None:
        self._connector = connector
        self._admission = admission
        # A place among those who may hold a connection: taken if one is free now, and
        # given back once its connection is released or closed.
        self.enter: Callable[[Hashable], bool] = admission.enter
        self.leave: Callable[[Hashable], None] = admission.leave
        self._egress = egress if egress.restricts else None
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

    def __del__(self) -> None:
        """Let aiohttp log no error of a session: its pool warns, if there is reason."""
        session: aiohttp.ClientSession | None = getattr(self, "_session", None)
        if session is not None and not session.closed:
            session.detach()

    def check(self, origin: Origin) -> None:
        """Refuse a URL before its name is looked up, or a place is waited for.

        Connections that lie idle included.

        Raises:
            EgressRefusedError: It may not be called.
        """
        egress = self._egress
        if egress is None:
            return
        why = egress.why_not(origin.scheme, origin.host, origin.port)
        if why:
            raise EgressRefusedError(why)

    async def wait(self, host: Hashable, timer: AttemptTimer) -> None:
        """Take a place, in turn.

        Raises:
            PoolClosedError: There will be none.
        """
        timer.enter("pool")
        await self._admission.wait(host)

    def send(self, message: Message, timer: AttemptTimer) -> Awaitable[Answer]:
        """Send a request; give its response, the body of which is on its way.

        Args:
            message: The request.
            timer: Is told when a connection is opened, and when it is there.

        Raises:
            PoolClosedError: The client was stopped, if not its pool.
            EgressRefusedError: The address may not be called.
        """
        if self._closed:
            raise PoolClosedError
        return self._sender.send(message, timer)

    async def connect(self, way: Way, timer: AttemptTimer) -> Connection:
        """Return a connection without sending anything.

        Args:
            way: Where to.
            timer: As for `send`.

        Raises:
            EgressRefusedError: The URL or its address may not be called.
        """
        self.check(way.origin)
        return await connected(self._session, self._connector, way, timer)

    def speak(self, policies: Sequence[TLSPolicy]) -> None:
        """Let requests name these policies by their contexts."""
        for policy in policies:
            self._connector.speak(policy)

    async def close(self) -> None:
        """Forget the cookies and send nothing more; the connections are the pool's."""
        self._closed = True
        await self._session.close()
        self._session._connector = _Gone()  # type: ignore[assignment]  # noqa: SLF001 - see there


class _Gone:
    """What a closed session of aiohttp's has in the place of its connector.

    By itself it has None there. A request whose connection is just being opened looks at
    it afterwards, stumbles, and leaves the connection to the garbage collection; with
    this it is finished, as one is that has its connection already.
    """

    closed = True
    _timeout_ceil_threshold = 5.0  # as aiohttp's own
