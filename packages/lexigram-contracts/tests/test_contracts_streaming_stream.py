"""What services read of a stream, whoever brings its bytes."""

import asyncio
import contextlib
import json
import pickle
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.web import (
    HTTPClientStateError,
    HTTPConnectionError,
    HTTPDecodeError,
    HttpResponse,
    HTTPResponseTooLargeError,
    HTTPStatusError,
    ResponseStreamProtocol,
)
from lexigram.contracts.web.streaming import (
    HTTPLineDecodeError,
    JSONSequenceSplitter,
    ResponseStream,
    ServerSentEvent,
)
from lexigram.result import Ok

URL = "https://api.test/feed?key=s3cret"
NDJSON = "application/x-ndjson"
SEQUENCE = "application/json-seq"
EVENTS = "text/event-stream"


class Body:
    """Chunks, and whether they were closed."""

    def __init__(self, *chunks: bytes, error: Exception | None = None) -> None:
        self.chunks = list(chunks)
        self.error = error
        self.closed = False

    def __aiter__(self) -> "Body":
        return self

    async def __anext__(self) -> bytes:
        if self.chunks:
            return self.chunks.pop(0)
        raise self.error or StopAsyncIteration

    async def aclose(self) -> None:
        self.closed = True


def stream_of(
    *chunks: bytes, content_type: str = "", status: int = 200, **options: Any
) -> ResponseStream:
    headers = {"Content-Type": content_type} if content_type else {}
    return ResponseStream(status, headers, URL, "GET", Body(*chunks), **options)


async def all_of(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]


def test_a_stream_says_what_answered() -> None:
    stream = stream_of(b"a", content_type="text/plain", attempts=2)
    assert isinstance(stream, ResponseStreamProtocol)
    assert (stream.status, stream.ok, stream.method) == (200, True, "GET")
    assert (stream.url, stream.attempts, stream.error) == (URL, 2, None)
    assert stream.headers["content-type"] == "text/plain"
    assert stream.raise_for_status() is stream


async def test_its_repr_says_how_it_is_read_and_no_secret() -> None:
    stream = stream_of()
    shown = "<ResponseStream 200 GET https://api.test/feed?key=***, {}>"
    assert repr(stream) == shown.format("unread")
    stream.lines()
    assert repr(stream) == shown.format("lines()")
    await stream.aclose()
    assert repr(stream) == shown.format("closed")


async def test_bytes_are_the_chunks() -> None:
    assert await all_of(stream_of(b"a\n", b"\xff").bytes()) == [b"a\n", b"\xff"]


async def test_text_is_decoded_by_the_charset_and_never_cut() -> None:
    chunks = [bytes([byte]) for byte in "é€".encode("utf-16-le")]
    stream = stream_of(*chunks, content_type='text/plain; charset="utf-16-le"')
    assert await all_of(stream.text()) == ["é", "€"]


async def test_half_a_character_at_the_end_is_replaced() -> None:
    assert await all_of(stream_of(b"a\xe2").text()) == ["a", "\ufffd"]


async def test_iterating_gives_the_lines() -> None:
    assert await all_of(aiter(stream_of(b"a\r", b"\nb\xe2\x80", b"\xa8c"))) == [
        "a",
        "b\u2028c",
    ]


@given(
    lines=st.lists(
        st.lists(
            st.sampled_from([b"a", b"\xe2", b"\x82", b"\xac", b"\xf0\x9f", b"\x0b"])
        ).map(b"".join)
    ),
    size=st.integers(1, 9),
)
def test_what_is_no_text_is_replaced_within_its_line(
    lines: list[bytes], size: int
) -> None:
    data = b"".join(line + b"\n" for line in lines)
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    expected = [line.decode("utf-8", "replace") for line in lines]
    assert asyncio.run(all_of(stream_of(*chunks).lines())) == expected
    assert asyncio.run(all_of(stream_of(data).lines())) == expected


