"""The doors to the behaviours: classes and functions, their checks and reports."""

import pickle
import subprocess
import sys
import unittest
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from lexigram.contracts.web import HTTPClientProtocol
from lexigram.testing import FakeHTTPClient, InMemoryMetrics
from lexigram.testing.conformance import (
    Backend,
    ConformanceError,
    HTTPClientConformance,
    MetricsRecorderConformance,
    check_http_client,
    check_metrics_recorder,
    metrics_recorder_behaviours,
)

pytestmark = pytest.mark.thorough

RECORDER = "METRICS-003"


class WholeNumbers(InMemoryMetrics):
    """Does not do METRICS-003."""

    def histogram(
        self, name: str, value: float, tags: Mapping[str, str] | None = None
    ) -> None:
        if not isinstance(value, int):
            raise TypeError("no whole number")


def suite(**members: Any) -> Any:
    made = {"version": "1.0", "make_metrics_recorder": lambda self: InMemoryMetrics()}
    return type("TestMine", (MetricsRecorderConformance,), made | members)


def behaviours_in(cls: type[Any]) -> dict[str, Callable[[], None]]:
    instance = cls()
    return {
        name: getattr(instance, name)
        for name in dir(cls)
        if name.startswith("test_metrics")
    }


def test_a_suite_has_a_test_for_each_behaviour() -> None:
    tests = behaviours_in(suite())
    assert list(tests) == [
        "test_metrics_001_implements_the_protocol",
        "test_metrics_002_it_returns_at_once",
        "test_metrics_003_values_are_numbers_of_any_kind",
        "test_metrics_004_tags_may_be_left_out_or_differ",
        "test_metrics_005_tags_stay_the_callers",
    ]
    for test in tests.values():
        test()
        assert test.__doc__


def test_a_suite_without_its_hook_says_which() -> None:
    with pytest.raises(TypeError) as raised:

        class TestMine(HTTPClientConformance):
            version = "1.0"

            def create_client(self, backend: Backend) -> Any:
                return backend

    assert str(raised.value) == (
        "`TestMine` must define make_client(self, backend) "
        "(Did you mean 'create_client'?)."
    )


def test_a_suite_without_a_version_says_so() -> None:
    with pytest.raises(TypeError, match=r"`TestMine` must say `version = \"1.0\"`"):

        class TestMine(MetricsRecorderConformance):
            def make_metrics_recorder(self) -> InMemoryMetrics:
                return InMemoryMetrics()


def test_a_base_of_suites_may_leave_both_open() -> None:
    class Shared(HTTPClientConformance, abstract=True):
        version = "1.0"

    class TestOne(Shared):
        def make_client(self, backend: Any) -> Any:
            return backend

    assert not any(name.startswith("test_http") for name in dir(Shared))
    assert any(name.startswith("test_http") for name in dir(TestOne))


@pytest.mark.parametrize("member", [None, lambda self: None])
def test_a_behaviour_cannot_be_replaced(member: Any) -> None:
    with pytest.raises(TypeError) as raised:
        suite(test_metrics_003_values_are_numbers_of_any_kind=member)
    assert "replaces or removes METRICS-003" in str(raised.value)
    assert 'expected_failures = {"METRICS-003": "the reason"}' in str(raised.value)


def test_a_behaviour_cannot_be_deleted_later() -> None:
    mine = suite()
    mine().test_no_behaviour_is_missing()
    del mine.test_metrics_003_values_are_numbers_of_any_kind
    with pytest.raises(TypeError, match="replaces or removes METRICS-003"):
        mine().test_no_behaviour_is_missing()


def test_a_mixin_cannot_replace_a_behaviour() -> None:
    class Mixin:
        def test_metrics_003_values_are_numbers_of_any_kind(self) -> None:
            """Pass."""

    class TestMine(Mixin, MetricsRecorderConformance):
        version = "1.0"

        def make_metrics_recorder(self) -> InMemoryMetrics:
            return WholeNumbers()

    with pytest.raises(TypeError, match="no whole number"):
        TestMine().test_metrics_003_values_are_numbers_of_any_kind()


def test_a_failure_comes_out_as_it_is() -> None:
    tests = behaviours_in(suite(make_metrics_recorder=lambda self: WholeNumbers()))
    with pytest.raises(TypeError, match="no whole number"):
        tests["test_metrics_003_values_are_numbers_of_any_kind"]()


def test_an_expected_failure_is_one() -> None:
    mine = suite(
        make_metrics_recorder=lambda self: WholeNumbers(),
        expected_failures={RECORDER: "counts only"},
    )
    with pytest.raises(pytest.xfail.Exception, match="counts only"):
        mine().test_metrics_003_values_are_numbers_of_any_kind()


def test_an_unexpected_pass_fails() -> None:
    mine = suite(expected_failures={RECORDER: "counts only"})
    with pytest.raises(AssertionError, match="take 'METRICS-003' .* out"):
        mine().test_metrics_003_values_are_numbers_of_any_kind()


def test_an_expected_failure_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="'METRICS-3', which is no behaviour"):
        suite(expected_failures={"METRICS-3": "counts only"})


def test_an_expected_failure_needs_a_reason() -> None:
    with pytest.raises(ValueError, match="'METRICS-003' without a reason"):
        suite(expected_failures={RECORDER: " "})


