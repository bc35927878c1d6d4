"""How long a circuit stays open."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from lexigram.resilience._config.breaker import CircuitBreakerConfig

__all__ = ["BreakContext", "BreakDuration", "OpenWaits"]

_log = logging.getLogger("lexigram.resilience.breaker")


@dataclass(frozen=True, slots=True)
class BreakContext:
    """A circuit that is about to open.

    Attributes:
        calls: Outcomes that were counted; of a trial, or of the window.
        failures: How many of them are failures.
        slow: How many of them were slow.
        reopen_count: How often it has opened before, in a row.
        retry_after: Seconds that the upstream asked to wait, with the outcome that
            opens it; None when it did not.
        wait: Seconds that it would be open for by the configuration.
    """

    calls: int
    failures: int
    slow: int
    reopen_count: int
    retry_after: float | None
    wait: float

    @property
    def failure_rate(self) -> float:
        """The share of failures."""
        return self.failures / self.calls


BreakDuration: TypeAlias = Callable[[BreakContext], float]
"""Returns the seconds that a circuit stays open. Called in the middle of a call."""


class OpenWaits:
    """Draws the wait of a circuit that opens, or asks for it.

    Args:
        random: What waits are drawn with.
        ask: Decides instead of the configuration.
    """

    __slots__ = ("_ask", "_random")

    def __init__(self, random: Random, ask: BreakDuration | None) -> None:
        self._random = random
        self._ask = ask

    def draw(
        self,
        config: CircuitBreakerConfig,
        counts: tuple[int, int, int],
        reopen_count: int,
        retry_after: float | None,
    ) -> float:
        """Return the seconds to stay open.

        Args:
            config: Of the circuit.
            counts: Calls, failures and slow calls.
            reopen_count: How often it has opened before, in a row.
            retry_after: What the upstream asked for.
        """
        longest = _grown(config, reopen_count)
        wait = self._random.uniform(longest / 2, longest)
        if self._ask is None:
            return wait
        context = BreakContext(*counts, reopen_count, retry_after, wait)
        return _answer(self._ask, context)


def _grown(config: CircuitBreakerConfig, times: int) -> float:
    try:
        growth = config.open_duration_growth**times
    except OverflowError:
        # An outage of some days: the maximum has been reached long ago.
        growth = math.inf
    return min(config.max_open_duration, config.open_duration * growth)


def _answer(ask: BreakDuration, context: BreakContext) -> float:
    try:
        wait = ask(context)
        is_usable = 0 < wait < math.inf
    except Exception:  # noqa: BLE001 - the call that opens the circuit must end as ever
        _log.exception("resilience.breaker.break_duration_failed")
        return context.wait
    if not is_usable:
        facts = {"break_duration": wait, "used": context.wait}
        _log.error("resilience.breaker.break_duration_failed", extra=facts)
        return context.wait
    return wait
