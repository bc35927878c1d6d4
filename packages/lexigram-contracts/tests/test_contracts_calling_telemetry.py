"""Each call leaves one duration, one status and, when it went wrong, one record."""

import logging
from collections.abc import Mapping
from dataclasses import replace

import pytest

from lexigram.contracts.web import (
    HTTPClientError,
    HTTPConnectionError,
    HTTPDecodeError,
    HttpResponse,
    HTTPRetryExhaustedError,
    HTTPTimeoutError,
    RequestContext,
)
from lexigram.contracts.web.calling import Telemetry, timed_out, too_large

REQUEST = RequestContext("PUT", "http://h/?token=s3cret")
GONE = HTTPConnectionError("Gone.", failure="disconnected", attempts=2)


class Recorder:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, float, Mapping[str, str] | None]] = []

    def increment(
        self, name: str, value: int = 1, tags: Mapping[str, str] | None = None
    ) -> None:
        self.kept.append((name, value, tags))

    def gauge(
        self, name: str, value: float, tags: Mapping[str, str] | None = None
    ) -> None:
        raise NotImplementedError

    def histogram(
        self, name: str, value: float, tags: Mapping[str, str] | None = None
    ) -> None:
        self.kept.append((name, value, tags))


class Broken(Recorder):
    """A recorder that cannot record."""

    def increment(
        self, name: str, value: int = 1, tags: Mapping[str, str] | None = None
    ) -> None:
        super().increment(name, value, tags)
        raise OSError("disk full")

    def histogram(
        self, name: str, value: float, tags: Mapping[str, str] | None = None
    ) -> None:
        super().histogram(name, value, tags)
        raise OSError("disk full")


def test_an_answer_is_one_duration_and_one_status() -> None:
    metrics = Recorder()
    Telemetry(metrics).answered(HttpResponse(204, method="PUT", elapsed=1.5))
    assert metrics.kept == [
        ("http.request.duration", 1.5, {"method": "PUT"}),
        ("http.request.status", 1, {"method": "PUT", "status": "204"}),
    ]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (GONE, "connection_error"),
        (HTTPTimeoutError("x", phase="total", limit=1.0), "timeout"),
        (HTTPDecodeError("x", content_type=""), "decode"),
        (HTTPRetryExhaustedError("x", last=GONE), "connection_error"),
        (HTTPClientError("x"), "client_error"),
        (KeyError("x"), "error"),
    ],
)
def test_a_failure_is_counted_by_its_kind(error: Exception, status: str) -> None:
    metrics = Recorder()
    Telemetry(metrics).failed(REQUEST, error, 0.5)
    assert metrics.kept == [
        ("http.request.duration", 0.5, {"method": "PUT"}),
        ("http.request.status", 1, {"method": "PUT", "status": status}),
    ]


def test_a_recorder_that_raises_is_reported_once_and_asked_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    metrics = Broken()
    telemetry = Telemetry(metrics)
    for _ in range(2):
        telemetry.answered(HttpResponse(200))
    (record,) = caplog.records
    assert record.message == "http.client.metrics_recorder_failed"
    assert record.exc_info is not None
    assert len(metrics.kept) == 4


def test_an_answer_that_is_an_error_is_logged_without_secrets(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "lexigram.http")
    telemetry = Telemetry(None)
    telemetry.answered(HttpResponse(200))
    telemetry.answered(
        HttpResponse(404, REQUEST.url, "PUT", elapsed=0.5, attempts=2),
    )
    (record,) = caplog.records
    fields = vars(record)
    assert (record.name, record.levelno) == ("lexigram.http.client", logging.DEBUG)
    assert record.message == "http.client.error_response"
    assert fields["method"] == "PUT"
    assert fields["url"] == "http://h/?token=***"
    assert (fields["status"], fields["attempts"], fields["elapsed"]) == (404, 2, 0.5)


@pytest.mark.parametrize(
    ("error", "level", "attempts"),
    [
        (GONE, logging.DEBUG, 2),
        (HTTPRetryExhaustedError("x", last=GONE, attempts=3), logging.WARNING, 3),
    ],
)
def test_a_failure_is_logged_and_louder_when_retries_did_not_help(
    error: HTTPClientError,
    level: int,
    attempts: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "lexigram.http")
    Telemetry(None).failed(REQUEST, error, 0.5)
    (record,) = caplog.records
    fields = vars(record)
    assert (record.message, record.levelno) == ("http.client.connection_error", level)
    assert (fields["method"], fields["url"]) == ("PUT", "http://h/?token=***")
    assert fields["error"] == str(error)
    assert (fields["attempts"], fields["elapsed"]) == (attempts, 0.5)


def test_a_route_is_in_the_records_and_in_no_metric(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "lexigram.http")
    metrics = Recorder()
    telemetry = Telemetry(metrics)
    telemetry.answered(HttpResponse(404), route="/v1/{id}")
    telemetry.failed(replace(REQUEST, route="/v1/{id}"), GONE, 0.5)
    assert [vars(record)["route"] for record in caplog.records] == ["/v1/{id}"] * 2
    telemetry.answered(HttpResponse(404))
    assert "route" not in vars(caplog.records[-1])
    tags = {name for _, _, tags in metrics.kept for name in tags or ()}
    assert tags == {"method", "status"}


def test_what_is_not_a_failure_of_http_has_no_attempts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "lexigram.http")
    Telemetry(None).failed(REQUEST, KeyError("x"), 0.5)
    assert vars(caplog.records[0])["attempts"] == 0
    assert caplog.records[0].message == "http.client.error"


def test_nothing_is_logged_below_the_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "lexigram.http")
    telemetry = Telemetry(None)
    telemetry.answered(HttpResponse(404))
    telemetry.failed(REQUEST, GONE, 0.5)
    assert not caplog.records
    telemetry.failed(REQUEST, HTTPRetryExhaustedError("x", last=GONE), 0.5)
    assert len(caplog.records) == 1


@pytest.mark.parametrize(("seconds", "limit"), [(2.5, 2.5), (None, 0.0)])
def test_a_timeout_says_which_limit_ran_out(
    seconds: float | None, limit: float
) -> None:
    error = timed_out(REQUEST, seconds, sent="maybe")
    assert (error.phase, error.limit) == ("total", limit)
    assert (error.method, error.url) == ("PUT", "http://h/?token=***")
    assert error.request_sent == "maybe"
    assert error.retryable
    assert f"its timeout of {limit:g} s" in str(error)
    assert "`timeout=`" in str(error)


def test_a_body_too_large_says_what_was_accepted() -> None:
    error = too_large(REQUEST, 10, "declares 11")
    assert (error.limit, error.request_sent) == (10, "yes")
    assert (error.method, error.url) == ("PUT", "http://h/?token=***")
    assert not error.retryable
    assert "The response declares 11 bytes, and 10 are accepted. " in str(error)
    assert "`max_response_bytes`" in str(error)
