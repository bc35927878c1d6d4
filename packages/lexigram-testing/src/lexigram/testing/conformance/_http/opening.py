"""A behaviour of a client that is open."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias, TypeVar
from unittest import SkipTest

from lexigram.contracts.web import HTTPClientProtocol, StreamingHTTPClientProtocol
from lexigram.testing.conformance._backend import (
    Backend,
    BackendFactory,
    ClientFactory,
    StreamingClientFactory,
    capabilities_of,
)
from lexigram.testing.conformance._behaviour import Behaviour, Capability, behaviour

__all__ = [
    "HTTPBehaviour",
    "HTTPCheck",
    "StreamBehaviour",
    "StreamCheck",
    "check_on",
    "client_behaviour",
    "stream_behaviour",
]

C = TypeVar("C")

HTTPBehaviour: TypeAlias = Behaviour[[ClientFactory, Backend]]
HTTPCheck: TypeAlias = Callable[[HTTPClientProtocol, Backend], Awaitable[None]]
StreamBehaviour: TypeAlias = Behaviour[[StreamingClientFactory, Backend]]
StreamCheck: TypeAlias = Callable[
    [StreamingHTTPClientProtocol, Backend], Awaitable[None]
]


def client_behaviour(
    id: str,  # noqa: A002 - the field's name
    *,
    since: str = "1.0",
    needs: Collection[Capability] = (),
) -> Callable[[HTTPCheck], HTTPBehaviour]:
    """Make a behaviour of a function of an open client and its backend."""

    def make(check: HTTPCheck) -> HTTPBehaviour:
        return behaviour(id, since=since, needs=needs)(_opened(check, needs))

    return make


def stream_behaviour(
    id: str,  # noqa: A002 - the field's name
    *,
    since: str = "1.0",
    needs: Collection[Capability] = (),
) -> Callable[[StreamCheck], StreamBehaviour]:
    """Make a behaviour of a function of an open client that streams, and its backend."""

    def make(check: StreamCheck) -> StreamBehaviour:
        return behaviour(id, since=since, needs=needs)(_opened(check, needs))

    return make


async def check_on(
    backend: BackendFactory, behaviour: Behaviour[[C, Backend]], factory: C
) -> None:
    """Check a behaviour of a factory's client on a backend opened for it alone."""
    async with backend() as opened:
        await behaviour.check(factory, opened)


def _opened(
    check: Callable[[C, Backend], Awaitable[None]], needs: Collection[Capability]
) -> Callable[
    [Callable[[Backend], AbstractAsyncContextManager[C]], Backend], Awaitable[None]
]:
    @functools.wraps(check)
    async def opened(
        factory: Callable[[Backend], AbstractAsyncContextManager[C]], backend: Backend
    ) -> None:
        missing = sorted(frozenset(needs) - capabilities_of(backend))
        if missing:
            raise SkipTest(f"The backend has no {' and no '.join(missing)}.")
        async with factory(backend) as client:
            await check(client, backend)

    return opened
