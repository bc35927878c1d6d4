"""Every message that a user sees, word for word.

The wording is not API and may change at any time; here it is seen when it does.
"""

from collections.abc import Callable
from typing import Any

import pytest

from lexigram.contracts.suggestions import did_you_mean, refuse_unknown
from lexigram.contracts.web import (
    HTTPClientProtocol,
    HTTPDecodeError,
    HTTPInvalidRequestError,
    HttpResponse,
    HTTPStatusError,
    HTTPUnknownOptionError,
    MissingVerbError,
    RequestOptions,
    build_request,
    check_url,
)
from lexigram.result import Err, Ok, UnwrapError

URL = "https://api.test/v1"


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: Ok(1).error, "Ok(value=1) has no error. Ask `is_err()` first."),
        (lambda: Ok(1).unwrap_err(), "Ok(value=1) has no error. Ask `is_err()` first."),
        (lambda: Err("x").value, "Err(error='x') has no value. Ask `is_ok()` first."),
        (
            lambda: Err("x").unwrap(),
            "Err(error='x') has no value. Ask `is_ok()` first.",
        ),
        (lambda: Err("x").expect("no invoice"), "no invoice: x"),
    ],
)
def test_the_absent_side_of_a_result_says_how_to_ask(
    ask: Callable[[], object], message: str
) -> None:
    with pytest.raises(UnwrapError) as caught:
        ask()
    assert str(caught.value) == message


def test_an_error_that_cannot_be_raised_is_told_with_what_to_give() -> None:
    with pytest.raises(UnwrapError) as caught:
        Err("x").or_raise()
    assert str(caught.value) == (
        "Err(error='x') holds no exception to raise. Give `or_raise` a function that "
        "makes one."
    )


SCALARS = "it takes a string, a number, a bool or a list of those."
NO_CONTROL = "holds a control character, such as a line break (RFC 9110 §5.5)."


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"json": 1, "data": b""}, "Give one of `json` and `data`, not both."),
        (
            {"json": {1, 2}},
            "json cannot be encoded: Object of type set is not JSON serializable.",
        ),
        ({"data": 1}, "data is of type int; it takes bytes, a string or a mapping."),
        ({"data": {"a": b"b"}}, f"data['a'] is of type bytes; {SCALARS}"),
        ({"params": {"a": [{}]}}, f"params['a'] is of type dict; {SCALARS}"),
        (
            {"timeout": 0},
            (
                "timeout=0 is not a positive number of seconds. "
                "Use None to wait for ever, or Timeouts to limit the parts of a call."
            ),
        ),
        ({"headers": {"a b": "c"}}, "'a …' is not a header name (RFC 9110 §5.1)."),
        (
            {"headers": {"X-A": 1}},
            "The header 'X-A' has a value of type int; it takes a string.",
        ),
        ({"headers": {"X-A": "b\r\nc: d"}}, f"The value of header 'X-A' {NO_CONTROL}"),
        (
            {"idempotency_key": "a\nb"},
            f"The value of header 'Idempotency-Key' {NO_CONTROL}",
        ),
        (
            {"idempotency_key": 7},
            "The header 'Idempotency-Key' has a value of type int; it takes a string.",
        ),
    ],
)
def test_a_request_that_cannot_be_sent_says_what_where_and_why(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(HTTPInvalidRequestError) as caught:
        build_request("GET", URL + "?k=s3cret", options)
    assert str(caught.value) == f"GET {URL}?k=***: {message}"


def test_a_method_that_is_none_is_told_with_one_that_is() -> None:
    with pytest.raises(HTTPInvalidRequestError) as caught:
        build_request("GE T", URL, {})
    assert str(caught.value) == (
        f"GE T {URL}: 'GE T' is not a method (RFC 9110 §9.1): use a token such as GET."
    )


def test_an_unknown_option_is_named_with_the_nearest_or_all_of_them() -> None:
    with pytest.raises(HTTPUnknownOptionError) as near:
        build_request("GET", URL, {"heders": {}})
    assert str(near.value) == (
        f"GET {URL}: There is no option 'heders'. Did you mean 'headers'?"
    )
    with pytest.raises(HTTPUnknownOptionError) as far:
        build_request("GET", URL, {"zzz": {}})
    known = str(far.value).removeprefix(
        f"GET {URL}: There is no option 'zzz'. Known are "
    )
    assert known == f"{', '.join(map(repr, sorted(RequestOptions.__annotations__)))}."


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("/v1", "has no scheme"),
        ("ftp://api.test", "has the scheme 'ftp'"),
        ("https://", "has no host"),
        ("https://h/a b", "holds white space or a control character"),
        (
            "https://h:99999/",
            "has a host or a port that cannot be parsed",
        ),
    ],
)
def test_an_unusable_url_is_shown_with_its_problem_and_a_usable_one(
    url: str, problem: str
) -> None:
    with pytest.raises(HTTPInvalidRequestError) as caught:
        check_url(url)
    assert str(caught.value) == (
        f"{url}: The URL {problem}. Give an absolute one, such as https://api.test/v1."
    )


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (503, b"", "The server answered 503."),
        (403, b'{"title": "No credit"}', "The server answered 403 (No credit)."),
        (403, b'{"title": 7}', "The server answered 403."),
        (403, b"{}", "The server answered 403."),
        (403, b"[]", "The server answered 403."),
    ],
)
def test_an_error_status_is_told_with_the_title_of_its_problem(
    status: int, body: bytes, message: str
) -> None:
    headers = {"Content-Type": "application/problem+json"}
    response = HttpResponse(status, "http://h/?k=v", "PUT", headers, body)
    assert str(HTTPStatusError(response)) == f"PUT http://h/?k=***: {message}"


