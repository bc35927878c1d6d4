"""OpenTelemetry's own SDK over the real client: what is told, and to whom."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.metrics import MeterProvider as AnyMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace import TracerProvider as AnyTracerProvider

from lexigram import Application
from lexigram.contracts.web import (
    HTTPClientProtocol,
    InterceptorChainProtocol,
    InterceptorProtocol,
    RequestContext,
)
from lexigram.di import Module, bind, module
from lexigram.http import DefaultHeaders, HTTPClient, HTTPModule, InterceptorChain
from lexigram.otel import OTelConfig, OTelInterceptor, OTelModule, OTelRecorder
from lexigram.resilience import ResilienceModule
from lexigram.testing import FaultServer, Reply, fault

SEMANTIC_BUCKETS = (
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
)  # fmt: skip


@dataclass
class Told:
    """What an SDK without any global state was told."""

    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    reader: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)
    tracers: TracerProvider = field(default_factory=TracerProvider)

    def __post_init__(self) -> None:
        self.meters = MeterProvider([self.reader])
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def metrics(self) -> dict[str, Any]:
        data = self.reader.get_metrics_data()
        scopes = data.resource_metrics[0].scope_metrics if data else []
        return {metric.name: metric for one in scopes for metric in one.metrics}

    def points(self, name: str) -> list[Any]:
        metric = self.metrics().get(name)
        return list(metric.data.data_points) if metric else []

    def interceptor(self, config: OTelConfig | None = None) -> OTelInterceptor:
        return OTelInterceptor(
            config, tracer_provider=self.tracers, meter_provider=self.meters
        )


def port_of(server: FaultServer) -> int:
    return int(server.base_url.rpartition(":")[2])


async def test_a_request_is_a_client_span_under_the_callers_with_the_conventions_names() -> (
    None
):
    told = Told()
    async with (
        FaultServer.run() as server,
        HTTPClient(interceptors=[told.interceptor()]) as client,
    ):
        server.on.get("/users/7").respond(200)
        with told.tracers.get_tracer("app").start_as_current_span("app"):
            await client.get(f"{server.base_url}/users/7", route="/users/{id}")

    request, app = told.spans
    assert (request.name, request.kind) == ("GET /users/{id}", SpanKind.CLIENT)
    assert request.parent is not None
    assert app.context is not None
    assert request.parent.span_id == app.context.span_id
    assert request.status.status_code is StatusCode.UNSET
    assert dict(request.attributes or {}) == {
        "http.request.method": "GET",
        "server.address": "127.0.0.1",
        "server.port": port_of(server),
        "url.full": f"{server.base_url}/users/7",
        "url.template": "/users/{id}",
        "http.response.status_code": 200,
    }
    assert request.instrumentation_scope is not None
    assert "opentelemetry.io/schemas" in (
        request.instrumentation_scope.schema_url or ""
    )


async def test_the_duration_has_the_conventions_unit_attributes_and_buckets() -> None:
    told = Told()
    async with (
        FaultServer.run() as server,
        HTTPClient(interceptors=[told.interceptor()]) as client,
    ):
        server.on.get("/v1").respond(200)
        server.on.post("/v1").respond(404)
        await client.get(f"{server.base_url}/v1", route="/v1")
        await client.get(f"{server.base_url}/v1")
        await client.post(f"{server.base_url}/v1")

    metric = told.metrics()["http.client.request.duration"]
    assert metric.unit == "s"
    common = {"server.address": "127.0.0.1", "server.port": port_of(server)}
    points = {
        point.attributes["http.request.method"]: point
        for point in told.points("http.client.request.duration")
    }
    assert dict(points["GET"].attributes) == common | {
        "http.request.method": "GET",
        "http.response.status_code": 200,
    }
    assert dict(points["POST"].attributes) == common | {
        "http.request.method": "POST",
        "http.response.status_code": 404,
        "error.type": "404",
    }
    assert (points["GET"].count, points["POST"].count) == (2, 1)
    assert tuple(points["GET"].explicit_bounds) == SEMANTIC_BUCKETS


async def test_the_route_is_on_the_duration_only_when_asked_for() -> None:
    told = Told()
    config = OTelConfig(metrics_by_route=True)
    async with (
        FaultServer.run() as server,
        HTTPClient(interceptors=[told.interceptor(config)]) as client,
    ):
        server.on.get("/users/7").respond(200)
        await client.get(f"{server.base_url}/users/7", route="/users/{id}")

    (point,) = told.points("http.client.request.duration")
    assert point.attributes["url.template"] == "/users/{id}"


async def test_each_attempt_has_a_span_a_resend_count_and_a_traceparent_of_its_own() -> (
    None
):
    told = Told()
    async with (
        FaultServer.run() as server,
        HTTPClient(interceptors=[told.interceptor()]) as client,
    ):
        server.on.get("/v1").sequence(
            Reply(503, headers={"Retry-After": "0"}),
            Reply(302, headers={"Location": "/v2"}),
        )
        server.on.get("/v2").respond(200)
        assert (await client.get(f"{server.base_url}/v1")).is_ok()
        seen = [call.request.headers["traceparent"] for call in server.calls]

    spans = told.spans
    counts = [(one.attributes or {}).get("http.request.resend_count") for one in spans]
    statuses = [
        (one.attributes or {}).get("http.response.status_code") for one in spans
    ]
    assert counts == [None, 1, 2]
    assert statuses == [503, 302, 200]
    expected: list[str] = []
    for span in spans:
        assert span.context is not None
        expected.append(
            f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}"
            f"-{span.context.trace_flags:02x}"
        )
    assert seen == expected
    assert len(set(seen)) == 3


@pytest.mark.parametrize("status", [404, 500])
async def test_an_error_status_is_an_error_of_the_span(status: int) -> None:
    told = Told()
    async with (
        FaultServer.run() as server,
        HTTPClient(interceptors=[told.interceptor()]) as client,
    ):
        server.on.get("/v1").respond(status)
        await client.get(f"{server.base_url}/v1", retry=False)

    (span,) = told.spans
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == str(status)


async def test_a_failure_without_response_names_its_kind_and_no_secret() -> None:
    told = Told()
    async with (
        FaultServer.run() as server,
        HTTPClient(interceptors=[told.interceptor()]) as client,
    ):
        server.on.get("/reset").fail(fault.reset())
        server.on.get("/hang").fail(fault.hang())
        secret = {"token": "s3cret"}
        await client.get(f"{server.base_url}/reset", retry=False, params=secret)
        await client.get(f"{server.base_url}/hang", timeout=0.05, params=secret)

    kinds = [(one.attributes or {})["error.type"] for one in told.spans]
    assert kinds == ["HTTPConnectionError", "HTTPTimeoutError"]
    for span in told.spans:
        assert span.status.status_code is StatusCode.ERROR
        assert "http.response.status_code" not in (span.attributes or {})
        assert "s3cret" not in span.to_json()
    measured = told.points("http.client.request.duration")
    assert {point.attributes["error.type"] for point in measured} == set(kinds)


async def test_a_cancelled_attempt_is_no_error_and_leaves_the_context_as_it_was() -> (
    None
):
    told = Told()
    async with (
        asyncio.timeout(10),
        FaultServer.run() as server,
        HTTPClient(interceptors=[told.interceptor()]) as client,
    ):
        server.on.get("/hang").fail(fault.hang())
        before: list[Context] = []
        after: list[Context] = []

        async def call() -> None:
            before.append(context.get_current())
            try:
                await client.get(f"{server.base_url}/hang")
            finally:
                after.append(context.get_current())

        task = asyncio.create_task(call())
        await server.calls.wait_for(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    (span,) = told.spans
    assert span.status.status_code is StatusCode.UNSET
    assert "error.type" not in (span.attributes or {})
    assert span.events == ()
    assert told.points("http.client.request.duration") == []
    assert before == after


async def test_the_url_of_a_span_shows_the_values_that_it_is_told_to() -> None:
    told = Told()
    config = OTelConfig(shown_query_keys=frozenset({"page"}))
    async with (
        FaultServer.run() as server,
        HTTPClient(interceptors=[told.interceptor(config)]) as client,
    ):
        server.on.get("/v1").respond(200)
        await client.get(
            f"{server.base_url}/v1?page=2&sig=s3cret&X-Amz-Signature=s3cret"
            "&api%5Fkey=s3cret&AWSAccessKeyId=s3cret&pin=s3cret&flag"
        )

    (span,) = told.spans
    shown = str((span.attributes or {})["url.full"])
    assert shown.partition("?")[2] == (
        "page=2&sig=REDACTED&X-Amz-Signature=REDACTED&api%5Fkey=REDACTED"
        "&AWSAccessKeyId=REDACTED&pin=REDACTED&REDACTED"
    )


@contextmanager
def with_baggage(name: str, value: str) -> Iterator[None]:
    token = context.attach(baggage.set_baggage(name, value))
    try:
        yield
    finally:
        context.detach(token)


async def test_baggage_goes_to_named_origins_only_and_then_nothing_to_others() -> None:
    told = Told()
    async with FaultServer.run() as ours, FaultServer.run() as theirs:
        for server in (ours, theirs):
            server.on.get("/v1").respond(200)
        config = OTelConfig(propagate_to=(ours.base_url,))
        async with (
            HTTPClient(interceptors=[told.interceptor()]) as everywhere,
            HTTPClient(interceptors=[told.interceptor(config)]) as ours_only,
        ):
            with with_baggage("tenant", "t1"):
                for client in (everywhere, ours_only):
                    for server in (ours, theirs):
                        await client.get(f"{server.base_url}/v1")
        for server, expected in (
            (ours, [(True, False), (True, True)]),
            (theirs, [(True, False), (False, False)]),
        ):
            got = [
                (
                    "traceparent" in call.request.headers,
                    "baggage" in call.request.headers,
                )
                for call in server.calls
            ]
            assert got == expected


@contextmanager
def instrumented_aiohttp(told: Told) -> Iterator[None]:
    instrumentor = AioHttpClientInstrumentor()
    instrumentor.instrument(tracer_provider=told.tracers, meter_provider=told.meters)
    try:
        yield
    finally:
        instrumentor.uninstrument()


async def test_the_instrumentation_of_aiohttp_makes_no_second_span() -> None:
    told, alone = Told(), Told()
    async with FaultServer.run() as server:
        server.on.get("/v1").respond(200)
        with instrumented_aiohttp(told):
            async with HTTPClient(interceptors=[told.interceptor()]) as client:
                await client.get(f"{server.base_url}/v1")
        # It would make one: the test above is about something.
        with instrumented_aiohttp(alone):
            async with HTTPClient() as client:
                await client.get(f"{server.base_url}/v1")

    assert len(told.spans) == 1
    assert len(alone.spans) == 1


async def test_nothing_is_told_from_inside_code_that_is_not_to_be_traced() -> None:
    told = Told()
    async with (
        FaultServer.run() as server,
        HTTPClient(interceptors=[told.interceptor()]) as client,
    ):
        server.on.get("/v1").respond(200)
        with suppress_instrumentation():
            assert (await client.get(f"{server.base_url}/v1")).is_ok()
        (call,) = server.calls

    assert told.spans == []
    assert "traceparent" not in call.request.headers


async def test_an_unusual_method_is_other_and_kept_beside() -> None:
    told = Told()
    async with (
        FaultServer.run() as server,
        HTTPClient(interceptors=[told.interceptor()]) as client,
    ):
        server.on("PURGE", "/v1").respond(200)
        await client.request("PURGE", f"{server.base_url}/v1")

    (span,) = told.spans
    attributes = span.attributes or {}
    assert span.name == "HTTP"
    assert attributes["http.request.method"] == "_OTHER"
    assert attributes["http.request.method_original"] == "PURGE"


async def test_without_an_sdk_calls_are_as_they_were() -> None:
    async with (
        FaultServer.run() as server,
        HTTPClient(interceptors=[OTelInterceptor()], metrics=OTelRecorder()) as client,
    ):
        server.on.get("/v1").respond(200)
        assert (await client.get(f"{server.base_url}/v1")).is_ok()
        (call,) = server.calls
        assert "traceparent" not in call.request.headers
    assert not trace.get_current_span().get_span_context().is_valid


def sdk_module(told: Told) -> type[Module]:
    @module(
        providers=[
            bind(AnyTracerProvider).to_value(told.tracers),
            bind(AnyMeterProvider).to_value(told.meters),
        ],
        exports=[AnyTracerProvider, AnyMeterProvider],
    )
    class SDK(Module):
        pass

    return SDK


async def test_one_line_makes_an_application_tell_of_calls_and_of_policies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = Told()
    async with (
        FaultServer.run() as server,
        Application.boot(
            HTTPModule.configure(),
            ResilienceModule.configure(),
            OTelModule.configure(),
            sdk_module(told),
        ) as app,
    ):
        server.on.get("/v1").sequence(
            Reply(503, headers={"Retry-After": "0"}), Reply(200)
        )
        client = await app.resolve(HTTPClientProtocol)
        assert (await client.get(f"{server.base_url}/v1")).is_ok()

    assert [one.name for one in told.spans] == ["GET", "GET"]
    metrics = told.metrics()
    assert metrics["lexigram.http.call.duration"].unit == "s"
    (call,) = told.points("lexigram.http.call.duration")
    assert dict(call.attributes) == {"http.request.method": "GET"}
    assert tuple(call.explicit_bounds) == SEMANTIC_BUCKETS
    (status,) = told.points("lexigram.http.calls")
    assert dict(status.attributes) == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
    }
    (retried,) = told.points("lexigram.resilience.retry.attempts")
    assert retried.value == 1
    assert metrics["lexigram.resilience.attempt.duration"].unit == "s"
    attempts = told.points("http.client.request.duration")
    assert sum(point.count for point in attempts) == 2


async def test_an_application_puts_the_interceptor_into_a_chain_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = Told()

    def chain(otel: OTelInterceptor) -> InterceptorChainProtocol:
        return InterceptorChain(DefaultHeaders({"X-App": "shop"}), otel)

    async with (
        FaultServer.run() as server,
        Application.boot(
            HTTPModule.configure(),
            OTelModule.configure(chain=False),
            sdk_module(told),
            own(chain),
        ) as app,
    ):
        server.on.get("/v1").respond(200)
        client = await app.resolve(HTTPClientProtocol)
        await client.get(f"{server.base_url}/v1")
        (call,) = server.calls
        assert call.request.headers["x-app"] == "shop"
    assert len(told.spans) == 1


def own(chain: Any) -> type[Module]:
    @module(
        providers=[bind(InterceptorChainProtocol).to(chain)],
        exports=[InterceptorChainProtocol],
    )
    class Own(Module):
        pass

    return Own


class Broken(InterceptorProtocol):
    """Fails with a text that nobody may see."""

    scope = "attempt"

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        raise ValueError("the password is s3cret")


async def test_what_another_interceptor_says_is_not_repeated() -> None:
    told = Told()
    async with (
        FaultServer.run() as server,
        HTTPClient(interceptors=[told.interceptor(), Broken()]) as client,
    ):
        with pytest.raises(ValueError, match="s3cret"):
            await client.request("GET", f"{server.base_url}/v1")

    (span,) = told.spans
    assert (span.attributes or {})["error.type"] == "ValueError"
    assert "s3cret" not in re.sub(r"\s", " ", span.to_json())
