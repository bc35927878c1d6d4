"""One soak: the calls, the chaos around them, and the reckoning."""

from __future__ import annotations

import asyncio
import gc
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

import aiohttp
from soaking import verdict
from soaking.calls import Caller
from soaking.chaos import BASE, Chaos
from soaking.ledger import Attempts, Counted, Ledger
from soaking.upstream import MovingNames, Upstream

from lexigram.http import (
    ConnectionPool,
    ConnectionPoolConfig,
    HTTPClient,
    HTTPClientConfig,
    PoolStatistics,
)
from lexigram.metrics import MetricsSummary
from lexigram.resilience import PipelineConfig, ResiliencePipeline
from lexigram.resilience.events import Events
from lexigram.resilience.watching import MetricsListener

CALLS: Final = 200_000
SECONDS: Final = 600.0
"""The form for people: so many calls in so many seconds, others in proportion."""

_UNFETCHED: Final = "failures that aiohttp left in a task"
_WORKERS: Final = 32
_WARM: Final = 0.2
_LEAST_WARM: Final = 4000
"""When memory is looked at for the first time: after this share of the calls, and so many
that each kind of them has been there."""

POOL: Final = ConnectionPoolConfig(
    max_connections=20,
    max_connections_per_host=16,
    max_keepalive_connections=8,
    timeout=5.0,
    connect_timeout=1.0,
    read_timeout=0.3,
    ttl_dns_cache=0.5,
    keepalive_timeout=1.0,
    max_connection_age=3.0,
)


@dataclass(slots=True)
class Soaked:
    """What a run came to.

    Attributes:
        seed: What repeats it.
        calls: How many calls were to be made.
        seconds: How long it took.
        books: What became of each call.
        received: Requests that arrived at the server.
        executions: How often the pipeline was asked.
        warm: Resident bytes after the warm-up.
        end: Resident bytes at the end.
        pool: The figures of the pool.
        chaos: What happened around the calls, and how often.
        problems: What must not be; none is a success.
    """

    seed: int
    calls: int
    books: Ledger
    seconds: float = 0.0
    received: int = 0
    executions: int = 0
    warm: int = 0
    end: int = 0
    pool: PoolStatistics | None = None
    chaos: dict[str, int] = field(default_factory=dict[str, int])
    problems: list[str] = field(default_factory=list[str])


def soak(seed: int, seconds: float) -> Soaked:
    """Run one soak of about so many seconds."""
    calls = max(1000, round(CALLS * seconds / SECONDS))
    soaked = Soaked(seed, calls, Ledger(calls))
    with (
        tempfile.TemporaryDirectory() as folder,
        asyncio.Runner(loop_factory=MovingNames) as runner,
        _everything_noticed(soaked.books),
    ):
        runner.run(_soak(soaked, seconds, Path(folder)))
    soaked.problems += soaked.books.problems
    return soaked


async def _soak(soaked: Soaked, seconds: float, folder: Path) -> None:
    loop = asyncio.get_running_loop()
    if not isinstance(loop, MovingNames):
        raise TypeError("The soak needs the event loop whose names move.")
    loop.seed(soaked.seed)
    loop.set_exception_handler(lambda _, context: _told(soaked, context))
    upstream = Upstream(folder / "journal")
    await upstream.start()
    try:
        before = verdict.descriptors()
        began = time.monotonic()
        await _run(soaked, seconds, upstream)
        soaked.seconds = time.monotonic() - began
        soaked.chaos |= {"restarts of the server": upstream.restarts}
        soaked.chaos |= {"look-ups of names": loop.lookups}
        # What was closed is gone one turn of both loops later.
        await asyncio.sleep(0.2)
        idle = await upstream.open_connections()
        soaked.problems += verdict.about_leaks(before, idle)
        received = upstream.received(soaked.calls)
        soaked.received = sum(received)
        soaked.problems += verdict.about_server(soaked.books, received)
    finally:
        await upstream.stop()


