"""What the arguments of a call mean."""

import json
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lexigram.contracts.web import (
    Headers,
    HTTPInvalidRequestError,
    HTTPUnknownOptionError,
    build_request,
    build_response,
    check_url,
)

URL = "https://api.test/v1"


def test_the_method_is_sent_in_upper_case() -> None:
    assert build_request("patch", URL, {}).method == "PATCH"


TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(
    st.lists(st.tuples(TEXT.filter(bool), TEXT)),
    st.sampled_from([URL, URL + "?a=1", URL + "?"]),
)
def test_params_are_appended_and_can_be_read_back(
    params: list[tuple[str, str]], url: str
) -> None:
    built = build_request("GET", url, {"params": params}).url
    before = parse_qsl(urlsplit(url).query)
    assert parse_qsl(urlsplit(built).query, keep_blank_values=True) == before + params


def test_values_of_params_have_one_spelling_each() -> None:
    params = {"t": True, "n": None, "i": 1, "f": 0.5, "many": ["a", "b"], "sp": "a b/é"}
    assert build_request("GET", URL + "#part", {"params": params}).url == (
        URL + "?t=true&i=1&f=0.5&many=a&many=b&sp=a%20b%2F%C3%A9"
    )


@pytest.mark.parametrize(
    ("options", "body", "content_type"),
    [
        ({"json": {"é": 1}}, '{"é":1}'.encode(), "application/json"),
        ({"json": None}, b"null", "application/json"),
        ({"data": b"\x00"}, b"\x00", "application/octet-stream"),
        ({"data": bytearray(b"a")}, b"a", "application/octet-stream"),
        ({"data": "é"}, "é".encode(), "text/plain; charset=utf-8"),
        (
            {"data": {"a": "b c", "d": [1, 2]}},
            b"a=b+c&d=1&d=2",
            "application/x-www-form-urlencoded",
        ),
        ({}, None, None),
        ({"data": None}, None, None),
    ],
)
def test_each_kind_of_body_has_its_bytes_and_its_type(
    options: dict[str, object], body: bytes | None, content_type: str | None
) -> None:
    request = build_request("POST", URL, options)
    assert request.body == body
    assert request.headers.get("content-type") == content_type


def test_a_header_of_the_call_replaces_the_default_and_keeps_its_repetitions() -> None:
    request = build_request(
        "POST",
        URL,
        {
            "headers": [("x-tag", "1"), ("X-Tag", "2"), ("content-type", "a/b")],
            "json": {},
        },
        headers={"X-TAG": "default", "User-Agent": "u"},
    )
    assert request.headers.pairs == (
        ("User-Agent", "u"), ("x-tag", "1"), ("X-Tag", "2"), ("content-type", "a/b"),
    )  # fmt: skip


def test_the_idempotency_key_is_a_header() -> None:
    request = build_request("POST", URL, {"idempotency_key": "k1"})
    assert request.headers["Idempotency-Key"] == "k1"


def test_an_unknown_option_is_named_with_the_nearest_known_one() -> None:
    with pytest.raises(
        HTTPUnknownOptionError, match="'heders'. Did you mean 'headers'"
    ):
        build_request("GET", URL, {"heders": {}})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"json": 1, "data": b""}, "not both"),
        ({"json": float("nan")}, "json cannot be encoded"),
        ({"json": object()}, "json cannot be encoded"),
        ({"data": 1}, "data is of type int"),
        ({"params": {"a": b"b"}}, r"params\['a'\] is of type bytes"),
        ({"params": {"a": {}}}, r"params\['a'\] is of type dict"),
        ({"timeout": -0.1}, "timeout=-0.1 is not a positive number"),
        ({"timeout": 0}, "timeout=0 is not a positive number"),
        ({"timeout": True}, "timeout=True is not a positive number"),
        ({"timeout": "5"}, "timeout='5' is not a positive number"),
        ({"headers": {"a b": "c"}}, "'a b' is not a header name"),
        ({"headers": {"a": 1}}, "value of type int"),
        ({"headers": {"a": "b\r\nc: d"}}, "control character"),
        ({"idempotency_key": "a\nb"}, "control character"),
    ],
)
def test_what_cannot_be_sent_says_why(options: dict[str, object], message: str) -> None:
    with pytest.raises(HTTPInvalidRequestError, match=message) as caught:
        build_request("GET", URL, options)
    assert caught.value.method == "GET"
    assert caught.value.url == URL


