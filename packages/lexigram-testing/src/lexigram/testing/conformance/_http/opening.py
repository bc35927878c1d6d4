"""A behaviour of a client that is open."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Collection
from typing import TypeAlias
from unittest import SkipTest

from lexigram.contracts.web import HTTPClientProtocol
from lexigram.testing.conformance._backend import (
    Backend,
    ClientFactory,
    capabilities_of,
)
from lexigram.testing.conformance._behaviour import Behaviour, Capability, behaviour

__all__ = ["HTTPBehaviour", "HTTPCheck", "client_behaviour"]

HTTPBehaviour: TypeAlias = Behaviour[[ClientFactory, Backend]]
HTTPCheck: TypeAlias = Callable[[HTTPClientProtocol, Backend], Awaitable[None]]


def client_behaviour(
    id: str,  # noqa: A002 - the field's name
    *,
    since: str = "1.0",
    needs: Collection[Capability] = (),
) -> Callable[[HTTPCheck], HTTPBehaviour]:
    """Make a behaviour of a function of an open client and its backend."""

    def make(check: HTTPCheck) -> HTTPBehaviour:
        @functools.wraps(check)
        async def opened(factory: ClientFactory, backend: Backend) -> None:
            missing = sorted(frozenset(needs) - capabilities_of(backend))
            if missing:
                raise SkipTest(f"The backend has no {' and no '.join(missing)}.")
            async with factory(backend) as client:
                await check(client, backend)

        return behaviour(id, since=since, needs=needs)(opened)

    return make
