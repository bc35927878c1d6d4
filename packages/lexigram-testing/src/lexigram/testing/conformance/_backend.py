"""The upstream that a client is tried against: a fake's routes, or a server's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol, TypeAlias, runtime_checkable
from urllib.parse import urlsplit

from lexigram.contracts.web import HTTPClientProtocol, StreamingHTTPClientProtocol
from lexigram.testing._answers.faults import fault
from lexigram.testing._calls.journal import CallLog
from lexigram.testing._routing.table import RouteTable
from lexigram.testing._server.records import ConnectionRecord
from lexigram.testing.conformance._behaviour import Capability

__all__ = [
    "Backend",
    "BackendFactory",
    "ClientFactory",
    "StreamingClientFactory",
    "WiredBackend",
    "capabilities_of",
    "other_origin",
    "refuse",
]

_LOOPBACK: Final = "127.0.0.1"


@runtime_checkable
class Backend(Protocol):
    """An upstream in the hands of the test; `FakeHTTPClient` and `FaultServer` are."""

    @property
    def on(self) -> RouteTable:
        """Where routes are registered."""
        ...

    @property
    def base_url(self) -> str:
        """What a client calls, without a slash at the end."""
        ...

    @property
    def calls(self) -> CallLog:
        """What came in."""
        ...


@runtime_checkable
class WiredBackend(Backend, Protocol):
    """A backend on a socket, whose connections can be seen; `FaultServer` is."""

    @property
    def connections(self) -> Sequence[ConnectionRecord]:
        """Every connection so far."""
        ...

    @property
    def open_connections(self) -> int:
        """How many are open now."""
        ...

    async def down(self) -> None:
        """Refuse connections from now on."""
        ...

    async def wait_until(
        self,
        condition: Callable[[Any], bool],
        timeout: float = 5.0,  # noqa: ASYNC109 - as `FaultServer`
    ) -> None:
        """Return as soon as `condition(backend)` holds."""
        ...


BackendFactory: TypeAlias = Callable[[], AbstractAsyncContextManager[Backend]]
"""Opens a backend for one behaviour: `FaultServer.run`, or `FakeHTTPClient`."""

ClientFactory: TypeAlias = Callable[
    [Backend], AbstractAsyncContextManager[HTTPClientProtocol]
]
"""Opens the client to be tried, with its defaults; a backend comes in, should the client
need to know more of it than the URLs that it is called with."""

StreamingClientFactory: TypeAlias = Callable[
    [Backend], AbstractAsyncContextManager[StreamingHTTPClientProtocol]
]
"""The same for a client that streams."""


def capabilities_of(backend: Backend) -> frozenset[Capability]:
    """Return what a backend has."""
    found: set[Capability] = set()
    if isinstance(backend, WiredBackend):
        found.add("wire")
    if backend.base_url.startswith("https:"):
        found.add("tls")
    return frozenset(found)


def other_origin(backend: Backend) -> str:
    """Return the base URL of another origin whose requests come to the same backend.

    A server is called by another name of its host; routes given as a path take any.
    """
    parts = urlsplit(backend.base_url)
    if parts.hostname != _LOOPBACK:
        return f"{parts.scheme}://elsewhere.test"
    return f"{parts.scheme}://localhost:{parts.port}"


async def refuse(backend: Backend, path: str) -> None:
    """Let the next call of `path` meet a connection that is refused."""
    if isinstance(backend, WiredBackend):
        await backend.down()
    else:
        backend.on("*", path).fail(fault.refused())
