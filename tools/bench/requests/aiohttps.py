"""aiohttp, as its documentation writes a call, and what others put around it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import aiohttp
from bench.requests.contestant import Calls

__all__ = ["plain", "retrying"]


class _Calls:
    def __init__(self, session: Any) -> None:
        self._session = session

    async def get(self, url: str) -> Any:
        async with self._session.get(url) as response:
            return await response.json()

    async def post(self, url: str, payload: Any) -> Any:
        async with self._session.post(url, json=payload) as response:
            return await response.json()


@asynccontextmanager
async def plain(concurrency: int) -> AsyncIterator[Calls]:
    """Open a session: whom all others are compared with."""
    async with _session(concurrency) as session:
        yield _Calls(session)


@asynccontextmanager
async def retrying(concurrency: int) -> AsyncIterator[Calls]:
    """Open a session that repeats."""
    lib: Any = import_module("aiohttp_retry")
    async with _session(concurrency) as session:
        yield _Calls(
            lib.RetryClient(session, retry_options=lib.ExponentialRetry(attempts=3))
        )


def _session(concurrency: int) -> aiohttp.ClientSession:
    # 100 is what it comes with.
    connector = aiohttp.TCPConnector(limit=max(concurrency, 100))
    return aiohttp.ClientSession(connector=connector)
