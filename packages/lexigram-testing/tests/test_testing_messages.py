"""What a developer reads when a test fails, word by word.

Where a route was registered is shown here as the number of lines from the start of the
test, so that the texts do not change with the file.
"""

import re
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from textwrap import dedent
from typing import Any
from urllib.parse import quote

import pytest
from dirty_equals import IsInt, IsStr
from hypothesis import given
from hypothesis import strategies as st

from lexigram.testing import (
    FakeHTTPClient,
    Reply,
    TestKitFailure,
    UnmatchedRequest,
    VerificationError,
)

_Test = Callable[[], Coroutine[Any, Any, None]]


def _text(error: BaseException, test: _Test) -> str:
    code = test.__code__
    return re.sub(
        r"\([^()]*" + re.escape(Path(code.co_filename).name) + r":(\d+)\)",
        lambda found: f"(+{int(found[1]) - code.co_firstlineno})",
        str(error),
    )


async def test_no_routes() -> None:
    fake = FakeHTTPClient()
    with pytest.raises(UnmatchedRequest) as caught:
        await fake.get("/v1/users?page=1")
    assert (
        _text(caught.value, test_no_routes)
        == """\
No route matches request #1.

  GET https://fake.test/v1/users?page=1
    no body

  There are no routes.

  To accept it, add:
    fake.on("GET", "/v1/users", params={"page": "1"}).respond(200)"""
    )


async def test_another_method() -> None:
    fake = FakeHTTPClient()
    fake.on.get("/v1/users/{id}", name="read user")
    fake.on({"PUT", "PATCH"}, "https://fake.test/v1/users/{id}")
    with pytest.raises(UnmatchedRequest) as caught:
        await fake.delete("/v1/users/7")
    assert (
        _text(caught.value, test_another_method)
        == """\
No route matches request #1.

  DELETE https://fake.test/v1/users/7
    no body

  closest: PATCH|PUT https://fake.test/v1/users/{id} (+3)
    DIFF  method: expected PATCH|PUT, got DELETE
    ok    host
    ok    path
  closest: 'read user' GET /v1/users/{id} (+2)
    DIFF  method: expected GET, got DELETE
    ok    path

  To accept it, add:
    fake.on("DELETE", "/v1/users/7").respond(200)"""
    )


async def test_a_difference_deep_in_json() -> None:
    fake = FakeHTTPClient(base_url="https://api.test")
    fake.on.post(
        "https://api.test/v1/orders",
        json={
            "id": IsInt,
            "customer": {"name": "Ada", "password": "s3cret-1"},
            "lines": [{"sku": "a-1", "n": 1}, {"sku": "b-2", "n": IsStr(regex="2|3")}],
            "tags": ["new"],
        },
    )
    with pytest.raises(UnmatchedRequest) as caught:
        await fake.post(
            "/v1/orders",
            json={
                "id": 7,
                "customer": {"name": "Ada", "password": "s3cret-2"},
                "lines": [
                    {"sku": "a-1", "n": 1},
                    {"sku": "b-2", "n": 2},
                    {"sku": "c-3", "n": 3},
                ],
                "note": None,
                "tags": ["rush", "new"],
            },
        )
    assert (
        _text(caught.value, test_a_difference_deep_in_json)
        == """\
No route matches request #1.

  POST https://api.test/v1/orders
    header  Content-Type: application/json
    json    {
              "customer": {"name": "Ada", "password": "***"},
              "id": 7,
              "lines": [
                {"n": 1, "sku": "a-1"},
                {"n": 2, "sku": "b-2"},
                {"n": 3, "sku": "c-3"},
              ],
              "note": null,
              "tags": ["rush", "new"],
            }

  closest: POST https://api.test/v1/orders (+2)
    ok    method
    ok    host
    ok    path
    DIFF  json (- expected, + got):
              {
                "customer": {
                  "name": "Ada",
            -     "password": "***",
            +     "password": "***" (another),
                },
                …
                "lines": [
                  …
                  {
            -       "n": IsStr(regex='2|3'),
            +       "n": 2,
                    "sku": "b-2",
                  },
            +     {"n": 3, "sku": "c-3"},
                ],
            +   "note": null,
                "tags": [
            +     "rush",
                  "new",
                ],
              }

  To accept it, add:
    fake.on(
        "POST",
        "/v1/orders",
        json_contains={
            "customer": {"name": "Ada"},
            "id": 7,
            "lines": [
                {"sku": "a-1", "n": 1},
                {"sku": "b-2", "n": 2},
                {"sku": "c-3", "n": 3},
            ],
            "note": None,
            "tags": ["rush", "new"],
        },
    ).respond(200)  # what looks secret is left out"""
    )


