"""What happens to the client and the server while calls are under way."""

from __future__ import annotations

import asyncio
import signal
from random import Random
from typing import Any, Final
from weakref import WeakSet

from soaking.ledger import Ledger
from soaking.upstream import Upstream

from lexigram.http import HTTPClient
from lexigram.resilience import (
    AdaptiveConcurrency,
    Bulkhead,
    PipelineConfig,
    RateLimiter,
    ResiliencePipeline,
)

_TIMES: Final = {"total": 4.0, "attempt": 0.75}
_RETRY: Final = {"base_delay": 0.005, "max_delay": 0.05, "throttled_delay": 0.01}
_BREAKER: Final = {
    "failure_rate": 0.8,
    "open_duration": 0.1,
    "max_open_duration": 0.2,
    "half_open_max_wait": 2.0,
}

BASE: Final[dict[str, Any]] = {
    "timeouts": _TIMES,
    "retry": {**_RETRY, "budget": {"ratio": 0.5}},
    "breaker": _BREAKER,
    "bulkhead": {"max_concurrent": 24, "max_queue": 64},
    "limiter": {"permits": 4000, "max_wait": 1.0},
}

CONFIGURATIONS: Final[list[dict[str, Any]]] = [
    BASE,
    {**BASE, "bulkhead": {"max_concurrent": 8, "max_queue": 64, "queue_timeout": 0.5}},
    {**BASE, "limiter": {"permits": 300, "burst": 50, "max_wait": 0.2}},
    {**BASE, "hedge": {"delay": 0.02}},
    {**BASE, "retry": {**_RETRY, "max_attempts": 5}, "breaker": None},
    {**BASE, "bulkhead": None, "concurrency": {"initial_limit": 24, "min_limit": 8}},
    {**BASE, "limiter": None, "throttle": {}},
    {**BASE, "retry": None},
]
"""What the pipeline is told one after the other."""

INVALID: Final[list[dict[str, Any]]] = [
    {"bulkhead": {"max_concurrent": 0}},
    {"retry": {"base_delay": 2.0, "max_delay": 1.0}},
    {"brakes": {}},
]
"""What it has to refuse, and go on as before."""


class Chaos:
    """Restarts, reloads and comings and goings, by a seed."""

    def __init__(
        self, seed: int, upstream: Upstream, pipeline: ResiliencePipeline, books: Ledger
    ) -> None:
        self._random = Random(seed)  # noqa: S311 - to be repeated
        self._upstream = upstream
        self._pipeline = pipeline
        self._ledger = books
        self._over = asyncio.Event()
        self.reloads = 0
        self.refusals = 0
        self.client_restarts = 0
        self.gates: WeakSet[Bulkhead | RateLimiter | AdaptiveConcurrency] = WeakSet()
        self._remember()

    async def restart_server(self, every: float) -> None:
        """End the server in one way or the other, again and again."""
        while await self._goes_on(every):
            kind = self._random.choice([signal.SIGKILL, signal.SIGTERM])
            await self._upstream.restart(kind, self._random.uniform(0, 0.1))

    async def reload(self, every: float) -> None:
        """Give the pipeline another configuration, again and again."""
        while await self._goes_on(every):
            if self._random.random() < 0.2:  # noqa: PLR2004 - one in five
                self._refuse(self._random.choice(INVALID))
            else:
                self._pipeline.reconfigure(self._random.choice(CONFIGURATIONS))
                self.reloads += 1
                self._remember()

    async def restart_client(self, client: HTTPClient, every: float) -> None:
        """Stop a client that shares its pool, and start it again."""
        while await self._goes_on(every):
            await client.stop()
            await asyncio.sleep(self._random.uniform(0, 0.02))
            await client.start()
            self.client_restarts += 1

    def end(self) -> None:
        """Let what is being done be finished, and no more be begun."""
        self._over.set()

    async def _goes_on(self, every: float) -> bool:
        """Wait for a while; say whether it is not over yet."""
        try:
            async with asyncio.timeout(self._random.uniform(0.5, 1.5) * every):
                await self._over.wait()
        except TimeoutError:
            return True
        return False

    def _refuse(self, config: dict[str, Any]) -> None:
        before: PipelineConfig = self._pipeline.config
        try:
            self._pipeline.reconfigure(config)
        except ValueError:
            self.refusals += 1
        else:
            self._ledger.problem(f"the pipeline took {config!r}")
        if self._pipeline.config != before:
            self._ledger.problem(f"{config!r} was refused and changed the pipeline")

    def _remember(self) -> None:
        """Keep what admits calls in sight, also when the pipeline has it no more."""
        policies = self._pipeline.policies
        for gate in (policies.bulkhead, policies.limiter, policies.concurrency):
            if gate is not None:
                self.gates.add(gate)
