"""What operators see of the policies: metrics of what happened, and health."""

from lexigram.resilience._watching.health import CircuitHealthCheck
from lexigram.resilience._watching.metrics import STATES, MetricsListener

__all__ = ["STATES", "CircuitHealthCheck", "MetricsListener"]