def test_a_behaviour_that_came_later_is_no_test() -> None:
    assert not behaviours_in(suite(version="0.9"))


def test_a_suite_runs_under_unittest() -> None:
    class Mine(HTTPClientConformance, unittest.TestCase):
        version = "1.0"

        def make_backend(self) -> Any:
            return FakeHTTPClient()

        def make_client(self, backend: Any) -> Any:
            return backend

    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Mine).run(result)
    assert not result.errors
    assert not result.failures
    assert result.testsRun > 60
    assert ("The backend has no wire.") in [reason for _, reason in result.skipped]


MINE = """
from lexigram.testing import FakeHTTPClient
from lexigram.testing.conformance import HTTPClientConformance, http_client_behaviours

class Headless(FakeHTTPClient):
    async def head(self, url, **options):
        raise NotImplementedError

class TestMine(HTTPClientConformance):
    version = "1.0"
    expected_failures = {"HTTP-002": "it has no HEAD", "HTTP-047": "it has no HEAD"}

    def make_backend(self):
        return Headless()

    def make_client(self, backend):
        return backend
"""

# pytest-asyncio warns where it is unset.
SCOPE = ["-o", "asyncio_default_fixture_loop_scope=function"]


@pytest.mark.parametrize(
    "options",
    [
        ["-p", "no:asyncio", "-p", "no:anyio"],
        ["-o", "asyncio_mode=strict", *SCOPE, "-p", "no:anyio"],
        ["-o", "asyncio_mode=auto", *SCOPE, "-p", "no:anyio"],
        ["-p", "no:asyncio"],
    ],
    ids=["no plugin", "asyncio strict", "asyncio auto", "anyio"],
)
def test_a_suite_runs_with_any_plugin_for_coroutines(
    tmp_path: Path, options: list[str]
) -> None:
    (tmp_path / "test_mine.py").write_text(MINE)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", *options, "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "2 xfailed" in done.stdout


def test_a_suite_imports_no_runner() -> None:
    code = (
        "import sys, lexigram.testing.conformance\n"
        f"{MINE}\n"
        "assert not {'pytest', 'aiohttp'} & set(sys.modules), sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


async def test_a_report_counts_and_tells_what_is_notable() -> None:
    report = await check_metrics_recorder(
        WholeNumbers, version="1.0", expected_failures={RECORDER: "counts only"}
    )
    assert report.render() == (
        "MetricsRecorderProtocol 1.0: 4 passed, 1 expected failure\n"
        "expected failure  METRICS-003 Values may be zero, negative where it makes "
        "sense, whole or broken.\n"
        "    counts only"
    )


async def test_a_failure_lists_every_behaviour_that_fails() -> None:
    with pytest.raises(ConformanceError) as raised:
        await check_metrics_recorder(
            WholeNumbers, version="1.0", expected_failures={"METRICS-001": "no idea"}
        )
    error = raised.value
    assert [v.behaviour.id for v in error.report.failed] == ["METRICS-001", RECORDER]
    assert "1 failed, 1 unexpected pass" in str(error)
    assert "TypeError: no whole number" in str(error)
    assert "take 'METRICS-001' ('no idea') out of `expected_failures`" in str(error)


async def test_a_skipped_behaviour_says_what_is_missing() -> None:
    report = await check_http_client(
        lambda backend: backend,  # type: ignore[arg-type, return-value]  # it is the client
        version="1.0",
        backend=FakeHTTPClient,
    )
    skipped = [v for v in report.verdicts if v.outcome == "skipped"]
    assert {v.reason for v in skipped} == {"The backend has no wire."}


async def test_a_behaviour_can_be_checked_alone() -> None:
    for behaviour in metrics_recorder_behaviours(version="1.0"):
        await behaviour.check(InMemoryMetrics)
        assert str(behaviour).startswith(behaviour.id)


async def test_a_client_that_hangs_fails_and_the_others_are_tried() -> None:
    class Hangs(FakeHTTPClient):
        async def head(self, url: str, **options: Any) -> Any:
            import asyncio  # noqa: PLC0415 - one use

            await asyncio.get_running_loop().create_future()

    def make(backend: Any) -> HTTPClientProtocol:
        backend.__class__ = Hangs
        return backend  # type: ignore[no-any-return]  # a fake

    with pytest.raises(ConformanceError) as raised:
        await check_http_client(
            make,  # type: ignore[arg-type]  # it is its own context manager
            version="1.0",
            backend=FakeHTTPClient,
        )
    failed = {v.behaviour.id: v.reason for v in raised.value.report.failed}
    assert failed["HTTP-002"] == "AssertionError: Waited in vain for 86400 s."
    assert "HTTP-003" not in failed


def test_the_list_of_behaviours_is_made_once() -> None:
    first, again = (metrics_recorder_behaviours(version="1.0") for _ in range(2))
    assert all(one is other for one, other in zip(first, again, strict=True))


async def test_to_another_process_goes_the_text_of_a_failure() -> None:
    with pytest.raises(ConformanceError) as raised:
        await check_metrics_recorder(WholeNumbers, version="1.0")
    copy = pickle.loads(pickle.dumps(raised.value))
    assert isinstance(copy, AssertionError)
    assert str(copy) == str(raised.value)
