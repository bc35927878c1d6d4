"""What becomes of a call, for every fault that a server can have.

One table says it for each; a fault that is not in it fails the test. It is also what
`tools/error_table.py` shows in docs/reference/errors.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
import pytest

from lexigram.contracts.web import (
    ConnectionFailure,
    HTTPClientError,
    HTTPConnectionError,
    HttpResponse,
    HTTPTimeoutError,
    HTTPTooManyRedirectsError,
    RequestSent,
    TimeoutPhase,
    TLSReason,
)
from lexigram.http import HTTPClient, HTTPClientConfig, TLSConfig
from lexigram.result import Result
from lexigram.testing import Fault, FaultServer, fault, virtual_time


@pytest.fixture(params=["tried", "untried"])
def release(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A release of aiohttp, which decides on the way that requests are sent."""
    name: str = request.param
    if name == "untried":
        monkeypatch.setattr(aiohttp, "__version__", "3.999.0")
    return name


LIMIT = 30.0
"""Seconds of a call, all of them virtual."""

CONNECT_LIMIT = 10.0
"""Seconds for opening a connection, by default."""


@dataclass(frozen=True)
class Ending:
    """How a call ends that meets a fault and is not repeated."""

    error: type[HTTPClientError] | None = None
    """None: it has a response."""
    facts: Mapping[str, object] = field(default_factory=dict[str, object])
    """The attributes of the error, or of the response."""
    size: int = 0
    """How large the body of the response is."""
    after: float = 0.0
    """Seconds that it took."""
    requests: int = 1
    """Requests of the call, redirects included."""
    keeps: bool = False
    """Whether the connection may be used again: its framing was right."""


def fails(
    failure: ConnectionFailure,
    request_sent: RequestSent = "yes",
    *,
    reason: TLSReason | None = None,
    retryable: bool = True,
    keeps: bool = False,
) -> Ending:
    """There is no whole response, which is known at once."""
    facts = {
        "failure": failure,
        "reason": reason,
        "request_sent": request_sent,
        "retryable": retryable,
    }
    return Ending(HTTPConnectionError, facts, keeps=keeps)


def times_out(
    request_sent: RequestSent, phase: TimeoutPhase = "total", limit: float = LIMIT
) -> Ending:
    """A limit of time ends it."""
    facts = {
        "phase": phase,
        "limit": limit,
        "request_sent": request_sent,
        "retryable": True,
    }
    return Ending(HTTPTimeoutError, facts, after=limit)


def succeeds(size: int) -> Ending:
    """There is a response with a body of this size."""
    return Ending(facts={"status": 200, "cut": False}, size=size, keeps=True)


def gives_up(redirects: int) -> Ending:
    """So many redirects were followed, and there was one more."""
    facts = {"limit": redirects, "request_sent": "yes", "retryable": False}
    return Ending(HTTPTooManyRedirectsError, facts, requests=redirects + 1, keeps=True)


MATRIX: dict[Fault, Ending] = {
    fault.refused(): fails("connect", "no"),
    fault.reset_on_accept(): fails("disconnected", "maybe"),
    fault.reset_on_request(): fails("disconnected", "maybe"),
    fault.reset(): fails("disconnected", "maybe"),
    fault.reset(after_bytes=100): fails("truncated"),
    fault.hang(): times_out("maybe"),
    fault.hang(after_bytes=100): times_out("yes"),
    fault.close(): fails("disconnected", "maybe"),
    fault.garbage(): fails("protocol"),
    fault.raw(b"HTTP/1.1 OK\r\n\r\n"): fails("protocol"),
    fault.stall_headers(): times_out("maybe"),
    fault.drip_headers(1): times_out("maybe"),
    fault.huge_header(): fails("protocol"),
    fault.duplicate_length(): fails("protocol"),
    fault.truncate(100): fails("truncated"),
    fault.half_close(100): fails("truncated"),
    fault.wrong_length(5): fails("truncated"),
    fault.wrong_length(-5): fails("protocol"),
    fault.drip(10): times_out("yes"),
    fault.bad_chunk(): fails("protocol"),
    fault.truncated_chunked(): fails("truncated"),
    fault.bad_gzip(): fails("truncated", keeps=True),
    fault.truncated_gzip(): fails("truncated", keeps=True),
    fault.body_on_204(): fails("protocol"),
    # Whether a body can be read is found out by who reads it.
    fault.invalid_json(): succeeds(13),
    fault.wrong_charset(): succeeds(10),
    fault.redirect_loop(): gives_up(10),
    fault.close_after_reply(): succeeds(1024),
    fault.keepalive_race(): succeeds(1024),
    fault.tls("untrusted"): fails(
        "tls", "no", reason="unknown_issuer", retryable=False
    ),
    fault.tls("wrong_host"): fails("tls", "no", reason="wrong_host", retryable=False),
    fault.tls("expired"): fails("tls", "no", reason="expired", retryable=False),
    # aiohttp does not tell a handshake that was cut off from a connection that was.
    fault.tls("reset"): fails("connect", "no"),
    fault.tls("hang"): times_out("no", "connect", CONNECT_LIMIT),
    fault.tls("plaintext"): fails("tls", "no", reason="not_tls"),
}


def serving(cause: Fault) -> FaultServer:
    return FaultServer.run(tls=cause.kind == "tls")


def client_of(server: FaultServer, cause: Fault) -> HTTPClient:
    if cause.kind != "tls":
        return HTTPClient()
    return HTTPClient(HTTPClientConfig(tls=TLSConfig(ca_data=server.ca_pem.decode())))


async def call(
    client: HTTPClient, server: FaultServer
) -> Result[HttpResponse, HTTPClientError]:
    return await client.get(f"{server.base_url}/x", retry=False, timeout=LIMIT)


def test_every_fault_is_in_the_table_once() -> None:
    assert set(MATRIX) == set(fault.all())


@pytest.mark.usefixtures("release")
@pytest.mark.parametrize("cause", fault.all())
async def test_a_call_meets_a_fault(cause: Fault) -> None:
    expected = MATRIX[cause]
    async with (
        virtual_time() as clock,
        serving(cause) as server,
        client_of(server, cause) as client,
    ):
        async with server.outage(cause):
            result = await call(client, server)
            elapsed = clock.elapsed
            if not expected.keeps:
                # No connection that went wrong may be used again.
                await server.wait_until(lambda s: s.open_connections == 0)
        outcome = result.unwrap() if result.is_ok() else result.unwrap_err()
        assert type(outcome) is (expected.error or HttpResponse)
        facts = {name: getattr(outcome, name) for name in expected.facts}
        assert facts == expected.facts
        assert len(getattr(outcome, "body", b"")) == expected.size
        assert (outcome.attempts, elapsed) == (expected.requests, expected.after)
        if expected.requests > 1:
            assert len(server.calls) == expected.requests
        assert len(server.connections) <= 1
        await client.stop()
        await server.wait_until(lambda s: s.open_connections == 0)


@pytest.mark.usefixtures("release")
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
