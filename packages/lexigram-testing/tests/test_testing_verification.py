"""Nothing that a test got wrong stays hidden."""

import asyncio
import pickle
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Literal, TypeAlias

import pytest
import stamina
import tenacity

from lexigram.testing import (
    CallbackFailed,
    Criterion,
    FakeHTTPClient,
    ForbiddenRequest,
    OrderViolated,
    RecordedRequest,
    Reply,
    SequenceExhausted,
    TestKitFailure,
    UnmatchedRequest,
    VerificationError,
)
from lexigram.testing._answers.outcomes import accepted
from lexigram.testing._routing.switchboard import Switchboard

_Call: TypeAlias = Callable[[], Awaitable[Any]]


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


async def test_unmatched_only_forgives_routes_that_nobody_called() -> None:
    async with FakeHTTPClient(strict="unmatched_only") as fake:
        fake.on.get("/right")
        fake.on.get("/three").sequence(Reply(), Reply(), Reply())
        await fake.get("/three")


async def test_unmatched_only_forgives_no_failure() -> None:
    async def block() -> None:
        async with FakeHTTPClient(strict="unmatched_only") as fake:
            fake.on.get("/right")
            fake.on.get("/once").sequence(Reply())
            for url in ("/wrong", "/once", "/once"):
                with suppress(TestKitFailure):
                    await fake.get(url)

    with pytest.raises(VerificationError) as caught:
        await block()
    assert caught.value.uncalled == ()
    assert len(caught.value.unmatched) == len(caught.value.exhausted) == 1


def test_an_unknown_strictness_is_refused() -> None:
    with pytest.raises(ValueError, match="'unmatched_only'"):
        FakeHTTPClient(strict="very")  # type: ignore[arg-type]


async def _with_stamina(call: _Call) -> None:
    retrying = stamina.AsyncRetryingCaller(attempts=5, wait_initial=0, wait_max=0)
    await retrying(Exception, call)


async def _with_tenacity(call: _Call) -> None:
    retrying = tenacity.AsyncRetrying(stop=tenacity.stop_after_attempt(5))
    async for attempt in retrying:
        with attempt:
            await call()


async def _with_gather(call: _Call) -> None:
    await asyncio.gather(call(), asyncio.sleep(0))


async def _with_except_exception(call: _Call) -> None:
    with suppress(Exception):
        await call()


async def _within_a_timeout(call: _Call) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(5):
            await call()


@pytest.mark.parametrize(
    "swallow",
    [
        _with_stamina,
        _with_tenacity,
        _with_gather,
        _with_except_exception,
        _within_a_timeout,
    ],
)
async def test_no_retry_and_no_handler_swallows_an_unmatched_request(
    swallow: Callable[[_Call], Awaitable[None]],
) -> None:
    fake = FakeHTTPClient(strict="lenient")
    with pytest.raises(UnmatchedRequest):
        await swallow(lambda: fake.get("/typo"))
    fake.calls.assert_count(1)


async def test_a_task_group_hands_an_unmatched_request_on() -> None:
    fake = FakeHTTPClient(strict="lenient")
    with pytest.raises(BaseExceptionGroup) as caught:
        async with asyncio.TaskGroup() as group:
            group.create_task(fake.get("/typo"))
    assert caught.group_contains(UnmatchedRequest)


async def test_what_gather_returns_instead_of_raising_is_raised_at_the_end() -> None:
    async def block() -> None:
        async with FakeHTTPClient() as fake:
            await asyncio.gather(fake.get("/typo"), return_exceptions=True)

    with pytest.raises(VerificationError, match="/typo"):
        await block()


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


@pytest.mark.parametrize(
    ("calls", "problem"), [(1, "called 1x"), (2, ""), (3, ""), (4, "already used 3")]
)
async def test_a_range_of_times_is_kept_at_both_ends(calls: int, problem: str) -> None:
    fake = FakeHTTPClient()
    fake.on.get("/x").times(range(2, 4))
    for _ in range(calls):
        with suppress(UnmatchedRequest):
            await fake.get("/x")
    if problem:
        with pytest.raises(VerificationError, match=problem):
            fake.verify()
    else:
        fake.verify()


async def test_times_and_optional_are_at_most() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/x").once().optional()
        fake.on.get("/y").times(range(3))


async def test_a_request_in_its_turn_is_answered() -> None:
    async with FakeHTTPClient() as fake:
        login = fake.on.post("/login").times(2)
        maybe = fake.on.post("/maybe").optional()
        fake.on.get("/me").after(login, maybe)
        for _ in range(2):
            await fake.post("/login")
        assert (await fake.get("/me")).is_ok()


async def test_a_request_before_its_turn_is_a_failure() -> None:
    fake = FakeHTTPClient()
    login = fake.on.post("/login").times(2)
    fake.on.get("/me").after(login)
    await fake.post("/login")
    with pytest.raises(OrderViolated, match="called 1x, at least 2x expected"):
        await fake.get("/me")
    await fake.post("/login")
    with pytest.raises(VerificationError) as caught:
        fake.verify()
    assert len(caught.value.misordered) == 1
    assert caught.value.uncalled == ()


