"""STREAM-020 to 049: the call behind a stream, its end, and what it leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, cast

from lexigram.contracts.web import (
    HTTPClientStateError,
    HTTPConnectionError,
    HTTPInvalidRequestError,
    HTTPResponseTooLargeError,
    HTTPStatusError,
    HTTPTimeoutError,
    HTTPUnknownOptionError,
    StreamingHTTPClientProtocol,
    Timeouts,
)
from lexigram.testing._answers.faults import fault
from lexigram.testing._answers.outcomes import Reply
from lexigram.testing.conformance._backend import Backend, WiredBackend, refuse
from lexigram.testing.conformance._expectations import (
    elapsed,
    expect,
    expect_calls,
    expect_equal,
    expect_raised,
    fail,
    now,
)
from lexigram.testing.conformance._http.opening import stream_behaviour
from lexigram.testing.conformance._http.streams import read
from lexigram.testing.conformance._http.tasks import begun

_LETTERS: Final = (b"a\n", b"b\n", b"c\n")
_FORMS: Final[tuple[Callable[[Any], AsyncIterator[Any]], ...]] = (
    aiter,
    lambda stream: stream.bytes(),
    lambda stream: stream.text(),
    lambda stream: stream.lines(),
    lambda stream: stream.json_lines(),
    lambda stream: stream.events(),
)

_MANY: Final = 20


@stream_behaviour("STREAM-020")
async def an_error_is_never_data(
    client: StreamingHTTPClientProtocol, backend: Backend
) -> None:
    """An error status is given; reading its body in any form raises it, body inside."""
    backend.on.get("/x").respond(404, json={"why": "gone"})
    for form in _FORMS:
        async with client.stream("GET", f"{backend.base_url}/x") as stream:
            expect_equal("The status", stream.status, 404)
            expect(not stream.ok, "It is called ok.")
            error = await expect_raised(HTTPStatusError, _all(form, stream))
            expect_equal("The JSON inside", error.response.json, {"why": "gone"})


@stream_behaviour("STREAM-021")
async def an_error_can_be_asked_for(
    client: StreamingHTTPClientProtocol, backend: Backend
) -> None:
    """`raise_for_status` raises an error status, and a block left alone does not."""
    backend.on.get("/x").respond(501)
    url = f"{backend.base_url}/x"
    async with client.stream("GET", url) as stream:
        try:
            stream.raise_for_status()
        except HTTPStatusError as error:
            expect_equal("The status of the error", error.status, 501)
        else:
            fail("The status 501 was not raised.")


@stream_behaviour("STREAM-022")
async def what_cannot_be_sent_is_raised_on_entering(
    client: StreamingHTTPClientProtocol, backend: Backend
) -> None:
    """An unusable request or option is raised on entering, and nothing is sent."""
    url = f"{backend.base_url}/x"
    unusable: tuple[tuple[str, dict[str, Any], type[Exception]], ...] = (
        ("ftp://api.test/x", {}, HTTPInvalidRequestError),
        (url, {"timeout": 0}, HTTPInvalidRequestError),
        (url, {"heders": {}}, HTTPUnknownOptionError),
    )
    for target, options, kind in unusable:
        await expect_raised(kind, _entered(client, target, options))
    expect_calls(backend, 0)


@stream_behaviour("STREAM-023")
async def redirects_lead_to_the_stream(
    client: StreamingHTTPClientProtocol, backend: Backend
) -> None:
    """Redirects are followed, unless `follow_redirects` says otherwise."""
    headers = {"Location": "/new"}
    backend.on.get("/old").respond(302, headers=headers, text="moved")
    backend.on.get("/new").respond(text="here")
    url = f"{backend.base_url}/old"
    async with client.stream("GET", url) as stream:
        expect_equal("The URL", stream.url, f"{backend.base_url}/new")
        expect_equal("The text", await read(stream.text()), ["here"])
    async with client.stream("GET", url, follow_redirects=False) as stream:
        expect_equal("The status", stream.status, 302)


@stream_behaviour("STREAM-024")
async def what_has_no_body_has_none(
    client: StreamingHTTPClientProtocol, backend: Backend
) -> None:
    """An answer with 204, or to HEAD, is a stream of nothing."""
    backend.on.get("/x").respond(204)
    backend.on.head("/x").respond(text="abc")
    for method in ("GET", "HEAD"):
        async with client.stream(method, f"{backend.base_url}/x") as stream:
            expect_equal(f"The body of {method}", await read(stream.bytes()), [])


@stream_behaviour("STREAM-025")
async def a_stream_may_be_limited(
    client: StreamingHTTPClientProtocol, backend: Backend
) -> None:
    """A stream longer than `max_response_bytes` ends in an error; one as long does not."""
    backend.on.get("/x").respond(Reply(chunks=[b"abc", b"de"], pause=1))
    url = f"{backend.base_url}/x"
    async with client.stream("GET", url, max_response_bytes=5) as stream:
        expect_equal("The body", b"".join(await read(stream.bytes())), b"abcde")
    async with client.stream("GET", url, max_response_bytes=4) as stream:
        error = await expect_raised(HTTPResponseTooLargeError, read(stream.bytes()))
    expect_equal("The limit", error.limit, 4)


@stream_behaviour("STREAM-026")
async def concurrent_streams_have_their_own_bodies(
    client: StreamingHTTPClientProtocol, backend: Backend
) -> None:
    """Each of many streams at once has its own body."""
    for number in range(_MANY):
        chunks = [b"%d," % number] * (1 + number % 4)
        backend.on.get(f"/{number}").respond(Reply(chunks=chunks, pause=1))

    async def body(number: int) -> bytes:
        async with client.stream("GET", f"{backend.base_url}/{number}") as stream:
            return b"".join(await read(stream.bytes()))

    bodies = await asyncio.gather(*map(body, range(_MANY)))
    expected = [b"%d," % number * (1 + number % 4) for number in range(_MANY)]
    expect_equal("The bodies", bodies, expected)


@stream_behaviour("STREAM-027")
async def an_error_of_the_block_passes_through(
    client: StreamingHTTPClientProtocol, backend: Backend
) -> None:
    """What the block raises leaves it unchanged, and the client goes on."""
    backend.on.get("/x").respond(Reply(chunks=_LETTERS, pause=5))
    mine = LookupError("mine")
    error = await expect_raised(
        LookupError, _entered(client, f"{backend.base_url}/x", {}, mine)
    )
    expect(error is mine, f"It became {error!r}.")
    async with client.stream("GET", f"{backend.base_url}/x") as stream:
        expect_equal("The lines", await read(aiter(stream)), ["a", "b", "c"])


@stream_behaviour("STREAM-028")
async def no_connection_is_an_error_on_entering(
    client: StreamingHTTPClientProtocol, backend: Backend
) -> None:
    """A refused connection is raised on entering, as by a plain call."""
    await refuse(backend, "/x")
    url = f"{backend.base_url}/x"
    options = {"retry": False}
    error = await expect_raised(HTTPConnectionError, _entered(client, url, options))
    expect_equal("The failure", error.failure, "connect")
    expect_equal("Whether it was sent", error.request_sent, "no")


@stream_behaviour("STREAM-030")
async def the_timeout_ends_with_the_head(
    client: StreamingHTTPClientProtocol, backend: Backend
) -> None:
    """A timeout ends a wait for the head, and no healthy stream."""
    backend.on.get("/x").respond(Reply(chunks=_LETTERS, pause=4))
    backend.on.get("/late").respond(delay=60)
    url = backend.base_url
    async with client.stream("GET", f"{url}/x", timeout=5) as stream:
        expect_equal("The lines", await read(aiter(stream)), ["a", "b", "c"])
    began = now()
    options = {"timeout": 5}
    error = await expect_raised(
        HTTPTimeoutError, _entered(client, f"{url}/late", options)
    )
    expect_equal("The seconds that it took", elapsed(began), 5.0)
    expect_equal("The phase", error.phase, "total")


@stream_behaviour("STREAM-031")
async def silence_has_a_limit(
    client: StreamingHTTPClientProtocol, backend: Backend
) -> None:
    """`Timeouts(read=...)` ends silence within a body, after what there was."""
    backend.on.get("/x").respond(Reply(chunks=_LETTERS, pause=9))
    began = now()
    limits = Timeouts(read=3)
    async with client.stream("GET", f"{backend.base_url}/x", timeout=limits) as stream:
        lines = aiter(stream)
        expect_equal("The first line", await anext(lines), "a")
        error = await expect_raised(HTTPTimeoutError, anext(lines))
    expect_equal("The seconds that it took", elapsed(began), 3.0)
    expect_equal("The phase", error.phase, "read")
    expect_equal("Whether it was sent", error.request_sent, "yes")


@stream_behaviour("STREAM-032")
async def the_consumers_own_time_is_no_silence(
    client: StreamingHTTPClientProtocol, backend: Backend
) -> None:
    """What the consumer does between two pieces is no silence."""
    backend.on.get("/x").respond(Reply(chunks=_LETTERS, pause=2))
    limits = Timeouts(read=3)
    async with client.stream("GET", f"{backend.base_url}/x", timeout=limits) as stream:
        lines: list[str] = []
        async for line in stream:
            lines.append(line)
            await asyncio.sleep(7)
    expect_equal("The lines", lines, ["a", "b", "c"])


@stream_behaviour("STREAM-033")
async def cancellation_of_a_reader_passes_through(
    client: StreamingHTTPClientProtocol, backend: Backend
) -> None:
    """A cancelled reader ends in `CancelledError`, and other streams go on."""
    backend.on.get("/x").respond(Reply(chunks=_LETTERS, pause=5))

    async def lines() -> list[str]:
        async with client.stream("GET", f"{backend.base_url}/x") as stream:
            return await read(aiter(stream))

    cancelled, other = begun(lines()), begun(lines())
    await backend.calls.wait_for(2)
    await asyncio.sleep(1)
    cancelled.cancel()
    await asyncio.wait({cancelled})
    expect(cancelled.cancelled(), f"The reader ended in {cancelled!r}.")
    expect_equal("The lines of the other stream", await other, ["a", "b", "c"])


@stream_behaviour("STREAM-034")
async def a_reading_that_was_broken_off_is_not_complete(
    client: StreamingHTTPClientProtocol, backend: Backend
) -> None:
    """After a step that was cancelled, a reader goes on or is told that he cannot."""
    backend.on.get("/x").respond(Reply(chunks=_LETTERS, pause=5))
    async with client.stream("GET", f"{backend.base_url}/x") as stream:
        lines = aiter(stream)
        expect_equal("The first line", await anext(lines), "a")
        await expect_raised(TimeoutError, asyncio.wait_for(anext(lines), 1))
        try:
            rest = await read(lines)
        except HTTPClientStateError:
            return
    expect_equal("The rest", rest, ["b", "c"])


@stream_behaviour("STREAM-040", needs={"wire"})
async def a_body_without_its_end_is_an_error(
    client: StreamingHTTPClientProtocol, backend: Backend
) -> None:
    """A body that breaks off is an error after what there was, and sent once."""
    for number, cause in enumerate((fault.truncate(100), fault.truncated_chunked()), 1):
        backend.on.get(f"/{number}").fail(cause)
        came: list[bytes] = []
        async with client.stream("GET", f"{backend.base_url}/{number}") as stream:
            error = await expect_raised(
                HTTPConnectionError, _kept(stream.bytes(), came)
            )
        expect(came, f"Nothing came before the error of {cause!r}.")
        expect_equal("Whether it was sent", error.request_sent, "yes")
        expect_calls(backend, number)


@stream_behaviour("STREAM-041", needs={"wire"})
async def leaving_early_closes_the_connection(
    client: StreamingHTTPClientProtocol, backend: Backend
) -> None:
    """Leaving the block early, or being cancelled in it, leaves no connection open."""
    if not isinstance(backend, WiredBackend):
        raise TypeError(f"{backend!r} counts no connections.")  # what "wire" stands for
    backend.on.get("/x").respond(Reply(chunks=_LETTERS, pause=60))
    url = f"{backend.base_url}/x"
    for _ in range(30):
        async with client.stream("GET", url) as stream:
            async for _line in stream:
                break
        await backend.wait_until(lambda server: server.open_connections == 0)
        reader = begun(_entered(client, url, {}, None))
        await asyncio.sleep(1)
        reader.cancel()
        await asyncio.wait({reader})
        await backend.wait_until(lambda server: server.open_connections == 0)


async def _all(form: Callable[[Any], AsyncIterator[Any]], stream: object) -> object:
    """Read within a coroutine, so that it does not matter when it raises."""
    return await read(form(stream))


async def _kept(items: AsyncIterator[bytes], came: list[bytes]) -> None:
    async for item in items:
        came.append(item)  # noqa: PERF401 - kept also when it ends in an error


async def _entered(
    client: StreamingHTTPClientProtocol,
    url: str,
    options: dict[str, Any],
    error: Exception | None = None,
) -> object:
    """Enter a block that raises, or that reads everything."""
    async with cast("Any", client).stream("GET", url, **options) as stream:
        if error is not None:
            raise error
        return await read(stream.bytes())
