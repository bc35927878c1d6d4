"""The behaviours of a client that streams: the fake has them, and each finds who has not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Unpack

import pytest

from lexigram.contracts.web import (
    HTTPClientError,
    HTTPClientStateError,
    HTTPDecodeError,
    HTTPResponseTooLargeError,
    HTTPTimeoutError,
    HTTPUnknownOptionError,
    RequestOptions,
    StreamingHTTPClientProtocol,
)
from lexigram.testing import FakeHTTPClient
from lexigram.testing.conformance import (
    Backend,
    ConformanceError,
    HTTPStreamingConformance,
    assert_implements,
    check_http_streaming,
    http_streaming_behaviours,
)


class TestFakeHTTPClient(HTTPStreamingConformance):
    version = "1.0"

    def make_backend(self) -> Any:
        return FakeHTTPClient()

    def make_client(self, backend: Backend) -> Any:
        return backend


def test_a_block_made_of_a_generator_is_judged_by_what_it_gives() -> None:
    assert_implements(StreamingHTTPClientProtocol, FakeHTTPClient)

    class Iterates(FakeHTTPClient):
        async def stream(  # type: ignore[override]  # what this is about
            self, method: str, url: str, **options: Unpack[RequestOptions]
        ) -> AsyncIterator[int]:
            yield 1

    with pytest.raises(AssertionError, match="AsyncIterator"):
        assert_implements(StreamingHTTPClientProtocol, Iterates)


def test_the_behaviours_are_those_of_the_version() -> None:
    ids = [behaviour.id for behaviour in http_streaming_behaviours(version="1.0")]
    assert ids == sorted(set(ids))
    assert all(id_.startswith("STREAM-") for id_ in ids)
    assert not http_streaming_behaviours(version="0.9")


class Stream:
    """A stream over one of the fake's. Correct; its subclasses are not."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def raise_for_status(self) -> Any:
        self.inner.raise_for_status()
        return self

    def __aiter__(self) -> Any:
        return self.lines()

    def lines(self, **options: Any) -> Any:
        return self.inner.lines(**options)


class Client:
    """A client over a fake. Correct; its subclasses are not."""

    kind: Callable[[Any], Any] = Stream
    dropped: tuple[str, ...] = ()

    def __init__(self, backend: Any) -> None:
        self.fake = backend

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    @asynccontextmanager
    async def stream(self, method: str, url: str, **options: Any) -> AsyncIterator[Any]:
        for option in self.dropped:
            options.pop(option, None)
        async with self.fake.stream(method, url, **options) as stream:
            yield type(self).kind(stream)


def having(**parts: Any) -> type[Client]:
    """Return a client whose streams have these parts."""
    return type("Wrong", (Client,), {"kind": type("WrongStream", (Stream,), parts)})


def without(*options: str) -> type[Client]:
    return type("Without", (Client,), {"dropped": options})


async def whole(stream: Any) -> bytes:
    return b"".join([chunk async for chunk in stream.inner.bytes()])


async def buffered_lines(stream: Any, **_: Any) -> Any:
    for line in (await whole(stream)).decode().splitlines():
        yield line


async def text_by_chunk(stream: Any) -> Any:
    async for chunk in stream.inner.bytes():
        yield chunk.decode("utf-8", "replace")


async def nothing(*_: Any, **__: Any) -> Any:
    return
    yield


async def raised_results(stream: Any, *args: Any, results: bool = False) -> Any:
    async for value in stream.inner.json_lines(*args):
        yield value


async def values_that_pass_over(stream: Any, *_: Any, results: bool = False) -> Any:
    try:
        async for value in stream.inner.json_lines(results=results):
            yield value
    except HTTPDecodeError:
        return


async def any_events(stream: Any, **_: Any) -> Any:
    async for event in stream.inner.events(any_content_type=True):
        yield event


async def first_of_each_line(stream: Any, **_: Any) -> Any:
    async for line in stream.inner.lines():
        yield line[:512]


async def swallowed_lines(stream: Any, **options: Any) -> Any:
    try:
        async for line in stream.inner.lines(**options):
            yield line
    except (TimeoutError, HTTPClientError, asyncio.CancelledError):
        return


async def error_page(stream: Any) -> Any:
    if stream.inner.error is not None:
        yield stream.inner.error.body
        return
    async for chunk in stream.inner.bytes():
        yield chunk


async def cut_bytes(stream: Any) -> Any:
    try:
        async for chunk in stream.inner.bytes():
            yield chunk
    except HTTPResponseTooLargeError:
        return


class Eager(Client):
    """Gives a stream when the whole body has come."""

    @asynccontextmanager
    async def stream(self, method: str, url: str, **options: Any) -> AsyncIterator[Any]:
        async with super().stream(method, url, **options) as stream:
            await asyncio.sleep(10)
            yield stream


class Forgiving(Client):
    """Enters whatever happens, with the answer of an error page."""

    @asynccontextmanager
    async def stream(self, method: str, url: str, **options: Any) -> AsyncIterator[Any]:
        self.fake.on("*", "/none").respond(500).optional()
        try:
            async with super().stream(method, url, **options) as stream:
                yield stream
        except (HTTPClientError, HTTPUnknownOptionError):
            async with self.fake.stream("GET", "/none") as stream:
                yield stream


