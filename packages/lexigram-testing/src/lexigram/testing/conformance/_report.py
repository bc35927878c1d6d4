"""What came of trying an implementation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from lexigram.testing.conformance._behaviour import Behaviour

__all__ = ["ConformanceError", "ConformanceReport", "Outcome", "Verdict"]

Outcome: TypeAlias = Literal[
    "passed", "failed", "expected_failure", "unexpected_pass", "skipped"
]
"""What came of a behaviour; "unexpected_pass" is a failure, of the list."""

_SHOWN: Final[dict[Outcome, str]] = {
    "passed": "ok",
    "failed": "FAILED",
    "expected_failure": "expected failure",
    "unexpected_pass": "UNEXPECTED PASS",
    "skipped": "skipped",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one behaviour."""

    behaviour: Behaviour[...]
    """Which one."""
    outcome: Outcome
    """What came of it."""
    reason: str = ""
    """Why, in words."""
    error: BaseException | None = None
    """What the check raised."""

    def render(self) -> str:
        """Return the behaviour and what came of it; in a second line, why."""
        why = f"\n    {self.reason}" if self.reason else ""
        return f"{_SHOWN[self.outcome]:<16}  {self.behaviour}{why}"


@dataclass(frozen=True, slots=True)
class ConformanceReport:
    """What came of every behaviour."""

    contract: str
    """What was tried against: "HTTPClientProtocol"."""
    version: str
    """The version of the contract."""
    verdicts: tuple[Verdict, ...]
    """One for each behaviour, in the order of their ids."""

    @property
    def failed(self) -> tuple[Verdict, ...]:
        """Those that must not stay as they are."""
        bad = {"failed", "unexpected_pass"}
        return tuple(verdict for verdict in self.verdicts if verdict.outcome in bad)

    def render(self) -> str:
        """Return everything that did not simply pass, below a line of counts."""
        notable = [v.render() for v in self.verdicts if v.outcome != "passed"]
        return "\n".join([self._summary(), *notable])

    def _summary(self) -> str:
        outcomes: list[Any] = [verdict.outcome for verdict in self.verdicts]
        counts = {o: outcomes.count(o) for o in _SHOWN if o in outcomes}
        shown = ", ".join(f"{n} {o.replace('_', ' ')}" for o, n in counts.items())
        return f"{self.contract} {self.version}: {shown or 'nothing was tried'}"


class ConformanceError(AssertionError):
    """An implementation does not do what its contract asks for.

    Attributes:
        report: What came of every behaviour.
    """

    def __init__(self, report: ConformanceReport) -> None:
        super().__init__(report.render())
        self.report = report

    def __reduce__(self) -> tuple[type[AssertionError], tuple[str]]:
        # Checks are functions made in place: to another process goes the text.
        return AssertionError, (str(self),)
