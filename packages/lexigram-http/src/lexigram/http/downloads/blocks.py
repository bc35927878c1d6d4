"""Blocking work beside the loop, and the blocks in which a file is written so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from lexigram.http.downloads.part import PartFile

__all__ = ["BLOCK", "BlockWriter", "in_thread"]

T = TypeVar("T")
P = ParamSpec("P")

BLOCK: Final = 1024 * 1024
"""Bytes that are written at once. As many again may have arrived meanwhile."""


async def in_thread(call: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """Run in a thread, and stay until that has ended.

    A thread cannot be cancelled. What it works on must not be closed under it, so that a
    cancellation waits for its end, and passes through then.
    """
    work = asyncio.ensure_future(asyncio.to_thread(call, *args, **options))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await _ended(work)
        raise


async def _ended(work: asyncio.Future[T]) -> None:
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError:  # raised already; it ends all the same
            continue
    # Looked at, so that nobody is told of it.
    _ = work.cancelled() or work.exception()


class BlockWriter:
    """Writes what arrives in blocks, each in a thread while the next one arrives."""

    __slots__ = ("_broken", "_part", "_pieces", "_size", "_writing")

    def __init__(self, part: PartFile) -> None:
        self._part = part
        self._pieces: list[bytes] = []
        self._size = 0
        self._writing: asyncio.Future[None] | None = None
        self._broken = False

    async def add(self, piece: bytes) -> None:
        """Take what has arrived; waits while the disk is behind.

        Raises:
            OSError: What was written before could not be.
        """
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size >= BLOCK:
            await self._written()
            self._hand_over()

    async def drain(self) -> None:
        """Write what is there; also after a failure, and to the end if cancelled.

        Raises:
            OSError: It cannot be.
        """
        await self._written()
        self._hand_over()
        await self._written()

    def _hand_over(self) -> None:
        pieces, self._pieces, self._size = self._pieces, [], 0
        if pieces and not self._broken:  # what comes after a gap is of no use
            # At once, and without the task and the context that `to_thread` adds.
            self._writing = asyncio.get_running_loop().run_in_executor(
                None, self._part.write, pieces
            )

    async def _written(self) -> None:
        writing = self._writing
        if writing is None:
            return
        try:
            if not writing.done():
                await asyncio.shield(writing)
            writing.result()
        except asyncio.CancelledError:
            await _ended(writing)
            raise
        except OSError:
            self._broken = True
            raise
        finally:
            self._writing = None
