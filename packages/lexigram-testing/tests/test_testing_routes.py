"""What a route takes."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.testing import FakeHTTPClient, Reply, Route, UnmatchedRequest, fault


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
    ],
)
def test_an_unusable_url_is_refused_where_it_is_written(url: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        FakeHTTPClient().on.get(url)


def test_a_misspelt_criterion_is_refused_where_it_is_written() -> None:
    with pytest.raises(TypeError, match=re.escape("no 'jsn'. Did you mean 'json'?")):
        FakeHTTPClient().on.get("/x", jsn={})  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("setup", "error"),
    [
        (lambda route: route.sequence(), "at least one"),
        (lambda route: route.sequence(Reply(), then="stop"), "then='stop'"),
        (lambda route: route.times(0), "never"),
        (lambda route: route.fail(ValueError), "not an outcome"),
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