async def test_an_order_may_span_two_fakes() -> None:
    first, second = FakeHTTPClient(), FakeHTTPClient()
    second.on.get("/b").after(first.on.get("/a"))
    with pytest.raises(OrderViolated):
        await second.get("/b")
    await first.get("/a")
    assert (await second.get("/b")).is_ok()


def test_an_order_that_goes_in_a_circle_is_refused() -> None:
    fake = FakeHTTPClient()
    a, b, c = (fake.on.get(url) for url in ("/a", "/b", "/c"))
    b.after(a)
    c.after(b)
    with pytest.raises(ValueError, match="each come after the other"):
        a.after(c)


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


async def test_assert_called_takes_a_range_and_returns_the_only_call() -> None:
    fake = FakeHTTPClient()
    route, other = fake.on.get("/x"), fake.on.get("/y")
    await fake.get("/x")
    assert route.assert_called_once() is fake.calls.one()
    assert len(route.assert_called(range(1, 3))) == 1
    other.assert_not_called()
    with pytest.raises(AssertionError, match="2x to 4x, was called 1x"):
        route.assert_called(range(2, 5))
    with pytest.raises(AssertionError, match="no call, was called 1x"):
        route.assert_not_called()


async def test_a_failure_lists_the_kinds_of_what_went_wrong() -> None:
    fake = FakeHTTPClient()
    fake.on.get("/x").sequence(Reply())
    fake.on.get("/never").never()
    for url in ("/x", "/x", "/never", "/typo"):
        with suppress(TestKitFailure):
            await fake.get(url)
    with pytest.raises(VerificationError) as caught:
        fake.verify()
    error = caught.value
    assert error.failures == (*error.exhausted, *error.forbidden, *error.unmatched)
    assert len(error.failures) == 3


async def test_of_many_failures_all_are_named() -> None:
    fake = FakeHTTPClient()
    for number in range(30):
        with suppress(UnmatchedRequest):
            await fake.get(f"/typo/{number}")
    with pytest.raises(VerificationError) as caught:
        fake.verify()
    assert len(caught.value.unmatched) == 30
    assert all(f"/typo/{number}" in str(caught.value) for number in range(30))
    assert len(str(caught.value).splitlines()) < 70


async def test_failures_pickle_with_their_message() -> None:
    fake = FakeHTTPClient()
    fake.on.get("/x", where=lambda request: False)
    with pytest.raises(UnmatchedRequest) as unmatched:
        await fake.get("/y")
    with pytest.raises(VerificationError) as verified:
        fake.verify()
    for error in (unmatched.value, verified.value):
        copy = pickle.loads(pickle.dumps(error))
        assert (type(copy), str(copy)) == (type(error), str(error))


class _Broken:
    """Raises whenever it is compared."""

    def __eq__(self, other: object) -> bool:
        raise ArithmeticError

    __hash__ = None  # type: ignore[assignment]

    def matches(self, request: RecordedRequest) -> bool:
        raise ArithmeticError

    def explain(self, request: RecordedRequest) -> Criterion:
        raise ArithmeticError


async def test_a_value_or_a_matcher_that_raises_is_the_tests_mistake() -> None:
    fake = FakeHTTPClient(strict="lenient")
    fake.on.post("/value", json={"a": _Broken()})
    fake.on.post("/matcher", _Broken())
    for url in ("/value", "/matcher"):
        with pytest.raises(CallbackFailed, match="matcher") as caught:
            await fake.post(url, json={"a": 1})
        assert isinstance(caught.value.__cause__, ArithmeticError)
    with pytest.raises(UnmatchedRequest, match=r"_Broken.*ArithmeticError"):
        await fake.post("/other", json={"a": 1})


@pytest.mark.parametrize("kept", ["routes", "calls", "nothing"])
async def test_a_switchboard_forgets_what_it_is_told_to(kept: str) -> None:
    board = Switchboard("board", accepted)
    route = board.routes.get("/x").sequence(Reply(201), Reply(202)).times(2)
    for _ in range(2):
        call, _ = board.receive(RecordedRequest("GET", "https://a.test/x"))
        await board.decide(call, route)
    with suppress(UnmatchedRequest):
        board.receive(RecordedRequest("GET", "https://a.test/x"))
    board.reset(routes=kept != "routes", calls=kept != "calls")
    assert len(board.calls) == (3 if kept == "calls" else 0)
    assert len(board.failures) == (1 if kept == "calls" else 0)
    assert len(board.routes) == (1 if kept == "routes" else 0)
    if kept == "routes":
        with pytest.raises(VerificationError, match="called 0x"):
            board.verify()
        call, _ = board.receive(RecordedRequest("GET", "https://a.test/x"))
        act = await board.decide(call, route)
        assert isinstance(act, Reply)
        assert (call.index, act.status) == (1, 201)
    else:
        with pytest.raises(UnmatchedRequest, match="There are no routes"):
            board.receive(RecordedRequest("GET", "https://a.test/x"))


async def test_a_predicate_that_raises_is_the_tests_mistake() -> None:
    fake = FakeHTTPClient()
    fake.on.post("/x", where=lambda request: request.json["id"] == 1)
    with pytest.raises(CallbackFailed, match="where"):
        await fake.post("/x", json={})
    with pytest.raises(VerificationError):
        fake.verify()


def test_pytest_does_not_collect_the_failures() -> None:
    assert TestKitFailure.__test__ is False
