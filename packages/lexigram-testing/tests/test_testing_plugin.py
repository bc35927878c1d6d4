"""The pytest plugin: what is wrong with a test is told once, as its failure."""

from collections.abc import Callable
from typing import TypeAlias

import pytest

pytest_plugins = ["pytester"]

PLUGIN = "lexigram.testing.pytest_plugin"
Run: TypeAlias = Callable[..., pytest.RunResult]
HEAD = """\
import asyncio
import pytest
from lexigram.testing import Reply, fault
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run tests with the plugin and nothing else."""

    def run_it(
        code: str, *options: str, plugins: tuple[str, ...] = ()
    ) -> pytest.RunResult:
        pytester.makepyfile(HEAD + code)
        wanted = [f"-p{name}" for name in (PLUGIN, *plugins)]
        # Where the kit is installed from a wheel, the outer pytest has loaded the plugin
        # by its entry point, and the inner one says that it comes late for it.
        return pytester.runpytest_inprocess(
            *wanted,
            "-pno:cacheprovider",
            "--strict-markers",
            "-Werror",
            "-Wignore:Module already imported",
            *options,
        )

    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return run_it


def test_a_route_that_nobody_called_fails_the_test_once(run: Run) -> None:
    result = run("""
def test_it(fake_http):
    fake_http.on.get("/a").respond(200)
""")
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert text.count("called 0x, at least 1x expected") == 1
    assert "test_a_route_that_nobody_called_fails_the_test_once.py:6" in text
    assert "Traceback" not in text
    assert "_pytest" not in text


def test_a_request_that_the_code_under_test_swallowed_fails_the_test(run: Run) -> None:
    result = run("""
def test_it(fake_http):
    async def main():
        task = asyncio.create_task(fake_http.get("/typo"))
        await asyncio.wait({task})
        task.exception()
    asyncio.run(main())
""")
    result.assert_outcomes(failed=1)
    assert result.stdout.str().count("No route matches request #1.\n") == 1


def test_a_failure_that_ended_the_test_is_not_told_twice(run: Run) -> None:
    result = run(
        """
def test_raised(fake_http):
    asyncio.run(fake_http.get("/typo"))

def test_in_a_group(fake_http):
    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(fake_http.get("/typo"))
    asyncio.run(main())

def test_as_a_cause(fake_http):
    try:
        asyncio.run(fake_http.get("/typo"))
    except BaseException as error:
        raise ValueError("mine") from error
""",
        "--tb=short",
    )
    result.assert_outcomes(failed=3)
    assert result.stdout.str().count("No route matches request #1.\n") == 3
    assert "not used as the test arranged" not in result.stdout.str()


def test_a_test_that_fails_keeps_its_failure_and_gets_the_rest_as_a_note(
    run: Run,
) -> None:
    result = run("""
def test_it(fake_http, fault_server):
    fake_http.on.get("/a")
    fault_server.run().on.get("/b")
    assert 1 + 1 == 3
""")
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert "assert (1 + 1) == 3" in text
    assert text.count("GET /a (") == text.count("GET /b (") == 1


def test_two_doubles_are_told_of_together(run: Run) -> None:
    result = run("""
def test_it(fake_http, fault_server):
    fake_http.on.get("/a")
    fault_server.run().on.get("/b")
""")
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert text.count("GET /a (") == text.count("GET /b (") == 1


def test_a_good_test_passes_whether_it_enters_the_fake_or_not(run: Run) -> None:
    result = run("""
def test_not_entered(fake_http):
    fake_http.on.get("/a")
    asyncio.run(fake_http.get("/a"))

def test_entered(fake_http):
    async def main():
        async with fake_http as fake:
            fake.on.get("/a")
            await fake.get("/a")
    asyncio.run(main())
""")
    result.assert_outcomes(passed=2)


def test_what_the_end_of_a_block_would_tell_is_told_once(run: Run) -> None:
    result = run("""
def test_it(fake_http, fault_server):
    async def main():
        async with fake_http, fault_server.run() as server:
            fake_http.on.get("/a")
            server.on.get("/b")
            assert False, "mine"
    asyncio.run(main())
""")
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert "mine" in text
    assert text.count("GET /a (") == text.count("GET /b (") == 1


