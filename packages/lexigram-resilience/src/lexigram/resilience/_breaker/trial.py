"""The trial of an upstream that may be well again."""

from __future__ import annotations

from typing import Literal, TypeAlias

from lexigram.contracts.resilience import Outcome
from lexigram.resilience._breaker.windows import FAILED, SLOW
from lexigram.resilience._config.breaker import CircuitBreakerConfig

__all__ = ["Trial", "Verdict"]

Verdict: TypeAlias = Literal["passed", "failed"]


class Trial:
    """A few probes, and what became of them. It ends under what it began with.

    Attributes:
        calls: Outcomes counted.
        failures: How many of them are failures.
        slow: How many of them were slow.
    """

    __slots__ = ("_config", "_probes", "calls", "failures", "slow")

    def __init__(self, config: CircuitBreakerConfig) -> None:
        self._config = config
        self._probes: dict[int, float] = {}
        self.calls = 0
        self.failures = 0
        self.slow = 0

    @property
    def probes(self) -> int:
        """How many are out."""
        return len(self._probes)

    @property
    def verdict(self) -> Verdict | None:
        """What it has come to, as soon as that is certain."""
        config, permits = self._config, self._config.half_open_permits
        # Divided, not multiplied: 0.07 * 100 is more than 7, while 7 / 100 is 0.07.
        if self.failures / permits >= config.failure_rate or (
            config.slow_call_duration is not None
            and self.slow / permits >= config.slow_call_rate
        ):
            return "failed"
        return "passed" if self.calls == permits else None

    def send(self, number: int, now: float) -> bool:
        """Send out a probe of this number, unless there are enough."""
        config, out = self._config, len(self._probes)
        if (
            out >= config.half_open_max_concurrent
            or self.calls + out >= config.half_open_permits
        ):
            return False
        self._probes[number] = now + config.half_open_max_wait
        return True

    def give_up(self, now: float) -> None:
        """Count probes that are overdue as failed, until that decides the trial."""
        for number in [n for n, due in self._probes.items() if due <= now]:
            if self.verdict is None:
                self.take_back(number, "failure", None)

    def take_back(self, number: int, outcome: Outcome, duration: float | None) -> bool:
        """Count the outcome of a probe; False when no such probe is out."""
        if self._probes.pop(number, None) is None:
            return False
        if outcome != "neutral":
            limit = self._config.slow_call_duration
            is_slow = limit is not None and duration is not None and duration >= limit
            self._count((outcome == "failure") * FAILED | is_slow * SLOW)
        return True

    def _count(self, outcome: int) -> None:
        self.calls += 1
        self.failures += outcome & FAILED
        self.slow += outcome >> 1
