"""A span and a duration for each attempt."""

from __future__ import annotations

from typing import TypeAlias

from opentelemetry import context, propagate, trace

# The switches by which instrumentations are told to leave a call alone. They are in no
# `__all__`; a test fails when a second span appears.
from opentelemetry.context import (
    _SUPPRESS_HTTP_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage]
    _SUPPRESS_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage]
    Context,
)
from opentelemetry.metrics import MeterProvider, get_meter
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, TracerProvider

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.web import (
    HTTPClientError,
    InterceptorProtocol,
    Proceed,
    RequestContext,
    ResponseContext,
)
from lexigram.otel._config import OTelConfig
from lexigram.otel._conventions import (
    DURATION_BUCKETS,
    ERROR_TYPE,
    METHOD,
    OTHER_METHOD,
    REQUEST_DURATION,
    SCHEMA_URL,
    STATUS,
    known_method,
)
from lexigram.otel._target import Target, shown_url, target_of

__all__ = ["OTelInterceptor"]

_Attributes: TypeAlias = dict[str, str | int]

_FIRST_ERROR = 400
_TEMPLATE = "url.template"


class OTelInterceptor(InterceptorProtocol):
    """Makes a CLIENT span and measures `http.client.request.duration` of each attempt.

    By the stable conventions for HTTP: one span per exchange on the wire, redirects and
    repetitions included, counted by `http.request.resend_count`, under whatever span the
    caller has. It lasts until the body is read. A status of 400 and more, or no
    response, is an error of the span with its `error.type`; a cancelled attempt is no
    error and has no duration in the histogram. The trace's context goes into the headers
    of the attempt, see `OTelConfig.propagate_to`.

    Other instrumentations are told to leave the attempt alone, so that one of the
    library underneath makes no second span. Inside code whose instrumentation is
    suppressed, an exporter's for one, this one does nothing either.

    Belongs at the end of a chain: what follows it is inside the span.

    Args:
        config: Whom the context is passed on to, and what is hidden.
        tracer_provider: Makes the tracer. Left out: the global one.
        meter_provider: Makes the meter. Left out: the global one.
        clock: Measures durations.
    """

    scope: str = "attempt"

    def __init__(
        self,
        config: OTelConfig | None = None,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        clock: ClockProtocol | None = None,
    ) -> None:
        self._config = config or OTelConfig()
        self._clock = clock or SystemClock()
        self._tracer = trace.get_tracer(
            "lexigram.otel", tracer_provider=tracer_provider, schema_url=SCHEMA_URL
        )
        meter = get_meter(
            "lexigram.otel", meter_provider=meter_provider, schema_url=SCHEMA_URL
        )
        self._durations = meter.create_histogram(
            REQUEST_DURATION,
            unit="s",
            description="Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=DURATION_BUCKETS,
        )

    def __repr__(self) -> str:
        return "<OTelInterceptor>"

    async def around(
        self, request: RequestContext, proceed: Proceed, /
    ) -> ResponseContext:
        """Proceed inside a span, and record how long it took and what came of it."""
        if context.get_value(_SUPPRESS_INSTRUMENTATION_KEY):
            return await proceed(request)
        target = target_of(request.url)
        measured: _Attributes = {METHOD: known_method(request.method)}
        measured.update(target.attributes)
        span = self._begin(request, measured)
        inside = trace.set_span_in_context(span)
        self._propagate(request, target, inside)
        started = self._clock.monotonic()
        token = context.attach(_undisturbed(inside))
        try:
            response = await proceed(request)
        except Exception as error:  # recorded on its way to the caller
            measured[ERROR_TYPE] = type(error).__qualname__
            _end_without_response(span, error)
            self._measure(request, measured, started)
            raise
        else:
            measured[STATUS] = response.status
            if response.status >= _FIRST_ERROR:
                measured[ERROR_TYPE] = str(response.status)
            _end_with_response(span, response.status)
            self._measure(request, measured, started)
            return response
        finally:
            context.detach(token)
            span.end()

    def _begin(self, request: RequestContext, measured: _Attributes) -> Span:
        method = measured[METHOD]
        attributes = measured | {
            "url.full": shown_url(request.url, self._config.shown_query_keys)
        }
        name = "HTTP" if method == OTHER_METHOD else str(method)
        if method == OTHER_METHOD:
            attributes["http.request.method_original"] = request.method
        if request.route:
            attributes[_TEMPLATE] = request.route
            name = f"{name} {request.route}"
        if request.attempt > 1:
            attributes["http.request.resend_count"] = request.attempt - 1
        return self._tracer.start_span(
            name, kind=SpanKind.CLIENT, attributes=attributes
        )

    def _propagate(
        self, request: RequestContext, target: Target, inside: Context
    ) -> None:
        allowed = self._config.propagate_to
        if allowed is not None and target.origin not in allowed:
            return
        fields: dict[str, str] = {}
        propagate.inject(fields, inside)
        for name, value in fields.items():
            # Baggage is the application's own data: strangers get none of it.
            if allowed is not None or name.lower() != "baggage":
                request.headers[name] = value

    def _measure(
        self, request: RequestContext, measured: _Attributes, started: float
    ) -> None:
        if request.route and self._config.metrics_by_route:
            measured[_TEMPLATE] = request.route
        self._durations.record(self._clock.monotonic() - started, measured)


def _undisturbed(inside: Context) -> Context:
    """Return the context in which other instrumentations leave a call alone."""
    key, value = _SUPPRESS_HTTP_INSTRUMENTATION_KEY, True
    return context.set_value(key, value, inside)


def _end_with_response(span: Span, status: int) -> None:
    span.set_attribute(STATUS, status)
    if status >= _FIRST_ERROR:
        span.set_attribute(ERROR_TYPE, str(status))
        # Without a description: the status code says it already.
        span.set_status(StatusCode.ERROR)


def _end_without_response(span: Span, error: Exception) -> None:
    span.set_attribute(ERROR_TYPE, type(error).__qualname__)
    # Our messages hold redacted URLs only; nobody knows what others hold.
    said = str(error) if isinstance(error, HTTPClientError) else None
    span.set_status(Status(StatusCode.ERROR, said))
