"""Which kinds of faults were exercised, for those without the plugin."""

import asyncio
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexigram.contracts.web import (
    HTTPCircuitOpenError,
    HTTPConnectionError,
    HTTPDecodeError,
    HttpResponse,
    HTTPStatusError,
    HTTPTimeoutError,
)
from lexigram.testing import (
    FakeHTTPClient,
    FaultCoverage,
    Reply,
    RouteCoverage,
    fault,
    fault_coverage,
)
from lexigram.testing._coverage.kinds import FAULT_KINDS, FaultKind, kind_of


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (None, None),
        (Reply(200), "ok"),
        (Reply(302), "ok"),
        (Reply(400), "4xx"),
        (HttpResponse(404), "4xx"),
        (Reply(429), "429"),
        (Reply(499), "4xx"),
        (Reply(500), "5xx"),
        (HTTPStatusError(HttpResponse(503)), "5xx"),
        (fault.refused(), "refused"),
        (fault.reset(), "reset"),
        (fault.reset(10), "reset"),
        (fault.close(), "reset"),
        (fault.hang(), "timeout"),
        (fault.hang(10), "timeout"),
        (fault.drip(10), "ok"),
        (fault.truncate(10), "malformed"),
        (fault.garbage(), "malformed"),
        (fault.bad_gzip(), "malformed"),
        (fault.raw(b"HTTP/1.1 200 OK\r\n", "hang"), "timeout"),
        (HTTPTimeoutError("Slow.", phase="read", limit=1.0), "timeout"),
        (HTTPConnectionError("No.", failure="dns"), "refused"),
        (HTTPConnectionError("No.", failure="connect"), "refused"),
        (HTTPConnectionError("No.", failure="disconnected"), "reset"),
        (HTTPConnectionError("No.", failure="truncated"), "malformed"),
        (HTTPDecodeError("No.", content_type="text/html"), "malformed"),
        (HTTPCircuitOpenError("Open."), None),
        (ConnectionRefusedError(), "refused"),
        (ConnectionResetError(), "reset"),
        (TimeoutError(), "timeout"),
        (asyncio.CancelledError(), "timeout"),
        (ZeroDivisionError(), None),
    ],
)
def test_an_outcome_counts_as_what_its_caller_meets(
    outcome: object, kind: FaultKind | None
) -> None:
    assert kind_of(outcome) == kind  # type: ignore[arg-type]  # each is an outcome


async def test_calls_are_counted_by_the_route_and_not_by_the_url() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("https://a.test:8443/v1/{id}?x=1").sequence(Reply(200), Reply(500))
        fake.on("*", "/any")
        await fake.get("https://a.test:8443/v1/1?x=1")
        await fake.get("https://a.test:8443/v1/2?x=1")
        await fake.put("/any")
    coverage = fault_coverage(fake.calls)
    assert [str(route) for route in coverage.routes] == [
        "GET a.test:8443/v1/{id}",
        "PUT fake.test/any",
    ]
    assert coverage.routes[0].counts == {"ok": 1, "5xx": 1}
    assert coverage.routes[0].exercised == ("ok", "5xx")
    assert coverage.routes[1].missing == FAULT_KINDS[1:]


async def test_a_regular_expression_is_shown_as_it_is() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get(re.compile(r"https://a\.test/\d+"))
        await fake.get("https://a.test/1")
        await fake.get("https://a.test/2")
    (route,) = fault_coverage(fake.calls).routes
    assert str(route) == r"GET a.test ~ https://a\.test/\d+"


async def test_the_port_of_a_server_on_this_machine_is_left_out() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/")
        for host in ("127.0.0.1:4711", "[::1]:4712", "localhost:80", "[2001:db8::1]:9"):
            await fake.get(f"http://{host}/")
    names = [route.dependency for route in fault_coverage(fake.calls).routes]
    assert names == ["127.0.0.1", "[2001:db8::1]:9", "[::1]", "localhost"]


async def test_a_client_that_gives_up_waiting_has_met_a_timeout() -> None:
    async with FakeHTTPClient() as fake:
        fake.on.get("/slow").fail(fault.hang())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await fake.get("/slow")
    assert fault_coverage(fake.calls).routes[0].exercised == ("timeout",)


async def test_a_request_without_a_route_is_not_covered() -> None:
    fake = FakeHTTPClient()
    with pytest.raises(BaseException, match="No route"):
        await fake.get("/typo")
    assert fault_coverage(fake.calls) == FaultCoverage()


def test_the_table_has_a_line_for_each_route() -> None:
    coverage = FaultCoverage(
        (
            RouteCoverage("a.test", "/", "GET", {"ok": 2}),
            RouteCoverage("long.test", "/{id}", "POST", {"429": 1, "reset": 1}),
        )
    )
    columns = [line.split("  ") for line in coverage.render().splitlines()]
    assert columns == [
        ["GET a.test/", *[""] * 4, "ok ✓", *(f"{kind} ✗" for kind in FAULT_KINDS[1:])],
        [
            "POST long.test/{id}",
            *("ok ✗", "4xx ✗", "429 ✓", "5xx ✗"),
            *("timeout ✗", "refused ✗", "reset ✓", "malformed ✗"),
        ],
    ]


def test_nothing_renders_as_nothing() -> None:
    assert FaultCoverage().render() == ""


COVERAGES = st.lists(
    st.builds(
        RouteCoverage,
        st.sampled_from(["a.test", "b.test"]),
        st.sampled_from(["/", "/{id}"]),
        st.sampled_from(["GET", "POST"]),
        st.dictionaries(st.sampled_from(FAULT_KINDS), st.integers(1, 9)),
    )
).map(lambda routes: sum((FaultCoverage((r,)) for r in routes), FaultCoverage()))


@given(COVERAGES, COVERAGES, COVERAGES)
def test_what_processes_counted_adds_up_in_any_order(
    one: FaultCoverage, two: FaultCoverage, three: FaultCoverage
) -> None:
    assert one + two == two + one
    assert (one + two) + three == one + (two + three)
    assert one + FaultCoverage() == one


@given(COVERAGES)
def test_a_coverage_survives_the_way_to_another_process(one: FaultCoverage) -> None:
    assert FaultCoverage.from_data(json.loads(json.dumps(one.to_data()))) == one
