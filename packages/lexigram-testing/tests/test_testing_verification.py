"""Nothing that a test got wrong stays hidden."""

import asyncio
import re
from contextlib import suppress
from pathlib import Path
from types import CodeType
from typing import Literal

import pytest

from lexigram.testing import (
    CallbackFailed,
    FakeHTTPClient,
    ForbiddenRequest,
    Reply,
    SequenceExhausted,
    TestKitFailure,
    UnmatchedRequest,
    VerificationError,
)


async def test_an_unmatched_request_passes_every_except_exception() -> None:
    fake = FakeHTTPClient()
    with pytest.raises(UnmatchedRequest) as caught, suppress(Exception):
        await fake.get("/typo")
    assert not isinstance(caught.value, Exception)
    assert caught.value.request.path == "/typo"
    assert fake.calls.one().route is None


async def test_an_unmatched_request_of_a_background_task_is_raised_at_the_end() -> None:
    async def block() -> None:
        async with FakeHTTPClient() as fake:
            task = asyncio.create_task(fake.get("/typo"))
            await asyncio.wait({task})
            swallowed.append(task.exception())

    swallowed: list[BaseException | None] = []
    with pytest.raises(VerificationError) as caught:
        await block()
    assert list(caught.value.unmatched) == swallowed
    assert "GET https://fake.test/typo" in str(caught.value)


async def test_the_end_lists_unmatched_requests_and_uncalled_routes_together() -> None:
    async def block() -> None:
        async with fake:
            with suppress(UnmatchedRequest):
                await fake.get("/wrong")

    fake = FakeHTTPClient()
    route = fake.on.get("/right").respond(200)
    with pytest.raises(VerificationError) as caught:
        await block()
    assert caught.value.uncalled == (route,)
    assert len(caught.value.unmatched) == 1
    assert "GET /right" in str(caught.value)
    assert "called 0x, at least 1x expected" in str(caught.value)


async def test_a_test_that_fails_already_keeps_its_failure_and_gets_a_note() -> None:
    async def block() -> None:
        async with FakeHTTPClient() as fake:
            fake.on.get("/right").respond(200)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        await block()
    (note,) = caught.value.__notes__
    assert "GET /right" in note


async def test_an_unmatched_request_that_ends_the_block_is_not_told_twice() -> None:
    with pytest.raises(UnmatchedRequest) as caught:
        async with FakeHTTPClient() as fake:
            await fake.get("/wrong")
    assert not hasattr(caught.value, "__notes__")


async def test_a_lenient_fake_verifies_only_when_asked() -> None:
    async with FakeHTTPClient(strict="lenient") as fake:
        fake.on.get("/right").respond(200)
        with pytest.raises(UnmatchedRequest):
            await fake.get("/wrong")
    with pytest.raises(VerificationError):
        fake.verify()


async def test_a_single_response_is_reusable_and_has_to_be_used() -> None:
    fake = FakeHTTPClient()
    fake.on.get("/x").respond(200)
    with pytest.raises(VerificationError):
        fake.verify()
    for _ in range(3):
        await fake.get("/x")
    fake.verify()


async def test_a_sequence_names_its_exhaustion() -> None:
    fake = FakeHTTPClient()
    fake.on.get("/x").sequence(Reply(503), Reply(200))
    assert [(await fake.request("GET", "/x")).status for _ in range(2)] == [503, 200]
    fake.verify()
    with pytest.raises(SequenceExhausted, match="once more than its sequence of 2"):
        await fake.get("/x")
    with pytest.raises(VerificationError, match="repeat_last"):
        fake.verify()


async def test_a_sequence_that_is_not_used_whole_is_reported() -> None:
    fake = FakeHTTPClient()
    fake.on.get("/x").sequence(Reply(503), Reply(200))
    await fake.get("/x")
    with pytest.raises(VerificationError, match="called 1x, at least 2x expected"):
        fake.verify()


@pytest.mark.parametrize(
    ("then", "statuses"),
    [("repeat_last", [503, 200, 200, 200]), ("cycle", [503, 200, 503, 200])],
)
async def test_a_sequence_goes_on_as_told(
    then: Literal["repeat_last", "cycle"], statuses: list[int]
) -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/x").sequence(Reply(503), Reply(200), then=then)
        answered = [(await fake.request("GET", "/x")).status for _ in statuses]
        assert answered == statuses


async def test_a_later_answer_replaces_the_one_before() -> None:
    async with FakeHTTPClient() as fake:
        route = fake.on.get("/x").respond(500)
        assert (await fake.request("GET", "/x")).status == 500
        route.respond(200)
        assert (await fake.request("GET", "/x")).status == 200
        route.assert_called(2)


async def test_a_route_that_is_used_up_leaves_the_rest_to_an_earlier_one() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/x").respond(200)
        fake.on.get("/x").respond(503).times(2)
        answered = [(await fake.request("GET", "/x")).status for _ in range(3)]
        assert answered == [503, 503, 200]


async def test_fewer_calls_than_times_are_reported() -> None:
    fake = FakeHTTPClient()
    fake.on.get("/x").respond(200).times(2)
    await fake.get("/x")
    with pytest.raises(VerificationError, match="called 1x, at least 2x expected"):
        fake.verify()


