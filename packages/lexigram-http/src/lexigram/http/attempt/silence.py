"""How long a body that is read piece by piece may keep silent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import EllipsisType

import aiohttp


class Silence:
    """Breaks off a body whose reader has waited for too long.

    Nobody is cancelled: the wait ends as by a broken connection, in whatever task it is.
    The timer is set once for many pieces, and asks when it rings how long the last wait
    is. None of what the consumer does between two pieces counts.

    Args:
        content: The body on its way.
        seconds: The longest wait for the next piece; None sets no limit.
        failure: Returns what the wait ends with then, told `seconds`.

    Attributes:
        since: When the wait that goes on now began, by the loop's time; None between
            waits.
    """

    __slots__ = ("_content", "_failure", "_loop", "_seconds", "_timer", "since")

    since: float | None

    def __init__(
        self,
        content: aiohttp.StreamReader,
        seconds: float | EllipsisType | None,
        failure: Callable[[float], Exception],
    ) -> None:
        self._content = content
        self._seconds = None if seconds is ... else seconds
        self._failure = failure
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self.since = None

    def begin(self) -> None:
        """Begin to wait."""
        now = self.since = self._loop.time()
        if self._timer is None and self._seconds is not None:
            self._timer = self._loop.call_at(now + self._seconds, self._ring)

    def close(self) -> None:
        """Watch no more."""
        self.since = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        timer, self._timer = self._timer, None
        if self.since is None or self._seconds is None or timer is None:
            return
        end = self.since + self._seconds
        if end > timer.when():
            self._timer = self._loop.call_at(end, self._ring)
        else:
            self._content.set_exception(self._failure(self._seconds))
