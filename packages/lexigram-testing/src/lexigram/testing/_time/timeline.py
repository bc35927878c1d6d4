"""Virtual time as a value that moves: no event loop, no selector, no real clock."""

from __future__ import annotations

import math
from asyncio import Future
from collections.abc import Callable
from typing import Final

__all__ = ["Timeline"]

# What asyncio adds to the time when it looks for timers that are due, on every
# platform where the monotonic clock counts nanoseconds.
_RESOLUTION: Final = 1e-9
_DIGITS: Final = 9
# Turns of a loop: most have other reasons, and time should stand still for those.
_PATIENCE: Final = 64


class Timeline:
    """Where virtual time stands, how far it may go, and what holds it.

    Args:
        start: The first moment. An integer: libraries round times to whole seconds
            (aiohttp does with timeouts above 5 s), and would round a fraction up.
        autojump: Whether time may go on by itself.
    """

    def __init__(self, start: int, *, autojump: bool) -> None:
        self.start: Final = float(start)
        self.now: float = self.start
        self.autojump: Final = autojump
        self.sleeps: list[float] = []
        self.external: list[str] = []
        self.working: dict[Future[object], Callable[..., object]] = {}
        self.ended = False
        self._turns = 0
        self._targets: list[float] = []
        self._settling: list[Future[None]] = []

    @property
    def elapsed(self) -> float:
        """Seconds since the start.

        To the microsecond, which removes what a float loses next to a large start.
        """
        return round(self.now - self.start, 6)

    def may_move(self, seconds: float) -> bool:
        """Whether time may go on by `seconds` now."""
        if self.external:
            return False
        if self.autojump:
            return True
        target = max(self._targets, default=self.now)
        slack = max(_RESOLUTION, 2 * math.ulp(target))
        return self.now + seconds <= target + slack

    def move(self, seconds: float) -> None:
        """Go on, to the whole nanosecond: tenths of a second add up without drift."""
        rounded = self.after(seconds)
        # Rounding must not stand still: the loop would turn for ever.
        self.now = rounded if rounded > self.now else self.now + seconds

    def tick(self) -> None:
        """Go on by next to nothing, now and then, where "now" cannot become "due".

        After 194 days a nanosecond is less than a float can add. A timer for this very
        moment is then neither in the future nor run, and the loop turns for ever.
        """
        if self.now + _RESOLUTION > self.now:
            return
        self._turns = (self._turns + 1) % _PATIENCE
        if self._turns == 0:
            self.now = math.nextafter(self.now, math.inf)

    def after(self, seconds: float) -> float:
        """Return the time in `seconds` from now, to the nanosecond."""
        return round(self.now + seconds, _DIGITS)

    def allow(self, target: float) -> None:
        """Let time go to a moment, though it does not go on by itself."""
        self._targets.append(target)

    def disallow(self, target: float) -> None:
        """Take `allow` back."""
        self._targets.remove(target)

    def settling(self, waiter: Future[None]) -> None:
        """Note that somebody waits until nothing is left to run."""
        self._settling.append(waiter)

    def settled(self) -> bool:
        """Release those who wait for it; whether there were any."""
        waiting = [waiter for waiter in self._settling if not waiter.done()]
        self._settling.clear()
        for waiter in waiting:
            waiter.set_result(None)
        return bool(waiting)

    def began(self, work: Future[object], what: Callable[..., object]) -> None:
        """Hold time until work that takes real time is done."""
        self.working[work] = what
        work.add_done_callback(self.working.pop)
