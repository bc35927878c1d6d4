"""The clock that policies are tried with."""

from __future__ import annotations

import asyncio

from lexigram.contracts.clock import ClockProtocol

__all__ = ["EndlessClock", "StepClock"]


class StepClock(ClockProtocol):
    """Stands still but for sleeps, which end at once and take their seconds with them."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        """Return the time that was slept."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self.sleeps.append(seconds)
        await asyncio.sleep(0)
        self.now += max(0.0, seconds)


class EndlessClock(StepClock):
    """Has sleeps that never end."""

    def __init__(self) -> None:
        super().__init__()
        self.asleep = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        """Sleep until cancelled."""
        self.sleeps.append(seconds)
        self.asleep.set()
        await asyncio.get_running_loop().create_future()