def test_servers_are_on_a_real_socket_within_their_block(run: Run) -> None:
    result = run("""
def test_it(fault_server):
    async def main():
        first = fault_server.run()
        first.on.get("/").respond(204)
        async with first, fault_server.run() as second:
            reader, writer = await asyncio.open_connection(first.host, first.port)
            writer.write(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
            assert (await reader.readline()).startswith(b"HTTP/1.1 204")
            writer.close()
            assert first.port != second.port
    asyncio.run(main())
""")
    result.assert_outcomes(passed=1)


def test_a_request_of_another_fixtures_end_fails_that_end(run: Run) -> None:
    result = run("""
@pytest.fixture
def service(fake_http):
    yield
    with pytest.raises(BaseException):
        asyncio.run(fake_http.delete("/session"))

def test_it(service):
    pass
""")
    result.assert_outcomes(passed=1, errors=1)
    assert result.stdout.str().count("No route matches request #1.\n") == 1


def test_a_request_that_ends_the_setup_is_told_once(run: Run) -> None:
    result = run("""
@pytest.fixture
def service(fake_http):
    fake_http.on.get("/later")
    asyncio.run(fake_http.get("/typo"))

def test_it(service):
    pass
""")
    result.assert_outcomes(errors=1)
    text = result.stdout.str()
    assert text.count("No route matches request #1.\n") == 1
    assert "too seldom" not in text


def test_a_test_that_is_given_up_is_not_verified(run: Run) -> None:
    result = run("""
def test_skipped(fake_http):
    fake_http.on.get("/a")
    pytest.skip("not here")

def test_xfailed(fake_http):
    fake_http.on.get("/a")
    pytest.xfail("not yet")
""")
    result.assert_outcomes(skipped=1, xfailed=1)


def test_an_expected_failure_may_be_one_of_the_verification(run: Run) -> None:
    result = run("""
@pytest.mark.xfail(strict=True)
def test_it(fake_http):
    fake_http.on.get("/a")
""")
    result.assert_outcomes(xfailed=1)


def test_a_unittest_keeps_its_failure_beside_the_verification(run: Run) -> None:
    result = run("""
import unittest

class Test(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def give(self, fake_http):
        self.fake = fake_http

    def test_failing(self):
        self.fake.on.get("/a")
        self.fail("mine")

    def test_uncalled(self):
        self.fake.on.get("/b")
""")
    result.assert_outcomes(failed=2)
    text = result.stdout.str()
    assert "AssertionError: mine" in text
    assert text.count("GET /a (") == text.count("GET /b (") == 1


def test_the_marker_says_how_strictly_and_for_which_base_url(run: Run) -> None:
    result = run("""
pytestmark = pytest.mark.lexigram_http(base_url="https://partner.test/v2")

@pytest.mark.lexigram_http(strict="unmatched_only")
def test_unmatched_only(fake_http, fault_server):
    fake_http.on.get("/a")
    fault_server.run().on.get("/b")
    assert fake_http.base_url == "https://partner.test/v2"

@pytest.mark.lexigram_http(strict="lenient")
def test_lenient(fake_http):
    fake_http.on.get("/a")
    with pytest.raises(BaseException):
        asyncio.run(fake_http.get("/typo"))

@pytest.mark.lexigram_http(strict="lenient")
def test_a_server_of_its_own_mind(fault_server):
    fault_server.run(strict="strict").on.get("/uncalled")
""")
    result.assert_outcomes(passed=2, failed=1)
    assert result.stdout.str().count("GET /uncalled (") == 1


@pytest.mark.parametrize(
    ("marker", "complaint"),
    [
        ("strcit='lenient'", "has no 'strcit'. Did you mean 'strict'?"),
        ("strict='very'", "strict='very' is unknown. Use one of 'strict', "),
        ("strict=True", "strict=True is unknown."),
        ("base_url='partner.test'", "The URL has no scheme."),
        ("base_url=1", "base_url=1 is not a string."),
        ("'lenient'", "takes keywords only, not ('lenient',)."),
    ],
)
def test_a_wrong_marker_is_an_error_of_collection(
    run: Run, marker: str, complaint: str
) -> None:
    result = run(f"""
@pytest.mark.lexigram_http({marker})
class TestIt:
    def test_one(self): pass
    def test_two(self): pass

def test_three(): pass
""")
    result.assert_outcomes(errors=1)
    text = result.stdout.str()
    assert text.count(complaint) == 1
    assert "::TestIt::test_one: @pytest.mark.lexigram_http" in text


