"""Errors carry facts, survive pickling, and can be told apart."""

import copy
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any, Never

import pytest

from lexigram.contracts.errors import LexigramError
from lexigram.contracts.resilience import (
    BulkheadFullError,
    CallRejectedError,
    CallTimeoutError,
    CircuitOpenError,
    ConcurrencyLimitedError,
    RateLimitedError,
    ResilienceError,
    RetryExhaustedError,
    ThrottledError,
)
from lexigram.contracts.web import (
    HTTPBlockedError,
    HTTPCircuitOpenError,
    HTTPClientError,
    HTTPClientProtocol,
    HTTPClientStateError,
    HTTPConnectionError,
    HTTPDecodeError,
    HTTPInvalidRequestError,
    HTTPRedirectError,
    HTTPRejectedError,
    HttpResponse,
    HTTPResponseTooLargeError,
    HTTPRetryExhaustedError,
    HTTPStatusError,
    HTTPTimeoutError,
    HTTPTooManyRedirectsError,
    HTTPUnknownOptionError,
    InterceptorProtocol,
    MissingVerbError,
    RequestContext,
    ResponseContext,
    build_failure,
)

FACTS: dict[str, Any] = {
    "method": "GET",
    "url": "http://h/?k=s3cret",
    "attempts": 2,
    "request_sent": "maybe",
    "retryable": True,
}
SHOWN = {**FACTS, "url": "http://h/?k=***"}
LAST = HTTPConnectionError("gone.", failure="connect", **FACTS)

# Each class and what it takes beyond a message (and, for HTTP, beyond the facts). The
# errors are made in the tests, not here: what runs on import is outside of any test.
HTTP_OWN: list[tuple[type[HTTPClientError], dict[str, Any]]] = [
    (HTTPClientError, {}),
    (HTTPConnectionError, {"failure": "tls", "reason": "expired"}),
    (HTTPTimeoutError, {"phase": "total", "limit": 1.5}),
    (HTTPResponseTooLargeError, {"limit": 10}),
    (HTTPRedirectError, {}),
    (HTTPTooManyRedirectsError, {"limit": 10, "history": (HttpResponse(302),)}),
    (HTTPDecodeError, {"content_type": "a/b"}),
    (HTTPInvalidRequestError, {}),
    (HTTPUnknownOptionError, {}),
    (HTTPClientStateError, {}),
    (HTTPBlockedError, {}),
    (HTTPCircuitOpenError, {"retry_after": 3.0}),
    (HTTPRejectedError, {"retry_after": 3.0}),
    (HTTPRetryExhaustedError, {"last": LAST}),
]
POLICY_OWN: list[tuple[type[ResilienceError], dict[str, Any]]] = [
    (ResilienceError, {}),
    (RetryExhaustedError, {"attempts": 3, "last": ValueError("x")}),
    (CallTimeoutError, {"phase": "attempt", "limit": 1.5}),
    (CallRejectedError, {"key": "k", "retry_after": 1.0}),
    (CircuitOpenError, {"key": "k", "retry_after": 1.0}),
    (BulkheadFullError, {"key": "k", "retry_after": 1.0}),
    (RateLimitedError, {"key": "k", "retry_after": 0.5}),
    (ConcurrencyLimitedError, {"key": "k", "retry_after": None}),
    (ThrottledError, {"key": "k", "retry_after": None}),
]
MAKERS: list[Callable[[], LexigramError]] = [
    *(partial(kind, "m.", **own, **FACTS) for kind, own in HTTP_OWN),
    *(partial(kind, "m.", **own) for kind, own in POLICY_OWN),
    partial(HTTPStatusError, HttpResponse(503)),
]


def name_of(value: object) -> str:
    """Name a parametrised case after its class."""
    value = value.func if isinstance(value, partial) else value
    return value.__name__ if isinstance(value, type) else ""


