"""Streams of the real client and of the fake under pipelines."""

from contextlib import aclosing
from random import Random
from typing import Any

import pytest

from lexigram.contracts.web import (
    HTTPCircuitOpenError,
    HTTPConnectionError,
    HTTPRejectedError,
)
from lexigram.contracts.web.streaming import (
    Reconnect,
    Resumed,
    ServerSentEvent,
    events,
)
from lexigram.http import HTTPClient, HTTPClientConfig
from lexigram.resilience import (
    BudgetConfig,
    CircuitBreakerConfig,
    HedgeConfig,
    PipelineConfig,
    ResiliencePipeline,
    RetryConfig,
    RetryPolicy,
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


@pytest.mark.parametrize("kind", [HTTPClient, FakeHTTPClient])
async def test_reconnections_come_out_of_the_budget_and_wait_for_it(
    kind: type[HTTPClient | FakeHTTPClient],
) -> None:
    budget = BudgetConfig(ratio=0, min_per_second=0.2, window=10)  # two in ten seconds
    policy = RetryPolicy(RetryConfig(budget=budget))
    async with virtual_time() as clock, FaultServer.run() as server:
        real = kind is HTTPClient
        client = (
            HTTPClient(DIRECT, retry_policy=policy)
            if real
            else FakeHTTPClient(retry_policy=policy, base_url=server.base_url)
        )
        async with client:
            backend = server if isinstance(client, HTTPClient) else client
            backend.on.get("/feed").respond(
                headers={"Content-Type": "text/event-stream"}, text="data: a\n\n"
            )
            source = events(
                client,
                f"{server.base_url}/feed",
                reconnect=Reconnect(delay=1.0, jitter=0.0),
            )
            found: list[tuple[int, ServerSentEvent | Resumed]] = []
            async with aclosing(source):
                async for item in source:
                    found.append((round(clock.elapsed), item))
                    if len(found) == 7:
                        break
            assert len(backend.calls) == 4
    marks = [(at, item) for at, item in found if isinstance(item, Resumed)]
    # The third one is refused at 3, 5 and 9 seconds, until the first is forgotten.
    assert [at for at, _ in marks] == [1, 2, 17]
    assert [type(item.cause) for _, item in marks] == [
        type(None),
        type(None),
        HTTPRejectedError,
    ]
