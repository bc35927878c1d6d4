"""Errors carry facts, survive pickling, and can be told apart."""

import copy
import pickle

import pytest
from lexigram.contracts.errors import LexigramError
from lexigram.contracts.resilience import (
    BulkheadFullError,
    CallRejectedError,
    CircuitOpenError,
    RateLimitedError,
    RetryExhaustedError,
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

FACTS = {
    "method": "GET",
    "url": "http://h/",
    "attempts": 2,
    "request_sent": "maybe",
    "retryable": True,
}
LAST = HTTPConnectionError("gone.", failure="connect", **FACTS)
ERRORS: list[LexigramError] = [
    HTTPClientError("m.", **FACTS),
    HTTPStatusError(HttpResponse(503)),
    LAST,
    HTTPTimeoutError("m.", phase="total", limit=1.5, **FACTS),
    HTTPResponseTooLargeError("m.", limit=10, **FACTS),
    HTTPRedirectError("m.", **FACTS),
    HTTPTooManyRedirectsError("m.", limit=10, **FACTS),
    HTTPDecodeError("m.", content_type="a/b", **FACTS),
    HTTPInvalidRequestError("m.", **FACTS),
    HTTPUnknownOptionError("m.", **FACTS),
    HTTPClientStateError("m.", **FACTS),
    HTTPBlockedError("m.", **FACTS),
    HTTPCircuitOpenError("m.", retry_after=3.0, **FACTS),
    HTTPRejectedError("m.", retry_after=3.0, **FACTS),
    RetryExhaustedError("m.", attempts=3, last=ValueError("x")),
    CallRejectedError("m.", key="k", retry_after=1.0),
    CircuitOpenError("m.", key="k"),
    BulkheadFullError("m.", key="k"),
    RateLimitedError("m.", key="k", retry_after=0.5),
]  # fmt: skip


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
def test_every_error_survives_pickling_and_copying(error: LexigramError) -> None:
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert {k: repr(v) for k, v in vars(again).items()} == {
            k: repr(v) for k, v in vars(error).items()
        }


def test_the_last_failure_is_kept_through_pickling() -> None:
    error = HTTPRetryExhaustedError("gave up.", last=LAST, **FACTS)
    again = pickle.loads(pickle.dumps(error))
    assert again.last.failure == "connect"


def test_every_code_is_stable_and_its_own() -> None:
    codes = [type(error).code for error in ERRORS]
    assert len(set(codes)) == len(codes)
    assert all(code.startswith(("http.", "resilience.")) for code in codes)


RAISED = {
    "HTTPUnknownOptionError", "HTTPClientStateError", "HTTPCircuitOpenError",
    "HTTPRejectedError",
}  # fmt: skip
HTTP_ERRORS = [error for error in ERRORS if isinstance(error, HTTPClientError)]


@pytest.mark.parametrize("error", HTTP_ERRORS, ids=lambda e: type(e).__name__)
def test_verbs_raise_mistakes_and_decisions_and_return_the_rest(
    error: HTTPClientError,
) -> None:
    if type(error).__name__ in RAISED:
        with pytest.raises(type(error)) as caught:
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
        async def get(self, url, **options):
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
