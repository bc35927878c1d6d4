"""Builds an application's clients from what is registered beside them."""

from __future__ import annotations

import logging
from typing import Final

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.contracts.redaction import redact_url
from lexigram.contracts.resilience import (
    CircuitBreakerRegistryProtocol,
    ResiliencePipelineProtocol,
    RetryPolicyProtocol,
)
from lexigram.contracts.web import InterceptorChainProtocol
from lexigram.http.client import HTTPClient
from lexigram.http.config import HTTPClientConfig
from lexigram.http.pool.pool import ConnectionPool
from lexigram.http.proxies import ProxySelector
from lexigram.http.relative import ClientParts, RelativeHTTPClient

logger: logging.Logger = logging.getLogger("lexigram.http.provider")

BREAKER: Final = "http-default"
"""The breaker that is asked of a registry; it keeps separate state per upstream."""


class HTTPProvider:
    """Wires clients: with a pipeline when one is registered, else its single policies.

    Every collaborator is optional. One that is registered and cannot be built is an
    error of the application's start, never left out in silence.

    Args:
        pipeline: All policies at once; the two below are not used then.
        retry: Stands in for the built-in retry.
        breakers: Whose breaker "http-default" goes around each attempt.
        metrics: Gets a duration and a status for each call.
        chain: The interceptors.
        clock: Measures durations and waits between attempts.
    """

    def __init__(
        self,
        pipeline: ResiliencePipelineProtocol | None = None,
        retry: RetryPolicyProtocol | None = None,
        breakers: CircuitBreakerRegistryProtocol | None = None,
        metrics: MetricsRecorderProtocol | None = None,
        chain: InterceptorChainProtocol | None = None,
        clock: ClockProtocol | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._retry = retry
        self._breakers = breakers
        self._metrics = metrics
        self._chain = chain
        self._clock = clock

    def client(
        self,
        config: HTTPClientConfig,
        pool: ConnectionPool,
        *,
        name: str = "default",
        base_url: str | None = None,
        pipeline: ResiliencePipelineProtocol | None = None,
        chain: InterceptorChainProtocol | None = None,
        shares: bool = False,
    ) -> HTTPClient:
        """Return a client that is not started, and say at INFO what it is made of.

        Args:
            config: Its configuration.
            pool: Its connections, which whoever gives them opens and closes.
            name: What it is called in the log.
            base_url: What its URLs stand below.
            pipeline: Its own one, in the place of the common one.
            chain: Its own interceptors, in the place of the common ones.
            shares: Whether the pool is another client's, for the log.
        """
        parts = self._parts(pool, pipeline or self._pipeline, chain or self._chain)
        if base_url is None:
            client = HTTPClient(config, **parts)
        else:
            client = RelativeHTTPClient(config, base_url=base_url, **parts)
        where = {
            "client": name,
            "base_url": redact_url(base_url or "") or "none",
            "pool": "shared" if shares else "own",
        }
        logger.info("http.client.wired", extra=where | _shown(config) | _wired(parts))
        return client

    def _parts(
        self,
        pool: ConnectionPool,
        pipeline: ResiliencePipelineProtocol | None,
        chain: InterceptorChainProtocol | None,
    ) -> ClientParts:
        # A pipeline has a retry and a breaker of its own.
        breakers = self._breakers if pipeline is None else None
        return ClientParts(
            pool=pool,
            resilience=pipeline,
            retry_policy=self._retry if pipeline is None else None,
            circuit_breaker=breakers.get(BREAKER) if breakers else None,
            interceptors=chain.interceptors if chain else (),
            metrics=self._metrics,
            clock=self._clock,
        )


def _shown(config: HTTPClientConfig) -> dict[str, object]:
    """Return what a log tells of a configuration: numbers, and names of variables."""
    return {
        "max_connections": config.pool.max_connections,
        "max_connections_per_host": config.pool.max_connections_per_host,
        "max_keepalive_connections": config.pool.max_keepalive_connections,
        "proxy": " ".join(ProxySelector(config).sources) or "none",
        "egress": config.egress.summary,
    }


def _wired(parts: ClientParts) -> dict[str, object]:
    """Return what is there and what is absent, by the names of the classes."""
    built_in = "built-in" if parts.get("resilience") is None else "none"
    return {
        "pipeline": _named(parts.get("resilience")),
        "retry": _named(parts.get("retry_policy"), built_in),
        "breaker": _named(parts.get("circuit_breaker")),
        "interceptors": [_named(one) for one in parts.get("interceptors", ())],
        "metrics": _named(parts.get("metrics")),
        "clock": _named(parts.get("clock"), "built-in"),
    }


def _named(part: object, absent: str = "none") -> str:
    return absent if part is None else type(part).__name__
