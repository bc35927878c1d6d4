"""A call to the fake goes through what a call of the real client goes through."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from lexigram.contracts.clock import SystemClock
from lexigram.contracts.resilience import (
    Call,
    CallRejectedError,
    CircuitOpenError,
    Judgement,
    RetryExhaustedError,
)
from lexigram.contracts.web import (
    HTTPCircuitOpenError,
    HTTPClientStateError,
    HTTPConnectionError,
    HTTPInvalidRequestError,
    HTTPRedirectError,
    HTTPRejectedError,
    HTTPResponseTooLargeError,
    HTTPRetryExhaustedError,
    HTTPStatusError,
    HTTPTimeoutError,
    HTTPTooManyRedirectsError,
    InterceptorProtocol,
    RequestContext,
    ResponseContext,
)
from lexigram.testing import (
    FakeHTTPClient,
    InMemoryMetrics,
    RecordedRequest,
    Reply,
    UnmatchedRequest,
    fault,
    virtual_time,
)

T = TypeVar("T")


# Redirects.


async def test_redirects_are_followed_and_each_is_a_recorded_call() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.post("/old").respond(302, headers={"Location": "/new?a=1"})
        fake.on.get("/new").respond(200)
        response = (await fake.post("/old", json={})).unwrap()
        assert (response.url, response.method) == ("https://fake.test/new?a=1", "GET")
        assert response.attempts == 2
        assert [call.request.attempt for call in fake.calls] == [1, 2]
        assert fake.calls[1].request.body == b""


async def test_a_redirect_is_an_answer_for_those_who_do_not_follow() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/old").respond(302, headers={"Location": "/new"})
        result = await fake.get("/old", follow_redirects=False)
        assert result.unwrap().status == 302
        fake.calls.assert_count(1)


async def test_an_endless_redirect_ends_at_the_limit() -> None:
    async with FakeHTTPClient(max_redirects=3) as fake:
        fake.on.get("/loop").respond(302, headers={"Location": "/loop"})
        error = (await fake.get("/loop")).unwrap_err()
        assert isinstance(error, HTTPTooManyRedirectsError)
        assert (error.limit, error.attempts) == (3, 4)
        fake.calls.assert_count(4)


async def test_a_secret_does_not_follow_to_another_origin() -> None:
    async with FakeHTTPClient(headers={"X-Api-Key": "s3cret"}) as fake:
        fake.on.get("/here").respond(307, headers={"Location": "https://b.test/there"})
        fake.on.get("https://b.test/there").respond(200)
        assert (await fake.get("/here")).is_ok()
        assert ["x-api-key" in c.request.headers for c in fake.calls] == [True, False]


async def test_a_redirect_that_is_less_safe_is_refused() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/x").respond(302, headers={"Location": "http://fake.test/x"})
        assert isinstance((await fake.get("/x")).unwrap_err(), HTTPRedirectError)


async def test_the_target_of_a_redirect_needs_a_route() -> None:
    fake = FakeHTTPClient()
    fake.on.get("/x").respond(302, headers={"Location": "/y"})
    with pytest.raises(UnmatchedRequest, match="/y"):
        await fake.get("/x")


# Headers and interceptors.


async def test_default_headers_are_sent_and_those_of_a_call_win() -> None:
    async with FakeHTTPClient(headers={"X-A": "default", "X-B": "default"}) as fake:
        fake.on.get("/x").respond(200)
        await fake.get("/x", headers={"x-a": "own"})
        headers = fake.calls.one().request.headers
        assert (headers["X-A"], headers["X-B"]) == ("own", "default")


class Tag(InterceptorProtocol):
    """Notes when it runs, and leaves a mark on what passes."""

    def __init__(self, name: str, log: list[str], scope: str = "call") -> None:
        self.scope = scope
        self._name = name
        self._log = log

    async def intercept_request(self, context: RequestContext, /) -> RequestContext:
        self._log.append(f"> {self._name} {context.attempt}")
        context.headers.add("X-Tag", self._name)
        return context

    async def intercept_response(self, response: ResponseContext, /) -> ResponseContext:
        self._log.append(f"< {self._name} {response.attempt}")
        return replace(response, body=response.body + self._name.encode())


async def test_interceptors_of_both_scopes_run_around_what_they_stand_around() -> None:
    log: list[str] = []
    tags = [Tag("call", log), Tag("attempt", log, "attempt")]
    async with FakeHTTPClient(interceptors=tags) as fake:
        fake.on.get("/old").respond(302, headers={"Location": "/new"})
        fake.on.get("/new").respond(text="-")
        response = (await fake.get("/old")).unwrap()
        assert (response.text, response.attempts) == ("-attemptcall", 2)
        for call in fake.calls:
            assert call.request.headers.get_all("x-tag") == ["call", "attempt"]
    assert log == [
        "> call 1",
        "> attempt 1",
        "< attempt 1",
        "> attempt 2",
        "< attempt 2",
        "< call 2",
    ]


async def test_what_an_interceptor_makes_unusable_is_not_sent() -> None:
    class Misled(InterceptorProtocol):
        async def intercept_request(self, context: RequestContext, /) -> RequestContext:
            return replace(context, url="ftp://h/")

    async with FakeHTTPClient(interceptors=[Misled()]) as fake:
        error = (await fake.get("/x")).unwrap_err()
        assert isinstance(error, HTTPInvalidRequestError)
        assert error.attempts == 0


async def test_an_interceptor_that_sleeps_uses_up_the_time_of_the_call() -> None:
    class Sleeps(InterceptorProtocol):
        async def intercept_request(self, context: RequestContext, /) -> RequestContext:
            await asyncio.sleep(3600)
            raise NotImplementedError

    async with (
        virtual_time() as clock,
        FakeHTTPClient(interceptors=[Sleeps()]) as fake,
    ):
        error = (await fake.get("/x")).unwrap_err()
        assert isinstance(error, HTTPTimeoutError)
        assert (error.request_sent, error.attempts, clock.elapsed) == ("no", 0, 30.0)


async def test_a_timeout_set_by_an_interceptor_holds() -> None:
    class Hurry(InterceptorProtocol):
        async def intercept_request(self, context: RequestContext, /) -> RequestContext:
            return replace(context, timeout=2.0)

    async with virtual_time() as clock, FakeHTTPClient(interceptors=[Hurry()]) as fake:
        fake.on.get("/x").fail(fault.hang())
        error = (await fake.get("/x")).unwrap_err()
        assert isinstance(error, HTTPTimeoutError)
        assert (error.limit, clock.elapsed) == (2.0, 2.0)


async def test_an_interceptor_s_own_timeout_error_is_not_ours() -> None:
    class Fails(InterceptorProtocol):
        async def intercept_request(self, context: RequestContext, /) -> RequestContext:
            raise TimeoutError("of the interceptor")

    async with FakeHTTPClient(interceptors=[Fails()]) as fake:
        with pytest.raises(TimeoutError, match="of the interceptor"):
            await fake.get("/x")


# Policies.


class Retry:
    """Repeats three times what may be repeated, and notes what it is told."""

    def __init__(self) -> None:
        self.calls: list[Call[Any]] = []
        self.judgements: list[Judgement] = []

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        assert call is not None
        self.calls.append(call)
        while True:
            try:
                result = await operation()
            except BaseException as error:
                if not self._again(call, call.judge(None, error)):
                    raise
            else:
                if not self._again(call, call.judge(result, None)):
                    return result
            await asyncio.sleep(1)

    def _again(self, call: Call[Any], judgement: Judgement) -> bool:
        self.judgements.append(judgement)
        few = len(self.judgements) < 3
        return judgement.retryable and call.repeatable and few


class Breaker:
    """A breaker that opens after two attempts."""

    def __init__(self) -> None:
        self.attempts = 0

    async def call(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        self.attempts += 1
        if self.attempts > 2:
            raise CircuitOpenError("open.", retry_after=9.0)
        return await operation()


async def test_without_a_policy_each_request_is_sent_once() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/x").respond(503)
        assert (await fake.get("/x")).unwrap_err().attempts == 1
        fake.calls.assert_count(1)


async def test_each_attempt_of_a_retry_is_a_recorded_call() -> None:
    retry = Retry()
    async with virtual_time(), FakeHTTPClient(retry_policy=retry) as fake:
        fake.on.get("/x").sequence(Reply(503), fault.reset(), Reply(200))
        response = (await fake.get("/x")).unwrap()
        assert (response.attempts, response.elapsed) == (3, 2.0)
        assert [call.request.attempt for call in fake.calls] == [1, 2, 3]
    assert [call.key for call in retry.calls] == ["https://fake.test:443"]
    assert [judgement.reason for judgement in retry.judgements] == [
        "503",
        "disconnected",
        "",
    ]


async def test_a_post_is_repeated_only_with_an_idempotency_key() -> None:
    async with virtual_time():
        for options, attempts in (({}, 1), ({"idempotency_key": "k"}, 3)):
            async with FakeHTTPClient(retry_policy=Retry()) as fake:
                fake.on.post("/x").respond(503)
                error = (await fake.post("/x", **options)).unwrap_err()  # type: ignore[arg-type]  # either
                assert error.attempts == attempts


async def test_the_deadline_spans_all_attempts() -> None:
    retry = Retry()
    async with (
        virtual_time() as clock,
        FakeHTTPClient(retry_policy=retry, timeout=5) as fake,
    ):
        fake.on.get("/x").respond(503, delay=2)
        error = (await fake.get("/x")).unwrap_err()
        assert isinstance(error, HTTPTimeoutError)
        assert (clock.elapsed, error.attempts) == (5.0, 2)
        assert fake.calls[1].outcome is error
    (call,) = retry.calls
    assert call.deadline == pytest.approx(fake.calls[0].started_at + 5)
    assert [judgement.reason for judgement in retry.judgements] == ["503", "timeout"]


async def test_a_breaker_stands_inside_the_retry() -> None:
    breaker = Breaker()
    async with (
        virtual_time(),
        FakeHTTPClient(retry_policy=Retry(), circuit_breaker=breaker) as fake,
    ):
        fake.on.get("/x").respond(503)
        with pytest.raises(HTTPCircuitOpenError, match="GET https://fake.test/x"):
            await fake.get("/x")
        fake.calls.assert_count(2)


class Raises:
    """A pipeline that refuses, or gives up, in the way it is told."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        raise self.error