def _told(soaked: Soaked, context: dict[str, Any]) -> None:
    """Take note of what the event loop is told by tasks that nobody waits for."""
    if isinstance(context.get("exception"), aiohttp.ClientConnectionResetError):
        # aiohttp fetches no failure of the task that writes a body when the connection
        # goes in the moment of its end. Nothing is lost: the attempt failed as well.
        soaked.chaos[_UNFETCHED] = soaked.chaos.get(_UNFETCHED, 0) + 1
        return
    soaked.books.problem(f"the event loop was told {context!r}")


async def _run(soaked: Soaked, seconds: float, upstream: Upstream) -> None:
    books, seed = soaked.books, soaked.seed
    summary = MetricsSummary()
    pipeline = ResiliencePipeline.from_config(
        PipelineConfig.model_validate(BASE),
        name="soak",
        random=Random(seed),  # noqa: S311 - to be repeated
        events=Events([MetricsListener(summary)]),
    )
    counted = Counted(pipeline)
    config = HTTPClientConfig(pool=POOL, trust_env=False)
    attempts = Attempts(books)
    chaos = Chaos(seed, upstream, pipeline, books)
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(ConnectionPool(POOL))
        main, guest = [
            await stack.enter_async_context(
                HTTPClient(
                    config,
                    pool=pool,
                    resilience=resilience,
                    metrics=summary,
                    interceptors=[summary, attempts],
                )
            )
            for resilience in (counted, None)
        ]
        caller = Caller(seed, upstream.port, books)
        async with asyncio.TaskGroup() as around:
            around.create_task(chaos.restart_server(4.0))
            around.create_task(chaos.reload(0.25))
            around.create_task(chaos.restart_client(guest, 1.5))
            share = max(_LEAST_WARM, round(soaked.calls * _WARM))
            share = min(share, soaked.calls // 2)
            pace = seconds / soaked.calls
            await _make(caller, range(share), pace, main, guest)
            soaked.warm = verdict.resident()
            await _make(caller, range(share, soaked.calls), pace, main, guest)
            soaked.end = verdict.resident()
            chaos.end()
        soaked.pool = pool.statistics()
        soaked.problems += verdict.about_permits(
            list(chaos.gates), upstream.origins, soaked.pool
        )
    soaked.executions = counted.executions
    soaked.chaos |= {
        "reloads of the pipeline": chaos.reloads,
        "reloads refused": chaos.refusals,
        "restarts of a client": chaos.client_restarts,
        "streams broken off by the server": books.streams_broken,
    }
    soaked.problems += verdict.about_calls(books, soaked.calls)
    soaked.problems += verdict.about_metrics(books, summary, counted)
    soaked.problems += verdict.about_memory(soaked.warm, soaked.end)


async def _make(
    caller: Caller, numbers: range, pace: float, main: HTTPClient, guest: HTTPClient
) -> None:
    """Make the calls of these numbers, no faster than one each `pace` seconds."""
    began = time.monotonic()
    waiting = iter(enumerate(numbers))

    async def work() -> None:
        for index, number in waiting:
            early = began + index * pace - time.monotonic()
            if early > 0:
                await asyncio.sleep(early)
            await caller.call(number, guest if number % 10 == 0 else main)

    await asyncio.gather(*(work() for _ in range(_WORKERS)))


@contextmanager
def _everything_noticed(books: Ledger) -> Iterator[None]:
    """Let nothing be lost that only finalizers know: resources, tasks, exceptions."""
    hook = sys.unraisablehook

    def notice(event: Any) -> None:
        books.problem(f"unraisable: {event.exc_value!r} in {event.object!r}")

    sys.unraisablehook = notice
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", ResourceWarning)
            yield
            gc.collect()
    finally:
        sys.unraisablehook = hook


def counts(counter: Counter[tuple[str, str]]) -> Counter[str]:
    """Return the counts without the methods."""
    found: Counter[str] = Counter()
    for (_, word), number in counter.items():
        found[word] += number
    return found
