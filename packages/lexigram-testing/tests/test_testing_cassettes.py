"""Recording and replaying, as code under test meets them."""

import asyncio
import json
import pickle
import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.web import (
    HTTPClientError,
    HTTPClientProtocol,
    HTTPConnectionError,
    HTTPInvalidRequestError,
    HttpResponse,
    HTTPRetryExhaustedError,
    HTTPStatusError,
    HTTPTimeoutError,
    HTTPUnknownOptionError,
)
from lexigram.testing import (
    Cassette,
    CassetteFileError,
    CassetteVerificationError,
    FakeHTTPClient,
    Interaction,
    Leak,
    RecordedRequest,
    RecordingHTTPClient,
    RecordMode,
    Reply,
    SecretInCassette,
    TestKitFailure,
    UnrecordedRequest,
)

API = "https://api.test"


class Recorder:
    """Records with a fake and replays without one."""

    def __init__(self, path: Path) -> None:
        self.path = path / "tapes" / "x.json"

    async def record(
        self,
        calls: list[tuple[str, str, dict[str, Any]]],
        *outcomes: Any,
        mode: RecordMode = "record_missing",
        **options: Any,
    ) -> list[HttpResponse]:
        fake = FakeHTTPClient(base_url=API)
        fake.on("*", "/{path}").sequence(*outcomes, then="cycle")
        cassette = Cassette.open(self.path, mode=mode, **options)
        async with RecordingHTTPClient(fake, cassette) as client:
            return [await client.request(m, f"{API}{u}", **o) for m, u, o in calls]

    def replay(self, **options: Any) -> RecordingHTTPClient:
        return RecordingHTTPClient(None, Cassette.open(self.path, **options))

    def edit(self, old: str, new: str) -> None:
        text = self.path.read_text("utf-8")
        assert old in text
        self.path.write_text(text.replace(old, new), "utf-8")


@pytest.fixture
def tape(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path)


def get(url: str, **options: Any) -> tuple[str, str, dict[str, Any]]:
    return "GET", url, options


def post(url: str, **options: Any) -> tuple[str, str, dict[str, Any]]:
    return "POST", url, options


async def test_it_is_an_http_client(tape: Recorder) -> None:
    await tape.record([get("/x")], Reply(200))
    client: HTTPClientProtocol = tape.replay(strict="lenient")
    assert isinstance(client, HTTPClientProtocol)


async def test_a_recorded_answer_is_replayed_whole(tape: Recorder) -> None:
    headers = [("Vary", "a"), ("X-A", "1"), ("X-A", "2")]
    reply = Reply(201, headers, json={"z": 1, "a": [None, "é"]})
    (live,) = await tape.record([post("/x?q=1", json={"n": 1})], reply)
    async with tape.replay() as client:
        replayed = await client.request("POST", f"{API}/x?q=1", json={"n": 1})
    assert replayed == live
    assert replayed.headers.pairs == live.headers.pairs
    assert replayed.json == {"z": 1, "a": [None, "é"]}
    assert replayed.elapsed == 0.0


@pytest.mark.parametrize("verb", ["get", "post", "put", "patch", "delete", "head"])
async def test_every_verb_is_recorded_and_replayed(tape: Recorder, verb: str) -> None:
    await tape.record([(verb.upper(), "/x", {})], Reply(202, json={}))
    async with tape.replay() as client:
        response = (await getattr(client, verb)(f"{API}/x")).unwrap()
    assert (response.status, response.method) == (202, verb.upper())


async def test_a_recorded_error_status_is_an_error_of_the_verbs(tape: Recorder) -> None:
    await tape.record([get("/x")], Reply(404, json={"why": "gone"}))
    async with tape.replay() as client:
        error = (await client.get(f"{API}/x")).unwrap_err()
    assert isinstance(error, HTTPStatusError)
    assert error.response.json == {"why": "gone"}


