"""Everything that can go wrong with an outbound call, one class per mistake.

Messages hold redacted URLs only. Types, fields and when they are raised are API; the
wording is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from lexigram.contracts.errors import LexigramError
from lexigram.contracts.redaction import redact_url
from lexigram.contracts.web._error_bodies import detail_of, problem_of

if TYPE_CHECKING:
    from lexigram.contracts.web._response import HttpResponse
    from lexigram.contracts.web._timeline import AttemptRecord

RequestSent: TypeAlias = Literal["no", "maybe", "yes"]
"""Whether the server may have seen the request: what a safe repetition turns on."""

TimeoutPhase: TypeAlias = Literal["pool", "connect", "read", "attempt", "total"]
"""Which limit ran out."""

ConnectionFailure: TypeAlias = Literal[
    "dns", "connect", "tls", "proxy", "disconnected", "truncated", "protocol"
]
"""What failed: the look-up of the name, the connection, its certificate or handshake,
the proxy, the connection before or within the response, or the response's framing."""


TLSReason: TypeAlias = Literal[
    "expired",
    "not_yet_valid",
    "wrong_host",
    "unknown_issuer",
    "revoked",
    "pin_mismatch",
    "certificate",
    "client_certificate",
    "version",
    "not_tls",
    "refused",
    "handshake",
]
"""Why TLS failed; "certificate" and "handshake" are for all that has no word of its own."""


class HTTPClientError(LexigramError):
    """An outbound call failed; every failure of a client is one of these.

    Attributes:
        method: The method of the request.
        url: The URL of the request, redacted.
        attempts: How many times the request was sent, or was begun to be sent.
        request_sent: Whether the server may have seen the last attempt.
        retryable: Whether the same call may succeed later, judged from the failure
            alone; whether it is safe to repeat depends on the method.
        timeline: What became of each attempt and what was decided after it, in order;
            empty when the failure came before the first one, or from outside of a call.
    """

    code: ClassVar[str] = "http.client_error"
    # Of the class, so that failures without attempts carry nothing.
    timeline: tuple[AttemptRecord, ...] = ()

    def __init__(
        self,
        message: str,
        *,
        method: str = "",
        url: str = "",
        attempts: int = 0,
        request_sent: RequestSent = "no",
        retryable: bool = False,
    ) -> None:
        super().__init__(message)
        self.method = method
        self.url: str = redact_url(url)
        self.attempts = attempts
        self.request_sent: RequestSent = request_sent
        self.retryable = retryable

    def __str__(self) -> str:
        where = " ".join(filter(None, (self.method, self.url)))
        message = super().__str__()
        return f"{where}: {message}" if where else message

    def explain(self) -> str:
        """Return the failure and below it its attempts, a line each."""
        from lexigram.contracts.web import (  # noqa: PLC0415 - it imports this module
            _timeline,
        )

        lines = _timeline.format_timeline(self.timeline).splitlines()
        return "\n".join([str(self), *(f"  {line}" for line in lines)])


class HTTPStatusError(HTTPClientError):
    """The server answered with a status of 400 or more.

    The message quotes what the body says of it, redacted and cut, where that is plain
    text or JSON with a message; never a page.

    Attributes:
        status: The status code.
        response: The whole response.
        problem: The body's problem details when it is `application/problem+json`
            (RFC 9457), else None.
    """

    code: ClassVar[str] = "http.status"

    def __init__(self, response: HttpResponse) -> None:
        self.status: int = response.status
        self.response = response
        self.problem: dict[str, Any] | None = problem_of(response)
        detail = detail_of(response, self.problem)
        super().__init__(
            f"The server answered {response.status}{f' ({detail})' if detail else ''}.",
            method=response.method,
            url=response.url,
            attempts=response.attempts,
            request_sent="yes",
            retryable=response.status in RETRYABLE_STATUSES,
        )
        _take_timeline(self, response)


