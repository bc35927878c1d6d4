"""A request and a response, as they pass between an attempt and a pool."""

from __future__ import annotations

import ssl
from collections.abc import Container, Sequence
from typing import Any, NamedTuple, Protocol

import aiohttp
from multidict import CIMultiDictProxy

from lexigram.contracts.redaction import redact_url
from lexigram.http.pool.origins import Origin


class Way(NamedTuple):
    """Which connection a request is sent over."""

    origin: Origin
    tls: ssl.SSLContext | None = None
    """Speaks TLS in place of the pool's own."""
    proxy: str | None = None
    tunnel: Sequence[tuple[str, str]] = ()
    """What opens a tunnel through the proxy."""

    def __repr__(self) -> str:
        proxied = "" if self.proxy is None else ", through a proxy"
        return f"<Way to {self.origin.scheme}://{self.origin.address}{proxied}>"


class Message(NamedTuple):
    """A request, as a sender takes it."""

    method: str
    url: str
    target: str
    """The path and the query."""
    way: Way
    fields: list[tuple[str, str]]
    """The header fields; a name has one spelling."""
    names: Container[str]
    """The names of the fields in lower case."""
    body: bytes | None = None
    stream: Any = None
    """A body that is read while it is sent; in place of `body`."""

    def __repr__(self) -> str:
        # Its fields may hold credentials.
        return f"<Message {self.method} {redact_url(self.url)}>"


class Answer(Protocol):
    """A response whose head is there, and whose body may be on its way.

    The connection goes back to its pool with the end of the body. Whoever stops before
    it closes the response.
    """

    @property
    def status(self) -> int:
        """The status code."""
        ...

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """The header fields."""
        ...

    @property
    def raw_headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """The header fields, as they were received."""
        ...

    @property
    def content(self) -> aiohttp.StreamReader:
        """The body."""
        ...

    @property
    def content_length(self) -> int | None:
        """The declared length, if there is one."""
        ...

    @property
    def connection(self) -> object | None:
        """The connection, until it is given back."""
        ...

    def close(self) -> None:
        """Close the connection, if it is not given back."""
        ...
