"""How policies stand around an attempt, and what their verdicts are called here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from lexigram.contracts.resilience import (
    Call,
    CallRejectedError,
    CallTimeoutError,
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
    HTTPTimeoutError,
    RequestContext,
)

__all__ = ["Guard", "Operation", "compose_policies", "guarded"]

Operation: TypeAlias = Callable[[], Awaitable[HttpResponse]]
"""One attempt."""

Guard: TypeAlias = Callable[[Operation, Call[HttpResponse]], Awaitable[HttpResponse]]
"""Runs attempts until one is good enough, or refuses to."""


def compose_policies(
    *,
    resilience: ResiliencePipelineProtocol | None,
    retry_policy: RetryPolicyProtocol | None,
    circuit_breaker: CircuitBreakerProtocol | None,
) -> Guard:
    """Compose what was given; without any policy an attempt is made once.

    A pipeline is complete and stands alone. Without one, the retry policy goes around
    the breaker, so that each attempt is a sample and an open circuit ends the retrying.
    """
    if resilience is not None:
        return resilience.execute
    if circuit_breaker is None:
        return _once if retry_policy is None else retry_policy.execute
    if retry_policy is None:
        return circuit_breaker.call
    retry, breaker = retry_policy, circuit_breaker

    async def retry_around_breaker(
        operation: Operation, call: Call[HttpResponse]
    ) -> HttpResponse:
        return await retry.execute(lambda: breaker.call(operation, call), call)

    return retry_around_breaker


async def _once(operation: Operation, call: Call[HttpResponse]) -> HttpResponse:  # noqa: ARG001
    return await operation()


async def guarded(
    guard: Guard,
    attempt: Operation,
    request: RequestContext,
    call: Call[HttpResponse],
) -> HttpResponse:
    """Run the attempts of `request` through its policies.

    Raises:
        HTTPCircuitOpenError: A breaker refused.
        HTTPRejectedError: Another policy did.
        HTTPTimeoutError: A limit of time that a policy set ran out.
        HTTPRetryExhaustedError: A retry policy gave up on failures of the transport.
        HTTPClientError: The failure of an attempt that is not to be repeated.
    """
    try:
        return await guard(attempt, call)
    except RetryExhaustedError as error:
        exhausted = _exhausted(error, request)
        raise exhausted from exhausted.last
    except CallTimeoutError as error:
        raise _timed_out(error, request) from error
    except CallRejectedError as error:
        raise _refused(error, request) from (error.__cause__ or error)


def _refused(error: CallRejectedError, request: RequestContext) -> HTTPClientError:
    """Say in terms of HTTP that a policy let nothing be sent."""
    method, url = request.method, request.url
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


def _timed_out(error: CallTimeoutError, request: RequestContext) -> HTTPTimeoutError:
    """Say in terms of HTTP that a policy cut an attempt, or the call."""
    return HTTPTimeoutError(
        f"{error} A policy sets this limit; `timeout=` and `pool.timeout` do not.",
        phase=error.phase,
        limit=error.limit,
        method=request.method,
        url=request.url,
        request_sent="maybe",
        retryable=True,
    )


def _exhausted(
    error: RetryExhaustedError, request: RequestContext
) -> HTTPRetryExhaustedError:
    last = error.last
    if isinstance(last, CallTimeoutError):
        timeout = _timed_out(last, request)
        timeout.__cause__ = last
        last = timeout
    if not isinstance(last, HTTPClientError):
        # A policy may only repeat what the client judged, which is its own errors.
        raise last
    return HTTPRetryExhaustedError(
        f"Gave up at attempt {error.attempts}: {last.args[0]}",
        last=last,
        method=request.method,
        url=request.url,
        request_sent=last.request_sent,
        retryable=True,
    )