LAST = HTTPConnectionError("gone.", failure="disconnected", request_sent="maybe")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (CircuitOpenError("open."), HTTPCircuitOpenError),
        (CallRejectedError("full."), HTTPRejectedError),
        (
            RetryExhaustedError("no more.", attempts=3, last=LAST),
            HTTPRetryExhaustedError,
        ),
    ],
)
async def test_what_a_pipeline_decides_is_raised_or_returned(
    error: Exception, expected: type[Exception]
) -> None:
    async with FakeHTTPClient(resilience=Raises(error)) as fake:
        with pytest.raises(expected):
            await fake.get("/x")
    async with FakeHTTPClient(
        resilience=Raises(error), infrastructure_errors="return"
    ) as fake:
        assert isinstance((await fake.get("/x")).unwrap_err(), expected)


async def test_an_unmatched_request_is_not_retried() -> None:
    retry = Retry()
    fake = FakeHTTPClient(retry_policy=retry)
    with pytest.raises(UnmatchedRequest):
        await fake.get("/x")
    assert [judgement.outcome for judgement in retry.judgements] == ["neutral"]
    fake.calls.assert_count(1)


async def test_a_cancelled_caller_says_nothing_about_the_upstream() -> None:
    retry = Retry()
    async with FakeHTTPClient(retry_policy=retry) as fake:
        fake.on.get("/x").fail(fault.hang())
        task = asyncio.create_task(fake.get("/x"))
        call = (await fake.calls.wait_for(1)).one()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert isinstance(call.outcome, asyncio.CancelledError)
    assert [judgement.outcome for judgement in retry.judgements] == ["neutral"]


