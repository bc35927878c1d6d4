"""Streams of the real client and of the fake under pipelines."""

from random import Random
from typing import Any

import pytest

from lexigram.contracts.web import HTTPCircuitOpenError, HTTPConnectionError
from lexigram.http import HTTPClient, HTTPClientConfig
from lexigram.resilience import (
    CircuitBreakerConfig,
    HedgeConfig,
    PipelineConfig,
    ResiliencePipeline,
    RetryConfig,
    TimeoutsConfig,
)
from lexigram.testing import FakeHTTPClient, FaultServer, Reply, fault, virtual_time

AT_ONCE = RetryConfig(base_delay=0, max_delay=0)
DIRECT = HTTPClientConfig(trust_env=False)


def pipeline_of(**sections: Any) -> ResiliencePipeline:
    """Return the standard pipeline with other sections; its waits are repeatable."""
    return ResiliencePipeline.from_config(PipelineConfig(**sections), random=Random(1))


async def test_a_hedge_that_wins_streams_and_the_losers_connection_is_closed() -> None:
    pipeline = pipeline_of(
        timeouts=TimeoutsConfig(total=30, attempt=10), hedge=HedgeConfig(delay=1.0)
    )
    async with (
        virtual_time() as clock,
        FaultServer.run() as server,
        HTTPClient(DIRECT, resilience=pipeline) as client,
    ):
        server.on.get("/x").sequence(
            fault.hang(), Reply(chunks=[b"a\n", b"b\n", b"c\n"], pause=20)
        )
        async with client.stream("GET", f"{server.base_url}/x") as stream:
            await server.wait_until(lambda s: s.open_connections == 1)
            assert client.statistics().in_use == 1
            # The pipeline's limits of time are of the way to the head.
            assert [line async for line in stream] == ["a", "b", "c"]
        assert clock.elapsed == 41
        assert client.statistics().in_use == 0
        assert len(server.calls) == 2


async def test_a_pipeline_repeats_until_the_head_and_never_after_it() -> None:
    async with (
        FaultServer.run() as server,
        HTTPClient(DIRECT, resilience=pipeline_of(retry=AT_ONCE)) as client,
    ):
        server.on.get("/x").sequence(Reply(503), fault.reset(), fault.truncate(100))
        async with client.stream("GET", f"{server.base_url}/x") as stream:
            pieces = stream.bytes()
            assert await anext(pieces)
            with pytest.raises(HTTPConnectionError) as raised:
                await anext(pieces)
        assert (raised.value.failure, raised.value.attempts) == ("truncated", 3)
        assert len(server.calls) == 3


async def test_an_open_circuit_opens_no_stream() -> None:
    pipeline = pipeline_of(
        retry=None, breaker=CircuitBreakerConfig(consecutive_failures=2)
    )
    async with FakeHTTPClient(resilience=pipeline) as fake:
        fake.on.get("/x").respond(500)
        for _ in range(2):
            async with fake.stream("GET", "/x") as stream:
                assert stream.status == 500
        with pytest.raises(HTTPCircuitOpenError):
            async with fake.stream("GET", "/x"):
                pytest.fail("entered")
        assert len(fake.calls) == 2
