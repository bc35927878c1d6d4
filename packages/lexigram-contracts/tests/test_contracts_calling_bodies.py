"""A body is read without its codings, never further than allowed, and to its end."""

import contextlib
import gzip
import importlib
import itertools
import random
import zlib
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.web import (
    HTTPConnectionError,
    HTTPResponseTooLargeError,
    RequestContext,
)
from lexigram.contracts.web.calling import BodyLimits, BodyReader, accepted_codings

KIB = 1024


def optional(*names: str) -> Any:
    for name in names:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


brotli = optional("brotli", "brotlicffi")
zstd = optional("compression.zstd", "backports.zstd")


def raw_deflate(data: bytes) -> bytes:
    return zlib.compress(data)[2:-4]


PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "x-gzip": lambda data: gzip.compress(data, mtime=0),
    "deflate": zlib.compress,
    "deflate, raw": raw_deflate,
}
if brotli is not None:
    PACK["br"] = brotli.compress
if zstd is not None:
    PACK["zstd"] = zstd.compress

CODINGS = sorted(PACK)
needs_brotli = pytest.mark.skipif(brotli is None, reason="brotli is not installed")
needs_zstd = pytest.mark.skipif(zstd is None, reason="no zstd is installed")


def reader_of(
    coding: str | Iterable[str] = (),
    *,
    limit: int | None = None,
    error_limit: int | None = None,
    status: int = 200,
    method: str = "GET",
    redirects: bool = False,
) -> BodyReader:
    labels = [coding] if isinstance(coding, str) else coding
    return BodyReader(
        RequestContext(method, "http://api.test/x"),
        status,
        BodyLimits(limit, error_limit),
        labels=[label.partition(", raw")[0] for label in labels],
        redirects=redirects,
    )


def read(reader: BodyReader, *chunks: bytes) -> bytes:
    for chunk in chunks:
        for _ in reader.feed(chunk):
            pass
    return reader.end()


def pieces(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(places)] or [b""]


contents = st.binary(max_size=2000) | st.builds(
    lambda piece, times: piece * times,
    st.binary(min_size=1, max_size=20),
    st.integers(1, 20_000),
)
splits = st.lists(st.integers(0, 100_000), max_size=12)


@given(st.sampled_from(CODINGS), contents, splits)
def test_any_split_of_a_coded_body_decodes_to_the_same(
    coding: str, content: bytes, cuts: list[int]
) -> None:
    chunks = pieces(PACK[coding](content), cuts)
    assert read(reader_of(coding), *chunks) == content


@given(st.lists(st.sampled_from(CODINGS[:4]), max_size=5), contents, splits)
def test_codings_are_removed_in_the_reverse_of_their_order(
    codings: list[str], content: bytes, cuts: list[int]
) -> None:
    packed = content
    for coding in codings:
        packed = PACK[coding](packed)
    assert read(reader_of(codings), *pieces(packed, cuts)) == content


def test_one_field_can_name_several_codings() -> None:
    packed = PACK["deflate"](PACK["gzip"](b"abc"))
    assert read(reader_of("gzip,, Identity , DEFLATE"), packed) == b"abc"


@given(st.sampled_from(CODINGS), contents, st.integers(1, 100_000), splits)
def test_a_coded_body_without_its_end_is_refused_as_truncated(
    coding: str, content: bytes, place: int, cuts: list[int]
) -> None:
    packed = PACK[coding](content)
    prefix = packed[: place % len(packed)] or packed[:1]
    if len(packed) == 1:
        return
    with pytest.raises(HTTPConnectionError, match="ends too early") as raised:
        read(reader_of(coding), *pieces(prefix, cuts))
    error = raised.value
    assert (error.failure, error.request_sent) == ("truncated", "yes")
    assert error.retryable


@given(st.sampled_from(CODINGS), contents, st.binary(min_size=1, max_size=9), splits)
def test_a_coded_body_with_more_after_its_end_is_refused(
    coding: str, content: bytes, more: bytes, cuts: list[int]
) -> None:
    packed = PACK[coding](content)
    with pytest.raises(HTTPConnectionError):
        read(reader_of(coding), *pieces(packed + more, [*cuts, len(packed)]))
    with pytest.raises(HTTPConnectionError):
        read(reader_of(coding), packed + more)


@given(st.sampled_from(CODINGS), st.binary(max_size=300), splits)
def test_no_data_makes_it_raise_anything_but_the_contract_s_error(
    coding: str, data: bytes, cuts: list[int]
) -> None:
    with contextlib.suppress(HTTPConnectionError, HTTPResponseTooLargeError):
        read(reader_of(coding, limit=100_000), *pieces(data, cuts))


