"""The time that a boot may take, as a whole and for each step of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from lexigram.di._errors import BootTimeoutError

__all__ = ["Budget"]

logger = logging.getLogger("lexigram.di")


class Budget:
    """Cancels the step in which time runs out, and names it.

    Args:
        total: Seconds for all steps, from now on.
        step: Seconds for each.
    """

    def __init__(self, total: float, step: float) -> None:
        self._total = total
        self._step = step
        self._end = asyncio.get_running_loop().time() + total

    @asynccontextmanager
    async def spend(self, name: str) -> AsyncGenerator[None, None]:
        """Bound the block, one step.

        Raises:
            BootTimeoutError: It was cancelled. A `TimeoutError` of its own passes
                through unchanged.
        """
        step_end = asyncio.get_running_loop().time() + self._step
        limit = asyncio.timeout_at(min(step_end, self._end))
        try:
            async with limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            whole = step_end > self._end
            seconds = self._total if whole else self._step
            logger.error(  # noqa: TRY400 - the boot raises it with its traceback
                "container.boot_timeout", extra={"binding": name, "seconds": seconds}
            )
            raise BootTimeoutError(
                f"The application did not boot within {seconds:g} s: it was building "
                f"`{name}`, which was cancelled. Give it more with `boot_timeout`, or "
                "look at what it waits for."
                if whole
                else f"Building `{name}` did not end within {seconds:g} s and was "
                "cancelled. Give each step more with `step_timeout`, or look at what "
                "it waits for."
            ) from None
