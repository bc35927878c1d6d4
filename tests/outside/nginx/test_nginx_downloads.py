"""Downloads from nginx: whole, interrupted, changed meanwhile."""

import asyncio
import hashlib
import os
from pathlib import Path
from random import Random

import pytest

from lexigram.contracts.web import HTTPStatusError
from lexigram.http import HTTPClient
from lexigram.http.downloads.download import download
from lexigram.http.progress import Progress
from programs import Program

KIB = 1024


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def digest(path: Path) -> str:
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def part_of(target: Path) -> Path:
    return target.with_name(f"{target.name}.lexigram-part")


async def broken_off(client: HTTPClient, url: str, target: Path) -> int:
    """Cancel a download once something has arrived; return how much."""
    enough = asyncio.Event()

    def tell(progress: Progress) -> None:
        if progress.done > 0:
            enough.set()

    task = asyncio.create_task(client.download(url, target, progress=tell))
    await enough.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert target.name not in names(target.parent)
    return len(part_of(target).read_bytes())


async def test_a_file_arrives_whole(nginx: Program, site: Path, tmp_path: Path) -> None:
    large = site / "large.bin"
    async with HTTPClient() as client:
        url = nginx.url("plain", "/large.bin")
        done = await client.download(url, tmp_path / "x", checksum=digest(large))
    assert done.size == large.stat().st_size
    assert names(tmp_path) == ["x"]


async def test_what_was_broken_off_goes_on_in_another_client(
    nginx: Program, site: Path, tmp_path: Path
) -> None:
    # As much as this nginx sends at once, and as much again.
    source, target = site / "two_halves.bin", tmp_path / "x"
    source.write_bytes(Random(3).randbytes(700 * KIB))
    url = nginx.url("plain", "/slow/two_halves.bin")
    async with HTTPClient() as client:
        arrived = await broken_off(client, url, target)
    assert 0 < arrived < 700 * KIB
    assert part_of(target).read_bytes() == source.read_bytes()[:arrived]
    told: list[Progress] = []
    async with HTTPClient() as client:
        with pytest.raises(HTTPStatusError):
            await client.download(nginx.url("plain", "/none"), target)
        done = await client.download(
            url, target, checksum=digest(source), progress=told.append
        )
    assert (told[0].done, told[0].total) == (arrived, 700 * KIB)
    assert done.resumed_from == arrived
    assert names(tmp_path) == ["x"]


async def test_a_file_that_was_changed_begins_again(
    nginx: Program, site: Path, tmp_path: Path
) -> None:
    changing, target = site / "changing.bin", tmp_path / "x"
    changing.write_bytes(bytes(4000 * KIB))
    url = nginx.url("plain", "/slow/changing.bin")
    async with HTTPClient() as client:
        assert await broken_off(client, url, target) < 4000 * KIB
        other = changing.with_name("other")
        other.write_bytes(b"other" * 1000)
        os.utime(other, (0, 0))
        other.replace(changing)
        done = await client.download(url, target, checksum=digest(changing))
    assert done.resumed_from == 0
    assert target.read_bytes() == b"other" * 1000


async def test_what_is_there_to_the_last_byte_is_complete(
    nginx: Program, site: Path, tmp_path: Path
) -> None:
    url, target = nginx.url("plain", "/text.txt"), tmp_path / "x"

    def block(progress: Progress) -> None:
        if progress.done == progress.total:
            target.touch()

    async with HTTPClient() as client:
        with pytest.raises(FileExistsError):
            await client.download(url, target, progress=block)
        target.unlink()
        done = await client.download(url, target, checksum=digest(site / "text.txt"))
    assert done.resumed_from == done.size == (site / "text.txt").stat().st_size


async def test_what_nginx_would_code_is_asked_for_as_it_is(
    nginx: Program, site: Path, tmp_path: Path
) -> None:
    async with HTTPClient() as client:
        url = nginx.url("plain", "/gzip/text.txt")
        done = await download(client, url, tmp_path / "x")
    assert "content-encoding" not in done.headers
    assert done.headers["etag"].startswith('"'), "a strong one, to resume with"
    assert done.path.read_bytes() == (site / "text.txt").read_bytes()