@pytest.mark.parametrize("charset", ["utf-16-be", "utf-16", "latin-1", "cp1252"])
async def test_lines_of_another_charset_are_lines_of_its_text(charset: str) -> None:
    # U+0A0D and U+0D0A hold the bytes of line ends in UTF-16.
    text = "\u0a0d\u0d0a\né\r\nà" if charset.startswith("utf") else "é\r\nà"
    data = text.encode(charset)
    stream = stream_of(
        *(data[i : i + 1] for i in range(len(data))),
        content_type=f"text/plain; format=flowed; charset={charset}",
    )
    assert await all_of(stream.lines()) == text.splitlines()


async def test_half_a_character_of_another_charset_is_a_line() -> None:
    stream = stream_of(b"a\0b", content_type="text/plain; charset=utf-16-le")
    assert await all_of(stream.lines()) == ["a\ufffd"]


async def test_a_line_that_is_too_long_is_told_with_the_call() -> None:
    with pytest.raises(HTTPResponseTooLargeError) as caught:
        await all_of(stream_of(b"x" * 11).lines(max_line_bytes=10))
    assert str(caught.value) == (
        "GET https://api.test/feed?key=***: The stream holds a line of more than 10 "
        "bytes, and no more are accepted. Give a larger `max_line_bytes` if that is "
        "expected."
    )
    assert (caught.value.limit, caught.value.request_sent) == (10, "yes")


async def test_a_failure_of_the_transport_comes_out_as_it_is() -> None:
    error = HTTPConnectionError("It broke.", failure="truncated")
    stream = ResponseStream(200, (), URL, "GET", Body(b"a\nb", error=error))
    lines = stream.lines()
    assert await anext(lines) == "a"
    with pytest.raises(HTTPConnectionError) as caught:
        await anext(lines)
    assert caught.value is error
    with pytest.raises(HTTPClientStateError, match="broken off by an error"):
        await anext(lines)


# Once, by one task, within the block, and never an error as data


@pytest.mark.parametrize("form", ["bytes", "text", "lines", "json_lines", "events"])
async def test_an_error_status_is_never_given_as_data(form: str) -> None:
    response = HttpResponse(503, URL, text="no <html>")
    stream = stream_of(b"no <html>", status=503, error=response)
    assert not stream.ok
    with pytest.raises(HTTPStatusError) as caught:
        getattr(stream, form)()
    assert caught.value.response is response


async def test_an_error_that_was_not_read_is_one_all_the_same() -> None:
    with pytest.raises(HTTPStatusError, match="404"):
        await all_of(aiter(stream_of(b"page", status=404)))


@pytest.mark.parametrize("second", ["bytes", "text", "lines", "json_lines"])
async def test_a_second_reading_is_refused(second: str) -> None:
    stream = stream_of(b"1\n2\n")
    lines = stream.lines()
    assert await anext(lines) == "1"
    with pytest.raises(
        HTTPClientStateError, match=r"is being read by `lines\(\)` already"
    ):
        getattr(stream, second)()
    assert await all_of(lines) == ["2"]


async def test_reading_on_after_the_block_is_refused_and_not_an_end() -> None:
    stream = stream_of(b"1\n2\n")
    lines = stream.lines()
    assert await anext(lines) == "1"
    await stream.aclose()
    with pytest.raises(HTTPClientStateError, match="its block is over"):
        await anext(lines)
    unread = stream_of()
    await unread.aclose()
    with pytest.raises(HTTPClientStateError, match="its block is over"):
        unread.text()


async def test_closing_closes_the_chunks_and_may_be_repeated() -> None:
    body = Body(b"1\n", b"2\n")
    stream = ResponseStream(200, (), URL, "GET", body)
    await anext(aiter(stream))
    await stream.aclose()
    await stream.aclose()
    assert body.closed


async def test_a_second_task_is_refused_and_the_first_one_goes_on() -> None:
    arrived = asyncio.Event()

    async def chunks() -> AsyncIterator[bytes]:
        await arrived.wait()
        yield b"1\n"

    lines = ResponseStream(200, (), URL, "GET", chunks()).lines()
    first = asyncio.ensure_future(anext(lines))
    await asyncio.sleep(0)
    with pytest.raises(HTTPClientStateError, match="Another task is reading"):
        await anext(lines)
    arrived.set()
    assert await first == "1"


