"""What a failure says of its attempts: the client, the fake, and policies around both."""

import copy
import pickle
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest

from lexigram.contracts.clock import SystemClock
from lexigram.contracts.resilience import Call
from lexigram.contracts.web import (
    HTTPClientError,
    HTTPClientProtocol,
    HttpResponse,
    HTTPRetryExhaustedError,
    HTTPStatusError,
    HTTPTimeoutError,
    HTTPTooManyRedirectsError,
    Timeouts,
    format_timeline,
)
from lexigram.http import HTTPClient, HTTPClientConfig
from lexigram.http.retry import BuiltinRetry
from lexigram.resilience import (
    BudgetConfig,
    HedgeConfig,
    PipelineConfig,
    ResiliencePipeline,
    RetryConfig,
    RetryPolicy,
    TimeoutsConfig,
)
from lexigram.testing import FakeHTTPClient, FaultServer, Reply, fault, virtual_time
from lexigram.testing.conformance import Backend

BOTH = pytest.mark.parametrize("kind", ["real", "fake"])


@asynccontextmanager
async def twin(
    kind: str, **wiring: Any
) -> AsyncIterator[tuple[HTTPClientProtocol, Backend]]:
    """Open a client of this kind and what it calls, in virtual time."""
    async with virtual_time():
        if kind == "fake":
            async with FakeHTTPClient(base_url="http://fake.test", **wiring) as fake:
                yield fake, fake
            return
        config = HTTPClientConfig(
            trust_env=False,
            infrastructure_errors=wiring.pop("infrastructure_errors", "raise"),
        )
        async with FaultServer.run() as server, HTTPClient(config, **wiring) as client:
            yield client, server


def builtin() -> Mapping[str, Any]:
    """Return the built-in retry; its pauses are 0.024 s and 0.109 s."""
    return {"retry_policy": BuiltinRetry(SystemClock(), Random(3))}


def retry(**config: Any) -> Mapping[str, Any]:
    return {"retry_policy": RetryPolicy(RetryConfig(jitter="none", **config))}


def told(outcome: HttpResponse | HTTPClientError) -> list[tuple[str, str]]:
    """Return what came out of each attempt, and what was decided then."""
    return [(record.outcome, record.decision) for record in outcome.timeline]


# -- the text ----------------------------------------------------------------------------


@BOTH
async def test_a_failure_explains_each_attempt_in_a_line(kind: str) -> None:
    async with twin(kind, **builtin()) as (client, backend):
        backend.on.get("/old").respond(302, headers={"Location": "/v1/bills?page=2"})
        backend.on.get("/v1/bills").sequence(
            fault.reset(),
            Reply(429, headers={"Retry-After": "2"}),
            Reply(503, delay=1),
        )
        error = (await client.get(f"{backend.base_url}/old")).unwrap_err()
        text = error.explain().replace(backend.base_url, "http://api.test")
    lost = "HTTPConnectionError: disconnected (maybe sent)"
    assert [" ".join(line.split()) for line in text.splitlines()] == [
        "GET http://api.test/v1/bills?page=***: The server answered 503.",
        "1 GET http://api.test/old at 0.000 s took 0.000 s 302 followed",
        (
            "2 GET http://api.test/v1/bills?page=*** at 0.000 s took 0.000 s "
            f"{lost} again in 0.024 s"
        ),
        (
            "3 GET http://api.test/v1/bills?page=*** at 0.024 s took 0.000 s "
            "429 again in 2 s, as Retry-After asks"
        ),
        (
            "4 GET http://api.test/v1/bills?page=*** at 2.024 s took 1.000 s "
            "503 not repeated: it was the last of 3 attempts"
        ),
    ]
    columns = [line.index(" at ") for line in text.splitlines()[1:]]
    assert len(set(columns)) == 1


