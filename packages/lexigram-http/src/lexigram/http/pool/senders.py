"""Two ways to send a request over a connector: aiohttp's session, and around it.

Redirects, retries, proxies, limits of time and interceptors are ours, so that of
`ClientSession.request` only the cookies are left to do; all the rest of it costs a
third of a request. `DirectSender` does without, by the classes that the session is
made of. Their constructors move between releases, which `SessionSender` does not feel:
it is used with releases that nobody has tried the other one with.
"""

from __future__ import annotations

import asyncio
import re
from http.cookies import BaseCookie
from typing import Any, Final, Protocol, TypedDict

import aiohttp
from aiohttp.client_reqrep import ClientRequest, ClientResponse
from aiohttp.helpers import strip_auth_from_url
from multidict import CIMultiDict
from yarl import URL

from lexigram.http.pool.connector import Connector

# The call's limits bound every part of an exchange; aiohttp must not pay for timers.
NO_TIMEOUT: Final = aiohttp.ClientTimeout(
    total=None, connect=None, sock_connect=None, sock_read=None
)

# The releases that the tests were run with; the newest is what `uv.lock` names.
_TRIED: Final = re.compile(r"3\.14\.\d+")
_READ_BUFFER: Final = 256 * 1024
_BODILESS: Final = "HEAD"


class Message(TypedDict, total=False):
    """A request, as a sender takes it."""

    headers: list[tuple[str, str]]
    data: Any
    skip_auto_headers: tuple[str, ...] | None
    ssl: Any
    proxy: str
    proxy_headers: list[tuple[str, str]]


class Sender(Protocol):
    """Sends one request, and returns the response once its head is there."""

    async def send(self, method: str, url: URL, message: Message) -> ClientResponse:
        """Send it, once; what aiohttp raises comes out as it is."""
        ...


def sender_for(session: aiohttp.ClientSession, connector: Connector) -> Sender:
    """Return the fastest way that is known to work with the installed aiohttp.

    Whoever traces sessions, as instrumentations of aiohttp do, is not passed by.
    """
    if _TRIED.fullmatch(aiohttp.__version__) and not session.trace_configs:
        return DirectSender(session, connector)
    return SessionSender(session)


class SessionSender:
    """Sends by `ClientSession.request`."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        _switch_off_hidden_retry(session)
        self._session = session

    async def send(self, method: str, url: URL, message: Message) -> ClientResponse:
        """Send a request."""
        return await self._session.request(
            method, url, allow_redirects=False, **message
        )


class DirectSender:
    """Sends by a connection of the connector's, without the session's detours."""

    def __init__(self, session: aiohttp.ClientSession, connector: Connector) -> None:
        self._session = session
        self._connector = connector
        self._cookies = session.cookie_jar

    async def send(self, method: str, url: URL, message: Message) -> ClientResponse:
        """Send a request."""
        cookies = self._cookies.filter_cookies(url)
        request = request_of(
            method, url, message, session=self._session, cookies=cookies
        )
        connection = await self._connector.connect(request, [], NO_TIMEOUT)
        protocol = connection.protocol
        if protocol is None:
            raise aiohttp.ServerDisconnectedError
        protocol.set_response_params(
            skip_payload=request.method == _BODILESS,
            read_until_eof=True,
            # Bodies are decoded by the attempt; see there.
            auto_decompress=False,
            read_bufsize=_READ_BUFFER,
        )
        response: ClientResponse | None = None
        try:
            response = await request.send(connection)
            if connection.protocol is None:
                # The body failed before anything was waited for.
                raise aiohttp.ServerDisconnectedError  # noqa: TRY301 - cleaned up alike
            await response.start(connection)
        except BaseException:  # passed on, once nothing is left behind
            if response is not None:
                response.close()
            connection.close()
            raise
        if response._raw_cookie_headers:  # noqa: SLF001 - the parsed ones lose repeated names
            self._cookies.update_cookies_from_headers(
                response._raw_cookie_headers,  # noqa: SLF001 - see above
                url,
            )
        return response


def request_of(
    method: str,
    url: URL,
    message: Message,
    *,
    session: aiohttp.ClientSession,
    cookies: BaseCookie[str] | None = None,
) -> ClientRequest:
    """Return a request as aiohttp's connectors take it.

    Raises:
        ValueError: There are credentials in the URL and in a header.
    """
    headers = message.get("headers", ())
    auth = None
    if url.raw_user is not None or url.raw_password is not None:
        # They are no part of what is sent, not even to a proxy.
        url, auth = strip_auth_from_url(url)
        if any(name.lower() == "authorization" for name, _ in headers):
            raise ValueError("it has credentials in its URL and an Authorization")
    proxy = message.get("proxy")
    return ClientRequest(
        method,
        url,
        headers=headers,
        skip_auto_headers=message.get("skip_auto_headers"),
        data=message.get("data"),
        cookies=cookies,
        auth=auth,
        loop=asyncio.get_running_loop(),
        session=session,
        ssl=message.get("ssl", True),
        proxy=None if proxy is None else URL(proxy),
        proxy_headers=CIMultiDict(message["proxy_headers"]) if proxy else None,
    )


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
