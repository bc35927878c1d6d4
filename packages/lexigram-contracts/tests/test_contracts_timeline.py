"""The attempts of a call as records and as text."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.web import (
    AttemptRecord,
    HTTPClientError,
    HTTPConnectionError,
    HttpResponse,
    HTTPStatusError,
    HTTPTimeoutError,
    RequestContext,
    TimeoutPhase,
    format_timeline,
)
from lexigram.contracts.web.calling import Timeline, describe_call, why_not_repeatable


def record(number: int = 1, **fields: str) -> AttemptRecord:
    texts = {"method": "GET", "url": "https://api.test/v1", "outcome": "503"}
    return AttemptRecord(
        number=number,
        started=0.25,
        duration=1.5,
        request_sent="yes",
        decision=fields.pop("decision", "again in 1 s"),
        **{**texts, **fields},
    )


class Story:
    """A timeline of GETs whose clock goes by a second at each look."""

    def __init__(self, method: str = "GET") -> None:
        self.time = 0.0
        self.request = RequestContext(method, "https://me:pw@api.test/v1?key=s3cret")
        self.timeline = Timeline(self.now, 0.0, {})
        self.number = 0
        self.timeline.enter(self.request)

    def now(self) -> float:
        self.time += 1
        return self.time

    async def meet(self, outcome: int | BaseException) -> None:
        """Make an attempt that comes to this."""

        async def send(request: RequestContext) -> HttpResponse:
            if isinstance(outcome, BaseException):
                raise outcome
            return HttpResponse(outcome, request.url)

        self.number += 1
        try:
            await self.timeline.recorded(self.number, self.request, send)
        except BaseException as error:  # what was asked for
            if error is not outcome:
                raise

    def told(self, error: BaseException | None = None) -> list[tuple[str, str]]:
        return [(r.outcome, r.decision) for r in self.timeline.close(error)]


# -- text -------------------------------------------------------------------------------


def test_a_timeline_is_a_line_for_each_attempt_in_columns() -> None:
    lost = record(2, outcome="HTTPConnectionError: disconnected", decision="the end")
    assert format_timeline([record(), lost]).splitlines() == [
        (
            "1  GET https://api.test/v1  at 0.250 s  took 1.500 s  "
            "503                                again in 1 s"
        ),
        (
            "2  GET https://api.test/v1  at 0.250 s  took 1.500 s  "
            "HTTPConnectionError: disconnected  the end"
        ),
    ]


def test_the_text_of_no_attempts_is_empty() -> None:
    assert format_timeline([]) == ""


@given(st.lists(st.text("abc: ", min_size=1).map(str.strip), min_size=1, max_size=12))
def test_decisions_stand_in_one_column_whatever_the_outcomes(
    outcomes: list[str],
) -> None:
    text = format_timeline(
        record(number, outcome=outcome, decision="!")
        for number, outcome in enumerate(outcomes, 1)
    )
    columns = {line.index("!") for line in text.splitlines()}
    assert len(text.splitlines()) == len(outcomes)
    assert len(columns) == 1


def test_an_error_explains_itself_with_its_attempts_below() -> None:
    error = HTTPClientError("It is over.", method="GET", url="https://api.test/v1")
    assert error.explain() == "GET https://api.test/v1: It is over."
    error.timeline = (record(decision=""),)
    assert error.explain().splitlines()[1:] == [
        "  1  GET https://api.test/v1  at 0.250 s  took 1.500 s  503"
    ]


def test_the_error_of_a_status_has_the_timeline_of_its_response() -> None:
    response = HttpResponse(503)
    assert HTTPStatusError(response).timeline == ()
    response.timeline = (record(),)
    assert HTTPStatusError(response).timeline == (record(),)


# -- records ----------------------------------------------------------------------------


async def test_the_clock_is_read_once_and_nothing_is_kept_of_a_success() -> None:
    story = Story()
    await story.meet(200)
    assert story.time == 1
    assert story.timeline.close() == ()


async def test_a_record_holds_no_secret_and_when_the_attempt_was() -> None:
    story = Story()
    await story.meet(200)
    await story.meet(HTTPConnectionError("Lost.", failure="tls", reason="expired"))
    [only] = story.timeline.close()
    assert only == AttemptRecord(
        number=2,
        method="GET",
        url="https://***@api.test/v1?key=***",
        started=2,
        duration=1,
        outcome="HTTPConnectionError: tls, expired",
        request_sent="no",
        decision="not repeated: another attempt would fail as well",
    )


async def test_records_stand_by_number_however_they_ended() -> None:
    story = Story()
    gate = asyncio.Event()

    async def slow(request: RequestContext) -> HttpResponse:
        await gate.wait()
        return HttpResponse(503, request.url)

    first = asyncio.create_task(story.timeline.recorded(1, story.request, slow))
    await asyncio.sleep(0)
    story.number = 1
    await story.meet(404)
    gate.set()
    await first
    assert [record.number for record in story.timeline.close()] == [1, 2]


@pytest.mark.parametrize(
    ("phase", "why"),
    [
        ("total", "the time of the call is over"),
        ("pool", "the pool is busy, and asking again adds to it"),
        ("read", "no retry policy asked for it"),
    ],
)
async def test_a_timeout_says_why_it_is_the_end(phase: TimeoutPhase, why: str) -> None:
    story = Story()
    await story.meet(HTTPTimeoutError("Late.", phase=phase, limit=1))
    assert story.told() == [(f"HTTPTimeoutError: {phase}", f"not repeated: {why}")]


async def test_an_exception_of_somebody_else_is_no_failure_of_the_exchange() -> None:
    story = Story()
    await story.meet(LookupError())
    assert story.told() == [
        ("LookupError", "not repeated: it is no failure of the exchange")
    ]
    assert story.timeline.close()[0].request_sent == "maybe"


async def test_an_answer_that_is_no_redirect_is_the_answer() -> None:
    story = Story()
    await story.meet(304)
    assert story.told() == [("304", "the answer")]


async def test_a_redirect_is_followed_when_another_request_is_entered() -> None:
    story = Story()
    redirect = HttpResponse(302, headers={"Location": "/elsewhere"})
    story.timeline.answered(1, story.request, 0.0, redirect)
    assert story.told() == [("302", "not followed")]
    story.timeline.enter(story.request)
    assert story.told() == [("302", "followed")]


async def test_a_request_that_is_entered_again_was_sent_by_an_interceptor() -> None:
    story = Story()
    await story.meet(401)
    story.timeline.enter(story.request)
    await story.meet(200)
    assert story.told() == [
        ("401", "again, by an interceptor"),
        ("200", "the answer"),
    ]


async def test_what_a_policy_notes_stands_before_what_follows_by_itself() -> None:
    story = Story("POST")
    await story.meet(503)
    assert story.told() == [("503", "not repeated: POST without an idempotency key")]
    story.timeline.note("not repeated: enough")
    await story.meet(200)
    assert story.told()[0] == ("503", "not repeated: enough")


def test_a_note_without_an_attempt_is_nothing() -> None:
    story = Story()
    story.timeline.note("not repeated: there was none")
    assert story.told() == []


async def test_a_cancelled_attempt_is_nothing_until_it_is_known_by_what() -> None:
    story = Story()
    await story.meet(asyncio.CancelledError())
    assert story.told() == []
    story.timeline.note("again at once")
    assert story.told() == [("HTTPTimeoutError: attempt", "again at once")]
    await story.meet(asyncio.CancelledError())
    late = HTTPTimeoutError("Late.", phase="total", limit=1)
    assert story.told(late) == [
        ("HTTPTimeoutError: attempt", "again at once"),
        ("HTTPTimeoutError: total", "not repeated: the time of the call is over"),
    ]


async def test_a_cancelled_attempt_is_forgotten_by_the_next_one() -> None:
    story = Story()
    await story.meet(503)
    await story.meet(asyncio.CancelledError())
    await story.meet(200)
    assert story.told() == [("503", "again"), ("200", "the answer")]


# -- the call as policies see it ----------------------------------------------------------


def test_a_description_takes_notes_where_it_is_told_to() -> None:
    notes: list[str] = []
    request = RequestContext("GET", "https://api.test")
    assert describe_call(request, {}, None).note is None
    call = describe_call(request, {}, None, note=notes.append)
    assert call.note is not None
    call.note("again")
    assert notes == ["again"]


def test_what_may_be_repeated_has_no_reason_against_it() -> None:
    post = RequestContext("POST", "https://api.test")
    assert why_not_repeatable(post, {}) == "POST without an idempotency key"
    post.headers["Idempotency-Key"] = "k"
    assert why_not_repeatable(post, {}) == ""
