"""Builds the application's client from what is registered beside it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.contracts.resilience import (
    CircuitBreakerRegistryProtocol,
    ResiliencePipelineProtocol,
    RetryPolicyProtocol,
)
from lexigram.contracts.web import InterceptorChainProtocol
from lexigram.http.client import HTTPClient
from lexigram.http.config import HTTPClientConfig

logger: logging.Logger = logging.getLogger("lexigram.http.provider")

BREAKER = "http-default"
"""The breaker that is asked of a registry; it keeps separate state per upstream."""


class HTTPProvider:
    """Wires the client: a pipeline when one is registered, else its single policies.

    Every collaborator is optional. One that is registered and cannot be built is an
    error of the application's start, never left out in silence.
    """

    @staticmethod
    async def client(
        config: HTTPClientConfig,
        pipeline: ResiliencePipelineProtocol | None = None,
        retry: RetryPolicyProtocol | None = None,
        breakers: CircuitBreakerRegistryProtocol | None = None,
        metrics: MetricsRecorderProtocol | None = None,
        chain: InterceptorChainProtocol | None = None,
        clock: ClockProtocol | None = None,
    ) -> AsyncIterator[HTTPClient]:
        """Yield the started client; stop it afterwards."""
        alone = pipeline is None
        client = HTTPClient(
            config,
            resilience=pipeline,
            retry_policy=retry if alone else None,
            circuit_breaker=breakers.get(BREAKER) if alone and breakers else None,
            interceptors=chain.interceptors if chain else (),
            metrics=metrics,
            clock=clock,
        )
        wired = {
            "pipeline": pipeline is not None,
            "retry": "registered" if alone and retry else "built-in" if alone else "no",
            "breaker": alone and breakers is not None,
            "metrics": metrics is not None,
            "interceptors": len(chain.interceptors) if chain else 0,
        }
        logger.info("http.client.wired", extra=wired)
        async with client:
            yield client
