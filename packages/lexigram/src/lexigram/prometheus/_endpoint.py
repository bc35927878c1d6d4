"""An own server of the metrics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from prometheus_client import start_http_server

from lexigram.prometheus._config import PrometheusConfig
from lexigram.prometheus._recorder import PrometheusRecorder

__all__ = ["PrometheusEndpoint", "serving"]


@dataclass(frozen=True, slots=True)
class PrometheusEndpoint:
    """Where the metrics are served.

    Attributes:
        url: What a scrape calls; None when no port is configured.
    """

    url: str | None


@asynccontextmanager
async def serving(
    recorder: PrometheusRecorder, config: PrometheusConfig
) -> AsyncGenerator[PrometheusEndpoint, None]:
    """Serve the metrics for the time of the block, from a thread of its own.

    Raises:
        OSError: The port cannot be listened on.
    """
    if config.port is None:
        yield PrometheusEndpoint(None)
        return
    server, thread = start_http_server(
        config.port, config.address, registry=recorder.registry
    )

    def close() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    host = f"[{config.address}]" if ":" in config.address else config.address
    try:
        yield PrometheusEndpoint(f"http://{host}:{server.server_port}/metrics")
    finally:
        # It waits until the thread looks up, which is twice a second.
        await asyncio.to_thread(close)
