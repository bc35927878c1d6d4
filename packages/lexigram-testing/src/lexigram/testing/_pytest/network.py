"""What `--http-block-network` turns on."""

from __future__ import annotations

from collections.abc import Generator, Iterable

import pytest

from lexigram.testing._network.guard import NetworkGuard, block_network

__all__ = ["BlockedNetwork"]


class BlockedNetwork:
    """A plugin that blocks the network while a test is set up, runs and is torn down.

    What a thread or a task hid fails the test when its function has returned, or becomes
    a note of the failure that it has anyway.
    """

    def __init__(self, allow: Iterable[str]) -> None:
        self._allow = tuple(allow)
        self._guard: NetworkGuard = block_network(self._allow)
        self._raised: BaseException | None = None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        """Block the network for one test."""
        with block_network(self._allow) as self._guard:
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None, object, object]:
        """Fail a test that passed although something was blocked."""
        result = yield
        if self._guard.blocked:
            listed = "\n".join(map(str, self._guard.blocked))
            self._raised = pytest.fail.Exception(listed, pytrace=False)
            raise self._raised
        return result

    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> None:
        """Add what was blocked to the failure of a test that tells of something else."""
        failure = call.excinfo and call.excinfo.value
        if call.when != "call" or failure is None or failure is self._raised:
            return
        for blocked in self._guard.blocked:
            if blocked is not failure:
                failure.add_note(f"\n{blocked}")
