"""The built-in retry, and the policies that can stand in for it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from lexigram.contracts.clock import SystemClock
from lexigram.contracts.resilience import (
    Call,
    CallRejectedError,
    CallTimeoutError,
    CircuitOpenError,
    Judgement,
    RetryExhaustedError,
    TimeLimit,
)
from lexigram.contracts.web import (
    HTTPCircuitOpenError,
    HTTPConnectionError,
    HTTPRejectedError,
    HTTPRetryExhaustedError,
    HTTPStatusError,
    HTTPTimeoutError,
)
from lexigram.http import HTTPClient, HTTPClientConfig
from lexigram.http.retry import BuiltinRetry
from lexigram.testing import FaultServer, Reply, fault

T = TypeVar("T")


class InstantClock(SystemClock):
    """Does not wait; says how long it was asked to."""

    def __init__(self) -> None:
        self.sleeps: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        await asyncio.sleep(0)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "QUERY"])
async def test_an_idempotent_request_is_sent_three_times_at_most(method: str) -> None:
    clock = InstantClock()
    async with FaultServer.run() as server, HTTPClient(clock=clock) as client:
        server.on(method, "/v1").respond(503)
        response = await client.request(method, f"{server.base_url}/v1")
        assert (response.status, response.attempts) == (503, 3)
        assert len(server.calls) == 3
    assert 0 <= clock.sleeps[0] <= 0.1
    assert 0 <= clock.sleeps[1] <= 0.2
    assert len(clock.sleeps) == 2


async def test_the_built_in_retry_repeats_what_does_not_describe_itself() -> None:
    clock, calls = InstantClock(), iter([OSError(), OSError()])

    async def operation() -> int:
        for error in calls:
            raise error
        return 3

    assert await BuiltinRetry(clock).execute(operation) == 3
    assert len(clock.sleeps) == 2


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_a_status_that_may_pass_is_tried_again(status: int) -> None:
    async with FaultServer.run() as server, HTTPClient(clock=InstantClock()) as client:
        server.on.get("/v1").sequence(Reply(status), Reply(200))
        assert (await client.get(f"{server.base_url}/v1")).unwrap().attempts == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 501, 505])
async def test_a_status_that_stays_is_not_tried_again(status: int) -> None:
    async with FaultServer.run() as server, HTTPClient(clock=InstantClock()) as client:
        server.on.get("/v1").respond(status)
        assert (await client.get(f"{server.base_url}/v1")).unwrap_err().attempts == 1
        assert len(server.calls) == 1


@pytest.mark.parametrize("verb", ["post", "patch"])
async def test_post_and_patch_are_sent_once_without_an_idempotency_key(
    verb: str,
) -> None:
    async with FaultServer.run() as server, HTTPClient(clock=InstantClock()) as client:
        server.on(verb.upper(), "/v1").respond(503)
        url = f"{server.base_url}/v1"
        await getattr(client, verb)(url, json={})
        assert len(server.calls) == 1
        await getattr(client, verb)(url, json={"a": 1}, idempotency_key="k1")
        assert len(server.calls) == 4
        repeated = [call.request for call in server.calls[1:]]
    assert {r.body for r in repeated} == {b'{"a":1}'}
    assert {r.headers["idempotency-key"] for r in repeated} == {"k1"}


async def test_a_post_cut_off_without_an_answer_is_not_repeated() -> None:
    async with FaultServer.run() as server, HTTPClient(clock=InstantClock()) as client:
        server.on.post("/v1").fail(fault.reset())
        error = (await client.post(f"{server.base_url}/v1", json={})).unwrap_err()
        assert isinstance(error, HTTPConnectionError)
        assert len(server.calls) == 1


async def test_the_last_failure_is_the_answer() -> None:
    async with FaultServer.run() as server, HTTPClient(clock=InstantClock()) as client:
        server.on.get("/v1").sequence(Reply(503), fault.close(), fault.reset())
        error = (await client.get(f"{server.base_url}/v1")).unwrap_err()
    assert isinstance(error, HTTPConnectionError)
    assert error.attempts == 3


async def test_retry_after_is_waited_for_in_full() -> None:
    clock = InstantClock()
    async with FaultServer.run() as server, HTTPClient(clock=clock) as client:
        server.on.get("/v1").sequence(
            Reply(503, headers={"Retry-After": "2"}), Reply(200)
        )
        assert await client.get(f"{server.base_url}/v1")
    assert clock.sleeps == [2.0]


@pytest.mark.parametrize("asked", ["61", "1e9", "40"])
async def test_a_wait_beyond_the_limit_or_the_deadline_is_refused(asked: str) -> None:
    clock = InstantClock()
    async with FaultServer.run() as server, HTTPClient(clock=clock) as client:
        server.on.get("/v1").respond(429, headers={"Retry-After": asked})
        error = (await client.get(f"{server.base_url}/v1")).unwrap_err()
    assert isinstance(error, HTTPStatusError)
    assert (error.status, error.attempts, clock.sleeps) == (429, 1, [])


async def test_retry_false_sends_once() -> None:
    async with FaultServer.run() as server, HTTPClient(clock=InstantClock()) as client:
        server.on.get("/v1").respond(503)
        await client.get(f"{server.base_url}/v1", retry=False)
        assert len(server.calls) == 1


class Once:
    """A pipeline that runs the operation once and notes what it was told."""

    def __init__(self) -> None:
        self.calls: list[Call[Any]] = []
        self.judgements: list[Judgement] = []

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        assert call is not None
        self.calls.append(call)
        try:
            result = await operation()
        except BaseException as error:
            self.judgements.append(call.judge(None, error))
            raise
        self.judgements.append(call.judge(result, None))
        return result


async def test_a_policy_is_told_what_it_needs_and_nothing_of_http() -> None:
    once = Once()
    async with FaultServer.run() as server, HTTPClient(resilience=once) as client:
        server.on.get("/v1").respond(200)
        server.on.post("/v1").respond(200)
        await client.get(f"{server.base_url}/v1")
        await client.post(f"{server.base_url}/v1")
        assert [call.key for call in once.calls] == [server.base_url] * 2
    assert [call.repeatable for call in once.calls] == [True, False]
    assert [call.operation for call in once.calls] == ["GET", "POST"]
    assert all(call.deadline is not None for call in once.calls)


async def test_a_policy_sees_a_hanging_upstream_as_a_failure() -> None:
    once = Once()
    async with FaultServer.run() as server, HTTPClient(resilience=once) as client:
        server.on.get("/v1").fail(fault.hang())
        result = await client.get(f"{server.base_url}/v1", timeout=0.05)
    assert isinstance(result.unwrap_err(), HTTPTimeoutError)
    assert [j.outcome for j in once.judgements] == ["failure"]


async def test_a_policy_sees_a_cancelled_caller_as_neutral() -> None:
    once = Once()
    async with FaultServer.run() as server, HTTPClient(resilience=once) as client:
        server.on.get("/v1").fail(fault.hang())
        call = asyncio.create_task(client.get(f"{server.base_url}/v1"))
        await server.calls.wait_for(1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert [j.outcome for j in once.judgements] == ["neutral"]


class Raises:
    """A pipeline that refuses, or gives up, in the way it is told."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        raise self.error


