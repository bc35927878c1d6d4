"""Server-sent events, against the standard and in any division."""

import copy
import pickle
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lexigram.contracts.web import HTTPResponseTooLargeError
from lexigram.contracts.web.streaming import EventParser, ServerSentEvent

BOM = b"\xef\xbb\xbf"


def parsed(*chunks: bytes) -> list[ServerSentEvent]:
    parser = EventParser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


def divided(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    bounds = [0, *sorted(cut for cut in cuts if cut <= len(data)), len(data)]
    return [data[a:b] for a, b in pairwise(bounds)]


# https://html.spec.whatwg.org/multipage/server-sent-events.html, its examples.


def test_lines_of_data_are_joined() -> None:
    assert parsed(b"data: YHOO\ndata: +2\ndata: 10\n\n") == [
        ServerSentEvent(data="YHOO\n+2\n10")
    ]


def test_comments_ids_and_one_leading_space_are_read_as_the_standard_shows() -> None:
    stream = (
        b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\n"
        b"data:  third event\n\n"
    )
    assert parsed(stream) == [
        ServerSentEvent(data="first event", id="1"),
        ServerSentEvent(data="second event"),
        ServerSentEvent(data=" third event"),
    ]


def test_fields_without_a_value_and_a_block_without_an_end() -> None:
    assert parsed(b"data\n\ndata\ndata\n\ndata:") == [
        ServerSentEvent(data=""),
        ServerSentEvent(data="\n"),
    ]


def test_the_space_after_the_colon_is_optional() -> None:
    assert parsed(b"data:test\n\ndata: test\n\n") == [ServerSentEvent(data="test")] * 2


def test_types_of_events() -> None:
    assert parsed(
        b"event: add\ndata: 73\n\nevent: remove\ndata: 21\n\ndata: 1\n\n"
    ) == [
        ServerSentEvent("add", "73"),
        ServerSentEvent("remove", "21"),
        ServerSentEvent("message", "1"),
    ]


# The rules beside the examples.


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_every_line_end_ends_a_line(end: bytes) -> None:
    assert parsed(BOM + end.join([b"data: a", b"data: b", b"", b""])) == [
        ServerSentEvent(data="a\nb")
    ]


def test_only_the_first_byte_order_mark_is_left_out() -> None:
    assert parsed(BOM + BOM + b"data: a\n\ndata: b\n\n") == [ServerSentEvent(data="b")]


def test_an_event_without_data_is_not_given_and_its_type_forgotten() -> None:
    assert parsed(b"event: x\n\ndata: a\n\n") == [ServerSentEvent(data="a")]


def test_an_id_without_data_counts_and_stays() -> None:
    parser = EventParser()
    assert list(parser.feed(b"id: 7\n\n")) == []
    assert parser.last_event_id == "7"
    assert [event.id for event in parser.feed(b"data: a\n\ndata: b\n\n")] == ["7", "7"]


def test_an_id_counts_at_the_end_of_its_event_only() -> None:
    parser = EventParser(last_event_id="6")
    assert list(parser.feed(b"id: 7\ndata: a\n")) == []
    assert parser.last_event_id == "6"


def test_an_id_with_nul_is_ignored() -> None:
    assert parsed(b"id: 1\ndata: a\n\nid: 2\x003\ndata: b\n\n")[1].id == "1"


@pytest.mark.parametrize(
    ("value", "retry"),
    [
        (b"10", 10),
        (b"0", 0),
        (b"", None),
        (b"-1", None),
        (b"1.5", None),
        (b" 1", None),
        (b"1e3", None),
        ("٣".encode(), None),
        (b"9" * 5000, None),
    ],
)
def test_retry_is_ascii_digits(value: bytes, retry: int | None) -> None:
    parser = EventParser()
    (event,) = parser.feed(b"retry: " + value + b"\ndata: a\n\n")
    assert (event.retry, parser.retry) == (retry, retry)


def test_retry_counts_without_an_event_and_belongs_to_one_event() -> None:
    parser = EventParser()
    events = list(
        parser.feed(b"retry: 5\n\ndata: a\n\nretry: 6\ndata: b\n\ndata: c\n\n")
    )
    assert [event.retry for event in events] == [None, 6, None]
    assert parser.retry == 6


def test_retry_counts_without_the_end_of_its_event() -> None:
    parser = EventParser()
    assert list(parser.feed(b"data: a\nretry: 5\nretry: 6")) == []
    parser.close()
    assert parser.retry == 5


def test_names_of_fields_are_compared_as_they_are() -> None:
    assert parsed(b"Data: a\n data: b\ndata : c\ndatax: d\ndata: e\n\n") == [
        ServerSentEvent(data="e")
    ]


def test_other_line_ends_of_unicode_are_data() -> None:
    text = "a\u2028b\x0bc\x85d"
    assert parsed(f"data: {text}\n\n".encode())[0].data == text


def test_what_is_not_utf_8_is_replaced() -> None:
    assert parsed(b"data: \xff\xe2\x82\ndata: a\n\n")[0].data == "\ufffd\ufffd\na"


def test_an_event_is_given_at_its_empty_line_however_that_ends() -> None:
    assert parsed(b"data: a\r\n\r") == [ServerSentEvent(data="a")]
    assert parsed(b"data: a\r\n\r", b"\n", b"\n", b"data: b\n\n") == [
        ServerSentEvent(data="a"),
        ServerSentEvent(data="b"),
    ]


def test_an_empty_id_takes_back_the_one_before() -> None:
    stream = b"id: 1\ndata: a\n\nevent: x\nid\ndata: b\n\nid: \ndata: c\n\n"
    assert [event.id for event in parsed(stream)] == ["1", "", ""]


def test_an_id_keeps_the_spaces_behind_the_first() -> None:
    assert [event.id for event in parsed(b"id:  1 \ndata: a\n\n")] == [" 1 "]


def test_an_event_is_a_value() -> None:
    event = ServerSentEvent("add", "73", "1", 5)
    assert pickle.loads(pickle.dumps(event)) == event == copy.copy(event)
    assert repr(event) == "ServerSentEvent(event='add', data='73', id='1', retry=5)"
    with pytest.raises(AttributeError):
        event.data = "74"  # type: ignore[misc]  # that is the point


# Any division, against a reading of the standard that is slow and has no limits.


class Reference:
    def __init__(self, data: bytes) -> None:
        self.events: list[ServerSentEvent] = []
        self.text = data.decode("utf-8", "replace").removeprefix("\ufeff")
        self.data, self.type, self.id, self.last = "", "", "", ""
        self.retry: int | None = None
        self.time: int | None = None
        self.run()

    def run(self) -> None:
        line, position = "", 0
        while position < len(self.text):
            letter = self.text[position]
            position += 1
            if letter not in "\r\n":
                line += letter
                continue
            if letter == "\r" and self.text[position : position + 1] == "\n":
                position += 1
            self.line(line)
            line = ""

    def line(self, line: str) -> None:
        if line == "":
            self.dispatch()
        elif ":" in line:
            name, value = line.split(":", 1)
            if name:
                self.field(name, value.removeprefix(" "))
        else:
            self.field(line, "")

    def field(self, name: str, value: str) -> None:
        if name == "event":
            self.type = value
        elif name == "data":
            self.data += value + "\n"
        elif name == "id" and "\0" not in value:
            self.id = value
        elif name == "retry" and value and set(value) <= set("0123456789"):
            self.retry = self.time = int(value)

    def dispatch(self) -> None:
        self.last = self.id
        if self.data:
            kind = self.type or "message"
            self.events.append(
                ServerSentEvent(kind, self.data[:-1], self.id, self.retry)
            )
        self.data, self.type, self.retry = "", "", None


PIECES = st.sampled_from(
    [
        b"data: ", b"data:", b"data", b"event: ", b"id:", b"id: ", b"retry:", b":", b" ",
        b"\n", b"\n", b"\r", b"\r\n", b"\n\n", b"x", b"42", b"\0", b"\xff",
        b"data: x\n\n", b"data: y\n\n", b"event: x\n", b"id: 42\n", b"data: x\n",
        "é".encode(), "\u2028".encode(), BOM,
    ]
)  # fmt: skip
STREAMS = st.lists(PIECES, max_size=40).map(b"".join)
CUTS = st.lists(st.integers(0, 120), max_size=20)


@given(data=STREAMS, cuts=CUTS)
@example(data=b"data: a\n\n\ndata: b\n\n", cuts=[8, 9])
@example(data=b"event: x\n\ndata: b\r\r\n\n", cuts=[9, 18, 19])
def test_any_division_gives_the_events_of_the_standard(
    data: bytes, cuts: list[int]
) -> None:
    parser = EventParser()
    events = [event for part in divided(data, cuts) for event in parser.feed(part)]
    parser.close()
    expected = Reference(data)
    assert events == expected.events
    assert (parser.last_event_id, parser.retry) == (expected.last, expected.time)


def until_too_long(
    chunks: Sequence[bytes], limit: int
) -> tuple[list[ServerSentEvent], bool]:
    parser = EventParser(max_event_bytes=limit)
    events: list[ServerSentEvent] = []
    try:
        for chunk in chunks:
            for event in parser.feed(chunk):
                events.append(event)  # noqa: PERF402 - kept when the next one raises
    except HTTPResponseTooLargeError:
        return events, True
    return events, False


@given(data=STREAMS, cuts=CUTS, limit=st.integers(1, 40))
@example(data=b"event: x\nid: 1\ndata: 12345\n\ndata: 1\n\n", cuts=[9, 16], limit=12)
@example(data=b": 45678\nevent: x\n\ndata: 1\ndata\n\n", cuts=[17], limit=12)
@example(data=b": 45678\nevent: x\n\ndata: 1\ndata\n\n", cuts=[17, 18], limit=12)
@example(data=b"datax: 5\n\ndata: 1234\n\n", cuts=[], limit=12)
@example(data=b": 45678\nevent: x\n\n\ndata: 1\ndata\n\n", cuts=[17], limit=40)
def test_any_division_gives_the_same_events_before_the_one_that_is_too_large(
    data: bytes, cuts: list[int], limit: int
) -> None:
    events, refused = until_too_long(divided(data, cuts), limit)
    assert (events, refused) == until_too_long(
        [data[i : i + 1] for i in range(len(data))], limit
    )
    everything = Reference(data).events
    assert events == everything[: len(events)]
    assert refused or events == everything


def test_an_event_of_many_lines_is_limited_as_a_whole() -> None:
    parser = EventParser(max_event_bytes=100)
    for _ in range(25):
        assert list(parser.feed(b"data\n")) == []
    with pytest.raises(HTTPResponseTooLargeError, match="event of more than 100 bytes"):
        list(parser.feed(b"data\n"))


def test_more_than_the_limit_at_once_is_read_event_by_event() -> None:
    parser = EventParser(max_event_bytes=10)
    stream = b"data: a\n\n\n\nid: 1\n\ndata: b\n\nevent: x\n\n"
    assert list(parser.feed(stream)) == [
        ServerSentEvent(data="a"),
        ServerSentEvent(data="b", id="1"),
    ]


def test_comments_without_an_end_are_not_kept() -> None:
    parser = EventParser(max_event_bytes=100)
    for _ in range(100):
        assert list(parser.feed(b": still here\n")) == []
    assert list(parser.feed(b"data: a\n\n")) == [ServerSentEvent(data="a")]


def test_a_line_as_large_as_the_limit_may_follow_comments() -> None:
    parser = EventParser(max_event_bytes=10)
    for chunk in (b": 34567890", b"\n", b": 34567890"):
        assert list(parser.feed(chunk)) == []


def test_comments_after_an_event_that_was_read_ahead_are_lines_of_their_own() -> None:
    parser = EventParser(max_event_bytes=20)
    chunks = (b": aaaaaaaaaaaaaaa\n: bbbbbbb", b"\n\n", b": c\n: ddddddddddddddddd")
    for chunk in chunks:
        assert list(parser.feed(chunk)) == []


def test_an_event_before_the_start_of_a_line_that_is_too_long_is_given() -> None:
    parser = EventParser(max_event_bytes=10)
    assert list(parser.feed(b"data: a")) == []
    events = iter(parser.feed(b"\n\n: 345678901"))
    assert next(events) == ServerSentEvent(data="a")
    with pytest.raises(HTTPResponseTooLargeError, match="event of more than 10 bytes"):
        next(events)


def test_an_event_above_what_is_kept_unread_is_whole() -> None:
    value = b"x" * 50_000
    chunks = [b"event: big\n", b"data: " + value + b"\n", b"data: " + value, b"\n\n"]
    (event,) = parsed(*chunks)
    assert event == ServerSentEvent("big", (value + b"\n" + value).decode())


@pytest.mark.parametrize("cut", [0, 1])
def test_what_was_read_ahead_ends_with_its_event(cut: int) -> None:
    ahead = b": " + b"x" * 40_000 + b"\n"
    rest = b"\n\ndata: a\ndata: b\n\n"
    assert parsed(ahead, ahead + b"event: x\n", rest[:cut], rest[cut:]) == [
        ServerSentEvent(data="a\nb")
    ]


def test_an_event_of_millions_of_bytes_in_small_chunks_is_read() -> None:
    (event,) = parsed(b"data: ", *([b"x" * 512] * 8192), b"\n\n")
    assert len(event.data) == 512 * 8192


def test_a_limit_that_lets_nothing_pass_is_refused() -> None:
    with pytest.raises(ValueError, match="max_event_bytes=0"):
        EventParser(max_event_bytes=0)
