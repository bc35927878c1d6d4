"""The fakes and servers of the fixtures: made as the marker says, watched, counted."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager

import pytest

from lexigram.testing._fake.client import FakeHTTPClient
from lexigram.testing._pytest.fault_report import FaultReport
from lexigram.testing._pytest.marker import check_strictness, options_of, strictness_of
from lexigram.testing._pytest.watch import Watch
from lexigram.testing._routing.verification import Strictness
from lexigram.testing._server.certificates import CertificateKind
from lexigram.testing._server.server import FaultServer

__all__ = ["FaultServers", "fake_of", "servers_of"]

# A double is itself lenient, because the plugin verifies it: one that was verified at the
# end of its block too, which comes first, would have its complaint told twice.


@contextmanager
def fake_of(item: pytest.Item, watch: Watch) -> Generator[FakeHTTPClient]:
    """Give a test a fake client."""
    base_url = options_of(item).get("base_url")
    fake = (
        FakeHTTPClient(strict="lenient")
        if base_url is None
        else FakeHTTPClient(strict="lenient", base_url=base_url)
    )
    with watch.over("fake_http", fake, strictness_of(item), fake.calls):
        yield fake
    _count(item, fake)


class FaultServers:
    """Makes servers for one test: `async with fault_server.run() as server:`.

    They are verified when the test ends, entered or not. It is what the fixture
    `fault_server` gives.
    """

    def __init__(self, stack: ExitStack, watch: Watch, usual: Strictness) -> None:
        self._stack = stack
        self._watch = watch
        self._usual: Strictness = usual
        self._made: list[FaultServer] = []

    def run(
        self,
        *,
        tls: bool | CertificateKind = False,
        strict: Strictness | None = None,
    ) -> FaultServer:
        """Return a server that listens within its `async with` block.

        Routes may be registered before.

        Args:
            tls: As for `FaultServer.run`.
            strict: What the end of the test verifies; None for what its marker says.

        Raises:
            ValueError: `strict` is none of its words.
        """
        if strict is not None and (problem := check_strictness("strict", strict)):
            raise ValueError(problem)
        server = FaultServer.run(tls=tls, strict="lenient")
        watched = self._watch.over(
            "fault_server", server, strict or self._usual, server.calls
        )
        self._stack.enter_context(watched)
        self._made.append(server)
        return server

    @property
    def made(self) -> tuple[FaultServer, ...]:
        """The servers so far, in the order they were asked for."""
        return tuple(self._made)


@contextmanager
def servers_of(item: pytest.Item, watch: Watch) -> Generator[FaultServers]:
    """Give a test a maker of servers."""
    with ExitStack() as stack:
        servers = FaultServers(stack, watch, strictness_of(item))
        yield servers
    for server in servers.made:
        _count(item, server)


def _count(item: pytest.Item, double: FakeHTTPClient | FaultServer) -> None:
    report = item.config.pluginmanager.get_plugin(FaultReport.NAME)
    if isinstance(report, FaultReport):
        report.add(double.calls)