FAILURES = [
    HTTPConnectionError(
        "The connection was reset.",
        failure="disconnected",
        method="GET",
        url=f"{API}/x",
        attempts=2,
        request_sent="maybe",
        retryable=True,
    ),
    HTTPTimeoutError(
        "Too late.", phase="read", limit=1.5, method="GET", url=f"{API}/elsewhere"
    ),
    HTTPRetryExhaustedError(
        "Gave up.",
        last=HTTPConnectionError("No.", failure="dns", method="GET", url=f"{API}/x"),
        method="GET",
        url=f"{API}/x",
    ),
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda f: type(f).__name__)
async def test_a_failure_is_replayed_as_an_equal_one(
    tape: Recorder, failure: HTTPClientError
) -> None:
    with pytest.raises(type(failure)):
        await tape.record([get("/x")], failure)
    assert not tape.path.exists() or tape.path.stat().st_size
    async with tape.replay() as client:
        with pytest.raises(type(failure)) as caught:
            await client.request("GET", f"{API}/x")
    error = caught.value
    assert str(error) == str(failure)
    facts, expected = vars(error).copy(), vars(failure).copy()
    del expected["timeline"]  # of the day it was recorded: no part of a cassette
    last, expected_last = facts.pop("last", None), expected.pop("last", None)
    assert facts == expected
    assert str(last) == str(expected_last)
    assert error.__cause__ is last


async def test_a_failure_of_a_strangers_class_is_replayed_as_the_nearest_known(
    tape: Recorder,
) -> None:
    class OwnError(HTTPConnectionError):
        code = "own.error"

    with pytest.raises(OwnError):
        await tape.record([get("/x")], OwnError("No.", failure="tls"))
    async with tape.replay() as client:
        error = (await client.get(f"{API}/x")).unwrap_err()
    assert type(error) is HTTPConnectionError
    assert error.failure == "tls"


async def test_identical_requests_replay_in_order_and_then_fail(tape: Recorder) -> None:
    await tape.record([get("/x"), get("/x")], Reply(text="one"), Reply(text="two"))
    client = tape.replay()
    texts = [(await client.request("GET", f"{API}/x")).text for _ in "ab"]
    assert texts == ["one", "two"]
    with pytest.raises(UnrecordedRequest, match="all 2 that it holds had their turn"):
        await client.request("GET", f"{API}/x")


async def test_repeat_last_gives_the_last_answer_again(tape: Recorder) -> None:
    await tape.record([get("/x"), get("/x")], Reply(text="one"), Reply(text="two"))
    async with tape.replay(repeat_last=True) as client:
        texts = [(await client.request("GET", f"{API}/x")).text for _ in range(4)]
    assert texts == ["one", "two", "two", "two"]


async def test_repeat_last_records_one_answer_per_request(tape: Recorder) -> None:
    calls = [get("/x"), get("/x"), get("/y")]
    replies = [Reply(text="one"), Reply(text="two")]
    responses = await tape.record(calls, *replies, repeat_last=True)
    assert [r.text for r in responses] == ["one", "one", "two"]
    assert len(Cassette.open(tape.path).interactions) == 2


SAME = [
    (get("/x?a=1&b=2"), get("/x", params=[("b", 2), ("a", "1")])),
    (post("/x", json={"a": 1, "b": [2]}), post("/x", data='{"b": [2], "a": 1}')),
    (post("/x", data={"a": "1", "b": "2"}), post("/x", data={"b": "2", "a": "1"})),
    (get("/%61"), get("/a")),
    (get("/x", headers={"X-A": "1"}), get("/x", headers={"X-A": "2"})),
    (get("/x"), get(":443/x")),
]


@pytest.mark.parametrize(("recorded", "asked"), SAME)
async def test_what_means_the_same_matches(
    tape: Recorder, recorded: Any, asked: Any
) -> None:
    await tape.record([recorded], Reply(204))
    async with tape.replay() as client:
        method, url, options = asked
        assert (await client.request(method, f"{API}{url}", **options)).status == 204


