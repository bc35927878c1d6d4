"""Metrics for Prometheus to scrape (extra `prometheus`)."""

from lexigram.extras import MissingExtraError

try:
    from lexigram.prometheus._config import PrometheusConfig
    from lexigram.prometheus._endpoint import PrometheusEndpoint
    from lexigram.prometheus._module import PrometheusModule
    from lexigram.prometheus._recorder import PrometheusRecorder
except ModuleNotFoundError as _error:
    if not (_error.name or "").startswith("prometheus_client"):
        raise
    raise MissingExtraError("lexigram.prometheus", "prometheus", _error) from _error

__all__ = [
    "PrometheusConfig",
    "PrometheusEndpoint",
    "PrometheusModule",
    "PrometheusRecorder",
]