@given(
    st.sampled_from(CODINGS),
    contents,
    st.lists(st.tuples(st.integers(0, 100_000), st.integers(1, 255)), min_size=1),
    splits,
)
def test_a_corrupted_body_ends_in_an_error_or_in_a_body(
    coding: str, content: bytes, flips: list[tuple[int, int]], cuts: list[int]
) -> None:
    packed = bytearray(PACK[coding](content))
    for place, flip in flips:
        packed[place % len(packed)] ^= flip
    with contextlib.suppress(HTTPConnectionError, HTTPResponseTooLargeError):
        read(reader_of(coding, limit=1_000_000), *pieces(bytes(packed), cuts))


@pytest.mark.parametrize("coding", ["gzip", pytest.param("zstd", marks=needs_zstd)])
def test_members_one_after_the_other_are_one_body(coding: str) -> None:
    parts = [b"", b"abc" * 1000, b"", b"d"]
    packed = b"".join(PACK[coding](part) for part in parts)
    assert read(reader_of(coding), packed) == b"".join(parts)
    assert read(reader_of(coding), *pieces(packed, range(len(packed)))) == b"".join(
        parts
    )


@pytest.mark.parametrize("coding", CODINGS)
def test_an_empty_body_may_keep_its_label(coding: str) -> None:
    assert read(reader_of(coding)) == b""
    assert read(reader_of(coding), b"") == b""


@pytest.mark.parametrize("label", ["", "identity", "IDENTITY", "utf-8", "aws-chunked"])
def test_a_label_that_is_no_coding_changes_nothing(label: str) -> None:
    assert read(reader_of(label), b"abc") == b"abc"
    assert read(reader_of([label, "gzip"]), PACK["gzip"](b"abc")) == b"abc"


@pytest.mark.parametrize("label", ["compress", "x-compress", "dcb", "exi"])
def test_a_coding_that_nothing_decodes_is_an_error_that_names_it(label: str) -> None:
    with pytest.raises(HTTPConnectionError, match=repr(label)) as raised:
        read(reader_of(label), b"abc")
    assert raised.value.failure == "protocol"
    # The next answer would be no better.
    assert not raised.value.retryable


def test_more_than_five_codings_are_refused() -> None:
    packed = b"abc"
    for _ in range(6):
        packed = PACK["gzip"](packed)
    with pytest.raises(HTTPConnectionError, match="6 codings, and 5") as raised:
        read(reader_of(["gzip"] * 6), packed)
    assert not raised.value.retryable


@pytest.mark.parametrize(
    ("coding", "extra"),
    [("br", "lexigram-http[brotli]"), ("zstd", "lexigram-http[zstd]")],
)
def test_without_its_library_a_coding_is_neither_offered_nor_read(
    monkeypatch: pytest.MonkeyPatch, coding: str, extra: str
) -> None:
    without_libraries(monkeypatch)
    assert accepted_codings() == "gzip, deflate"
    with pytest.raises(HTTPConnectionError) as raised:
        read(reader_of(coding), b"abc")
    assert extra in str(raised.value)
    assert raised.value.failure == "protocol"
    assert not raised.value.retryable


def test_a_brotli_that_cannot_be_stopped_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without_libraries(monkeypatch, brotli=SimpleNamespace(Decompressor=object))
    assert accepted_codings() == "gzip, deflate"


@needs_brotli
@needs_zstd
def test_what_can_be_decoded_is_offered() -> None:
    assert accepted_codings() == "gzip, deflate, br, zstd"


@needs_zstd
def test_a_zstd_frame_that_wants_a_large_window_is_refused() -> None:
    noise = random.Random(1).randbytes(200)
    options = {
        zstd.CompressionParameter.window_log: 27,
        zstd.CompressionParameter.content_size_flag: 0,
    }
    large = zstd.compress(noise + bytes(20_000_000), options=options)
    with pytest.raises(HTTPConnectionError, match="too much memory"):
        read(reader_of("zstd"), large)


@pytest.mark.parametrize("coding", CODINGS)
def test_a_bomb_stops_within_one_piece_of_the_limit(coding: str) -> None:
    bomb = PACK[coding](bytes(20_000_000))
    reader = reader_of(coding, limit=1_000_000)
    with pytest.raises(HTTPResponseTooLargeError) as raised:
        read(reader, bomb)
    size = int(str(raised.value).split("at least ")[1].split()[0])
    assert 1_000_000 < size <= 1_000_000 + 64 * KIB


@pytest.mark.parametrize("coding", CODINGS)
def test_others_have_a_turn_while_a_body_is_decoded(coding: str) -> None:
    packed = PACK[coding](bytes(8_000_000))
    reader = reader_of(coding)
    turns = sum(1 for _ in reader.feed(packed))
    assert 6 <= turns <= 9
    assert len(reader.end()) == 8_000_000


