"""What has to hold when all calls have ended."""

from __future__ import annotations

import asyncio
import gc
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from soaking.ledger import Counted, Ledger

from lexigram.http import PoolStatistics
from lexigram.metrics import MetricsSummary
from lexigram.resilience import AdaptiveConcurrency, Bulkhead, RateLimiter

GROWTH: Final = 1.05
"""The most that resident memory may be of what it was after the warm-up."""

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_STATUS: Final = "http.request.status"
_SHOWN: Final = 5


def resident() -> int:
    """Return the bytes that this process has in memory, after a collection."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def descriptors() -> Counter[str]:
    """Return what this process has open, by kind."""
    kinds: Counter[str] = Counter()
    for link in Path("/proc/self/fd").iterdir():
        try:
            kinds[str(link.readlink()).split(":", 1)[0]] += 1
        except FileNotFoundError:
            continue  # that of the listing itself
    return kinds


def about_permits(
    gates: list[Any], origins: Sequence[str], pool: PoolStatistics
) -> Iterator[str]:
    """Give what somebody still holds or waits for."""
    if pool.in_use or pool.waiting:
        yield f"the pool has places in use or waited for: {pool!r}"
    for gate in gates:
        yield from _held(gate, origins)


def _held(
    gate: Bulkhead | RateLimiter | AdaptiveConcurrency, origins: Sequence[str]
) -> Iterator[str]:
    if isinstance(gate, RateLimiter):
        waiting = {key: gate.gate(key).queued for key in origins}
        held: dict[str, object] = {key: n for key, n in waiting.items() if n}
    else:
        held = {
            key: shot
            for key, shot in gate.snapshot().items()
            if shot.in_flight or getattr(shot, "queued", 0)
        }
    if held:
        yield f"{gate!r} still has {held!r}"


def about_calls(books: Ledger, calls: int) -> Iterator[str]:
    """Give the calls whose end nobody knows."""
    if books.began != calls:
        yield f"{calls} calls were to be made, {books.began} were"
    if books.ended != books.began:
        yield f"{books.began} calls began, {books.ended} ended"


def about_metrics(
    books: Ledger, summary: MetricsSummary, pipe: Counted
) -> Iterator[str]:
    """Give where the metrics count otherwise than the callers."""
    shown = summary.as_dict()
    counted: Counter[tuple[str, str]] = Counter()
    of_pipeline = 0
    for metric in shown["metrics"]:
        if metric["name"] == _STATUS:
            tags = metric["tags"]
            counted[tags["method"], tags["status"]] = int(metric["value"])
        if metric["name"] == "lexigram.resilience.calls":
            of_pipeline += int(metric["value"])
    expected = books.measured()
    if counted != expected:
        more, fewer = counted - expected, expected - counted
        yield f"`{_STATUS}` has {dict(more)} too many and {dict(fewer)} too few"
    seen = sum(call["count"] for call in shown["calls"])
    if seen != expected.total():
        yield f"the interceptor saw {seen} calls end, the callers {expected.total()}"
    if of_pipeline != pipe.executions:
        yield (
            f"`lexigram.resilience.calls` has {of_pipeline}, "
            f"the pipeline was asked {pipe.executions} times"
        )


def about_server(books: Ledger, received: list[int]) -> Iterator[str]:
    """Give the calls of which the server saw more or less than the client knows of."""
    wrong = [
        f"call {number}: {certain} to {possible} were sent, {seen} arrived"
        for number, (certain, possible, seen) in enumerate(
            zip(books.certain, books.possible, received, strict=True)
        )
        if not certain <= seen <= possible
    ]
    if wrong:
        yield f"{len(wrong)} calls with other counts at the server: {wrong[:_SHOWN]}"


def about_leaks(before: Counter[str], idle_after: int) -> Iterator[str]:
    """Give what is left open when everything was stopped."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        yield f"{len(others)} tasks are left: {list(others)[:_SHOWN]}"
    left = descriptors() - before
    if left:
        yield f"descriptors are left open: {dict(left)}"
    if idle_after:
        yield f"the server has {idle_after} connections after the client's end"


def about_memory(warm: int, end: int) -> Iterator[str]:
    """Give by how much too much memory has grown."""
    if end > warm * GROWTH:
        yield f"resident memory went from {warm:,} to {end:,} bytes ({end / warm:.1%})"
