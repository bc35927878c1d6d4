"""A source of events over the connections that it takes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Unpack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.web import (
    HTTPCircuitOpenError,
    HTTPClientError,
    HTTPConnectionError,
    HTTPDecodeError,
    HTTPRejectedError,
    HTTPRetryExhaustedError,
    HTTPStatusError,
    HTTPTimeoutError,
    RequestOptions,
    StreamingHTTPClientProtocol,
    Timeouts,
)
from lexigram.contracts.web.streaming import (
    EventSource,
    Reconnect,
    ResponseStream,
    Resumed,
    ServerSentEvent,
    events,
)

URL = "https://api.test/feed"
PLAN = Reconnect(jitter=0.0)
BROKEN = HTTPConnectionError("It broke.", failure="truncated")


class Clock:
    """Time that passes by waiting only."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


class Server:
    """Answers each connection with the next of these: a failure, a status or chunks."""

    def __init__(self, *answers: Any) -> None:
        self.answers: Iterator[Any] = iter(answers)
        self.requests: list[RequestOptions] = []
        self.open = 0

    @asynccontextmanager
    async def stream(
        self, method: str, url: str, **options: Unpack[RequestOptions]
    ) -> AsyncIterator[ResponseStream]:
        assert (method, url) == ("GET", URL)
        self.requests.append(options)
        answer = next(self.answers)
        if isinstance(answer, HTTPClientError):
            raise answer
        status, headers = answer if isinstance(answer, tuple) else (200, {})
        headers = {"Content-Type": "text/event-stream", **headers}
        chunks = self.chunks(answer if isinstance(answer, list) else [])
        stream = ResponseStream(status, headers, url, method, chunks)
        self.open += 1
        try:
            yield stream
        finally:
            self.open -= 1
            await stream.aclose()

    async def chunks(self, parts: list[Any]) -> AsyncIterator[bytes]:
        for part in parts:
            if isinstance(part, Exception):
                raise part
            yield part

    def sent(self, name: str) -> list[str | None]:
        return [dict(request["headers"]).get(name) for request in self.requests]


def event(data: str, id: str = "") -> ServerSentEvent:  # noqa: A002 - as the field
    return ServerSentEvent("message", data, id)


async def read(
    server: Server, clock: Clock | None = None, **options: Any
) -> tuple[list[Any], HTTPClientError | None]:
    found: list[Any] = []
    options = {"reconnect": PLAN, **options}
    try:
        async for item in events(server, URL, clock=clock or Clock(), **options):
            found.append(item)  # noqa: PERF401 - kept when the next one raises
    except HTTPClientError as error:
        return found, error
    return found, None


def test_the_double_is_a_client() -> None:
    assert isinstance(Server(), StreamingHTTPClientProtocol)


async def test_a_lost_connection_goes_on_after_the_last_event() -> None:
    server = Server(
        [b"id: 1\ndata: a\n\nid: 2\ndata: cut", BROKEN], [b"data: b\n\n"], (204, {})
    )
    clock = Clock()
    assert await read(server, clock) == (
        [event("a", "1"), Resumed("1", BROKEN), event("b", "1")],
        None,
    )
    assert server.sent("Last-Event-ID") == [None, "1", "1"]
    assert server.sent("Accept") == ["text/event-stream"] * 3
    assert clock.waits == [3.0, 3.0]


async def test_an_end_by_the_server_is_a_lost_connection_too() -> None:
    server = Server([b"data: a\n\n"], [b"data: b\n\n"], (204, {}))
    assert await read(server) == ([event("a"), Resumed(""), event("b")], None)


async def test_an_answer_without_content_ends_a_source_at_once() -> None:
    assert await read(Server((204, {}))) == ([], None)


async def test_the_marker_of_the_end_ends_a_source() -> None:
    server = Server([b"data: a\n\ndata: [DONE]\n\n"])
    assert await read(server, end="[DONE]") == ([event("a")], None)
    assert server.open == 0


async def test_the_server_sets_the_wait_also_without_an_event() -> None:
    clock = Clock()
    server = Server([b"retry: 500\n\n"], [b"retry: 7000\n"], (204, {}))
    await read(server, clock)
    assert clock.waits == [0.5, 14.0]


