"""The policies that each attempt of a pipeline asks, and that are told how it ended.

Each is a core of its policy behind two methods, so that a pipeline goes through them
without knowing which they are: `admit` returns a token or raises, and whoever got one
gives it back by `record`, once, whatever happened to the attempt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from lexigram.contracts.resilience import Judgement
from lexigram.resilience._adaptive.concurrency import AdaptiveConcurrency
from lexigram.resilience._adaptive.ledger import Ledger
from lexigram.resilience._adaptive.limit import AdaptiveLimit
from lexigram.resilience._adaptive.throttle import AdaptiveThrottle
from lexigram.resilience._breaker.breaker import CircuitBreaker
from lexigram.resilience._breaker.circuit import Circuit

__all__ = ["BreakerLayer", "ConcurrencyLayer", "Layer", "ThrottleLayer"]


class Layer(Protocol):
    """One of these policies."""

    def admit(self, key: str) -> Any:
        """Return the token of an attempt.

        Raises:
            CallRejectedError: It must not be made.
        """
        ...

    def record(self, token: Any, judgement: Judgement) -> None:
        """Take back the token of an attempt that is over."""
        ...


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


class ConcurrencyLayer:
    """An adaptive limit of concurrency."""

    __slots__ = ("_concurrency", "_now")

    def __init__(
        self, concurrency: AdaptiveConcurrency, now: Callable[[], float]
    ) -> None:
        self._concurrency = concurrency
        self._now = now

    def admit(self, key: str) -> tuple[AdaptiveLimit, float]:
        """Take a place; return the limit and the time."""
        limit = self._concurrency.limit(key)
        began = self._now()
        if not limit.try_acquire(began):
            raise self._concurrency.refusal(key, limit)
        return limit, began

    def record(self, token: tuple[AdaptiveLimit, float], judgement: Judgement) -> None:
        """Give the place back, and count the outcome."""
        limit, began = token
        limit.release(began, judgement.outcome, self._now())


class ThrottleLayer:
    """An adaptive throttle."""

    __slots__ = ("_now", "_throttle")

    def __init__(self, throttle: AdaptiveThrottle, now: Callable[[], float]) -> None:
        self._throttle = throttle
        self._now = now

    def admit(self, key: str) -> tuple[Ledger, float]:
        """Count the attempt; return the ledger and the time."""
        ledger = self._throttle.ledger(key)
        began = self._now()
        if not ledger.admit(began):
            raise self._throttle.refusal(key, ledger)
        return ledger, began

    def record(self, token: tuple[Ledger, float], judgement: Judgement) -> None:
        """Count the outcome."""
        ledger, began = token
        ledger.record(began, judgement.outcome)
