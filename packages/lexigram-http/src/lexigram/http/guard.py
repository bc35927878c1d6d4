"""Which policies stand around an attempt, and what their verdicts are called here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import (
    Call,
    CallRejectedError,
    CircuitBreakerProtocol,
    CircuitOpenError,
    ResiliencePipelineProtocol,
    RetryExhaustedError,
    RetryPolicyProtocol,
)
from lexigram.contracts.web import (
    HTTPCircuitOpenError,
    HTTPClientError,
    HTTPRejectedError,
    HttpResponse,
    HTTPRetryExhaustedError,
    RequestContext,
)
from lexigram.http.retry import BuiltinRetry

Operation: TypeAlias = Callable[[], Awaitable[HttpResponse]]
Guard: TypeAlias = Callable[[Operation, Call[HttpResponse]], Awaitable[HttpResponse]]

POLICY_ERRORS = (CallRejectedError, RetryExhaustedError)
"""What policies raise on their own account."""


def choose_guard(
    *,
    resilience: ResiliencePipelineProtocol | None,
    retry_policy: RetryPolicyProtocol | None,
    circuit_breaker: CircuitBreakerProtocol | None,
    clock: ClockProtocol,
) -> Guard:
    """Compose what was given: a pipeline is complete and stands alone.

    Without one, the retry policy (the built-in one when there is none) goes around the
    breaker, so that each attempt is a sample and an open circuit ends the retrying.
    """
    if resilience is not None:
        return resilience.execute
    retry = retry_policy or BuiltinRetry(clock)
    if circuit_breaker is None:
        return retry.execute
    breaker = circuit_breaker

    async def retry_around_breaker(
        operation: Operation, call: Call[HttpResponse]
    ) -> HttpResponse:
        return await retry.execute(lambda: breaker.call(operation, call), call)

    return retry_around_breaker


def translate(
    error: CallRejectedError | RetryExhaustedError, request: RequestContext
) -> HTTPClientError:
    """Say in terms of HTTP what a policy decided."""
    method, url = request.method, request.url
    if isinstance(error, RetryExhaustedError):
        return _exhausted(error, request)
    if isinstance(error, CircuitOpenError):
        return HTTPCircuitOpenError(
            f"The circuit to this upstream is open; the attempt was not sent.{_when(error)}",
            retry_after=error.retry_after,
            method=method,
            url=url,
            retryable=True,
        )
    return HTTPRejectedError(
        f"A policy refused the attempt: {error}{_when(error)}",
        retry_after=error.retry_after,
        method=method,
        url=url,
        retryable=True,
    )


def _when(error: CallRejectedError) -> str:
    if error.retry_after is None:
        return ""
    return f" It may be tried again in {error.retry_after:.3g} s."


def _exhausted(error: RetryExhaustedError, request: RequestContext) -> HTTPClientError:
    if not isinstance(error.last, HTTPClientError):
        # A policy may only repeat what the client judged, which is its own errors.
        raise error.last
    return HTTPRetryExhaustedError(
        f"Gave up at attempt {error.attempts}: {error.last.args[0]}",
        last=error.last,
        method=request.method,
        url=request.url,
        request_sent=error.last.request_sent,
        retryable=True,
    )