# Time.


@pytest.mark.parametrize(
    ("reply", "sent"),
    [
        (Reply(delay=60), "maybe"),
        (Reply(chunks=[b"a", b"b"], pause=60), "yes"),
        (Reply(chunks=[b"a", b"b"], delay=10, pause=60), "yes"),
    ],
)
async def test_a_timeout_says_whether_the_server_may_have_seen_the_request(
    reply: Reply, sent: str
) -> None:
    async with virtual_time() as clock, FakeHTTPClient() as fake:
        fake.on.get("/x").respond(reply)
        error = (await fake.get("/x", timeout=30)).unwrap_err()
        assert isinstance(error, HTTPTimeoutError)
        assert (error.phase, error.limit, error.request_sent) == ("total", 30.0, sent)
        assert clock.elapsed == 30.0


async def test_the_deadline_spans_redirects_too() -> None:
    async with virtual_time() as clock, FakeHTTPClient() as fake:
        location = {"Location": "/new"}
        fake.on.get("/old").respond(302, headers=location, delay=20)
        fake.on.get("/new").respond(200, delay=20)
        error = (await fake.get("/old")).unwrap_err()
        assert isinstance(error, HTTPTimeoutError)
        assert (error.limit, error.attempts, clock.elapsed) == (30.0, 2, 30.0)


