"""What the arguments of a call mean."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.web import (
    Headers,
    HTTPInvalidRequestError,
    HTTPUnknownOptionError,
    MutableHeaders,
    RequestContext,
    RequestOptions,
    build_request,
    build_response,
    check_request,
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
        ({"headers": {"a b": "c"}}, "'a …' is not a header name"),
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
    with pytest.raises(HTTPInvalidRequestError, match=problem) as caught:
        check_url(url)
    assert caught.value.url == url
    assert caught.value.request_sent == "no"


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


@pytest.mark.parametrize(
    ("options", "type_"),
    [
        ({"json": 1}, "application/json"),
        ({"data": b""}, "application/octet-stream"),
        ({"data": ""}, "text/plain; charset=utf-8"),
        ({"data": {}}, "application/x-www-form-urlencoded"),
    ],
)
def test_the_implied_type_and_the_idempotency_key_are_named_as_usual(
    options: dict[str, object], type_: str
) -> None:
    options = {**options, "idempotency_key": "k1", "headers": {"X-A": "b"}}
    request = build_request("POST", URL, options, headers={"User-Agent": "u"})
    assert request.headers.pairs == (
        ("User-Agent", "u"), ("X-A", "b"), ("Idempotency-Key", "k1"),
        ("Content-Type", type_),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("url", "built"),
    [
        ("https://h/", "https://h/?a=1"),
        ("https://h/?", "https://h/?a=1"),
        ("https://h/?b", "https://h/?b&a=1"),
        ("https://h/?b=2&", "https://h/?b=2&a=1"),
        ("https://h/#x?y", "https://h/?a=1"),
        ("https://h/?b=2#x#y", "https://h/?b=2&a=1"),
    ],
)
def test_params_join_the_query_with_one_separator(url: str, built: str) -> None:
    assert build_request("GET", url, {"params": {"a": 1}}).url == built


@pytest.mark.parametrize(
    "params", [None, {}, [], (), {"a": None}, {"a": []}, [("a", None)]]
)
def test_params_that_say_nothing_leave_the_url_alone(params: object) -> None:
    for url in (URL, URL + "?b=2"):
        assert build_request("GET", url + "#part", {"params": params}).url == url


@pytest.mark.parametrize(
    ("value", "query", "form"),
    [
        (False, "a=false", "a=false"),
        (True, "a=true", "a=true"),
        (0, "a=0", "a=0"),
        ("", "a=", "a="),
        ([True, "x", 1.5], "a=true&a=x&a=1.5", "a=true&a=x&a=1.5"),
        (("x", "y"), "a=x&a=y", "a=x&a=y"),
        ("b c", "a=b%20c", "a=b+c"),
        ("b+c/d&e=f", "a=b%2Bc%2Fd%26e%3Df", "a=b%2Bc%2Fd%26e%3Df"),
    ],
)
def test_a_space_is_percent_20_in_a_query_and_a_plus_in_a_form(
    value: object, query: str, form: str
) -> None:
    assert build_request("GET", URL, {"params": {"a": value}}).url == f"{URL}?{query}"
    assert build_request("POST", URL, {"data": {"a": value}}).body == form.encode()


@pytest.mark.parametrize("data", [b"a", bytearray(b"a"), memoryview(b"a")])
def test_a_body_of_bytes_is_sent_as_bytes(data: object) -> None:
    body = build_request("POST", URL, {"data": data}).body
    assert type(body) is bytes
    assert body == b"a"


def test_params_are_kept_as_a_mapping_of_their_own() -> None:
    params = {"a": 1}
    kept = build_request("GET", URL, {"params": params}).params
    assert kept == params
    assert kept is not params
    assert build_request("GET", URL, {"params": iter([])}).params == {}


def test_a_json_body_is_compact_and_keeps_its_characters() -> None:
    value = {"a": [1, None], "é": "ü"}
    body = build_request("POST", URL, {"json": value}).body
    assert body == '{"a":[1,null],"é":"ü"}'.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_a_refused_body_keeps_its_cause(value: object) -> None:
    with pytest.raises(HTTPInvalidRequestError) as caught:
        build_request("POST", URL, {"json": value})
    assert isinstance(caught.value.__cause__, TypeError | ValueError)


@pytest.mark.parametrize(
    "character", ["\0", "\x08", "\n", "\x0b", "\r", "\x1f", "\x7f"]
)
def test_no_control_character_but_the_tab_may_stand_in_a_header(character: str) -> None:
    with pytest.raises(HTTPInvalidRequestError, match="control character"):
        build_request("GET", URL, {"headers": {"A": f"b{character}c"}})
    for fine in ("b\tc", "b c", "\x80", "é", ""):
        assert build_request("GET", URL, {"headers": {"A": fine}}).headers["a"] == fine


@pytest.mark.parametrize("character", ["\0", "\t", "\n", "\x1f", " ", "\x7f"])
def test_no_white_space_or_control_character_may_stand_in_a_url(character: str) -> None:
    with pytest.raises(HTTPInvalidRequestError, match="white space or a control"):
        check_url(f"https://h/{character}")


@pytest.mark.parametrize(
    "method", ["", "GET ", "G(T", "GET\n", "G\0T", "Ä", "G:T", "G/T"]
)
def test_only_a_token_is_a_method(method: str) -> None:
    with pytest.raises(HTTPInvalidRequestError) as caught:
        build_request(method, URL, {})
    assert caught.value.method == method


def test_a_token_may_hold_more_than_letters() -> None:
    assert build_request("m-search!#$%&'*+.^_`|~9", URL, {}).method == (
        "M-SEARCH!#$%&'*+.^_`|~9"
    )


@pytest.mark.parametrize("timeout", [-1, 0, 0.0, -0.0])
def test_a_default_timeout_is_held_to_the_same_rules(timeout: float) -> None:
    with pytest.raises(HTTPInvalidRequestError, match="is not a positive number"):
        build_request("GET", URL, {}, timeout=timeout)


def test_a_tiny_timeout_is_a_timeout() -> None:
    built = build_request("GET", URL, {"timeout": 1}).timeout
    assert (built, type(built)) == (1.0, float)
    assert build_request("GET", URL, {"timeout": 1e-9}).timeout == 1e-9


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("http://u@h/", "http://h/"),
        ("http://u:p@q@h:1/?a=b#c", "http://h:1/?a=b#c"),
        ("http://u:p@[::1]:80/", "http://[::1]:80/"),
    ],
)
def test_a_response_keeps_its_url_without_userinfo(url: str, kept: str) -> None:
    assert build_response(200, [], b"", url=url).url == kept


@pytest.mark.parametrize("status", [199, 203, 205, 303, 305])
def test_only_204_and_304_have_no_content_by_status(status: int) -> None:
    assert build_response(status, [], b"body").body == b"body"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"headers": {"Transfer-Encoding": "chunked"}},
            "'Transfer-Encoding' is the client's",
        ),
        (
            {"headers": {"content-length": "5"}},
            "differs from the body, which has 0 bytes",
        ),
        ({"headers": {"Content-Length": "5"}, "data": b"abc"}, "which has 3 bytes"),
        (
            {
                "headers": [("Content-Length", "3"), ("content-length", "4")],
                "data": b"abc",
            },
            "'Content-Length' is there 2 times",
        ),
        ({"headers": 5}, "headers is of type int; it takes a mapping or a sequence"),
        ({"headers": "a: b"}, "headers is of type str"),
        ({"params": 5}, "params is of type int"),
        ({"params": "a=b"}, "params is of type str"),
    ],
)
def test_what_would_confuse_a_server_is_never_built(
    options: dict[str, object], message: str
) -> None:
    with pytest.raises(HTTPInvalidRequestError, match=message):
        build_request("POST", URL, options)


def test_a_length_that_is_right_is_sent() -> None:
    options = {"headers": {"Content-Length": "3"}, "data": b"abc"}
    assert build_request("POST", URL, options).headers["content-length"] == "3"


def test_a_url_that_is_no_text_is_refused() -> None:
    with pytest.raises(HTTPInvalidRequestError, match="The URL is of type int"):
        build_request("GET", 5, {})  # type: ignore[arg-type]  # the point


def test_params_that_can_be_read_once_are_read_once() -> None:
    pairs = (pair for pair in [("a", 1)])
    request = build_request("GET", URL, {"params": pairs})
    assert (request.url, request.params) == (f"{URL}?a=1", {"a": 1})


def test_a_request_can_be_checked_again() -> None:
    request = build_request("GET", URL, {})
    check_request(request)
    request.headers["Content-Length"] = "1"
    with pytest.raises(HTTPInvalidRequestError, match="Content-Length"):
        check_request(request)
    with pytest.raises(HTTPInvalidRequestError, match="no scheme"):
        check_request(build_request("GET", "/v1", {}))


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("X-Tag", ["a\nb"], "value of header 'X-Tag' holds a control character"),
        ("X-Tag", [5], "header 'X-Tag' has a value of type int; it takes a string"),
        ("X Tag", ["a"], "'X …' is not a header name"),
        ("X-Tag", ["a" * 65_536], "fields are 65541 characters long together"),
        ("Host", ["a.test", "b.test"], "header 'Host' is there 2 times"),
    ],
)
def test_header_fields_that_an_interceptor_made_wrong_are_refused(
    name: str, values: list[Any], message: str
) -> None:
    request = build_request("GET", URL, {})
    request.headers = MutableHeaders([(name, value) for value in values])
    with pytest.raises(HTTPInvalidRequestError, match=message):
        check_request(request)


def test_one_host_and_as_many_characters_as_servers_take_are_sent() -> None:
    request = build_request("GET", URL, {})
    request.headers = MutableHeaders({"Host": "a.test", "X-Tag": "a" * 65_521})
    check_request(request)


def test_headers_given_as_headers_keep_their_repetitions() -> None:
    headers = Headers([("X-Tag", "1"), ("x-tag", "2")])
    request = build_request("GET", URL, {"headers": headers})
    assert request.headers.pairs == headers.pairs


def test_a_right_length_passes_the_second_check_too() -> None:
    request = build_request("POST", URL, {"data": b"abc"})
    request.headers["Content-Length"] = "3"
    check_request(request)


def test_refused_framing_says_who_sets_it() -> None:
    for options, message in (
        (
            {"headers": {"Transfer-Encoding": "x"}},
            "The header 'Transfer-Encoding' is the client's to set. Leave it out.",
        ),
        (
            {"headers": {"Content-Length": "1"}},
            (
                "The header 'Content-Length' differs from the body, which has 0 bytes. "
                "Leave it out: the client sets it."
            ),
        ),
    ):
        with pytest.raises(HTTPInvalidRequestError) as caught:
            build_request("GET", URL, options)
        assert caught.value.args[0] == message


def is_usable(url: str) -> bool:
    """Say by the parser alone whether a client can use a URL."""
    if any(ord(character) <= 0x20 or ord(character) == 0x7F for character in url):
        return False
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return parts.scheme.lower() in {"http", "https"} and bool(host)


@given(
    st.text()
    | st.from_regex(
        r"\A(HTTPS?|https?|ftp)?:?/{0,3}[a-z0-9.@:\[\]éİ%-]*(:\d*)?[/?#]?.*\Z"
    )
)
def test_a_plain_url_is_judged_as_the_parser_judges_it(url: str) -> None:
    if is_usable(url):
        check_url(url)
    else:
        with pytest.raises(HTTPInvalidRequestError):
            check_url(url)


@pytest.mark.parametrize(
    ("port", "usable"),
    [
        ("", True),
        ("0", True),
        ("9999", True),
        ("59999", True),
        ("65535", True),
        ("65536", False),
        ("99999", False),
        ("100000", False),
        ("8o", False),
    ],
)
def test_a_port_is_a_number_that_a_port_can_have(port: str, usable: object) -> None:
    url = f"http://h:{port}/x"
    assert is_usable(url) is usable
    if usable:
        check_url(url)
    else:
        with pytest.raises(HTTPInvalidRequestError):
            check_url(url)


@given(st.text(st.characters(codec="ascii", categories=["L"]), min_size=1))
def test_any_token_is_a_method_in_upper_case(method: str) -> None:
    assert build_request(method, URL, {}).method == method.upper()


@pytest.mark.parametrize("options", [{}, {"timeout": 1.0}], ids=["none", "one"])
def test_default_headers_are_checked_whether_a_call_has_options_or_not(
    options: RequestOptions,
) -> None:
    def build(name: str, value: str) -> RequestContext:
        return build_request("GET", URL, options, headers={name: value})

    assert build("X-Team", "billing").headers["x-team"] == "billing"
    assert build("Content-Length", "0").body is None
    with pytest.raises(HTTPInvalidRequestError, match="the client's to set"):
        build("Transfer-Encoding", "chunked")


@pytest.mark.parametrize(
    "options",
    [
        {"data": "\ud800"},
        {"data": {"a": "\udc80"}},
        {"params": {"a": "\udc80"}},
    ],
    ids=["text", "form", "params"],
)
def test_half_of_a_surrogate_pair_cannot_be_sent(options: dict[str, object]) -> None:
    with pytest.raises(HTTPInvalidRequestError, match="half of a surrogate pair"):
        build_request("POST", URL, options)
