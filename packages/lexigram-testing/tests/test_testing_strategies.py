"""Outages that hypothesis makes up: minimal when they fail, and good for pasting."""

import asyncio
import subprocess
import sys

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from lexigram.contracts.web import HTTPClientError, HTTPConnectionError
from lexigram.testing import FakeHTTPClient, FaultServer, Reply, Route, fault
from lexigram.testing.strategies import (
    FaultSchedule,
    fault_schedules,
    faults,
    replies,
)

NAMES = {"FaultSchedule": FaultSchedule, "Reply": Reply, "fault": fault}


async def resets_seen(schedule: FaultSchedule, calls: int) -> int:
    """Call a route of a schedule and count the resets."""
    seen = 0
    fake = FakeHTTPClient(strict="lenient", timeout=0.001)
    schedule.apply(fake.on.get("/"))
    for _ in range(calls):
        try:
            await fake.request("GET", "/")
        except HTTPConnectionError as error:
            seen += error.failure == "disconnected"
        except HTTPClientError:
            pass
    return seen


def test_a_bug_after_two_resets_shrinks_to_two_resets() -> None:
    def fails(schedule: FaultSchedule) -> bool:
        return asyncio.run(resets_seen(schedule, calls=5)) >= 2

    worst = find(fault_schedules(max_size=6), fails)
    assert worst == FaultSchedule(fault.reset(), fault.reset(), Reply(200))


def test_a_bug_after_a_wait_that_is_asked_for_shrinks_to_that_answer() -> None:
    def fails(schedule: FaultSchedule) -> bool:
        return any(
            isinstance(outcome, Reply) and "retry-after" in outcome.headers
            for outcome in schedule.outcomes
        )

    worst = find(fault_schedules(ends_well=False), fails)
    assert worst == FaultSchedule(Reply(503, {"Retry-After": "0"}))


def test_a_schedule_is_printed_as_what_makes_it() -> None:
    schedule = FaultSchedule(
        fault.reset(), Reply(429, {"Retry-After": "1"}, json={"a": 1}), then="cycle"
    )
    made = "fault.reset(), Reply(429, json={'a': 1}, headers=[('Retry-After', '1')])"
    assert repr(schedule) == f"FaultSchedule({made}, then='cycle')"
    assert str(schedule) == f".sequence({made}, then='cycle')"


def test_a_failing_example_names_the_schedule_so_that_it_can_be_pasted() -> None:
    @settings(database=None)
    @given(outage=fault_schedules())
    def fails(outage: FaultSchedule) -> None:
        assert fault.reset() not in outage.outcomes

    with pytest.raises(AssertionError) as caught:
        fails()
    told = "".join(caught.value.__notes__).replace("\n", "").replace(" ", "")
    assert "outage=FaultSchedule(fault.reset(),Reply(200))" in told


@given(
    fault_schedules(ends_well=False)
    | fault_schedules(portable=False)
    | st.builds(FaultSchedule, replies(max_delay=2.0), then=st.just("cycle"))
)
def test_every_schedule_evaluates_to_itself(schedule: FaultSchedule) -> None:
    assert eval(repr(schedule), dict(NAMES)) == schedule  # noqa: S307 - what is tested


@given(
    st.binary(min_size=1, max_size=10),
    st.booleans(),
    st.sampled_from(["application/json", "text/html", "application/octet-stream"]),
)
def test_replies_that_no_strategy_makes_evaluate_to_themselves_too(
    body: bytes,
    chunked: bool,  # noqa: FBT001 - drawn
    content_type: str,
) -> None:
    reply = Reply(
        200,
        {"Content-Type": content_type},
        **(
            {"chunks": [body[:1], body[1:]], "pause": 1.5}
            if chunked
            else {"body": body}
        ),
    )
    schedule = FaultSchedule(reply)
    assert eval(repr(schedule), dict(NAMES)) == schedule  # noqa: S307 - what is tested


@given(fault_schedules(max_size=3), fault_schedules(max_size=3, ends_well=False))
def test_schedules_keep_to_their_size_and_end_as_asked(
    well: FaultSchedule, any_end: FaultSchedule
) -> None:
    assert 1 <= len(well.outcomes) <= 3
    assert well.outcomes[-1] == Reply(200)
    assert 1 <= len(any_end.outcomes) <= 3


def test_the_good_response_is_the_users() -> None:
    good = Reply(json={"id": "inv_1"})
    assert find(fault_schedules(well=good), lambda _: True) == FaultSchedule(good)


def test_some_schedules_do_not_end_well() -> None:
    found = find(
        fault_schedules(ends_well=False, max_size=1),
        lambda schedule: not isinstance(schedule.outcomes[-1], Reply),
    )
    assert found == FaultSchedule(fault.reset())


def test_a_schedule_without_room_for_an_outcome_is_refused() -> None:
    with pytest.raises(ValueError, match="max_size=0 leaves no outcome"):
        fault_schedules(max_size=0)


def route_of(world: FakeHTTPClient | FaultServer) -> Route:
    return world.on.get("/")


@given(fault_schedules())
def test_a_fake_can_do_every_portable_schedule(schedule: FaultSchedule) -> None:
    route = route_of(FakeHTTPClient())
    assert schedule.apply(route) is route


@given(fault_schedules(portable=False), faults(portable=False))
def test_a_server_can_do_every_other_schedule(
    schedule: FaultSchedule, single: object
) -> None:
    schedule.apply(route_of(FaultServer()))
    route_of(FaultServer()).fail(single)  # type: ignore[arg-type]  # drawn as one


def test_replies_have_the_statuses_and_delays_that_are_asked_for() -> None:
    @settings(database=None)
    @given(replies(statuses=[502], max_delay=3.0))
    def check(reply: Reply) -> None:
        assert reply.status == 502
        assert 0 <= reply.delay <= 3

    check()
    assert find(replies(), lambda reply: bool(reply.body)).status == 200
    assert find(replies(max_delay=3.0), lambda reply: reply.delay > 1).delay <= 3


def test_without_hypothesis_the_import_names_the_extra() -> None:
    code = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "try:\n    import lexigram.testing.strategies\n"
        "except ImportError as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert 'pip install "lexigram-testing[hypothesis]"' in done.stdout
