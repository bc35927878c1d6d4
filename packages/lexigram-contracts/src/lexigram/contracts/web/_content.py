"""Bodies that are read while they are sent, and what they can be made of.

Nothing here is read before it is sent, except for its size: `seek` and `stat` do not
wait for data, so they are called where the request is built. Everything else that a file
does happens in a thread.

`asyncio` is imported by what reads: typing a service never needs it.
"""

from __future__ import annotations

import io
import os
import stat
from _thread import allocate_lock
from collections.abc import AsyncIterable, AsyncIterator, Callable, Generator
from contextlib import contextmanager
from types import AsyncGeneratorType
from typing import IO, Any, Final, TypeAlias, cast

from lexigram.contracts.web._errors import HTTPInvalidRequestError

__all__ = ["BodyStream", "ContentSource", "close_chunks", "content_of"]

# What is read, and held, at once. A turn in a thread costs about as much as copying this.
_CHUNK: Final = 512 * 1024

# Their end is found by decoding all that lies before it.
_DECOMPRESSORS: Final = frozenset({"gzip", "bz2", "lzma", "zipfile", "compression"})


class BodyStream:
    """A body that is opened anew for each attempt, and read while it is sent.

    Args:
        open: Returns the chunks, from the first. What has an `aclose` is closed after
            the attempt, however that ends.
        length: The number of bytes, sent as Content-Length; a body of another length is
            an error. None when it is not known, which sends it in chunks.
        replayable: Whether it can be opened more than once. A request whose body cannot
            be is sent once: not repeated after a failure, and not redirected with it.

    Example:
        >>> async def numbers():
        ...     for number in range(3):
        ...         yield b"%d" % number
        >>> BodyStream(numbers, length=3)
        <BodyStream of 3 bytes>
    """

    __slots__ = ("_open", "_opened", "length", "replayable")

    length: int | None
    """The number of bytes, when it is known."""
    replayable: bool
    """Whether it can be opened more than once."""

    def __init__(
        self,
        open: Callable[[], AsyncIterator[bytes]],  # noqa: A002 - what it is
        *,
        length: int | None = None,
        replayable: bool = True,
    ) -> None:
        self._open = open
        self._opened = False
        self.length = length
        self.replayable = replayable

    def open(self) -> AsyncIterator[bytes]:
        """Return the chunks, from the first.

        Raises:
            HTTPInvalidRequestError: It was opened before, and cannot be opened again.
        """
        if self._opened and not self.replayable:
            raise HTTPInvalidRequestError(
                "The body was sent before, and cannot be read again. Give bytes, a path, "
                "a file that can be sought, or a function that returns a new iterator."
            )
        self._opened = True
        return self._open()

    def __repr__(self) -> str:
        size = "unknown length" if self.length is None else f"{self.length} bytes"
        return f"<BodyStream of {size}{'' if self.replayable else ', sent once'}>"


ContentSource: TypeAlias = (
    bytes
    | IO[bytes]
    | os.PathLike[str]
    | AsyncIterable[bytes]
    | Callable[[], AsyncIterable[bytes]]
    | BodyStream
)
"""What a body can be made of: bytes, a file open in binary mode, a path, an asynchronous
iterable, a function that returns a new one for each attempt, or a `BodyStream`."""


def content_of(source: Any, option: str) -> bytes | BodyStream:
    """Return what an argument stands for, unread.

    Args:
        source: As `ContentSource` says.
        option: What it is called in an error.

    Raises:
        HTTPInvalidRequestError: It is something else, or a file that cannot be read.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(cast("bytes", source))
    if isinstance(source, BodyStream):
        return source
    if isinstance(source, os.PathLike):
        return _of_path(cast("os.PathLike[str]", source), option)
    if isinstance(source, AsyncIterable):  # some asynchronous ones have `read` as well
        chunks = cast("AsyncIterable[bytes]", source)
        return BodyStream(lambda: _chunks_of(chunks), replayable=False)
    if hasattr(source, "read"):
        return _of_file(source, option)
    if callable(source):
        return BodyStream(lambda: _made_by(source))
    raise HTTPInvalidRequestError(
        f"{option} is of type {type(source).__name__}; it takes bytes, a file open in "
        "binary mode, a path, an asynchronous iterable or a function that returns one."
    )


async def close_chunks(chunks: object) -> None:
    """Close what `BodyStream.open` returned, if it can be."""
    aclose = getattr(chunks, "aclose", None)
    if aclose is not None:
        await aclose()


def _chunks_of(source: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Return the chunks of an iterable, without a way to close what is the caller's.

    A generator is closed with the attempt nevertheless: there is nothing else to be done
    with the rest of it.
    """
    chunks = aiter(source)
    if chunks is source and not isinstance(source, AsyncGeneratorType):
        return _borrowed(chunks)
    return chunks