@BOTH
async def test_a_timeline_is_kept_by_pickling_and_copying(kind: str) -> None:
    async with twin(kind, **builtin()) as (client, backend):
        backend.on.get("/v1").respond(503)
        error = (await client.get(f"{backend.base_url}/v1")).unwrap_err()
    assert isinstance(error, HTTPStatusError)
    assert len(error.timeline) == 3
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert again.timeline == error.timeline
        assert again.explain() == error.explain()
    response = pickle.loads(pickle.dumps(error.response))
    assert response.timeline == error.timeline


# -- what is written down ------------------------------------------------------------------


@BOTH
async def test_a_call_that_succeeds_at_once_has_no_timeline(kind: str) -> None:
    async with twin(kind, **builtin()) as (client, backend):
        backend.on.get("/v1").respond(204)
        response = await client.request("GET", f"{backend.base_url}/v1")
        assert response.timeline == ()
        assert format_timeline(response.timeline) == ""


@BOTH
async def test_a_call_that_succeeds_at_last_says_what_it_took(kind: str) -> None:
    async with twin(kind, **builtin()) as (client, backend):
        backend.on.get("/v1").sequence(Reply(503), Reply(200))
        response = await client.request("GET", f"{backend.base_url}/v1")
    assert told(response) == [("503", "again in 0.024 s"), ("200", "the answer")]
    assert [record.number for record in response.timeline] == [1, 2]
    assert [record.request_sent for record in response.timeline] == ["yes", "yes"]
    assert response.timeline[1].started == pytest.approx(0.0238, abs=1e-4)


@BOTH
async def test_a_request_that_is_refused_before_it_is_sent_has_no_timeline(
    kind: str,
) -> None:
    async with twin(kind) as (client, _):
        error = (await client.get("ftp://api.test/v1")).unwrap_err()
        assert error.timeline == ()
        assert error.explain() == str(error)


@BOTH
async def test_what_a_body_cannot_be_read_as_knows_the_attempts(kind: str) -> None:
    async with twin(kind, **builtin()) as (client, backend):
        backend.on.get("/v1").sequence(Reply(503), Reply(200, body=b"<html>"))
        response = await client.request("GET", f"{backend.base_url}/v1")
        with pytest.raises(HTTPClientError) as caught:
            _ = response.json
    assert caught.value.timeline == response.timeline


# -- why there is no other attempt ---------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("method", "reply", "options", "why"),
    [
        ("GET", Reply(404), {}, "status 404 is not worth another attempt"),
        ("POST", Reply(503), {}, "POST without an idempotency key"),
        ("GET", Reply(503), {"retry": False}, "`retry=False` forbids it"),
        (
            "GET",
            Reply(503, headers={"Retry-After": "300"}),
            {},
            "Retry-After asks for 300 s, more than 60 s",
        ),
        (
            "GET",
            Reply(503, headers={"Retry-After": "9"}, delay=1),
            {"timeout": 5},
            "the call has 4 s left, and the pause would be 9 s, as Retry-After asks",
        ),
        (
            "GET",
            Reply(200, body=b"too long"),
            {"max_response_bytes": 3},
            "another attempt would fail as well",
        ),
    ],
)
async def test_the_last_attempt_says_why_it_is(
    kind: str, method: str, reply: Reply, options: Mapping[str, Any], why: str
) -> None:
    async with twin(kind, **builtin()) as (client, backend):
        backend.on(method, "/v1").respond(
            reply.status, headers=reply.headers, body=reply.body, delay=reply.delay
        )
        verb = getattr(client, method.lower())
        error = (await verb(f"{backend.base_url}/v1", **options)).unwrap_err()
    assert [decision for _, decision in told(error)] == [f"not repeated: {why}"]


@BOTH
async def test_a_body_that_can_be_read_once_is_why(kind: str) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"once"

    async with twin(kind, **builtin()) as (client, backend):
        backend.on.put("/v1").respond(503)
        url = f"{backend.base_url}/v1"
        error = (await client.put(url, content=pieces())).unwrap_err()
    assert told(error) == [("503", "not repeated: the body can be read once only")]


