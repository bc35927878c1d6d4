"""A generator's life, from before its `yield` to its end.

Each generator lives in one task of its own, for three reasons. Task groups, timeouts and
cancel scopes around a `yield` must be left by the task that entered them, while an
application may be stopped by another task than the one that started it. A task group
that fails cancels the task around it, which must not be a bystander. And a teardown that
will not end can be left behind.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import AbstractContextManager, AsyncExitStack
from typing import Any

from lexigram.di._errors import TeardownTimeoutError
from lexigram.di._recipes import Lifetime

__all__ = ["Keeper", "run_to_end"]

logger = logging.getLogger("lexigram.di")


_GRACE = 5.0
"""Seconds that a start which is cancelled has for cleaning up after itself."""


class Keeper:
    """Runs a generator and holds what it yielded until `stop`.

    Attributes:
        instance: What was yielded; None before `ready`.
        name: For reports.
    """

    def __init__(self, lifetime: Lifetime, name: str) -> None:
        self.instance: Any = None
        self.name = name
        self._lifetime = lifetime
        self._ready = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task = asyncio.create_task(self._live(), name=f"lexigram:{name}")

    async def ready(self) -> None:
        """Wait until the generator has yielded.

        An exception of the generator passes through unchanged. Cancellation is handed
        on to it, and its cleanup awaited.
        """
        ready = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait({self._task, ready}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._stopping.set()
            await self._abandon(_GRACE)
            raise
        finally:
            ready.cancel()
        if not self._ready.is_set():
            self._task.result()

    async def stop(self, limit: float) -> None:
        """Run the generator to its end; whatever it raises passes through.

        Raises:
            TeardownTimeoutError: It did not end within `limit` seconds.
        """
        self._stopping.set()
        await asyncio.wait({self._task}, timeout=limit)
        if not self._task.done():
            # A little longer: cancelled code may have something to close.
            await self._abandon(limit / 2)
            raise TeardownTimeoutError(
                f"The teardown of `{self.name}` did not end within {limit:g} s and was "
                "cancelled. Look at what follows its `yield`."
            )
        if not self._task.cancelled():
            self._task.result()

    async def _abandon(self, grace: float) -> None:
        """Cancel the task, and leave it behind if it will not end in `grace` seconds."""
        self._task.cancel()
        await asyncio.wait({self._task}, timeout=grace)
        if not self._task.done():
            logger.error("container.left_behind", extra={"binding": self.name})
        elif not self._task.cancelled() and (error := self._task.exception()):
            logger.error(
                "container.cancelled_badly",
                extra={"binding": self.name, "error": repr(error)},
            )

    async def _live(self) -> None:
        async with AsyncExitStack() as stack:
            if isinstance(self._lifetime, AbstractContextManager):
                self.instance = stack.enter_context(self._lifetime)
            else:
                self.instance = await stack.enter_async_context(self._lifetime)
            self._ready.set()
            try:
                await self._stopping.wait()
            except asyncio.CancelledError:
                if not self._stopping.is_set():
                    logger.warning(
                        "container.ended_early", extra={"binding": self.name}
                    )
                raise


async def run_to_end(work: Coroutine[Any, Any, None]) -> None:
    """Await `work` to its end even when cancelled meanwhile; then say so.

    Only for work that bounds itself: teardown must not be left half done.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        task.exception()  # seen; the cancellation comes first
        raise cancelled
    task.result()
