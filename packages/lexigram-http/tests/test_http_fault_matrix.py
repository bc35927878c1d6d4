"""What becomes of a call, for every fault that a server can have.

One table says it for each; a fault that is not in it fails the test.
"""

from dataclasses import dataclass

import pytest

from lexigram.contracts.web import (
    ConnectionFailure,
    HTTPConnectionError,
    HttpResponse,
    HTTPTimeoutError,
    HTTPTooManyRedirectsError,
    RequestSent,
)
from lexigram.http import HTTPClient, HTTPClientConfig, TLSConfig
from lexigram.result import Result
from lexigram.testing import Fault, FaultServer, fault, virtual_time

LIMIT = 30.0
"""Seconds of a call, all of them virtual."""


@dataclass(frozen=True)
class Fails:
    """An `HTTPConnectionError`, at once."""

    failure: ConnectionFailure
    request_sent: RequestSent = "yes"
    retryable: bool = True
    keeps: bool = False
    """Whether the connection may be used again: its framing was right."""


@dataclass(frozen=True)
class TimesOut:
    """An `HTTPTimeoutError`, when the call's time is over."""

    request_sent: RequestSent


@dataclass(frozen=True)
class Succeeds:
    """A response with a body of this size."""

    size: int


@dataclass(frozen=True)
class GivesUp:
    """An `HTTPTooManyRedirectsError` after so many requests."""

    attempts: int


MATRIX: dict[Fault, Fails | TimesOut | Succeeds | GivesUp] = {
    fault.refused(): Fails("connect", "no"),
    fault.reset_on_accept(): Fails("disconnected", "maybe"),
    fault.reset_on_request(): Fails("disconnected", "maybe"),
    fault.reset(): Fails("disconnected", "maybe"),
    fault.reset(after_bytes=100): Fails("truncated"),
    fault.hang(): TimesOut("maybe"),
    fault.hang(after_bytes=100): TimesOut("yes"),
    fault.close(): Fails("disconnected", "maybe"),
    fault.garbage(): Fails("protocol"),
    fault.raw(b"HTTP/1.1 OK\r\n\r\n"): Fails("protocol"),
    fault.stall_headers(): TimesOut("maybe"),
    fault.drip_headers(1): TimesOut("maybe"),
    fault.huge_header(): Fails("protocol"),
    fault.duplicate_length(): Fails("protocol"),
    fault.truncate(100): Fails("truncated"),
    fault.half_close(100): Fails("truncated"),
    fault.wrong_length(5): Fails("truncated"),
    fault.wrong_length(-5): Fails("protocol"),
    fault.drip(10): TimesOut("yes"),
    fault.bad_chunk(): Fails("protocol"),
    fault.truncated_chunked(): Fails("truncated"),
    fault.bad_gzip(): Fails("truncated", keeps=True),
    fault.truncated_gzip(): Fails("truncated", keeps=True),
    fault.body_on_204(): Fails("protocol"),
    # Whether a body can be read is found out by who reads it.
    fault.invalid_json(): Succeeds(13),
    fault.wrong_charset(): Succeeds(10),
    fault.redirect_loop(): GivesUp(11),
    fault.close_after_reply(): Succeeds(1024),
    fault.keepalive_race(): Succeeds(1024),
    fault.tls("untrusted"): Fails("tls", "no", retryable=False),
    fault.tls("wrong_host"): Fails("tls", "no", retryable=False),
    fault.tls("expired"): Fails("tls", "no", retryable=False),
    # aiohttp does not tell a handshake that was cut off from a connection that was.
    fault.tls("reset"): Fails("connect", "no"),
    fault.tls("hang"): TimesOut("maybe"),
    fault.tls("plaintext"): Fails("tls", "no"),
}


def serving(cause: Fault) -> FaultServer:
    return FaultServer.run(tls=cause.kind == "tls")


def client_of(server: FaultServer, cause: Fault) -> HTTPClient:
    if cause.kind != "tls":
        return HTTPClient()
    return HTTPClient(HTTPClientConfig(tls=TLSConfig(ca_data=server.ca_pem.decode())))


async def call(
    client: HTTPClient, server: FaultServer
) -> Result[HttpResponse, Exception]:
    return await client.get(f"{server.base_url}/x", retry=False, timeout=LIMIT)


def test_every_fault_is_in_the_table_once() -> None:
    assert set(MATRIX) == set(fault.all())


@pytest.mark.parametrize("cause", fault.all())
async def test_a_call_meets_a_fault(cause: Fault) -> None:
    async with (
        virtual_time() as clock,
        serving(cause) as server,
        client_of(server, cause) as client,
    ):
        async with server.outage(cause):
            result = await call(client, server)
            elapsed = clock.elapsed
            match MATRIX[cause]:
                case TimesOut() | Fails(keeps=False):
                    # No connection that went wrong may be used again.
                    await server.wait_until(lambda s: s.open_connections == 0)
        match MATRIX[cause]:
            case Fails(failure, request_sent, retryable):
                error = result.unwrap_err()
                assert isinstance(error, HTTPConnectionError)
                assert error.failure == failure
                assert error.request_sent == request_sent
                assert error.retryable is retryable
                assert (error.attempts, elapsed) == (1, 0)
            case TimesOut(request_sent):
                error = result.unwrap_err()
                assert isinstance(error, HTTPTimeoutError)
                assert (error.phase, error.limit) == ("total", LIMIT)
                assert error.request_sent == request_sent
                assert error.retryable
                assert (error.attempts, elapsed) == (1, LIMIT)
            case GivesUp(attempts):
                error = result.unwrap_err()
                assert isinstance(error, HTTPTooManyRedirectsError)
                assert (error.attempts, elapsed) == (attempts, 0)
                assert len(server.calls) == attempts
            case Succeeds(size):
                response = result.unwrap()
                assert (response.status, len(response.body)) == (200, size)
                assert (response.attempts, elapsed) == (1, 0)
        assert len(server.connections) <= 1
        await client.stop()
        await server.wait_until(lambda s: s.open_connections == 0)


@pytest.mark.parametrize("cause", fault.all())
async def test_after_the_fault_the_same_client_is_served(cause: Fault) -> None:
    async with (
        virtual_time(),
        serving(cause) as server,
        client_of(server, cause) as client,
    ):
        server.on.get("/x").respond(text="well")
        async with server.outage(cause):
            await call(client, server)
            if cause.then != "keep" and cause.then != "race":  # noqa: PLR1714 - typed
                await server.wait_until(lambda s: s.open_connections == 0)
        if cause == fault.keepalive_race():
            # The one that is lost on the connection that was to be used again.
            lost = (await call(client, server)).unwrap_err()
            assert isinstance(lost, HTTPConnectionError)
            assert (lost.failure, lost.request_sent) == ("disconnected", "maybe")
        assert (await call(client, server)).unwrap().text == "well"