@BOTH
async def test_the_end_of_the_time_is_why(kind: str) -> None:
    async with twin(kind, **builtin()) as (client, backend):
        backend.on.get("/v1").fail(fault.hang())
        error = (await client.get(f"{backend.base_url}/v1", timeout=2)).unwrap_err()
    assert told(error) == [
        ("HTTPTimeoutError: total", "not repeated: the time of the call is over")
    ]
    assert [record.duration for record in error.timeline] == [2]


async def test_a_fake_without_a_policy_says_so() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/v1").respond(503)
        error = (await fake.get("/v1")).unwrap_err()
    assert told(error) == [("503", "not repeated: no retry policy asked for it")]


async def test_a_proxy_that_cannot_be_used_is_an_attempt_that_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "socks5://proxy.test")
    async with HTTPClient() as client:
        error = (await client.get("http://api.test")).unwrap_err()
    assert told(error) == [
        (
            "HTTPConnectionError: proxy",
            "not repeated: another attempt would fail as well",
        )
    ]
    assert error.timeline[0].request_sent == "no"


# -- redirects and interceptors ------------------------------------------------------------


@BOTH
async def test_each_redirect_is_an_attempt_that_was_followed(kind: str) -> None:
    async with twin(kind) as (client, backend):
        backend.on.get("/a").respond(302, headers={"Location": "/b"})
        backend.on.get("/b").respond(200)
        response = await client.request("GET", f"{backend.base_url}/a")
        assert told(response) == [("302", "followed"), ("200", "the answer")]
        response = await client.request(
            "GET", f"{backend.base_url}/a", follow_redirects=False
        )
        assert told(response) == [("302", "not followed")]


@BOTH
async def test_the_last_of_too_many_redirects_is_not_followed(kind: str) -> None:
    async with twin(kind) as (client, backend):
        backend.on.get("/a").respond(302, headers={"Location": "/a"})
        error = (await client.get(f"{backend.base_url}/a")).unwrap_err()
    assert isinstance(error, HTTPTooManyRedirectsError)
    decisions = [decision for _, decision in told(error)]
    assert decisions == [*["followed"] * 10, "not followed"]


# -- policies ----------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("config", "reply", "decisions"),
    [
        (
            {"max_attempts": 2, "base_delay": 0.5},
            Reply(503),
            ["again in 0.5 s", "not repeated: it was the last of 2 attempts"],
        ),
        (
            {"base_delay": 0.5, "max_attempts": 2},
            Reply(503, headers={"Retry-After": "3"}),
            [
                "again in 4 s, as the upstream asks for 3 s",
                "not repeated: it was the last of 2 attempts",
            ],
        ),
        (
            {"max_retry_after": 5},
            Reply(503, headers={"Retry-After": "7"}),
            ["not repeated: the upstream asks for a wait of 7 s, more than 5 s"],
        ),
        (
            {"max_duration": 1, "base_delay": 2, "max_delay": 2},
            Reply(503),
            ["not repeated: `max_duration` leaves no time for the next wait"],
        ),
        (
            {"base_delay": 40, "max_delay": 40},
            Reply(503),
            [
                (
                    "not repeated: the deadline of the call leaves no time for the "
                    "next wait"
                )
            ],
        ),
        (
            {"budget": BudgetConfig(ratio=0, min_per_second=0)},
            Reply(503),
            [
                (
                    "not repeated: the retry budget is exhausted, as too many calls "
                    "were repeated lately"
                )
            ],
        ),
    ],
)
async def test_a_policy_says_what_it_decides(
    kind: str, config: Mapping[str, Any], reply: Reply, decisions: list[str]
) -> None:
    async with twin(kind, **retry(**config)) as (client, backend):
        backend.on.get("/v1").respond(reply.status, headers=reply.headers)
        error = (await client.get(f"{backend.base_url}/v1")).unwrap_err()
    assert [decision for _, decision in told(error)] == decisions


@BOTH
async def test_what_a_retry_around_the_call_repeats_is_left_to_it(kind: str) -> None:
    outer = RetryPolicy(RetryConfig(max_attempts=2))
    async with twin(kind, **retry()) as (client, backend):
        backend.on.get("/v1").respond(503)

        async def called() -> HTTPClientError:
            return (await client.get(f"{backend.base_url}/v1")).unwrap_err()

        error = await outer.execute(called)
    assert told(error) == [("503", "left to the retry around this one")]


