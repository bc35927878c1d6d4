"""Failures of the transport, as values of JSON."""

from __future__ import annotations

from typing import Any, Final

from lexigram.contracts.redaction import redact_url
from lexigram.contracts.web import (
    HTTPBlockedError,
    HTTPCircuitOpenError,
    HTTPClientError,
    HTTPClientStateError,
    HTTPConnectionError,
    HTTPDecodeError,
    HTTPInvalidRequestError,
    HTTPRedirectError,
    HTTPRejectedError,
    HTTPResponseTooLargeError,
    HTTPRetryExhaustedError,
    HTTPStatusError,
    HTTPTimeoutError,
    HTTPTooManyRedirectsError,
    HTTPUnknownOptionError,
)
from lexigram.testing._calls.requests import RecordedRequest

__all__ = ["ERRORS", "FACTS", "error_from_json", "error_to_json", "is_recordable"]

ERRORS: Final[dict[str, type[HTTPClientError]]] = {
    error.code: error
    for error in (
        HTTPBlockedError,
        HTTPCircuitOpenError,
        HTTPClientError,
        HTTPConnectionError,
        HTTPDecodeError,
        HTTPRedirectError,
        HTTPRejectedError,
        HTTPResponseTooLargeError,
        HTTPRetryExhaustedError,
        HTTPTimeoutError,
        HTTPTooManyRedirectsError,
    )
}
"""The failures that can be recorded, by their code."""

FACTS: Final = (
    "attempts",
    "content_type",
    "failure",
    "last",
    "limit",
    "phase",
    "request_sent",
    "retry_after",
    "retryable",
)
"""What a failure knows beside its message, method and URL."""

# Mistakes of the program: a client finds them without asking anybody. A status is no
# failure of the transport, and `request` does not raise it.
_NOT_RECORDED: Final = (
    HTTPClientStateError,
    HTTPInvalidRequestError,
    HTTPStatusError,
    HTTPUnknownOptionError,
)


def is_recordable(error: HTTPClientError) -> bool:
    """Say whether a failure is the outcome of an exchange."""
    return not isinstance(error, _NOT_RECORDED)


def error_to_json(error: HTTPClientError, request: RecordedRequest) -> dict[str, Any]:
    """Return what stands for a failure in the file.

    Of a class that is not one of the contracts' it keeps the nearest one that is.
    """
    known = next(c for c in type(error).__mro__ if c in ERRORS.values())
    facts = {name: getattr(error, name) for name in FACTS if hasattr(error, name)}
    if isinstance(error, HTTPRetryExhaustedError):
        facts["last"] = error_to_json(error.last, request)
    where = {"method": error.method, "url": error.url}
    as_asked = {"method": request.method, "url": redact_url(request.url)}
    return {
        "code": known.code,  # type: ignore[attr-defined]  # one of ERRORS
        "message": error.args[0],
        **{name: fact for name, fact in facts.items() if fact is not None},
        **({} if where == as_asked else where),
    }


def error_from_json(value: dict[str, Any], request: RecordedRequest) -> HTTPClientError:
    """Return a new failure that equals the recorded one.

    Raises:
        KeyError: Its code is unknown.
        TypeError: A fact is missing, or is none of that failure.
    """
    facts: dict[str, Any] = {
        "method": request.method,
        "url": request.url,
        **value,
    }
    error_class = ERRORS[facts.pop("code")]
    if "last" in facts:
        facts["last"] = error_from_json(facts["last"], request)
    error = error_class(facts.pop("message"), **facts)
    if isinstance(error, HTTPRetryExhaustedError):
        error.__cause__ = error.last
    return error
