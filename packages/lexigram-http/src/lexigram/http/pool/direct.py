"""Sending a request over a connection, without `ClientSession` in between.

Redirects, retries, proxies, limits of time and interceptors are ours, so that of a
session only the cookies are left to do; the rest of it is most of what a small request
costs. What aiohttp does best stays its own: opening connections, writing a head that
cannot be injected into, parsing responses. Its classes for that move between releases;
`senders` knows which ones this was tried with.
"""

from __future__ import annotations

import asyncio
from http.cookies import BaseCookie
from typing import Final, Self

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest, ConnectionKey, RequestInfo
from aiohttp.connector import Connection
from aiohttp.http_exceptions import BadHttpMessage, HttpProcessingError
from aiohttp.http_parser import RawResponseMessage
from aiohttp.http_writer import _serialize_headers
from multidict import CIMultiDict, CIMultiDictProxy, istr

from lexigram.contracts.web.calling import AttemptTimer
from lexigram.http.pool.connector import Connector, telling
from lexigram.http.pool.messages import Message, Way
from lexigram.http.pool.origins import wire_url

# The call's limits bound every part of an exchange; aiohttp must not pay for timers.
NO_TIMEOUT: Final = aiohttp.ClientTimeout(
    total=None, connect=None, sock_connect=None, sock_read=None
)

_READ_BUFFER: Final = 256 * 1024
# A larger body is not worth a copy to send it together with the head.
_WITH_THE_HEAD: Final = 64 * 1024

_BODILESS: Final = "HEAD"
_EMPTY_WITHOUT_SAYING_SO: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_INFORMATIONAL: Final = range(100, 200)  # RFC 9110 §15.2
_SWITCHING_PROTOCOLS: Final = 101
# Nobody sends more than a few, unless to keep a client busy.
_MOST_INFORMATIONAL: Final = 32

_CONTENT_LENGTH: Final = istr("Content-Length")
_SET_COOKIE: Final = istr("Set-Cookie")