async def test_the_replayed_url_is_the_one_that_was_asked_for(tape: Recorder) -> None:
    await tape.record([get("/x?a=1&b=2&token=s3cret")], Reply(204))
    async with tape.replay() as client:
        asked = f"{API}/x?token=other&b=2&a=1"
        assert (await client.request("GET", asked)).url == asked


DIFFERENT = [
    (get("/x"), post("/x")),
    (get("/x"), get("/y")),
    (get("/x"), get(".org/x")),
    (get("/x?a=1"), get("/x?a=2")),
    (get("/x?a=1"), get("/x?a=1&a=1")),
    (get("/a%2Fb"), get("/a/b")),
    (post("/x", json={"a": 1}), post("/x", json={"a": True})),
    (post("/x", json=None), post("/x")),
    (post("/x", data=b"\xff"), post("/x", data=b"\xfe")),
    (post("/x", data={"a": "1"}), post("/x", data={"a": "2"})),
]


@pytest.mark.parametrize(("recorded", "asked"), DIFFERENT)
async def test_what_means_something_else_does_not_match(
    tape: Recorder, recorded: Any, asked: Any
) -> None:
    await tape.record([recorded], Reply(204))
    client = tape.replay()
    method, url, options = asked
    with pytest.raises(UnrecordedRequest):
        await client.request(method, f"{API}{url}", **options)


async def test_fewer_parts_or_more_headers_can_be_compared(tape: Recorder) -> None:
    await tape.record([post("/x", json=1, headers={"X-Tenant": "a"})], Reply(204))
    async with tape.replay(match=("method", "path")) as client:
        await client.request("POST", "https://other.test/x?p=1", json=2)
    client = tape.replay(match_headers=["X-Tenant"])
    with pytest.raises(
        UnrecordedRequest, match="header X-Tenant: recorded 'a', asked 'b'"
    ):
        await client.post(f"{API}/x", json=1, headers={"x-tenant": "b"})
    await client.post(f"{API}/x", json=1, headers={"x-tenant": "a"})


@pytest.mark.parametrize(
    ("option", "word"), [("mode", "rec"), ("strict", "very"), ("match", "url")]
)
def test_an_unknown_word_is_refused(tmp_path: Path, option: str, word: str) -> None:
    value: Any = (word,) if option == "match" else word
    options: dict[str, Any] = {"mode": "record_all", option: value}
    with pytest.raises(ValueError, match=f"{option}='{word}'.*Use '"):
        Cassette.open(tmp_path / "x.json", **options)


async def test_paths_for_a_client_with_a_base_url_are_recorded_as_asked(
    tape: Recorder,
) -> None:
    fake = FakeHTTPClient(base_url=API)
    fake.on.get("/x").respond(json=1)
    recording = Cassette.open(tape.path, mode="record_all")
    async with RecordingHTTPClient(fake, recording) as client:
        await client.get("/x?a=1")
    async with tape.replay() as client:
        response = (await client.get("/x?a=1")).unwrap()
    assert response.url == f"{API}/x?a=1"


async def test_a_request_without_recording_says_what_differs(tape: Recorder) -> None:
    body = {"customer": "c_1", "lines": [{"sku": "a", "count": 1}], "note": "n"}
    await tape.record(
        [
            get("/health"),
            post("/invoices?page=1", json=body),
            get("/one"),
            get("/two"),
            get("/three"),
        ],
        Reply(200),
    )
    client = tape.replay()
    body["lines"] = [{"sku": "a", "count": 2}]
    with pytest.raises(UnrecordedRequest) as caught:
        await client.post(
            f"{API}/invoices?page=2", json=body, headers={"Authorization": "Bearer x"}
        )
    message = str(caught.value).replace(str(tape.path), "x.json")
    assert message.startswith("The cassette 'x.json' has no answer for a request.\n")
    for line in [
        "  POST https://api.test/invoices?page=2",
        "    header  Authorization: ***",
        "  closest: #2 POST https://api.test/invoices?page=***",
        "    ok    method",
        "    ok    path",
        '    DIFF  query: recorded {"page": "1"}, asked {"page": "2"}',
        "    DIFF  body (- recorded, + asked):",
        '            -       "count": 1,',
        '            +       "count": 2,',
        "  … and 2 more interactions.",
        (
            "  To record the answer, open the cassette with "
            'mode="record_missing" and a client that reaches the service.'
        ),
    ]:
        assert line in message.splitlines()
    assert "repeat_last" not in message
    assert caught.value.request.headers["authorization"] == "***"


