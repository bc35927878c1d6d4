"""What a shared limit costs and how exactly it is kept: figures of docs/reports/shared-limits.md.

    uv run python tools/bench/shared/run.py            prints the tables
    uv run python tools/bench/shared/run.py --quick    with one second for each

Each fleet is of real processes, against a server that this starts. Permits are noted on
the machine's monotonic clock, which all processes share, at the moment that the caller
goes on. A window begins at each permit that was given. Each figure is the median of three
runs: a process that the machine lets wait uses late what it was given.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any, Final

from pydantic import SecretStr

from lexigram.resilience import (
    RateLimiter,
    RateLimiterConfig,
    SharedRateLimiter,
    StoreConfig,
)

sys.path[:0] = [str(Path(__file__).parents[2])]

from bench.shared.worker import (  # noqa: E402 - beside this
    CountingStore,
    Job,
    Taken,
)
from store_server import running_store  # noqa: E402 - of the folder above

_WINDOWS: Final = (0.1, 0.5, 1.0, 2.0)
_START: Final = 0.2
"""Seconds until all begin, which are ready then."""

_RUNS: Final = 3
_MIDDLE: Final = 1000
"""The rate that all kinds of load are tried with."""

_WORKER: Final = Path(__file__).with_name("worker.py")
_PREFIXES: Final = count()


def fleet(workers: int, job: Job) -> list[Taken]:
    """Run a fleet; return what each process got."""
    job = replace(job, prefix=f"bench{next(_PREFIXES)}")
    processes = [
        subprocess.Popen(
            [sys.executable, _WORKER, json.dumps(asdict(job))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(workers)
    ]
    for each in processes:
        assert each.stdin is not None  # noqa: S101 - it is a pipe
        assert each.stdout is not None  # noqa: S101 - it is a pipe
        each.stdout.readline()
    begin = time.monotonic() + _START
    for each in processes:
        assert each.stdin is not None  # noqa: S101 - it is a pipe
        each.stdin.write(f"{begin!r}\n")
        each.stdin.flush()
    return [Taken(**json.loads(each.communicate()[0])) for each in processes]


def excess(times: list[float], window: float, job: Job) -> float:
    """Return the most that a window saw, as a part of what it may see."""
    most: int = max(
        bisect_left(times, begin + window) - first for first, begin in enumerate(times)
    )
    return most / (job.burst + job.rate * window)


def run(workers: int, job: Job) -> list[float]:
    """Return what one run of a fleet shows: the columns of a row."""
    parts = fleet(workers, job)
    while trouble := [part.trouble for part in parts if part.trouble]:
        # The machine was busy for so long that a process went on without the store,
        # which is not what is measured here.
        print(f"Again: {trouble}", file=sys.stderr)
        parts = fleet(workers, job)
    times = sorted(time for part in parts for time in part.times)
    trips = sum(part.trips for part in parts)
    return [
        *(excess(times, window, job) for window in _WINDOWS if window < job.seconds),
        len(times) / (job.rate * job.seconds),
        min(len(part.times) for part in parts) / (len(times) / workers),
        len(times) / trips,
    ]


def exactness(seconds: float, url: str) -> Iterator[str]:
    """Yield a row for each fleet and limit."""
    # Callers in a process, and what all want together, in parts of the limit.
    shapes = {"all there is": (100, None), "120 %": (20, 1.2), "50 %": (20, 0.5)}
    for workers in (2, 4):
        for rate, burst in ((100, 10), (1000, 100), (5000, 500)):
            for name, (callers, part) in shapes.items():
                if part is not None and rate != _MIDDLE:
                    continue
                pause = 0.0 if part is None else callers * workers / (part * rate)
                job = Job(url, "", rate, burst, callers, pause, seconds)
                columns = zip(*(run(workers, job) for _ in range(_RUNS)), strict=True)
                *seen, used, least, trip = (median(column) for column in columns)
                yield (
                    f"| {workers} | {rate}/s, {burst} at once | {name} | "
                    + " | ".join(f"{figure:.3f}" for figure in seen)
                    + f" | {used:.3f} | {least:.2f} | {trip:.1f} |"
                )


async def timed(limiter: RateLimiter, calls: int) -> float:
    """Return the microseconds of one call."""
    began = time.perf_counter()
    for _ in range(calls):
        await limiter.acquire("upstream")
    return (time.perf_counter() - began) / calls * 1e6


async def costs(url: str, rounds: int) -> Iterator[str]:
    """Yield a row for each kind of limiter, measured in turns."""
    calls = 50_000
    hot = RateLimiterConfig(permits=4_000_000)
    stores = [
        CountingStore(
            StoreConfig(url=SecretStr(url), prefix=f"cost{n}", timeout=1.0, lease=lease)
        )
        for n, lease in enumerate((0.05, 0.0))
    ]
    local = RateLimiter(hot)
    leased, single = (SharedRateLimiter(hot, store=store) for store in stores)
    found: dict[str, list[float]] = {}
    ratios: list[float] = []
    for _ in range(rounds):
        for name, limiter, number in (
            ("local", local, calls),
            ("shared, leases of 50 ms", leased, calls),
            ("shared, a round trip each", single, calls // 50),
        ):
            found.setdefault(name, []).append(await timed(limiter, number))
        ratios.append(found["shared, leases of 50 ms"][-1] / found["local"][-1])
    base = median(found["local"])
    trips = (stores[0].trips, stores[1].trips)
    for store in stores:
        await store.close()
    per_call = {
        "local": "0",
        "shared, leases of 50 ms": f"{trips[0] / (calls * rounds):.6f}",
        "shared, a round trip each": f"{trips[1] / (calls // 50 * rounds):.6f}",
    }
    return iter(
        f"| {name} | {median(times):.2f} | {median(times) / base:.2f} | "
        f"{per_call[name]} |"
        for name, times in found.items()
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a second for each")
    quick: Any = parser.parse_args().quick
    seconds, rounds = (1.0, 3) if quick else (4.0, 15)
    with running_store() as server:
        print(
            "| limiter | µs a call | to local | round trips a call |\n|---|---|---|---|"
        )
        for row in asyncio.run(costs(server.url, rounds)):
            print(row, flush=True)
        windows = " | ".join(f"{w:g} s" for w in _WINDOWS if w < seconds)
        print(f"\n| processes | limit | wanted | {windows} | used | least | a trip |")
        print("|---|---|---|" + "---|" * (windows.count("|") + 4))
        for row in exactness(seconds, server.url):
            print(row, flush=True)


if __name__ == "__main__":
    main()
