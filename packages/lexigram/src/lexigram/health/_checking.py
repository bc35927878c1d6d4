"""Asking all checks at once, and waiting for none too long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from lexigram.contracts.health import (
    HealthCheckProtocol,
    HealthProbe,
    HealthReport,
    ProbeCheckProtocol,
)
from lexigram.contracts.redaction import redact_text
from lexigram.health._report import CheckResult

__all__ = ["Check", "run_checks"]

_GRACE = 0.1
"""Seconds that checks which were cancelled have for cleaning up after themselves."""


class Check:
    """One check that is asked once."""

    def __init__(
        self, key: str, find: Callable[[], Awaitable[HealthCheckProtocol]]
    ) -> None:
        """Take what resolves the check; `key` is its name until that has worked."""
        self._find = find
        self._name = key
        self._critical = True
        self._probe: HealthProbe = "readiness"

    async def run(self) -> HealthReport:
        """Resolve the check, and let it look."""
        check = await self._find()
        self._name, self._critical = check.name, check.critical
        if isinstance(check, ProbeCheckProtocol):
            self._probe = check.probe
        return await check.check()

    def result(self, report: HealthReport) -> CheckResult:
        """Return what was found, as the application tells it."""
        return CheckResult(self._name, self._probe, self._critical, report)


async def run_checks(checks: Iterable[Check], within: float) -> tuple[CheckResult, ...]:
    """Ask all at once; whoever raises, or has not answered in time, is unhealthy."""
    asked = {asyncio.create_task(one.run()): one for one in checks}
    if not asked:
        return ()
    answered: set[asyncio.Task[HealthReport]] = set()
    try:
        answered, _ = await asyncio.wait(asked, timeout=within)
    finally:
        late = asked.keys() - answered
        for task in late:
            task.add_done_callback(_look_away)
            task.cancel()
    if late:
        await asyncio.wait(late, timeout=_GRACE)
    silent = HealthReport("unhealthy", f"Did not answer within {within:g} s.")
    return tuple(
        one.result(_answer(task) if task in answered else silent)
        for task, one in asked.items()
    )


def _answer(task: asyncio.Task[HealthReport]) -> HealthReport:
    if task.cancelled():
        return HealthReport("unhealthy", "Was cancelled.")
    if (error := task.exception()) is None:
        return task.result()
    reason = redact_text(f"{type(error).__name__}: {error}")
    return HealthReport("unhealthy", reason)


def _look_away(task: asyncio.Task[HealthReport]) -> None:
    """Take note of how a late check ended, or the loop complains that nobody did."""
    if not task.cancelled():
        task.exception()
