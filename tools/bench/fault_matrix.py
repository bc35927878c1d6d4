"""What it costs to put the real client through every fault of the server.

    uv run python tools/bench/fault_matrix.py

Prints milliseconds for each fault, best of some rounds, and the best total of a round
for the faults without TLS. A client is started and stopped for each, and trusts none
of the certificates; time that a fault only waits is virtual. Exits with 1 when the total is over its budget.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from lexigram.http import HTTPClient
from lexigram.testing import Fault, FaultServer, fault, virtual_time

ROUNDS = 10
BUDGET = 200.0
"""Milliseconds for one round without TLS."""


async def milliseconds(server: FaultServer, cause: Fault) -> float:
    """Return how long one call takes that meets the fault."""
    start = time.perf_counter()
    async with HTTPClient() as client, server.outage(cause):
        await client.get(f"{server.base_url}/", retry=False, timeout=30)
    await server.wait_until(lambda s: s.open_connections == 0)
    return (time.perf_counter() - start) * 1000


@asynccontextmanager
async def serving() -> AsyncGenerator[tuple[FaultServer, FaultServer], None]:
    """Return a server without and one with TLS, whose faults take no time."""
    async with (
        virtual_time(),
        FaultServer.run() as plain,
        FaultServer.run(tls=True) as secure,
    ):
        yield plain, secure


async def one_round() -> dict[Fault, float]:
    """Return the time of each fault."""
    times: dict[Fault, float] = {}
    async with serving() as (plain, secure):
        for cause in fault.all():
            server = secure if cause.kind == "tls" else plain
            times[cause] = await milliseconds(server, cause)
    return times


def main() -> int:
    """Measure, print, and say whether it is within the budget."""
    rounds = [asyncio.run(one_round()) for _ in range(ROUNDS)]
    for cause in fault.all():
        best = min(times[cause] for times in rounds)
        print(f"{best:8.2f} ms  {cause!r}")
    plain = [c for c in fault.all() if c.kind != "tls"]
    total = min(sum(times[cause] for cause in plain) for times in rounds)
    print(f"{total:8.2f} ms  {len(plain)} faults without TLS, of {BUDGET:g} ms")
    return int(total > BUDGET)


if __name__ == "__main__":
    sys.exit(main())
