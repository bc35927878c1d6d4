"""What the standard library offers, and the least that code written by hand costs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

from bench.resilience.contestant import Contestant, Kind, noop

__all__ = ["floors"]

STDLIB: Final = "asyncio"


def floors() -> Iterator[Contestant]:
    """Yield them."""
    yield Contestant(
        kind=Kind.RETRY,
        library="by hand",
        statement="await thrice()",
        names={"thrice": _thrice},
        code="for … in …: try: return await noop() except …: …",
    )
    yield Contestant(
        kind=Kind.BULKHEAD,
        library=STDLIB,
        statement="async with semaphore: await noop()",
        names={"semaphore": asyncio.Semaphore(25)},
    )
    yield Contestant(
        kind=Kind.TIMEOUT,
        library=STDLIB,
        statement="async with timeout(30): await noop()",
        names={"timeout": asyncio.timeout},
    )
    yield Contestant(
        kind=Kind.TIMEOUT,
        library=STDLIB,
        statement="async with timeout(30), timeout(10): await noop()",
        names={"timeout": asyncio.timeout},
        note="both limits",
    )
    yield Contestant(
        kind=Kind.TIMEOUT,
        library=STDLIB,
        statement="await wait_for(noop(), 30)",
        names={"wait_for": asyncio.wait_for},
    )
    yield Contestant(
        kind=Kind.HEDGE,
        library="by hand",
        statement="await wait({create_task(noop())}, timeout=1)",
        names={"wait": asyncio.wait, "create_task": asyncio.create_task},
        note="a second call never starts",
    )


async def _thrice() -> None:
    for _ in range(2):
        try:
            return await noop()
        except OSError:
            await asyncio.sleep(0.1)
    return await noop()
