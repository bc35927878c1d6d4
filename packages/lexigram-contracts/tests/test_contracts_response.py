"""A response says what it is, lazily, and fails loudly where it is not."""

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.web import (
    Headers,
    HTTPDecodeError,
    HttpResponse,
    HTTPStatusError,
    JSONArray,
    JSONObject,
    MutableHeaders,
    build_response,
    build_result,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(JSON)
def test_json_comes_back_as_it_was_given(value: object) -> None:
    response = HttpResponse(200, json=value)
    assert response.json == value
    assert json.loads(response.body) == value
    assert response.headers["content-type"] == "application/json"


async def test_objects_and_arrays_answer_both_forms() -> None:
    response = HttpResponse(200, json={"id": 1})
    assert isinstance(response.json, JSONObject)
    assert response.json["id"] == 1
    assert await response.json() == {"id": 1}
    items = HttpResponse(200, json=[1, 2])
    assert isinstance(items.json, JSONArray)
    assert await items.json() == [1, 2]


def test_json_is_parsed_by_the_parser_that_is_given() -> None:
    response = HttpResponse(200, body=b"1.10", loads=lambda body: body.decode()[::-1])
    assert response.json == "01.1"


def test_json_is_parsed_once() -> None:
    response = HttpResponse(200, json={"id": 1})
    assert response.json is response.json


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe{", b"{"])
def test_a_body_that_is_not_json_says_so_with_its_type_and_start(body: bytes) -> None:
    response = HttpResponse(
        200, "http://h/x?k=s3cret", headers={"Content-Type": "text/html"}, body=body
    )
    with pytest.raises(HTTPDecodeError, match="text/html") as caught:
        _ = response.json
    assert caught.value.content_type == "text/html"
    assert "s3cret" not in str(caught.value)
    assert isinstance(caught.value.__cause__, ValueError)


def test_json_null_is_none_and_not_an_error() -> None:
    assert HttpResponse(200, body=b"null").json is None


def test_decode_keeps_the_cause() -> None:
    response = HttpResponse(200, body=b"x")
    assert response.decode(len) == 1
    with pytest.raises(HTTPDecodeError) as caught:
        response.decode({b"y": 1}.__getitem__)
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/plain; charset=iso-8859-1", b"\xe9", "é"),
        ('text/plain; CHARSET="utf-8"', "é".encode(), "é"),
        ("text/plain", "é".encode(), "é"),
        ("text/plain; charset=utf-8", b"\xe9", "\ufffd"),
        ("text/plain; charset=no-such", "é".encode(), "é"),
        ("text/plain; charset=", b"a", "a"),
        ("text/plain;charset=iso-8859-1", b"\xe9", "é"),
        ('text/plain; charset="iso-8859-1"', b"\xe9", "é"),
        ("text/plain; charset='iso-8859-1'", b"\xe9", "é"),
        ('text/plain; charset = " iso-8859-1"', b"\xe9", "é"),
        # Python knows this one; it begins with a letter that is no quote.
        ("text/plain; charset=X-MAC-KOREAN", "한".encode("euc-kr"), "한"),
        ("", b"\xe9", "\ufffd"),
    ],
)
def test_text_follows_the_charset_and_never_raises(
    content_type: str, body: bytes, text: str
) -> None:
    assert (
        HttpResponse(200, headers={"Content-Type": content_type}, body=body).text
        == text
    )


def test_content_length_is_the_declared_one_else_the_size() -> None:
    assert HttpResponse(200, headers={"Content-Length": "7"}).content_length == 7
    assert HttpResponse(200, body=b"four").content_length == 4
    assert (
        HttpResponse(200, headers={"Content-Length": "x"}, body=b"ab").content_length
        == 2
    )


def test_at_most_one_form_of_body_is_accepted() -> None:
    with pytest.raises(TypeError, match="at most one"):
        HttpResponse(200, body=b"x", json={})
    with pytest.raises(TypeError, match="at most one"):
        HttpResponse(200, text="x", json={})


def test_a_given_content_type_wins_over_the_implied_one() -> None:
    response = HttpResponse(
        400, headers={"content-type": "application/problem+json"}, json={}
    )
    assert response.headers.get_all("Content-Type") == ["application/problem+json"]


@pytest.mark.parametrize("status", [200, 204, 301, 304, 399])
def test_below_400_is_ok(status: int) -> None:
    response = HttpResponse(status)
    assert response.ok
    assert response.raise_for_status() is response
    assert build_result(response).unwrap() is response


@pytest.mark.parametrize("status", [400, 404, 500, 599])
def test_from_400_on_the_same_error_is_raised_and_returned(status: int) -> None:
    response = HttpResponse(status, "http://u:pw@h/x?k=v", "PUT")
    with pytest.raises(HTTPStatusError) as caught:
        response.raise_for_status()
    error = build_result(response).unwrap_err()
    for each in (caught.value, error):
        assert each.response is response
        assert each.status == status
        assert str(each) == f"PUT http://***@h/x?k=***: The server answered {status}."


def test_problem_details_are_read_when_declared() -> None:
    problem = HttpResponse(
        403,
        headers={"Content-Type": "application/problem+json; charset=utf-8"},
        body=b'{"title": "No credit", "balance": 30}',
    )
    error = HTTPStatusError(problem)
    assert error.problem == {"title": "No credit", "balance": 30}
    assert "403 (No credit)" in str(error)
    undeclared = HttpResponse(403, json={"title": "No credit"})
    assert HTTPStatusError(undeclared).problem is None
    broken = HttpResponse(403, headers=problem.headers, body=b"{")
    assert HTTPStatusError(broken).problem is None


def test_responses_and_their_errors_survive_pickling_and_copying() -> None:
    response = HttpResponse(500, "http://h/", json={"a": 1}, attempts=3)
    assert response.json == {"a": 1}
    for again in (pickle.loads(pickle.dumps(response)), copy.deepcopy(response)):
        assert again == response
        assert again.json == {"a": 1}
    error = pickle.loads(pickle.dumps(HTTPStatusError(response)))
    assert error.response == response
    assert error.attempts == 3
    assert str(error) == str(HTTPStatusError(response))


def test_repr_shows_status_method_redacted_url_and_size() -> None:
    response = HttpResponse(200, "http://u:pw@h/x?api_key=s3cret", "GET", body=b"abc")
    assert (
        repr(response) == "<HttpResponse 200 GET http://***@h/x?api_key=***, 3 bytes>"
    )


@given(st.text(), st.binary(max_size=8))
def test_no_charset_makes_the_text_raise(charset: str, body: bytes) -> None:
    headers = {"Content-Type": f"text/plain; charset={charset}"}
    assert isinstance(HttpResponse(200, headers=headers, body=body).text, str)


@pytest.mark.parametrize(
    "charset",
    [
        "idna",
        "hex",
        "undefined",
        "a\0b",
        "punycode",
        "unicode-escape",
    ],
)
def test_a_codec_that_is_no_charset_is_read_as_utf_8(charset: str) -> None:
    headers = {"Content-Type": f"text/plain; charset={charset}"}
    assert HttpResponse(200, headers=headers, body=b"caf\xc3\xa9").text in {
        "café",
        "caf",
    }


def test_text_is_decoded_once() -> None:
    response = HttpResponse(200, text="é" * 3)
    assert response.text is response.text
    assert response.text == "ééé"
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


def test_other_parameters_of_the_content_type_are_passed_over() -> None:
    headers = {"Content-Type": "text/plain; format=flowed; charset=latin-1"}
    assert HttpResponse(200, headers=headers, body=b"\xe9").text == "é"


@pytest.mark.parametrize(
    "declared", ["9" * 20, "9" * 5000, "-1", "1e3", "٣", "1, 1", ""]
)
def test_a_length_that_is_none_is_passed_over(declared: str) -> None:
    response = HttpResponse(200, headers={"Content-Length": declared}, body=b"ab")
    assert response.content_length == 2


def test_a_response_equals_what_is_alike_and_nothing_else() -> None:
    def make(**changed: object) -> HttpResponse:
        parts: dict[str, object] = {
            "status": 200,
            "url": "u",
            "method": "GET",
            "body": b"b",
        }
        return HttpResponse(**(parts | changed))  # type: ignore[arg-type]  # by keyword

    assert make() == make(elapsed=1.0, attempts=2)
    for other in (
        {"status": 201},
        {"url": "v"},
        {"method": "PUT"},
        {"body": b"c"},
        {"headers": {"A": "b"}},
    ):
        assert make() != make(**other)
    assert make() != "a response"


@pytest.mark.parametrize(
    "make", [HttpResponse, lambda status: build_response(status, (), b"")]
)
def test_a_response_that_is_only_a_status_has_the_plainest_of_everything(
    make: Callable[[int], HttpResponse],
) -> None:
    response = make(200)
    assert (response.status, response.url, response.method) == (200, "", "GET")
    assert (response.headers.pairs, response.body, response.text) == ((), b"", "")
    assert (response.charset, response.elapsed, response.attempts) == ("utf-8", 0.0, 1)
    assert response.content_length == 0


def test_a_response_keeps_every_part_it_is_given() -> None:
    response = HttpResponse(
        201, "u", "PUT", [("A", "b")], b"c", charset="latin-1", elapsed=1.5, attempts=2
    )
    assert (response.status, response.url, response.method) == (201, "u", "PUT")
    assert (response.headers.pairs, response.body) == ((("A", "b"),), b"c")
    assert (response.charset, response.elapsed, response.attempts) == (
        "latin-1", 1.5, 2,
    )  # fmt: skip


def test_headers_are_kept_as_they_are_unless_they_can_change() -> None:
    fixed, mutable = Headers({"A": "b"}), MutableHeaders({"A": "b"})
    assert HttpResponse(200, headers=fixed).headers is fixed
    response = HttpResponse(200, headers=mutable)
    mutable["A"] = "changed"
    assert type(response.headers) is Headers
    assert response.headers["A"] == "b"


@pytest.mark.parametrize(
    ("form", "content_type"),
    [({"json": 1}, "application/json"), ({"text": ""}, "text/plain; charset=utf-8")],
)
def test_the_implied_content_type_is_written_as_usual_after_the_given_headers(
    form: dict[str, Any], content_type: str
) -> None:
    response = HttpResponse(200, headers=[("B", "1"), ("A", "2")], **form)
    assert response.headers.pairs == (
        ("B", "1"), ("A", "2"), ("Content-Type", content_type),
    )  # fmt: skip


@pytest.mark.parametrize(("size", "shown"), [(79, 79), (80, 80), (81, 80), (500, 80)])
def test_an_undecodable_body_is_shown_up_to_its_80th_byte(
    size: int, shown: int
) -> None:
    with pytest.raises(HTTPDecodeError) as caught:
        _ = HttpResponse(200, body=b"<" * size).json
    assert str(caught.value).endswith(f"it starts with {'<' * shown!r}.")


@pytest.mark.parametrize(
    ("headers", "content_type"), [({}, ""), ({"content-type": "a/b"}, "a/b")]
)
def test_a_decode_error_knows_the_exchange_it_came_from(
    headers: dict[str, str], content_type: str
) -> None:
    response = HttpResponse(
        200, "http://h/?k=v", "PUT", headers, b"<", elapsed=1.0, attempts=3
    )
    with pytest.raises(HTTPDecodeError) as caught:
        _ = response.json
    assert vars(caught.value) == {
        "content_type": content_type,
        "method": "PUT",
        "url": "http://h/?k=***",
        "attempts": 3,
        "request_sent": "yes",
        "retryable": False,
    }


@pytest.mark.parametrize("charset", ["no-such", "a=b"])
def test_a_charset_that_is_unknown_is_read_as_utf_8_whatever_the_default(
    charset: str,
) -> None:
    headers = {"Content-Type": f"text/plain; charset={charset}"}
    response = HttpResponse(200, headers=headers, body=b"\xe9", charset="latin-1")
    assert response.text == "\ufffd"


@pytest.mark.parametrize(
    "content_type", ["text/plain", "text/plain; charset=", 'text/plain; charset=""', ""]
)
def test_a_charset_that_is_not_named_is_the_default(content_type: str) -> None:
    headers = {"Content-Type": content_type}
    response = HttpResponse(200, headers=headers, body=b"\xe9", charset="latin-1")
    assert response.text == "é"


@pytest.mark.parametrize(
    ("content_type", "read"),
    [
        ("application/problem+json", True),
        ("Application/Problem+JSON ; a=b; c=d", True),
        ("application/json", False),
        ("text/plain; application/problem+json", False),
    ],
)
def test_problem_details_are_read_by_their_media_type_alone(
    content_type: str, *, read: bool
) -> None:
    response = HttpResponse(500, headers={"Content-Type": content_type}, body=b"{}")
    assert HTTPStatusError(response).problem == ({} if read else None)


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"null", b"", b"\xff"])
def test_a_problem_that_is_no_object_is_none(body: bytes) -> None:
    headers = {"Content-Type": "application/problem+json"}
    assert (
        HTTPStatusError(HttpResponse(500, headers=headers, body=body)).problem is None
    )


@pytest.mark.parametrize(
    ("declared", "length"), [("0", 0), ("9" * 19, int("9" * 19)), ("007", 7)]
)
def test_a_length_of_up_to_19_digits_is_believed(declared: str, length: int) -> None:
    response = HttpResponse(200, headers={"Content-Length": declared}, body=b"ab")
    assert response.content_length == length


def test_what_the_declared_charset_does_not_know_is_replaced_and_not_guessed() -> None:
    headers = {"Content-Type": "text/plain; charset=ascii"}
    body = "aé".encode()
    assert HttpResponse(200, headers=headers, body=body).text == "a\ufffd\ufffd"