async def test_a_used_up_recording_says_so(tape: Recorder) -> None:
    await tape.record([post("/x", data="text")], Reply(200))
    client = tape.replay()
    await client.post(f"{API}/x", data="text")
    with pytest.raises(UnrecordedRequest) as caught:
        await client.post(f"{API}/x", data="text")
    assert "the one that it holds had its turn" in str(caught.value)
    assert "    DIFF  already replayed\n    ok    method" in str(caught.value)
    assert "repeat_last=True" in str(caught.value)


async def test_an_empty_recording_says_so(tape: Recorder) -> None:
    tape.path.parent.mkdir()
    tape.path.write_text('{"interactions": [], "lexigram_cassette": 1}')
    with pytest.raises(UnrecordedRequest, match="It holds no interactions"):
        await tape.replay().get(f"{API}/x")


async def test_forms_are_compared_field_by_field(tape: Recorder) -> None:
    await tape.record([post("/x", data={"a": "1", "b": "1"})], Reply(200))
    with pytest.raises(UnrecordedRequest) as caught:
        await tape.replay().post(f"{API}/x", data={"a": "1", "b": "2"})
    assert '            +   "b": "2",' in str(caught.value).splitlines()


async def test_bodies_that_are_not_json_are_shown_on_both_sides(tape: Recorder) -> None:
    await tape.record([post("/x", data="one")], Reply(200))
    with pytest.raises(UnrecordedRequest, match="body: recorded .*one.*asked .*two"):
        await tape.replay().post(f"{API}/x", data="two")


async def test_no_handler_swallows_a_missing_recording(tape: Recorder) -> None:
    await tape.record([get("/x")], Reply(200))
    assert issubclass(UnrecordedRequest, TestKitFailure)
    client = tape.replay(strict="unmatched_only")
    await client.__aenter__()
    with suppress(BaseException):  # the worst of handlers
        await client.get(f"{API}/y")
    with pytest.raises(CassetteVerificationError, match="no answer") as caught:
        await client.__aexit__(None, None, None)
    assert isinstance(caught.value.failures[0], UnrecordedRequest)


async def test_an_unused_recording_fails_at_the_end(tape: Recorder) -> None:
    await tape.record([get("/x"), get("/y"), get("/x")], Reply(200))
    with pytest.raises(CassetteVerificationError) as caught:
        async with tape.replay() as client:
            await client.get(f"{API}/x")
    assert [i.name() for i in caught.value.unused] == [
        f"GET {API}/x",
        f"GET {API}/y",
    ]
    assert f"  #2 GET {API}/y\n  #3 GET {API}/x\n" in str(caught.value)
    assert 'mode="record_all"' in str(caught.value)


@pytest.mark.parametrize("strict", ["unmatched_only", "lenient"])
async def test_unused_recordings_can_be_allowed(tape: Recorder, strict: str) -> None:
    await tape.record([get("/x")], Reply(200))
    async with tape.replay(strict=strict) as client:
        pass
    assert len(client.cassette.unused()) == 1


async def test_the_failure_of_the_test_stays_the_headline(tape: Recorder) -> None:
    await tape.record([get("/x")], Reply(200))
    with pytest.raises(KeyError) as caught:
        async with tape.replay():
            raise KeyError("own")
    (note,) = caught.value.__notes__
    assert "nobody asked for" in note
    with pytest.raises(UnrecordedRequest) as missing:
        async with tape.replay(strict="unmatched_only") as client:
            await client.get(f"{API}/y")
    assert not hasattr(missing.value, "__notes__")


