"""The plugin beside other plugins, and what it costs to have it."""

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.thorough

pytest_plugins = ["pytester"]

PLUGIN = "-plexigram.testing.pytest_plugin"
STRICT = ("-Werror", "--strict-markers", "--strict-config", "-pno:cacheprovider")
ASYNCIO = "-ppytest_asyncio.plugin"
ANYIO = "-panyio.pytest_plugin"
XDIST = "-pxdist.plugin"

# One good test and two bad ones: a route that is not called, a request that is not
# expected; with a marker for the runner in front of each.
ASYNC_TESTS = """\
import pytest
from lexigram.testing import fault

{mark}
async def test_good(fake_http, fault_server, virtual_time):
    fake_http.on.get("/slow").fail(fault.hang())
    async with virtual_time() as clock, fault_server.run() as server:
        assert (await fake_http.get("/slow")).is_err()
        assert clock.elapsed == 30.0
        assert server.open_connections == 0

{mark}
async def test_uncalled(fake_http):
    fake_http.on.get("/uncalled")

{mark}
async def test_unmatched(fake_http):
    await fake_http.get("/unmatched")
"""
# As in the documentation of the plugin.
VIRTUAL_ASYNCIO = """
def pytest_asyncio_loop_factories(config, item):
    virtual = "outages" in item.path.parts
    return {"loop": VirtualLoop if virtual else asyncio.new_event_loop}
"""
VIRTUAL_ANYIO = """
@pytest.fixture
def anyio_backend():
    return "asyncio", {"loop_factory": VirtualLoop}
"""
PLAIN_TESTS = """\
import asyncio

def test_good(fake_http):
    fake_http.on.get("/a")
    asyncio.run(fake_http.get("/a"))

def test_uncalled(fake_http):
    fake_http.on.get("/uncalled")
"""


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No plugin is loaded but those that are named."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    ("options", "mark"),
    [
        ((ASYNCIO, "--asyncio-mode=auto"), ""),
        ((ASYNCIO, "--asyncio-mode=strict"), "@pytest.mark.asyncio"),
        ((ANYIO, "-pno:asyncio"), "@pytest.mark.anyio"),
        ((ASYNCIO, "-pno:anyio", "--asyncio-mode=auto"), ""),
        ((ASYNCIO, ANYIO, "--asyncio-mode=auto"), ""),
        ((ASYNCIO, XDIST, "-n2", "--asyncio-mode=auto"), ""),
    ],
    ids=["asyncio-auto", "asyncio-strict", "anyio", "no-anyio", "both", "xdist"],
)
def test_it_works_with_every_runner_of_coroutines(
    pytester: pytest.Pytester, options: tuple[str, ...], mark: str
) -> None:
    pytester.makeini(
        "[pytest]\nasyncio_default_fixture_loop_scope = function\n"
        if ASYNCIO in options
        else "[pytest]\n"
    )
    pytester.makeconftest(
        "import pytest\n\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"
    )
    pytester.makepyfile(ASYNC_TESTS.format(mark=mark))
    result = pytester.runpytest_subprocess(PLUGIN, *STRICT, *options)
    result.assert_outcomes(passed=1, failed=2)
    text = result.stdout.str()
    assert text.count("GET /uncalled (") == 1
    assert text.count("No route matches request #1.\n") == 1


@pytest.mark.usefixtures("alone")
def test_it_works_without_any_other_plugin(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(PLAIN_TESTS)
    result = pytester.runpytest_subprocess(PLUGIN, *STRICT)
    result.assert_outcomes(passed=1, failed=1)


def test_the_objects_work_in_an_isolated_asyncio_test_case(
    pytester: pytest.Pytester, alone: None
) -> None:
    pytester.makepyfile("""
        import unittest
        from lexigram.testing import FakeHTTPClient, FaultServer

        class Test(unittest.IsolatedAsyncioTestCase):
            async def test_good(self):
                async with FakeHTTPClient() as fake, FaultServer.run():
                    fake.on.get("/a")
                    await fake.get("/a")

            async def test_uncalled(self):
                async with FakeHTTPClient() as fake:
                    fake.on.get("/uncalled")
        """)
    result = pytester.runpytest_subprocess(PLUGIN, *STRICT)
    result.assert_outcomes(passed=1, failed=1)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    ("options", "mark", "conftest"),
    [
        ((ASYNCIO, "--asyncio-mode=auto"), "", VIRTUAL_ASYNCIO),
        ((ANYIO,), "@pytest.mark.anyio", VIRTUAL_ANYIO),
    ],
    ids=["asyncio", "anyio"],
)
def test_the_documented_lines_make_every_test_of_a_folder_virtual(
    pytester: pytest.Pytester, options: tuple[str, ...], mark: str, conftest: str
) -> None:
    pytester.makeini("[pytest]\n")
    pytester.makeconftest(
        "import asyncio\nimport pytest\n"
        f"from lexigram.testing import VirtualLoop\n{conftest}"
    )
    test = (
        f"import asyncio, pytest\n{mark}\nasync def test_it():\n"
        "    before = asyncio.get_running_loop().time()\n"
        "    await asyncio.sleep(3600)\n"
        "    assert asyncio.get_running_loop().time() == before + 3600\n"
    )
    outages = pytester.mkdir("outages")
    (outages / "test_it.py").write_text(test)
    result = pytester.runpytest_subprocess(
        PLUGIN, "-pno:cacheprovider", *options, timeout=30
    )
    result.assert_outcomes(passed=1)


