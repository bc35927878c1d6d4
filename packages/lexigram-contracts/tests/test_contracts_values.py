"""Values of the contracts compare, copy and pickle; defaults are what they say."""

import asyncio
import copy
import inspect
import pickle
import sys
import time
from collections.abc import Callable
from typing import Annotated, Any

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
from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.contracts.resilience import (
    Call,
    IdempotencyClaim,
    Judgement,
    RateLimiterProtocol,
)
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
    assert repr(RequestContext("GET", "/")) == (
        "<RequestContext GET / attempt 1, MutableHeaders([]), no body>"
    )
    assert repr(ResponseContext(404, url="http://h/", method="PUT", attempt=3)) == (
        "<ResponseContext 404 PUT http://h/ attempt 3, Headers([]), 0 bytes>"
    )


def test_a_claim_shows_what_became_of_it_and_neither_token_nor_result() -> None:
    claim = IdempotencyClaim("pay 1", "finished", token="t0ken", result=b"s3cret")
    assert repr(claim) == "<IdempotencyClaim 'pay 1': finished, 6 bytes>"


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


def test_a_section_takes_its_own_model() -> None:
    with pytest.raises(
        TypeError, match=r"'http' takes a int, and not a str"
    ) as refused:
        ConfigSection[Any]("http", int, "s3cret")
    assert "s3cret" not in str(refused.value)


async def test_the_system_clock_is_the_loop_s() -> None:
    clock: ClockProtocol = SystemClock()
    before = asyncio.get_running_loop().time()
    assert before <= clock.monotonic() <= asyncio.get_running_loop().time()
    await clock.sleep(0)


def test_the_system_clock_runs_outside_a_loop_too() -> None:
    before = time.monotonic()
    assert before <= SystemClock().monotonic() <= time.monotonic()


class LateLoop(asyncio.SelectorEventLoop):
    """A loop whose clock goes an hour fast."""

    def time(self) -> float:
        return super().time() + 3600


def test_the_system_clock_is_that_of_the_loop_it_is_asked_in() -> None:
    clock = SystemClock()

    async def ask() -> tuple[float, float]:
        return asyncio.get_running_loop().time(), clock.monotonic()

    for kind in (asyncio.SelectorEventLoop, LateLoop, asyncio.SelectorEventLoop):
        with asyncio.Runner(loop_factory=kind) as runner:
            for _ in range(2):
                loop_time, told = runner.run(ask())
                assert told == pytest.approx(loop_time, abs=60)
        assert clock.monotonic() == pytest.approx(time.monotonic(), abs=60)


class Hidden:
    """An attribute that is there to be set, and is not there to be seen."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, loop: object, _: type) -> object:
        # What asyncio itself asks of its loops goes on; the clock does not see it.
        if sys._getframe(1).f_globals["__name__"].startswith("asyncio"):
            return vars(loop).get(self._name)
        raise AttributeError(self._name)

    def __set__(self, loop: object, value: object) -> None:
        vars(loop)[self._name] = value


class ForeignLoop(LateLoop):
    """A loop of somebody else, which does not show that it runs."""

    _thread_id = Hidden()


def test_the_system_clock_is_that_of_a_loop_of_somebody_else_s_making() -> None:
    clock = SystemClock()

    async def ask() -> tuple[float, float]:
        return asyncio.get_running_loop().time(), clock.monotonic()

    for kind in (ForeignLoop, asyncio.SelectorEventLoop, ForeignLoop):
        with asyncio.Runner(loop_factory=kind) as runner:
            for _ in range(2):
                loop_time, told = runner.run(ask())
                assert told == pytest.approx(loop_time, abs=60)


def build_port() -> int:
    return 1


def test_a_binding_to_a_factory_says_what_builds_the_key() -> None:
    key = Annotated[int, Named("port")]
    binding = bind(key, scope="transient").to(build_port)
    assert (binding.key, binding.factory, binding.value, binding.scope) == (
        key, build_port, None, "transient",
    )  # fmt: skip
    assert bind(int).to(build_port).scope == "singleton"


def test_a_binding_to_a_value_holds_the_instance_itself() -> None:
    binding = bind(int, scope="scoped").to_value(7)
    assert (binding.key, binding.factory, binding.value, binding.scope) == (
        int, None, 7, "scoped",
    )  # fmt: skip
    assert bind(int).to_value(7).scope == "singleton"


def test_what_is_provided_is_bound_to_what_it_builds() -> None:
    binding = provide(dict, scope="scoped")
    assert (binding.key, binding.factory, binding.value, binding.scope) == (
        None, dict, None, "scoped",
    )  # fmt: skip
    assert provide(dict).scope == "singleton"


# Which file and line is asserted in test_contracts_origins.py.
@pytest.mark.parametrize(
    "make",
    [
        lambda: bind(int).to(build_port),
        lambda: bind(int).to_value(7),
        lambda: provide(build_port),
    ],
    ids=["factory", "value", "provided"],
)
def test_a_binding_says_in_which_file_and_line_it_was_written(
    make: Callable[[], Binding],
) -> None:
    file, _, line = make().origin.rpartition(":")
    assert file.endswith(".py")
    assert line.isdecimal()


def test_the_place_is_that_of_the_nearest_call_unless_asked_further() -> None:
    assert written_at() == written_at(1)


def test_the_place_of_a_call_is_outside_of_the_contracts() -> None:
    file, _, _ = written_at().rpartition(":")
    assert file != sys.modules[written_at.__module__].__file__


def test_the_nearest_name_is_suggested_or_all_are_listed() -> None:
    assert did_you_mean("heders", ["json", "headers"]) == "Did you mean 'headers'?"
    assert did_you_mean("x", ["json", "data"]) == "Known are 'data', 'json'."
    assert did_you_mean("x", []) == "There are none."


def test_unknown_keywords_are_refused_with_the_nearest() -> None:
    refuse_unknown("Config", ["a"], ["a", "b"])
    with pytest.raises(TypeError, match="Config has no option 'heders'. Did you mean"):
        refuse_unknown("Config", ["headers", "heders"], ["headers"])


def test_a_report_has_no_figures_unless_given_and_none_can_be_added() -> None:
    report = HealthReport("healthy")
    assert (report.status, report.detail, report.data) == ("healthy", "", {})
    with pytest.raises(TypeError):
        report.data["k"] = 1  # type: ignore[index]  # the point of the test
    assert HealthReport("degraded", data={"k": 1}).data == {"k": 1}


def test_a_module_brings_nothing_that_it_does_not_say() -> None:
    assert ModuleDefinition(name="M") == ModuleDefinition(
        name="M", imports=(), providers=(), exports=(), config=None, origin=""
    )


@pytest.mark.parametrize(
    ("method", "defaults"),
    [
        (MetricsRecorderProtocol.increment, {"value": 1, "tags": None}),
        (MetricsRecorderProtocol.gauge, {"tags": None}),
        (MetricsRecorderProtocol.histogram, {"tags": None}),
        (RateLimiterProtocol.acquire, {"key": "", "cost": 1, "timeout": None}),
        (RateLimiterProtocol.try_acquire, {"key": "", "cost": 1}),
    ],
    ids=lambda value: getattr(value, "__qualname__", ""),
)
def test_a_protocol_s_method_has_the_defaults_that_callers_count_on(
    method: Callable[..., object], defaults: dict[str, Any]
) -> None:
    parameters = inspect.signature(method).parameters.values()
    given = {p.name: p.default for p in parameters if p.default is not p.empty}
    assert given == defaults