LAST = HTTPConnectionError("gone.", failure="disconnected", request_sent="maybe")
VERDICTS = [
    (CircuitOpenError("open.", retry_after=3.0), HTTPCircuitOpenError),
    (CallRejectedError("full."), HTTPRejectedError),
    (RetryExhaustedError("no more.", attempts=3, last=LAST), HTTPRetryExhaustedError),
]


@pytest.mark.parametrize(("error", "expected"), VERDICTS)
async def test_what_a_policy_decides_is_raised_in_terms_of_http(
    error: Exception, expected: type[Exception]
) -> None:
    async with HTTPClient(resilience=Raises(error)) as client:
        for call in (client.get("http://h/"), client.request("GET", "http://h/")):
            with pytest.raises(expected, match="GET http://h/"):
                await call


@pytest.mark.parametrize(("error", "expected"), VERDICTS)
async def test_what_a_policy_decides_can_be_returned_instead(
    error: Exception, expected: type[Exception]
) -> None:
    config = HTTPClientConfig(infrastructure_errors="return")
    async with HTTPClient(config, resilience=Raises(error)) as client:
        assert isinstance((await client.get("http://h/")).unwrap_err(), expected)


@pytest.mark.parametrize("phase", ["attempt", "total"])
async def test_a_limit_of_time_of_a_policy_is_a_timeout_like_any_other(
    phase: TimeLimit,
) -> None:
    cut = CallTimeoutError("too long.", phase=phase, limit=2.0)
    async with HTTPClient(resilience=Raises(cut)) as client:
        error = (await client.get("http://h/", timeout=9)).unwrap_err()
        assert isinstance(error, HTTPTimeoutError)
        assert (error.phase, error.limit, error.request_sent) == (phase, 2.0, "maybe")
        with pytest.raises(HTTPTimeoutError, match="GET http://h/: too long."):
            await client.request("GET", "http://h/")


