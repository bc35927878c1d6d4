"""Metrics and spans through OpenTelemetry (extra `otel`).

Stands on `opentelemetry-api` alone: without an SDK nothing is recorded, and nothing
fails.
"""

from lexigram.extras import MissingExtraError

try:
    from lexigram.otel._config import OTelConfig
    from lexigram.otel._interceptor import OTelInterceptor
    from lexigram.otel._module import OTelModule
    from lexigram.otel._recorder import OTelRecorder
except ModuleNotFoundError as _error:
    if not (_error.name or "").startswith("opentelemetry"):
        raise
    raise MissingExtraError("lexigram.otel", "otel", _error) from _error

__all__ = ["OTelConfig", "OTelInterceptor", "OTelModule", "OTelRecorder"]
