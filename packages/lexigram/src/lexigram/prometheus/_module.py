"""The module that keeps metrics for Prometheus."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from lexigram.contracts.di import ConfigSection, ModuleDefinition, bind, written_at
from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.metrics._observers import PROMETHEUS_RECORDER, observers
from lexigram.prometheus._config import PrometheusConfig
from lexigram.prometheus._endpoint import PrometheusEndpoint, serving
from lexigram.prometheus._recorder import PrometheusRecorder

__all__ = ["PrometheusModule"]


class PrometheusModule:
    """Brings a recorder for Prometheus into an application, and a server if asked.

    Example:
        ```python
        modules = [
            HTTPModule.configure(),
            PrometheusModule.configure(PrometheusConfig(port=9464)),
        ]
        Application(modules=modules).check()
        ```
    """

    @staticmethod
    def configure(config: PrometheusConfig | None = None) -> ModuleDefinition:
        """Return the module, configured by the section `prometheus`.

        Args:
            config: Fields set here win over the files' and yield to the environment's.
        """
        return ModuleDefinition(
            name="PrometheusModule",
            imports=observers(chain=False),
            providers=_PROVIDERS,
            exports=(PrometheusRecorder, PrometheusEndpoint, PROMETHEUS_RECORDER),
            config=ConfigSection("prometheus", PrometheusConfig, config),
            origin=written_at(),
        )


def _recorder(config: PrometheusConfig) -> PrometheusRecorder:
    return PrometheusRecorder(max_series=config.max_series)


async def _endpoint(
    config: PrometheusConfig, recorder: PrometheusRecorder
) -> AsyncIterator[PrometheusEndpoint]:
    async with serving(recorder, config) as endpoint:
        yield endpoint


def _as_recorder(recorder: PrometheusRecorder) -> MetricsRecorderProtocol:
    return recorder


_PROVIDERS: Final = (
    bind(PrometheusRecorder).to(_recorder),
    bind(PrometheusEndpoint).to(_endpoint),
    bind(PROMETHEUS_RECORDER).to(_as_recorder),
)
