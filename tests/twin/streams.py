"""Responses that are read while they arrive."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any, TypeVar

from lexigram.contracts.resilience import Call
from lexigram.contracts.web import (
    Headers,
    HTTPClientProtocol,
    InterceptorProtocol,
    ResponseContext,
    StreamingHTTPClientProtocol,
    Timeouts,
)
from lexigram.contracts.web.streaming import Reconnect, events
from lexigram.http import ConnectionPoolConfig
from lexigram.resilience import BudgetConfig, RetryConfig, RetryPolicy
from lexigram.testing import Fault, Reply, fault
from lexigram.testing.conformance import Backend, Scenario

T = TypeVar("T")

NDJSON = {"Content-Type": "application/x-ndjson"}
EVENTS = {"Content-Type": "text/event-stream"}
GZIP = {"Content-Encoding": "gzip"}
PACKED = gzip.compress(b"one\ntwo\n" * 50, mtime=0)
LETTERS = [b"a\n", b"b\n", b"c"]


class Again:
    """Repeats what is worth it, at once, once."""

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        assert call is not None
        try:
            result = await operation()
        except Exception as error:  # judged
            if not call.judge(None, error).retryable:
                raise
            return await operation()
        return await operation() if call.judge(result, None).retryable else result


class Twice:
    """Sends each request twice, and takes the second answer."""

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        await operation()
        return await operation()


class Labels(InterceptorProtocol):
    async def intercept_response(self, response: ResponseContext, /) -> ResponseContext:
        response.headers = Headers([*response.headers.pairs, ("X-Seen", "1")])
        return response


class Replaces(InterceptorProtocol):
    async def intercept_response(self, response: ResponseContext, /) -> ResponseContext:
        response.body = b"mine"
        return response


def thrifty() -> RetryPolicy:
    """Return a policy with a budget of one second attempt in ten seconds."""
    budget = BudgetConfig(ratio=0, min_per_second=0.1, window=10)
    return RetryPolicy(RetryConfig(budget=budget), random=Random(1))


async def a_source_of_events(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/feed").sequence(
        Reply(headers=EVENTS, body=b"id: 7\ndata: a\n\n"),
        Reply(headers=EVENTS, body=b"data: b\n\n"),
        Reply(429, {"Retry-After": "4"}),
        Reply(204),
    )
    plan, came = Reconnect(delay=1.0, jitter=0.0), list[object]()
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async for item in events(
            streaming(client), f"{backend.base_url}/feed", reconnect=plan
        ):
            came.append((round(loop.time() - began, 3), item))
    finally:
        backend.on.post("/outcome").respond()
        await client.post(f"{backend.base_url}/outcome", data=repr(came))


def streaming(client: HTTPClientProtocol) -> StreamingHTTPClientProtocol:
    assert isinstance(client, StreamingHTTPClientProtocol)
    return client


def read(
    name: str,
    *outcomes: Reply | Fault,
    form: str = "bytes",
    method: str = "GET",
    wiring: Callable[[], dict[str, Any]] = dict,
    **options: Any,
) -> Scenario:
    """One stream, read to its end in one of its forms."""

    async def run(client: HTTPClientProtocol, backend: Backend) -> None:
        backend.on(method, "/x").sequence(*outcomes)
        backend.on("*", "/y").respond(Reply(chunks=LETTERS, pause=1)).optional()
        url = f"{backend.base_url}/x"
        async with streaming(client).stream(method, url, **options) as stream:
            async for _ in getattr(stream, form)():
                pass

    return Scenario(name=name, run=run, wiring=wiring)


async def an_unusable_option(client: HTTPClientProtocol, backend: Backend) -> None:
    url = f"{backend.base_url}/x"
    async with streaming(client).stream("GET", url, timeout=-1):
        raise AssertionError("entered")


async def leaving_early(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/x").respond(Reply(chunks=LETTERS, pause=20))
    for _ in range(2):
        url = f"{backend.base_url}/x"
        async with streaming(client).stream("GET", url) as stream:
            async for _line in stream:
                break


async def a_status_without_a_look_at_the_body(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    backend.on.get("/x").respond(404, json={"why": "gone"})
    url = f"{backend.base_url}/x"
    async with streaming(client).stream("GET", url) as stream:
        stream.raise_for_status()


async def a_consumer_that_takes_its_time(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    backend.on.get("/x").respond(Reply(chunks=LETTERS, pause=4))
    url = f"{backend.base_url}/x"
    limits = Timeouts(read=5)
    async with streaming(client).stream("GET", url, timeout=limits) as stream:
        async for _ in stream:
            await asyncio.sleep(6)


async def a_timeout_of_the_callers(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    backend.on.get("/x").respond(Reply(chunks=LETTERS, pause=4))
    url = f"{backend.base_url}/x"
    try:
        async with asyncio.timeout(6), streaming(client).stream("GET", url) as stream:
            async for _ in stream:
                pass
    except TimeoutError:
        await client.get(url)


async def a_reading_that_was_cut_off(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    backend.on.get("/x").respond(Reply(chunks=LETTERS, pause=4))
    url = f"{backend.base_url}/x"
    async with streaming(client).stream("GET", url) as stream:
        lines = aiter(stream.lines())
        await anext(lines)
        try:
            await asyncio.wait_for(anext(lines), 1)
        except TimeoutError:
            pass
        else:
            raise AssertionError("nothing was cut off")
        await anext(aiter(stream.bytes()))


async def each_step_another_tasks(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/x").respond(Reply(chunks=LETTERS, pause=4))
    url = f"{backend.base_url}/x"
    limits = Timeouts(read=5)
    async with streaming(client).stream("GET", url, timeout=limits) as stream:
        lines = aiter(stream)
        for _ in LETTERS:
            await asyncio.ensure_future(anext(lines))


async def a_cancelled_stream(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/x").respond(Reply(chunks=LETTERS, pause=4))

    async def task() -> None:
        url = f"{backend.base_url}/x"
        async with streaming(client).stream("GET", url) as stream:
            async for _ in stream:
                pass

    reading = asyncio.create_task(task())
    await backend.calls.wait_for(1)
    await asyncio.sleep(1)
    reading.cancel()
    await asyncio.wait({reading})
    assert reading.cancelled()


async def streams_in_turn(client: HTTPClientProtocol, backend: Backend) -> None:
    backend.on.get("/{n}").respond(Reply(chunks=LETTERS, pause=1))

    async def task(number: int) -> None:
        await asyncio.sleep(number / 100)
        url = f"{backend.base_url}/{number}"
        async with streaming(client).stream("GET", url) as stream:
            async for _ in stream:
                pass

    async with asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(task(number))


async def a_connection_that_is_free_with_the_body(
    client: HTTPClientProtocol, backend: Backend
) -> None:
    backend.on("*", "/x").respond(Reply(chunks=LETTERS, pause=3))
    url = f"{backend.base_url}/x"
    async with streaming(client).stream("GET", url):
        await client.get(url)  # when the first one has come, unread as it is
    async with streaming(client).stream("HEAD", url):
        await client.get(url)
    async with streaming(client).stream("GET", url) as stream:
        async for _ in stream:
            await client.get(url)
            break


ONE = ConnectionPoolConfig(max_connections=1)


SCENARIOS = [
    read("bytes", Reply(chunks=LETTERS, pause=1)),
    read("text", Reply(chunks=["ä".encode()[:1], "ä".encode()[1:]]), form="text"),
    read("lines", Reply(chunks=[b"a\r", b"\nb\r", b"c"], pause=1), form="lines"),
    read(
        "JSON lines",
        Reply(headers=NDJSON, chunks=[b'{"a"', b":1}\n\n2"]),
        form="json_lines",
    ),
    read(
        "JSON that is none", Reply(headers=NDJSON, body=b"1\n{\n2"), form="json_lines"
    ),
    read("JSON by another label", Reply(text="1"), form="json_lines"),
    read(
        "events",
        Reply(headers=EVENTS, chunks=[b"id: 1\ndata", b": a\n\ndata: b\n\n"], pause=2),
        form="events",
    ),
    read("events by another label", Reply(text="data: a\n\n"), form="events"),
    read("a plain body", Reply(text="whole")),
    read("no body", Reply(204)),
    read("the answer to HEAD", Reply(text="abc"), method="HEAD"),
    read("gzip", Reply(headers=GZIP, chunks=[PACKED[:20], PACKED[20:]], pause=1)),
    read("gzip cut off", Reply(headers=GZIP, chunks=[PACKED[:-9]])),
    read("gzip that is none", Reply(headers=GZIP, body=b"plain")),
    read("an error", Reply(500, text="no")),
    read("an error as lines", Reply(404, json={"a": 1}), form="lines"),
    read("a long error", Reply(500, body=bytes(100_000))),
    read("a slow error", Reply(500, chunks=LETTERS, pause=2)),
    read("an error too slow", Reply(500, chunks=LETTERS, pause=2), timeout=3),
    read("a redirect", Reply(302, {"Location": "/y"}, text="moved")),
    read("a redirect of a body", Reply(307, {"Location": "/y"}), json=1, method="POST"),
    read(
        "a redirect left alone",
        Reply(302, {"Location": "/y"}, text="moved"),
        follow_redirects=False,
    ),
    read(
        "a limit",
        Reply(chunks=[bytes(900), bytes(900)], pause=1),
        max_response_bytes=1000,
    ),
    read("a limit declared", Reply(body=bytes(1800)), max_response_bytes=1000),
    read("a limit that is kept", Reply(body=bytes(1000)), max_response_bytes=1000),
    read(
        "no limit of the client's",
        Reply(body=bytes(1800)),
        wiring=lambda: {"max_response_bytes": 1000},
    ),
    read("a head in time", Reply(delay=2, chunks=LETTERS, pause=2), timeout=3),
    read("a head too late", Reply(delay=4, chunks=LETTERS, pause=2), timeout=3),
    read("silence", Reply(chunks=LETTERS, pause=4), timeout=Timeouts(read=3)),
    read("silence, borne", Reply(chunks=LETTERS, pause=4), timeout=Timeouts(read=5)),
    read("silence for a minute", Reply(chunks=LETTERS, pause=61)),
    read(
        "silence for ever",
        Reply(chunks=LETTERS, pause=6100),
        timeout=Timeouts(read=None),
    ),
    read(
        "silence, by the client",
        Reply(chunks=LETTERS, pause=4),
        wiring=lambda: {"timeout": Timeouts(read=3)},
    ),
    read(
        "an attempt in time",
        Reply(chunks=LETTERS, pause=4),
        timeout=Timeouts(attempt=3),
    ),
    read("silence before a head", fault.hang(), timeout=Timeouts(read=3)),
    read("a connection that is reset", fault.reset()),
    Scenario(run=an_unusable_option),
    read(
        "a repetition after a status",
        Reply(503, delay=1),
        Reply(text="well"),
        wiring=lambda: {"retry_policy": Again()},
    ),
    read(
        "a repetition after a reset",
        fault.reset(),
        Reply(text="well"),
        wiring=lambda: {"retry_policy": Again()},
    ),
    read(
        "no repetition after the head",
        Reply(headers=GZIP, chunks=[PACKED[:-9]]),
        wiring=lambda: {"retry_policy": Again()},
    ),
    read(
        "an answer that is passed over",
        Reply(chunks=LETTERS, pause=1),
        Reply(text="second"),
        wiring=lambda: {"resilience": Twice()},
    ),
    read(
        "an answer that is passed over, and waited for",
        Reply(chunks=LETTERS, pause=1),
        Reply(text="second"),
        wiring=lambda: {"resilience": Twice(), "pool": ONE},
    ),
    read(
        "headers changed",
        Reply(chunks=LETTERS, pause=1),
        wiring=lambda: {"interceptors": [Labels()]},
    ),
    read(
        "a body replaced",
        Reply(chunks=LETTERS, pause=1),
        wiring=lambda: {"interceptors": [Replaces()]},
    ),
    Scenario(run=a_source_of_events),
    Scenario(
        run=a_source_of_events,
        name="a source of events, out of a budget",
        wiring=lambda: {"retry_policy": thrifty()},
    ),
    Scenario(run=leaving_early),
    Scenario(
        run=leaving_early, name="leaving early, in turn", wiring=lambda: {"pool": ONE}
    ),
    Scenario(run=a_status_without_a_look_at_the_body),
    Scenario(run=a_consumer_that_takes_its_time),
    Scenario(run=a_timeout_of_the_callers),
    Scenario(run=a_reading_that_was_cut_off),
    Scenario(run=each_step_another_tasks),
    Scenario(run=a_cancelled_stream),
    Scenario(
        run=streams_in_turn,
        wiring=lambda: {"pool": ConnectionPoolConfig(max_connections=2)},
    ),
    Scenario(run=a_connection_that_is_free_with_the_body, wiring=lambda: {"pool": ONE}),
]