async def test_the_first_failure_is_the_callers() -> None:
    assert await read(Server(BROKEN)) == ([], BROKEN)


async def test_waits_double_until_an_event_comes() -> None:
    clock = Clock()
    server = Server([], [], BROKEN, [b"data: a\n\n"], [], (204, {}))
    await read(server, clock)
    assert clock.waits == [3.0, 6.0, 12.0, 3.0, 6.0]


async def test_a_source_gives_up_after_so_many_in_vain() -> None:
    server = Server(*([[]] * 10))
    _, error = await read(server, reconnect=Reconnect(attempts=2, jitter=0.0))
    assert isinstance(error, HTTPConnectionError)
    assert "ended the stream 3 times in a row without an event" in str(error)
    assert len(server.requests) == 3


async def test_the_last_failure_is_raised_when_there_is_one() -> None:
    server = Server([b": hello\n"], BROKEN, BROKEN, BROKEN)
    _, error = await read(server, reconnect=Reconnect(attempts=2, jitter=0.0))
    assert error is BROKEN


@pytest.mark.parametrize(
    ("failure", "again"),
    [
        (BROKEN, True),
        (HTTPConnectionError("x", failure="tls"), False),
        (HTTPConnectionError("x", failure="dns", retryable=True), True),
        (HTTPTimeoutError("x", phase="read", limit=1.0), True),
        (HTTPTimeoutError("x", phase="total", limit=1.0, retryable=True), False),
        (HTTPRetryExhaustedError("x", last=BROKEN), True),
        (HTTPCircuitOpenError("x"), True),
        (HTTPDecodeError("x", content_type="a/b"), False),
        ((503, {}), True),
        ((401, {}), False),
        ((200, {"Content-Type": "text/html"}), False),
    ],
    ids=str,
)
async def test_a_source_reconnects_where_time_may_mend(
    failure: Any,
    again: bool,  # noqa: FBT001 - a parameter of a test
) -> None:
    server = Server([b"data: a\n\n"], failure, (204, {}))
    _, error = await read(server)
    assert len(server.requests) == (3 if again else 2)
    assert (error is None) is again


async def test_what_asks_to_wait_is_waited_for() -> None:
    clock = Clock()
    refused = HTTPCircuitOpenError("x", retry_after=20.0)
    busy = (503, {"Retry-After": "30"})
    await read(Server([b"data: a\n\n"], busy, refused, (204, {})), clock)
    assert clock.waits == [3.0, 30.0, 20.0]


async def test_a_server_may_ask_to_wait_until_a_time_of_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "time.time", datetime(1994, 11, 6, 8, 49, 7, tzinfo=UTC).timestamp
    )
    busy = (429, {"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"})
    clock = Clock()
    await read(Server([b"data: a\n\n"], busy, (204, {})), clock)
    assert clock.waits == [3.0, 30.0]


async def test_a_reconnection_says_that_it_repeats() -> None:
    server = Server(BROKEN)
    await read(server)
    server.answers = iter([[b"data: a\n\n"], BROKEN, (204, {})])
    await read(server, headers={"X-Tenant": "a"})
    assert [request.get("repeats") for request in server.requests] == [
        None,
        None,
        True,
        True,
    ]


async def test_a_reconnection_that_policies_refuse_is_one_in_vain() -> None:
    refused = HTTPRejectedError("The budget is exhausted.")
    clock = Clock()
    server = Server([b"data: a\n\n"], refused, refused, [b"data: b\n\n"], (204, {}))
    found, error = await read(server, clock)
    assert (found, error) == ([event("a"), Resumed("", refused), event("b")], None)
    assert clock.waits == [3.0, 6.0, 12.0, 3.0]


async def test_what_asks_to_wait_too_long_ends_the_source() -> None:
    clock = Clock()
    server = Server([b"data: a\n\n"], (503, {"Retry-After": "61"}))
    _, error = await read(server, clock)
    assert isinstance(error, HTTPStatusError)
    assert clock.waits == [3.0]