@pytest.mark.parametrize("make", MAKERS, ids=name_of)
def test_every_error_survives_pickling_and_copying(
    make: Callable[[], LexigramError],
) -> None:
    error = make()
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is type(error)
        assert again.args == error.args
        assert str(again) == str(error)
        assert {k: repr(v) for k, v in vars(again).items()} == {
            k: repr(v) for k, v in vars(error).items()
        }


@pytest.mark.parametrize(("kind", "own"), HTTP_OWN, ids=name_of)
def test_an_http_error_keeps_every_fact_and_redacts_the_url(
    kind: type[HTTPClientError], own: dict[str, Any]
) -> None:
    error = kind("m.", **own, **FACTS)
    assert vars(error) == {**SHOWN, **own}
    assert error.args == ("m.",)
    assert str(error) == "GET http://h/?k=***: m."


@pytest.mark.parametrize(("kind", "own"), HTTP_OWN, ids=name_of)
def test_an_http_error_of_which_nothing_is_known_says_that_nothing_was_sent(
    kind: type[HTTPClientError], own: dict[str, Any]
) -> None:
    error = kind("m.", **own)
    assert vars(error) == {
        **own,
        "method": "",
        "url": "",
        "attempts": 0,
        "request_sent": "no",
        "retryable": False,
    }
    assert str(error) == "m."


@pytest.mark.parametrize(
    ("where", "shown"),
    [
        ({"method": "GET"}, "GET: m."),
        ({"url": "http://h/"}, "http://h/: m."),
        ({}, "m."),
    ],
)
def test_an_error_says_where_as_far_as_it_is_known(
    where: dict[str, str], shown: str
) -> None:
    assert str(HTTPClientError("m.", **where)) == shown  # type: ignore[arg-type]  # by keyword


@pytest.mark.parametrize(("kind", "own"), POLICY_OWN, ids=name_of)
def test_an_error_of_a_policy_keeps_every_fact(
    kind: type[ResilienceError], own: dict[str, Any]
) -> None:
    error = kind("m.", **own)
    assert vars(error) == own
    assert (error.args, str(error)) == (("m.",), "m.")


@pytest.mark.parametrize(
    "kind", [CallRejectedError, CircuitOpenError, BulkheadFullError, RateLimitedError]
)
def test_a_rejection_may_know_neither_key_nor_time(
    kind: type[CallRejectedError],
) -> None:
    assert vars(kind("m.")) == {"key": "", "retry_after": None}


def test_a_policy_s_timeout_is_caught_as_the_builtin_one() -> None:
    with pytest.raises(TimeoutError):
        raise CallTimeoutError("m.", phase="total", limit=2.0)


@pytest.mark.parametrize("kind", [HTTPCircuitOpenError, HTTPRejectedError])
def test_a_refused_call_may_not_know_when_to_come_back(
    kind: type[HTTPCircuitOpenError | HTTPRejectedError],
) -> None:
    assert kind("m.").retry_after is None


@pytest.mark.parametrize(
    ("status", "retryable"),
    [
        *((status, True) for status in (408, 425, 429, 500, 502, 503, 504)),
        *((status, False) for status in (400, 404, 409, 424, 426, 499, 501, 505)),
    ],
)
def test_a_status_error_takes_its_facts_from_the_response(
    status: int, *, retryable: bool
) -> None:
    response = HttpResponse(status, "http://h/?k=s3cret", "PUT", attempts=4)
    assert vars(HTTPStatusError(response)) == {
        "status": status,
        "response": response,
        "problem": None,
        "method": "PUT",
        "url": "http://h/?k=***",
        "attempts": 4,
        "request_sent": "yes",
        "retryable": retryable,
    }


def test_the_last_failure_is_kept_through_pickling() -> None:
    error = HTTPRetryExhaustedError("gave up.", last=LAST, **FACTS)
    again = pickle.loads(pickle.dumps(error))
    assert again.last.failure == "connect"


def test_every_code_is_stable_and_its_own() -> None:
    codes = [type(make()).code for make in MAKERS]
    assert len(set(codes)) == len(codes)
    assert all(code.startswith(("http.", "resilience.")) for code in codes)


