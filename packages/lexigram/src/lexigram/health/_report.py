"""What an application says about itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lexigram.contracts.health import HealthProbe, HealthReport, HealthStatus

__all__ = ["ApplicationHealth", "CheckResult", "worst"]

_FROM_WORST: tuple[HealthStatus, ...] = ("unhealthy", "degraded", "healthy")


def worst(found: Iterable[HealthStatus]) -> HealthStatus:
    """Return the worst of some verdicts; of none, "healthy"."""
    seen = {"healthy", *found}
    return next(one for one in _FROM_WORST if one in seen)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found, and what that means for the application.

    Attributes:
        name: What the check calls itself.
        probe: The question that it answers.
        critical: Whether the application cannot work without what was looked at.
        report: What was found.
    """

    name: str
    probe: HealthProbe
    critical: bool
    report: HealthReport

    @property
    def status(self) -> HealthStatus:
        """The verdict, by which one that is not critical only degrades."""
        if self.report.status == "unhealthy" and not self.critical:
            return "degraded"
        return self.report.status


@dataclass(frozen=True, slots=True)
class ApplicationHealth:
    """How an application is doing.

    Attributes:
        state: "new", "starting", "running", "stopping" or "stopped".
        checks: What each check found; none was asked unless the state is "running".
    """

    state: str
    checks: tuple[CheckResult, ...] = ()

    @property
    def liveness(self) -> HealthStatus:
        """Whether the process should go on; if unhealthy, restart it."""
        return self._of("liveness")

    @property
    def startup(self) -> HealthStatus:
        """Whether the boot is over; until then, the other two say little."""
        started = self.state in ("running", "stopping")
        return self._of("startup") if started else "unhealthy"

    @property
    def readiness(self) -> HealthStatus:
        """Whether to send it work; "degraded" still takes it."""
        return self._of("readiness") if self.state == "running" else "unhealthy"

    @property
    def status(self) -> HealthStatus:
        """The worst of the three."""
        return worst((self.liveness, self.startup, self.readiness))

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON, as an endpoint would answer."""
        return {
            "status": self.status,
            "state": self.state,
            "liveness": self.liveness,
            "startup": self.startup,
            "readiness": self.readiness,
            "checks": {
                one.name: {
                    "status": one.status,
                    "probe": one.probe,
                    "critical": one.critical,
                    "detail": one.report.detail,
                    "data": dict(one.report.data),
                }
                for one in self.checks
            },
        }

    def _of(self, probe: HealthProbe) -> HealthStatus:
        return worst(one.status for one in self.checks if one.probe == probe)