async def test_json_that_is_asked_for_in_part() -> None:
    fake = FakeHTTPClient()
    fake.on.patch("/v1/users/7", json_contains={"address": {"city": "Rome"}, "age": 36})
    with pytest.raises(UnmatchedRequest) as caught:
        await fake.patch(
            "/v1/users/7", json={"name": "Ada", "address": {"city": "Pisa", "zip": 1}}
        )
    assert (
        _text(caught.value, test_json_that_is_asked_for_in_part)
        == """\
No route matches request #1.

  PATCH https://fake.test/v1/users/7
    header  Content-Type: application/json
    json    {"address": {"city": "Pisa", "zip": 1}, "name": "Ada"}

  closest: PATCH /v1/users/7 (+2)
    ok    method
    ok    path
    DIFF  json_contains (- expected, + got):
              {
                "address": {
            -     "city": "Rome",
            +     "city": "Pisa",
                  "zip": 1,
                },
            -   "age": 36,
                "name": "Ada",
              }

  To accept it, add:
    fake.on(
        "PATCH",
        "/v1/users/7",
        json={"name": "Ada", "address": {"city": "Pisa", "zip": 1}},
    ).respond(200)"""
    )


async def test_a_form_and_what_is_none() -> None:
    fake = FakeHTTPClient()
    fake.on.post("/login", form={"user": "ada", "scope": ["read", "write"]})
    with pytest.raises(UnmatchedRequest) as first:
        await fake.post("/login", data={"user": "bob", "scope": ["write", "read"]})
    with pytest.raises(UnmatchedRequest) as second:
        await fake.post(
            "/login",
            data=b"--b\r\n",
            headers={"Content-Type": "multipart/form-data; boundary=b"},
        )
    assert (
        _text(first.value, test_a_form_and_what_is_none)
        == """\
No route matches request #1.

  POST https://fake.test/login
    header  Content-Type: application/x-www-form-urlencoded
    form    {"scope": ["write", "read"], "user": "bob"}

  closest: POST /login (+2)
    ok    method
    ok    path
    DIFF  form (- expected, + got):
              {
                "scope": ["write", "read"],
            -   "user": "ada",
            +   "user": "bob",
              }

  To accept it, add:
    fake.on(
        "POST",
        "/login",
        form={"user": "bob", "scope": ["write", "read"]},
    ).respond(200)"""
    )
    assert (
        _text(second.value, test_a_form_and_what_is_none)
        == """\
No route matches request #2.

  POST https://fake.test/login
    header  Content-Type: multipart/form-data; boundary=b
    body    '--b\\r\\n'

  closest: POST /login (+2)
    ok    method
    ok    path
    DIFF  form: expected {"scope": ["read", "write"], "user": "ada"}, got a multipart form, which `form` does not read (use `where`)

  To accept it, add:
    fake.on("POST", "/login").respond(200)"""
    )


