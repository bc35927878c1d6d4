"""Mode "verify": whether the live service still answers in the recorded shape."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.web import HTTPConnectionError, HTTPTimeoutError
from lexigram.testing import (
    Cassette,
    CassetteVerificationError,
    FakeHTTPClient,
    RecordingHTTPClient,
    Reply,
    UnrecordedRequest,
)

API = "https://api.test"


class Service:
    """A service whose answers are recorded once and looked at again later."""

    def __init__(self, path: Path) -> None:
        self.path = path / "x.json"

    async def record(self, *outcomes: Any) -> None:
        async with self._client("record_all", outcomes) as client:
            for _ in outcomes:
                await client.get(f"{API}/x")

    async def verify(self, *outcomes: Any) -> list[Any]:
        async with self._client("verify", outcomes) as client:
            return [await client.get(f"{API}/x") for _ in outcomes]

    async def drift(self, recorded: Any, live: Any) -> list[tuple[str, str, str]]:
        await self.record(recorded)
        try:
            await self.verify(live)
        except CassetteVerificationError as error:
            return [(d.place, d.recorded, d.live) for d in error.drift]
        return []

    def _client(self, mode: Any, outcomes: Any) -> RecordingHTTPClient:
        fake = FakeHTTPClient(base_url=API)
        fake.on.get("/x").sequence(*outcomes)
        return RecordingHTTPClient(fake, Cassette.open(self.path, mode=mode))


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(tmp_path)


async def test_the_same_shape_is_no_drift_and_the_answer_is_the_recorded_one(
    service: Service,
) -> None:
    old = {"id": 1, "tags": ["a"], "owner": {"name": "x"}, "note": None}
    new = {"note": None, "id": 2.5, "tags": ["b", "c"], "owner": {"name": "y"}}
    await service.record(Reply(200, {"ETag": "1", "Date": "a"}, json=old))
    before = service.path.read_bytes()
    (result,) = await service.verify(
        Reply(200, {"Etag": "2", "X-Request-Id": "r"}, json=new)
    )
    assert result.unwrap().json == old
    assert service.path.read_bytes() == before


DRIFTS = [
    (Reply(200), Reply(503), ("status", "200", "503")),
    (
        Reply(headers={"Retry-After": "1"}),
        Reply(),
        ("header retry-after", "present", "absent"),
    ),
    (Reply(), Reply(headers={"X-New": "1"}), ("header x-new", "absent", "present")),
    (Reply(json={"a": 1}), Reply(json={"a": "1"}), ("body $.a", "number", "string")),
    (Reply(json={"a": 1}), Reply(json={"a": True}), ("body $.a", "number", "boolean")),
    (Reply(json={"a": 1}), Reply(json={"a": None}), ("body $.a", "number", "null")),
    (
        Reply(json={"a": 1}),
        Reply(json={"a": 1, "b": []}),
        ("body $.b", "nothing", "array"),
    ),
    (
        Reply(json={"a": {"b": 1}}),
        Reply(json={"a": {}}),
        ("body $.a.b", "number", "nothing"),
    ),
    (
        Reply(json={"a": {"b": 1}}),
        Reply(json={"a": [1]}),
        ("body $.a", "object", "array"),
    ),
    (
        Reply(json=[{"a": 1}, {"a": 2}]),
        Reply(json=[{"a": 1}, {"a": "x"}]),
        ("body $[*].a", "number", "number or string"),
    ),
    (
        Reply(json=[{"a": 1}]),
        Reply(json=[{"b": 1}]),
        ("body $[*].a", "number", "nothing"),
    ),
    (
        Reply(headers={"Content-Type": "a"}, body=b"{}"),
        Reply(headers={"Content-Type": "a"}, body=b"text"),
        ("body", "JSON", "text"),
    ),
    (
        Reply(body=b"text"),
        Reply(body=b"\x00"),
        ("body", "text", "bytes"),
    ),
    (Reply(body=b"text"), Reply(), ("body", "text", "no body")),
    (
        Reply(),
        HTTPTimeoutError("Late.", phase="read", limit=1),
        (
            "outcome",
            "a response with status 200",
            "HTTPTimeoutError (read)",
        ),
    ),
    (
        HTTPConnectionError("No.", failure="dns"),
        HTTPConnectionError("No.", failure="tls"),
        ("outcome", "HTTPConnectionError (dns)", "HTTPConnectionError (tls)"),
    ),
]


@pytest.mark.parametrize(("recorded", "live", "drift"), DRIFTS)
async def test_another_shape_is_drift(
    service: Service, recorded: Any, live: Any, drift: tuple[str, str, str]
) -> None:
    assert drift in await service.drift(recorded, live)


NO_DRIFTS = [
    (Reply(json=[]), Reply(json=[{"a": 1}])),
    (Reply(json=[{"a": 1}]), Reply(json=[])),
    (Reply(json=[{"a": 1}, {}]), Reply(json=[{}])),
    (Reply(json=[1, "a", None]), Reply(json=[2])),
    (
        HTTPConnectionError("No.", failure="dns"),
        HTTPConnectionError("Still no.", failure="dns"),
    ),
]


@pytest.mark.parametrize(("recorded", "live"), NO_DRIFTS)
async def test_what_a_sample_cannot_tell_is_no_drift(
    service: Service, recorded: Any, live: Any
) -> None:
    assert await service.drift(recorded, live) == []


async def test_a_change_of_a_container_is_told_once(service: Service) -> None:
    recorded, live = Reply(json={"a": [1]}), Reply(json={"a": {"b": 1}})
    assert await service.drift(recorded, live) == [("body $.a", "array", "object")]


async def test_every_drift_is_told_at_once(service: Service) -> None:
    await service.record(Reply(json={"a": 1, "b": 1}), Reply(204))
    with pytest.raises(CassetteVerificationError) as caught:
        await service.verify(Reply(json={"a": "", "b": ""}), Reply(500))
    assert str(caught.value) == (
        f"The cassette '{service.path}' and the test differ.\n\n"
        "Live answers have another shape:\n"
        f"  #1 GET {API}/x: body $.a: recorded number, live string\n"
        f"  #1 GET {API}/x: body $.b: recorded number, live string\n"
        f"  #2 GET {API}/x: status: recorded 204, live 500"
    )


async def test_an_unrecorded_request_is_not_sent(service: Service) -> None:
    await service.record(Reply(200))
    fake = FakeHTTPClient(base_url=API)
    fake.on.get("/x").respond(200)
    client = RecordingHTTPClient(fake, Cassette.open(service.path, mode="verify"))
    with pytest.raises(UnrecordedRequest, match="no answer"):
        await client.get(f"{API}/y")
    assert len(fake.calls) == 0
    with pytest.raises(CassetteVerificationError, match="(?s)no answer.*nobody asked"):
        client.cassette.verify()


async def test_what_was_hidden_comes_from_the_live_answer(service: Service) -> None:
    """Else code that fetches a token could not be verified."""
    recorded = Reply(
        headers={"Set-Cookie": "sid=old-old-old"},
        json={"access_token": "old", "n": 1, "all": [{"secret": "old"}] * 2},
    )
    live = Reply(
        headers={"Set-Cookie": "sid=new-new-new"},
        json={"access_token": "new", "n": 2, "all": [{"secret": "new"}]},
    )
    await service.record(recorded)
    (result,) = await service.verify(live)
    response = result.unwrap()
    assert response.json == {
        "access_token": "new",
        "n": 1,
        "all": [{"secret": "new"}, {"secret": "***"}],
    }
    assert response.headers["set-cookie"] == "sid=new-new-new"


async def test_a_mistake_that_the_live_client_finds_passes_through(
    service: Service,
) -> None:
    await service.record(Reply(200))
    error = ValueError("own")
    with pytest.raises(ValueError, match="own"):
        await service.verify(error)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(value=_json)
async def test_an_answer_never_drifts_from_itself(
    tmp_path_factory: pytest.TempPathFactory, value: Any
) -> None:
    service = Service(tmp_path_factory.mktemp("tape"))
    body = json.dumps(value)
    assert await service.drift(Reply(text=body), Reply(text=body)) == []
