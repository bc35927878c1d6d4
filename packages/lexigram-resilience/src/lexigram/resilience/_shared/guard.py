"""The breaker before the store.

A store that is slow or gone costs a few calls its time limit; from then on nobody waits
for it, until one probe at a time finds that it is back. The log gets a line each way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any, ClassVar, Final, TypeVar

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.resilience import Outcome, ResilienceError
from lexigram.resilience._breaker.circuit import Circuit
from lexigram.resilience._breaker.states import CircuitState, Transition
from lexigram.resilience._config.breaker import CircuitBreakerConfig
from lexigram.resilience._events.events import CircuitChanged
from lexigram.resilience._events.listeners import Events

__all__ = ["StoreError", "StoreGuard"]

T = TypeVar("T")

_log = logging.getLogger("lexigram.resilience.store")

_CONFIG: Final = CircuitBreakerConfig(
    consecutive_failures=3,
    window_seconds=30.0,
    open_duration=1.0,
    max_open_duration=5.0,
    half_open_permits=1,
    half_open_max_wait=30.0,
)
"""The store is one hop away and asked all the time: a few failures in a row are enough,
and it is asked again soon."""

_CANCELS: Final = 5


class StoreError(ResilienceError):
    """The store was not asked, did not answer in time, or answered with an error."""

    code: ClassVar[str] = "resilience.store"


class StoreGuard:
    """Asks the store, in a limited time and only while it seems to be there.

    Attributes:
        trouble: What it failed with last; empty while all is well.
    """

    def __init__(
        self, limit: float, clock: ClockProtocol, random: Random, events: Events
    ) -> None:
        self._limit = limit
        self._now = clock.monotonic
        self._events = events
        self._is_lost = False
        self._lost_at = 0.0
        self.trouble: str = ""
        self._given_up: set[asyncio.Future[Any]] = set()
        self._circuit = Circuit(
            _CONFIG, now=clock.monotonic, random=random, watcher=self
        )

    @property
    def is_lost(self) -> bool:
        """Whether the store has been given up for the time being."""
        return self._is_lost

    @property
    def wait(self) -> float:
        """Seconds until the store is asked again; 0 when it may be now."""
        circuit = self._circuit
        if circuit.state is CircuitState.HALF_OPEN:
            # A probe is out, and ends within the limit.
            return self._limit if circuit.snapshot().probes else 0.0
        return circuit.retry_after

    async def run(self, operation: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return the result of one operation on the store.

        Raises:
            StoreError: It has been given up, took too long, or failed.
        """
        permit = self._circuit.admit()
        if permit is None:
            raise StoreError(self.trouble)
        outcome: Outcome = "neutral"
        try:
            result = await self._within_limit(operation)
        except Exception as error:  # no call of the application fails by the store
            outcome = "failure"
            self.trouble = f"{type(error).__name__}: {error}".removesuffix(": ")
            raise StoreError(self.trouble) from error
        else:
            outcome = "success"
            self.trouble = ""
            return result
        finally:
            self._circuit.record(permit, outcome)

    async def close(self) -> None:
        """End what was given up, in the time that one operation may take."""
        for _ in range(_CANCELS):
            if not self._given_up:
                return
            # Again: what a client did when it was cancelled first may have hidden that.
            for work in self._given_up:
                work.cancel()
            await asyncio.wait(self._given_up, timeout=self._limit / _CANCELS)

    async def _within_limit(self, operation: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return the result, or raise when the time is over and not later.

        As a task of its own: a client that is connecting does not always end at once
        when it is cancelled, and nobody is to wait for it.
        """
        work = asyncio.ensure_future(operation())
        try:
            await asyncio.wait({work}, timeout=self._limit)
        finally:
            if not work.done():
                self._given_up.add(work)
                work.add_done_callback(self._ended)
                work.cancel()
        if work in self._given_up:
            raise TimeoutError(f"no answer in {self._limit:g} s")
        return work.result()

    def _ended(self, work: asyncio.Future[Any]) -> None:
        self._given_up.discard(work)
        if not work.cancelled():
            work.exception()  # looked at, so that nobody complains of it

    def changed(self, transition: Transition) -> None:
        """Log, once, that the store is lost or back; tell the listeners of each change."""
        if transition.state is CircuitState.OPEN and not self._is_lost:
            self._is_lost, self._lost_at = True, self._now()
            _log.warning("resilience.store.lost", extra={"reason": self.trouble})
        elif transition.state is CircuitState.CLOSED:
            self._is_lost = False
            away = round(self._now() - self._lost_at, 3)
            _log.info("resilience.store.back", extra={"after": away})
        if self._events.listeners:
            self._events.tell(
                CircuitChanged(
                    policy="store",
                    key="",
                    state=transition.state.value,
                    before=transition.before.value,
                    calls=transition.calls,
                    failures=transition.failures,
                    slow=transition.slow,
                    open_for=transition.open_for,
                )
            )

    def late(self) -> None:
        """Take no notice: the next answer is as good."""
