"""The body of a response arrives whole, decoded and within its limits, or not at all."""

import asyncio
import gzip
import importlib.util
import zlib
from typing import Any

import pytest

from lexigram.contracts.web import HTTPConnectionError, HTTPResponseTooLargeError
from lexigram.http import HTTPClient, HTTPClientConfig
from lexigram.testing import FaultServer, Reply, fault, virtual_time

KIB = 1024
TEXT = b"hello world" * 1000


def coded(coding: str, body: bytes, status: int = 200, **more: Any) -> Reply:
    return Reply(status, body=body, headers={"Content-Encoding": coding}, **more)


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(TEXT, mtime=0)),
        (
            "gzip",
            gzip.compress(TEXT[:500], mtime=0) + gzip.compress(TEXT[500:], mtime=0),
        ),
        ("x-gzip", gzip.compress(TEXT, mtime=0)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", zlib.compress(TEXT)[2:-4]),
        ("deflate, gzip", gzip.compress(zlib.compress(TEXT), mtime=0)),
        ("identity", TEXT),
        ("utf-8", TEXT),
    ],
    ids=[
        "gzip",
        "members",
        "x-gzip",
        "zlib",
        "bare deflate",
        "both",
        "identity",
        "no coding",
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_coded_body_is_decoded(
    coding: str, body: bytes, *, chunked: bool
) -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/x").respond(coded(coding, body, chunked=chunked))
        for _ in range(2):
            response = (await client.get(f"{server.base_url}/x")).unwrap()
            assert response.body == TEXT
            assert not response.cut
        assert len(server.connections) == 1


@pytest.mark.parametrize(
    ("coding", "library"), [("br", "brotli"), ("zstd", "backports.zstd")]
)
async def test_a_coding_with_a_library_is_offered_and_decoded(
    coding: str, library: str
) -> None:
    pack: Any = pytest.importorskip(library).compress
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/x").respond(coded(coding, pack(TEXT)))
        server.on.get("/half").respond(coded(coding, pack(TEXT)[:-1]))
        assert (await client.get(f"{server.base_url}/x")).unwrap().body == TEXT
        offered = server.calls[0].request.headers["accept-encoding"]
        assert coding in offered.split(", ")
        error = (await client.get(f"{server.base_url}/half", retry=False)).unwrap_err()
        assert isinstance(error, HTTPConnectionError)
        assert error.failure == "truncated"


async def test_only_what_can_be_decoded_is_offered() -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/x").respond(200)
        await client.get(f"{server.base_url}/x")
        offered = server.calls[0].request.headers["accept-encoding"]
    has_brotli = importlib.util.find_spec("brotli") is not None
    assert offered.startswith("gzip, deflate")
    assert ("br" in offered) is has_brotli


@pytest.mark.parametrize(
    ("headers", "offered"),
    [
        ({"accept-encoding": "identity"}, "identity"),
        ({"Range": "bytes=0-9"}, "identity"),
        ({"Range": "bytes=0-9", "Accept-Encoding": "gzip"}, "gzip"),
    ],
)
async def test_a_caller_s_own_wish_for_a_coding_stands(
    headers: dict[str, str], offered: str
) -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/x").respond(200)
        await client.get(f"{server.base_url}/x", headers=headers)
        sent = server.calls[0].request.headers
        assert sent.get_all("accept-encoding") == [offered]


@pytest.mark.parametrize("cause", [fault.bad_gzip(), fault.truncated_gzip()])
async def test_a_broken_coding_is_retried_as_any_lost_response(cause: Any) -> None:
    async with virtual_time(), FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/x").sequence(cause, coded("gzip", gzip.compress(TEXT)))
        response = (await client.get(f"{server.base_url}/x")).unwrap()
        assert (response.body, response.attempts) == (TEXT, 2)


async def test_a_coding_that_nothing_decodes_is_named_and_not_retried() -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/x").respond(coded("compress", b"\x1f\x9d"))
        error = (await client.get(f"{server.base_url}/x")).unwrap_err()
        assert isinstance(error, HTTPConnectionError)
        assert (error.failure, error.attempts) == ("protocol", 1)
        assert "'compress'" in str(error)


async def test_an_answer_to_head_has_nothing_to_decode() -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.head("/x").respond(coded("gzip", gzip.compress(TEXT)))
        server.on.get("/x").respond(304, headers={"Content-Encoding": "gzip"})
        assert (await client.head(f"{server.base_url}/x")).unwrap().body == b""
        assert (await client.get(f"{server.base_url}/x")).unwrap().body == b""


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_bomb_is_stopped(*, chunked: bool) -> None:
    bomb = gzip.compress(bytes(200_000_000), compresslevel=1)
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/x").respond(coded("gzip", bomb, chunked=chunked))
        result = await client.get(f"{server.base_url}/x", max_response_bytes=1_000_000)
    error = result.unwrap_err()
    assert isinstance(error, HTTPResponseTooLargeError)
    size = int(str(error).split("at least ")[1].split()[0])
    assert size <= 1_000_000 + 64 * KIB


async def test_others_run_while_a_large_body_is_decoded() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    packed = gzip.compress(bytes(30_000_000))
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/x").respond(coded("gzip", packed))
        beside = asyncio.create_task(others())
        response = (await client.get(f"{server.base_url}/x")).unwrap()
        beside.cancel()
    assert len(response.body) == 30_000_000
    assert turns > 28


@pytest.mark.parametrize("chunked", [False, True])
async def test_the_beginning_of_a_long_error_is_kept(*, chunked: bool) -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        body = b"x" * 5_000_000
        server.on.get("/x").respond(Reply(404, body=body, chunked=chunked))
        response = await client.request("GET", f"{server.base_url}/x")
        assert (len(response.body), response.cut) == (64 * KIB, True)
        assert "cut" in repr(response)
        # The rest is not waited for.
        await server.wait_until(lambda s: s.open_connections == 0)


async def test_how_much_is_kept_of_an_error_is_configured() -> None:
    config = HTTPClientConfig(max_error_bytes=10)
    async with FaultServer.run() as server, HTTPClient(config) as client:
        server.on.get("/x").respond(404, body=b"x" * 11)
        response = await client.request("GET", f"{server.base_url}/x")
        assert (response.body, response.cut) == (b"x" * 10, True)


async def test_a_short_rest_is_drained_so_that_the_connection_is_kept() -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/x").respond(404, body=b"x" * 120 * KIB)
        for _ in range(3):
            assert (await client.request("GET", f"{server.base_url}/x")).cut
        assert len(server.connections) == 1


async def test_a_rest_that_does_not_come_is_not_waited_for() -> None:
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        HTTPClient(HTTPClientConfig(max_error_bytes=2)) as client,
    ):
        reply = Reply(500, chunks=[b"abc", b"def"], pause=20.0)
        server.on.get("/x").respond(reply)
        response = await client.request("GET", f"{server.base_url}/x", retry=False)
        assert (response.body, response.cut) == (b"ab", True)
        assert clock.elapsed == pytest.approx(0.1)
        await server.wait_until(lambda s: s.open_connections == 0)


async def test_an_error_too_long_for_the_call_keeps_its_status() -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/x").respond(404, body=b"x" * 100)
        result = await client.get(f"{server.base_url}/x", max_response_bytes=10)
        error: Any = result.unwrap_err()
        assert (error.status, error.response.cut) == (404, True)


async def test_a_redirect_with_a_large_body_is_followed() -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        body = b"x" * 1_000_000
        server.on.get("/x").respond(302, body=body, headers={"Location": "/y"})
        server.on.get("/y").respond(text="there")
        result = await client.get(f"{server.base_url}/x", max_response_bytes=100)
        assert result.unwrap().text == "there"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_a_request_without_a_body_has_no_content_type(method: str) -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on(method, "/x").respond(200)
        await client.request(method, f"{server.base_url}/x")
        sent = server.calls[0].request.headers
        assert "content-type" not in sent
        assert sent["content-length"] == "0"


async def test_a_header_in_two_spellings_is_sent_twice() -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/x").respond(200)
        headers = [("X-A", "1"), ("x-a", "2")]
        await client.get(f"{server.base_url}/x", headers=headers)
        assert server.calls[0].request.headers.get_all("x-a") == ["1", "2"]