def test_a_refused_header_value_is_not_shown() -> None:
    with pytest.raises(HTTPInvalidRequestError) as caught:
        build_request("GET", URL, {"headers": {"Authorization": "Bearer s3cret\n"}})
    assert "s3cret" not in str(caught.value)


def test_a_method_that_is_no_token_is_refused() -> None:
    with pytest.raises(HTTPInvalidRequestError, match="is not a method"):
        build_request("GE T", URL, {})


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "has no scheme"),
        ("/v1", "has no scheme"),
        ("api.test/v1", "has no scheme"),
        ("ftp://api.test", "has the scheme 'ftp'"),
        ("https://", "has no host"),
        ("https://:80/", "has no host"),
        ("https://h:99999/", "cannot be parsed"),
        ("https://[::1/", "cannot be parsed"),
        ("https://h/a b", "white space"),
        ("https://h/\r\nX: y", "control character"),
    ],
)
def test_an_unusable_url_says_what_is_wrong(url: str, problem: str) -> None:
    with pytest.raises(HTTPInvalidRequestError, match=problem):
        check_url(url)


@pytest.mark.parametrize(
    "url", ["http://h", "HTTPS://user:pw@h:8080/a?b=c", "http://[::1]:80/"]
)
def test_a_usable_url_passes(url: str) -> None:
    check_url(url)


@given(st.dictionaries(st.text(), st.integers()))
def test_a_json_body_is_json(value: dict[str, int]) -> None:
    body = build_request("POST", URL, {"json": value}).body
    assert body is not None
    assert json.loads(body) == value


RAW = [
    (b"Set-Cookie", b"a=1"),
    (b"set-cookie", b"b=2"),
    (b"X", "é".encode()),
    (b"Y", b"\xe9"),
]


def test_a_response_is_built_from_what_was_received() -> None:
    response = build_response(
        200,
        Headers.from_raw(RAW),
        b"body",
        method="PUT",
        url="http://u:pw@h:1/x?a=b",
        elapsed=1.5,
        attempts=2,
    )
    assert (response.status, response.method, response.body) == (200, "PUT", b"body")
    assert response.url == "http://h:1/x?a=b"
    assert response.headers.get_all("set-cookie") == ["a=1", "b=2"]
    assert (response.headers["x"], response.headers["y"]) == ("é", "é")
    assert (response.elapsed, response.attempts) == (1.5, 2)


def test_header_fields_may_come_in_any_form() -> None:
    pairs = [("A", "1"), ("a", "2")]
    for headers in (pairs, Headers(pairs)):
        assert build_response(200, headers, b"").headers.get_all("a") == ["1", "2"]
    assert build_response(200, {"A": "1"}, b"").headers.pairs == (("A", "1"),)


@pytest.mark.parametrize(
    ("method", "status", "kept"),
    [
        ("HEAD", 200, False),
        ("GET", 204, False),
        ("GET", 304, False),
        ("GET", 200, True),
    ],
)
def test_some_responses_have_no_content(
    method: str, status: int, *, kept: bool
) -> None:
    response = build_response(status, [], b"body", method=method)
    assert response.body == (b"body" if kept else b"")


def test_the_charset_holds_where_the_content_type_names_none() -> None:
    latin = b"\xe9"
    assert build_response(200, [], latin, charset="latin-1").text == "é"
    typed = [("Content-Type", "text/plain; charset=utf-8")]
    assert build_response(200, typed, latin, charset="latin-1").text == "\ufffd"


@pytest.mark.parametrize(
    "url", ["http://h/a@b?c=@d", "http://h/x", "http://[::1]:80/?q=a@b"]
)
def test_an_at_sign_outside_the_authority_stays(url: str) -> None:
    assert build_response(200, [], b"", url=url).url == url


@pytest.mark.parametrize(("given", "kept"), [(None, None), (2, 2.0), (0.5, 0.5)])
def test_the_timeout_of_the_call_replaces_the_default(
    given: float | None, kept: float | None
) -> None:
    assert build_request("GET", URL, {"timeout": given}, timeout=9).timeout == kept
    assert build_request("GET", URL, {}, timeout=9).timeout == 9.0
    assert build_request("GET", URL, {}).timeout is None


def test_a_request_says_what_params_it_was_called_with() -> None:
    assert build_request("GET", URL, {"params": {"a": 1}}).params == {"a": 1}
    assert build_request("GET", URL, {"params": [("a", 1)]}).params == {"a": 1}
    assert build_request("GET", URL, {}).params == {}
