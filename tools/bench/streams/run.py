"""One transfer in a process of its own, so that its memory is its own.

    python run.py NAME PORT BYTES FOLDER

It prints the seconds, the resident KiB after the first 16 MiB, and those at the end.
What a process does once, as it loads and builds things for a first call, is done by a
short transfer before.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from io import FileIO
from pathlib import Path
from typing import Any, Final, TypeAlias

import aiohttp

from lexigram.http import HTTPClient
from lexigram.http.progress import with_progress

BLOCK: Final = 1024 * 1024
"""What every contestant writes, or reads, at once."""

_EARLY: Final = 16 * 1024 * 1024
_SHORT: Final = 64 * 1024


class Memory:
    """Watches how much more memory is needed after the first 16 MiB."""

    def __init__(self) -> None:
        self.done = 0
        self.early = 0

    def add(self, size: int) -> None:
        """Count what was transferred."""
        self.done += size
        if not self.early and self.done >= _EARLY:
            self.early = peak()


def peak() -> int:
    """Return the most KiB that were resident so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


Contestant: TypeAlias = Callable[[str, Path, Memory], Awaitable[None]]


async def ours_download(url: str, folder: Path, memory: Memory) -> None:
    """`HTTPClient.download`."""

    def tell(progress: Any) -> None:
        memory.add(progress.done - memory.done)

    async with HTTPClient() as client:
        await client.download(url, folder / "file", progress=tell)


async def aiohttp_threads(url: str, folder: Path, memory: Memory) -> None:
    """aiohttp, `iter_chunked`, each block written in a thread."""
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        with (folder / "file").open("wb", buffering=0) as file:
            blocks = _blocks(response.content.iter_chunked(BLOCK))
            async for block in blocks:
                await asyncio.to_thread(file.write, block)
                memory.add(len(block))


async def aiohttp_loop(url: str, folder: Path, memory: Memory) -> None:
    """aiohttp, `iter_chunked`, written in the loop, which waits meanwhile."""
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        with (folder / "file").open("wb", buffering=0) as file:
            async for block in _blocks(response.content.iter_chunked(BLOCK)):
                file.write(block)
                memory.add(len(block))


async def ours_stream(url: str, _: Path, memory: Memory) -> None:
    """`HTTPClient.stream`, whose bytes are counted and thrown away."""
    async with HTTPClient() as client, client.stream("GET", url) as stream:
        async for chunk in stream.bytes():
            memory.add(len(chunk))


async def aiohttp_stream(url: str, _: Path, memory: Memory) -> None:
    """aiohttp, `iter_chunked`, thrown away."""
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        async for chunk in response.content.iter_chunked(BLOCK):
            memory.add(len(chunk))


async def ours_upload(url: str, folder: Path, memory: Memory) -> None:
    """`HTTPClient.put` of a path, with progress."""

    def tell(progress: Any) -> None:
        memory.add(progress.done - memory.done)

    async with HTTPClient() as client:
        body = with_progress(folder / "file", tell)
        (await client.put(url, content=body, timeout=None)).unwrap()


async def aiohttp_upload(url: str, folder: Path, memory: Memory) -> None:
    """aiohttp, a file as `data`."""
    async with aiohttp.ClientSession() as session:
        with _Counted(folder / "file", memory) as file:
            async with session.put(url, data=file) as response:
                response.raise_for_status()


async def aiohttp_generator(url: str, folder: Path, memory: Memory) -> None:
    """aiohttp, a generator that reads 256 KiB at once in a thread."""

    async def chunks() -> AsyncIterator[bytes]:
        with (folder / "file").open("rb", buffering=0) as file:
            while chunk := await asyncio.to_thread(file.read, 256 * 1024):
                yield chunk
                memory.add(len(chunk))

    headers = {"Content-Length": str((folder / "file").stat().st_size)}
    async with (
        aiohttp.ClientSession() as session,
        session.put(url, data=chunks(), headers=headers) as response,
    ):
        response.raise_for_status()


class _Counted(FileIO):
    """A file that counts what is read of it."""

    def __init__(self, path: Path, memory: Memory) -> None:
        super().__init__(path)
        self._memory = memory

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self._memory.add(len(data or b""))
        return data or b""


async def _blocks(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Join what comes in small chunks, as who writes to a file does."""
    pieces: list[bytes] = []
    size = 0
    async for chunk in chunks:
        pieces.append(chunk)
        size += len(chunk)
        if size >= BLOCK:
            yield b"".join(pieces)
            pieces, size = [], 0
    if pieces:
        yield b"".join(pieces)


CONTESTANTS: Final[dict[str, Contestant]] = {
    made.__name__: made
    for made in (
        ours_download,
        aiohttp_threads,
        aiohttp_loop,
        ours_stream,
        aiohttp_stream,
        ours_upload,
        aiohttp_upload,
        aiohttp_generator,
    )
}


async def timed(
    name: str, address: str, size: int, folder: Path
) -> tuple[float, int, int]:
    """Return the seconds and the two sizes of one transfer."""
    await transferred(name, address, _SHORT, _for_a_short_one(folder))
    began = time.perf_counter()
    memory = await transferred(name, address, size, folder)
    return time.perf_counter() - began, memory.early, peak()


async def transferred(name: str, address: str, size: int, folder: Path) -> Memory:
    """Make one transfer; return what it needed."""
    memory = Memory()
    await CONTESTANTS[name](f"{address}/{size}", folder, memory)
    if memory.done != size:
        raise RuntimeError(f"{name} transferred {memory.done} of {size} bytes.")
    return memory


def _for_a_short_one(folder: Path) -> Path:
    short = folder / "short"
    short.mkdir()
    if (folder / "file").exists():  # it sends a file, and does not make one
        (short / "file").write_bytes(bytes(_SHORT))
    return short


if __name__ == "__main__":
    _, chosen, port, length, where = sys.argv
    origin = f"http://127.0.0.1:{port}"
    print(*asyncio.run(timed(chosen, origin, int(length), Path(where))))