@BOTH
async def test_an_attempt_that_a_pipeline_cuts_is_a_timeout_of_the_attempt(
    kind: str,
) -> None:
    config = PipelineConfig(
        timeouts=TimeoutsConfig(total=30, attempt=2),
        retry=RetryConfig(max_attempts=2, base_delay=0.5, jitter="none"),
    )
    pipeline = ResiliencePipeline.from_config(config)
    async with twin(kind, resilience=pipeline) as (client, backend):
        backend.on.get("/v1").fail(fault.hang())
        with pytest.raises(HTTPRetryExhaustedError) as caught:
            await client.get(f"{backend.base_url}/v1")
    assert told(caught.value) == [
        ("HTTPTimeoutError: attempt", "again in 0.5 s"),
        ("HTTPTimeoutError: attempt", "not repeated: it was the last of 2 attempts"),
    ]


@BOTH
@pytest.mark.parametrize(
    ("limits", "told_of"),
    [
        (
            TimeoutsConfig(total=3, attempt=None),
            ("HTTPTimeoutError: total", "not repeated: the time of the call is over"),
        ),
        (
            TimeoutsConfig(total=30, attempt=2),
            (
                "HTTPTimeoutError: attempt",
                "not repeated: no retry policy asked for it",
            ),
        ),
    ],
)
async def test_an_attempt_that_a_pipeline_cuts_for_good_is_in_the_timeline(
    kind: str, limits: TimeoutsConfig, told_of: tuple[str, str]
) -> None:
    config = PipelineConfig(timeouts=limits, retry=None)
    pipeline = ResiliencePipeline.from_config(config)
    async with twin(kind, resilience=pipeline) as (client, backend):
        backend.on.get("/v1").fail(fault.hang())
        error = (await client.get(f"{backend.base_url}/v1")).unwrap_err()
    assert isinstance(error, HTTPTimeoutError)
    assert told(error) == [told_of]


@BOTH
async def test_an_attempt_that_lost_a_race_is_not_in_the_timeline(kind: str) -> None:
    config = PipelineConfig(hedge=HedgeConfig(delay=1), retry=None)
    pipeline = ResiliencePipeline.from_config(config)
    async with twin(kind, resilience=pipeline) as (client, backend):
        backend.on.get("/v1").sequence(fault.hang(), Reply(404))
        error = (await client.get(f"{backend.base_url}/v1")).unwrap_err()
    assert told(error) == [
        ("404", "not repeated: status 404 is not worth another attempt")
    ]
    assert [(record.number, record.started) for record in error.timeline] == [(2, 1)]


class Silent:
    """Repeats what is worth it, and says nothing."""

    async def execute(self, operation: Any, call: Call[Any] | None = None) -> Any:
        assert call is not None
        result = await operation()
        return await operation() if call.judge(result, None).retryable else result


@BOTH
async def test_a_policy_that_says_nothing_repeats_all_the_same(kind: str) -> None:
    async with twin(kind, retry_policy=Silent()) as (client, backend):
        backend.on.get("/v1").respond(503)
        error = (await client.get(f"{backend.base_url}/v1")).unwrap_err()
    assert told(error) == [
        ("503", "again"),
        ("503", "not repeated: no retry policy asked for it"),
    ]


@BOTH
async def test_a_limit_of_an_attempt_is_repeated_in_the_time_that_is_left(
    kind: str,
) -> None:
    async with twin(kind, **retry(base_delay=0.5)) as (client, backend):
        backend.on.get("/v1").sequence(fault.hang(), Reply(200))
        limits = Timeouts(total=9, attempt=2)
        response = (await client.get(f"{backend.base_url}/v1", timeout=limits)).unwrap()
    assert told(response) == [
        ("HTTPTimeoutError: attempt", "again in 0.5 s"),
        ("200", "the answer"),
    ]
