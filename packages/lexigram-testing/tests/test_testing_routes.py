"""What a route takes."""

import asyncio
import gzip
import http.client
import re
from collections.abc import Callable
from contextlib import closing
from typing import Any
from urllib.parse import quote

import pytest
from dirty_equals import IsInt, IsPartialDict, IsStr
from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.web import HTTPConnectionError, HTTPTimeoutError
from lexigram.testing import (
    FakeHTTPClient,
    FaultServer,
    Reply,
    Route,
    UnmatchedRequest,
    fault,
)


class _Anything:
    """Equal to everything, but only from the left."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


async def _accepts(
    route: dict[str, Any], method: str = "GET", url: str = "/x", **options: Any
) -> bool:
    fake = FakeHTTPClient(strict="lenient")
    fake.on(**{"method": method, "url": "/x", **route})
    try:
        await fake.request(method, url, **options)
    except UnmatchedRequest:
        return False
    return True


@pytest.mark.parametrize(
    ("template", "url", "accepted"),
    [
        ("/v1/{id}", "/v1/7", True),
        ("/v1/{id}", "/v1/7/lines", False),
        ("/v1/{id}", "/v1/", False),
        ("/v1/{a}-{b}", "/v1/x-y", True),
        ("/v1/a b", "/v1/a%20b", True),
        ("/v1/ü", "/v1/%C3%BC", True),
        ("/v1/a.c", "/v1/abc", False),
        ("/v1/a%2Fb", "/v1/a%2Fb", True),
        ("/v1/a%2Fb", "/v1/a/b", False),
        ("//double", "//double", False),
        ("https://fake.test/v1", "/v1", True),
        ("https://fake.test:443/v1", "/v1", True),
        ("http://fake.test/v1", "/v1", False),
        ("https://other.test/{x}", "/v1", False),
        ("/", "https://any.test", True),
        ("/x", "/x/", False),
    ],
)
async def test_urls(template: str, url: str, *, accepted: bool) -> None:
    if url.startswith("//"):
        url = "https://fake.test" + url
        accepted = True
    assert await _accepts({"url": template}, url=url) is accepted


@given(st.text(min_size=1), st.text(min_size=1))
async def test_a_field_holds_what_was_quoted_into_its_place(
    first: str, second: str
) -> None:
    fake = FakeHTTPClient()
    fake.on.get("/v1/{first}/of/{second}")
    await fake.get(f"/v1/{quote(first, safe='')}/of/{quote(second, safe='')}")
    fields = fake.calls.one().request.path_params
    assert fields == {"first": first, "second": second}


@pytest.mark.parametrize(
    ("route", "url", "accepted"),
    [
        ({}, "/x?a=1", True),
        ({"params": {"a": 1}}, "/x?a=1", True),
        ({"params": {"a": 1}}, "/x?a=1&b=2", False),
        ({"params": {"a": [1, 2]}}, "/x?a=2&a=1", True),
        ({"params": {}}, "/x?a=1", False),
        ({"params": {"flag": True}}, "/x?flag=true", True),
        ({"url": "/x?a=1"}, "/x?a=1", True),
        ({"url": "/x?a=1"}, "/x", False),
        ({"url": "/x?a=1", "params": {"b": ""}}, "/x?b=&a=1", True),
        ({"url": "/x?a=1", "params": {"a": 2}}, "/x?a=2&a=1", True),
        ({"params": {"a": IsStr(regex=r"\d+")}}, "/x?a=17", True),
        ({"params": {"a": IsStr(regex=r"\d+")}}, "/x?a=b", False),
        ({"params": {"a": None}}, "/x", True),
        ({"params": None}, "/x?a=1", True),
    ],
)
async def test_params_are_the_whole_query_in_any_order(
    route: dict[str, Any], url: str, *, accepted: bool
) -> None:
    assert await _accepts(route, url=url) is accepted


@pytest.mark.parametrize(
    ("expected", "accepted"),
    [
        ({"x-a": "1"}, True),
        ({"X-A": "1, 2"}, True),
        ({"X-A": "3"}, False),
        ({"X-B": None}, True),
        ({"X-A": None}, False),
        ({"X-A": _Anything()}, True),
    ],
)
async def test_headers_are_some_of_those_sent(expected: Any, *, accepted: bool) -> None:
    sent = [("X-A", "1"), ("X-A", "2"), ("X-C", "3")]
    assert await _accepts({"headers": expected}, headers=sent) is accepted


@pytest.mark.parametrize(
    ("expected", "sent", "accepted"),
    [
        ({"a": [1]}, {"a": [1]}, True),
        ({"a": [1]}, {"a": [1], "b": 2}, False),
        ({"a": _Anything()}, {"a": {"deep": 1}}, True),
        (None, None, True),
        (None, 0, False),
        ({"a": IsInt}, {"a": 5}, True),
        ({"a": IsInt}, {"a": "5"}, False),
        (IsPartialDict(a=1), {"a": 1, "b": 2}, True),
    ],
)
async def test_json_is_compared_with_the_expected_value_on_the_left(
    expected: Any, sent: Any, *, accepted: bool
) -> None:
    assert await _accepts({"json": expected}, "POST", json=sent) is accepted


async def test_a_body_that_is_not_json_matches_no_json() -> None:
    assert not await _accepts({"json": None}, "POST", data=b"")
    assert not await _accepts({"json": None}, "POST", data=b"{")


@pytest.mark.parametrize("body", [b"a=1&b=2", "a=1&b=2"])
async def test_a_body_is_compared_whole(body: bytes | str) -> None:
    assert await _accepts({"body": body}, "POST", data={"a": 1, "b": 2})
    assert not await _accepts({"body": body}, "POST", data={"a": 1})


@pytest.mark.parametrize(
    ("pattern", "accepted"), [(rb"a=\d&b=2", True), (rb"a=\d", False), (rb".*", True)]
)
async def test_a_pattern_has_to_match_the_whole_body(
    pattern: bytes, *, accepted: bool
) -> None:
    route = {"body": re.compile(pattern)}
    assert await _accepts(route, "POST", data={"a": 1, "b": 2}) is accepted


@pytest.mark.parametrize(
    ("expected", "url", "accepted"),
    [
        ({"a": 1}, "/x?a=1&b=2", True),
        ({"a": 1}, "/x?a=1&a=2", False),
        ({"a": [1, 2]}, "/x?a=2&b=&a=1", True),
        ({"a": 1, "b": None}, "/x?a=1&c=1", True),
        ({"a": 1, "b": None}, "/x?a=1&b=1", False),
        ({"a": IsStr(regex="..")}, "/x?a=12&b=1", True),
        ({}, "/x?a=1", True),
    ],
)
async def test_some_params_can_be_asked_for_among_others(
    expected: Any, url: str, *, accepted: bool
) -> None:
    assert await _accepts({"params_contain": expected}, url=url) is accepted


@pytest.mark.parametrize(
    ("expected", "sent", "accepted"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}, "d": 3}, True),
        ({"a": {"b": 1}}, {"a": {"c": 2}}, False),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}]}, False),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1}], "c": 2}, True),
        ({"a": IsInt}, {"a": 1, "b": 2}, True),
        ({"a": {}}, {"a": {"b": 1}}, True),
        ({"a": {}}, {"a": 1}, False),
        ({"a": None}, {}, False),
        ([1], [1, 2], False),
        (7, 7, True),
    ],
)
async def test_json_can_be_asked_for_in_part(
    expected: Any, sent: Any, *, accepted: bool
) -> None:
    assert await _accepts({"json_contains": expected}, "POST", json=sent) is accepted


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


def _part_of(value: Any, data: st.DataObject) -> Any:
    if not isinstance(value, dict):
        return value
    kept = data.draw(st.sets(st.sampled_from(sorted(value)))) if value else ()
    return {key: _part_of(value[key], data) for key in kept}


@given(st.dictionaries(st.text(), _json, max_size=3), st.data())
async def test_json_contains_what_is_left_after_keys_are_taken_away(
    document: Any, data: st.DataObject
) -> None:
    part = _part_of(document, data)
    assert await _accepts({"json_contains": part}, "POST", json=document)


@pytest.mark.parametrize(
    ("expected", "accepted"),
    [
        ({"a": 1, "b": ["x", "y"]}, True),
        ({"b": ["y", "x"], "a": "1"}, True),
        ({"a": 1}, False),
        ({"a": 1, "b": "x"}, False),
        ({"a": 1, "b": ["x", "y"], "c": None}, True),
        ({"a": IsStr, "b": ["x", IsStr]}, True),
        ({"a": IsStr, "b": IsStr}, False),
        (None, True),
    ],
)
async def test_a_form_is_compared_whole_in_any_order(
    expected: Any, *, accepted: bool
) -> None:
    sent = {"a": 1, "b": ["x", "y"]}
    assert await _accepts({"form": expected}, "POST", data=sent) is accepted


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=b"])
async def test_what_is_not_urlencoded_is_no_form(kind: str) -> None:
    options: dict[str, Any] = {"data": b"a=1", "headers": {"Content-Type": kind}}
    assert not await _accepts({"form": {"a": 1}}, "POST", **options)
    assert await _accepts({"form": {"a": 1}}, "POST", data={"a": 1})


@pytest.mark.parametrize(
    ("method", "sent", "accepted"),
    [
        (None, "PURGE", True),
        ("*", "PURGE", True),
        (["get", "HEAD"], "GET", True),
        ({"GET", "HEAD"}, "HEAD", True),
        (("GET", "HEAD"), "POST", False),
    ],
)
async def test_a_route_takes_one_method_or_several_or_any(
    method: Any, sent: str, *, accepted: bool
) -> None:
    assert await _accepts({"method": method}, sent) is accepted


@pytest.mark.parametrize("method", ["", [], ["GET", ""]])
def test_a_route_without_a_method_is_refused(method: Any) -> None:
    with pytest.raises(ValueError, match="names no method"):
        FakeHTTPClient().on(method, "/x")


async def test_options_is_a_verb_too() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.options("/x").respond(204)
        assert (await fake.request("OPTIONS", "/x")).status == 204


@pytest.mark.parametrize(
    ("pattern", "url", "accepted"),
    [
        (r"https://fake\.test/v(\d)/x", "/v1/x", True),
        (r"https://fake\.test/v1", "/v1/x", False),
        (r".*/x", "https://user:pw@other.test/x?q=1", True),
        (r"https://other\.test/x", "https://user:pw@other.test/x", True),
        (r"https://fake\.test/a%20b", "/a%20b", True),
    ],
)
async def test_a_regular_expression_matches_the_whole_url_without_query(
    pattern: str, url: str, *, accepted: bool
) -> None:
    assert await _accepts({"url": re.compile(pattern)}, url=url) is accepted


async def test_named_groups_arrive_as_path_params() -> None:
    async with FakeHTTPClient() as fake:
        url = re.compile(r".*/(?P<kind>\w+)/(?P<id>\d+)(?P<rest>/.*)?")
        fake.on.get(url, params={"q": 1}, name="by id")
        await fake.get("/v1/users/7?q=1")
        assert fake.calls.one().request.path_params == {"kind": "users", "id": "7"}


@pytest.mark.parametrize(
    ("route", "problem"),
    [
        ({"json": 1, "body": b"1"}, "only one of json, body"),
        ({"form": {}, "json_contains": {}}, "only one of json_contains, form"),
        ({"params": {}, "params_contain": {}}, "the whole query"),
        ({"url": "/x?a=1", "params_contain": {"b": 1}}, "the whole query"),
        ({"body": re.compile("text")}, "a pattern of bytes"),
        ({"url": re.compile(b"/x")}, "no route URL"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    route: dict[str, Any], problem: str
) -> None:
    with pytest.raises(TypeError, match=problem):
        FakeHTTPClient().on(**{"method": "GET", "url": "/x", **route})


async def test_a_route_answers_what_another_client_answers() -> None:
    async with FakeHTTPClient() as upstream, FakeHTTPClient() as fake:
        upstream.on.post("/x").respond(201, json={"n": 1}, headers={"X-A": "1"})
        fake.on.post("/x").pass_through(upstream)
        sent: Any = {"json": {"a": 1}, "headers": {"X-B": "2"}, "timeout": 7}
        response = (await fake.post("/x?q=1", **sent)).unwrap()
        assert (response.status, response.json) == (201, {"n": 1})
        assert response.headers["x-a"] == "1"
        request = upstream.calls.one().request
        assert request.url == "https://fake.test/x?q=1"
        assert (request.method, request.json, request.timeout) == ("POST", {"a": 1}, 7)
        assert request.header("x-b") == "2"
        assert request.header("x-c") is None


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_compressed_answer_passes_through_as_it_was_decoded(
    method: str,
) -> None:
    async with FakeHTTPClient() as upstream, FakeHTTPClient() as fake:
        headers = {"Content-Encoding": "gzip", "Content-Type": "text/plain"}
        upstream.on(method, "/x").respond(
            body=gzip.compress(b"content"), headers=headers
        )
        fake.on(method, "/x").pass_through(upstream)
        response = await fake.request(method, "/x")
        assert response.text == ("content" if method == "GET" else "")


async def test_an_error_of_the_other_client_is_the_outcome() -> None:
    error = HTTPConnectionError("No.", failure="dns")
    async with FakeHTTPClient() as upstream, FakeHTTPClient() as fake:
        upstream.on.get("/x").fail(error)
        fake.on.get("/x").pass_through(upstream)
        assert (await fake.get("/x")).unwrap_err() is error
        assert fake.calls.one().outcome is error


async def test_a_request_that_the_other_client_does_not_know_is_not_swallowed() -> None:
    upstream, fake = FakeHTTPClient(strict="lenient"), FakeHTTPClient()
    fake.on.get("/x").pass_through(upstream)
    with pytest.raises(UnmatchedRequest):
        await fake.get("/x")


async def test_a_server_hands_the_target_on_and_breaks_as_the_other_client_does() -> (
    None
):
    async with FakeHTTPClient() as upstream, FaultServer.run() as server:
        upstream.on.post("/x").sequence(
            Reply(201, text="made"), HTTPConnectionError("No.", failure="connect")
        )
        server.on.post("/x").pass_through(upstream)
        status, body = await asyncio.to_thread(_post, server.port, b"a=1")
        assert (status, body) == (201, b"made")
        request = upstream.calls[0].request
        assert request.url == "https://fake.test/x?q=1"
        assert request.body == b"a=1"
        assert request.header("host") is None
        with pytest.raises(ConnectionResetError):
            await asyncio.to_thread(_post, server.port, b"a=1")


def _post(port: int, body: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with closing(connection):
        connection.request("POST", "/x?q=1", body)
        response = connection.getresponse()
        return response.status, response.read()


async def test_a_class_of_exceptions_stands_for_an_instance() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/x").fail(ZeroDivisionError)
        fake.on.get("/y").sequence(KeyError, Reply(204))
        with pytest.raises(ZeroDivisionError):
            await fake.get("/x")
        with pytest.raises(KeyError):
            await fake.get("/y")
        assert (await fake.get("/y")).unwrap().status == 204


async def test_where_decides_anything_else_and_sees_the_fields() -> None:
    fake = FakeHTTPClient()
    fake.on.get("/{id}", where=lambda request: request.path_params["id"] > "5")
    await fake.get("/7")
    with pytest.raises(UnmatchedRequest) as caught:
        await fake.get("/3")
    assert caught.value.request.path_params == {}


async def test_the_route_registered_last_wins() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/x").respond(500).optional()
        fake.on.get("/{any}").respond(200)
        assert (await fake.get("/x")).unwrap().status == 200


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("v1/x", "neither absolute nor a path"),
        ("/{id}/{id}", "'id' twice"),
        ("/{id", "brace"),
        ("/{not a name}", "brace"),
        ("https://{tenant}.test/x", "a field in its host"),
    ],
)
def test_an_unusable_url_is_refused_where_it_is_written(url: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        FakeHTTPClient().on.get(url)


def test_a_misspelt_criterion_is_refused_where_it_is_written() -> None:
    with pytest.raises(
        TypeError, match=re.escape("no option 'jsn'. Did you mean 'json'?")
    ):
        FakeHTTPClient().on.get("/x", jsn={})  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("setup", "error"),
    [
        (lambda route: route.sequence(), "at least one"),
        (lambda route: route.sequence(Reply(), then="stop"), "then='stop'"),
        (lambda route: route.times(0), "never"),
        (lambda route: route.fail("boom"), "not an outcome"),
        (lambda route: route.respond({"a": 1}), r"its name, as in `json="),
        (lambda route: route.fail(HTTPTimeoutError), "HTTPTimeoutError cannot be made"),
        (lambda route: route.times(range(3, 3)), "no range"),
        (lambda route: route.times(range(0, 9, 2)), "no range"),
        (lambda route: route.times(range(1)), "never"),
        (lambda route: route.after(route), "each come after the other"),
        (lambda route: route.fail(fault.truncate(3)), "on a wire"),
        (lambda route: route.respond(json=1, text="1"), "at most one"),
        (lambda route: route.respond(Reply(), text="1"), "not both"),
        (lambda route: route.respond(delay=-1), "negative"),
        (lambda route: route.fail(fault.reset(2000)), "within the body"),
        (lambda route: route.fail(fault.wrong_length(0)), "no wrong length"),
        (lambda route: route.fail(fault.drip(0)), "not a speed"),
    ],
)
def test_an_impossible_answer_is_refused_where_it_is_written(
    setup: Callable[[Route], object], error: Any
) -> None:
    with pytest.raises((TypeError, ValueError), match=error):
        setup(FakeHTTPClient().on.get("/x"))


def test_a_chunked_reply_has_no_length() -> None:
    with pytest.raises(ValueError, match="no Content-Length"):
        Reply(chunked=True, headers={"Content-Length": "3"}, body=b"abc")


def test_chunks_are_a_body_of_their_own() -> None:
    with pytest.raises(TypeError, match="at most one"):
        Reply(chunks=[b"a"], text="a")


async def test_a_predicate_for_another_route_may_fail_while_it_is_explained() -> None:
    fake = FakeHTTPClient()
    fake.on.post("/other", where=lambda request: request.json["id"] == 1)
    with pytest.raises(UnmatchedRequest, match=r"where: .*got KeyError\('id'\)"):
        await fake.post("/x", json={})


def test_a_fault_prints_as_the_code_that_makes_it() -> None:
    assert repr(fault.reset()) == "fault.reset()"
    assert repr(fault.hang(5)) == "fault.hang(5)"
    assert repr(fault.raw(b"hi", "keep")) == "fault.raw(b'hi', 'keep')"


def test_a_table_lists_its_routes() -> None:
    fake = FakeHTTPClient()
    routes = [fake.on.get("/a"), fake.on.head("/b")]
    assert list(fake.on) == routes
    assert len(fake.on) == 2
    assert "GET /a" in repr(routes[0])