async def test_durations_are_measured_by_the_clock_that_is_given() -> None:
    class StoppedClock(SystemClock):
        now = 0.0

        def monotonic(self) -> float:
            return self.now

    def handler(request: RecordedRequest) -> Reply:
        clock.now += 7
        return Reply(200)

    clock = StoppedClock()
    async with FakeHTTPClient(clock=clock) as fake:
        fake.on.get("/x").handle(handler)
        assert (await fake.get("/x")).unwrap().elapsed == 7.0


async def test_more_calls_than_connections_wait_for_their_turn() -> None:
    async with virtual_time() as clock, FakeHTTPClient(max_connections=2) as fake:
        fake.on.get("/{n}").respond(200, delay=20)
        calls = [fake.get(f"/{n}") for n in range(5)]
        results = await asyncio.gather(*calls)
        assert [result.is_ok() for result in results] == [
            True,
            True,
            False,
            False,
            False,
        ]
        assert clock.elapsed == 30.0
        for result in results[2:]:
            error = result.unwrap_err()
            assert isinstance(error, HTTPTimeoutError)
            assert error.attempts == 1
        # The fifth never had a connection, so no route saw it.
        assert [c.request.path for c in fake.calls] == ["/0", "/1", "/2", "/3"]
        assert (await fake.get("/6")).is_ok()


async def test_a_failed_exchange_gives_its_connection_back() -> None:
    async with FakeHTTPClient(max_connections=1) as fake:
        fake.on.get("/x").fail(fault.refused())
        for _ in range(3):
            await fake.get("/x")
        fake.calls.assert_count(3)


def test_no_connection_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="max_connections=0"):
        FakeHTTPClient(max_connections=0)


# Telemetry.


async def test_calls_are_measured_as_the_real_client_measures_them() -> None:
    metrics = InMemoryMetrics()
    async with virtual_time(), FakeHTTPClient(metrics=metrics) as fake:
        fake.on.get("/ok").respond(200, delay=1.5)
        fake.on.get("/404").respond(404)
        fake.on.get("/hang").fail(fault.hang())
        fake.on.get("/reset").fail(fault.reset())
        for path in ("/ok", "/404", "/hang", "/reset"):
            await fake.get(path)
    assert metrics.observations("http.request.duration", method="GET") == [
        1.5, 0.0, 30.0, 0.0,
    ]  # fmt: skip
    for status in ("200", "404", "timeout", "connection_error"):
        metrics.assert_emitted("http.request.status", value=1, status=status)