@pytest.mark.parametrize(
    ("content_type", "body", "size_and_type", "start"),
    [
        (None, b"", "0 bytes of no Content-Type", "''"),
        ("text/html; a=b", b"<html>", "6 bytes of text/html; a=b", "'<html>'"),
        ("a/b", b'{"token": "s3cret", ', "20 bytes of a/b", "'{\"token\": ***, '"),
        (None, b"\xff'", "2 bytes of no Content-Type", '"\ufffd\'"'),
    ],
)
def test_a_body_that_cannot_be_decoded_is_told_with_its_size_type_and_start(
    content_type: str | None, body: bytes, size_and_type: str, start: str
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    response = HttpResponse(200, "http://h/?k=v", "PUT", headers, body)
    with pytest.raises(HTTPDecodeError) as caught:
        _ = response.json
    assert str(caught.value) == (
        f"PUT http://h/?k=***: The body ({size_and_type}) cannot be decoded; "
        f"it starts with {start}."
    )


def test_two_forms_of_a_body_are_refused() -> None:
    with pytest.raises(TypeError) as caught:
        HttpResponse(200, text="x", json={})
    assert str(caught.value) == "Give at most one of body, json and text."


async def test_a_missing_verb_is_told_with_the_way_to_add_it() -> None:
    class Partial(HTTPClientProtocol):
        pass

    with pytest.raises(MissingVerbError) as caught:
        await Partial().post(URL)
    assert str(caught.value) == (
        "Partial does not define 'post'. Add `async def post(...)` to it."
    )


@pytest.mark.parametrize(
    ("name", "known", "sentence"),
    [
        ("heders", ["json", "headers"], "Did you mean 'headers'?"),
        ("x", ["json", "data"], "Known are 'data', 'json'."),
        ("x", ["data"], "Known are 'data'."),
        ("x", [], "There are none."),
    ],
)
def test_a_misspelt_name_is_answered_with_the_nearest_or_all(
    name: str, known: list[str], sentence: str
) -> None:
    assert did_you_mean(name, known) == sentence
    with pytest.raises(TypeError) as caught:
        refuse_unknown("Config", [*known, name], known)
    assert str(caught.value) == f"Config has no option {name!r}. {sentence}"
