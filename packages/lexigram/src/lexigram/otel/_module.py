"""The module that tells OpenTelemetry."""

from __future__ import annotations

from typing import Final

from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.di import ConfigSection, ModuleDefinition, bind, written_at
from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.contracts.web import InterceptorProtocol
from lexigram.metrics._observers import OTEL_INTERCEPTOR, OTEL_RECORDER, observers
from lexigram.otel._config import OTelConfig
from lexigram.otel._interceptor import OTelInterceptor
from lexigram.otel._recorder import OTelRecorder

__all__ = ["OTelModule"]


class OTelModule:
    """Brings spans and metrics of OpenTelemetry into an application.

    Clients get an `OTelInterceptor`, and they and policies an `OTelRecorder`. A
    `TracerProvider` or `MeterProvider` of OpenTelemetry's API that is registered is
    used; otherwise the global ones are.

    Example:
        ```python
        modules = [HTTPModule.configure(), OTelModule.configure()]
        async with Application.boot(modules=modules) as app: ...
        ```
    """

    @staticmethod
    def configure(
        config: OTelConfig | None = None, *, chain: bool = True
    ) -> ModuleDefinition:
        """Return the module, configured by the section `otel`.

        Args:
            config: Fields set here win over the files' and yield to the environment's.
            chain: Whether to bind an `InterceptorChainProtocol`. An application that
                binds one itself says False, and puts the `OTelInterceptor` at its end.
        """
        return ModuleDefinition(
            name="OTelModule",
            imports=observers(chain=chain),
            providers=_PROVIDERS,
            exports=(OTelInterceptor, OTelRecorder, OTEL_RECORDER, OTEL_INTERCEPTOR),
            config=ConfigSection("otel", OTelConfig, config),
            origin=written_at(),
        )


def _interceptor(
    config: OTelConfig,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    clock: ClockProtocol | None = None,
) -> OTelInterceptor:
    return OTelInterceptor(
        config,
        tracer_provider=tracer_provider,
        meter_provider=meter_provider,
        clock=clock,
    )


def _recorder(meter_provider: MeterProvider | None = None) -> OTelRecorder:
    return OTelRecorder(meter_provider)


def _as_recorder(recorder: OTelRecorder) -> MetricsRecorderProtocol:
    return recorder


def _as_interceptor(interceptor: OTelInterceptor) -> InterceptorProtocol:
    return interceptor


_PROVIDERS: Final = (
    bind(OTelInterceptor).to(_interceptor),
    bind(OTelRecorder).to(_recorder),
    bind(OTEL_RECORDER).to(_as_recorder),
    bind(OTEL_INTERCEPTOR).to(_as_interceptor),
)