async def test_a_header_that_is_missing_and_one_that_is_secret() -> None:
    fake = FakeHTTPClient()
    fake.on.get(
        "/v1/users", headers={"Authorization": "Bearer s3cret-1", "X-Tenant": "acme"}
    )
    with pytest.raises(UnmatchedRequest) as caught:
        await fake.get("/v1/users", headers={"Authorization": "Bearer s3cret-2"})
    assert (
        _text(caught.value, test_a_header_that_is_missing_and_one_that_is_secret)
        == """\
No route matches request #1.

  GET https://fake.test/v1/users
    header  Authorization: ***
    no body

  closest: GET /v1/users (+2)
    ok    method
    ok    path
    DIFF  header Authorization: expected ***, got *** (another)
    DIFF  header X-Tenant: expected "acme", got no such header

  To accept it, add:
    fake.on("GET", "/v1/users").respond(200)"""
    )


async def test_another_query() -> None:
    fake = FakeHTTPClient()
    fake.on.get("/v1/users?page=2&api_key=s3cret-1")
    fake.on.get("/v1/users", params_contain={"size": IsStr(regex="..."), "page": None})
    with pytest.raises(UnmatchedRequest) as caught:
        await fake.get("/v1/users", params={"page": 1, "api_key": "s3cret-2"})
    assert (
        _text(caught.value, test_another_query)
        == """\
No route matches request #1.

  GET https://fake.test/v1/users?page=1&api_key=***
    no body

  closest: GET /v1/users (+3)
    ok    method
    ok    path
    DIFF  params (- expected, + got):
              {
                "api_key": "***",
            -   "page": null,
            +   "page": "1",
            -   "size": IsStr(regex='...'),
              }
  closest: GET /v1/users?page=2&api_key=*** (+2)
    ok    method
    ok    path
    DIFF  params (- expected, + got):
              {
            -   "api_key": "***",
            +   "api_key": "***" (another),
            -   "page": "2",
            +   "page": "1",
              }

  To accept it, add:
    fake.on(
        "GET",
        "/v1/users",
        params_contain={"page": "1"},
    ).respond(200)  # what looks secret is left out"""
    )


async def test_a_route_that_is_used_up() -> None:
    fake = FakeHTTPClient()
    fake.on.get("/v1/users/{id}").once()
    await fake.get("/v1/users/7")
    with pytest.raises(UnmatchedRequest) as caught:
        await fake.get("/v1/users/7")
    assert (
        _text(caught.value, test_a_route_that_is_used_up)
        == """\
No route matches request #2.

  GET https://fake.test/v1/users/7
    no body

  closest: GET /v1/users/{id} (+2)
    DIFF  already used 1 of 1
    ok    method
    ok    path

  To accept it, add:
    fake.on("GET", "/v1/users/7").respond(200)"""
    )


async def test_many_routes() -> None:
    fake = FakeHTTPClient()
    for number in range(40):
        fake.on.get(f"/v1/things/{number}")
        fake.on.post(f"/v1/things/{number}/parts")
    fake.on.get(re.compile(r"https://other\.test/.*"))
    fake.on.get("/v1/user", where=lambda request: request.header("x-a") == "1")
    with pytest.raises(UnmatchedRequest) as caught:
        await fake.get("/v1/users")
    assert (
        _text(caught.value, test_many_routes)
        == """\
No route matches request #1.

  GET https://fake.test/v1/users
    no body

  closest: GET /v1/user (+6)
    ok    method
    DIFF  path: expected /v1/user, got /v1/users
    DIFF  where: expected <lambda> to hold, got False
  closest: GET /v1/things/9 (+3)
    ok    method
    DIFF  path: expected /v1/things/9, got /v1/users
  closest: GET /v1/things/8 (+3)
    ok    method
    DIFF  path: expected /v1/things/8, got /v1/users
  … and 40 more routes that differ in method and path
  … and 38 more routes that differ in path
  … and 1 more route that differs in url

  To accept it, add:
    fake.on("GET", "/v1/users").respond(200)"""
    )