class DirectAnswer:
    """A response that came over a connection of the pool; see `messages.Answer`."""

    __slots__ = ("_connector", "_key", "_wire", "content", "headers", "raw_headers",
                 "status")  # fmt: skip

    def __init__(
        self,
        message: RawResponseMessage,
        content: aiohttp.StreamReader,
        connector: Connector,
        key: ConnectionKey,
        wire: ResponseHandler,
    ) -> None:
        self.status: int = message.code
        self.headers: CIMultiDictProxy[str] = message.headers
        self.raw_headers: tuple[tuple[bytes, bytes], ...] = message.raw_headers
        self.content: aiohttp.StreamReader = content
        self._connector = connector
        self._key = key
        self._wire: ResponseHandler | None = wire
        content.on_eof(self._release)  # at once where the body is complete

    @property
    def content_length(self) -> int | None:
        """The declared length, which the parser made sure is a number."""
        length = self.headers.get(_CONTENT_LENGTH)
        return None if length is None else int(length)

    @property
    def connection(self) -> ResponseHandler | None:
        """The connection, until it is given back."""
        return self._wire

    def close(self) -> None:
        """Close the connection, if it is not given back."""
        wire, self._wire = self._wire, None
        if wire is not None:
            self._connector._release(self._key, wire, should_close=True)  # noqa: SLF001 - as aiohttp calls it

    def _release(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            self._connector._release(self._key, wire)  # noqa: SLF001 - as aiohttp calls it


class DirectSender:
    """Sends requests whose body is there, and that go straight to their server."""

    def __init__(self, session: aiohttp.ClientSession, connector: Connector) -> None:
        self._session = session
        self._connector = connector
        self._cookies = session.cookie_jar

    def takes(self, message: Message) -> bool:
        """Say whether it can send this; the rest is for a session to do."""
        return (
            message.stream is None
            and message.way.proxy is None
            and not message.way.origin.has_userinfo
            # Who waits for 100 does not send the body before.
            and "expect" not in message.names
            # To merge the caller's cookies with those that are kept.
            and not ("cookie" in message.names and self._cookies)
        )

    async def send(self, message: Message, timer: AttemptTimer) -> DirectAnswer:
        """Send a request, once."""
        head = self._head(message)  # before there is a connection: it can fail
        way = message.way
        key = (
            way.origin.key if way.tls is None else way.origin.key._replace(ssl=way.tls)
        )
        connector = self._connector
        wire = connector.take(key, timer)
        if wire is None:
            wire = _out_of(await connected(self._session, connector, way, timer))
        try:
            received, content = await _exchanged(wire, message, head)
        except BaseException:  # passed on, once nothing is left behind
            connector._release(key, wire, should_close=True)  # noqa: SLF001 - as aiohttp calls it
            raise
        answer = DirectAnswer(received, content, connector, key, wire)
        cookies = received.headers.getall(_SET_COOKIE, ())
        if cookies:
            self._cookies.update_cookies_from_headers(cookies, wire_url(message.url))
        return answer

    def _head(self, message: Message) -> bytes:
        """Write the head of a request (RFC 9112 §3, §5).

        Raises:
            ValueError: A field holds what would end its line.
        """
        names, body = message.names, message.body
        fields = _Fields(message.fields)
        if "host" not in names:
            # First, as RFC 9110 §7.2 wants it.
            fields.insert(0, ("Host", message.way.origin.address))
        if "accept" not in names:
            fields.append(("Accept", "*/*"))
        if self._cookies:
            cookies = self._cookies.filter_cookies(wire_url(message.url))
            if cookies:
                fields.append(("Cookie", _written(cookies)))
        if body is not None and "content-type" not in names:
            fields.append(("Content-Type", "application/octet-stream"))
        if "content-length" not in names and (
            body is not None or message.method not in _EMPTY_WITHOUT_SAYING_SO
        ):
            fields.append(("Content-Length", str(len(body or b""))))
        if self._connector.force_close and "connection" not in names:
            fields.append(("Connection", "close"))
        return _serialize_headers(
            f"{message.method} {message.target} HTTP/1.1",
            fields,  # type: ignore[arg-type]  # what it asks of a multidict
        )


class _Fields(list[tuple[str, str]]):
    """Header fields for aiohttp to write, which asks a multidict for no more."""

    def items(self) -> Self:
        """Return the fields, in order."""
        return self


def _out_of(connection: Connection) -> ResponseHandler:
    """Take a connection out of aiohttp's handle of it, which it needs no more."""
    wire = connection.protocol
    if wire is None:
        raise aiohttp.ServerDisconnectedError
    connection._protocol = None  # noqa: SLF001 - or it would close what nobody closes
    return wire


async def _exchanged(
    wire: ResponseHandler, message: Message, head: bytes
) -> tuple[RawResponseMessage, aiohttp.StreamReader]:
    """Send a request; return the head of its response, and the body on its way."""
    wire.set_response_params(
        skip_payload=message.method == _BODILESS,
        read_until_eof=True,
        # Bodies are decoded by the attempt; see there.
        auto_decompress=False,
        read_bufsize=_READ_BUFFER,
    )
    _write(wire, head, message.body)
    try:
        for _ in range(_MOST_INFORMATIONAL):
            received, content = await wire.read()
            status = received.code
            if status not in _INFORMATIONAL or status == _SWITCHING_PROTOCOLS:
                return received, content
        raise BadHttpMessage(f"there is no answer after {_MOST_INFORMATIONAL} of 1xx")
    except HttpProcessingError as error:
        asked = RequestInfo(
            wire_url(message.url), message.method, CIMultiDictProxy(CIMultiDict())
        )
        raise aiohttp.ClientResponseError(
            asked, (), status=error.code, message=error.message
        ) from error


def _write(wire: ResponseHandler, head: bytes, body: bytes | None) -> None:
    transport = wire.transport
    if transport is None or transport.is_closing():
        raise aiohttp.ClientConnectionResetError("it was closed before the request")
    if not body:
        transport.write(head)
    elif len(body) <= _WITH_THE_HEAD:
        transport.write(head + body)
    else:
        transport.write(head)
        transport.write(body)


def _written(cookies: BaseCookie[str]) -> str:
    return cookies.output(header="", sep=";").strip()


async def connected(
    session: aiohttp.ClientSession, connector: Connector, way: Way, timer: AttemptTimer
) -> Connection:
    """Return a connection of the pool's, or open one.

    Args:
        session: Whose client it is for.
        connector: Keeps and opens connections.
        way: Where to.
        timer: Is told when a connection is opened, and when it is there.
    """
    request = ClientRequest(
        "GET",
        wire_url(f"{way.origin.scheme}://{way.origin.address}"),
        loop=asyncio.get_running_loop(),
        session=session,
        ssl=True if way.tls is None else way.tls,
        proxy=None if way.proxy is None else wire_url(way.proxy),
        proxy_headers=CIMultiDict(way.tunnel) if way.proxy else None,
    )
    with telling(timer):
        return await connector.connect(request, [], NO_TIMEOUT)
