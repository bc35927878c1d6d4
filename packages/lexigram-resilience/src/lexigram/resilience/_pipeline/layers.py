"""A circuit breaker as a layer of a pipeline."""

from __future__ import annotations

from collections.abc import Callable

from lexigram.contracts.resilience import Judgement
from lexigram.resilience._breaker.breaker import CircuitBreaker
from lexigram.resilience._breaker.circuit import Circuit

__all__ = ["BreakerLayer"]


class BreakerLayer:
    """A circuit breaker."""

    __slots__ = ("_breaker", "_now")

    def __init__(self, breaker: CircuitBreaker, now: Callable[[], float]) -> None:
        self._breaker = breaker
        self._now = now

    def admit(self, key: str) -> tuple[Circuit, int, float | None]:
        """Return circuit, permit and, where the circuit asks for it, the time."""
        circuit = self._breaker.circuit(key)
        permit = circuit.admit()
        if permit is None:
            raise self._breaker.refusal(key, circuit)
        return circuit, permit, None if circuit.slow_after is None else self._now()

    def record(
        self, token: tuple[Circuit, int, float | None], judgement: Judgement
    ) -> None:
        """Count the outcome."""
        circuit, permit, began = token
        duration = None if began is None else self._now() - began
        circuit.record(permit, judgement.outcome, duration, judgement.retry_after)
