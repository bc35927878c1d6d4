"""The circuits as a health check."""

from __future__ import annotations

from typing import Final

from lexigram.contracts.health import HealthReport
from lexigram.resilience._breaker.registry import CircuitBreakerRegistry
from lexigram.resilience._breaker.states import CircuitState

__all__ = ["CircuitHealthCheck"]

_REFUSING: Final = (
    CircuitState.OPEN,
    CircuitState.HALF_OPEN,
    CircuitState.FORCED_OPEN,
)


class CircuitHealthCheck:
    """Reports circuits that do not admit every call.

    They degrade an application and never make it unhealthy: an upstream that is down is
    no reason to restart those that ask it. Implements `HealthCheckProtocol`.

    Args:
        registry: Whose circuits.
        name: What it is called in a report.
    """

    critical: Final = False

    def __init__(
        self, registry: CircuitBreakerRegistry, *, name: str = "circuit-breakers"
    ) -> None:
        self._registry = registry
        self._name = name

    @property
    def name(self) -> str:
        """What it is called in a report."""
        return self._name

    async def check(self) -> HealthReport:
        """Say which circuits are open, half open or forced open."""
        refusing = {
            f"{breaker} {key}".rstrip(): circuit.state.value
            for breaker, circuits in self._registry.snapshot().items()
            for key, circuit in circuits.items()
            if circuit.state in _REFUSING
        }
        if not refusing:
            return HealthReport("healthy")
        shown = ", ".join(f"{name} is {state}" for name, state in refusing.items())
        return HealthReport("degraded", f"Circuits refuse calls: {shown}.", refusing)