def test_a_missing_file_says_how_to_record_it(tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    with pytest.raises(CassetteFileError) as caught:
        Cassette.open(path)
    assert str(caught.value) == (
        f"There is no cassette '{path}', and mode='replay' does not record. Record it "
        'with mode="record_missing" and a client that reaches the service.'
    )
    assert caught.value.path == path


def test_a_mode_that_sends_needs_a_client(tmp_path: Path) -> None:
    cassette = Cassette.open(tmp_path / "x.json", mode="record_all")
    with pytest.raises(ValueError, match="there is no client"):
        RecordingHTTPClient(None, cassette)


async def test_an_exchange_without_a_client_is_refused(tmp_path: Path) -> None:
    cassette = Cassette.open(tmp_path / "x.json", mode="record_all")
    with pytest.raises(ValueError, match="there is none"):
        await cassette.exchange(RecordedRequest("GET", f"{API}/x"))
    assert not cassette.save()


async def test_record_missing_adds_what_is_new_and_sends_nothing_else(
    tape: Recorder,
) -> None:
    await tape.record([get("/x")], Reply(text="old"))
    calls = [get("/x"), get("/y"), get("/x")]
    responses = await tape.record(calls, Reply(text="new 1"), Reply(text="new 2"))
    assert [r.text for r in responses] == ["old", "new 1", "new 2"]
    names = [i.name() for i in Cassette.open(tape.path).interactions]
    assert names == [f"GET {API}/x", f"GET {API}/y", f"GET {API}/x"]


async def test_record_all_replaces_everything(tape: Recorder) -> None:
    await tape.record([get("/x"), get("/y")], Reply(text="old"))
    await tape.record([get("/x")], Reply(text="new"), mode="record_all")
    (only,) = Cassette.open(tape.path).interactions
    assert isinstance(only.outcome, HttpResponse)
    assert only.outcome.text == "new"


async def test_record_all_leaves_the_file_when_the_test_fails(tape: Recorder) -> None:
    await tape.record([get("/x"), get("/y")], Reply(text="old"))
    before = tape.path.read_bytes()
    fake = FakeHTTPClient(base_url=API)
    fake.on.get("/x").respond(text="new")
    cassette = Cassette.open(tape.path, mode="record_all")
    await RecordingHTTPClient(fake, cassette).get(f"{API}/x")
    primary = KeyError("own")
    cassette.close(primary)
    assert tape.path.read_bytes() == before
    assert "left as it is" in primary.__notes__[0]


async def test_a_recording_that_tells_nothing_new_is_not_written(
    tape: Recorder,
) -> None:
    def reply(day: str) -> Reply:
        return Reply(200, {"Date": day, "ETag": day}, json={"a": 1})

    def call(key: str) -> Any:
        return post("/x", json={}, idempotency_key=key)

    await tape.record([call("k1")], reply("Monday"))
    before = tape.path.stat()
    (live,) = await tape.record([call("k2")], reply("Tuesday"), mode="record_all")
    assert live.headers["date"] == "Tuesday"
    assert (tape.path.stat().st_mtime_ns, tape.path.stat().st_ino) == (
        before.st_mtime_ns,
        before.st_ino,
    )
    assert "Monday" in tape.path.read_text("utf-8")
    await tape.record([call("k2")], Reply(json={"a": 2}), mode="record_all")
    assert "Monday" not in tape.path.read_text("utf-8")


async def test_a_cassette_without_interactions_makes_no_file(tape: Recorder) -> None:
    await tape.record([], Reply(200))
    assert not tape.path.exists()


async def test_no_temporary_file_is_left(tape: Recorder) -> None:
    await tape.record([get("/x")], Reply(200))
    assert [p.name for p in tape.path.parent.iterdir()] == ["x.json"]


async def test_a_file_that_cannot_be_replaced_leaves_nothing_behind(
    tape: Recorder,
) -> None:
    tape.path.mkdir(parents=True)
    (tape.path / "in the way").touch()
    cassette = Cassette.open(tape.path.with_name("y.json"), mode="record_all")
    cassette.path = tape.path
    await cassette.exchange(RecordedRequest("GET", f"{API}/x"), _answer)
    with pytest.raises(OSError, match="directory"):
        cassette.close()
    assert [p.name for p in tape.path.parent.iterdir()] == ["x.json"]


async def _answer() -> HttpResponse:
    return HttpResponse(200, f"{API}/x")


@pytest.mark.parametrize(
    ("url", "options", "mistake"),
    [
        (f"{API}/x", {"heders": {}}, HTTPUnknownOptionError),
        (f"{API}/x", {"timeout": -1}, HTTPInvalidRequestError),
        ("ftp://api.test/x", {}, HTTPInvalidRequestError),
    ],
)
async def test_a_mistake_of_the_program_is_raised_and_not_recorded(
    tape: Recorder, url: str, options: Any, mistake: type[HTTPClientError]
) -> None:
    fake = FakeHTTPClient()
    cassette = Cassette.open(tape.path, mode="record_all")
    async with RecordingHTTPClient(fake, cassette) as client:
        with pytest.raises(mistake):
            await client.request("GET", url, **options)
    assert cassette.interactions == ()


async def test_a_mistake_that_only_the_other_client_finds_is_not_recorded(
    tape: Recorder,
) -> None:
    fake = FakeHTTPClient(base_url=API, strict="lenient")
    fake.on.get("/x").fail(HTTPInvalidRequestError("Not like this."))
    cassette = Cassette.open(tape.path, mode="record_all")
    async with RecordingHTTPClient(fake, cassette) as client:
        with pytest.raises(HTTPInvalidRequestError):
            await client.request("GET", f"{API}/x")
    assert cassette.interactions == ()


async def test_a_cancelled_call_is_not_recorded(tape: Recorder) -> None:
    fake = FakeHTTPClient(base_url=API)
    fake.on.get("/slow").respond(delay=3600.0)
    fake.on.get("/x").respond(204)
    cassette = Cassette.open(tape.path, mode="record_all")
    async with RecordingHTTPClient(fake, cassette) as client:
        slow = asyncio.create_task(client.request("GET", f"{API}/slow", timeout=None))
        await fake.calls.wait_for(1)
        await client.get(f"{API}/x")
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
    assert [i.name() for i in cassette.interactions] == [f"GET {API}/x"]


async def test_headers_from_a_generator_reach_the_other_client(tape: Recorder) -> None:
    fake = FakeHTTPClient(base_url=API)
    fake.on.get("/x", headers={"X-A": "1"}).respond(204)
    cassette = Cassette.open(tape.path, mode="record_all")
    async with RecordingHTTPClient(fake, cassette) as client:
        pairs = (pair for pair in [("X-A", "1")])
        await client.request("GET", f"{API}/x", headers=pairs)
    assert cassette.interactions[0].request.headers["x-a"] == "1"


async def test_the_order_of_the_file_is_that_of_the_requests(tape: Recorder) -> None:
    gate = asyncio.Event()

    async def handle(request: RecordedRequest) -> Reply:
        if request.path == "/first":
            await gate.wait()
        return Reply(text=request.path)

    fake = FakeHTTPClient(base_url=API)
    fake.on.get("/{name}").handle(handle)
    cassette = Cassette.open(tape.path, mode="record_all")
    async with RecordingHTTPClient(fake, cassette) as client:
        first = asyncio.create_task(client.request("GET", f"{API}/first"))
        await fake.calls.wait_for(1)
        await client.request("GET", f"{API}/second")
        gate.set()
        await first
    urls = [i.request.url for i in Cassette.open(tape.path).interactions]
    assert urls == [f"{API}/first", f"{API}/second"]


async def test_the_calls_of_the_client_are_kept(tape: Recorder) -> None:
    await tape.record([get("/x")], Reply(404))
    async with tape.replay() as client:
        await client.get(f"{API}/x")
    assert client.calls.one().render() == f"#1 GET {API}/x -> 404"


async def test_two_cassettes_next_to_each_other_do_not_disturb(tmp_path: Path) -> None:
    async def record(name: str) -> None:
        cassette = Cassette.open(tmp_path / "deep" / name, mode="record_missing")
        await cassette.exchange(RecordedRequest("GET", f"{API}/{name}"), _answer)
        await asyncio.to_thread(cassette.close)

    names = [f"{n}.json" for n in range(8)]
    await asyncio.gather(*map(record, names))
    assert sorted(p.name for p in (tmp_path / "deep").iterdir()) == names
    for name in names:
        (only,) = Cassette.open(tmp_path / "deep" / name).interactions
        assert only.request.path == f"/{name}"


def _tape_of(paths: list[str]) -> bytes:
    """Return a cassette whose n-th answer has the body n."""
    interactions = [
        {
            "request": {"method": "GET", "url": f"{API}/{path}"},
            "response": {"status": 200, "body": {"json": number}},
        }
        for number, path in enumerate(paths)
    ]
    return json.dumps({"interactions": interactions, "lexigram_cassette": 1}).encode()


@given(
    paths=st.lists(st.sampled_from("abc"), min_size=1, max_size=12),
    seed=st.integers(0, 2**32),
)
async def test_the_answers_do_not_depend_on_the_order_of_different_requests(
    tmp_path_factory: pytest.TempPathFactory, paths: list[str], seed: int
) -> None:
    path = tmp_path_factory.mktemp("tape") / "x.json"
    path.write_bytes(_tape_of(paths))
    shuffled = random.Random(seed).sample(paths, len(paths))
    answers: dict[str, list[int]] = {}

    async def ask(client: HTTPClientProtocol, name: str) -> None:
        response = await client.request("GET", f"{API}/{name}")
        answers.setdefault(name, []).append(response.json)

    async with RecordingHTTPClient(None, Cassette.open(path)) as client:
        await asyncio.gather(*(ask(client, name) for name in shuffled))
    assert answers == {
        name: [n for n, p in enumerate(paths) if p == name] for name in set(paths)
    }


async def test_a_recorded_failure_that_tells_nothing_new_is_not_written(
    tape: Recorder,
) -> None:
    failure = HTTPTimeoutError("Late.", phase="total", limit=1)
    for mode in ("record_missing", "record_all"):
        cassette = Cassette.open(tape.path, mode=mode)

        async def fail() -> HttpResponse:
            raise failure

        with pytest.raises(HTTPTimeoutError):
            await cassette.exchange(RecordedRequest("GET", f"{API}/x"), fail)
        assert cassette.save() is (mode == "record_missing")


async def test_a_recording_that_agrees_verifies(tape: Recorder) -> None:
    await tape.record([get("/x")], Reply(200))
    client = tape.replay()
    with pytest.raises(CassetteVerificationError):
        client.cassette.verify()
    await client.get(f"{API}/x")
    client.cassette.verify()


def test_the_errors_pickle(tmp_path: Path) -> None:
    errors: list[Any] = [
        CassetteFileError("No.", path=tmp_path, place="line 1"),
        UnrecordedRequest("No.", RecordedRequest("GET", f"{API}/x")),
        SecretInCassette(tmp_path, [Leak("#1", "request url", "a key")]),
        CassetteVerificationError("No."),
    ]
    for error in errors:
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert str(again) == str(error)
    assert pickle.loads(pickle.dumps(errors[0])).place == "line 1"
    assert pickle.loads(pickle.dumps(errors[1])).request.url == f"{API}/x"


def test_reprs_say_what_a_reader_needs(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(_tape_of(["a"]))
    cassette = Cassette.open(tmp_path / "x.json")
    assert (
        repr(cassette) == f"<Cassette '{tmp_path / 'x.json'}' replay, 1 interactions>"
    )
    request = RecordedRequest("GET", f"{API}/x?token=s3cret")
    failure = HTTPTimeoutError("Late.", phase="total", limit=1)
    assert repr(cassette.interactions[0]) == f"<Interaction GET {API}/a -> 200>"
    assert repr(Interaction(request, failure)) == (
        f"<Interaction GET {API}/x?token=*** -> HTTPTimeoutError>"
    )
