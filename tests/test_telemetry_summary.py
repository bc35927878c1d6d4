"""The summary of calls, kept by an interceptor and a recorder."""

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from lexigram import Application
from lexigram.contracts.clock import SystemClock
from lexigram.contracts.web import HTTPClientProtocol
from lexigram.http import HTTPClient, HTTPModule
from lexigram.metrics import MetricsSummary, MetricsSummaryModule
from lexigram.otel import OTelModule
from lexigram.resilience import ResilienceModule
from lexigram.testing import FakeHTTPClient, FaultServer, Reply, fault, virtual_time


def by_route(summary: MetricsSummary) -> dict[str, dict[str, Any]]:
    return {call["route"]: call for call in summary.as_dict()["calls"]}


async def test_calls_are_told_apart_by_route_and_upstream() -> None:
    async with (
        FaultServer.run() as one,
        FaultServer.run() as two,
        virtual_time(),
    ):
        summary = MetricsSummary()
        one.on.get("/users/7").respond(200)
        one.on.get("/users/8").respond(404)
        two.on.get("/users/7").respond(200)
        async with HTTPClient(interceptors=[summary]) as client:
            for path in ("/users/7", "/users/8"):
                await client.get(f"{one.base_url}{path}", route="/users/{id}")
            await client.get(f"{two.base_url}/users/7?token=s3cret")

    first, second = summary.as_dict()["calls"]
    assert (first["upstream"], first["method"], first["route"]) == (
        one.base_url.removeprefix("http://"), "GET", "/users/{id}",
    )  # fmt: skip
    assert (first["count"], first["errors"]) == (2, 1)
    assert (second["upstream"], second["route"], second["count"], second["errors"]) == (
        two.base_url.removeprefix("http://"), "", 1, 0,
    )  # fmt: skip


async def test_a_call_lasts_from_its_first_attempt_to_the_end_of_its_last() -> None:
    async with FaultServer.run() as server, virtual_time():
        summary = MetricsSummary()
        server.on.get("/v1").sequence(
            Reply(503, headers={"Retry-After": "3"}), Reply(200)
        )
        async with HTTPClient(interceptors=[summary]) as client:
            await client.get(f"{server.base_url}/v1", timeout=30)

    (call,) = summary.as_dict()["calls"]
    assert call["count"] == 1
    assert call["p50"] == pytest.approx(3, rel=0.05)
    assert call["max"] >= 3
    assert call["rate"] == pytest.approx(1 / 3, rel=0.05)


async def test_a_call_without_a_response_is_an_error_and_a_cancelled_one_is_none() -> (
    None
):
    summary = MetricsSummary()
    async with (
        asyncio.timeout(10),
        FaultServer.run() as server,
        HTTPClient(interceptors=[summary]) as client,
    ):
        server.on.get("/reset").fail(fault.reset())
        server.on.get("/hang").fail(fault.hang())
        await client.get(f"{server.base_url}/reset", retry=False, route="reset")
        task = asyncio.create_task(client.get(f"{server.base_url}/hang", route="hang"))
        await server.calls.wait_for(2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    calls = by_route(summary)
    assert (calls["reset"]["count"], calls["reset"]["errors"]) == (1, 1)
    assert "hang" not in calls


async def test_the_fake_is_summed_up_as_the_client_is() -> None:
    summary = MetricsSummary()
    async with FakeHTTPClient(interceptors=[summary]) as fake:
        fake.on.get("https://api.test/v1").respond(404)
        await fake.get("https://me:pw@api.test/v1", route="/v1")

    (call,) = summary.as_dict()["calls"]
    assert (call["upstream"], call["count"], call["errors"]) == ("api.test", 1, 1)


async def test_the_table_shows_a_row_for_each_kind_of_call() -> None:
    async with FaultServer.run() as server, virtual_time() as clock:
        summary = MetricsSummary(SystemClock())
        server.on.get("/v1").respond(200)
        async with HTTPClient(interceptors=[summary]) as client:
            await client.get(f"{server.base_url}/v1", route="/v1/[id]")
            await clock.advance(10)
    shown = io.StringIO()
    summary.print(Console(file=shown, width=120))

    text = shown.getvalue()
    assert server.base_url.removeprefix("http://") in text
    assert "/v1/[id]" in text
    for heading in ("count", "errors", "rate", "p50", "p95", "p99"):
        assert heading in text


async def test_one_line_makes_an_application_keep_a_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with (
        FaultServer.run() as server,
        Application.boot(
            HTTPModule.configure(),
            ResilienceModule.configure(),
            MetricsSummaryModule.configure(),
            OTelModule.configure(),
        ) as app,
    ):
        server.on.get("/v1").sequence(
            Reply(503, headers={"Retry-After": "0"}), Reply(200)
        )
        client = await app.resolve(HTTPClientProtocol)
        await client.get(f"{server.base_url}/v1", route="/v1")
        summary = await app.resolve(MetricsSummary)

    assert by_route(summary)["/v1"]["count"] == 1
    metrics = {one["name"]: one for one in summary.as_dict()["metrics"]}
    assert metrics["lexigram.resilience.retry.attempts"]["value"] == 1
    assert metrics["lexigram.resilience.attempt.duration"]["count"] == 1
