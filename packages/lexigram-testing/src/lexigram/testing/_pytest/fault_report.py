"""The summary of `--http-fault-report`, gathered from every process of a run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import pytest

from lexigram.testing._calls.journal import RecordedCall
from lexigram.testing._coverage.report import FaultCoverage, fault_coverage

__all__ = ["FaultReport"]

_KEY: Final = "lexigram_fault_coverage"


class FaultReport:
    """A plugin that adds up what the fakes and servers of the fixtures have recorded."""

    NAME: Final = "lexigram_fault_report"

    def __init__(self) -> None:
        self._coverage = FaultCoverage()

    def add(self, calls: Iterable[RecordedCall]) -> None:
        """Count calls."""
        self._coverage += fault_coverage(calls)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hand what a worker of pytest-xdist counted to the process that shows it."""
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[_KEY] = self._coverage.to_data()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what a worker counted; one that crashed has nothing to hand over."""
        output = getattr(node, "workeroutput", {})
        self._coverage += FaultCoverage.from_data(output.get(_KEY, ()))

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> None:
        """Show a line for each route."""
        terminalreporter.section("faults exercised")
        text = self._coverage.render()
        terminalreporter.write_line(
            text or "No calls to `fake_http` or to a server of `fault_server`."
        )
