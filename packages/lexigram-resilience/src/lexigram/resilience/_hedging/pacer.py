"""When the calls of one key are hedged, and whether they may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from lexigram.contracts.resilience import Call
from lexigram.resilience._config.hedging import HedgeConfig
from lexigram.resilience._events.events import HedgeFinished, HedgeStarted
from lexigram.resilience._events.listeners import Events
from lexigram.resilience._hedging.quantile import Quantile

__all__ = ["Pacer", "Permission"]

Permission: TypeAlias = Callable[[Call[Any]], bool]
"""Says whether another attempt of this call may be made now."""


class Pacer:
    """What is known of one key, and what its calls have in common.

    Attributes:
        delay: Seconds that an attempt is given before another one is started beside it;
            None while too little is known to say.
        learns: Whether it wants to know how long attempts take.
        max_hedges: Attempts beside the first one, at most.
    """

    __slots__ = (
        "_config",
        "_events",
        "_key",
        "_name",
        "_permission",
        "_quantile",
        "delay",
        "learns",
        "max_hedges",
    )

    max_hedges: int
    learns: bool

    def __init__(
        self,
        config: HedgeConfig,
        permission: Permission,
        events: Events,
        name: str,
        key: str,
    ) -> None:
        self._permission = permission
        self._events = events
        self._name = name
        self._key = key
        self._quantile: Quantile | None = None
        self.delay: float | None = None
        self.reconfigure(config)

    def add(self, seconds: float) -> None:
        """Learn how long a first attempt took."""
        quantile = self._quantile
        if quantile is None:
            return
        value = quantile.add(seconds)
        if len(quantile) >= self._config.min_samples:
            self.delay = max(self._config.min_delay, value)

    def permits(self, call: Call[Any]) -> bool:
        """Say whether another attempt may be made; if so, it has to be."""
        return self._permission(call)

    def started(self, number: int, after: float) -> None:
        """Tell listeners of an attempt."""
        if self._events.listeners:
            self._events.tell(HedgeStarted(self._name, self._key, number, after))

    def finished(self, winner: int) -> None:
        """Tell listeners of the end of a call with more than one attempt."""
        if self._events.listeners:
            self._events.tell(HedgeFinished(self._name, self._key, winner))

    def reconfigure(self, config: HedgeConfig) -> None:
        """Go on with other numbers, and what is known."""
        known = self._quantile.latest(config.window) if self._quantile else []
        self._config = config
        self.max_hedges = config.max_hedges
        self.learns = config.quantile is not None
        self.delay = None
        if config.quantile is None:
            self._quantile = None
            self.delay = float(config.delay)
            return
        self._quantile = Quantile(config.quantile, config.window, known)
        if len(known) >= config.min_samples:
            self.delay = max(config.min_delay, self._quantile.value)
