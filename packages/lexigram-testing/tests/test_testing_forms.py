"""A recorded request shows the fields and files of a form."""

import pytest

from lexigram.contracts.web import FilePart
from lexigram.testing import FakeHTTPClient, RecordedRequest

URL = "http://fake.test/x"


def recorded(content_type: str, body: bytes) -> RecordedRequest:
    return RecordedRequest("POST", URL, {"Content-Type": content_type}, body)


async def test_a_multipart_form_can_be_matched_and_read() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.post("/x", where=lambda request: bool(request.files)).respond()
        await fake.post(
            "/x",
            data={"id": 7},
            files=[
                ("a", FilePart(b"1\r\n", 'q"\n.txt')),
                ("b", FilePart(b"{}", "", "application/json")),
            ],
        )
        request = fake.calls.one().request
    assert request.form == (("id", "7"), ("b", "{}"))
    (file,) = request.files
    assert (file.name, file.filename, file.body) == ("a", 'q"\n.txt', b"1\r\n")
    assert file.content_type == "text/plain"
    assert "1" not in repr(file)
    assert request.files is request.files


def test_a_urlencoded_form_has_fields_and_no_files() -> None:
    request = recorded(
        "application/x-www-form-urlencoded; charset=utf-8", b"a=1&b=&a=2"
    )
    assert request.form == (("a", "1"), ("b", ""), ("a", "2"))
    assert request.files == ()


def test_a_form_of_another_sender_is_read() -> None:
    body = (
        b"preamble\r\n--x\r\ncontent-disposition: form-data; name=a; filename=b.txt\r\n"
        b"\r\nin --x side\r\n--x--\r\nepilogue\r\n--x"
    )
    (file,) = recorded('Multipart/Form-Data; Boundary="x"', body).files
    assert (file.name, file.filename, file.body) == ("a", "b.txt", b"in --x side")
    assert file.content_type == ""


@pytest.mark.parametrize(
    ("content_type", "body", "message"),
    [
        ("application/json", b"{}", "application/json, which is no form"),
        ("", b"a=1", "no content type, which is no form"),
        ("multipart/form-data", b"", "has no boundary"),
        ("multipart/form-data; boundary=x", b"", "does not end"),
        ("multipart/form-data; boundary=x", b"--x\r\na: b\r\n\r\n", "has no name"),
        ("multipart/form-data; boundary=x", b"--x\r\na\r\n--x--", "has no head"),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nX-A: 1\r\n\r\n\r\n--x--",
            "has no name",
        ),
    ],
)
def test_what_is_no_form_says_why(content_type: str, body: bytes, message: str) -> None:
    request = recorded(content_type, body)
    with pytest.raises(ValueError, match=message):
        _ = request.form
    with pytest.raises(ValueError, match=message):
        _ = request.files


async def test_the_fake_reads_a_body_that_is_streamed() -> None:
    async def letters():
        yield b"a"
        yield b"b"

    async with FakeHTTPClient() as fake:
        fake.on.put("/x", body=b"ab").respond(201)
        assert (await fake.put("/x", content=letters())).unwrap().status == 201
