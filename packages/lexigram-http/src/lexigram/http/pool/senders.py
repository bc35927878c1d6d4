"""Two ways to send a request over a connector: aiohttp's session, and around it.

The direct way costs half of the session's; the session sends what is left: bodies that
are read while they are sent, ways through a proxy. With a release of aiohttp that
nobody has tried the direct way with, it sends everything.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable
from typing import Any, Final, Protocol

import aiohttp

from lexigram.contracts.web.calling import AttemptTimer
from lexigram.http.pool.connector import Connector, telling
from lexigram.http.pool.direct import DirectSender
from lexigram.http.pool.messages import Answer, Message
from lexigram.http.pool.origins import wire_url

# The releases that the tests were run with; the newest is what `uv.lock` names.
_TRIED: Final = re.compile(r"3\.14\.\d+")

# Where aiohttp says what type a body has, one that is not there included.
_LABELLED_METHODS: Final = frozenset({"PATCH", "POST", "PUT"})
_CONTENT_TYPE: Final = ("Content-Type",)


class Sender(Protocol):
    """Sends one request, and returns the response once its head is there."""

    def send(self, message: Message, timer: AttemptTimer) -> Awaitable[Answer]:
        """Send it, once; what aiohttp raises comes out as it is.

        Args:
            message: The request.
            timer: Is told when a connection is opened, and when it is there.
        """
        ...


def sender_for(session: aiohttp.ClientSession, connector: Connector) -> Sender:
    """Return the fastest way that is known to work with the installed aiohttp.

    Whoever traces sessions, as instrumentations of aiohttp do, is not passed by.
    """
    if _TRIED.fullmatch(aiohttp.__version__) and not session.trace_configs:
        return QuickestSender(session, connector)
    return SessionSender(session)


class QuickestSender:
    """Sends directly what can be sent so, and the rest by the session."""

    def __init__(self, session: aiohttp.ClientSession, connector: Connector) -> None:
        self._direct = DirectSender(session, connector)
        self._session = SessionSender(session)

    def send(self, message: Message, timer: AttemptTimer) -> Awaitable[Answer]:
        """Send a request."""
        way = self._direct if self._direct.takes(message) else self._session
        return way.send(message, timer)


class SessionSender:
    """Sends by `ClientSession.request`."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        _switch_off_hidden_retry(session)
        self._session = session

    async def send(self, message: Message, timer: AttemptTimer) -> Answer:
        """Send a request."""
        way = message.way
        by_proxy: dict[str, Any] = {}
        if way.proxy is not None:
            by_proxy = {"proxy": way.proxy, "proxy_headers": list(way.tunnel)}
        with telling(timer):
            return await self._session.request(
                message.method,
                wire_url(message.url),
                headers=message.fields,
                data=message.stream or message.body,
                skip_auto_headers=_unwanted(message),
                allow_redirects=False,
                ssl=True if way.tls is None else way.tls,
                **by_proxy,
            )


def _unwanted(message: Message) -> tuple[str, ...] | None:
    """Name the field that aiohttp must not add; None is what costs the least."""
    empty = message.body is None and message.stream is None
    return _CONTENT_TYPE if empty and message.method in _LABELLED_METHODS else None


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
