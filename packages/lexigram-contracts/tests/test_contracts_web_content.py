"""What a body can be made of, and what is read of it and when."""

import asyncio
import bz2
import contextlib
import gzip
import io
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.web import (
    BodyStream,
    HTTPInvalidRequestError,
    HTTPRedirectError,
    HttpResponse,
    RequestContext,
    build_request,
    check_request,
)
from lexigram.contracts.web.calling import (
    Upload,
    describe_call,
    next_request,
    with_length,
)

URL = "https://api.test/v1"


def built(**options: Any) -> RequestContext:
    return build_request("PUT", URL, options)


def stream_of(content: Any) -> BodyStream:
    stream = built(content=content).body_stream
    assert stream is not None
    return stream


def opened(request: RequestContext) -> Upload:
    upload = Upload.of(request)
    assert upload is not None
    return upload


async def sent(**options: Any) -> bytes:
    return await opened(built(**options)).read()


async def letters() -> AsyncIterator[bytes]:
    for letter in (b"a", b"b", b"c"):
        yield letter


class Channel:
    """An asynchronous iterator that its owner closes."""

    def __init__(self) -> None:
        self.chunks = iter([b"a", b"b"])
        self.closed = False

    def __aiter__(self) -> "Channel":
        return self

    async def __anext__(self) -> bytes:
        for chunk in self.chunks:
            return chunk
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self.closed = True


@pytest.mark.parametrize("content", [b"ab", bytearray(b"ab"), memoryview(b"ab")])
def test_bytes_are_a_body_as_ever(content: Any) -> None:
    request = built(content=content)
    assert (request.body, request.body_stream) == (b"ab", None)
    assert request.headers["content-type"] == "application/octet-stream"


def test_what_is_read_while_it_is_sent_is_no_body_yet() -> None:
    request = built(content=io.BytesIO(b"s3cret"))
    assert request.body is None
    assert "<BodyStream of 6 bytes>" in repr(request)
    assert "s3cret" not in repr(request)
    assert repr(stream_of(letters())) == "<BodyStream of unknown length, sent once>"


async def test_a_file_is_sent_from_where_it_stands_as_often_as_needed() -> None:
    file = io.BytesIO(b"skipped and sent")
    file.seek(12)
    request = built(content=file)
    assert (stream_of(file).length, stream_of(file).replayable) == (4, True)
    assert file.tell() == 12
    assert [await opened(request).read() for _ in range(2)] == [b"sent", b"sent"]
    assert not file.closed


async def test_attempts_side_by_side_do_not_disturb_each_other() -> None:
    data = os.urandom(1_000_000)
    request = built(content=io.BytesIO(data))
    both = await asyncio.gather(opened(request).read(), opened(request).read())
    assert both == [data, data]