async def test_everything_that_is_wrong_at_the_end() -> None:
    async def block() -> None:
        async with FakeHTTPClient() as fake:
            fake.on.post("/v1/users", json={"name": "a"})
            fake.on.get("/v1/users/7")
            fake.on.get("/v1/users/{id}")
            fake.on.get("/v1/health", headers={"X-Probe": "yes"}).times(range(2, 5))
            fake.on.delete("/somewhere/else/entirely", name="clean up")
            await fake.get("/v1/users/7")
            await fake.get("/v1/health", headers={"X-Probe": "yes"})
            fake.on.get("/v1/health").optional()
            with suppress(UnmatchedRequest):
                await fake.post("/v1/users", json={"name": "b"})

    with pytest.raises(VerificationError) as caught:
        await block()
    assert (
        _text(caught.value, test_everything_that_is_wrong_at_the_end)
        == """\
`fake` was not used as the test arranged.

No route matches request #3.

  POST https://fake.test/v1/users
    header  Content-Type: application/json
    json    {"name": "b"}

  closest: POST /v1/users (+3)
    ok    method
    ok    path
    DIFF  json (- expected, + got):
              {
            -   "name": "a",
            +   "name": "b",
              }
  closest: GET /v1/users/7 (+4)
    DIFF  method: expected GET, got POST
    DIFF  path: expected /v1/users/7, got /v1/users
  closest: GET /v1/users/{id} (+5)
    DIFF  method: expected GET, got POST
    DIFF  path: expected /v1/users/{id}, got /v1/users
  … and 2 more routes that differ in method and path
  … and 1 more route that differs in method, path and header X-Probe

  To accept it, add:
    fake.on("POST", "/v1/users", json={"name": "b"}).respond(200)

Routes that were called too seldom:
  POST /v1/users (+3): called 0x, at least 1x expected
    closest request: #3 POST https://fake.test/v1/users -> UnmatchedRequest
      differs in json, see above
  GET /v1/users/7 (+4): called 0x, at least 1x expected
    closest request: #1 GET https://fake.test/v1/users/7 -> 200
      matches, but went to GET /v1/users/{id} (+5)
  GET /v1/health (+6): called 1x, at least 2x expected
    no request was close to it
  'clean up' DELETE /somewhere/else/entirely (+7): called 0x, at least 1x expected
    no request was close to it"""
    )


async def test_a_route_that_nobody_called() -> None:
    async def block() -> None:
        async with FakeHTTPClient() as fake:
            fake.on.get("/v1/users")

    with pytest.raises(VerificationError) as caught:
        await block()
    assert (
        _text(caught.value, test_a_route_that_nobody_called)
        == """\
`fake` was not used as the test arranged.

Routes that were called too seldom:
  GET /v1/users (+3): called 0x, at least 1x expected
    no request came"""
    )


async def test_a_request_that_comes_close_to_an_uncalled_route() -> None:
    async def block() -> None:
        async with FakeHTTPClient() as fake:
            fake.on.get("/v1/users", params={"page": 1})
            fake.on.get("/v1/users", params={"page": 2}).optional()
            await fake.get("/v1/users?page=2")

    with pytest.raises(VerificationError) as caught:
        await block()
    assert (
        _text(caught.value, test_a_request_that_comes_close_to_an_uncalled_route)
        == """\
`fake` was not used as the test arranged.

Routes that were called too seldom:
  GET /v1/users (+3): called 0x, at least 1x expected
    closest request: #1 GET https://fake.test/v1/users?page=*** -> 200
      ok    method
      ok    path
      DIFF  params: expected {"page": "1"}, got {"page": "2"}"""
    )


async def test_a_request_before_its_turn() -> None:
    fake = FakeHTTPClient()
    login = fake.on.post("/login")
    fake.on.get("/me?token=s3cret", name="profile").after(login)
    with pytest.raises(TestKitFailure) as caught:
        await fake.get("/me?token=s3cret")
    assert (
        _text(caught.value, test_a_request_before_its_turn)
        == """\
GET https://fake.test/me?token=*** came to 'profile' GET /me?token=*** (+3) before its turn, which is after:
  POST /login (+2): called 0x, at least 1x expected"""
    )


