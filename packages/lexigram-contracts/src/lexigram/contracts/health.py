"""Whether a part of an application can do its work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

__all__ = [
    "HealthCheckProtocol",
    "HealthProbe",
    "HealthReport",
    "HealthStatus",
    "ProbeCheckProtocol",
]

HealthStatus: TypeAlias = Literal["healthy", "degraded", "unhealthy"]
"""From best to worst; "degraded" works, with less than everything."""

HealthProbe: TypeAlias = Literal["liveness", "readiness", "startup"]
"""What is asked: whether the process should go on or be restarted, whether it should be
sent work, and whether its start is over."""


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class HealthReport:
    """What one check found.

    Attributes:
        status: The verdict.
        detail: One sentence for a person; no secret.
        data: Figures behind it, for a dashboard.
    """

    status: HealthStatus
    detail: str = ""
    data: Mapping[str, Any] = field(default_factory=_nothing)


@runtime_checkable
class HealthCheckProtocol(Protocol):
    """Answers how one part is doing.

    Not promised: that the answer is fresh, or that a healthy part stays so. Checks of an
    application run together under a common limit of time; one that does not answer in it
    counts as unhealthy. Cancellation ends a check and passes through.
    """

    @property
    def name(self) -> str:
        """What it is called in a report; one of its kind in an application."""
        ...

    @property
    def critical(self) -> bool:
        """Whether the application cannot work without it; others only degrade it."""
        ...

    async def check(self) -> HealthReport:
        """Look, without changing anything.

        An exception counts as unhealthy and becomes the detail.
        """
        ...


@runtime_checkable
class ProbeCheckProtocol(HealthCheckProtocol, Protocol):
    """A check that answers another question than whether to send work.

    One without a `probe` answers "readiness": that a database is away is a reason to send
    work elsewhere, and none to restart the process. Registered as `HealthCheckProtocol`
    like any other.
    """

    @property
    def probe(self) -> HealthProbe:
        """The question that it answers."""
        ...