async def test_without_a_plan_there_is_one_connection() -> None:
    server = Server([b"data: a\n\n"])
    assert await read(server, reconnect=None) == ([event("a")], None)
    server = Server([b"data: a\n\n", BROKEN])
    assert await read(server, reconnect=None) == ([event("a")], BROKEN)


async def test_a_source_goes_on_from_an_earlier_process() -> None:
    server = Server((204, {}))
    await read(server, last_event_id="é7", headers={"X-Tenant": "a", "accept": "x"})
    assert server.sent("Last-Event-ID") == ["é7"]
    assert server.sent("X-Tenant") == ["a"]
    assert server.sent("Accept") == ["text/event-stream"]


async def test_an_id_that_no_header_may_hold_is_not_sent() -> None:
    server = Server([b"id: a\x01\ndata: a\n\n"], [b": hello\n"], (204, {}))
    found, _ = await read(server)
    assert found[1] == Resumed("")
    assert server.sent("Last-Event-ID") == [None, None, None]


@pytest.mark.parametrize("limit", [10.0, Timeouts(total=10.0, read=2.0)])
async def test_the_time_is_that_of_all_connections(limit: Any) -> None:
    clock = Clock()
    server = Server([b"data: a\n\n"], [], [])
    _, error = await read(server, clock, timeout=limit)
    assert isinstance(error, HTTPTimeoutError)
    assert (error.phase, error.limit, clock.waits) == ("total", 10.0, [3.0, 6.0])
    given = [request["timeout"] for request in server.requests]
    assert [limits.total for limits in given if isinstance(limits, Timeouts)] == [
        10.0,
        7.0,
        1.0,
    ]


async def test_a_wait_that_ends_too_late_is_the_last() -> None:
    class LateClock(Clock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds * 10)

    server = Server([b"data: a\n\n"])
    _, error = await read(server, LateClock(), timeout=10.0)
    assert isinstance(error, HTTPTimeoutError)
    assert error.phase == "total"


@pytest.mark.parametrize("limit", [None, Timeouts(read=2.0)])
async def test_without_a_total_time_the_option_is_passed_on(limit: Any) -> None:
    server = Server([b"data: a\n\n"], (204, {}))
    await read(server, timeout=limit)
    assert [request["timeout"] for request in server.requests] == [limit, limit]


async def test_leaving_early_closes_the_connection() -> None:
    server = Server([b"data: a\n\n", b"data: b\n\n"])
    async with aclosing(events(server, URL)) as source:
        assert await anext(source) == event("a")
        assert server.open == 1
    assert server.open == 0


# The state machine by itself


@given(
    failures=st.integers(1, 2000),
    retry=st.integers(0, 10**15 - 1),
    share=st.floats(0, 1),
)
def test_no_wait_is_longer_than_the_longest_and_its_jitter(
    failures: int, retry: int, share: float
) -> None:
    plan = Reconnect(attempts=None, max_delay=60.0, jitter=0.5)
    source = EventSource(plan, random=lambda: share)
    source.opened(200)
    assert list(source.feed(b"retry: %d\n\n" % retry)) == []
    waits = [source.lost(None) for _ in range(failures)]
    assert all(wait is not None and 0 <= wait <= 90.0 for wait in waits)


def test_the_last_id_is_that_of_the_event_that_was_given_last() -> None:
    source = EventSource()
    source.opened(200)
    stream = b"id: 1\ndata: a\n\nid: 2\ndata: b\n\nid: 3\n\n"
    given = [(each.data, source.last_event_id) for each in source.feed(stream)]
    assert given == [("a", "1"), ("b", "2")]
    assert source.last_event_id == "3"


def test_a_source_that_was_never_open_is_not_opened_again() -> None:
    assert EventSource(PLAN).lost(BROKEN) is None


def test_a_source_is_fed_when_it_is_open() -> None:
    with pytest.raises(RuntimeError, match="before it was `opened`"):
        list(EventSource(PLAN).feed(b""))


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempts": 0},
        {"delay": -1.0},
        {"max_delay": float("inf")},
        {"jitter": float("nan")},
    ],
    ids=str,
)
def test_a_plan_out_of_range_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}="):
        Reconnect(**wrong)
