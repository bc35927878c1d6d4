"""Lines and text, out of bytes in any division."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lexigram.contracts.web import HTTPResponseTooLargeError
from lexigram.contracts.web.streaming import LineSplitter, TextDecoder

BOM = b"\xef\xbb\xbf"
# What decides something, often; and what must decide nothing.
PIECES = st.sampled_from(
    [
        b"a",
        b"bc",
        b"\r",
        b"\n",
        b"\r\n",
        b"\x0b",
        b"\x0c",
        b"\x1c",
        b"\x85",
        b"\xe2\x80\xa8",
        BOM,
    ]
)
BYTES = st.lists(PIECES, max_size=30).map(b"".join)


def divided(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    """Cut `data` at these positions, each within it or ignored."""
    bounds = [0, *sorted(cut for cut in cuts if cut <= len(data)), len(data)]
    return [data[a:b] for a, b in pairwise(bounds)]


CUTS = st.lists(st.integers(0, 60), max_size=12)


def lines_of(chunks: Sequence[bytes], limit: int = 1000) -> list[bytes]:
    splitter = LineSplitter(limit)
    lines = [line for chunk in chunks for line in splitter.feed(chunk)]
    return [*lines, *splitter.close()]


def until_too_long(chunks: Sequence[bytes], limit: int) -> tuple[list[bytes], bool]:
    splitter, lines = LineSplitter(limit), []
    try:
        for chunk in chunks:
            for line in splitter.feed(chunk):
                lines.append(line)  # noqa: PERF402 - kept when the next one raises
        lines.extend(splitter.close())
    except HTTPResponseTooLargeError:
        return lines, True
    return lines, False


def by_hand(data: bytes) -> list[bytes]:
    """Split as the documentation says, slowly."""
    lines = re.split(rb"\r\n|\r|\n", data.removeprefix(BOM))
    return lines if lines[-1] else lines[:-1]


@given(data=BYTES, cuts=CUTS)
def test_any_division_gives_the_lines_of_the_whole(
    data: bytes, cuts: list[int]
) -> None:
    assert lines_of(divided(data, cuts)) == by_hand(data)


@given(data=BYTES, cuts=CUTS, limit=st.integers(1, 6))
def test_any_division_gives_the_same_lines_before_the_one_that_is_too_long(
    data: bytes, cuts: list[int], limit: int
) -> None:
    whole = by_hand(data)
    expected = []
    for line in whole:
        if len(line) > limit:
            break
        expected.append(line)
    assert until_too_long(divided(data, cuts), limit) == (
        expected,
        len(expected) < len(whole),
    )


def test_a_line_is_given_at_its_cr_without_waiting_for_an_lf() -> None:
    splitter = LineSplitter()
    chunks = (b"a\r", b"b\r", b"", b"\n", b"\n")
    assert [list(splitter.feed(chunk)) for chunk in chunks] == [
        [b"a"],
        [b"b"],
        [],
        [],
        [b""],
    ]


def test_a_line_beyond_the_limit_is_refused_before_its_end() -> None:
    splitter = LineSplitter(10)
    assert list(splitter.feed(b"x" * 10)) == []
    with pytest.raises(
        HTTPResponseTooLargeError, match="line of more than 10 bytes"
    ) as e:
        splitter.feed(b"x")
    assert e.value.limit == 10


def test_lines_before_the_start_of_one_that_is_too_long_are_given() -> None:
    lines = iter(LineSplitter(4).feed(b"a\nbb\nccccc"))
    assert [next(lines), next(lines)] == [b"a", b"bb"]
    with pytest.raises(HTTPResponseTooLargeError, match="line of more than 4 bytes"):
        next(lines)


def test_a_line_far_above_any_buffer_of_a_transport_is_a_line() -> None:
    part = b"x" * 4096
    splitter = LineSplitter()
    assert not any(list(splitter.feed(part)) for _ in range(1024))
    assert [len(line) for line in splitter.feed(b"\n")] == [4096 * 1024]


def test_half_a_byte_order_mark_is_text() -> None:
    assert lines_of([b"\xef\xbb"]) == [b"\xef\xbb"]


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_that_lets_nothing_pass_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match="max_line_bytes="):
        LineSplitter(limit)


BOM_OF = {"utf-16": b"\xfe\xff", "utf-32": b"\0\0\xfe\xff"}
TEXTS = st.text(alphabet="aé€😀\u2028\n", max_size=20)
CHARSETS = st.sampled_from(
    ["utf-8", "utf-16", "utf-16-be", "shift_jis", "latin-1", "x"]
)


@given(text=TEXTS, charset=CHARSETS, cuts=CUTS)
def test_any_division_gives_the_same_text(
    text: str, charset: str, cuts: list[int]
) -> None:
    name = "utf-8" if charset == "x" else charset
    data = text.encode(name, "replace")
    decoder = TextDecoder(charset)
    parts = [decoder.decode(chunk) for chunk in divided(data, cuts)]
    parts.append(decoder.decode(b"", final=True))
    assert "".join(parts) == data.decode(name, "replace")


@given(data=st.binary(max_size=20), cuts=CUTS)
def test_what_is_no_text_is_replaced_alike_in_any_division(
    data: bytes, cuts: list[int]
) -> None:
    decoder = TextDecoder()
    parts = [decoder.decode(chunk) for chunk in divided(data, cuts)]
    parts.append(decoder.decode(b"", final=True))
    assert "".join(parts) == data.decode("utf-8", "replace").removeprefix("\ufeff")


@pytest.mark.parametrize("charset", ["utf-16", "utf-32"])
@given(data=st.binary(max_size=20), cuts=CUTS)
@example(data=b"\xeb" * 5, cuts=[])  # found by fuzzing: Python's own decoders raise
def test_text_of_wide_characters_needs_no_byte_order_mark(
    charset: str, data: bytes, cuts: list[int]
) -> None:
    decoder = TextDecoder(charset)
    parts = [decoder.decode(chunk) for chunk in divided(data, cuts)]
    parts.append(decoder.decode(b"", final=True))
    big = data.startswith(BOM_OF[charset])
    expected = data.decode(f"{charset}-{'be' if big else 'le'}", "replace")
    assert "".join(parts) == expected.removeprefix("\ufeff")


@pytest.mark.parametrize("charset", ["iso-2022-jp", "iso2022_jp_2", "iso2022_kr"])
@given(data=st.binary(max_size=20), cuts=CUTS)
@example(data=b"\x1b(+-! \\#\xdc4[", cuts=list(range(11)))  # found by fuzzing
def test_an_escape_without_an_end_raises_nothing(
    charset: str, data: bytes, cuts: list[int]
) -> None:
    decoder = TextDecoder(charset)
    for chunk in divided(data, cuts):
        decoder.decode(chunk)
    decoder.decode(b"", final=True)
    assert isinstance(decoder.decode(b"next"), str)


@pytest.mark.parametrize("charset", ["nonsense", "zip", "punycode", "utf-7", "\0"])
def test_what_is_no_charset_is_read_as_utf_8(charset: str) -> None:
    assert TextDecoder(charset).decode("é".encode()) == "é"


def test_a_byte_order_mark_is_left_out_once() -> None:
    decoder = TextDecoder()
    parts = [decoder.decode(chunk) for chunk in (BOM[:1], BOM[1:], b"a", BOM)]
    assert parts == ["", "", "a", "\ufeff"]
