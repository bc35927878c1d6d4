"""Values of the contracts compare, copy and pickle; defaults are what they say."""

import asyncio
import copy
import pickle
import time
from typing import Annotated

import pytest
from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.di import (
    Binding,
    ConfigSection,
    ModuleDefinition,
    Named,
    bind,
    provide,
    written_at,
)
from lexigram.contracts.health import HealthReport
from lexigram.contracts.resilience import Call, Judgement
from lexigram.contracts.suggestions import did_you_mean, refuse_unknown
from lexigram.contracts.web import (
    Headers,
    MutableHeaders,
    RequestContext,
    ResponseContext,
)

VALUES = [
    RequestContext("GET", "http://h/", MutableHeaders({"A": "b"}), state={"k": 1}),
    ResponseContext(200, Headers({"A": "b"}), b"x", request=RequestContext("GET", "/")),
    Headers([("A", "b"), ("a", "c")]),
    MutableHeaders([("A", "b")]),
    Judgement("failure", retryable=True, retry_after=1.0, reason="503"),
    HealthReport("degraded", "slow"),
    Named("partner"),
    Binding(int, scope="scoped", origin="x:1"),
    ModuleDefinition(name="M"),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda v: type(v).__name__)
def test_a_value_equals_its_copies(value: object) -> None:
    assert copy.copy(value) == value
    if not isinstance(value, HealthReport):  # its default data is a read-only view
        assert copy.deepcopy(value) == value
        assert pickle.loads(pickle.dumps(value)) == value


def test_a_copy_of_mutable_headers_is_independent() -> None:
    headers = MutableHeaders({"A": "b"})
    other = copy.copy(headers)
    other["A"] = "changed"
    assert headers["A"] == "b"


def test_contexts_do_not_share_what_they_were_not_given() -> None:
    one, two = RequestContext("GET", "/"), RequestContext("GET", "/")
    one.headers["A"] = "b"
    one.state["k"] = 1
    assert not two.headers
    assert two.state == {}
    assert (one.timeout, one.body, one.attempt) == (None, None, 1)


def test_a_context_shows_what_a_log_needs() -> None:
    request = RequestContext("PUT", "http://h/?a=b", body=b"123", attempt=2)
    assert repr(request) == (
        "<RequestContext PUT http://h/?a=*** attempt 2, MutableHeaders([]), 3 bytes>"
    )
    assert "no body" in repr(RequestContext("GET", "/"))
    assert repr(ResponseContext(404, url="http://h/", method="PUT", attempt=3)) == (
        "<ResponseContext 404 PUT http://h/ attempt 3, Headers([]), 0 bytes>"
    )


def test_a_call_without_a_description_takes_an_exception_for_a_failure() -> None:
    call: Call[int] = Call()
    assert (call.key, call.operation, call.repeatable, call.deadline) == (
        "",
        "",
        True,
        None,
    )
    assert call.judge(1, None) == Judgement("success")
    assert call.judge(None, ValueError()) == Judgement("failure", retryable=True)
    assert call.judge(None, asyncio.CancelledError()) == Judgement("neutral")
    assert call.discard(1) is None


def test_generic_values_can_be_made_with_their_types_written_out() -> None:
    assert Call[int](key="k").key == "k"
    assert ConfigSection[int]("http", int).explicit is None


async def test_the_system_clock_is_the_loop_s() -> None:
    clock: ClockProtocol = SystemClock()
    before = asyncio.get_running_loop().time()
    assert before <= clock.monotonic() <= asyncio.get_running_loop().time()
    await clock.sleep(0)


def test_the_system_clock_runs_outside_a_loop_too() -> None:
    before = time.monotonic()
    assert before <= SystemClock().monotonic() <= time.monotonic()


def test_bindings_say_what_and_where() -> None:
    key = Annotated[int, Named("port")]
    by_factory = bind(key, scope="transient").to(lambda: 1)
    assert by_factory.key == key
    assert by_factory.factory is not None
    assert (by_factory.factory(), by_factory.value, by_factory.scope) == (
        1,
        None,
        "transient",
    )
    by_value = bind(int).to_value(7)
    assert (by_value.key, by_value.factory, by_value.value) == (int, None, 7)
    assert by_value.scope == "singleton"
    provided = provide(dict, scope="scoped")
    assert (provided.key, provided.factory, provided.scope) == (None, dict, "scoped")
    for binding in (by_factory, by_value, provided):
        file, _, line = binding.origin.rpartition(":")
        assert file == __file__
        assert line.isdecimal()


def test_the_place_of_a_call_is_the_caller_s_line() -> None:
    def here() -> str:
        return written_at()

    def further() -> str:
        return [written_at(2)][0]

    def indirect() -> str:
        return further()

    line = here.__code__.co_firstlineno
    assert here() == f"{__file__}:{line + 10}"
    assert indirect() == f"{__file__}:{line + 11}"


def test_the_nearest_name_is_suggested_or_all_are_listed() -> None:
    assert did_you_mean("heders", ["json", "headers"]) == "Did you mean 'headers'?"
    assert did_you_mean("x", ["json", "data"]) == "Known are 'data', 'json'."
    assert did_you_mean("x", []) == "There are none."


def test_unknown_keywords_are_refused_with_the_nearest() -> None:
    refuse_unknown("Config", ["a"], ["a", "b"])
    with pytest.raises(TypeError, match="Config has no option 'heders'. Did you mean"):
        refuse_unknown("Config", ["headers", "heders"], ["headers"])