async def test_attempts_that_a_policy_cut_are_exhausted_as_timeouts() -> None:
    cut = CallTimeoutError("too long.", phase="attempt", limit=2.0)
    gave_up = RetryExhaustedError("no more.", attempts=3, last=cut)
    async with HTTPClient(resilience=Raises(gave_up)) as client:
        with pytest.raises(HTTPRetryExhaustedError) as caught:
            await client.get("http://h/")
    assert isinstance(caught.value.last, HTTPTimeoutError)
    assert caught.value.last.phase == "attempt"
    assert caught.value.last.__cause__ is cut


async def test_the_facts_of_a_verdict_are_kept() -> None:
    async with HTTPClient(resilience=Raises(VERDICTS[0][0])) as client:
        with pytest.raises(HTTPCircuitOpenError) as opened:
            await client.get("http://h/")
    assert opened.value.retry_after == 3.0
    async with HTTPClient(resilience=Raises(VERDICTS[2][0])) as client:
        with pytest.raises(HTTPRetryExhaustedError) as exhausted:
            await client.get("http://h/")
    assert exhausted.value.last is LAST
    assert exhausted.value.request_sent == "maybe"


class Breaker:
    """A breaker that notes each attempt and refuses from the third on."""

    def __init__(self) -> None:
        self.attempts = 0

    async def call(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        self.attempts += 1
        if self.attempts > 2:
            raise CircuitOpenError("open.")
        return await operation()


async def test_a_breaker_alone_stands_inside_the_built_in_retry() -> None:
    breaker = Breaker()
    async with (
        FaultServer.run() as server,
        HTTPClient(circuit_breaker=breaker, clock=InstantClock()) as client,
    ):
        server.on.get("/v1").respond(503)
        with pytest.raises(HTTPCircuitOpenError):
            await client.get(f"{server.base_url}/v1")
        assert len(server.calls) == 2


async def test_a_pipeline_takes_the_place_of_retry_and_breaker() -> None:
    once, breaker = Once(), Breaker()
    async with (
        FaultServer.run() as server,
        HTTPClient(
            resilience=once, retry_policy=Once(), circuit_breaker=breaker
        ) as client,
    ):
        server.on.get("/v1").respond(503)
        await client.get(f"{server.base_url}/v1")
    assert len(once.calls) == 1
    assert breaker.attempts == 0


async def test_which_statuses_are_tried_again_can_be_said() -> None:
    config = HTTPClientConfig(retry_statuses=frozenset({404}))
    async with (
        FaultServer.run() as server,
        HTTPClient(config, clock=InstantClock()) as client,
    ):
        server.on.get("/404").sequence(Reply(404), Reply(200))
        assert (await client.request("GET", f"{server.base_url}/404")).attempts == 2
        server.on.get("/503").respond(503)
        assert (await client.request("GET", f"{server.base_url}/503")).attempts == 1


@pytest.mark.parametrize("status", [200, 399, 600])
def test_only_statuses_of_errors_can_be_tried_again(status: int) -> None:
    with pytest.raises(ValueError, match=f"{status} is no status of an error"):
        HTTPClientConfig(retry_statuses=frozenset({503, status}))
