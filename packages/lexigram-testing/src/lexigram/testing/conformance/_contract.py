"""A contract: its behaviours, and a report on all of them; each suite's doors open it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import cached_property
from types import ModuleType
from typing import Generic, ParamSpec, cast

from lexigram.testing.conformance._behaviour import (
    Behaviour,
    Capability,
    behaviours_of,
    chosen,
)
from lexigram.testing.conformance._report import ConformanceError, ConformanceReport
from lexigram.testing.conformance._running import in_virtual_time
from lexigram.testing.conformance._trying import check_expected, tried

__all__ = ["Contract"]

P = ParamSpec("P")


class Contract(Generic[P]):
    """What one protocol asks for; `P` is what a check of it takes.

    Attributes:
        name: The protocol's: "RetryPolicyProtocol".
    """

    def __init__(self, name: str, *groups: ModuleType) -> None:
        self.name = name
        self._groups = groups

    @cached_property
    def behaviours(self) -> tuple[Behaviour[P], ...]:
        """Every behaviour, in the order of their ids: each the same object each time."""
        found = behaviours_of(*self._groups)
        return tuple(cast("Behaviour[P]", behaviour) for behaviour in found)

    def asked_by(
        self, version: str, capabilities: Collection[Capability] | None = None
    ) -> tuple[Behaviour[P], ...]:
        """Return the behaviours that a version asks for and that can be seen.

        Raises:
            ValueError: The version is no version, or there is no such capability.
        """
        return chosen(self.behaviours, version, capabilities)

    async def report(
        self,
        attempt: Callable[[Behaviour[P]], Awaitable[None]],
        *,
        version: str,
        capabilities: Collection[Capability] | None = None,
        expected_failures: Mapping[str, str] | None,
    ) -> ConformanceReport:
        """Try one behaviour after the other, in virtual time.

        Raises:
            ConformanceError: One failed, or passed against expectation; lists them all.
            ValueError: An expected failure has no reason or is of no behaviour, or it is
                as for `asked_by`.
        """
        behaviours = self.asked_by(version, capabilities)
        expected = expected_failures or {}
        check_expected(expected, [behaviour.id for behaviour in self.behaviours])
        async with in_virtual_time():
            verdicts = [await tried(b, attempt, expected) for b in behaviours]
        report = ConformanceReport(self.name, version, tuple(verdicts))
        if report.failed:
            raise ConformanceError(report)
        return report
