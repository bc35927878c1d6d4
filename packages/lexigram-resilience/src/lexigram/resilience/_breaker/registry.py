"""Circuit breakers by name."""

from __future__ import annotations

from random import Random

from lexigram.contracts.clock import ClockProtocol
from lexigram.resilience._breaker.breaker import CircuitBreaker
from lexigram.resilience._breaker.circuit import CircuitSnapshot
from lexigram.resilience._config.breaker import CircuitBreakerConfig

__all__ = ["CircuitBreakerRegistry"]


class CircuitBreakerRegistry:
    """Makes a breaker when its name is first asked for, and keeps it.

    Breakers of different names share the configuration and no state.
    """

    def __init__(
        self,
        config: CircuitBreakerConfig | None = None,
        *,
        clock: ClockProtocol | None = None,
        random: Random | None = None,
    ) -> None:
        self._config = config
        self._clock = clock
        self._random = random
        self._breakers: dict[str, CircuitBreaker] = {}

    def __repr__(self) -> str:
        return f"<CircuitBreakerRegistry {list(self._breakers)!r}>"

    def get(self, name: str) -> CircuitBreaker:
        """Return the breaker of this name; the same one for the same name."""
        breaker = self._breakers.get(name)
        if breaker is None:
            breaker = self._breakers[name] = CircuitBreaker(
                name, self._config, clock=self._clock, random=self._random
            )
        return breaker

    def names(self) -> tuple[str, ...]:
        """Return the names that were asked for, in that order."""
        return tuple(self._breakers)

    def snapshot(self) -> dict[str, dict[str, CircuitSnapshot]]:
        """Return each breaker's circuits by key, as they are now."""
        return {name: breaker.snapshot() for name, breaker in self._breakers.items()}
