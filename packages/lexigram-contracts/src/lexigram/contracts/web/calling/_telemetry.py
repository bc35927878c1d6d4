"""What a call leaves behind: two metrics, and a log record when it did not go well."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.contracts.redaction import redact_url
from lexigram.contracts.web import (
    HTTPClientError,
    HTTPConnectionError,
    HttpResponse,
    HTTPRetryExhaustedError,
    HTTPTimeoutError,
    RequestContext,
)

__all__ = ["Telemetry"]

_logger = logging.getLogger("lexigram.http.client")

_N = TypeVar("_N", int, float)

_DURATION = "http.request.duration"
_STATUS = "http.request.status"


class Telemetry:
    """Records each call once, however many attempts it took.

    `http.request.duration` is a histogram in seconds, tagged with the method;
    `http.request.status` a counter, tagged with the method and the status, or
    `connection_error`, `timeout`, or the code of another error. The `route` of a call
    that has one is in its log record, and no tag: an aggregation pays for each value.
    """

    def __init__(self, metrics: MetricsRecorderProtocol | None) -> None:
        self._metrics = metrics
        self._recorder_failures = 0

    def answered(self, response: HttpResponse, *, route: str = "") -> None:
        """Record a call that got a response."""
        if self._metrics is not None:
            self._record(
                self._metrics, response.method, str(response.status), response.elapsed
            )
        if not response.ok and _logger.isEnabledFor(logging.DEBUG):
            _logger.debug(
                "http.client.error_response",
                extra={
                    "method": response.method,
                    "url": redact_url(response.url),
                    "status": response.status,
                    "attempts": response.attempts,
                    "elapsed": response.elapsed,
                    **_named(route),
                },
            )

    def failed(self, request: RequestContext, error: Exception, elapsed: float) -> None:
        """Record a call that got none."""
        status = _status_of(error)
        if self._metrics is not None:
            self._record(self._metrics, request.method, status, elapsed)
        exhausted = isinstance(error, HTTPRetryExhaustedError)
        level = logging.WARNING if exhausted else logging.DEBUG
        if _logger.isEnabledFor(level):
            _logger.log(
                level,
                "http.client." + status,  # noqa: G003 - an event's name, from a few
                extra={
                    "method": request.method,
                    "url": redact_url(request.url),
                    "error": str(error),
                    "attempts": error.attempts
                    if isinstance(error, HTTPClientError)
                    else 0,
                    "elapsed": elapsed,
                    **_named(request.route),
                },
            )

    def _record(
        self,
        metrics: MetricsRecorderProtocol,
        method: str,
        status: str,
        elapsed: float,
    ) -> None:
        tags = {"method": method}
        self._safely(metrics.histogram, _DURATION, elapsed, tags)
        self._safely(metrics.increment, _STATUS, 1, {**tags, "status": status})

    def _safely(
        self,
        record: Callable[[str, _N, dict[str, str]], None],
        name: str,
        value: _N,
        tags: dict[str, str],
    ) -> None:
        try:
            record(name, value, tags)
        except Exception:  # a recorder must not fail a request
            self._recorder_failures += 1
            if self._recorder_failures == 1:
                _logger.warning("http.client.metrics_recorder_failed", exc_info=True)


def _named(route: str) -> dict[str, str]:
    return {"route": route} if route else {}


def _status_of(error: Exception) -> str:
    if isinstance(error, HTTPRetryExhaustedError):
        error = error.last
    if isinstance(error, HTTPConnectionError):
        return "connection_error"
    if isinstance(error, HTTPTimeoutError):
        return "timeout"
    if isinstance(error, HTTPClientError):
        return error.code.removeprefix("http.")
    return "error"
