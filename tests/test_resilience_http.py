"""The real client and the fake under pipelines: limits of time, connections, the traps
of HTTP.
"""

import asyncio
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest

from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.contracts.web import (
    HTTPCircuitOpenError,
    HTTPClientProtocol,
    HTTPConnectionError,
    HTTPInvalidRequestError,
    HTTPRetryExhaustedError,
    HTTPTimeoutError,
)
from lexigram.http import ConnectionPoolConfig, HTTPClient, HTTPClientConfig
from lexigram.resilience import (
    CircuitBreakerConfig,
    CircuitState,
    HedgeConfig,
    PipelineConfig,
    ResiliencePipeline,
    RetryConfig,
    TimeoutsConfig,
)
from lexigram.testing import (
    FakeHTTPClient,
    FaultServer,
    InMemoryMetrics,
    Reply,
    fault,
    virtual_time,
)

AT_ONCE = RetryConfig(base_delay=0, max_delay=0)


def pipeline_of(**sections: Any) -> ResiliencePipeline:
    """Return the standard pipeline with other sections; its waits are repeatable."""
    return ResiliencePipeline.from_config(PipelineConfig(**sections), random=Random(1))


def opened(pipeline: ResiliencePipeline, key: str) -> bool:
    breaker = pipeline.policies.breaker
    assert breaker is not None
    return breaker.snapshot()[key].state is CircuitState.OPEN


def failures(pipeline: ResiliencePipeline, key: str) -> int:
    breaker = pipeline.policies.breaker
    assert breaker is not None
    return breaker.snapshot()[key].failures


# -- limits of time --------------------------------------------------------------------


async def test_an_attempt_that_hangs_is_a_timeout_of_the_phase_attempt() -> None:
    pipeline = pipeline_of(timeouts=TimeoutsConfig(total=10, attempt=2), retry=None)
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        HTTPClient(resilience=pipeline) as client,
    ):
        server.on.get("/v1").fail(fault.hang())
        error = (await client.get(f"{server.base_url}/v1")).unwrap_err()
        assert isinstance(error, HTTPTimeoutError)
        assert (error.phase, error.limit, error.attempts) == ("attempt", 2, 1)
        assert (error.request_sent, error.retryable) == ("maybe", True)
        assert clock.elapsed == 2
        assert failures(pipeline, server.base_url) == 1


async def test_attempts_that_all_hang_are_exhausted_and_each_connection_is_closed() -> (
    None
):
    pipeline = pipeline_of(timeouts=TimeoutsConfig(total=30, attempt=2))
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        HTTPClient(resilience=pipeline) as client,
    ):
        server.on.get("/v1").fail(fault.hang())
        with pytest.raises(HTTPRetryExhaustedError) as caught:
            await client.get(f"{server.base_url}/v1")
        error = caught.value
        assert isinstance(error.last, HTTPTimeoutError)
        assert error.__cause__ is error.last
        assert (error.last.phase, error.last.request_sent) == ("attempt", "maybe")
        assert (error.attempts, len(server.calls)) == (3, 3)
        assert 6 < clock.elapsed < 7

        await server.wait_until(lambda s: s.open_connections == 0)
        assert [c.closed_by for c in server.connections] == ["client"] * 3
        assert failures(pipeline, server.base_url) == 3


async def test_the_limit_of_the_call_ends_it_in_the_phase_total() -> None:
    pipeline = pipeline_of(
        timeouts=TimeoutsConfig(total=5, attempt=2.25), retry=AT_ONCE
    )
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        HTTPClient(resilience=pipeline) as client,
    ):
        server.on.get("/v1").fail(fault.hang())
        error = (await client.get(f"{server.base_url}/v1")).unwrap_err()
        assert isinstance(error, HTTPTimeoutError)
        assert (error.phase, error.limit, error.attempts) == ("total", 5, 3)
        assert clock.elapsed == 5
        await server.wait_until(lambda s: s.open_connections == 0)
        assert failures(pipeline, server.base_url) == 3


@pytest.mark.parametrize("attempt", [5, 20], ids=["at_once", "before"])
async def test_the_timeout_of_the_client_wins_over_a_later_limit(attempt: int) -> None:
    pipeline = pipeline_of(timeouts=TimeoutsConfig(total=60, attempt=attempt))
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        HTTPClient(resilience=pipeline) as client,
    ):
        server.on.get("/v1").fail(fault.hang())
        url = f"{server.base_url}/v1"
        error = (await client.get(url, timeout=5)).unwrap_err()
        assert isinstance(error, HTTPTimeoutError)
        assert (error.phase, error.limit, error.attempts) == ("total", 5, 1)
        assert clock.elapsed == 5


async def test_a_call_that_hangs_once_is_answered_by_its_second_attempt() -> None:
    pipeline = pipeline_of(timeouts=TimeoutsConfig(total=30, attempt=2))
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        HTTPClient(resilience=pipeline) as client,
    ):
        server.on.get("/v1").sequence(fault.hang(), Reply(200, body=b"fine"))
        response = await client.request("GET", f"{server.base_url}/v1")
        assert (response.body, response.attempts) == (b"fine", 2)
        assert 2.1 <= clock.elapsed < 2.4