async def test_optional_and_forbidden_routes_need_no_call() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/a").respond(200).optional()
        fake.on.get("/b").sequence(Reply(), Reply()).optional()
        fake.on.delete("/c").never()


async def test_a_call_of_a_forbidden_route_is_a_failure_even_if_another_matches() -> (
    None
):
    fake = FakeHTTPClient()
    fake.on.delete("/x").optional()
    fake.on.delete("/x").never()
    with pytest.raises(ForbiddenRequest, match="never"):
        await fake.delete("/x")
    with pytest.raises(VerificationError, match="never"):
        fake.verify()


async def test_assert_called_says_how_often_it_was() -> None:
    fake = FakeHTTPClient()
    route = fake.on.get("/x").respond(200)
    with pytest.raises(AssertionError, match="at least once, was called 0x"):
        route.assert_called()
    await fake.get("/x")
    assert route.assert_called().one().route is route
    assert route.calls.one().outcome is not None
    with pytest.raises(AssertionError, match="2x, was called 1x"):
        route.assert_called(2)


async def test_a_predicate_that_raises_is_the_tests_mistake() -> None:
    fake = FakeHTTPClient()
    fake.on.post("/x", where=lambda request: request.json["id"] == 1)
    with pytest.raises(CallbackFailed, match="where"):
        await fake.post("/x", json={})
    with pytest.raises(VerificationError):
        fake.verify()


def test_pytest_does_not_collect_the_failures() -> None:
    assert TestKitFailure.__test__ is False


def _with_short_places(message: str, test: CodeType) -> str:
    """Turn "(path/to/file.py:203)" into "(+3)", counted from the start of the test."""
    return re.sub(
        r"\([^()]*" + re.escape(Path(test.co_filename).name) + r":(\d+)\)",
        lambda found: f"(+{int(found[1]) - test.co_firstlineno})",
        message,
    )


async def test_the_message_of_an_unmatched_request_explains_itself() -> None:
    fake = FakeHTTPClient(base_url="https://api.test")
    fake.on.get("/v1/health").optional()
    fake.on.post("/v1/users", json={"name": "a"}, headers={"X-Tenant": "acme"})
    fake.on.post("/v1/users", params={"page": "2"}, where=lambda request: False)
    fake.on.post("/v1/users", json={"name": "b"}).times(1)
    fake.on.put("https://other.test/v1/users", headers={"Authorization": "Bearer a"})
    await fake.post("/v1/users", json={"name": "b"})

    with pytest.raises(UnmatchedRequest) as caught:
        await fake.post(
            "/v1/users",
            params={"page": 1},
            json={"name": "b"},
            headers={"X-Tenant": "acme", "Authorization": "Bearer s3cret"},
        )

    test = test_the_message_of_an_unmatched_request_explains_itself.__code__
    assert (
        _with_short_places(str(caught.value), test)
        == """\
No route matches request #2.

  POST https://api.test/v1/users?page=***
    header  X-Tenant: acme
    header  Authorization: ***
    header  Content-Type: application/json
    body    {'name': 'b'}

  closest: POST /v1/users (+5)
    DIFF  already used 1 of 1
    ok    method
    ok    url
    ok    json
  closest: POST /v1/users (+3)
    ok    method
    ok    url
    ok    header X-Tenant
    DIFF  json: expected {'name': 'a'}, got {'name': 'b'}
  closest: POST /v1/users (+4)
    ok    method
    ok    url
    DIFF  params: expected {'page': '2'}, got {'page': '1'}
    DIFF  where: expected <lambda> to hold, got False
  … and 2 more routes.

  To accept it, add:
    fake.on("POST", "/v1/users", params={'page': '1'}, json={'name': 'b'}).respond(200)"""
    )


async def test_the_line_to_paste_accepts_the_request() -> None:
    fake = FakeHTTPClient(strict="lenient")
    with pytest.raises(UnmatchedRequest) as caught:
        await fake.post("https://o.test/x?a=1&a=2", json={"n": [1, None]})
    exec(str(caught.value).splitlines()[-1].strip(), {"fake": fake})  # noqa: S102
    assert (await fake.post("https://o.test/x?a=1&a=2", json={"n": [1, None]})).is_ok()


async def test_the_message_shows_no_secret() -> None:
    fake = FakeHTTPClient()
    fake.on.post("/y", headers={"X-Api-Key": "s3cret-1"}, json={"password": "s3cret-2"})
    fake.on.get("https://u:s3cret-3@o.test/y", params={"token": "s3cret-4"})
    with pytest.raises(UnmatchedRequest) as caught:
        await fake.post(
            "https://u:s3cret-5@o.test/y?api_key=s3cret-6",
            headers={"X-Api-Key": "s3cret-7", "Cookie": "s3cret-8"},
            json={"deep": [{"client_secret": "s3cret-9"}]},
        )
    assert "s3cret" not in str(caught.value)
    assert "closest" in str(caught.value)


async def test_a_fake_without_routes_says_so() -> None:
    with pytest.raises(UnmatchedRequest, match="There are no routes"):
        await FakeHTTPClient().get("/x")


async def test_a_long_body_is_cut() -> None:
    fake = FakeHTTPClient()
    with pytest.raises(UnmatchedRequest) as caught:
        await fake.post("/x", data=b"x" * 10_000)
    assert len(str(caught.value)) < 1000
    assert "characters)" in str(caught.value)