class RaisesStatuses(Client):
    @asynccontextmanager
    async def stream(self, method: str, url: str, **options: Any) -> AsyncIterator[Any]:
        async with super().stream(method, url, **options) as stream:
            yield stream.raise_for_status()


class WrapsErrors(Client):
    @asynccontextmanager
    async def stream(self, method: str, url: str, **options: Any) -> AsyncIterator[Any]:
        try:
            async with super().stream(method, url, **options) as stream:
                yield stream
        except LookupError as error:
            raise HTTPClientStateError("The block failed.") from error


class CutsByTimeout(Client):
    """Applies the timeout to the block."""

    @asynccontextmanager
    async def stream(self, method: str, url: str, **options: Any) -> AsyncIterator[Any]:
        limit = options.get("timeout", 30)
        seconds = limit if isinstance(limit, int) and limit > 0 else 30
        try:
            async with (
                asyncio.timeout(seconds),
                super().stream(method, url, **options) as stream,
            ):
                yield stream
        except TimeoutError as error:
            raise HTTPTimeoutError("Over.", phase="total", limit=seconds) from error


class SwallowsCancellation(Client):
    @asynccontextmanager
    async def stream(self, method: str, url: str, **options: Any) -> AsyncIterator[Any]:
        try:
            async with super().stream(method, url, **options) as stream:
                yield stream
        except asyncio.CancelledError:
            raise HTTPTimeoutError("Cancelled.", phase="total", limit=1.0) from None


class CountsTheConsumer(Client):
    """Gives the silence of the consumer the limit of the server's."""

    @asynccontextmanager
    async def stream(self, method: str, url: str, **options: Any) -> AsyncIterator[Any]:
        async with (
            asyncio.timeout(20) as limit,
            super().stream(method, url, **options) as stream,
        ):
            stream.limit = limit
            yield stream


class MixesUp(Client):
    """Gives each stream the body of the first one."""

    first = ""

    @asynccontextmanager
    async def stream(self, method: str, url: str, **options: Any) -> AsyncIterator[Any]:
        self.first = self.first or url
        async with super().stream(method, self.first, **options) as stream:
            yield stream


class KnowsNoRepetition(Client):
    @asynccontextmanager
    async def stream(self, method: str, url: str, **options: Any) -> AsyncIterator[Any]:
        if "repeats" in options:
            raise HTTPUnknownOptionError("There is no option `repeats`.")
        async with super().stream(method, url, **options) as stream:
            yield stream


async def any_time(stream: Any) -> Any:
    try:
        async for chunk in stream.inner.bytes():
            yield chunk
    except HTTPClientStateError:
        return


# Who does what wrong, and the behaviours that tell of it; others may as well.
WRONG: dict[str, tuple[Callable[[Any], Any], str]] = {
    "lacks the method": (type("Lacks", (Client,), {"stream": None}), "001 002"),
    "buffers the body": (Eager, "002"),
    "buffers lines": (having(lines=buffered_lines), "002 005 031"),
    "loses bytes": (having(bytes=nothing), "003 020 025 026"),
    "decodes by chunk": (having(text=text_by_chunk), "004"),
    "gives no values": (having(json_lines=nothing), "006 007 020"),
    "raises results": (having(json_lines=raised_results), "007"),
    "passes over bad values": (having(json_lines=values_that_pass_over), "006 007"),
    "gives no events": (having(events=nothing), "008 009 020"),
    "takes any Content-Type": (having(events=any_events), "008 009"),
    "cuts lines": (having(lines=first_of_each_line), "011"),
    "ends early as if complete": (having(lines=swallowed_lines), "011 020 031 034"),
    "reads twice": (having(bytes=any_time), "012"),
    "loses header fields": (without("headers"), "013"),
    "streams error pages": (having(bytes=error_page), "020"),
    "raises statuses on entering": (RaisesStatuses, "020 021"),
    "knows no statuses": (having(raise_for_status=lambda self: self), "021"),
    "enters whatever happens": (Forgiving, "022 028 030"),
    "knows no repetition": (KnowsNoRepetition, "013"),
    "follows always": (without("follow_redirects"), "023"),
    "ignores limits of size": (without("max_response_bytes"), "025"),
    "hides limits of size": (having(bytes=cut_bytes), "025"),
    "mixes up bodies": (MixesUp, "026"),
    "wraps the block's errors": (WrapsErrors, "027"),
    "cuts healthy streams": (CutsByTimeout, "030"),
    "ignores limits of time": (without("timeout"), "022 030 031"),
    "counts the consumer": (CountsTheConsumer, "032"),
    "swallows cancellation": (SwallowsCancellation, "033"),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_client_that_does_wrong_is_found(wrong: str) -> None:
    client, behaviours = WRONG[wrong]
    with pytest.raises(ConformanceError) as raised:
        await check_http_streaming(client, version="1.0", backend=FakeHTTPClient)
    failed = raised.value.report.failed
    found = {v.behaviour.id.removeprefix("STREAM-") for v in failed}
    assert set(behaviours.split()) <= found


async def test_a_wrapper_that_does_nothing_wrong_conforms() -> None:
    report = await check_http_streaming(Client, version="1.0", backend=FakeHTTPClient)
    assert not report.failed