async def test_a_pool_of_one_connection_outlives_attempts_that_were_cut() -> None:
    pipeline = pipeline_of(timeouts=TimeoutsConfig(total=30, attempt=2), breaker=None)
    config = HTTPClientConfig(pool=ConnectionPoolConfig(max_connections=1))
    async with (
        virtual_time(),
        FaultServer.run() as server,
        HTTPClient(config, resilience=pipeline) as client,
    ):
        server.on.get("/hang").fail(fault.hang(after_bytes=5))
        server.on.get("/v1").respond(200)
        for _ in range(3):
            with pytest.raises(HTTPRetryExhaustedError):
                await client.get(f"{server.base_url}/hang")
            assert (await client.get(f"{server.base_url}/v1")).is_ok()
        # Beside the one that stays open, each was cut, and closed for it.
        *cut, _ = server.connections
        assert len(cut) == 9
        assert {c.closed_by for c in cut} == {"client"}


async def test_a_circuit_opens_for_an_upstream_that_hangs_and_closes_after_it() -> None:
    pipeline = pipeline_of(
        timeouts=TimeoutsConfig(total=30, attempt=2),
        breaker=CircuitBreakerConfig(
            minimum_calls=5, open_duration=10, half_open_permits=1
        ),
    )
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        HTTPClient(resilience=pipeline) as client,
    ):
        server.on.get("/v1").respond(200)
        url = f"{server.base_url}/v1"
        async with server.outage(fault.hang()):
            with pytest.raises(HTTPRetryExhaustedError):
                await client.get(url)
            with pytest.raises(HTTPCircuitOpenError) as caught:
                await client.get(url)
        assert caught.value.attempts == 2
        assert len(server.calls) == 5
        assert opened(pipeline, server.base_url)

        before = clock.elapsed
        with pytest.raises(HTTPCircuitOpenError):
            await client.get(url)
        assert (clock.elapsed, len(server.calls)) == (before, 5)

        await asyncio.sleep(10)
        assert (await client.get(url)).is_ok()
        assert not opened(pipeline, server.base_url)


async def test_a_hedge_that_wins_leaves_no_connection_of_the_loser() -> None:
    pipeline = pipeline_of(
        timeouts=TimeoutsConfig(total=30, attempt=10), hedge=HedgeConfig(delay=1.0)
    )
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        HTTPClient(resilience=pipeline) as client,
    ):
        server.on.get("/v1").sequence(fault.hang(), Reply(200))
        response = await client.request("GET", f"{server.base_url}/v1")
        assert (response.status, response.attempts) == (200, 2)
        assert clock.elapsed == 1
        await server.wait_until(lambda s: s.open_connections == 1)
        assert [c.closed_by for c in server.connections] == ["client", None]


async def test_attempts_of_a_hedge_that_all_hang_are_timeouts_and_counted() -> None:
    pipeline = pipeline_of(
        timeouts=TimeoutsConfig(total=30, attempt=10),
        hedge=HedgeConfig(delay=1.0),
        retry=None,
    )
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        HTTPClient(resilience=pipeline) as client,
    ):
        server.on.get("/v1").fail(fault.hang())
        error = (await client.get(f"{server.base_url}/v1")).unwrap_err()
        assert isinstance(error, HTTPTimeoutError)
        assert (error.phase, error.attempts) == ("attempt", 2)
        assert clock.elapsed == 11
        assert failures(pipeline, server.base_url) == 2
        await server.wait_until(lambda s: s.open_connections == 0)


async def test_a_call_cut_by_a_policy_is_one_timeout_in_the_metrics() -> None:
    metrics = InMemoryMetrics()
    recorder: MetricsRecorderProtocol = metrics
    pipeline = pipeline_of(timeouts=TimeoutsConfig(total=30, attempt=2), retry=None)
    async with (
        virtual_time(),
        FaultServer.run() as server,
        HTTPClient(resilience=pipeline, metrics=recorder) as client,
    ):
        server.on.get("/v1").fail(fault.hang())
        await client.get(f"{server.base_url}/v1")
    tags = {"method": "GET", "status": "timeout"}
    assert metrics.value("http.request.status", **tags) == 1


async def test_the_fake_says_of_limits_what_the_client_says() -> None:
    async def said(client: HTTPClientProtocol, url: str) -> list[object]:
        with pytest.raises(HTTPRetryExhaustedError) as caught:
            await client.get(url)
        exhausted = caught.value
        assert isinstance(exhausted.last, HTTPTimeoutError)
        cut = (await client.get(url, retry=False)).unwrap_err()
        assert isinstance(cut, HTTPTimeoutError)
        return [
            exhausted.attempts,
            exhausted.request_sent,
            exhausted.args,
            exhausted.last.phase,
            *(cut.phase, cut.limit, cut.attempts, cut.request_sent, cut.args),
        ]

    timeouts = TimeoutsConfig(total=30, attempt=2)
    async with virtual_time():
        fake = FakeHTTPClient(resilience=pipeline_of(timeouts=timeouts))
        fake.on.get("http://api.test/v1").fail(fault.hang())
        faked = await said(fake, "http://api.test/v1")
    async with (
        virtual_time(),
        FaultServer.run() as server,
        HTTPClient(resilience=pipeline_of(timeouts=timeouts)) as client,
    ):
        server.on.get("/v1").fail(fault.hang())
        real = await said(client, f"{server.base_url}/v1")
    assert faked == real