async def test_a_path_is_opened_for_each_attempt(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc")
    request = built(content=path)
    assert request.body_stream is not None
    assert (request.body_stream.length, request.body_stream.replayable) == (3, True)
    assert [await opened(request).read() for _ in range(2)] == [b"abc", b"abc"]


async def test_a_path_that_is_gone_when_it_is_sent_is_the_cause(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc")
    request = built(content=path)
    path.unlink()
    with pytest.raises(HTTPInvalidRequestError, match="FileNotFoundError") as caught:
        await opened(request).read()
    assert isinstance(caught.value.__cause__, FileNotFoundError)
    assert caught.value.request_sent == "maybe"


def test_a_file_that_decodes_has_no_length_without_decoding_it() -> None:
    packed = io.BytesIO(gzip.compress(b"x" * 1000))
    with gzip.open(packed) as file:
        assert (stream_of(file).length, stream_of(file).replayable) == (None, True)


async def test_a_file_that_decodes_is_sent_decoded() -> None:
    with bz2.open(io.BytesIO(bz2.compress(b"x" * 1000))) as file:
        assert await sent(content=file) == b"x" * 1000


async def test_a_pipe_is_sent_once() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"abc")
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        request = built(content=pipe)
        assert request.body_stream is not None
        assert not request.body_stream.replayable
        assert await opened(request).read() == b"abc"
        with pytest.raises(HTTPInvalidRequestError, match="cannot be read again"):
            Upload.of(request)


def test_a_named_pipe_is_sent_once(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    stream = stream_of(path)
    assert (stream.length, stream.replayable) == (None, False)


async def test_a_file_without_data_yet_is_no_end() -> None:
    class Waiting(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> None:  # type: ignore[override]  # what raw files do
            return None

    with pytest.raises(HTTPInvalidRequestError, match="BlockingIOError"):
        await sent(content=Waiting())


async def test_an_iterator_is_sent_once_and_never_empty_again() -> None:
    request = built(content=letters())
    assert await opened(request).read() == b"abc"
    with pytest.raises(HTTPInvalidRequestError, match="cannot be read again") as caught:
        Upload.of(request)
    assert caught.value.url == URL
    assert caught.value.request_sent == "no"


async def test_a_function_makes_a_body_for_each_attempt() -> None:
    request = built(content=letters)
    assert [await opened(request).read() for _ in range(2)] == [b"abc", b"abc"]


async def test_a_function_that_only_waits_is_explained() -> None:
    async def forgot_to_yield() -> bytes:
        return b""

    def returns_bytes() -> bytes:
        return b""

    for function, kind in ((forgot_to_yield, "coroutine"), (returns_bytes, "bytes")):
        with pytest.raises(HTTPInvalidRequestError, match="TypeError") as caught:
            Upload.of(built(content=function))
        assert f"returned {kind}; it has to return" in str(caught.value.__cause__)


async def test_what_the_caller_opened_the_caller_closes() -> None:
    channel = Channel()
    assert await sent(content=channel) == b"ab"
    assert not channel.closed


async def test_what_a_function_opened_is_closed() -> None:
    channel = Channel()
    assert await sent(content=lambda: channel) == b"ab"
    assert channel.closed


async def test_an_iterable_without_a_way_to_close_it_is_left() -> None:
    class Bare:
        def __aiter__(self) -> "Bare":
            return self

        async def __anext__(self) -> bytes:
            raise StopAsyncIteration

    assert await sent(content=Bare) == b""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text", "content is of type str; it takes bytes, a file open in binary mode"),
        ([b"a"], "content is of type list"),
        (io.StringIO("a"), "a file open in text mode. Open it in binary mode"),
        (Path("/no/such/file"), "content cannot be read: No such file"),
        (Path("/"), "content is a directory"),
    ],
)
def test_what_cannot_be_a_body_says_why(content: Any, message: str) -> None:
    with pytest.raises(HTTPInvalidRequestError, match=message) as caught:
        built(content=content)
    assert caught.value.url == URL


def test_a_file_that_is_closed_or_only_written_is_refused(tmp_path: Path) -> None:
    with (
        (tmp_path / "a").open("wb") as file,
        pytest.raises(HTTPInvalidRequestError, match="not open for reading"),
    ):
        built(content=file)
    closed = io.BytesIO()
    closed.close()
    with pytest.raises(HTTPInvalidRequestError, match="closed file. Give"):
        built(content=closed)


@pytest.mark.parametrize("other", [{"json": None}, {"data": b""}, {"files": {}}])
def test_content_stands_alone(other: dict[str, Any]) -> None:
    with pytest.raises(HTTPInvalidRequestError, match="`content` and .* not both"):
        built(content=b"", **other)


def test_none_is_no_content() -> None:
    request = built(content=None, files=None, data="x")
    assert request.body == b"x"


@pytest.mark.parametrize("length", ["4", "", "+3", "3, 3"])
def test_a_length_that_cannot_be_right_is_refused(length: str) -> None:
    with pytest.raises(HTTPInvalidRequestError, match="'Content-Length' differs"):
        built(content=io.BytesIO(b"abc"), headers={"Content-Length": length})


def test_the_length_of_an_iterator_is_the_callers_word() -> None:
    headers = {"Content-Length": "3"}
    request = built(content=letters(), headers=headers)
    assert opened(request).length == 3
    for lengths in (["x"], ["3", "4"]):
        with pytest.raises(
            HTTPInvalidRequestError, match="'Content-Length' (differs|is there 2 times)"
        ):
            built(content=letters, headers=[("Content-Length", n) for n in lengths])


def test_a_known_length_is_sent_as_content_length() -> None:
    request = built(content=io.BytesIO(b"abc"))
    sized = with_length(request, opened(request).length)
    assert sized.headers["content-length"] == "3"
    assert "content-length" not in request.headers
    unsized = built(content=letters)
    assert with_length(unsized, opened(unsized).length) is unsized
    assert with_length(sized, opened(sized).length) is sized
    assert Upload.of(built()) is None


@given(st.lists(st.binary(max_size=4)), st.one_of(st.none(), st.integers(0, 12)))
async def test_a_body_is_what_was_declared_or_an_error(
    chunks: list[bytes], declared: int | None
) -> None:
    whole = b"".join(chunks)

    async def body() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    upload = opened(
        RequestContext("PUT", URL, body_stream=BodyStream(body, length=declared))
    )
    received: list[bytes] = []
    with contextlib.suppress(HTTPInvalidRequestError):
        async for chunk in upload:
            received.append(chunk)  # noqa: PERF401 - what came before an error counts
    if declared in (None, len(whole)):
        assert upload.failure is None
        assert b"".join(received) == whole
        assert b"" not in received
    else:
        assert isinstance(upload.failure, HTTPInvalidRequestError)
        # Nobody was given a complete body that is wrong.
        assert declared == 0 or len(b"".join(received)) < (declared or 0)


async def test_a_closed_upload_does_not_look_complete() -> None:
    upload = opened(built(content=letters()))
    assert await anext(upload) == b"a"
    await upload.aclose()
    await upload.aclose()
    with pytest.raises(RuntimeError, match="closed"):
        await anext(upload)


async def test_an_upload_that_is_waited_for_elsewhere_is_ended_by_its_close() -> None:
    closed = asyncio.Event()
    waiting = asyncio.Event()

    async def stuck() -> AsyncIterator[bytes]:
        try:
            waiting.set()
            await asyncio.Event().wait()
            yield b""
        finally:
            closed.set()

    upload = opened(built(content=stuck()))

    async def transport() -> bytes:
        return await anext(upload)

    task = asyncio.create_task(transport())
    await waiting.wait()
    await upload.aclose()
    assert closed.is_set()
    assert task.cancelled()
    assert upload.failure is None


async def test_an_error_while_closing_is_told_to_the_loop() -> None:
    async def broken() -> AsyncIterator[bytes]:
        try:
            yield b"a"
        finally:
            raise LookupError("cannot close")

    told: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: told.append(context))
    try:
        upload = opened(built(content=broken()))
        await anext(upload)
        await upload.aclose()
    finally:
        loop.set_exception_handler(None)
    assert isinstance(told[0]["exception"], LookupError)


