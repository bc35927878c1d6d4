"""Circuit breakers by name."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from lexigram.contracts.clock import ClockProtocol
from lexigram.resilience._breaker.breaker import CircuitBreaker
from lexigram.resilience._breaker.states import CircuitSnapshot
from lexigram.resilience._breaker.waits import BreakDuration
from lexigram.resilience._config.breaker import CircuitBreakerConfig
from lexigram.resilience._events.listeners import Events
from lexigram.resilience._reloading import New, checked

__all__ = ["CircuitBreakerRegistry"]


class CircuitBreakerRegistry:
    """Makes a breaker when its name is first asked for, and keeps it.

    Breakers of different names share no state. Implements
    `CircuitBreakerRegistryProtocol`.

    Args:
        config: Of every breaker that has none of its own.
        configs: By name, of those that have.
        clock: The running event loop's by default.
        random: What the breakers draw with.
        events: Whom they tell.
        break_duration: How long their circuits stay open; see `CircuitBreaker`.

    Example:
        ```python
        registry = CircuitBreakerRegistry(
            configs={"billing": CircuitBreakerConfig(consecutive_failures=3)}
        )
        invoice = await registry.get("billing").call(fetch_invoice)
        ```
    """

    def __init__(
        self,
        config: CircuitBreakerConfig | None = None,
        *,
        configs: Mapping[str, CircuitBreakerConfig] | None = None,
        clock: ClockProtocol | None = None,
        random: Random | None = None,
        events: Events | None = None,
        break_duration: BreakDuration | None = None,
    ) -> None:
        self._default = config or CircuitBreakerConfig()
        self._configs = dict(configs or {})
        self._clock = clock
        self._random = random
        self._events = events if events is not None else Events()
        self._break_duration = break_duration
        self._breakers: dict[str, CircuitBreaker] = {}

    def __repr__(self) -> str:
        return f"<CircuitBreakerRegistry {list(self._breakers)!r}>"

    def get(self, name: str) -> CircuitBreaker:
        """Return the breaker of this name; the same one for the same name."""
        breaker = self._breakers.get(name)
        if breaker is None:
            breaker = self._breakers[name] = CircuitBreaker(
                name,
                self._configs.get(name, self._default),
                clock=self._clock,
                random=self._random,
                events=self._events,
                break_duration=self._break_duration,
            )
        return breaker

    def names(self) -> tuple[str, ...]:
        """Return the names that were asked for, in that order."""
        return tuple(self._breakers)

    def items(self) -> tuple[tuple[str, CircuitBreaker], ...]:
        """Return the names that were asked for and their breakers, in that order."""
        return tuple(self._breakers.items())

    def snapshot(self) -> dict[str, dict[str, CircuitSnapshot]]:
        """Return each breaker's circuits by key, as they are now."""
        return {name: breaker.snapshot() for name, breaker in self._breakers.items()}

    def remove(self, name: str) -> None:
        """Forget a breaker and what it knows; nothing when there is none.

        Whoever holds it may go on with it, apart from the one that `get` makes next.
        That one has the same configuration.
        """
        self._breakers.pop(name, None)

    def reconfigure(self, name: str, config: New[CircuitBreakerConfig]) -> None:
        """Give a name a configuration of its own; its breaker keeps what it knows.

        Args:
            name: Of a breaker, whether it was asked for or not.
            config: As for `CircuitBreaker.reconfigure`.

        Raises:
            pydantic.ValidationError: It is not valid: the old one stays, and
                `ReloadFailed` tells of it.
        """
        self._configs[name] = checked(CircuitBreakerConfig, config, name, self._events)
        breaker = self._breakers.get(name)
        if breaker is not None:
            breaker.reconfigure(self._configs[name])

    def reconfigure_default(self, config: New[CircuitBreakerConfig]) -> None:
        """Change the configuration of every breaker that has none of its own.

        Args:
            config: As for `CircuitBreaker.reconfigure`.

        Raises:
            pydantic.ValidationError: It is not valid: the old one stays, and
                `ReloadFailed` tells of it.
        """
        self._default = checked(CircuitBreakerConfig, config, "default", self._events)
        for name, breaker in self._breakers.items():
            if name not in self._configs:
                breaker.reconfigure(self._default)