async def test_a_sequence_that_is_exhausted() -> None:
    fake = FakeHTTPClient()
    fake.on.get("/x").sequence(Reply(503), ZeroDivisionError)
    with suppress(ZeroDivisionError):
        await fake.request("GET", "/x")
        await fake.request("GET", "/x")
    with pytest.raises(TestKitFailure) as caught:
        await fake.get("/x")
    assert (
        _text(caught.value, test_a_sequence_that_is_exhausted)
        == """\
GET /x (+2) was called once more than its sequence of 2 has outcomes (503, ZeroDivisionError). Add one, or say what comes after the last: then='repeat_last' or then='cycle'."""
    )


async def test_a_request_that_must_not_come() -> None:
    fake = FakeHTTPClient()
    fake.on.delete("/v1/users/{id}").never()
    with pytest.raises(TestKitFailure) as caught:
        await fake.delete("/v1/users/7")
    assert (
        _text(caught.value, test_a_request_that_must_not_come)
        == """\
DELETE https://fake.test/v1/users/7 came to DELETE /v1/users/{id} (+2), which is `never()` to be called."""
    )


async def test_a_route_that_is_asserted_to_be_called() -> None:
    fake = FakeHTTPClient()
    route = fake.on.get("/a")
    fake.on.get("/b")
    await fake.get("/b")
    with pytest.raises(AssertionError) as caught:
        route.assert_called_once()
    assert (
        _text(caught.value, test_a_route_that_is_asserted_to_be_called)
        == """\
Expected 1x, was called 0x: GET /a (+2).
All calls:
  #1 GET https://fake.test/b -> 200"""
    )


async def test_calls_in_another_order() -> None:
    fake = FakeHTTPClient()
    fake.on.get("/{any}")
    await fake.get("/a")
    await fake.get("/c")
    with pytest.raises(AssertionError) as caught:
        fake.calls.assert_sequence(("GET", "/a"), ("POST", "/b"), ("GET", "/c"))
    assert (
        str(caught.value)
        == """\
Expected 3 calls in this order, got 2:
  ok    #1 GET https://fake.test/a -> 200
  DIFF  expected POST /b, got #2 GET https://fake.test/c -> 200
  DIFF  expected GET /c, got no more calls"""
    )


async def test_the_explanations_come_with_the_failure() -> None:
    fake = FakeHTTPClient()
    route = fake.on.get("/v1/users", params={"page": 1})
    fake.on.get("/v1/health")
    with pytest.raises(UnmatchedRequest) as caught:
        await fake.get("/v1/users")
    first, second = caught.value.explanations
    assert first.route is route
    assert first.differing == ("params",)
    assert first.score > second.score
    assert _text(Exception(first.render()), test_the_explanations_come_with_the_failure)
    assert first.render() in str(caught.value).replace("\n  ", "\n")


async def test_explaining_does_not_touch_requests_that_were_answered() -> None:
    fake = FakeHTTPClient()
    fake.on.get("/v1/{id}").respond(200)
    fake.on.get("/{version}/7", headers={"X-A": "1"})
    await fake.get("/v1/7")
    with pytest.raises(VerificationError, match="closest request: #1"):
        fake.verify()
    assert fake.calls.one().request.path_params == {"id": "7"}


async def test_the_place_is_where_the_route_was_registered() -> None:
    fake = FakeHTTPClient()
    fake.on.get("/x")
    line = test_the_place_is_where_the_route_was_registered.__code__.co_firstlineno + 2
    assert next(iter(fake.on)).place.endswith(f"{Path(__file__).name}:{line}")


_public_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
_segment = st.text(min_size=1).filter(lambda text: text not in {".", ".."})


