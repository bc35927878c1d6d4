"""Policies stand around attempts in one order, and speak of HTTP when they refuse."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from lexigram.contracts.resilience import (
    Call,
    CallRejectedError,
    CallTimeoutError,
    CircuitOpenError,
    RetryExhaustedError,
    TimeLimit,
)
from lexigram.contracts.web import (
    HTTPCircuitOpenError,
    HTTPClientError,
    HTTPConnectionError,
    HTTPRejectedError,
    HttpResponse,
    HTTPRetryExhaustedError,
    HTTPTimeoutError,
    RequestContext,
)
from lexigram.contracts.web.calling import Guard, compose_policies, guarded

T = TypeVar("T")
REQUEST = RequestContext("GET", "http://h/?token=s3cret")
CALL: Call[HttpResponse] = Call(key="http://h:80")


class Policy:
    """A policy of any kind that notes when it runs, and makes `attempts`."""

    def __init__(self, name: str, log: list[str], attempts: int = 1) -> None:
        self._name = name
        self._log = log
        self._attempts = attempts

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        assert call is CALL
        self._log.append(self._name)
        for _ in range(self._attempts - 1):
            await operation()
        return await operation()

    call = execute


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", ["sent"]),
        ("retry", ["retry", "sent", "sent"]),
        ("breaker", ["breaker", "sent"]),
        ("retry breaker", ["retry", "breaker", "sent", "breaker", "sent"]),
        ("pipeline", ["pipeline", "sent"]),
        ("pipeline retry breaker", ["pipeline", "sent"]),
    ],
)
async def test_a_pipeline_stands_alone_and_a_retry_around_the_breaker(
    given: str, expected: list[str]
) -> None:
    log: list[str] = []

    async def send() -> HttpResponse:
        log.append("sent")
        return HttpResponse(200)

    guard = compose_policies(
        resilience=Policy("pipeline", log) if "pipeline" in given else None,
        retry_policy=Policy("retry", log, 2) if "retry" in given else None,
        circuit_breaker=Policy("breaker", log) if "breaker" in given else None,
    )
    assert (await guarded(guard, send, REQUEST, CALL)).status == 200
    assert log == expected


def refusing(error: BaseException) -> Guard:
    async def refuse(
        operation: Callable[[], Awaitable[HttpResponse]], call: Call[HttpResponse]
    ) -> HttpResponse:
        raise error

    return refuse


async def send_nothing() -> HttpResponse:
    raise NotImplementedError


async def refused_with(error: BaseException) -> HTTPClientError:
    with pytest.raises(HTTPClientError) as refused:
        await guarded(refusing(error), send_nothing, REQUEST, CALL)
    assert refused.value.method == "GET"
    assert refused.value.url == "http://h/?token=***"
    assert refused.value.retryable
    return refused.value


async def test_an_open_circuit_says_when_it_may_be_tried_again() -> None:
    opened = CircuitOpenError("open.", retry_after=2.5)
    error = await refused_with(opened)
    assert isinstance(error, HTTPCircuitOpenError)
    assert (error.retry_after, error.request_sent) == (2.5, "no")
    assert error.__cause__ is opened
    assert error.args[0] == (
        "The circuit to this upstream is open; the attempt was not sent. "
        "It may be tried again in 2.5 s."
    )


async def test_another_refusal_keeps_what_the_policy_said() -> None:
    error = await refused_with(CallRejectedError("10 calls are under way."))
    assert isinstance(error, HTTPRejectedError)
    assert (error.retry_after, error.request_sent) == (None, "no")
    assert error.args[0] == "A policy refused the attempt: 10 calls are under way."
    later = await refused_with(CallRejectedError("Full.", retry_after=1.0))
    assert isinstance(later, HTTPRejectedError)
    assert later.retry_after == 1.0
    assert later.args[0].endswith("It may be tried again in 1 s.")


async def test_a_retry_that_gave_up_keeps_the_last_failure() -> None:
    last = HTTPConnectionError("Gone.", failure="disconnected", request_sent="maybe")
    exhausted = RetryExhaustedError("no more.", attempts=3, last=last)
    exhausted.__cause__ = last
    error = await refused_with(exhausted)
    assert isinstance(error, HTTPRetryExhaustedError)
    assert (error.last, error.request_sent) == (last, "maybe")
    assert error.__cause__ is last
    assert error.args[0] == "Gave up at attempt 3: Gone."


@pytest.mark.parametrize("phase", ["attempt", "total"])
async def test_a_policy_s_limit_of_time_is_a_timeout_of_that_phase(
    phase: TimeLimit,
) -> None:
    cut = CallTimeoutError("It took longer than 2 s.", phase=phase, limit=2.0)
    error = await refused_with(cut)
    assert isinstance(error, HTTPTimeoutError)
    assert (error.phase, error.limit, error.request_sent) == (phase, 2.0, "maybe")
    assert error.__cause__ is cut
    assert error.args[0] == (
        "It took longer than 2 s. A policy sets this limit; "
        "`timeout=` and `pool.timeout` do not."
    )


async def test_a_retry_that_gave_up_on_timeouts_keeps_the_last_in_terms_of_http() -> (
    None
):
    cut = CallTimeoutError("It took longer than 2 s.", phase="attempt", limit=2.0)
    exhausted = RetryExhaustedError("no more.", attempts=3, last=cut)
    error = await refused_with(exhausted)
    assert isinstance(error, HTTPRetryExhaustedError)
    assert isinstance(error.last, HTTPTimeoutError)
    assert error.last is error.__cause__
    assert error.last.__cause__ is cut
    assert (error.last.phase, error.last.method) == ("attempt", "GET")
    assert (error.last.request_sent, error.request_sent) == ("maybe", "maybe")
    assert error.args[0].startswith("Gave up at attempt 3: It took longer than 2 s.")


async def test_what_is_no_failure_of_a_call_comes_out_of_a_retry_as_itself() -> None:
    mistake = KeyError("mine")
    exhausted = RetryExhaustedError("no more.", attempts=3, last=mistake)
    with pytest.raises(KeyError) as caught:
        await guarded(refusing(exhausted), send_nothing, REQUEST, CALL)
    assert caught.value is mistake


async def test_a_failure_that_is_not_repeated_passes_unchanged() -> None:
    gone = HTTPConnectionError("Gone.", failure="dns")
    with pytest.raises(HTTPConnectionError) as caught:
        await guarded(refusing(gone), send_nothing, REQUEST, CALL)
    assert caught.value is gone
