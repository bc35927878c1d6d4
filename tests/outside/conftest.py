"""Software that nobody here wrote, each started once and skipped where it is missing."""

from collections.abc import Generator

import pytest
import trustme

from programs import Program


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the programs of a failed test said."""
    report = yield
    if report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, Program):
                report.sections.append((f"Log of {name}", value.last_words()))
    return report


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Return who certifies servers and clients."""
    return trustme.CA()
