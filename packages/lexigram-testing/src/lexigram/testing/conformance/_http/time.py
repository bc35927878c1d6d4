"""HTTP-110 to 119: timeouts and cancellation."""

from __future__ import annotations

import asyncio

from lexigram.contracts.web import HTTPClientProtocol, HTTPTimeoutError
from lexigram.testing._answers.faults import fault
from lexigram.testing._answers.outcomes import Reply
from lexigram.testing.conformance._backend import Backend, WiredBackend
from lexigram.testing.conformance._expectations import (
    elapsed,
    expect,
    expect_equal,
    expect_err,
    expect_ok,
    fail,
    now,
)
from lexigram.testing.conformance._http.opening import client_behaviour
from lexigram.testing.conformance._http.tasks import begun


@client_behaviour("HTTP-110")
async def a_timeout_is_exact(client: HTTPClientProtocol, backend: Backend) -> None:
    """A call without an answer ends at its timeout, to the moment."""
    backend.on.get("/x").fail(fault.hang())
    for seconds in (0.25, 7.5, 30.0):
        began = now()
        result = await client.get(f"{backend.base_url}/x", timeout=seconds)
        error = expect_err(result, HTTPTimeoutError)
        expect_equal("The seconds that it took", elapsed(began), seconds)
        expect_equal("The phase", error.phase, "total")
        expect_equal("The limit", error.limit, seconds)
        expect(error.retryable, "It is not called retryable.")
        expect_equal("Whether it was sent", error.request_sent, "maybe")


@client_behaviour("HTTP-111")
async def a_timeout_covers_the_whole_call(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """A timeout covers headers that come late and a body that comes slowly."""
    backend.on.get("/late").respond(delay=60)
    backend.on.get("/slow").respond(Reply(chunks=[b"a", b"b", b"c"], pause=4))
    for path in ("/late", "/slow"):
        began = now()
        result = await client.get(f"{backend.base_url}{path}", timeout=5)
        expect_err(result, HTTPTimeoutError)
        expect_equal(f"The seconds that {path} took", elapsed(began), 5.0)


@client_behaviour("HTTP-112")
async def a_timeout_covers_every_attempt(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """A timeout covers all attempts and redirects of a call together."""
    backend.on.get("/x").respond(302, headers={"Location": "/y"}, delay=3)
    backend.on.get("/y").respond(503, delay=3).optional()
    began = now()
    result = await client.get(f"{backend.base_url}/x", timeout=5)
    expect_err(result, HTTPTimeoutError)
    expect_equal("The seconds that it took", elapsed(began), 5.0)


@client_behaviour("HTTP-113")
async def an_answer_in_time_is_waited_for(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """An answer within the timeout is waited for; None waits as long as it takes."""
    backend.on.get("/x").respond(delay=4)
    backend.on.get("/day").respond(delay=12 * 3600)
    response = expect_ok(await client.get(f"{backend.base_url}/x", timeout=5))
    expect_equal("Its `elapsed`", round(response.elapsed, 6), 4.0)
    expect_ok(await client.get(f"{backend.base_url}/day", timeout=None))


@client_behaviour("HTTP-114")
async def cancellation_passes_through(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """A cancelled call ends in `CancelledError`, and other calls go on."""
    backend.on.get("/x").respond(delay=20)
    url = f"{backend.base_url}/x"
    cancelled = begun(client.request("GET", url))
    other = begun(client.request("GET", url))
    await backend.calls.wait_for(2)
    cancelled.cancel()
    await asyncio.wait({cancelled})
    expect(cancelled.cancelled(), f"The call ended in {cancelled!r}.")
    expect_equal("The status of the other call", (await other).status, 200)


@client_behaviour("HTTP-115")
async def the_callers_own_timeout_is_his(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """A timeout of the caller around a call is a cancellation, no error of HTTP."""
    backend.on.get("/x").fail(fault.hang())
    began = now()
    try:
        async with asyncio.timeout(3):
            result = await client.get(f"{backend.base_url}/x", timeout=10)
    except TimeoutError:
        expect_equal("The seconds that it took", elapsed(began), 3.0)
    else:
        fail(f"Expected TimeoutError, got {result!r}.")


@client_behaviour("HTTP-116", needs={"wire"})
async def cancellation_releases_the_connection(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """A cancelled call leaves no connection open, and blocks no later call."""
    if not isinstance(backend, WiredBackend):
        raise TypeError(f"{backend!r} counts no connections.")  # what "wire" stands for
    backend.on.get("/x").fail(fault.hang())
    backend.on.get("/y").respond()
    for number in range(1, 31):
        call = begun(client.request("GET", f"{backend.base_url}/x"))
        await backend.calls.wait_for(number)
        call.cancel()
        await asyncio.wait({call})
        await backend.wait_until(lambda server: server.open_connections == 0)
    expect_ok(await client.get(f"{backend.base_url}/y"))


@client_behaviour("HTTP-117")
async def timeouts_leave_the_client_usable(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    """After many timeouts the client works as before."""
    backend.on.get("/bad").fail(fault.hang())
    backend.on.get("/good").respond()
    url = f"{backend.base_url}/bad"
    results = await asyncio.gather(*(client.get(url, timeout=2) for _ in range(30)))
    for result in results:
        expect_err(result, HTTPTimeoutError)
    expect_ok(await client.get(f"{backend.base_url}/good"))
