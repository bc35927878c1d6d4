"""The file of a cassette: how it reads, and that nothing is lost in it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lexigram.contracts.web import (
    Headers,
    HTTPCircuitOpenError,
    HTTPClientError,
    HTTPConnectionError,
    HttpResponse,
    HTTPTimeoutError,
)
from lexigram.testing import (
    Cassette,
    CassetteFileError,
    FakeHTTPClient,
    Interaction,
    RecordedRequest,
    RecordingHTTPClient,
    Reply,
)
from lexigram.testing._cassettes.fileformat import dump_cassette, parse_cassette

API = "https://api.test"
HERE = Path("x.json")


async def test_the_file_reads_well(tmp_path: Path) -> None:
    fake = FakeHTTPClient(base_url=API)
    fake.on.post("/v1/invoices").respond(201, json={"id": "inv_1", "a": [1]})
    fake.on.get("/v1/report").respond(text="a,b\n1,2\n")
    fake.on.get("/v1/logo").respond(body=b"\x89PNG\x00")
    fake.on.get("/v1/slow").fail(
        HTTPTimeoutError(
            "Too late.",
            phase="total",
            limit=2.0,
            method="GET",
            url=f"{API}/v1/slow",
            attempts=1,
        )
    )
    path = tmp_path / "x.json"
    cassette = Cassette.open(path, mode="record_all")
    async with RecordingHTTPClient(fake, cassette) as client:
        await client.post(
            f"{API}/v1/invoices?dry=1&lang=de",
            json={"total": 3, "due": None},
            headers={"Authorization": "Bearer s3cret-s3cret", "X-Tenant": "acme"},
        )
        await client.get(f"{API}/v1/report")
        await client.get(f"{API}/v1/logo")
        await client.get(f"{API}/v1/slow")
    assert (
        path.read_text("utf-8")
        == """\
{
  "interactions": [
    {
      "request": {
        "body": {
          "json": {
            "total": 3,
            "due": null
          }
        },
        "headers": [
          "Authorization: ***",
          "X-Tenant: acme",
          "Content-Type: application/json"
        ],
        "method": "POST",
        "query": [
          "dry=1",
          "lang=de"
        ],
        "url": "https://api.test/v1/invoices"
      },
      "response": {
        "body": {
          "json": {
            "id": "inv_1",
            "a": [
              1
            ]
          }
        },
        "headers": [
          "Content-Type: application/json",
          "Content-Length: 22"
        ],
        "status": 201
      }
    },
    {
      "request": {
        "method": "GET",
        "url": "https://api.test/v1/report"
      },
      "response": {
        "body": {
          "text": [
            "a,b\\n",
            "1,2\\n"
          ]
        },
        "headers": [
          "Content-Type: text/plain; charset=utf-8",
          "Content-Length: 8"
        ],
        "status": 200
      }
    },
    {
      "request": {
        "method": "GET",
        "url": "https://api.test/v1/logo"
      },
      "response": {
        "body": {
          "base64": "iVBORwA="
        },
        "headers": [
          "Content-Length: 5"
        ],
        "status": 200
      }
    },
    {
      "error": {
        "attempts": 1,
        "code": "http.timeout",
        "limit": 2.0,
        "message": "Too late.",
        "phase": "total",
        "request_sent": "no",
        "retryable": false
      },
      "request": {
        "method": "GET",
        "url": "https://api.test/v1/slow"
      }
    }
  ],
  "lexigram_cassette": 1
}
"""
    )


LAYOUTS = [
    (b'{"a":"\xc3\xa9"}', None),
    (b'{"a": "\xc3\xa9"}', "spaced"),
    (b'{"a":"\\u00e9"}', "compact ascii"),
    (b'{"a": "\\u00e9"}', "spaced ascii"),
    (b'{"a":1}\n', "compact newline"),
]


@pytest.mark.parametrize(("body", "layout"), LAYOUTS)
def test_json_is_inline_and_keeps_its_bytes(body: bytes, layout: str | None) -> None:
    written = _body_of(body)
    assert written["json"] == json.loads(body)
    assert written.get("layout") == layout
    assert _round_trip(_interaction(body)).body == body


AS_TEXT = [
    b'{\n    "a": 1\n}',
    b'{"a":1,"a":2}',
    b'{"a":"\\/"}',
    b"[1e400]",
    b"[1.0e2]",
    b"NaN",
    b"[" * 200 + b"]" * 200,
    b"[" * 200_000,
    b'"\\ud800" ',
    "\ufeff{}".encode(),
    b"\r\n\x85"[:2],
]


@pytest.mark.parametrize("body", AS_TEXT, ids=lambda b: repr(b[:12]))
def test_json_that_inline_would_change_is_text(body: bytes) -> None:
    assert list(_body_of(body)) == ["text"]
    assert _round_trip(_interaction(body)).body == body


def test_half_of_a_surrogate_pair_survives() -> None:
    body = b'{"a":"\\ud83d","\\udc00":[]}'
    assert _body_of(body)["layout"] == "compact ascii"
    assert _round_trip(_interaction(body)).body == body


def test_text_with_control_characters_is_base64() -> None:
    assert _body_of(b"a\x00b") == {"base64": "YQBi"}


def test_long_bytes_take_several_lines() -> None:
    body = bytes(range(256))
    lines = _body_of(body)["base64"]
    assert [len(line) for line in lines] == [76, 76, 76, 76, 40]
    assert _round_trip(_interaction(body)).body == body


_names = st.from_regex(r"[A-Za-z!#$%&'*+.^_`|~0-9-]+", fullmatch=True)
_values = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
_headers = st.lists(st.tuples(_names, _values), max_size=5)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner)
    ),
    max_leaves=8,
)
_bodies = (
    st.binary(max_size=200)
    | st.text(max_size=50).map(lambda text: text.encode("utf-8", "replace"))
    | _json.map(lambda value: json.dumps(value).encode())
    | _json.map(lambda value: json.dumps(value, indent=1).encode())
)
_query = st.none() | st.text(st.characters(codec="ascii", exclude_characters="#"))
_urls = st.builds(
    lambda path, query: f"{API}/{path}" + ("" if query is None else f"?{query}"),
    st.from_regex(r"[a-z%/.]{0,9}", fullmatch=True),
    _query,
)
_requests = st.builds(
    RecordedRequest, st.sampled_from(["GET", "POST", "Q"]), _urls, _headers, _bodies
)
_responses = st.builds(
    HttpResponse,
    st.integers(100, 599),
    _urls | st.just(""),
    st.sampled_from(["GET", "HEAD"]),
    _headers,
    _bodies,
    charset=st.sampled_from(["utf-8", "latin-1"]),
    attempts=st.integers(1, 3),
)
_facts: dict[str, Any] = {
    "method": st.sampled_from(["", "GET"]),
    "url": _urls,
    "attempts": st.integers(0, 9),
    "request_sent": st.sampled_from(["no", "maybe", "yes"]),
    "retryable": st.booleans(),
}
_failures = (
    st.builds(HTTPConnectionError, _values, failure=st.just("tls"), **_facts)
    | st.builds(
        HTTPTimeoutError,
        _values,
        phase=st.just("pool"),
        limit=st.floats(0.001, 1e9),
        **_facts,
    )
    | st.builds(
        HTTPCircuitOpenError,
        _values,
        retry_after=st.none() | st.floats(0, 99),
        **_facts,
    )
    | st.builds(HTTPClientError, _values, **_facts)
)


@given(request=_requests, response=_responses)
@example(
    RecordedRequest("GET", f"{API}/?", [("X", "")]), HttpResponse(200, body=b'"a"\n\n')
)
def test_any_exchange_survives_the_file(
    request: RecordedRequest, response: HttpResponse
) -> None:
    (read,) = parse_cassette(dump_cassette([Interaction(request, response)]), HERE)
    again, outcome = read.request, read.outcome
    assert isinstance(outcome, HttpResponse)
    assert (again.method, again.url, again.body) == (
        request.method,
        request.url,
        request.body,
    )
    assert again.headers.pairs == request.headers.pairs
    assert outcome == response
    assert outcome.headers.pairs == response.headers.pairs
    assert (outcome.charset, outcome.attempts) == (response.charset, response.attempts)


@given(request=_requests, failure=_failures)
def test_any_failure_survives_the_file(
    request: RecordedRequest, failure: HTTPClientError
) -> None:
    (read,) = parse_cassette(dump_cassette([Interaction(request, failure)]), HERE)
    assert type(read.outcome) is type(failure)
    assert read.outcome.args == failure.args
    assert vars(read.outcome) == vars(failure)


@given(exchanges=st.lists(st.tuples(_requests, _responses | _failures), max_size=4))
def test_writing_what_was_read_changes_nothing(exchanges: list[Any]) -> None:
    content = dump_cassette([Interaction(*exchange) for exchange in exchanges])
    assert dump_cassette(parse_cassette(content, HERE)) == content
    assert content.endswith(b"\n}\n")


GOOD: dict[str, Any] = {
    "interactions": [
        {
            "request": {"method": "GET", "url": f"{API}/x", "query": ["a=1"]},
            "response": {"status": 200, "headers": ["A: b"], "body": {"text": "x"}},
        },
        {
            "request": {"method": "GET", "url": f"{API}/x"},
            "error": {"code": "http.connection", "message": "No.", "failure": "dns"},
        },
    ],
    "lexigram_cassette": 1,
}
_ALTERATIONS: list[tuple[list[Any], Any, str, str]] = [
    (["lexigram_cassette"], 2, "lexigram_cassette", "is 2, and this version"),
    (["lexigram_cassette"], "1", "lexigram_cassette", "is not a whole number"),
    (["lexigram_cassette"], ..., "", "has no field 'lexigram_cassette'"),
    (["interactions"], {}, "interactions", "is not an array"),
    (["interactions"], ..., "", "has no field 'interactions'"),
    (["interactons"], [], "", "Did you mean 'interactions'"),
    (["interactions", 0], [], "interactions[0]", "is not an object"),
    (["interactions", 0, "response"], ..., "interactions[0]", "needs one of"),
    (["interactions", 0, "error"], {}, "interactions[0]", "needs one of"),
    (
        ["interactions", 0, "request", "url"],
        7,
        "interactions[0].request.url",
        "is not a text",
    ),
    (
        ["interactions", 0, "request", "query"],
        [1],
        "interactions[0].request.query[0]",
        "is not a text",
    ),
    (
        ["interactions", 0, "response", "status"],
        True,
        "interactions[0].response.status",
        "is not a whole number",
    ),
    (
        ["interactions", 0, "response", "headers"],
        ["no colon"],
        "interactions[0].response.headers[0]",
        "Write it as 'Name: value'",
    ),
    (
        ["interactions", 0, "response", "body"],
        {"text": "a", "json": 1},
        "interactions[0].response.body",
        "needs one of",
    ),
    (
        ["interactions", 0, "response", "body"],
        {"base64": "%%%"},
        "interactions[0].response.body.base64",
        "is not base64",
    ),
    (
        ["interactions", 0, "response", "body"],
        {"json": 1, "layout": "wide"},
        "interactions[0].response.body.layout",
        "is the unknown 'wide'",
    ),
    (
        ["interactions", 1, "error", "code"],
        "http.other",
        "interactions[1].error.code",
        "is the unknown 'http.other'",
    ),
    (
        ["interactions", 1, "error", "failure"],
        ...,
        "interactions[1].error",
        "is not a failure of this kind",
    ),
    (
        ["interactions", 1, "error", "phase"],
        "read",
        "interactions[1].error",
        "is not a failure of this kind",
    ),
]


@pytest.mark.parametrize(("keys", "value", "place", "problem"), _ALTERATIONS)
def test_a_malformed_file_is_refused_with_the_place(
    tmp_path: Path, keys: list[Any], value: Any, place: str, problem: str
) -> None:
    broken = json.loads(json.dumps(GOOD))
    parent = broken
    for key in keys[:-1]:
        parent = parent[key]
    if value is ...:
        del parent[keys[-1]]
    else:
        parent[keys[-1]] = value
    path = tmp_path / "x.json"
    path.write_text(json.dumps(broken))
    with pytest.raises(CassetteFileError) as caught:
        Cassette.open(path, mode="record_missing")
    assert caught.value.place == place
    assert problem in str(caught.value)
    assert f"'{path}' cannot be read: {place or 'the file'} " in str(caught.value)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b'{\n  "interactions": [,\n', "line 2, column 20"),
        (b"", "line 1, column 1"),
        (b"\xff\xfe\xfd", ""),
        (b"[" * 200_000, ""),
        (b"[]", ""),
    ],
)
def test_what_is_no_json_object_is_refused(
    tmp_path: Path, content: bytes, place: str
) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(CassetteFileError) as caught:
        Cassette.open(path)
    assert caught.value.place == place


def test_the_good_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps(GOOD))
    first, second = Cassette.open(path).interactions
    assert first.request.url == f"{API}/x?a=1"
    assert isinstance(second.outcome, HTTPConnectionError)
    assert second.outcome.url == f"{API}/x"


def test_a_header_without_value_survives_an_editor_that_trims_lines() -> None:
    content = dump_cassette(
        [Interaction(RecordedRequest("GET", API, [("X-A", "")]), HttpResponse(200))]
    )
    (read,) = parse_cassette(content.replace(b'"X-A: "', b'"X-A:"'), HERE)
    assert read.request.headers == Headers([("X-A", "")])


async def test_a_reply_of_another_library_is_recorded_alike(tmp_path: Path) -> None:
    """What is written depends on the contract, not on who implements it."""
    written = []
    for number in range(2):
        fake = FakeHTTPClient(base_url=API)
        fake.on.post("/x").respond(Reply(200, json=1))
        path = tmp_path / f"{number}.json"
        cassette = Cassette.open(path, mode="record_all")
        client: Any = fake
        if number:  # through another decorator of the same contract
            client = RecordingHTTPClient(
                fake, Cassette.open(tmp_path / "inner.json", mode="record_all")
            )
        async with RecordingHTTPClient(client, cassette) as recording:
            await recording.post(f"{API}/x", json={"n": 1})
        written.append(path.read_bytes())
    assert written[0] == written[1]


def _interaction(body: bytes) -> Interaction:
    return Interaction(RecordedRequest("GET", API), HttpResponse(200, body=body))


def _body_of(body: bytes) -> dict[str, Any]:
    content = dump_cassette([_interaction(body)])
    written: dict[str, Any] = json.loads(content)["interactions"][0]["response"]["body"]
    return written


def _round_trip(interaction: Interaction) -> HttpResponse:
    (read,) = parse_cassette(dump_cassette([interaction]), HERE)
    assert isinstance(read.outcome, HttpResponse)
    return read.outcome
