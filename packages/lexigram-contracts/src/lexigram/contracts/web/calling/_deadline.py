"""One timer for a whole call.

The deadline is enforced by cancelling the task, as `asyncio.timeout` does. What it ends
must still be told apart from a caller's cancellation *inside* the call: a breaker has to
see an upstream that hangs as a failure, and a cancelled caller as nothing at all. So the
place that is interrupted asks `caused_cancellation()` and answers with a timeout error of
its own; whatever is interrupted elsewhere becomes one when the scope ends.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

__all__ = ["Deadline"]


class Deadline:
    """Ends the block it surrounds after `seconds`; None never does.

    The block ends with `TimeoutError` and `expired` is true then.
    """

    __slots__ = ("_cancelling", "_scope", "_task", "seconds")

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self._scope = asyncio.timeout(seconds)
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0

    async def __aenter__(self) -> Self:
        task = asyncio.current_task()
        if task is not None:
            self._task = task
            self._cancelling = task.cancelling()
        await self._scope.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._scope.__aexit__(kind, error, traceback)

    def change(self, seconds: float | None) -> None:
        """Let the block end `seconds` from now instead."""
        self.seconds = seconds
        now = asyncio.get_running_loop().time()
        self._scope.reschedule(None if seconds is None else now + seconds)

    @property
    def expired(self) -> bool:
        """Whether the time ran out."""
        return self._scope.expired()

    def caused_cancellation(self) -> bool:
        """Say whether the cancellation being delivered is this deadline's alone.

        False when the caller cancelled as well: its cancellation must not be swallowed.
        """
        return (
            self.expired
            and self._task is not None
            and self._task.cancelling() == self._cancelling + 1
        )