@pytest.mark.usefixtures("alone")
def test_the_report_is_gathered_from_every_worker(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import asyncio
        import pytest
        from lexigram.testing import fault

        @pytest.mark.parametrize("answer", [200, 429, 503, "reset"])
        def test_it(fake_http, answer):
            route = fake_http.on.post("https://inventory.test/reserve")
            route.fail(fault.reset()) if answer == "reset" else route.respond(answer)
            asyncio.run(fake_http.post("https://inventory.test/reserve"))
        """)
    result = pytester.runpytest_subprocess(
        PLUGIN, XDIST, "-n2", "--http-fault-report", *STRICT
    )
    result.assert_outcomes(passed=4)
    marks = "ok ✓  4xx ✗  429 ✓  5xx ✓  timeout ✗  refused ✗  reset ✓  malformed ✗"
    result.stdout.fnmatch_lines([f"POST inventory.test/reserve  {marks}"])
    assert result.stdout.str().count("POST inventory.test") == 1


@pytest.mark.usefixtures("alone")
def test_a_wrong_marker_is_told_by_a_worker_too(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pytest

        @pytest.mark.lexigram_http(strcit="lenient")
        def test_it(): pass
        """)
    result = pytester.runpytest_subprocess(PLUGIN, XDIST, "-n2", *STRICT)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*has no 'strcit'. Did you mean 'strict'[?]*"])


@pytest.mark.usefixtures("alone")
def test_nothing_is_loaded_until_a_fixture_is_used(pytester: pytest.Pytester) -> None:
    heavy = ["aiohttp", "pydantic", "structlog", "asyncio", "hypothesis", "ssl"]
    pytester.makepyfile(f"""
        import sys

        def test_it():
            assert not set({heavy}) & set(sys.modules)
            ours = {{m for m in sys.modules if m.startswith("lexigram.")}}
            assert ours == {{"lexigram.testing", "lexigram.testing.pytest_plugin"}}
        """)
    result = pytester.runpytest_subprocess(PLUGIN, *STRICT)
    result.assert_outcomes(passed=1)


CASSETTE_TEST = """
import asyncio
import pytest
from lexigram.testing import FakeHTTPClient
from lexigram.testing import RecordingHTTPClient

class TestBilling:
    @pytest.mark.parametrize("name", ["a", "b/c"])
    def test_fetch(self, http_cassette, name):
        live = FakeHTTPClient(strict="lenient")
        live.on.get("/v1").respond(json={"id": name})
        client = RecordingHTTPClient(live, http_cassette)

        async def main():
            return await client.get("https://fake.test/v1")

        assert asyncio.run(main()).unwrap().json == {"id": name}
        live.calls.assert_count(CALLS)
"""


@pytest.mark.usefixtures("alone")
def test_a_cassette_is_recorded_beside_the_test_and_replayed(
    pytester: pytest.Pytester,
) -> None:
    file = pytester.makepyfile(test_billing=CASSETTE_TEST.replace("CALLS", "1"))
    first = pytester.runpytest_subprocess(PLUGIN, *STRICT)
    first.assert_outcomes(errors=2)
    first.stdout.fnmatch_lines(["With pytest, that is --http-record=record_missing."])

    recorded = pytester.runpytest_subprocess(
        PLUGIN, *STRICT, "--http-record=record_missing"
    )
    recorded.assert_outcomes(passed=2)
    folder = Path(file).parent / "cassettes" / "test_billing"
    names = sorted(path.name for path in folder.iterdir())
    assert names[0] == "TestBilling.test_fetch[a].json"
    assert names[1].startswith("TestBilling.test_fetch[b-c]-")
    assert json.loads((folder / names[0]).read_text())["interactions"]

    pytester.makepyfile(test_billing=CASSETTE_TEST.replace("CALLS", "0"))
    pytester.runpytest_subprocess(PLUGIN, *STRICT).assert_outcomes(passed=2)


