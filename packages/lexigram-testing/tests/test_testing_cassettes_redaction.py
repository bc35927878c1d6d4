"""No secret reaches a cassette, and what is hidden still matches."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lexigram.contracts.web import HttpResponse
from lexigram.testing import (
    Cassette,
    FakeHTTPClient,
    RecordedRequest,
    RecordingHTTPClient,
    Redactor,
    Reply,
    SecretInCassette,
    SecretRedactor,
)

API = "https://api.test"
SECRET = "s3cr3t-ABC"


async def _record(
    path: Path, reply: Reply, method: str = "GET", url: str = f"{API}/x", **options: Any
) -> HttpResponse:
    redact = options.pop("redact", None)
    fake = FakeHTTPClient(base_url=API)
    fake.on("*", "/x").respond(reply)
    cassette = Cassette.open(path, mode="record_all", redact=redact)
    async with RecordingHTTPClient(fake, cassette) as client:
        return await client.request(method, url, **options)


def _exchange(path: Path) -> tuple[RecordedRequest, HttpResponse]:
    (only,) = Cassette.open(path).interactions
    assert isinstance(only.outcome, HttpResponse)
    return only.request, only.outcome


IN_REQUESTS: list[tuple[str, dict[str, Any]]] = [
    (f"{API}/x", {"headers": {"Authorization": f"Bearer {SECRET}"}}),
    (f"{API}/x", {"headers": {"Cookie": f"sid={SECRET}"}}),
    (f"{API}/x", {"headers": {"Proxy-Authorization": f"Basic {SECRET}"}}),
    (f"{API}/x", {"headers": {"X-Api-Key": SECRET}}),
    (f"https://me:{SECRET}@api.test/x", {}),
    (f"{API}/x?api_key={SECRET}&page=2", {}),
    (f"{API}/x", {"params": {"client_secret": SECRET}}),
    (f"{API}/x?client%5Fsecret={SECRET}", {}),
    (f"{API}/x", {"json": {"auth": {"password": SECRET}}}),
    (f"{API}/x", {"json": [{"accessToken": [SECRET, {"value": SECRET}]}]}),
    (f"{API}/x", {"data": {"grant_type": "password", "password": SECRET}}),
    (f"{API}/x", {"data": f'{{"a":1}}\n{{"token": "{SECRET}"}}\n'}),
]


@pytest.mark.parametrize(("url", "options"), IN_REQUESTS)
async def test_a_secret_of_a_request_is_hidden_and_the_request_still_matches(
    tmp_path: Path, url: str, options: dict[str, Any]
) -> None:
    path = tmp_path / "x.json"
    await _record(path, Reply(204), "POST", url, **options)
    text = path.read_text("utf-8")
    assert SECRET not in text
    assert "***" in text
    async with RecordingHTTPClient(None, Cassette.open(path)) as client:
        await client.post(url, **options)


IN_RESPONSES = [
    Reply(headers={"Set-Cookie": f"sid={SECRET}"}),
    Reply(headers=[("Set-Cookie", "a"), ("Set-Cookie", SECRET)]),
    Reply(json={"access_token": SECRET, "token_type": "Bearer"}),
    Reply(json={"data": [{"refreshToken": SECRET}]}),
    Reply(302, {"Location": f"https://a.test/cb?token={SECRET}#id_token={SECRET}"}),
    Reply(text=f'data: {{"api_key": "{SECRET}"}}\n\n'),
]


@pytest.mark.parametrize("reply", IN_RESPONSES, ids=range(len(IN_RESPONSES)))
async def test_a_secret_of_a_response_is_hidden_and_the_caller_still_gets_it(
    tmp_path: Path, reply: Reply
) -> None:
    path = tmp_path / "x.json"
    live = await _record(path, reply, follow_redirects=False)
    assert SECRET in f"{live.headers.pairs}{live.text}"
    assert SECRET not in path.read_text("utf-8")


async def test_what_is_no_secret_stays(tmp_path: Path) -> None:
    body = {
        "author": "me",
        "token_type": "Bearer",
        "token_endpoint": "/t",
        "total_tokens": 12,
        "password": None,
        "secret": "",
        "has_secret": True,
    }
    headers = {"WWW-Authenticate": "Basic realm=a", "X-Rate": "1"}
    path = tmp_path / "x.json"
    await _record(path, Reply(401, headers, json=body), url=f"{API}/x?page=2&q=token")
    request, response = _exchange(path)
    assert request.url == f"{API}/x?page=2&q=token"
    assert response.json == body
    assert response.headers["www-authenticate"] == "Basic realm=a"


async def test_a_hidden_value_keeps_its_type_and_the_body_its_layout(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.json"
    body = b'{"pin_token": 1234, "token": "abc", "n": "\\u00e9"}'
    await _record(path, Reply(200, {"Content-Type": "application/json"}, body))
    _, response = _exchange(path)
    assert response.body == b'{"pin_token": 0, "token": "***", "n": "\\u00e9"}'
    assert response.headers["content-length"] == str(len(response.body))


async def test_json_in_no_known_layout_is_redacted_too(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    await _record(path, Reply(body=b'{\r\n "token":  "abc" }'))
    assert _exchange(path)[1].json == {"token": "***"}


async def test_a_secret_that_the_server_repeats_is_hidden_there(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    await _record(
        path,
        Reply(headers={"X-Echo": f"was {SECRET}"}, json={"you sent": [SECRET]}),
        url=f"{API}/x?sig=short",
        headers={"Authorization": f"Bearer {SECRET}"},
    )
    _, response = _exchange(path)
    assert response.json == {"you sent": ["***"]}
    assert response.headers["x-echo"] == "was ***"


async def test_a_number_that_equals_a_secret_leaves_the_json_whole(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.json"
    reply = Reply(json={"id": 1234567890, "key": "is 1234567890"})
    await _record(path, reply, headers={"X-Api-Key": "1234567890"})
    assert _exchange(path)[1].json == {"id": 1234567890, "key": "is ***"}


ODD_JSON = [
    (b'{"token": NaN, "secret": "abc"}', b'{"token": 0, "secret": "***"}'),
    (b'{"a":NaN,"secret":"abc"}', b'{"a": NaN, "secret": "***"}'),
    (b'{"a":{"token":"abc"},"a":1}', b'{"a":{"token":"***"},"a":1}'),
]


@pytest.mark.parametrize(("body", "redacted"), ODD_JSON)
async def test_odd_json_is_redacted_too(
    tmp_path: Path, body: bytes, redacted: bytes
) -> None:
    path = tmp_path / "x.json"
    await _record(path, Reply(body=body))
    assert _exchange(path)[1].body == redacted


async def test_names_can_be_added_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    redact = SecretRedactor(names=["X-Tenant", "iban"], keep=["next_page_token"])
    page = "QUJDREVGR0hJSktMTU5PUFFSU1Q5"
    reply = Reply(json={"IBAN": "DE00", "next_page_token": page})
    await _record(path, reply, redact=redact, headers={"x-tenant": "acme"})
    request, response = _exchange(path)
    assert request.headers["x-tenant"] == "***"
    assert response.json == {"IBAN": "***", "next_page_token": page}


async def test_a_redactor_of_ones_own_sees_both_sides_and_matches_at_replay(
    tmp_path: Path,
) -> None:
    class Even(SecretRedactor):
        """Evens out a time stamp, and hides the name that the request told."""

        def redact_request(self, request: RecordedRequest) -> RecordedRequest:
            return RecordedRequest(
                request.method, request.url.partition("&t=")[0], body=b""
            )

        def redact_response(
            self, request: RecordedRequest, response: HttpResponse
        ) -> HttpResponse:
            body = response.body.replace(request.body, b"somebody")
            return HttpResponse(response.status, response.url, body=body)

    redactor: Redactor = Even()
    path = tmp_path / "x.json"
    url = f"{API}/x?a=1&t="
    reply = Reply(text="Hello Ada!")
    await _record(path, reply, url=f"{url}100", data=b"Ada", redact=redactor)
    assert "Ada" not in path.read_text("utf-8")
    cassette = Cassette.open(path, redact=redactor)
    async with RecordingHTTPClient(None, cassette) as client:
        response = await client.request("GET", f"{url}200", data=b"Bob")
    assert response.text == "Hello somebody!"


class Careless:
    """A redactor that hides nothing."""

    def redact_request(self, request: RecordedRequest) -> RecordedRequest:
        return request

    def redact_response(
        self, request: RecordedRequest, response: HttpResponse
    ) -> HttpResponse:
        return response


def _jwt() -> str:
    parts = ({"alg": "HS256"}, {"sub": "1234567890"})
    encoded = [base64.urlsafe_b64encode(json.dumps(p).encode()).decode() for p in parts]
    return ".".join([*(part.rstrip("=") for part in encoded), "c2lnbmF0dXJl"])


LONG = "9f86d081884c7d659a2feaa0c55ad015"
LEAKS: list[tuple[dict[str, Any], Reply, str, str]] = [
    (
        {"headers": {"Authorization": "Bearer 0123456789abcdef"}},
        Reply(),
        "request header Authorization",
        "credentials of a header",
    ),
    ({}, Reply(json={"a": [_jwt()]}), "response body $.a[0]", "a JSON Web Token"),
    (
        {},
        Reply(text="x\nid AKIAIOSFODNN7EXAMPLE"),
        "response body, line 2",
        "an AWS access key",
    ),
    (
        {},
        Reply(json="-----BEGIN RSA PRIVATE KEY-----"),
        "response body $",
        "a private key",
    ),
    (
        {"params": {"api_key": LONG}},
        Reply(),
        "request url",
        "a long value after the name 'api_key'",
    ),
    (
        {"json": {"deep": {"client_secret": [LONG]}}},
        Reply(),
        "request body $.deep.client_secret[0]",
        "a long value under the name 'client_secret'",
    ),
    (
        {"data": f"password: {LONG}"},
        Reply(),
        "request body, line 1",
        "a long value after the name 'password'",
    ),
    (
        {"data": {"password": LONG}},
        Reply(),
        "request body, line 1",
        "a long value after the name 'password'",
    ),
    (
        {},
        Reply(headers={"Set-Cookie": f"session_id={LONG}"}),
        "response header Set-Cookie",
        "a long value after the name 'session_id'",
    ),
    (
        {},
        Reply(json={"file": base64.b64encode(b"key ghp_" + b"a1" * 18).decode()}),
        "response body $.file in base64",
        "a key of GitHub",
    ),
    ({}, Reply(json={f"sk_live_{LONG}": 1}), "response body $, a key", "of Stripe"),
]


@pytest.mark.parametrize(("options", "reply", "place", "kind"), LEAKS)
async def test_a_file_that_would_hold_a_secret_is_not_written(
    tmp_path: Path, options: dict[str, Any], reply: Reply, place: str, kind: str
) -> None:
    path = tmp_path / "x.json"
    with pytest.raises(SecretInCassette) as caught:
        await _record(path, reply, redact=Careless(), **options)
    assert not path.exists()
    leak = caught.value.leaks[0]
    assert leak.place == place
    assert kind in leak.kind
    assert leak.interaction.startswith("#1 GET https://api.test/x")
    message = str(caught.value)
    assert f"{place} holds {leak.kind}." in message
    assert f"'{path}' was not written" in message
    for secret in (LONG, "0123456789abcdef", _jwt(), "AKIA"):
        assert secret not in message


HARMLESS = [
    Reply(json={"text": "A basic understanding of the bearer of this letter."}),
    Reply(text="token: authentication_required, password=changed-successfully"),
    Reply(json={"id": LONG, "etag": LONG}),
    Reply(json={"access_token": "***"}),
    Reply(headers={"WWW-Authenticate": f'Digest nonce="{LONG}"'}),
    Reply(body=bytes(range(256))),
]


@pytest.mark.parametrize("reply", HARMLESS, ids=range(len(HARMLESS)))
async def test_what_only_sounds_like_a_secret_is_written(
    tmp_path: Path, reply: Reply
) -> None:
    path = tmp_path / "x.json"
    await _record(path, reply, redact=Careless())
    assert path.exists()


async def test_a_secret_in_a_failing_test_is_a_note(tmp_path: Path) -> None:
    async def answer() -> HttpResponse:
        return HttpResponse(200, json={"token": LONG})

    path = tmp_path / "x.json"
    cassette = Cassette.open(path, mode="record_missing", redact=Careless())
    await cassette.exchange(RecordedRequest("GET", f"{API}/x"), answer)
    primary = KeyError("own")
    cassette.close(primary)
    assert "would hold secrets" in primary.__notes__[0]
    assert not path.exists()


_secret_names = st.builds(
    lambda before, word, after: f"{before}{word}{after}",
    st.sampled_from(["", "x_", "my", "OLD-", "client"]),
    st.sampled_from(
        [
            "token",
            "Token",
            "secret",
            "password",
            "passwd",
            "api_key",
            "apiKey",
            "APIKEY",
        ]
    ),
    st.sampled_from(["", "s", "_1", "Value", "-hash"]),
)
_plain = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
_planted = st.just(SECRET) | st.lists(
    st.just(SECRET) | st.dictionaries(st.text(max_size=3), st.just(SECRET), max_size=2),
    max_size=3,
)
_trees = st.recursive(
    st.dictionaries(_secret_names, _planted, min_size=1, max_size=3),
    lambda inner: (
        st.lists(inner | _plain, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner | _plain, max_size=3)
    ),
    max_leaves=6,
)


@given(tree=_trees, indent=st.none() | st.integers(0, 4), ascii_only=st.booleans())
async def test_no_planted_secret_reaches_the_file(
    tmp_path_factory: pytest.TempPathFactory,
    tree: Any,
    indent: int | None,
    ascii_only: bool,  # noqa: FBT001 - given by hypothesis
) -> None:
    body = json.dumps(tree, indent=indent, ensure_ascii=ascii_only)
    assume(SECRET in body)
    path = tmp_path_factory.mktemp("tape") / "x.json"
    await _record(path, Reply(text=body), "POST", data=body)
    assert SECRET not in path.read_text("utf-8")
    async with RecordingHTTPClient(None, Cassette.open(path)) as client:
        await client.post(f"{API}/x", data=body)


@given(tree=_trees)
def test_redacting_twice_does_no_more_than_once(tree: Any) -> None:
    redactor = SecretRedactor()
    request = RecordedRequest(
        "POST", f"https://a:b@c.test/?token={SECRET}", body=json.dumps(tree).encode()
    )
    once = redactor.redact_request(request)
    twice = redactor.redact_request(once)
    assert (once.url, once.body) == (twice.url, twice.body)
