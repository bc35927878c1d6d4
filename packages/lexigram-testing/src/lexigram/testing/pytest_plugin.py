"""Fixtures, options and a marker for pytest; installed, it is simply there.

| fixture | gives |
|---|---|
| `fake_http` | a `FakeHTTPClient` |
| `fault_server` | the maker of servers: `async with fault_server.run() as server:` |
| `virtual_time` | the function: `async with virtual_time() as clock:` |
| `http_cassette` | the `Cassette` of the test, for a `RecordingHTTPClient` |
| `metrics_recorder` | an `InMemoryMetrics` |
| `testbed` | the class `TestBed` |

What a test arranged with them is verified when the test function has returned, so that a
request that no route took, or a route that nobody called, fails the test, as its own and
only failure. A test that fails by itself keeps its failure and gets the rest as a note.
Requests that other fixtures make when they are torn down come after that: a route that
only they call is `optional()`.

The fixtures are ordinary functions, and what is asynchronous about them happens in the
test's own event loop. So they work with pytest-asyncio in both modes, with anyio, and
in a plain `def test_…` that calls `asyncio.run`. Nothing is active until it is asked for.

Example:
    ```python
    @pytest.mark.lexigram_http(base_url="https://partner.test")
    async def test_an_invoice_is_fetched(fake_http: FakeHTTPClient) -> None:
        fake_http.on.get("/v1/invoices/{id}").respond(json={"id": "inv_1"})
        invoice = await BillingClient(fake_http).fetch_invoice("inv_1")
        assert invoice.unwrap().id == "inv_1"
    ```

Tests that are all to run in virtual time need no block in each of them, but a loop that
is made so. The plugin makes none, since a project can have one such hook only; these
lines in a `conftest.py` do, for pytest-asyncio or for anyio:

```python
def pytest_asyncio_loop_factories(config, item):
    virtual = "outages" in item.path.parts
    return {"loop": VirtualLoop if virtual else asyncio.new_event_loop}


@pytest.fixture
def anyio_backend():
    return "asyncio", {"loop_factory": VirtualLoop}
```

Without pytest, or in `unittest.IsolatedAsyncioTestCase`, whose tests take no fixtures,
enter the objects themselves; leaving the block verifies:

```python
class BillingTest(unittest.IsolatedAsyncioTestCase):
    async def test_an_invoice_is_fetched(self) -> None:
        async with FakeHTTPClient() as fake:
            fake.on.get("/v1/invoices/{id}").respond(json={"id": "inv_1"})
            invoice = await BillingClient(fake).fetch_invoice("inv_1")
            self.assertEqual(invoice.unwrap().id, "inv_1")
```
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Final

import pytest

# What the plugin needs for a fixture is imported within it: every run of pytest in an
# environment with this package imports this module, and most need nothing of it.

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from lexigram.testing import FakeHTTPClient, InMemoryMetrics
    from lexigram.testing._app.bed import TestBed
    from lexigram.testing._cassettes.cassette import Cassette
    from lexigram.testing._pytest.doubles import FaultServers
    from lexigram.testing._pytest.watch import Watch
    from lexigram.testing._time.clock import VirtualClock
else:

    def __getattr__(name):  # noqa: ANN001, ANN202 - checkers see the imports above
        if name != "FaultServers":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from lexigram.testing._pytest.doubles import (  # noqa: PLC0415 - see above
            FaultServers,
        )

        return FaultServers


__all__ = ["FaultServers"]

_WATCH: Final = pytest.StashKey["Watch"]()
_MARKER: Final = "lexigram_http"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, each off or harmless by default.

    All begin with `--http-`: two plugins with one option end every run of pytest.
    """
    group = parser.getgroup("lexigram", "outbound HTTP (lexigram)")
    group.addoption(
        "--http-record",
        choices=("replay", "record_missing", "record_all", "verify"),
        default="replay",
        dest="lexigram_http_record",
        help="what `http_cassette` does with requests (default: replay)",
    )
    group.addoption(
        "--http-block-network",
        action="store_true",
        dest="lexigram_http_block_network",
        help="let no test connect to other hosts than those allowed",
    )
    group.addoption(
        "--http-fault-report",
        action="store_true",
        dest="lexigram_http_fault_report",
        help="show which kinds of faults each route was exercised with",
    )
    parser.addini(
        "lexigram_http_strict",
        "what the end of a test verifies: strict, unmatched_only or lenient",
        default="strict",
    )
    parser.addini(
        "lexigram_http_block_network",
        "whether --http-block-network holds without being given",
        type="bool",
        default=False,
    )
    parser.addini(
        "lexigram_http_allow",
        "hosts and networks that tests may connect to in spite of it",
        type="args",
        default=["127.0.0.1", "::1", "localhost"],
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and what the options turn on."""
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(strict=..., base_url=...): what the end of the test verifies "
        "('strict', 'unmatched_only' or 'lenient'), and the base URL of `fake_http`.",
    )
    if config.getini("lexigram_http_strict") != "strict":
        _check_ini(config)
    if config.getoption("lexigram_http_fault_report"):
        from lexigram.testing._pytest.fault_report import (  # noqa: PLC0415 - see above
            FaultReport,
        )

        config.pluginmanager.register(FaultReport(), FaultReport.NAME)
    name = "lexigram_http_block_network"
    if config.getoption(name) or config.getini(name):
        from lexigram.testing._pytest.network import (  # noqa: PLC0415 - see above
            BlockedNetwork,
        )

        config.pluginmanager.register(
            BlockedNetwork(config.getini("lexigram_http_allow"))
        )


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[
    None, pytest.CollectReport, pytest.CollectReport
]:
    """Let a file, or a class, with a wrong marker fail to be collected."""
    report = yield
    marked = (
        node
        for node in report.result or ()
        if isinstance(node, pytest.Item) and node.get_closest_marker(_MARKER)
    )
    # A marker of a class or a module is on each of its tests; the first one tells.
    problems: dict[str, str] = {}
    for item in marked:
        for problem in _problems_of(item):
            problems.setdefault(problem, f"{item.nodeid}: {problem}")
    if problems:
        report.outcome = "failed"
        report.longrepr = "\n".join(problems.values())
        report.result = []
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin anew when a plugin repeats a test."""
    if _WATCH in item.stash:
        del item.stash[_WATCH]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Verify when the test function has returned, the fixtures being there still."""
    result = yield
    watch = item.stash.get(_WATCH, None)
    if watch is not None:
        watch.verify()
    return result


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Add what else is wrong to a failure, before the report of it is made."""
    watch = item.stash.get(_WATCH, None)
    if watch is None or call.excinfo is None:
        return
    from lexigram.testing._pytest.tracebacks import (  # noqa: PLC0415 - see above
        end_before_the_kit,
    )

    failure = call.excinfo.value
    if not item.config.getoption("fulltrace"):
        end_before_the_kit(failure)
    watch.complete(failure, routes=call.when == "call")


@pytest.fixture
def fake_http(request: pytest.FixtureRequest) -> Generator[FakeHTTPClient]:
    """A `FakeHTTPClient` that is verified when the test ends."""
    from lexigram.testing._pytest.doubles import fake_of  # noqa: PLC0415 - see above

    with fake_of(request.node, _watch(request)) as fake:
        yield fake


@pytest.fixture
def fault_server(request: pytest.FixtureRequest) -> Generator[FaultServers]:
    """The maker of `FaultServer`s that are verified when the test ends.

    Example:
        ```python
        from lexigram.testing.pytest_plugin import FaultServers


        async def test_a_reset_is_reported(fault_server: FaultServers) -> None:
            async with fault_server.run() as server:
                server.on.get("/").fail(fault.reset())
                async with HTTPClient() as client:
                    assert (await client.get(server.base_url)).is_err()
        ```
    """
    from lexigram.testing._pytest.doubles import servers_of  # noqa: PLC0415 - see above

    with servers_of(request.node, _watch(request)) as servers:
        yield servers


@pytest.fixture
def virtual_time() -> Callable[..., AbstractAsyncContextManager[VirtualClock]]:
    """What to enter for time that is virtual: the function of that name."""
    from lexigram.testing._time.virtual import virtual_time  # noqa: PLC0415 - see above

    return virtual_time


@pytest.fixture
def http_cassette(request: pytest.FixtureRequest) -> Generator[Cassette]:
    """The `Cassette` of the test: `cassettes/<module>/<test>.json` beside its file.

    What it does with requests is said by `--http-record`; nothing is sent by default.

    Example:
        ```python
        async def test_an_invoice(http_cassette: Cassette) -> None:
            async with HTTPClient() as live:
                client = RecordingHTTPClient(live, http_cassette)
                result = await client.get("https://api.test/v1/invoices/inv_1")
                assert result.unwrap().json["id"] == "inv_1"
        ```
    """
    from lexigram.testing._pytest.cassettes import (  # noqa: PLC0415 - see above
        cassette_of,
    )

    with cassette_of(request.node, _watch(request)) as cassette:
        yield cassette


@pytest.fixture
def metrics_recorder() -> InMemoryMetrics:
    """An `InMemoryMetrics`, empty."""
    from lexigram.testing import InMemoryMetrics  # noqa: PLC0415 - see above

    return InMemoryMetrics()


@pytest.fixture
def testbed() -> type[TestBed]:
    """The class `TestBed`, to be made of modules and entered.

    Example:
        ```python
        async def test_a_shop_knows_its_stock(testbed: type[TestBed]) -> None:
            fake = FakeHTTPClient()
            async with testbed(AppModule).override(HTTPClientProtocol).to(fake) as bed:
                fake.on.get("/v1/stock").respond(json={"items": 3})
                assert await (await bed.get(Shop)).stock() == 3
        ```
    """
    from lexigram.testing._app.bed import TestBed  # noqa: PLC0415 - see above

    return TestBed


def _watch(request: pytest.FixtureRequest) -> Watch:
    from lexigram.testing._pytest.watch import Watch  # noqa: PLC0415 - see above

    node: pytest.Item = request.node
    return node.stash.setdefault(_WATCH, Watch())


def _problems_of(item: pytest.Item) -> Iterator[str]:
    from lexigram.testing._pytest.marker import problems_of  # noqa: PLC0415 - see above

    return problems_of(item)


def _check_ini(config: pytest.Config) -> None:
    from lexigram.testing._pytest.marker import (  # noqa: PLC0415 - see above
        check_strictness,
    )

    name = "lexigram_http_strict"
    if problem := check_strictness(name, config.getini(name)):
        raise pytest.UsageError(problem)
