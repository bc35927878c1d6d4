"""Each limit of time ends what it is for, under its own name, and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from lexigram.contracts.web import (
    HTTPInvalidRequestError,
    HttpResponse,
    HTTPTimeoutError,
    Timeouts,
)
from lexigram.http import ConnectionPoolConfig, HTTPClient, HTTPClientConfig
from lexigram.result import Result
from lexigram.testing import (
    Fault,
    FaultServer,
    RecordedRequest,
    Reply,
    VirtualClock,
    fault,
    virtual_time,
)


@asynccontextmanager
async def at_work(
    config: ConnectionPoolConfig | None = None, *, tls: bool = False
) -> AsyncIterator[tuple[VirtualClock, FaultServer, HTTPClient]]:
    pool = config or ConnectionPoolConfig()
    async with (
        virtual_time() as clock,
        FaultServer.run(tls=tls) as server,
        HTTPClient(HTTPClientConfig(pool=pool)) as client,
    ):
        yield clock, server, client


def timeout_of(result: Result[HttpResponse, Exception]) -> HTTPTimeoutError:
    error = result.unwrap_err()
    assert isinstance(error, HTTPTimeoutError)
    return error


PHASES = [
    (fault.hang(), Timeouts(read=2.0), "read", "maybe"),
    (fault.hang(after_bytes=100), Timeouts(read=2.0), "read", "yes"),
    (fault.hang(), Timeouts(attempt=2.0), "attempt", "maybe"),
    (fault.drip(10), Timeouts(attempt=2.0, read=1.5), "attempt", "yes"),
    (fault.hang(), Timeouts(total=2.0), "total", "maybe"),
    (fault.hang(), Timeouts(total=2.0, attempt=3.0, read=4.0), "total", "maybe"),
]


@pytest.mark.parametrize(
    ("cause", "timeouts", "phase", "sent"),
    PHASES,
    ids=[f"{index}-{phase}" for index, (_, _, phase, _) in enumerate(PHASES)],
)
async def test_what_runs_out_first_has_its_name(
    cause: Fault, timeouts: Timeouts, phase: str, sent: str
) -> None:
    async with at_work() as (clock, server, client):
        async with server.outage(cause):
            result = await client.get(
                f"{server.base_url}/x", timeout=timeouts, retry=False
            )
            error = timeout_of(result)
            assert (error.phase, error.limit, clock.elapsed) == (phase, 2.0, 2.0)
            assert error.request_sent == sent
            await server.wait_until(lambda s: s.open_connections == 0)
        assert client.statistics().open == 0


async def test_a_handshake_that_hangs_is_a_connection_that_was_never_opened() -> None:
    async with at_work(tls=True) as (clock, server, client):
        async with server.outage(fault.tls("hang")):
            error = timeout_of(await client.get(f"{server.base_url}/x", retry=False))
        assert (error.phase, error.limit, clock.elapsed) == ("connect", 10.0, 10.0)
        assert error.request_sent == "no"


async def test_a_wait_for_a_connection_has_a_limit_of_its_own() -> None:
    async def slow(_: RecordedRequest) -> Reply:
        await asyncio.sleep(5)
        return Reply(200)

    config = ConnectionPoolConfig(max_connections=1, acquire_timeout=2)
    async with at_work(config) as (clock, server, client):
        server.on.get("/x").handle(slow)
        url = f"{server.base_url}/x"
        first = asyncio.create_task(client.get(url))
        await server.calls.wait_for(1)
        error = timeout_of(await client.get(url))
        assert (error.phase, error.limit, clock.elapsed) == ("pool", 2.0, 2.0)
        # It was we who were busy, so nothing was sent, and nothing is tried again.
        assert (error.request_sent, error.attempts) == ("no", 1)
        assert (await first).is_ok()
        assert len(server.calls) == 1


async def test_an_attempt_that_is_cut_leaves_time_for_another() -> None:
    async with at_work() as (clock, server, client):
        server.on.get("/x").sequence(fault.hang(), Reply(200, body=b"late"))
        response = (
            await client.get(f"{server.base_url}/x", timeout=Timeouts(attempt=3.0))
        ).unwrap()
        assert (response.body, response.attempts) == (b"late", 2)
        assert 3.0 <= clock.elapsed < 3.2


async def test_each_piece_of_a_body_renews_the_patience() -> None:
    async with at_work() as (clock, server, client), server.outage(fault.drip(10)):
        response = (
            await client.get(
                f"{server.base_url}/x", timeout=Timeouts(read=1.5, total=None)
            )
        ).unwrap()
        assert len(response.body) == 1024
        assert clock.elapsed > 60.0


async def test_a_slow_upload_is_no_silence() -> None:
    size = 16 * 1024 * 1024

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        piece = 64 * 1024
        for _ in range(size // piece):
            await reader.readexactly(piece)
            await asyncio.sleep(0.01)
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    async with (
        virtual_time() as clock,
        await asyncio.start_server(serve, "127.0.0.1") as server,
        HTTPClient() as client,
    ):
        port = server.sockets[0].getsockname()[1]
        response = (
            await client.put(
                f"http://127.0.0.1:{port}/", data=bytes(size), timeout=Timeouts(read=2)
            )
        ).unwrap()
        assert response.status == 204
        assert clock.elapsed > 2


async def test_what_a_call_leaves_out_is_the_client_s() -> None:
    config = ConnectionPoolConfig(timeout=9, attempt_timeout=4, read_timeout=2)
    async with (
        at_work(config) as (clock, server, client),
        server.outage(fault.hang()),
    ):
        result = await client.get(
            f"{server.base_url}/x", timeout=Timeouts(read=None), retry=False
        )
        assert (timeout_of(result).phase, clock.elapsed) == ("attempt", 4.0)
        result = await client.get(f"{server.base_url}/x", timeout=3, retry=False)
        assert (timeout_of(result).phase, clock.elapsed) == ("read", 6.0)


@pytest.mark.parametrize("limit", ["attempt", "read"])
async def test_a_cancelled_caller_wins_over_a_limit_that_runs_out_as_well(
    limit: str,
) -> None:
    async with at_work() as (clock, server, client), server.outage(fault.hang()):
        call = asyncio.create_task(
            client.get(f"{server.base_url}/x", timeout=Timeouts(**{limit: 2.0}))
        )
        # Due at the same moment as the limit, and later in line.
        asyncio.get_running_loop().call_at(
            asyncio.get_running_loop().time() + 2.0, call.cancel
        )
        with pytest.raises(asyncio.CancelledError):
            await call
        assert clock.elapsed == 2.0
        await server.wait_until(lambda s: s.open_connections == 0)


async def test_both_limits_at_one_moment_are_one_timeout() -> None:
    async with at_work() as (clock, server, client), server.outage(fault.hang()):
        task = asyncio.current_task()
        assert task is not None
        both = Timeouts(total=2.0, attempt=2.0)
        result = await client.get(f"{server.base_url}/x", timeout=both)
        assert timeout_of(result).phase in {"total", "attempt"}
        assert clock.elapsed == 2.0
        assert task.cancelling() == 0


@pytest.mark.parametrize("seconds", [0, -1.0, True, "2", float("nan")])
def test_a_limit_is_a_positive_number(seconds: object) -> None:
    with pytest.raises(ValueError, match=r"^read=.* is not a positive number"):
        Timeouts(read=seconds)  # type: ignore[arg-type]  # what is refused


@pytest.mark.parametrize("given", [0, -1.0, True, "2"])
async def test_a_timeout_that_is_none_is_refused(given: object) -> None:
    async with HTTPClient() as client:
        error = (
            await client.get("http://127.0.0.1:9/", timeout=given)  # type: ignore[arg-type]  # what is refused
        ).unwrap_err()
    assert isinstance(error, HTTPInvalidRequestError)
    assert "or Timeouts" in str(error)
