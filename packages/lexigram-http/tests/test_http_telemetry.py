"""Each call leaves one duration, one status and, when it went wrong, one record."""

import logging
from collections.abc import Mapping

import pytest

from lexigram.http import BaseURLHTTPClient, HTTPClient
from lexigram.testing import FaultServer, InMemoryMetrics, Reply, fault


async def test_a_call_is_recorded_once_however_many_attempts_it_took() -> None:
    metrics = InMemoryMetrics()
    async with FaultServer.run() as server, HTTPClient(metrics=metrics) as client:
        server.on.get("/v1").sequence(
            Reply(503, headers={"Retry-After": "0"}), Reply(200)
        )
        server.on.post("/v1").respond(404)
        await client.get(f"{server.base_url}/v1")
        await client.request("POST", f"{server.base_url}/v1")
        async with BaseURLHTTPClient(server.base_url, client=client) as base:
            await base.post("/v1")
    assert len(metrics.observations("http.request.duration", method="GET")) == 1
    assert len(metrics.observations("http.request.duration", method="POST")) == 2
    metrics.assert_emitted("http.request.status", value=1, method="GET", status="200")
    metrics.assert_emitted("http.request.status", value=2, method="POST", status="404")


async def test_failures_are_counted_by_their_kind() -> None:
    metrics = InMemoryMetrics()
    async with FaultServer.run() as server, HTTPClient(metrics=metrics) as client:
        server.on.get("/hang").fail(fault.hang())
        server.on.get("/reset").fail(fault.reset())
        await client.get(f"{server.base_url}/hang", timeout=0.05)
        await client.get(f"{server.base_url}/reset", retry=False)
    metrics.assert_emitted(
        "http.request.status", value=1, method="GET", status="timeout"
    )
    metrics.assert_emitted(
        "http.request.status", value=1, method="GET", status="connection_error"
    )
    assert len(metrics.observations("http.request.duration", method="GET")) == 2


class Broken:
    """A recorder that cannot record."""

    def increment(
        self, name: str, value: int = 1, tags: Mapping[str, str] | None = None
    ) -> None:
        raise OSError("disk full")

    def gauge(
        self, name: str, value: float, tags: Mapping[str, str] | None = None
    ) -> None:
        raise OSError("disk full")

    def histogram(
        self, name: str, value: float, tags: Mapping[str, str] | None = None
    ) -> None:
        raise OSError("disk full")


async def test_a_recorder_that_raises_never_fails_a_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with FaultServer.run() as server, HTTPClient(metrics=Broken()) as client:
        server.on.get("/v1").respond(200)
        for _ in range(3):
            assert await client.get(f"{server.base_url}/v1")
    events = [record.message for record in caplog.records]
    assert events == ["http.client.metrics_recorder_failed"]


async def test_what_went_wrong_is_logged_with_fields_and_without_secrets(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "lexigram.http")
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/404").respond(404)
        server.on.get("/hang").fail(fault.hang())
        server.on.get("/reset").fail(fault.reset())
        secret = {"params": {"token": "s3cret"}, "headers": {"Authorization": "s3cret"}}
        await client.get(f"{server.base_url}/404", **secret)
        await client.get(f"{server.base_url}/hang", timeout=0.05, **secret)
        await client.get(f"{server.base_url}/reset", retry=False, **secret)
    records = {record.message: vars(record) for record in caplog.records}
    assert set(records) == {
        "http.client.error_response", "http.client.timeout", "http.client.connection_error",
    }  # fmt: skip
    assert records["http.client.error_response"]["status"] == 404
    for fields in records.values():
        assert fields["method"] == "GET"
        assert fields["url"].startswith(server.base_url)
        assert fields["attempts"] == 1
        assert fields["levelno"] == logging.DEBUG
        assert "s3cret" not in str(fields)


async def test_a_good_answer_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "lexigram.http")
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/v1").respond(200)
        await client.get(f"{server.base_url}/v1")
    assert not caplog.records
