"""One process of a fleet: takes all it gets of a shared limit, and notes when.

Started by `run.py`: says when it is ready, is told when to begin, prints what it got.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import SecretStr

from lexigram.resilience import (
    RateLimiterConfig,
    SharedRateLimiter,
    SharedStore,
    StoreConfig,
)


class CountingStore(SharedStore):
    """Counts its round trips."""

    trips = 0

    async def run(self, source: str, key: str, *args: Any) -> Any:
        """Count, and ask."""
        self.trips += 1
        return await super().run(source, key, *args)


@dataclass(frozen=True)
class Job:
    """What a worker is to do.

    Attributes:
        url: The server.
        prefix: Whose limit it is.
        rate: Permits a second, of all workers together.
        burst: Permits at once.
        callers: Tasks that want permits at the same time.
        pause: Seconds that each caller does something else after each permit.
        seconds: How long it takes permits.
        lease: As in `StoreConfig`.
    """

    url: str
    prefix: str
    rate: int
    burst: int
    callers: int = 100
    pause: float = 0.0
    seconds: float = 3.0
    lease: float = 0.05


@dataclass
class Taken:
    """What a worker got: when each permit was its, round trips, and who got it how."""

    times: list[float] = field(default_factory=list)
    trips: int = 0
    trouble: str = ""


async def take(job: Job) -> Taken:
    """Take permits until the time is over."""
    taken = Taken()
    # Generous: it is the limit that is measured, on a machine with other work.
    config = StoreConfig(
        url=SecretStr(job.url),
        prefix=job.prefix,
        timeout=1.0,
        lease=job.lease,
        share=0.25,
    )
    limit = RateLimiterConfig(permits=job.rate, burst=job.burst, shared=True)
    async with CountingStore(config) as store:
        limiter = SharedRateLimiter(limit, store=store)
        await store.ping()
        print("ready", flush=True)
        begin = float(sys.stdin.readline())
        end = begin + job.seconds

        async def caller() -> None:
            while (left := end - time.monotonic()) > 0:
                try:
                    await limiter.acquire("upstream", timeout=left)
                except Exception:  # noqa: BLE001 - refused, as the time is over
                    return
                taken.times.append(time.monotonic())
                await asyncio.sleep(job.pause)

        await asyncio.sleep(max(0.0, begin - time.monotonic()))
        await asyncio.gather(*(caller() for _ in range(job.callers)))
        taken.trips, taken.trouble = store.trips, store.guard.trouble
    return taken


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(take(Job(**json.loads(sys.argv[1])))))))
