"""Every way an exchange can fail has its own, prompt, contract error."""

import asyncio
import socket
from typing import Any

import pytest

from lexigram.contracts.web import (
    HTTPClientError,
    HTTPConnectionError,
    HTTPResponseTooLargeError,
    HTTPTimeoutError,
)
from lexigram.http import HTTPClient, HTTPClientConfig
from lexigram.testing import FaultServer, Reply, fault


async def failure_of(server: FaultServer, **options: Any) -> HTTPClientError:
    async with HTTPClient() as client, asyncio.timeout(10):
        result = await client.get(f"{server.base_url}/v1", retry=False, **options)
    error = result.unwrap_err()
    assert not any("aiohttp" in cls.__module__ for cls in type(error).__mro__)
    assert error.method == "GET"
    assert error.url == f"{server.base_url}/v1"
    assert error.attempts == 1
    return error


@pytest.mark.parametrize(
    ("wire", "failure", "sent"),
    [
        (fault.reset(), "disconnected", "maybe"),
        (fault.close(), "disconnected", "maybe"),
        (fault.truncate(after_bytes=5), "truncated", "yes"),
        (fault.reset(after_bytes=5), "truncated", "yes"),
        (fault.bad_chunk(), "protocol", "yes"),
        (fault.bad_gzip(), "truncated", "yes"),
        (fault.garbage(), "protocol", "yes"),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
async def test_a_broken_exchange_says_what_broke(
    wire: Any, failure: str, sent: str
) -> None:
    async with FaultServer.run() as server:
        server.on.get("/v1").fail(wire)
        error = await failure_of(server)
    assert isinstance(error, HTTPConnectionError)
    assert (error.failure, error.request_sent) == (failure, sent)
    assert error.retryable


async def test_what_the_parser_quotes_is_cut_and_without_secrets() -> None:
    body = b"token=s3cret " + b"x" * 5000
    async with FaultServer.run() as server:
        server.on.get("/v1").fail(fault.wrong_length(-5010, body=body))
        async with HTTPClient() as client:
            await client.get(f"{server.base_url}/v1", retry=False)
            server.on.get("/v2").fail(fault.raw(b"HTTP/1.1 token=s3cret " + body))
            result = await client.get(f"{server.base_url}/v2", retry=False)
    message = str(result.unwrap_err())
    assert "s3cret" not in message
    assert len(message) < 500


async def test_a_refused_connection_was_never_sent() -> None:
    async with FaultServer.run() as server:
        await server.down()
        error = await failure_of(server)
    assert isinstance(error, HTTPConnectionError)
    assert (error.failure, error.request_sent) == ("connect", "no")
    assert error.retryable


@pytest.mark.parametrize(
    ("errno", "retryable"), [(socket.EAI_NONAME, False), (socket.EAI_AGAIN, True)]
)
async def test_an_unknown_host_is_a_failure_of_its_own(
    monkeypatch: pytest.MonkeyPatch, errno: int, *, retryable: bool
) -> None:
    async def resolve(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(errno, "no address")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    async with HTTPClient() as client:
        error = (await client.get("http://nobody.test/", retry=False)).unwrap_err()
    assert isinstance(error, HTTPConnectionError)
    assert (error.failure, error.request_sent) == ("dns", "no")
    assert error.retryable is retryable
    assert "no address" in str(error)


async def test_a_server_that_never_answers_times_out() -> None:
    async with FaultServer.run() as server:
        server.on.get("/v1").fail(fault.hang())
        error = await failure_of(server, timeout=0.05)
    assert isinstance(error, HTTPTimeoutError)
    assert (error.phase, error.limit, error.request_sent) == ("total", 0.05, "maybe")
    assert "0.05 s" in str(error)


async def test_a_body_that_stalls_times_out_too() -> None:
    async with FaultServer.run() as server:
        server.on.get("/v1").fail(fault.hang(after_bytes=5))
        error = await failure_of(server, timeout=0.05)
    assert isinstance(error, HTTPTimeoutError)
    assert error.request_sent == "yes"


async def test_waiting_for_a_connection_counts_against_the_timeout() -> None:
    config = HTTPClientConfig.model_validate({"pool": {"max_connections": 1}})
    async with FaultServer.run() as server, HTTPClient(config) as client:
        server.on.get("/v1").fail(fault.hang())
        first = asyncio.create_task(client.get(f"{server.base_url}/v1", timeout=None))
        await server.calls.wait_for(1)
        result = await client.get(f"{server.base_url}/v1", timeout=0.05)
        assert isinstance(result.unwrap_err(), HTTPTimeoutError)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_beyond_the_limit_is_refused(*, chunked: bool) -> None:
    async with FaultServer.run() as server:
        reply = Reply(200, body=b"x" * 5000, chunked=chunked)
        server.on.get("/v1").sequence(reply)
        error = await failure_of(server, max_response_bytes=1000)
    assert isinstance(error, HTTPResponseTooLargeError)
    assert error.limit == 1000
    assert "max_response_bytes" in str(error)


async def test_a_body_at_the_limit_is_accepted() -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/v1").respond(200, body=b"x" * 1000)
        result = await client.get(f"{server.base_url}/v1", max_response_bytes=1000)
        assert len(result.unwrap().body) == 1000


async def test_a_header_aiohttp_would_smuggle_never_leaves() -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        result = await client.get(server.base_url, headers={"X": "a\r\nEvil: 1"})
        assert "control character" in str(result.unwrap_err())
        assert len(server.calls) == 0
