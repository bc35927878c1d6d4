"""Other clients, as their documentation writes a call.

They have a connection for each of the calls at once and 30 s for each call, as ours
has, and are else as they come. They are imported by name: type checkers run where they
are not installed.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from bench.requests.contestant import Calls

__all__ = ["httpx", "niquests", "pyreqwest"]

_SECONDS: Final = 30.0


class _Calls:
    """The form that grew out of requests."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def get(self, url: str) -> Any:
        return (await self._client.get(url)).json()

    async def post(self, url: str, payload: Any) -> Any:
        return (await self._client.post(url, json=payload)).json()


class _BuilderCalls:
    """The form of reqwest: requests are built and sent, bodies are awaited."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def get(self, url: str) -> Any:
        return await (await self._client.get(url).build().send()).json()

    async def post(self, url: str, payload: Any) -> Any:
        request = self._client.post(url).body_json(payload).build()
        return await (await request.send()).json()


@asynccontextmanager
async def httpx(concurrency: int) -> AsyncIterator[Calls]:
    """Open a client of httpx."""
    if find_spec("sniffio") is None:
        # httpcore looks for it with each call, ten times, which costs more than the call
        # does. What None stands for is not looked for.
        sys.modules["sniffio"] = None  # type: ignore[assignment]  # see import_module
    lib: Any = import_module("httpx")
    connections = max(concurrency, 20)
    limits = lib.Limits(
        max_connections=connections, max_keepalive_connections=connections
    )
    async with lib.AsyncClient(limits=limits, timeout=_SECONDS) as client:
        yield _Calls(client)


@asynccontextmanager
async def niquests(concurrency: int) -> AsyncIterator[Calls]:
    """Open a session of niquests."""
    lib: Any = import_module("niquests")
    pool = max(concurrency, 10)
    async with lib.AsyncSession(pool_maxsize=pool, timeout=_SECONDS) as client:
        yield _Calls(client)


@asynccontextmanager
async def pyreqwest(concurrency: int) -> AsyncIterator[Calls]:
    """Open a client of pyreqwest."""
    builder: Any = import_module("pyreqwest.client").ClientBuilder()
    client = (
        builder.max_connections(max(concurrency, 10))
        .timeout(timedelta(seconds=_SECONDS))
        .build()
    )
    async with client:
        yield _BuilderCalls(client)
