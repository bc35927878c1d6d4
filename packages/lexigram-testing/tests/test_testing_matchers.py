"""What decides which route takes a request, and how a difference is found."""

import re
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from dirty_equals import IsInt
from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.web import Headers, MutableHeaders, RequestContext
from lexigram.testing import (
    Criterion,
    FakeHTTPClient,
    RecordedRequest,
    Route,
    UnmatchedRequest,
)
from lexigram.testing._answers.outcomes import accepted
from lexigram.testing._routing.comparing import contains, differences, equals
from lexigram.testing._routing.switchboard import Switchboard


class _Signed:
    """A matcher as a user writes it."""

    def __init__(self, key: str) -> None:
        self.key = key

    def matches(self, request: RecordedRequest) -> bool:
        return request.header("x-signature") == f"{self.key}:{len(request.body)}"

    def explain(self, request: RecordedRequest) -> Criterion:
        actual = request.header("x-signature") or "none"
        return Criterion("signature", self.matches(request), "that of the key", actual)


async def test_a_matcher_of_the_users_own_decides_and_explains() -> None:
    fake = FakeHTTPClient(strict="lenient")
    fake.on.post("/x", _Signed("k"), json={"a": 1})
    good = await fake.post("/x", json={"a": 1}, headers={"X-Signature": "k:7"})
    assert good.is_ok()
    with pytest.raises(UnmatchedRequest) as caught:
        await fake.post("/x", json={"a": 1}, headers={"X-Signature": "j:7"})
    assert "DIFF  signature: expected that of the key, got j:7" in str(caught.value)
    assert caught.value.explanations[0].differing == ("signature",)


_paths = st.lists(
    st.sampled_from(["a", "b", "{x}", "{y}.json", "a%2Fb", "", "é"]), max_size=4
).map(lambda segments: "/" + "/".join(segments))
_templates = st.builds(
    "{}{}".format,
    st.sampled_from(["", "", "https://a.test", "http://a.test:80", "https://b.test"]),
    _paths.filter(lambda path: all(path.count(f) < 2 for f in ("{x}", "{y}"))),
)
_patterns = st.sampled_from([r".*/a", r"https://a\.test/.*", r".*/(?P<x>\w+)/b"])
_methods = st.sampled_from(["GET", "POST", "*", ("GET", "PUT")])
_urls = st.builds(
    "{}{}{}".format,
    st.sampled_from(["https://a.test", "http://a.test", "https://b.test:443"]),
    st.sampled_from(["", "/v2", "/v2/a"]),
    st.lists(
        st.sampled_from(["a", "b", "c.json", "a%2fb", "", "%C3%A9"]), max_size=4
    ).map(lambda segments: "/" + "/".join(segments)),
)


def _first_that_matches(routes: list[Route], request: RecordedRequest) -> Route | None:
    """Find a route as it is defined: ask all of them, the last one first."""
    for route in reversed(routes):
        if not route.used_up and route.matches(request):
            return route
    return None


@given(
    st.lists(
        st.tuples(_methods, _templates | _patterns.map(re.compile), st.booleans()),
        max_size=12,
    ),
    st.lists(st.tuples(st.sampled_from(["GET", "PUT"]), _urls), max_size=6),
    st.sampled_from(["", "/v2", "/v2/a"]),
)
async def test_the_index_finds_the_route_that_asking_all_of_them_finds(
    routes: list[tuple[Any, Any, bool]], requests: list[tuple[str, str]], prefix: str
) -> None:
    board = Switchboard("board", accepted, prefix=prefix)
    for method, url, once in routes:
        route = board.routes(method, url)
        if once:
            route.once()
    for method, url in requests:
        request, twin = (RecordedRequest(method, url) for _ in range(2))
        found = board.routes.find(request)
        assert found is _first_that_matches(list(board.routes), twin)
        if found is not None:
            assert request.path_params == twin.path_params
            found.claim(request)