# -- the traps of HTTP -----------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_trap_t09_nothing_is_sent_that_the_policies_do_not_know_of(
    method: str,
) -> None:
    """A connection that is used again and ends without an answer tempts to repeat."""
    pipeline = pipeline_of(retry=None)
    async with FaultServer.run() as server, HTTPClient(resilience=pipeline) as client:
        server.on.get("/warm").respond(200)
        server.on(method, "/v1").fail(fault.close())
        assert (await client.get(f"{server.base_url}/warm")).is_ok()
        with pytest.raises(HTTPConnectionError) as caught:
            await client.request(method, f"{server.base_url}/v1")
        assert caught.value.attempts == 1
        assert [c.request.method for c in server.calls] == ["GET", method]
        assert server.connections[0].reuses == 1
        assert failures(pipeline, server.base_url) == 1


async def test_trap_t09_every_request_on_the_wire_is_an_attempt_of_the_breaker() -> (
    None
):
    pipeline = pipeline_of(retry=AT_ONCE)
    async with FaultServer.run() as server, HTTPClient(resilience=pipeline) as client:
        server.on.put("/v1").fail(fault.close())
        with pytest.raises(HTTPRetryExhaustedError) as caught:
            await client.put(f"{server.base_url}/v1", data=b"once")
        assert caught.value.attempts == len(server.calls) == 3
        assert failures(pipeline, server.base_url) == 3


async def test_trap_t10_each_attempt_sends_the_whole_body() -> None:
    pipeline = pipeline_of(retry=AT_ONCE)
    body = bytes(range(256)) * 8192  # large enough that it is sent in pieces
    async with FaultServer.run() as server, HTTPClient(resilience=pipeline) as client:
        server.on.put("/v1").sequence(Reply(503), fault.reset(), Reply(200))
        response = await client.request("PUT", f"{server.base_url}/v1", data=body)
        assert response.attempts == 3
        assert [c.request.body == body for c in server.calls] == [True] * 3


async def test_trap_t10_a_body_that_can_be_read_once_only_is_refused() -> None:
    async def pieces() -> Any:
        yield b"once"

    async with (
        FaultServer.run() as server,
        HTTPClient(resilience=pipeline_of()) as client,
    ):
        data: Any = pieces()
        error = (await client.put(f"{server.base_url}/v1", data=data)).unwrap_err()
        assert isinstance(error, HTTPInvalidRequestError)
        assert len(server.calls) == 0


@pytest.mark.parametrize("size", [60_000, 2_000_000], ids=["read", "cut"])
async def test_trap_t11_a_discarded_response_gives_its_connection_back(
    size: int,
) -> None:
    pipeline = pipeline_of(breaker=None)
    config = HTTPClientConfig(pool=ConnectionPoolConfig(max_connections=2, timeout=20))
    large = Reply(503, body=b"x" * size)
    async with (
        virtual_time(),
        FaultServer.run() as server,
        HTTPClient(config, resilience=pipeline) as client,
    ):
        server.on.get("/v1").sequence(*[large] * 8, *[Reply(200)] * 4)
        answers = await asyncio.gather(
            *(client.request("GET", f"{server.base_url}/v1") for _ in range(4))
        )
        assert [each.status for each in answers] == [200] * 4
        # Where the body was cut the server learns late that its connection was closed.
        await server.wait_until(lambda s: s.open_connections <= 2, timeout=5)


@pytest.mark.parametrize(
    "slow", [fault.hang(after_bytes=5), fault.drip(0.1)], ids=["hangs", "drips"]
)
async def test_trap_t12_a_limit_does_not_end_at_the_headers(slow: Any) -> None:
    pipeline = pipeline_of(timeouts=TimeoutsConfig(total=10, attempt=2), retry=None)
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        HTTPClient(resilience=pipeline) as client,
    ):
        server.on.get("/v1").fail(slow)
        error = (await client.get(f"{server.base_url}/v1")).unwrap_err()
        assert isinstance(error, HTTPTimeoutError)
        assert (error.phase, clock.elapsed) == ("attempt", 2)
        await server.wait_until(lambda s: s.open_connections == 0)


def test_every_trap_has_a_test_by_its_number() -> None:
    """Here, or in the package whose trap it is."""
    root = Path(__file__).parents[1]
    tested: set[int] = set()
    for path in [Path(__file__), *root.glob("packages/*/tests/test_*.py")]:
        for name in re.findall(r"def test_trap_(\w+)", path.read_text("utf-8")):
            tested |= {int(n) for n in re.findall(r"(?:^|_)t(\d\d)(?=_)", name)}
    assert tested == set(range(1, 29))
