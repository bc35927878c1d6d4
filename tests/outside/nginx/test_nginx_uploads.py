"""Bodies that nginx takes, or refuses while they are on their way."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from lexigram.contracts.web import (
    HTTPConnectionError,
    HTTPRedirectError,
    HTTPStatusError,
)
from lexigram.http import HTTPClient
from programs import Program

BODY = Random(7).randbytes(64 * 1024)
TIMES = 80


async def pieces(times: int = TIMES) -> AsyncIterator[bytes]:
    """Return a body of which nobody knows the length."""
    for _ in range(times):
        yield BODY


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def test_what_was_put_is_there_and_can_be_deleted(nginx: Program) -> None:
    body = BODY * TIMES
    async with HTTPClient() as client:
        url = nginx.url("plain", "/upload/put.bin")
        assert (await client.put(url, data=body)).unwrap().status == 201
        assert digest((await client.get(url)).unwrap().body) == digest(body)
        assert (await client.put(url, data=b"")).unwrap().status == 204
        assert (await client.get(url)).unwrap().body == b""
        assert (await client.delete(url)).unwrap().status == 204
        gone = (await client.get(url)).unwrap_err()
    assert isinstance(gone, HTTPStatusError)
    assert gone.status == 404
    assert "404 Not Found" in gone.response.text


async def test_a_body_of_unknown_length_arrives_whole(nginx: Program) -> None:
    async with HTTPClient() as client:
        url = nginx.url("plain", "/upload/chunked.bin")
        answer = (await client.put(url, content=pieces())).unwrap()
        again = (await client.put(url, content=pieces())).unwrap()
        body = (await client.get(url)).unwrap().body
    assert digest(body) == digest(BODY * TIMES)
    assert again.headers["x-connection"] == answer.headers["x-connection"]


async def test_a_file_arrives_whole_after_a_redirect(
    nginx: Program, site: Path
) -> None:
    kept = site / "upload" / "kept.txt"
    async with HTTPClient() as client:
        response = (
            await client.put(nginx.url("plain", "/kept"), content=site / "text.txt")
        ).unwrap()
    assert response.url == nginx.url("plain", "/upload/kept.txt")
    assert kept.read_bytes() == (site / "text.txt").read_bytes()
    kept.unlink()


async def test_a_body_that_can_be_sent_once_is_not_sent_after_a_redirect(
    nginx: Program, site: Path
) -> None:
    kept = site / "upload" / "kept.txt"
    kept.unlink(missing_ok=True)  # another test may have sent it
    async with HTTPClient() as client:
        url = nginx.url("plain", "/kept")
        error = (await client.put(url, content=pieces(1))).unwrap_err()
    assert isinstance(error, HTTPRedirectError)
    assert not kept.exists()


@pytest.mark.parametrize("size", [2_000, 200_000, 30_000_000])
async def test_an_upload_that_is_refused_while_it_is_sent_is_a_413(
    nginx: Program, size: int
) -> None:
    async with HTTPClient() as client:
        url = nginx.url("plain", "/small")
        error = (await client.put(url, data=bytes(size))).unwrap_err()
        assert isinstance(error, HTTPStatusError)
        assert (error.status, error.attempts) == (413, 1)
        answer = (await client.get(nginx.url("plain", "/number"))).unwrap()
    assert answer.text == "1", "what was not sent to its end is not used again"


@pytest.mark.parametrize(
    ("path", "status"), [("/upload/asked.bin", 201), ("/small", 413)]
)
async def test_a_server_may_be_asked_before_the_body_is_sent(
    nginx: Program, site: Path, path: str, status: int
) -> None:
    async with HTTPClient() as client:
        response = await client.request(
            "PUT",
            nginx.url("plain", path),
            content=site / "large.bin",
            headers={"Expect": "100-continue"},
        )
    assert response.status == status
    (site / "upload" / "asked.bin").unlink(missing_ok=True)


async def test_an_upload_of_unknown_length_that_is_refused_is_a_413(
    nginx: Program,
) -> None:
    async with HTTPClient() as client:
        url = nginx.url("plain", "/small")
        error = (await client.put(url, content=pieces(400))).unwrap_err()
        assert isinstance(error, HTTPStatusError)
        assert (error.status, error.attempts) == (413, 1)
        assert (await client.get(nginx.url("plain", "/number"))).unwrap().text == "1"


async def test_a_refusal_that_cuts_the_upload_off_ends_the_call_either_way(
    nginx: Program,
) -> None:
    async with HTTPClient() as client:
        url = nginx.url("plain", "/rude")
        error = (
            await client.put(url, data=bytes(30_000_000), retry=False)
        ).unwrap_err()
    # What has arrived is lost when the kernel learns that more was on its way.
    assert isinstance(error, HTTPStatusError | HTTPConnectionError)
    if isinstance(error, HTTPConnectionError):
        assert (error.failure, error.request_sent) == ("disconnected", "maybe")
    else:
        assert error.status == 413