async def test_what_went_wrong_is_logged_as_the_real_client_logs_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "lexigram.http")
    async with FakeHTTPClient() as fake:
        fake.on.get("/404").respond(404)
        fake.on.get("/reset").fail(fault.reset())
        await fake.get("/404", params={"token": "s3cret"})
        await fake.get("/reset")
    records = [record for record in caplog.records if record.name.startswith("lexi")]
    assert [record.message for record in records] == [
        "http.client.error_response",
        "http.client.connection_error",
    ]
    assert [vars(record)["attempts"] for record in records] == [1, 1]
    assert "s3cret" not in str([vars(record) for record in records])


# States.


async def test_after_its_block_the_fake_is_closed() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/x").respond(200)
        assert await fake.get("/x")
    with pytest.raises(HTTPClientStateError, match="closed"):
        await fake.get("/x")
    with pytest.raises(HTTPClientStateError, match="GET"):
        await fake.request("GET", "/x")
    async with fake:
        assert await fake.get("/x")


async def test_its_repr_says_its_state_and_no_secret() -> None:
    async with FakeHTTPClient(base_url="https://me:s3cret@a.test") as fake:
        fake.on.get("/x").respond(200)
        await fake.get("/x")
        assert (
            repr(fake) == "<FakeHTTPClient https://***@a.test, open, 1 routes, 1 calls>"
        )
    assert "closed" in repr(fake)


async def test_without_a_block_it_works_at_once() -> None:
    fake = FakeHTTPClient()
    fake.on.get("/x").respond(200)
    assert await fake.get("/x")
    fake.verify()


async def test_a_reset_forgets_what_it_is_told_to() -> None:
    fake = FakeHTTPClient()
    fake.on.get("/x").sequence(Reply(201), Reply(202))
    assert (await fake.get("/x")).unwrap().status == 201
    fake.reset(routes=False)
    fake.calls.assert_count(0)
    assert (await fake.get("/x")).unwrap().status == 201
    fake.reset(calls=False)
    fake.calls.assert_count(1)
    with pytest.raises(UnmatchedRequest):
        await fake.get("/x")
    fake.reset()
    fake.verify()


# Bodies.


@pytest.mark.parametrize(
    ("limit", "ok"), [({}, False), ({"max_response_bytes": 5}, True)]
)
async def test_the_limit_of_a_call_stands_above_that_of_the_client(
    limit: Any, ok: Any
) -> None:
    async with FakeHTTPClient(max_response_bytes=4) as fake:
        fake.on.get("/x").respond(body=b"12345")
        result = await fake.get("/x", **limit)
        assert result.is_ok() is ok
        if not ok:
            error = result.unwrap_err()
            assert isinstance(error, HTTPResponseTooLargeError)
            assert (error.limit, error.attempts) == (4, 1)


async def test_none_accepts_a_body_of_any_size() -> None:
    async with FakeHTTPClient(max_response_bytes=4) as fake:
        fake.on.get("/x").respond(body=b"12345")
        assert (await fake.get("/x", max_response_bytes=None)).is_ok()


async def test_head_declares_a_size_that_is_not_sent() -> None:
    async with FakeHTTPClient(max_response_bytes=4) as fake:
        fake.on.head("/x").respond(body=b"12345")
        assert (await fake.head("/x")).unwrap().content_length == 5


async def test_a_text_in_another_charset_than_named_is_readable_all_the_same() -> None:
    async with FakeHTTPClient() as fake:
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        fake.on.get("/x").respond(body=b"caf\xe9", headers=headers)
        assert (await fake.get("/x")).unwrap().text == "caf\ufffd"


async def test_an_error_with_a_scripted_outcome_counts_the_attempts() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/x").respond(500)
        error = (await fake.get("/x")).unwrap_err()
        assert isinstance(error, HTTPStatusError)
        assert error.response.attempts == 1