def test_a_bomb_within_a_coding_stops_as_well() -> None:
    # Empty members: much to read at the second stage, and nothing that comes out.
    bomb = PACK["gzip"](PACK["gzip"](b"") * 200_000)
    with pytest.raises(HTTPResponseTooLargeError):
        read(reader_of(["gzip", "gzip"], limit=1_000_000), bomb)


def test_a_body_that_decodes_to_nothing_is_limited_as_received() -> None:
    with pytest.raises(HTTPResponseTooLargeError):
        read(reader_of("gzip", limit=1000), *[PACK["gzip"](b"")] * 100)


@pytest.mark.parametrize("coding", ["identity", *CODINGS])
def test_a_body_as_long_as_the_limit_is_accepted(coding: str) -> None:
    content = bytes(100_000)
    packed = PACK.get(coding, bytes)(content)
    assert read(reader_of(coding, limit=100_000), packed) == content
    with pytest.raises(HTTPResponseTooLargeError):
        read(reader_of(coding, limit=99_999), packed)


@given(st.sampled_from(["identity", *CODINGS]), contents, st.integers(0, 3000), splits)
def test_of_an_error_the_beginning_is_kept(
    coding: str, content: bytes, limit: int, cuts: list[int]
) -> None:
    packed = PACK.get(coding, bytes)(content)
    reader = reader_of(coding, limit=None, error_limit=limit, status=500)
    kept = b""
    for chunk in pieces(packed, cuts):
        for _ in reader.feed(chunk):
            pass
        if reader.cut:
            break
    kept = reader.end()
    assert content.startswith(kept)
    assert len(kept) <= limit
    assert reader.cut is (max(len(content), len(packed)) > limit)
    if len(packed) <= limit:
        assert kept == content[:limit]


@pytest.mark.parametrize(
    ("status", "redirects", "is_cut"),
    [
        (201, True, False),
        (299, False, False),
        (300, False, False),
        (302, True, True),
        (400, False, True),
        (599, False, True),
    ],
)
def test_errors_and_redirects_have_their_own_limit(
    status: int, *, redirects: bool, is_cut: bool
) -> None:
    reader = reader_of(limit=10, error_limit=4, status=status, redirects=redirects)
    assert read(reader, b"0123456") == (b"0123" if is_cut else b"0123456")
    assert reader.cut is is_cut


@pytest.mark.parametrize(("limit", "error_limit"), [(4, 10), (4, None), (None, 4)])
def test_the_smaller_limit_holds_for_an_error(
    limit: int | None, error_limit: int | None
) -> None:
    reader = reader_of(limit=limit, error_limit=error_limit, status=404)
    reader.expect(7)
    assert read(reader, b"0123456") == b"0123"
    assert reader.cut


def test_an_error_without_limits_is_kept_whole() -> None:
    reader = reader_of(status=404)
    assert read(reader, b"0123456") == b"0123456"
    assert not reader.cut


def test_an_error_that_is_cut_need_not_have_an_end() -> None:
    reader = reader_of("gzip", error_limit=5, status=500)
    assert read(reader, PACK["gzip"](bytes(100))[:-8]) in {b"", bytes(5)}
    assert reader.cut


def test_a_declared_length_beyond_the_limit_is_refused_at_once() -> None:
    with pytest.raises(HTTPResponseTooLargeError, match="declares 11 bytes"):
        reader_of(limit=10).expect(11)
    reader_of(limit=10).expect(10)
    reader_of(limit=10).expect(None)
    reader_of().expect(11)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 304)])
def test_a_length_is_no_size_where_there_is_no_body(method: str, status: int) -> None:
    reader = reader_of("br", limit=10, method=method, status=status)
    reader.expect(11)
    assert reader.end() == b""


def test_a_part_of_a_coded_body_stays_as_it_is() -> None:
    part = PACK["gzip"](b"abc" * 100)[5:20]
    assert read(reader_of("gzip", status=206), part) == part


def test_small_members_do_not_take_the_time_of_large_ones() -> None:
    # Copying the rest of the chunk at each of them would be 4 GB of copying.
    members = PACK["gzip"](b"") * 20_000
    assert read(reader_of("gzip"), members) == b""


def without_libraries(monkeypatch: pytest.MonkeyPatch, **present: Any) -> None:
    found = importlib.import_module

    def find(name: str, package: str | None = None) -> Any:
        if name.partition(".")[0] in {
            "brotli",
            "brotlicffi",
            "compression",
            "backports",
        }:
            if name in present:
                return present[name]
            raise ImportError(name)
        return found(name, package)

    monkeypatch.setattr(importlib, "import_module", find)
