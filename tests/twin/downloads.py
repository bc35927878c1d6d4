"""Responses that become files, and uploads that say how far they are."""

import gzip
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from lexigram.contracts.web import (
    HTTPClientError,
    HTTPClientProtocol,
    StreamingHTTPClientProtocol,
)
from lexigram.http.downloads.download import download
from lexigram.http.progress import Progress, with_progress
from lexigram.testing import Reply
from lexigram.testing.conformance import Backend, Scenario

TAGGED = {"ETag": '"v1"'}
SHA256 = "sha256:88d4266fd4e6338d13b845fcf289579d209c897823b9217da3e161936f031589"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def report(
    client: HTTPClientProtocol, backend: Backend, told: list[Progress], *outcome: object
) -> None:
    """Send what came of it, so that it is compared as a request is."""
    rounded = [replace(each, seconds=round(each.seconds, 6)) for each in told]
    backend.on.post("/outcome").respond()
    await client.post(f"{backend.base_url}/outcome", data=repr((rounded, outcome)))


def fetched(name: str, *replies: Reply, **options: Any) -> Scenario:
    """One download, whose answers come in turn."""

    async def run(client: HTTPClientProtocol, backend: Backend) -> None:
        backend.on.get("/v1").sequence(*replies)
        told: list[Progress] = []
        with TemporaryDirectory() as folder:
            try:
                done = await download(
                    cast("StreamingHTTPClientProtocol", client),
                    f"{backend.base_url}/v1",
                    Path(folder, "file"),
                    progress=told.append,
                    **options,
                )
                outcome = f"{done.size} bytes, {done.checksum}"
            except HTTPClientError as error:
                outcome = repr(error.args)
            left = names(Path(folder))
        await report(client, backend, told, outcome, left)

    return Scenario(name=name, run=run)


async def pieces() -> AsyncIterator[bytes]:
    for _ in range(3):
        yield b"ab"


async def an_upload_with_progress(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.put("/v1").respond(201)
    told: list[Progress] = []
    body = with_progress(pieces, told.append)
    await client.put(f"{backend.base_url}/v1", content=body)
    await report(client, backend, told)


SCENARIOS = [
    fetched("a file", Reply(200, TAGGED, b"abcd"), checksum=SHA256),
    fetched("another file", Reply(200, TAGGED, b"abc"), checksum=SHA256),
    fetched("slow chunks", Reply(200, chunks=[b"a"] * 20, pause=0.06)),
    fetched("too large", Reply(200, {}, b"abcd"), max_bytes=3),
    fetched("too large, in chunks", Reply(200, chunks=[b"ab", b"cd"]), max_bytes=3),
    fetched("missing", Reply(404, text="page")),
    fetched("accepted", Reply(202, text="later")),
    fetched("a part", Reply(206, {"Content-Range": "bytes 0-3/9"}, b"abcd")),
    fetched("coded", Reply(200, {"Content-Encoding": "gzip"}, gzip.compress(b"abcd"))),
    fetched("a redirect", Reply(302, {"Location": "/v1"}), Reply(200, {}, b"abcd")),
    Scenario(run=an_upload_with_progress),
]
