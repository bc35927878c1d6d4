"""The circuits as a health check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol, runtime_checkable

from lexigram.contracts.health import HealthReport
from lexigram.contracts.resilience import CircuitBreakerRegistryProtocol
from lexigram.resilience._breaker.states import CircuitSnapshot, CircuitState

__all__ = ["CircuitHealthCheck"]

_REFUSING: Final = (
    CircuitState.OPEN,
    CircuitState.HALF_OPEN,
    CircuitState.FORCED_OPEN,
)


@runtime_checkable
class _ShowsCircuits(Protocol):
    def snapshot(self) -> Mapping[str, Mapping[str, CircuitSnapshot]]: ...


class CircuitHealthCheck:
    """Reports circuits that do not admit every call.

    They degrade an application and never make it unhealthy: an upstream that is down is
    no reason to restart those that ask it. Implements `HealthCheckProtocol`.

    Args:
        registry: Whose circuits; of one that has no `snapshot`, nothing is known.
        name: What it is called in a report.
    """

    def __init__(
        self,
        registry: CircuitBreakerRegistryProtocol,
        *,
        name: str = "circuit-breakers",
    ) -> None:
        self._registry = registry
        self._name = name

    @property
    def name(self) -> str:
        """What it is called in a report."""
        return self._name

    @property
    def critical(self) -> bool:
        """False: an application goes on without an upstream."""
        return False

    async def check(self) -> HealthReport:
        """Say which circuits are open, half open or forced open."""
        if not isinstance(self._registry, _ShowsCircuits):
            return HealthReport("healthy", "The registry in use shows no circuits.")
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