RETRYABLE_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same request may succeed later."""


class HTTPConnectionError(HTTPClientError):
    """There is no complete response: a failure below HTTP, or of its framing.

    Attributes:
        failure: What failed.
        reason: Why, when it was TLS; None when it was not, or nobody can tell.
    """

    code: ClassVar[str] = "http.connection"

    def __init__(
        self,
        message: str,
        *,
        failure: ConnectionFailure,
        reason: TLSReason | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(message, **facts)
        self.failure: ConnectionFailure = failure
        self.reason: TLSReason | None = reason


class HTTPTimeoutError(HTTPClientError):
    """A limit of time ran out.

    Attributes:
        phase: Which limit.
        limit: Its length in seconds.
    """

    code: ClassVar[str] = "http.timeout"

    def __init__(
        self, message: str, *, phase: TimeoutPhase, limit: float, **facts: Any
    ) -> None:
        super().__init__(message, **facts)
        self.phase: TimeoutPhase = phase
        self.limit = limit


class HTTPResponseTooLargeError(HTTPClientError):
    """The decoded body is larger than accepted; reading stopped and the rest is lost.

    Attributes:
        limit: The largest size accepted, in bytes.
    """

    code: ClassVar[str] = "http.response_too_large"

    def __init__(self, message: str, *, limit: int, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.limit = limit


class HTTPRedirectError(HTTPClientError):
    """A redirect is not followed: its target is unusable, or less safe than its source."""

    code: ClassVar[str] = "http.redirect"


class HTTPTooManyRedirectsError(HTTPRedirectError):
    """The server redirected more often than allowed.

    Attributes:
        limit: How many redirects were followed.
        history: The redirects, the one that was not followed included.
    """

    code: ClassVar[str] = "http.too_many_redirects"

    def __init__(
        self,
        message: str,
        *,
        limit: int,
        history: tuple[HttpResponse, ...] = (),
        **facts: Any,
    ) -> None:
        super().__init__(message, **facts)
        self.limit = limit
        self.history: tuple[HttpResponse, ...] = history


class HTTPDecodeError(HTTPClientError):
    """The body is not what it was read as; the `__cause__` says where it differs.

    Attributes:
        content_type: The Content-Type of the response, or an empty text.
    """

    code: ClassVar[str] = "http.decode"

    def __init__(self, message: str, *, content_type: str, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.content_type = content_type


class HTTPInvalidRequestError(HTTPClientError, ValueError):
    """The request cannot be sent as it was asked for: an unusable URL, header or body."""

    code: ClassVar[str] = "http.invalid_request"


class HTTPUnknownOptionError(HTTPClientError, TypeError):
    """A call was made with an option that does not exist; always raised."""

    code: ClassVar[str] = "http.unknown_option"


class HTTPClientStateError(HTTPClientError, RuntimeError):
    """The client was used before its start or after its stop; always raised."""

    code: ClassVar[str] = "http.client_state"


class HTTPBlockedError(HTTPClientError):
    """The egress policy forbids this destination; nothing was sent to it."""

    code: ClassVar[str] = "http.blocked"


class HTTPCircuitOpenError(HTTPClientError):
    """A circuit breaker refuses calls to this upstream; nothing was sent.

    Attributes:
        retry_after: Seconds until the breaker lets a probe through, when known.
    """

    code: ClassVar[str] = "http.circuit_open"

    def __init__(
        self, message: str, *, retry_after: float | None = None, **facts: Any
    ) -> None:
        super().__init__(message, **facts)
        self.retry_after = retry_after


class HTTPRejectedError(HTTPClientError):
    """Another admission policy (bulkhead, limiter) refused the call before it was sent.

    Attributes:
        retry_after: Seconds until it may be admitted, when known.
    """

    code: ClassVar[str] = "http.rejected"

    def __init__(
        self, message: str, *, retry_after: float | None = None, **facts: Any
    ) -> None:
        super().__init__(message, **facts)
        self.retry_after = retry_after


class HTTPRetryExhaustedError(HTTPClientError):
    """A retry policy gave up on failures of the transport.

    Attributes:
        last: The failure of the last attempt, unchanged; also the `__cause__`.
    """

    code: ClassVar[str] = "http.retry_exhausted"

    def __init__(self, message: str, *, last: HTTPClientError, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.last = last


def _take_timeline(error: HTTPClientError, response: HttpResponse) -> None:
    if response.timeline:
        error.timeline = response.timeline