async def test_closing_under_a_reader_leaves_the_rest_to_the_transport() -> None:
    arrived = asyncio.Event()

    async def chunks() -> AsyncIterator[bytes]:
        await arrived.wait()
        yield b"1\n2\n"

    stream = ResponseStream(200, (), URL, "GET", chunks())
    lines = stream.lines()
    first = asyncio.ensure_future(anext(lines))
    await asyncio.sleep(0)
    await stream.aclose()
    arrived.set()
    assert await first == "1"
    with pytest.raises(HTTPClientStateError, match="its block is over"):
        await anext(lines)


async def test_an_iteration_can_be_closed_by_itself() -> None:
    lines: Any = stream_of(b"1\n2\n").lines()
    async with contextlib.aclosing(lines):
        assert await anext(lines) == "1"
    with pytest.raises(HTTPClientStateError, match="cannot go on"):
        await anext(lines)


# JSON


@pytest.mark.parametrize(
    "content_type",
    ["", NDJSON, "application/jsonl; charset=utf-8", "text/plain", "application/JSON"],
)
async def test_json_lines_are_values_and_empty_lines_nothing(content_type: str) -> None:
    stream = stream_of(b'{"a":1}\n\n  \r\n[', b"2]\nnull\n ", content_type=content_type)
    assert await all_of(stream.json_lines()) == [{"a": 1}, [2], None]


async def test_a_decoder_gets_the_bytes_of_each_line() -> None:
    stream = stream_of(b"\xef\xbb\xbf1\n2", content_type=NDJSON)
    assert await all_of(stream.json_lines(int)) == [1, 2]


async def test_a_bad_line_says_which_and_how_it_starts_without_secrets() -> None:
    bad = b'{"token": "s3cret", oops' + b"." * 100
    stream = stream_of(b"1\n\n", bad, b"\n3\n", content_type=NDJSON)
    values = stream.json_lines()
    assert await anext(values) == 1
    with pytest.raises(HTTPLineDecodeError, match="Line 3 of the stream") as caught:
        await anext(values)
    error = caught.value
    assert isinstance(error.__cause__, ValueError)
    assert (error.line, error.content_type, error.method) == (3, NDJSON, "GET")
    assert "s3cret" not in str(error)
    assert "results=True" in str(error)
    assert pickle.loads(pickle.dumps(error)).line == 3


async def test_results_go_on_after_a_bad_line() -> None:
    stream = stream_of(b"1\nx\n3\n\xff\n", content_type=NDJSON)
    first, second, third, fourth = await all_of(stream.json_lines(results=True))
    assert (first, third) == (Ok(1), Ok(3))
    assert (second.error.line, fourth.error.line) == (2, 4)


async def test_a_json_line_is_limited() -> None:
    stream = stream_of(b"12345\n123456\n", content_type=NDJSON)
    values = stream.json_lines(max_line_bytes=5)
    assert await anext(values) == 12345
    with pytest.raises(HTTPResponseTooLargeError, match="api.test"):
        await anext(values)


@pytest.mark.parametrize(
    ("content_type", "hint"),
    [(EVENTS, r"which `events\(\)` reads"), ("text/html", "any_content_type=True")],
)
async def test_what_is_no_json_by_its_label_is_refused(
    content_type: str, hint: str
) -> None:
    stream = stream_of(b"1\n", content_type=content_type)
    with pytest.raises(HTTPDecodeError, match=hint) as caught:
        stream.json_lines()
    assert caught.value.content_type == content_type
    assert await all_of(stream.json_lines(any_content_type=True)) == [1]


async def test_a_text_sequence_is_read_by_its_separators() -> None:
    chunks = (b'\x1e{"a":\n', b'1}\n\x1e\x1e"\\"\\', b'n"\n\x1e[1', b"]\x1e7\n")
    stream = stream_of(*chunks, content_type=SEQUENCE)
    assert await all_of(stream.json_lines()) == [{"a": 1}, '"\n', [1], 7]