@pytest.mark.usefixtures("alone")
def test_a_cassette_that_nobody_asked_fails_the_test_once(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(test_billing=CASSETTE_TEST.replace("CALLS", "1"))
    pytester.runpytest_subprocess(PLUGIN, "--http-record=record_missing")
    pytester.makepyfile(
        test_billing="""
        import pytest

        class TestBilling:
            @pytest.mark.parametrize("name", ["a", "b/c"])
            def test_fetch(self, http_cassette, name):
                assert name == "a", "mine"
        """
    )
    result = pytester.runpytest_subprocess(PLUGIN, *STRICT)
    result.assert_outcomes(failed=2)
    text = result.stdout.str()
    assert "AssertionError: mine" in text
    assert text.count("Recorded interactions that nobody asked for:") == 2


@pytest.mark.usefixtures("alone")
def test_half_a_test_does_not_replace_a_recording(pytester: pytest.Pytester) -> None:
    file = pytester.makepyfile(test_billing=CASSETTE_TEST.replace("CALLS", "1"))
    pytester.runpytest_subprocess(PLUGIN, "--http-record=record_missing")
    folder = Path(file).parent / "cassettes" / "test_billing"
    before = {path: path.read_bytes() for path in folder.iterdir()}
    pytester.makepyfile(
        test_billing=CASSETTE_TEST.replace("CALLS", "7").replace(
            "json={", 'json={"new": 1, '
        )
    )
    result = pytester.runpytest_subprocess(PLUGIN, "--http-record=record_all")
    result.assert_outcomes(failed=2)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


NETWORK_TESTS = """
import socket
from contextlib import suppress
import pytest

def test_swallowed():
    with suppress(BaseException):
        socket.create_connection(("192.0.2.1", 9), timeout=0.01)

def test_raised():
    socket.getaddrinfo("example.test", 80)

def test_failing():
    with suppress(BaseException):
        socket.getaddrinfo("hidden.test", 80)
    assert 1 == 2

def test_loopback():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
"""


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("by", ["option", "ini"])
def test_a_blocked_network_fails_the_tests_that_reach_for_it(
    pytester: pytest.Pytester, by: str
) -> None:
    pytester.makepyfile(NETWORK_TESTS)
    if by == "ini":
        pytester.makeini("[pytest]\nlexigram_http_block_network = true\n")
    options = ["--http-block-network"] if by == "option" else []
    result = pytester.runpytest_subprocess(PLUGIN, *STRICT, *options)
    result.assert_outcomes(passed=1, failed=3)
    text = result.stdout.str()
    assert text.count("connect to 192.0.2.1:9") == 1
    assert "look up 'example.test'" in text
    assert "assert 1 == 2" in text
    assert text.count("look up 'hidden.test'") == 1


@pytest.mark.usefixtures("alone")
def test_hosts_may_be_allowed(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nlexigram_http_allow = 10.0.0.0/8\n")
    pytester.makepyfile(NETWORK_TESTS)
    result = pytester.runpytest_subprocess(PLUGIN, *STRICT, "--http-block-network")
    result.assert_outcomes(failed=4)


@pytest.mark.usefixtures("alone")
def test_fixtures_markers_and_options_are_documented(
    pytester: pytest.Pytester,
) -> None:
    shown = [
        pytester.runpytest_subprocess(PLUGIN, option).stdout.str()
        for option in ("--fixtures", "--markers", "--help")
    ]
    for name in ("fake_http", "fault_server", "virtual_time", "http_cassette"):
        assert f"\n{name} --" in shown[0]
        assert (
            "no docstring available" not in shown[0].partition(f"\n{name} --")[2][:200]
        )
    assert "@pytest.mark.lexigram_http(strict=..., base_url=...)" in shown[1]
    for option in ("--http-record", "--http-block-network", "--http-fault-report"):
        assert option in shown[2]
