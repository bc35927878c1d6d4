"""Content codings are removed, and broken ones reported, as the real client does."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.web import (
    HTTPClientError,
    HTTPConnectionError,
    HttpResponse,
    HTTPResponseTooLargeError,
)
from lexigram.result import Result
from lexigram.testing import FakeHTTPClient

TEXT = b"hello world" * 50
GZIP = gzip.compress(TEXT, mtime=0)
ZLIB = zlib.compress(TEXT)
# Without the two bytes of header and the four of checksum.
RAW = ZLIB[2:-4]


async def answered(
    body: bytes, coding: str, limit: int | None = None
) -> Result[HttpResponse, HTTPClientError]:
    fake = FakeHTTPClient()
    fake.on.get("/x").respond(body=body, headers={"Content-Encoding": coding})
    return await fake.get("/x", max_response_bytes=limit)


@pytest.mark.parametrize(
    ("coding", "body", "content"),
    [
        ("gzip", GZIP, TEXT),
        ("GZIP", GZIP, TEXT),
        ("gzip", GZIP + GZIP, TEXT + TEXT),
        ("deflate", ZLIB, TEXT),
        ("deflate", RAW, TEXT),
        ("gzip", b"", b""),
        ("deflate", b"", b""),
        ("identity", b"abc", b"abc"),
        ("x-unknown", b"abc", b"abc"),
    ],
)
async def test_what_a_client_can_read_it_reads(
    coding: str, body: bytes, content: bytes
) -> None:
    response = (await answered(body, coding)).unwrap()
    assert response.body == content
    # What was declared is the size on the wire.
    assert response.content_length == len(body)


@pytest.mark.parametrize(
    ("coding", "body", "failure"),
    [
        ("gzip", b"this is not gzip", "truncated"),
        ("gzip", GZIP + b"garbage", "truncated"),
        ("gzip", GZIP[:-8] + bytes(8), "truncated"),
        ("deflate", b"\xff\xff\xffgarbage", "truncated"),
        ("deflate", ZLIB + b"garbage", "truncated"),
        ("gzip", GZIP[:20], "truncated"),
        ("deflate", ZLIB[:-6], "truncated"),
        ("deflate", RAW[:-3], "truncated"),
        ("compress", b"abc", "protocol"),
    ],
)
async def test_what_a_client_cannot_read_is_a_failure_of_the_connection(
    coding: str, body: bytes, failure: str
) -> None:
    error = (await answered(body, coding)).unwrap_err()
    assert isinstance(error, HTTPConnectionError)
    assert (error.failure, error.request_sent, error.attempts) == (failure, "yes", 1)
    # Another answer may be whole; none is in another coding.
    assert error.retryable is (failure == "truncated")


async def test_codings_one_over_the_other_are_all_removed() -> None:
    packed = gzip.compress(ZLIB, mtime=0)
    assert (await answered(packed, "deflate, gzip")).unwrap().body == TEXT


async def test_the_beginning_of_a_long_error_is_kept_and_the_response_says_so() -> None:
    fake = FakeHTTPClient(max_error_bytes=5)
    fake.on.get("/x").respond(500, body=b"0123456")
    response = await fake.request("GET", "/x")
    assert (response.body, response.cut) == (b"01234", True)


async def test_of_an_error_64_kib_are_kept_unless_the_fake_is_told_otherwise() -> None:
    fake = FakeHTTPClient()
    fake.on.get("/x").respond(404, body=bytes(100_000))
    response = await fake.request("GET", "/x")
    assert (len(response.body), response.cut) == (65536, True)


async def test_the_limit_is_one_for_the_decoded_body() -> None:
    assert (await answered(GZIP, "gzip", len(TEXT))).is_ok()
    error = (await answered(GZIP, "gzip", len(TEXT) - 1)).unwrap_err()
    assert isinstance(error, HTTPResponseTooLargeError)
    assert "holds at least 550 bytes" in str(error)


async def test_a_body_that_declares_too_much_is_not_decoded() -> None:
    error = (await answered(b"this is not gzip", "gzip", 15)).unwrap_err()
    assert isinstance(error, HTTPResponseTooLargeError)
    assert "declares 16 bytes" in str(error)


async def test_an_answer_to_head_has_nothing_to_decode() -> None:
    fake = FakeHTTPClient()
    fake.on.head("/x").respond(headers={"Content-Encoding": "compress"})
    assert (await fake.head("/x")).is_ok()


@given(st.binary(), st.sampled_from(["gzip", "deflate", "raw"]))
async def test_any_content_comes_back_from_its_coding(
    content: bytes, coding: str
) -> None:
    packed = {
        "gzip": gzip.compress(content),
        "deflate": zlib.compress(content),
        "raw": zlib.compress(content)[2:-4],
    }[coding]
    label = "gzip" if coding == "gzip" else "deflate"
    assert (await answered(packed, label)).unwrap().body == content


@given(st.binary(), st.sampled_from(["gzip", "deflate"]))
async def test_no_body_makes_the_fake_raise_anything_else(
    body: bytes, coding: str
) -> None:
    result = await answered(body, coding)
    assert result.is_ok() or isinstance(result.error, HTTPConnectionError)
