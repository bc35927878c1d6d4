"""The store as a health check."""

from __future__ import annotations

from lexigram.contracts.health import HealthReport
from lexigram.resilience._shared.guard import StoreError
from lexigram.resilience._shared.sharing import Sharing

__all__ = ["StoreHealthCheck"]


class StoreHealthCheck:
    """Asks the store that limits are shared on whether it is there.

    Without it an application goes on as it was configured to, so that it is degraded and
    never unhealthy. Implements `HealthCheckProtocol`.

    Args:
        sharing: What is shared.
        name: What it is called in a report.
    """

    def __init__(self, sharing: Sharing, *, name: str = "resilience-store") -> None:
        self._store = sharing.store
        self._name = name

    @property
    def name(self) -> str:
        """What it is called in a report."""
        return self._name

    @property
    def critical(self) -> bool:
        """False: each process can go on by itself."""
        return False

    async def check(self) -> HealthReport:
        """Say whether the store answers; one that was given up is asked as it is due."""
        if self._store is None:
            return HealthReport("healthy", "No store is configured.")
        try:
            await self._store.ping()
        except StoreError as error:
            mode = self._store.config.on_store_error
            return HealthReport(
                "degraded",
                f"The store does not answer: {error}. Shared limits are `{mode}` until "
                "it does.",
                {"on_store_error": mode},
            )
        return HealthReport("healthy")
