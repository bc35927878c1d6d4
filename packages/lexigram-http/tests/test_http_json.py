"""The JSON of a response is what the standard library makes of its body.

Whatever parses it: each body is tried as it is, and after so much white space that it is
large enough for the quicker parser of the extra `speedups`.
"""

import copy
import json
import pickle
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lexigram.contracts.web import HTTPDecodeError, HttpResponse
from lexigram.http import HTTPClient
from lexigram.http.attempt.json_bodies import _quicker_parser, parse_json
from lexigram.testing import FaultServer

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


SPACE = " " * 1024


def outcome(parse: Any, body: bytes) -> str:
    """Return what comes out, in words that tell 1 from 1.0 and from True."""
    try:
        return repr(parse(body))
    except (ValueError, RecursionError):
        return "refused"


@given(VALUES, st.sampled_from(["utf-8", "utf-16", "utf-32", "utf-8-sig"]))
def test_what_json_writes_is_read_alike(value: Any, encoding: str) -> None:
    for ascii_only in (True, False):
        text = json.dumps(value, ensure_ascii=ascii_only)
        for body in (text, SPACE + text):
            encoded = body.encode(encoding, "surrogatepass")
            assert outcome(parse_json, encoded) == outcome(json.loads, encoded)


@given(st.text('0123456789.eE+-[]{}",:\\ntrufalsNI \t\n/ud8', max_size=30))
@example("123456789012345678901234567890")
@example("18446744073709551616")
@example("-9223372036854775809")
@example("1e400")
@example("-0.0")
@example('"\\ud800"')
@example('{"a":1,"a":2}')
@example("NaN")
@example("[1,]")
@example("2.2250738585072011e-308")
@example("[" * 3000 + "]" * 3000)
def test_what_resembles_json_is_taken_or_refused_alike(text: str) -> None:
    for body in (text.encode(), (SPACE + text).encode()):
        assert outcome(parse_json, body) == outcome(json.loads, body)


@given(st.binary(max_size=12))
def test_bytes_are_taken_or_refused_alike(body: bytes) -> None:
    for text in (body, SPACE.encode() + body):
        assert outcome(parse_json, text) == outcome(json.loads, text)


def test_a_large_body_is_read_by_the_quicker_parser() -> None:
    loads = pytest.importorskip("orjson").loads
    assert _quicker_parser() is loads


def test_it_is_read_without_that_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    # What None stands for cannot be imported.
    monkeypatch.setitem(sys.modules, "orjson", None)
    _quicker_parser.cache_clear()
    try:
        assert parse_json((SPACE + '{"number": 1}').encode()) == {"number": 1}
        assert _quicker_parser() is None
    finally:
        _quicker_parser.cache_clear()


async def test_a_response_takes_its_parser_nowhere() -> None:
    async with FaultServer.run() as server, HTTPClient() as client:
        server.on.get("/").respond(json={"number": 2**70})
        response = (await client.get(f"{server.base_url}/")).unwrap()
    for again in (pickle.loads(pickle.dumps(response)), copy.copy(response)):
        assert again.json == response.json == {"number": 2**70}
        assert again == response
    assert b"pydantic" not in pickle.dumps(response)


def test_what_cannot_be_read_says_so() -> None:
    response = HttpResponse(200, body=b"{no", loads=parse_json)
    with pytest.raises(HTTPDecodeError, match=r"it starts with '\{no'"):
        _ = response.json