_TEXT = st.text(
    st.characters(codec="ascii", exclude_categories=["Cc"], exclude_characters=" "),
    max_size=12,
)


@given(
    st.sampled_from(["http", "https", "HTTP"]),
    st.from_regex(
        r"([a-z]{1,3}(:[a-z]{0,3})?@)?[a-z]{1,5}(:[0-9]{1,4})?", fullmatch=True
    ),
    _TEXT.map(lambda text: f"/{text}") | st.just(""),
)
def test_a_request_splits_its_url_as_the_standard_library_does(
    scheme: str, authority: str, rest: str
) -> None:
    url = f"{scheme}://{authority}{rest}"
    request, parts = RecordedRequest("GET", url), urlsplit(url)
    assert request.path == (parts.path or "/")
    assert request.segments == tuple(map(unquote, request.path.split("/")))
    assert request.params == tuple(parse_qsl(parts.query, keep_blank_values=True))
    assert request.origin.startswith(f"{parts.scheme}://{parts.hostname}:")
    assert request.address == f"{url.partition(':')[0]}://{_host(authority)}" + (
        parts.path or "/"
    )


def _host(authority: str) -> str:
    return authority.rpartition("@")[2]


def test_a_request_is_a_snapshot_of_what_was_sent() -> None:
    headers = MutableHeaders({"X-A": "1"})
    context = RequestContext("GET", "https://a.test/x", headers, attempt=2)
    request = RecordedRequest.of(context)
    headers["X-A"] = "2"
    assert request.headers == Headers({"X-A": "1"})
    assert request.header("x-a") == "1"
    assert (request.attempt, request.timeout, request.body) == (2, None, b"")


def test_an_expected_part_has_to_be_there() -> None:
    assert contains({"a": {"b": IsInt}}, {"a": {"b": 1, "c": 2}, "d": 3})
    assert not contains({"a": {"b": IsInt}}, {"a": {"b": "1"}})
    assert not contains({"a": [1]}, {"a": [1, 2]})


_values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["x", "y"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4)
    ),
    max_leaves=12,
)


def _signs(text: str) -> set[str]:
    return {line[0] for line in text.splitlines()}


@given(_values, _values)
def test_a_difference_shows_both_sides_of_what_differs(one: Any, other: Any) -> None:
    text = differences(one, other)
    if equals(one, other):
        return
    assert _signs(text) & {"-", "+"}
    swapped = differences(other, one)
    assert text.count("\n+") + text.startswith("+") == swapped.count(
        "\n-"
    ) + swapped.startswith("-")


@given(st.dictionaries(st.sampled_from("abcdef"), _values), st.data())
def test_one_changed_entry_is_all_that_a_difference_marks(
    document: dict[str, Any], data: st.DataObject
) -> None:
    key = data.draw(st.sampled_from("abcdef"))
    changed = {**document, key: "another"}
    marked = [
        line[1:].strip()
        for line in differences(document, changed).splitlines()
        if line[0] == "+"
    ]
    assert marked == [f'"{key}": "another",']


def test_a_part_that_is_alike_is_left_out() -> None:
    lines = [{"n": n, "text": "x" * 70} for n in range(100)]
    changed = [dict(line) for line in lines]
    changed[50]["n"] = -1
    assert differences({"a": 1, "lines": lines}, {"a": 1, "lines": changed}) == (
        "  {\n"
        "    …\n"
        '    "lines": [\n'
        "      …\n"
        "      {\n"
        '-       "n": 50,\n'
        '+       "n": -1,\n'
        f'        "text": "{"x" * 70}",\n'
        "      },\n"
        "      …\n"
        "    ],\n"
        "  }"
    )


def test_values_that_only_differ_as_a_whole_are_both_shown() -> None:
    class Never(dict[str, int]):
        def __eq__(self, other: object) -> bool:
            return False

        __hash__ = None

    assert differences(Never(a=1), {"a": 1}) == '- {"a": 1}\n+ {"a": 1}'
