"""Metrics for Prometheus, scraped as it does it."""

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from lexigram import Application
from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.contracts.web import HTTPClientProtocol, HttpResponse
from lexigram.http import HTTPClient, HTTPModule
from lexigram.metrics import MetricsSummary, MetricsSummaryModule
from lexigram.prometheus import (
    PrometheusConfig,
    PrometheusEndpoint,
    PrometheusModule,
    PrometheusRecorder,
)
from lexigram.resilience import ResilienceModule
from lexigram.testing import FaultServer, Reply
from lexigram.testing.conformance import MetricsRecorderConformance


def samples(page: str) -> dict[str, list[Sample]]:
    """Return what a scrape reads, by the names of the samples."""
    found: dict[str, list[Sample]] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample)
    return found


async def scrape(url: str) -> HttpResponse:
    async with HTTPClient() as client:
        return (await client.get(url)).unwrap()


async def test_a_scrape_reads_calls_and_policies_of_an_application(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with (
        FaultServer.run() as server,
        Application.boot(
            HTTPModule.configure(),
            ResilienceModule.configure(),
            PrometheusModule.configure(PrometheusConfig(port=0)),
        ) as app,
    ):
        server.on.get("/v1").sequence(
            Reply(503, headers={"Retry-After": "0"}), Reply(200)
        )
        client = await app.resolve(HTTPClientProtocol)
        assert (await client.get(f"{server.base_url}/v1")).is_ok()

        endpoint = await app.resolve(PrometheusEndpoint)
        assert endpoint.url is not None
        page = await scrape(endpoint.url)
        recorder = await app.resolve(PrometheusRecorder)
        assert page.headers["content-type"].startswith("text/plain")
        assert set(samples(page.text)) == set(samples(recorder.render().decode()))

    read = samples(page.text)
    (status,) = read["http_request_status_total"]
    assert (status.labels, status.value) == ({"method": "GET", "status": "200"}, 1)
    (count,) = read["http_request_duration_seconds_count"]
    assert (count.labels, count.value) == ({"method": "GET"}, 1)
    bounds = [
        float(one.labels["le"]) for one in read["http_request_duration_seconds_bucket"]
    ]
    assert {0.005, 0.1, 1.0, 10.0} <= set(bounds)
    (retried,) = read["lexigram_resilience_retry_attempts_total"]
    assert retried.value == 1
    assert {"policy", "key", "reason"} == set(retried.labels)
    assert "lexigram_resilience_attempt_duration_seconds_count" in read


async def test_a_stopped_application_serves_no_metrics_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEX_PROMETHEUS__PORT", "0")
    async with Application.boot(PrometheusModule.configure()) as app:
        url = (await app.resolve(PrometheusEndpoint)).url
        assert url is not None
        assert (await scrape(url)).status == 200
    async with HTTPClient() as client:
        assert (await client.get(url, retry=False)).is_err()


async def test_nothing_is_served_unless_a_port_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with Application.boot(PrometheusModule.configure()) as app:
        assert await app.resolve(PrometheusEndpoint) == PrometheusEndpoint(None)
        recorder = await app.resolve(PrometheusRecorder)
        assert await app.resolve(MetricsRecorderProtocol) is recorder


async def test_several_recorders_get_every_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with (
        FaultServer.run() as server,
        Application.boot(
            HTTPModule.configure(),
            PrometheusModule.configure(),
            MetricsSummaryModule.configure(),
        ) as app,
    ):
        server.on.get("/v1").respond(200)
        client = await app.resolve(HTTPClientProtocol)
        await client.get(f"{server.base_url}/v1")
        page = (await app.resolve(PrometheusRecorder)).render().decode()
        summary = (await app.resolve(MetricsSummary)).as_dict()

    assert "http_request_status_total" in samples(page)
    assert [one["count"] for one in summary["calls"]] == [1]
    assert "http.request.status" in [one["name"] for one in summary["metrics"]]


class TestPrometheusRecorder(MetricsRecorderConformance):
    version = "1.0"

    def make_metrics_recorder(self) -> MetricsRecorderProtocol:
        return PrometheusRecorder()


class TestMetricsSummary(MetricsRecorderConformance):
    version = "1.0"

    def make_metrics_recorder(self) -> MetricsRecorderProtocol:
        return MetricsSummary()