def test_the_ini_file_says_how_strictly(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nlexigram_http_strict = unmatched_only\n")
    code = """
def test_it(fake_http):
    fake_http.on.get("/a")
"""
    run(code).assert_outcomes(passed=1)


def test_a_wrong_ini_value_is_refused(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nlexigram_http_strict = very\n")
    result = run("def test_it(): pass")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "lexigram_http_strict='very' is unknown." in result.stderr.str()


def test_a_server_of_unknown_strictness_is_refused(run: Run) -> None:
    result = run("""
def test_it(fault_server):
    with pytest.raises(ValueError, match="strict='very' is unknown."):
        fault_server.run(strict="very")
""")
    result.assert_outcomes(passed=1)


def test_a_test_that_is_repeated_begins_anew(
    run: Run, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest("""
        from _pytest.runner import runtestprotocol

        def pytest_runtest_protocol(item, nextitem):
            runtestprotocol(item, log=False, nextitem=nextitem)
            item._initrequest()
            runtestprotocol(item, log=True, nextitem=nextitem)
            return True
        """)
    result = run("""
runs = []

def test_it(fake_http):
    runs.append(1)
    if len(runs) == 1:
        fake_http.on.get("/uncalled")
    else:
        assert not runs, "mine"
""")
    result.assert_outcomes(failed=1)
    assert "mine" in result.stdout.str()
    assert "too seldom" not in result.stdout.str()


def test_metrics_are_recorded_anew_for_each_test(run: Run) -> None:
    result = run("""
@pytest.mark.parametrize("again", [1, 2])
def test_it(metrics_recorder, again):
    metrics_recorder.increment("calls")
    assert metrics_recorder.value("calls") == 1
""")
    result.assert_outcomes(passed=2)


def test_the_test_bed_is_at_hand(run: Run) -> None:
    result = run("""
def test_it(testbed):
    assert testbed.__name__ == "TestBed"
""")
    result.assert_outcomes(passed=1)


def test_a_traceback_ends_at_the_line_of_the_test(run: Run) -> None:
    code = """
def test_request(fake_http):
    asyncio.run(fake_http.get("/typo"))  # here

def test_assertion(fake_http):
    fake_http.calls.assert_count(1)  # here
"""
    text = run(code).stdout.str()
    assert "the_test.py:6: UnmatchedRequest" in text
    assert "the_test.py:9: AssertionError" in text
    assert "switchboard.py" not in text
    assert "switchboard.py" in run(code, "--full-trace").stdout.str()


def test_the_report_shows_which_faults_each_route_was_exercised_with(run: Run) -> None:
    result = run(
        """
def test_fake(fake_http):
    fake_http.on.post("https://inventory.test/reserve/{id}").sequence(
        Reply(201), Reply(429), fault.reset()
    )
    for _ in range(3):
        asyncio.run(fake_http.post("https://inventory.test/reserve/1"))

def test_server(fault_server):
    async def main():
        async with fault_server.run() as server:
            server.on.get("/stock").fail(fault.close())
            reader, writer = await asyncio.open_connection(server.host, server.port)
            writer.write(b"GET /stock HTTP/1.1\\r\\nHost: %s:%d\\r\\n\\r\\n" % (
                server.host.encode(), server.port))
            await reader.read()
            writer.close()
    asyncio.run(main())
""",
        "--http-fault-report",
    )
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            "*faults exercised*",
            "GET 127.0.0.1/stock * ok ✗  4xx ✗  429 ✗ * reset ✓  malformed ✗",
            "POST inventory.test/reserve/{id}  ok ✓  4xx ✗  429 ✓ * reset ✓  malformed ✗",
        ]
    )


def test_a_report_of_nothing_says_so(run: Run) -> None:
    result = run("def test_it(): pass", "--http-fault-report")
    result.stdout.fnmatch_lines(["No calls to `fake_http` *"])


def test_without_the_option_nothing_is_reported(run: Run) -> None:
    result = run("""
def test_it(fake_http):
    fake_http.on.get("/a")
    asyncio.run(fake_http.get("/a"))
""")
    assert "faults exercised" not in result.stdout.str()
