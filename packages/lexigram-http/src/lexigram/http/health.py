"""A client's connections as a health check."""

from __future__ import annotations

from dataclasses import asdict

from lexigram.contracts.health import HealthReport
from lexigram.http.pool.pool import ConnectionPool


class ConnectionHealthCheck:
    """Reports whether calls find a connection.

    Waiting for one degrades an application; unhealthy is only a pool that is not open.
    No request is made: what an upstream answers is the affair of its circuit. Implements
    `HealthCheckProtocol`.

    Args:
        pool: Whose connections.
        name: What it is called in a report.
    """

    def __init__(self, pool: ConnectionPool, *, name: str = "http") -> None:
        self._pool = pool
        self._name = name

    @property
    def name(self) -> str:
        """What it is called in a report."""
        return self._name

    @property
    def critical(self) -> bool:
        """False: an application goes on while calls wait."""
        return False

    async def check(self) -> HealthReport:
        """Say whether callers wait for connections, with the figures of the pool."""
        if not self._pool.started:
            return HealthReport("unhealthy", "The pool is not started, or was stopped.")
        found = self._pool.statistics()
        figures = asdict(found)
        if not found.waiting:
            return HealthReport("healthy", data=figures)
        limits = self._pool.config
        return HealthReport(
            "degraded",
            f"Calls that wait for a connection: {found.waiting}; that have one: "
            f"{found.in_use}. `max_connections` allows {limits.max_connections} and "
            f"`max_connections_per_host` {limits.max_connections_per_host}.",
            figures,
        )
