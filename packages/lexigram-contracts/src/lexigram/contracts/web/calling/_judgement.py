"""What policies are told: which call it is, and what an exchange says."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from lexigram.contracts.resilience import Call, CallTimeoutError, Judgement
from lexigram.contracts.web import (
    RETRYABLE_STATUSES,
    HTTPClientError,
    HTTPConnectionError,
    HttpResponse,
    HTTPTimeoutError,
    RequestContext,
    TimeoutPhase,
)
from lexigram.contracts.web._retry_after import retry_after

__all__ = [
    "IDEMPOTENT_METHODS",
    "Judge",
    "describe_call",
    "judge",
    "judge_by",
    "retry_after",
    "why_not_repeatable",
]

Judge: TypeAlias = Callable[[HttpResponse | None, BaseException | None], Judgement]
"""Says what an exchange means; one of its arguments is None."""

IDEMPOTENT_METHODS = frozenset(
    {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"}
)
"""RFC 9110 §9.2.2, and QUERY (RFC 10008)."""

_SERVER_ERROR = 500  # RFC 9110 §15.6
_TOO_MANY_REQUESTS = 429  # RFC 6585 §4

_HEALTHY = Judgement("success")
_NEUTRAL = Judgement("neutral")
# The limit of the whole call is over: another attempt has no time left.
_TIMED_OUT = Judgement("failure", reason="timeout")
_ATTEMPT_TIMED_OUT = Judgement("failure", retryable=True, reason="timeout")
_OF_TIMEOUTS: dict[TimeoutPhase, Judgement] = {
    "total": _TIMED_OUT,
    "attempt": _ATTEMPT_TIMED_OUT,
    "connect": _ATTEMPT_TIMED_OUT,
    "read": _ATTEMPT_TIMED_OUT,
    # It is we who are busy: the upstream was not asked, and asking again adds to it.
    "pool": Judgement("neutral", reason="pool"),
}


def describe_call(
    request: RequestContext,
    options: Mapping[str, Any],
    deadline: float | None,
    judge: Judge | None = None,
    note: Callable[[str], None] | None = None,
) -> Call[HttpResponse]:
    """Describe a call to policies, which know nothing of HTTP.

    Its key is the origin, its operation the method with the route, if there is one. It
    is repeatable when its method is idempotent or when it has an idempotency key, unless
    the option `retry` is False or its body can be read once only.

    Args:
        request: What is sent.
        options: The options of the verb.
        deadline: When the call has to be over, as `Call.deadline`.
        judge: What `judge_by` returned; `judge` by default.
        note: As `Call.note`.
    """
    return Call(
        key=_authority(request.url),
        operation=_operation(request),
        repeatable=not why_not_repeatable(request, options),
        repeats=options.get("repeats", False),
        deadline=deadline,
        judge=judge or _judge,
        note=note,
    )


def _operation(request: RequestContext) -> str:
    return f"{request.method} {request.route}" if request.route else request.method


def why_not_repeatable(request: RequestContext, options: Mapping[str, Any]) -> str:
    """Say why a request must not be sent twice; "" when it may be."""
    if options.get("retry") is False:
        return "`retry=False` forbids it"
    if request.body_stream is not None and not request.body_stream.replayable:
        return "the body can be read once only"
    if request.method in IDEMPOTENT_METHODS or "idempotency-key" in request.headers:
        return ""
    return f"{request.method} without an idempotency key"


def _authority(url: str) -> str:
    # Without the path, behind "https://": few origins are called, with many URLs.
    end = url.find("/", 8)
    return _authority_of(url if end < 0 else url[:end])


@lru_cache(1024)
def _authority_of(url: str) -> str:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme.lower() == "https" else 80)
    return f"{parts.scheme.lower()}://{parts.hostname}:{port}"


def judge_by(statuses: Collection[int]) -> Judge:
    """Return a judge that calls these statuses, and no others, worth repeating."""
    repeated = frozenset(statuses)

    def judge_response(
        response: HttpResponse | None, error: BaseException | None
    ) -> Judgement:
        if response is not None:
            return _of_response(response, repeated)
        return judge(None, error)

    return judge if repeated == RETRYABLE_STATUSES else judge_response


def judge(response: HttpResponse | None, error: BaseException | None) -> Judgement:
    """Judge one exchange.

    A 4xx proves that the upstream is alive, except that 429 says it is overloaded. The
    transport's failures and our own timeouts count against it, and so do those of
    policies, after which another attempt has time left unless it was the call's that
    ran out; a caller's cancellation and a request that was never sendable say nothing.
    """
    if response is not None:
        return _of_response(response, RETRYABLE_STATUSES)
    if isinstance(error, HTTPTimeoutError):
        return _OF_TIMEOUTS[error.phase]
    if isinstance(error, CallTimeoutError):
        return _ATTEMPT_TIMED_OUT if error.phase == "attempt" else _TIMED_OUT
    if isinstance(error, HTTPConnectionError):
        return Judgement("failure", retryable=error.retryable, reason=error.failure)
    if isinstance(error, HTTPClientError) and error.request_sent == "yes":
        return _HEALTHY
    return _NEUTRAL


_judge = judge  # `describe_call` has an argument of this name


def _of_response(response: HttpResponse, repeated: frozenset[int]) -> Judgement:
    status = response.status
    if status < 400:  # noqa: PLR2004 - RFC 9110 §15, the common case first
        return _HEALTHY
    healthy = status < _SERVER_ERROR and status != _TOO_MANY_REQUESTS
    return Judgement(
        "success" if healthy else "failure",
        retryable=status in repeated,
        retry_after=retry_after(response),
        reason=str(status),
    )