async def _borrowed(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        yield chunk


def _made_by(factory: Callable[[], Any]) -> AsyncIterator[bytes]:
    made = factory()
    if isinstance(made, AsyncIterable):
        return aiter(cast("AsyncIterable[bytes]", made))
    if hasattr(made, "close"):  # a coroutine would warn of not being awaited
        made.close()
    raise TypeError(
        f"The function for the body returned {type(made).__name__}; it has to return an "
        "asynchronous iterator, as an `async def` with `yield` does."
    )


def _of_path(path: os.PathLike[str], option: str) -> BodyStream:
    with _readable(option):
        status = os.stat(path)  # noqa: PTH116 - of anything that stands for a path
    if stat.S_ISDIR(status.st_mode):
        raise HTTPInvalidRequestError(f"{option} is a directory; it takes a file.")
    if not stat.S_ISREG(status.st_mode):  # a pipe or a device: no size, and no again
        return BodyStream(lambda: _read_path(path), replayable=False)
    return BodyStream(lambda: _read_path(path), length=status.st_size)


def _of_file(file: Any, option: str) -> BodyStream:
    if isinstance(file, io.TextIOBase):
        raise HTTPInvalidRequestError(
            f"{option} is a file open in text mode. Open it in binary mode, as "
            "open(path, 'rb') does."
        )
    with _readable(option):
        if hasattr(file, "readable") and not file.readable():
            raise io.UnsupportedOperation("it is not open for reading")
        if not (hasattr(file, "seekable") and file.seekable()):
            return BodyStream(lambda: _read_on(file), replayable=False)
        start, lock = file.tell(), allocate_lock()
        return BodyStream(
            lambda: _read_from(file, start, lock), length=_length(file, start)
        )


def _length(file: Any, start: int) -> int | None:
    if type(file).__module__.partition(".")[0] in _DECOMPRESSORS:
        return None
    file.seek(0, os.SEEK_END)
    end: int = file.tell()  # some wrappers return nothing from `seek`
    file.seek(start)
    return max(0, end - start)


@contextmanager
def _readable(option: str) -> Generator[None, None, None]:
    try:
        yield
    except (OSError, ValueError) as error:  # closed files raise ValueError
        reason = str(getattr(error, "strerror", None) or error).rstrip(".")
        raise HTTPInvalidRequestError(
            f"{option} cannot be read: {reason}. Give a file that can be."
        ) from error


async def _read_path(path: os.PathLike[str]) -> AsyncIterator[bytes]:
    import asyncio  # noqa: PLC0415 - see above

    file = _PathFile(path)
    try:
        while chunk := await asyncio.to_thread(file.read):
            yield chunk
    finally:
        # Shielded: a second cancellation must not take it from the threads' queue.
        await asyncio.shield(asyncio.to_thread(file.close))


class _PathFile:
    """A file that is opened, read and closed in threads, one after the other.

    A thread cannot be cancelled with the call that waits for it: what it opens after that
    is closed all the same, and nothing is closed while it reads.
    """

    __slots__ = ("_file", "_lock", "_path")

    def __init__(self, path: os.PathLike[str]) -> None:
        self._path = path
        self._lock = allocate_lock()
        self._file: IO[bytes] | None = None

    def read(self) -> bytes:
        with self._lock:
            if self._file is None:
                self._file = open(self._path, "rb", buffering=0)  # noqa: SIM115, PTH123 - closed below
            return self._file.read(_CHUNK)

    def close(self) -> None:
        with self._lock:
            if self._file is None:
                self._file = (
                    io.BytesIO()
                )  # a thread that comes too late finds it closed
            self._file.close()


async def _read_from(file: Any, start: int, lock: Any) -> AsyncIterator[bytes]:
    """Read a file from a position on, whoever else reads it meanwhile.

    An attempt that was given up may have left a thread behind that still reads, and
    hedged attempts run side by side, so each has a position of its own.
    """
    import asyncio  # noqa: PLC0415 - see above

    position = start

    def read() -> Any:
        with lock:
            file.seek(position)
            return _data(file.read(_CHUNK))

    while chunk := await asyncio.to_thread(read):
        position += len(chunk)
        yield chunk


async def _read_on(file: Any) -> AsyncIterator[bytes]:
    import asyncio  # noqa: PLC0415 - see above

    while chunk := _data(await asyncio.to_thread(file.read, _CHUNK)):
        yield chunk


def _data(chunk: Any) -> Any:
    if chunk is None:
        raise BlockingIOError("The file is in non-blocking mode and has no data yet.")
    return chunk
