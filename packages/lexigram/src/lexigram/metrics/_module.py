"""The module that keeps a summary."""

from __future__ import annotations

from typing import Final

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.di import ModuleDefinition, bind, written_at
from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.contracts.web import InterceptorProtocol
from lexigram.metrics._observers import (
    SUMMARY_INTERCEPTOR,
    SUMMARY_RECORDER,
    observers,
)
from lexigram.metrics._summary import MetricsSummary

__all__ = ["MetricsSummaryModule"]


class MetricsSummaryModule:
    """Brings a `MetricsSummary` of all calls and metrics into an application.

    Example:
        ```python
        modules = [HTTPModule.configure(), MetricsSummaryModule.configure()]
        async with Application.boot(modules=modules) as app:
            client = await app.resolve(HTTPClientProtocol)
            await client.get("https://api.example.com/users/7", route="/users/{id}")
            (await app.resolve(MetricsSummary)).print()
        ```
    """

    @staticmethod
    def configure(*, chain: bool = True) -> ModuleDefinition:
        """Return the module.

        Args:
            chain: Whether to bind an `InterceptorChainProtocol`. An application that
                binds one itself says False, and puts the `MetricsSummary` into it.
        """
        return ModuleDefinition(
            name="MetricsSummaryModule",
            imports=observers(chain=chain),
            providers=_PROVIDERS,
            exports=(MetricsSummary, SUMMARY_RECORDER, SUMMARY_INTERCEPTOR),
            origin=written_at(),
        )


def _summary(clock: ClockProtocol | None = None) -> MetricsSummary:
    return MetricsSummary(clock)


def _as_recorder(summary: MetricsSummary) -> MetricsRecorderProtocol:
    return summary


def _as_interceptor(summary: MetricsSummary) -> InterceptorProtocol:
    return summary


_PROVIDERS: Final = (
    bind(MetricsSummary).to(_summary),
    bind(SUMMARY_RECORDER).to(_as_recorder),
    bind(SUMMARY_INTERCEPTOR).to(_as_interceptor),
)
