"""Forms with files are written so that every server reads the same."""

import io
from collections.abc import Callable
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.web import (
    FilePart,
    HTTPInvalidRequestError,
    RequestContext,
    build_request,
)
from lexigram.contracts.web.calling import Upload

URL = "https://api.test/v1"


def built(**options: Any) -> RequestContext:
    return build_request("POST", URL, options)


async def body_of(request: RequestContext) -> bytes:
    upload = Upload.of(request)
    return (request.body or b"") if upload is None else await upload.read()


async def parts_of(request: RequestContext) -> list[Message]:
    """Read a form by the standard library."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    message = message_from_bytes(head + await body_of(request))
    assert message.is_multipart()
    assert not message.defects
    payload: Any = message.get_payload()
    return list(payload)


def test_a_small_form_is_bytes_and_the_same_in_every_run() -> None:
    request = built(files={"doc": b"\x00\xff"}, data={"id": 7, "none": None})
    assert request.body_stream is None
    assert request.headers["content-type"] == (
        "multipart/form-data; boundary=lexigram-form-boundary"
    )
    assert request.body == (
        b"--lexigram-form-boundary\r\n"
        b'Content-Disposition: form-data; name="id"\r\n\r\n7\r\n'
        b"--lexigram-form-boundary\r\n"
        b'Content-Disposition: form-data; name="doc"; filename="doc"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n\x00\xff\r\n"
        b"--lexigram-form-boundary--\r\n"
    )


def test_a_form_without_entries_is_one_nevertheless() -> None:
    assert built(files=[]).body == b"--lexigram-form-boundary--\r\n"


async def test_what_looks_like_the_boundary_gets_another_one() -> None:
    inner = b"\r\n--lexigram-form-boundary--\r\n"
    request = built(files={"a": inner})
    (part,) = await parts_of(request)
    assert part.get_payload(decode=True) == inner


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ('a"b', 'name="a%22b"'),
        ("a\r\nb", 'name="a%0D%0Ab"'),
        ("a%22b", 'name="a%22b"'),
        ("é", 'name="é"'),
        ("a\\b", 'name="a\\b"'),
    ],
)
def test_names_are_written_as_browsers_write_them(name: str, written: str) -> None:
    body = built(files={name: FilePart(b"", filename=name)}).body
    assert body is not None
    line = f"Content-Disposition: form-data; {written}; file{written}\r\n"
    assert line.encode() in body


async def test_names_and_types_come_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"{}")
    named = io.BytesIO(b"x")
    named.name = "dir/b.png"  # type: ignore[attr-defined]  # as of an open file
    numbered = io.BytesIO(b"y")
    numbered.name = 3  # type: ignore[attr-defined]  # as of a descriptor
    with path.open("rb") as file:
        request = built(
            files=[
                ("path", path),
                ("file", file),
                ("named", named),
                ("numbered", numbered),
                ("given", FilePart(path, "c.txt", "text/x-own")),
                ("meta", FilePart(b"{}", filename="", content_type="application/json")),
            ]
        )
        parts = await parts_of(request)
    assert [(part.get_filename(), part.get_content_type()) for part in parts] == [
        ("a.json", "application/json"),
        ("a.json", "application/json"),
        ("b.png", "image/png"),
        ("numbered", "application/octet-stream"),
        ("c.txt", "text/x-own"),
        (None, "application/json"),
    ]


async def test_more_headers_of_a_part_are_sent() -> None:
    part = FilePart(b"x", headers={"X-Checksum": "1"})
    (read,) = await parts_of(built(files={"a": part}))
    assert read["x-checksum"] == "1"
    assert "x'" not in repr(part)


CONTENT = st.binary(max_size=40) | st.just(b"--lexigram-form-boundary")


@given(
    st.lists(st.tuples(st.from_regex(r"\A[a-z]+\Z"), CONTENT), max_size=4),
    st.sampled_from([bytes, io.BytesIO]),
)
async def test_any_content_arrives_unchanged(
    files: list[tuple[str, bytes]], kind: Callable[[bytes], Any]
) -> None:
    given = [(name, kind(content)) for name, content in files]
    request = built(files=[*given, ("last", b"")])
    stream = request.body_stream
    body = await body_of(request)
    if stream is not None:
        assert (stream.length, stream.replayable) == (len(body), True)
    boundary = request.headers["content-type"].partition("boundary=")[2].encode()
    _, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary)
    assert parts[-1] == b"--\r\n"
    contents = [part.partition(b"\r\n\r\n")[2] for part in parts[:-1]]
    assert contents == [*(content for _, content in files), b""]


async def test_a_large_form_is_not_copied_into_one_piece() -> None:
    large = bytes(1024 * 1024)
    request = built(files={"a": large})
    assert request.body is None
    assert request.body_stream is not None
    assert request.body_stream.replayable
    chunks = [chunk async for chunk in request.body_stream.open()]
    assert any(chunk is large for chunk in chunks)


async def chunks() -> Any:
    yield b"abc"


async def test_a_form_is_as_replayable_and_as_long_as_its_parts() -> None:
    once = built(files={"a": io.BytesIO(b"x"), "b": chunks()}).body_stream
    again = built(files={"a": io.BytesIO(b"x"), "b": chunks}).body_stream
    assert once is not None
    assert again is not None
    assert (once.length, once.replayable) == (None, False)
    assert (again.length, again.replayable) == (None, True)


async def test_a_form_closes_what_it_opened_in_the_middle() -> None:
    closed = False

    async def endless() -> Any:
        nonlocal closed
        try:
            while True:
                yield b"x"
        finally:
            closed = True

    upload = Upload.of(built(files={"a": endless}))
    assert upload is not None
    await anext(upload)
    await anext(upload)
    await upload.aclose()
    assert closed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"files": {"a": b""}, "json": {}}, "one of `files` and `json`, not both"),
        ({"files": {"a": b""}, "data": b"x"}, "beside `files` it takes a mapping"),
        ({"files": {"a": "text"}}, r"files\['a'\] is of type str; it takes bytes"),
        ({"files": {"a": FilePart("t")}}, r"files\['a'\] is of type str"),  # type: ignore[arg-type]  # the point
        ({"files": {1: b""}}, "files has the name 1 of type int"),
        ({"files": 5}, "files is of type int"),
        ({"files": {"a": FilePart(b"", headers={"a b": "c"})}}, "not a header name"),
        (
            {"files": {"a": FilePart(b"", content_type="a\r\nb: c")}},
            "control character",
        ),
    ],
)
def test_what_cannot_be_a_form_says_why(options: dict[str, Any], message: str) -> None:
    with pytest.raises(HTTPInvalidRequestError, match=message):
        built(**options)


def test_a_content_type_without_the_boundary_is_refused() -> None:
    headers = {"Content-Type": "multipart/form-data"}
    with pytest.raises(HTTPInvalidRequestError, match="names a boundary"):
        built(files={"a": b""}, headers=headers)