async def test_a_value_of_a_sequence_does_not_wait_for_the_next_one() -> None:
    assert list(JSONSequenceSplitter().feed(b'\x1e{"a":1}\n')) == [b'{"a":1}\n']
    stream = stream_of(b'\x1e{"a":1}\n', content_type="application/geo+json-seq")
    assert await anext(stream.json_lines()) == {"a": 1}


@pytest.mark.parametrize("cut", [b"\x1e12", b"\x1etru", b"\x1e null", b'\x1e{"a":1'])
async def test_a_value_that_may_be_cut_off_is_an_error_and_others_go_on(
    cut: bytes,
) -> None:
    stream = stream_of(cut, b"\x1e3\n", content_type=SEQUENCE)
    first, second = await all_of(stream.json_lines(results=True))
    assert isinstance(first.error, HTTPLineDecodeError)
    assert second == Ok(3)


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='a"\\{}[]\n\x1eé'),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(alphabet='a"\\]}'), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    values=st.lists(JSONS, max_size=5),
    indent=st.sampled_from([None, 1]),
    size=st.integers(1, 9),
)
def test_any_division_of_a_sequence_gives_its_values(
    values: list[Any], indent: int | None, size: int
) -> None:
    data = b"".join(
        b"\x1e" + json.dumps(value, indent=indent).encode() + b"\n" for value in values
    )
    splitter = JSONSequenceSplitter()
    texts = [
        text
        for start in range(0, len(data), size)
        for text in splitter.feed(data[start : start + size])
    ]
    assert [json.loads(text) for text in texts] == values
    assert list(splitter.close()) == []


@given(data=st.lists(st.sampled_from(list(b'\x1e\n"\\{}[]1 ')), max_size=30).map(bytes))
def test_any_division_of_anything_gives_the_same_texts(data: bytes) -> None:
    def texts(*chunks: bytes) -> list[bytes]:
        splitter = JSONSequenceSplitter()
        found = [text for chunk in chunks for text in splitter.feed(chunk)]
        return [*found, *splitter.close()]

    assert texts(*(data[i : i + 1] for i in range(len(data)))) == texts(data)


def test_a_text_that_closes_more_than_it_opened_ends_with_its_line() -> None:
    assert list(JSONSequenceSplitter().feed(b"\x1e}\n")) == [b"}\n"]


def test_a_text_of_a_sequence_is_limited() -> None:
    splitter = JSONSequenceSplitter(4)
    assert list(splitter.feed(b"\x1e1234\n\x1e[123")) == [b"1234\n"]
    with pytest.raises(HTTPResponseTooLargeError, match="JSON text of more than 4"):
        list(splitter.feed(b"45"))


# Events


async def test_events_end_at_their_marker_which_is_not_given() -> None:
    stream = stream_of(
        b"data: a\n\ndata: [DONE]\n\ndata: b\n\n",
        content_type=f"{EVENTS};charset=utf-8",
    )
    assert await all_of(stream.events(end="[DONE]")) == [ServerSentEvent(data="a")]


async def test_without_a_marker_every_event_is_given() -> None:
    stream = stream_of(b"data: [DONE]\n\ndata: b\n", content_type=EVENTS)
    assert await all_of(stream.events()) == [ServerSentEvent(data="[DONE]")]


async def test_an_event_that_is_too_large_is_told_with_the_call() -> None:
    stream = stream_of(b"data: aaaaaaaaaaaaaaaa\n\n", content_type=EVENTS)
    with pytest.raises(HTTPResponseTooLargeError, match="GET https://api.test/feed"):
        await all_of(stream.events(max_event_bytes=10))


@pytest.mark.parametrize("content_type", ["", "application/json", "text/html"])
async def test_what_is_no_stream_of_events_by_its_label_is_refused(
    content_type: str,
) -> None:
    stream = stream_of(b"data: a\n\n", content_type=content_type)
    with pytest.raises(HTTPDecodeError, match="not text/event-stream"):
        stream.events()
    events = stream.events(any_content_type=True)
    assert await all_of(events) == [ServerSentEvent(data="a")]


async def test_an_answer_without_content_has_no_events() -> None:
    assert await all_of(stream_of(status=204).events()) == []