@given(
    _segment,
    st.dictionaries(st.text(), st.text() | st.lists(st.text(), min_size=1)),
    st.dictionaries(st.text(), _public_json, max_size=4),
    st.sampled_from(["", "https://other.test"]),
)
async def test_the_code_to_paste_accepts_the_request(
    segment: str, params: Any, document: Any, origin: str
) -> None:
    url = f"{origin}/v1/{quote(segment, safe='')}"
    fake = FakeHTTPClient(strict="lenient")
    with pytest.raises(UnmatchedRequest) as caught:
        await fake.post(url, params=params, json=document)
    _, _, code = str(caught.value).partition("To accept it, add:\n")
    exec(dedent(code), {"fake": fake})  # noqa: S102 - what a developer pastes
    assert (await fake.post(url, params=params, json=document)).is_ok()


async def test_the_code_to_paste_accepts_a_form() -> None:
    fake = FakeHTTPClient(strict="lenient")
    form = {"a": ["1", "2"], "b": 'x"\u2028'}
    with pytest.raises(UnmatchedRequest) as caught:
        await fake.post("/{x}", data=form)
    _, _, code = str(caught.value).partition("To accept it, add:\n")
    exec(dedent(code), {"fake": fake})  # noqa: S102 - what a developer pastes
    assert (await fake.post("/{x}", data=form)).is_ok()


async def test_no_message_shows_a_secret() -> None:
    async def block(fake: FakeHTTPClient) -> None:
        async with fake:
            for options in sent:
                with suppress(UnmatchedRequest):
                    await fake.post(
                        "https://u:s3cret-5@o.test/y?api_key=s3cret-6",
                        headers={"X-Api-Key": "s3cret-7", "Cookie": "s3cret-8"},
                        **options,
                    )

    sent: list[Any] = [
        {"json": {"deep": [{"client_secret": "s3cret-9"}], "password": "s3cret-0"}},
        {"data": {"password": "s3cret-10", "a": "b"}},
        {"data": "password=s3cret-11"},
        {"data": '{"token": "s3cret-12"'},
    ]
    fake = FakeHTTPClient()
    fake.on.post("/y", headers={"X-Api-Key": "s3cret-1"}, json={"password": "s3cret-2"})
    fake.on.post("/y", form={"password": "s3cret-13"})
    fake.on.post("/y", body="password=s3cret-14")
    fake.on.post("/y", params_contain={"api_key": "s3cret-15"})
    fake.on.post("/y", json_contains={"deep": [{"client_secret": "s3cret-16"}]})
    fake.on.get("https://u:s3cret-3@o.test/y", params={"token": "s3cret-4"})
    with pytest.raises(VerificationError) as caught:
        await block(fake)
    told = [str(caught.value), *map(str, caught.value.failures), fake.calls.render()]
    told += [repr(fake.calls), repr(fake.calls.to_dict()), repr(list(fake.on))]
    assert "s3cret" not in "\n".join(told)
    assert len(caught.value.unmatched) == len(sent)


async def test_a_long_body_is_cut() -> None:
    fake = FakeHTTPClient()
    fake.on.post("/x", json={"a": 1})
    sent: list[Any] = [{"data": b"x" * 1_000_000}, {"json": list(range(10_000))}]
    for options in sent:
        with pytest.raises(UnmatchedRequest) as caught:
            await fake.post("/x", **options)
        assert len(str(caught.value)) < 2_000


async def test_a_long_difference_is_cut() -> None:
    fake = FakeHTTPClient()
    fake.on.post("/x", json=dict.fromkeys(map(str, range(5_000)), "a"))
    with pytest.raises(UnmatchedRequest) as caught:
        await fake.post("/x", json=dict.fromkeys(map(str, range(5_000)), "b"))
    assert len(str(caught.value).splitlines()) < 80
    assert "… (9976 more lines differ)" in str(caught.value)