@pytest.mark.parametrize("chunk", [bytearray(b"ab"), memoryview(b"ab")])
async def test_what_holds_bytes_is_a_chunk(chunk: Any) -> None:
    async def chunks() -> AsyncIterator[Any]:
        yield chunk

    assert await sent(content=chunks) == b"ab"


async def test_anything_else_is_no_chunk() -> None:
    async def chunks() -> AsyncIterator[Any]:
        yield "ab"

    with pytest.raises(HTTPInvalidRequestError, match="a chunk of type str, not bytes"):
        await sent(content=chunks)


async def test_the_failure_of_the_body_is_the_cause() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"ab"
        raise LookupError("s3cret")

    with pytest.raises(HTTPInvalidRequestError, match="LookupError") as caught:
        await sent(content=chunks)
    assert isinstance(caught.value.__cause__, LookupError)
    assert "s3cret" not in str(caught.value)
    assert caught.value.request_sent == "maybe"


async def test_progress_is_told_until_the_close() -> None:
    told = 0

    def tell() -> None:
        nonlocal told
        told += 1

    upload = Upload.of(built(content=letters()), tell)
    assert upload is not None
    await anext(upload)
    assert told == 2
    await upload.aclose()
    with pytest.raises(RuntimeError):
        await anext(upload)
    assert told == 2


@pytest.mark.parametrize(
    ("content", "repeatable"),
    [(b"a", True), (io.BytesIO(b"a"), True), (letters, True), (Channel(), False)],
)
def test_a_call_is_repeatable_only_with_a_body_that_is(
    content: Any, *, repeatable: bool
) -> None:
    options = {"content": content, "idempotency_key": "k"}
    request = build_request("PUT", URL, options)
    assert describe_call(request, options, None).repeatable is repeatable


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_does_not_take_a_body_that_is_gone(status: int) -> None:
    request = built(content=Channel())
    response = HttpResponse(status, headers={"Location": "/y"})
    with pytest.raises(HTTPRedirectError, match="cannot be read again"):
        next_request(request, response)


def test_a_redirect_takes_or_leaves_a_stream_as_any_body() -> None:
    request = built(content=letters)
    kept = next_request(request, HttpResponse(307, headers={"Location": "/y"}))
    left = next_request(
        built(content=Channel()), HttpResponse(303, headers={"Location": "/y"})
    )
    assert kept is not None
    assert kept.body_stream is request.body_stream
    assert left is not None
    assert left.body_stream is None


def test_two_bodies_at_once_are_refused() -> None:
    request = built(content=letters)
    check_request(request)
    request.body = b""
    with pytest.raises(HTTPInvalidRequestError, match="sets the other to None"):
        check_request(request)
