"""Ours: as it comes, and with everything that a service puts around it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from bench.requests.contestant import Calls

from lexigram.contracts.web import (
    InterceptorProtocol,
    RequestContext,
    ResponseContext,
)
from lexigram.http import ConnectionPoolConfig, HTTPClient, HTTPClientConfig
from lexigram.resilience import BulkheadConfig, PipelineConfig, ResiliencePipeline

__all__ = ["default", "pipeline", "shipped"]


class _Calls:
    """The verbs, and the values of their results."""

    def __init__(self, client: HTTPClient) -> None:
        self._client = client

    async def get(self, url: str) -> Any:
        """Return what the server has there."""
        return (await self._client.get(url)).unwrap().json

    async def post(self, url: str, payload: Any) -> Any:
        """Return what the server says to it."""
        return (await self._client.post(url, json=payload)).unwrap().json


class _Recorder:
    """Counts and adds up: the least that a recorder can do and be of use."""

    def __init__(self) -> None:
        self.sums: Counter[str] = Counter()

    def increment(
        self,
        name: str,
        value: int = 1,
        tags: Mapping[str, str] | None = None,  # noqa: ARG002 - they are not kept apart
    ) -> None:
        """Add `value` to a counter."""
        self.sums[name] += value

    def gauge(
        self,
        name: str,
        value: float,
        tags: Mapping[str, str] | None = None,  # noqa: ARG002 - they are not kept apart
    ) -> None:
        """Set a gauge to `value`."""
        self.sums[name] = int(value)

    def histogram(
        self,
        name: str,
        value: float,  # noqa: ARG002 - observations are counted
        tags: Mapping[str, str] | None = None,  # noqa: ARG002 - they are not kept apart
    ) -> None:
        """Count one observation."""
        self.sums[name] += 1


class _Named(InterceptorProtocol):
    """Says who calls."""

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        """Add a header."""
        context.headers["X-Service"] = "billing"
        return context


class _Watched(InterceptorProtocol):
    """Looks at responses."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()

    async def intercept_response(self, response: ResponseContext, /) -> ResponseContext:
        """Count the status."""
        self.statuses[response.status] += 1
        return response


def _config(connections: int) -> HTTPClientConfig:
    """Return what is shipped, with a connection for each of the calls at once."""
    return HTTPClientConfig(
        pool=ConnectionPoolConfig(
            max_connections=connections,
            max_connections_per_host=connections,
            max_keepalive_connections=connections,
        )
    )


@asynccontextmanager
async def default(concurrency: int) -> AsyncIterator[Calls]:
    """Open a client as it is shipped, but for its connections."""
    async with HTTPClient(_config(max(concurrency, 10))) as client:
        yield _Calls(client)


@asynccontextmanager
async def shipped(concurrency: int) -> AsyncIterator[Calls]:  # noqa: ARG001 - not more
    """Open a client as it is shipped: with ten connections."""
    async with HTTPClient() as client:
        yield _Calls(client)


@asynccontextmanager
async def pipeline(concurrency: int) -> AsyncIterator[Calls]:
    """Open a client with everything that a service puts around it."""
    places = BulkheadConfig(max_concurrent=max(concurrency, 25))
    policies = ResiliencePipeline.from_config(PipelineConfig(bulkhead=places))
    client = HTTPClient(
        _config(max(concurrency, 10)),
        resilience=policies,
        interceptors=[_Named(), _Watched()],
        metrics=_Recorder(),
    )
    async with client:
        yield _Calls(client)
