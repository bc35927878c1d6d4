"""What the adapter tells OpenTelemetry of names, addresses and URLs."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from pydantic import ValidationError

from lexigram.otel import OTelConfig, OTelInterceptor, OTelRecorder
from lexigram.otel._target import shown_url, target_of


def recorded(reader: InMemoryMetricReader) -> dict[str, Any]:
    data = reader.get_metrics_data()
    assert data is not None
    (resource,) = data.resource_metrics
    (scope,) = resource.scope_metrics
    return {metric.name: metric for metric in scope.metrics}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("200", {"http.response.status_code": 200}),
        ("404", {"http.response.status_code": 404, "error.type": "404"}),
        ("timeout", {"error.type": "timeout"}),
        ("connection_error", {"error.type": "connection_error"}),
    ],
)
def test_the_outcome_of_a_call_has_the_conventions_attributes(
    status: str, expected: dict[str, str | int]
) -> None:
    reader = InMemoryMetricReader()
    recorder = OTelRecorder(MeterProvider([reader]))
    tags = {"method": "GET", "status": status, "client": "partner"}
    recorder.increment("http.request.status", 1, tags)
    metric = recorded(reader)["lexigram.http.calls"]
    (point,) = metric.data.data_points
    assert metric.unit == "{call}"
    assert dict(point.attributes) == expected | {
        "http.request.method": "GET",
        "client": "partner",
    }


def test_other_metrics_keep_their_names_and_tags() -> None:
    reader = InMemoryMetricReader()
    recorder = OTelRecorder(MeterProvider([reader]))
    for _ in range(2):
        recorder.increment("shop.orders", 2, {"status": "paid"})
        recorder.gauge("shop.stock", 7, {"item": "a"})
        recorder.histogram("shop.queue.wait", 0.2)
        recorder.histogram("shop.order.size", 3)
    found = recorded(reader)
    (orders,) = found["shop.orders"].data.data_points
    (stock,) = found["shop.stock"].data.data_points
    assert (orders.value, dict(orders.attributes)) == (4, {"status": "paid"})
    assert (stock.value, dict(stock.attributes)) == (7, {"item": "a"})
    assert found["shop.queue.wait"].unit == "s"
    assert found["shop.order.size"].unit == ""
    assert "OTel" in repr(recorder) + repr(OTelInterceptor())


@pytest.mark.parametrize(
    ("url", "host", "port", "origin"),
    [
        ("https://API.test/v1", "api.test", 443, "https://api.test:443"),
        ("http://me:p@w@api.test?x=@y", "api.test", 80, "http://api.test:80"),
        ("http://[::1]:8080/", "::1", 8080, "http://[::1]:8080"),
        ("http://api.test:99999/", "", None, ""),
        ("nonsense", "", None, ""),
    ],
)
def test_the_server_of_a_url_is_its_host_and_port(
    url: str, host: str, port: int | None, origin: str
) -> None:
    target = target_of(url)
    assert (target.host, target.port) == (host, port)
    assert target.origin == origin


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.test/v1", "https://a.test/v1"),
        ("https://a.test/v1#s3cret", "https://a.test/v1"),
        ("https://me:s3cret@a.test/@x", "https://REDACTED:REDACTED@a.test/@x"),
        ("https://s3cret@a.test?q=1", "https://REDACTED:REDACTED@a.test?q=REDACTED"),
        ("https://a.test?X-Goog-Signature=s", "https://a.test?X-Goog-Signature=REDACTED"),
        ("https://a.test?access_token=a=b&q=me@x", "https://a.test?access_token=REDACTED&q=REDACTED"),
    ],
)  # fmt: skip
def test_a_shown_url_keeps_the_names_of_its_parameters(url: str, shown: str) -> None:
    assert shown_url(url) == shown
    assert shown_url(shown) == shown


@given(st.text(), st.text())
def test_no_url_fails_to_be_shown_and_no_password_is(before: str, after: str) -> None:
    shown_url(before)
    target_of(before)
    assert (
        "pa55word"
        not in shown_url(f"https://me:pa55word@a.test/{after}").partition(
            "/" + after if after else "/"
        )[0]
    )


def test_origins_are_checked_and_written_one_way() -> None:
    config = OTelConfig(propagate_to=("https://API.test/v1", "http://b.test:8080"))
    assert config.propagate_to == ("https://api.test:443", "http://b.test:8080")
    with pytest.raises(ValidationError, match=r"https://api\.test"):
        OTelConfig(propagate_to=("api.test",))
    with pytest.raises(ValidationError):
        OTelConfig.model_validate({"propagat_to": []})