# What a program may branch on or alert by.
CODES = {
    HTTPClientError: "http.client_error",
    HTTPStatusError: "http.status",
    HTTPConnectionError: "http.connection",
    HTTPTimeoutError: "http.timeout",
    HTTPResponseTooLargeError: "http.response_too_large",
    HTTPRedirectError: "http.redirect",
    HTTPTooManyRedirectsError: "http.too_many_redirects",
    HTTPDecodeError: "http.decode",
    HTTPInvalidRequestError: "http.invalid_request",
    HTTPUnknownOptionError: "http.unknown_option",
    HTTPClientStateError: "http.client_state",
    HTTPBlockedError: "http.blocked",
    HTTPCircuitOpenError: "http.circuit_open",
    HTTPRejectedError: "http.rejected",
    HTTPRetryExhaustedError: "http.retry_exhausted",
    ResilienceError: "resilience.error",
    RetryExhaustedError: "resilience.retry_exhausted",
    CallTimeoutError: "resilience.timeout",
    CallRejectedError: "resilience.rejected",
    CircuitOpenError: "resilience.circuit_open",
    BulkheadFullError: "resilience.bulkhead_full",
    RateLimitedError: "resilience.rate_limited",
    ConcurrencyLimitedError: "resilience.concurrency_limited",
    ThrottledError: "resilience.throttled",
    LexigramError: "lexigram.error",
}


@pytest.mark.parametrize(("kind", "code"), CODES.items(), ids=name_of)
def test_a_code_does_not_change(kind: type[LexigramError], code: str) -> None:
    assert kind.code == code


RAISED = {
    HTTPUnknownOptionError, HTTPClientStateError, HTTPCircuitOpenError,
    HTTPRejectedError, HTTPRetryExhaustedError,
}  # fmt: skip


@pytest.mark.parametrize(("kind", "own"), HTTP_OWN, ids=name_of)
def test_verbs_raise_mistakes_and_decisions_and_return_the_rest(
    kind: type[HTTPClientError], own: dict[str, Any]
) -> None:
    error = kind("m.", **own)
    if kind in RAISED:
        with pytest.raises(kind) as caught:
            build_failure(error)
        assert caught.value is error
    else:
        assert build_failure(error).error is error


def test_decisions_of_policies_can_be_returned_and_mistakes_cannot() -> None:
    decision = HTTPRetryExhaustedError("m.", last=LAST)
    assert build_failure(decision, infrastructure="return").error is decision
    with pytest.raises(HTTPUnknownOptionError):
        build_failure(HTTPUnknownOptionError("m."), infrastructure="return")


def test_a_misused_client_is_also_the_builtin_mistake() -> None:
    assert issubclass(HTTPInvalidRequestError, ValueError)
    assert issubclass(HTTPUnknownOptionError, TypeError)
    assert issubclass(HTTPClientStateError, RuntimeError)


async def test_a_partial_implementation_names_the_verb_it_lacks() -> None:
    class Partial(HTTPClientProtocol):
        async def get(self, url: str, **options: object) -> Never:
            raise AssertionError

    with pytest.raises(MissingVerbError, match="Partial does not define 'post'"):
        await Partial().post("http://h/")
    assert issubclass(MissingVerbError, TypeError)


@pytest.mark.parametrize(
    "verb", ["get", "post", "put", "delete", "patch", "head", "request"]
)
async def test_every_verb_of_the_protocol_says_when_it_is_missing(verb: str) -> None:
    class Empty(HTTPClientProtocol):
        pass

    call = getattr(Empty(), verb)
    arguments = ("GET", "http://h/") if verb == "request" else ("http://h/",)
    with pytest.raises(MissingVerbError, match=f"Empty does not define '{verb}'. Add"):
        await call(*arguments)


async def test_an_interceptor_passes_through_what_it_does_not_define() -> None:
    class Nothing(InterceptorProtocol):
        pass

    request, response = RequestContext("GET", "/"), ResponseContext(200)
    assert await Nothing().intercept_request(request) is request
    assert await Nothing().intercept_response(response) is response
