"""What operators see of the policies: metrics of what happened, and health."""

from lexigram.resilience._watching.health import CircuitHealthCheck
from lexigram.resilience._watching.metrics import STATES, MetricsListener
from lexigram.resilience._watching.store import StoreHealthCheck

__all__ = ["STATES", "CircuitHealthCheck", "MetricsListener", "StoreHealthCheck"]
