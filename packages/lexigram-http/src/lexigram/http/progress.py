"""How far a transfer is: what is told, how often, and of uploads."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from lexigram.contracts.web import BodyStream, ContentSource
from lexigram.contracts.web.calling import close_chunks, content_of

# Faster than anybody reads, and rare beside the chunks of a fast transfer.
_INTERVAL: Final = 0.1

# Bytes at hand are handed over in pieces of this size.
_PIECE: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a transfer is.

    Example:
        >>> Progress(done=50, total=200, seconds=2.0).remaining_seconds
        6.0
    """

    done: int
    """The bytes that are there, those of an earlier call included."""
    total: int | None
    """The bytes that there will be; None when nobody says."""
    seconds: float
    """Seconds since the transfer began, of the event loop's time."""
    resumed_from: int = 0
    """The bytes of `done` that an earlier call has brought."""

    @property
    def fraction(self) -> float | None:
        """The share that is done, from 0 to 1; None when the total is not known."""
        if self.total is None:
            return None
        return min(1.0, self.done / self.total) if self.total else 1.0

    @property
    def bytes_per_second(self) -> float:
        """The rate since the transfer began; 0 while there is nothing to tell from."""
        return (self.done - self.resumed_from) / self.seconds if self.seconds else 0.0

    @property
    def remaining_seconds(self) -> float | None:
        """The time that the rest takes at this rate; None when that cannot be told."""
        rate = self.bytes_per_second
        if self.total is None or rate <= 0:
            return None
        return max(0, self.total - self.done) / rate


ProgressCallback: TypeAlias = Callable[[Progress], object]
"""Is told how far a transfer is: at its begin, at most every 0.1 s, and at its end.

It is called in the event loop, so it has to return quickly, and what it raises ends the
transfer. `done` goes back when a transfer begins again."""


class Meter:
    """Counts the bytes of one transfer, and tells a callback now and then."""

    __slots__ = ("_began", "_due", "_tell", "_time", "done", "resumed_from", "total")

    done: int
    total: int | None
    resumed_from: int

    def __init__(self, tell: ProgressCallback | None) -> None:
        self._tell = tell
        self._time = asyncio.get_running_loop().time
        self._began = self._due = self._time()
        self.done = 0
        self.total = None
        self.resumed_from = 0

    def begin(self, total: int | None, *, done: int = 0) -> None:
        """Say where the transfer begins, or begins again."""
        self.done, self.total = done, total
        self._report()

    def add(self, size: int) -> None:
        """Count `size` bytes more."""
        self.done += size
        if self._tell is not None and self._time() >= self._due:
            self._report()

    def end(self) -> None:
        """Say that there is no more."""
        self.total = self.done
        self._report()

    def _report(self) -> None:
        if self._tell is None:
            return
        now = self._time()
        self._due = now + _INTERVAL
        self._tell(
            Progress(self.done, self.total, now - self._began, self.resumed_from)
        )


def with_progress(content: ContentSource, progress: ProgressCallback) -> BodyStream:
    """Return a body that says how far it is sent.

    It is sent as `content` is: with its length, read no further ahead, and as often as
    that can be read. Each attempt counts from 0. A chunk is counted when the next one is
    asked for, which is when the connection has taken it; that the server has it, only
    the response says.

    Args:
        content: What the options `content` and `files` take.
        progress: Is told.

    Raises:
        HTTPInvalidRequestError: It is something else, or a file that cannot be read.

    Example:
        >>> from pathlib import Path
        >>> def show(progress: Progress) -> None:
        ...     print(f"{progress.fraction:.0%}")
        >>> body = with_progress(Path("photo.jpg"), show)
        >>> async with HTTPClient() as client:
        ...     result = await client.put("https://api.example.com/photo.jpg", content=body)
        0%
        100%
    """
    source = content_of(content, "content")
    if isinstance(source, bytes):
        source = _in_pieces(source)
    return _Observed(source, progress, getattr(content, "name", content))


class _Observed(BodyStream):
    """A body whose chunks are counted; it has the name of the file that it is made of."""

    __slots__ = ("name",)

    name: str
    """Becomes the file name in a form."""

    def __init__(self, body: BodyStream, tell: ProgressCallback, named: Any) -> None:
        super().__init__(
            lambda: _counted(body, tell), length=body.length, replayable=body.replayable
        )
        is_path = isinstance(named, str | os.PathLike)
        self.name = os.fspath(named) if is_path else ""


def _in_pieces(data: bytes) -> BodyStream:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(data), _PIECE):
            yield data[start : start + _PIECE]

    return BodyStream(pieces, length=len(data))


async def _counted(
    body: BodyStream, tell: ProgressCallback
) -> AsyncGenerator[bytes, None]:
    meter = Meter(tell)
    chunks = body.open()
    try:
        meter.begin(body.length)
        async for chunk in chunks:
            yield chunk
            meter.add(len(chunk))
        meter.end()
    finally:
        await close_chunks(chunks)
