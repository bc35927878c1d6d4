"""Where behaviours run: in virtual time, in a loop of their own or in the caller's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from lexigram.testing._time.loop import VirtualLoop
from lexigram.testing._time.virtual import virtual_time

__all__ = ["in_virtual_time", "run"]

T = TypeVar("T")


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Return what a coroutine returns, from a new loop whose time is virtual."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())


@asynccontextmanager
async def in_virtual_time() -> AsyncGenerator[None]:
    """Make the running loop's time virtual within a block, unless it is already."""
    selector: object = getattr(asyncio.get_running_loop(), "_selector", None)
    if "select" in getattr(selector, "__dict__", ()):  # as `virtual_time` leaves it
        yield
        return
    async with virtual_time():
        yield
