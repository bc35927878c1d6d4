"""Circuits of a fleet: leaving alone what others found down.

Each process goes on by its own circuits; nothing here stands between a call and its
circuit. Beside the calls, and once a second, each tells the store of its circuits that
opened and hears of those of the others:

* What a quorum of the processes found down is down for all: their closed circuits open.
* When that wait is over, one process gets the lease to try, for as long as a trial may
  take. If the trial fails, all wait again; if it passes, the others begin trials of
  their own at once.
* An operator's `isolate` and `close` reach every process, those that start later too.
* What a process says is based on the version of the circuit that it knows. Where that
  has changed, it speaks of the past and is not heard.

Without the store, each process goes on alone, and may try when its own wait is over.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeAlias

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.resilience._admission.waiting import came_within
from lexigram.resilience._breaker.circuit import Circuit
from lexigram.resilience._breaker.registry import CircuitBreakerRegistry
from lexigram.resilience._breaker.states import CircuitState
from lexigram.resilience._config.store import CoordinationConfig
from lexigram.resilience._events.events import CircuitChanged, Event
from lexigram.resilience._events.listeners import Events
from lexigram.resilience._shared.guard import StoreError
from lexigram.resilience._shared.scripts import CONFER
from lexigram.resilience._shared.store import SharedStore

__all__ = ["FleetCircuits"]

_Kind: TypeAlias = Literal["open", "closed", "probe", "isolate", "reset"]

_BEATS: Final = 3
"""Looks that a process may miss and still counts."""

_RESET_LASTS: Final = 60.0
"""Seconds in which every process hears of a reset, or has begun anew meanwhile."""


@dataclass(frozen=True, slots=True)
class _Circuit:
    """What the fleet says of a circuit.

    Attributes:
        version: Of what it says.
        open: Seconds that it is still open; -1 when it is not.
        forced: Whether an operator isolated the upstream.
        reset: Whether one closed it.
        prober: The process that may try; "" for none.
    """

    version: int = 0
    open: float = -1.0
    forced: bool = False
    reset: bool = False
    prober: str = ""


_USUAL: Final = _Circuit()


class FleetCircuits:
    """Coordinates the circuits of a registry with those of other processes.

    Used as an async context manager, within which it listens to its breakers and asks
    the store. For one event loop.

    Args:
        store: Where the processes meet.
        breakers: Whose circuits; those of the same names are the same for all.
        events: Whom those breakers tell of their changes.
        config: How many have to agree, and how often they look.
        clock: What waits; the running event loop's by default.

    Example:
        ```python
        async with FleetCircuits(store, breakers, events=events) as fleet:
            await fleet.isolate("default", "https://api.test:443")
        ```
    """

    _task: asyncio.Task[None]
    """What looks, from when the context is entered."""

    def __init__(
        self,
        store: SharedStore,
        breakers: CircuitBreakerRegistry,
        *,
        events: Events,
        config: CoordinationConfig | None = None,
        clock: ClockProtocol | None = None,
    ) -> None:
        self._store = store
        self._breakers = breakers
        self._events = events
        self._config = config or CoordinationConfig()
        self._clock = clock or SystemClock()
        self._known: Mapping[str, _Circuit] = {}
        self._wishes: list[tuple[_Kind, str, float, int]] = []
        self._turn = asyncio.Lock()
        self._woken = asyncio.Event()
        self._is_applying = False

    def __repr__(self) -> str:
        return f"<FleetCircuits of {self._store.instance!r}: {list(self._known)}>"

    async def __aenter__(self) -> Self:
        self._events.add(self._heard)
        self._task = asyncio.get_running_loop().create_task(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._events.remove(self._heard)
        self._set_trials(None)
        self._task.cancel()
        # Not by awaiting it: a cancellation from outside would look like its own.
        await asyncio.wait({self._task})

    async def isolate(self, breaker: str, key: str) -> None:
        """Have every process refuse the calls of a key, until `close`.

        Raises:
            StoreError: The store does not answer; nothing has changed.
        """
        await self._confer(("isolate", _named(breaker, key), 0.0, 0))

    async def close(self, breaker: str, key: str) -> None:
        """Have every process forget what it knows of a key, and an `isolate`, too.

        Raises:
            StoreError: The store does not answer; nothing has changed.
        """
        await self._confer(("reset", _named(breaker, key), _RESET_LASTS, 0))

    async def confer(self) -> None:
        """Tell the store what happened here, and do what it says of the others.

        It is done every `interval` seconds, and when a circuit opens or closes.

        Raises:
            StoreError: It does not answer; what happened here will be told later.
        """
        await self._confer()

    async def _confer(self, *wishes: tuple[_Kind, str, float, int]) -> None:
        # One after the other: an answer that came late would undo a newer one.
        async with self._turn:
            self._apply(_read(await self._told(wishes)))

    async def _told(self, wishes: Sequence[tuple[_Kind, str, float, int]]) -> Any:
        told, self._wishes = [*self._wishes, *wishes], []
        try:
            return await self._store.run(
                CONFER,
                "circuits",
                self._store.instance,
                repr(self._config.quorum),
                repr(_BEATS * self._config.interval),
                "",
                json.dumps(told),
            )
        except StoreError:
            # Who asks for the lease asks again; the rest has not been heard of yet.
            own = [each for each in told if each not in wishes and each[0] != "probe"]
            self._wishes = own + self._wishes
            self._known = {}
            raise

    def _heard(self, event: Event) -> None:
        """Take notice of what a circuit of this process has become."""
        if not isinstance(event, CircuitChanged) or self._is_applying:
            return
        if event.policy not in self._breakers.names():
            return
        name = _named(event.policy, event.key)
        if event.state == CircuitState.OPEN:
            self._wish("open", name, event.open_for)
        elif event.state == CircuitState.CLOSED:
            self._wish("closed", name, 0.0)

    def _wish(self, kind: _Kind, name: str, seconds: float) -> None:
        version = self._known.get(name, _USUAL).version
        self._wishes.append((kind, name, seconds, version))
        self._woken.set()

    def _wait_to_try(self, breaker: str, key: str) -> float:
        """Return 0 when this process may try, or seconds until it asks again."""
        name = _named(breaker, key)
        known = self._known.get(name)
        if known is None or known.open < 0 or known.prober == self._store.instance:
            return 0.0
        longest = self._breakers.get(breaker).config.half_open_max_wait
        self._wish("probe", name, longest)
        return self._config.interval

    async def _run(self) -> None:
        while True:
            # Breakers are made as they are asked for.
            self._set_trials(self._wait_to_try)
            # What is wished meanwhile is told without waiting for the interval.
            self._woken.clear()
            # Its guard says in the log that it is lost, once.
            with suppress(StoreError):
                await self.confer()
            woken = asyncio.ensure_future(self._woken.wait())
            try:
                await came_within(self._config.interval, woken, self._clock)
            finally:
                woken.cancel()

    def _set_trials(self, decide: Callable[[str, str], float] | None) -> None:
        for name in self._breakers.names():
            self._breakers.get(name).may_try = decide

    def _apply(self, told: Mapping[str, _Circuit]) -> None:
        before, self._known = self._known, told
        self._is_applying = True
        try:
            for name in {**before, **told}:
                self._follow(name, before.get(name, _USUAL), told.get(name, _USUAL))
        finally:
            self._is_applying = False

    def _follow(self, name: str, before: _Circuit, now: _Circuit) -> None:
        breaker_name, _, key = name.partition("\n")
        breaker = self._breakers.get(breaker_name)
        if now.version != before.version and now.forced:
            breaker.force_open(key)
        elif now.version != before.version and now.reset:
            breaker.reset(key)
        elif now.version != before.version and now.open >= 0:
            breaker.circuit(key).hold(now.open)
        elif before.forced and not now.forced:
            breaker.reset(key)
        elif before.open >= 0 and now.open < 0:
            # Somebody tried for all, and it is well: see for yourself.
            _end_wait(breaker.circuit(key))
        elif now.prober == self._store.instance != before.prober:
            _end_wait(breaker.circuit(key))


def _end_wait(circuit: Circuit) -> None:
    if circuit.state is CircuitState.OPEN:
        circuit.hold(0.0)


def _named(breaker: str, key: str) -> str:
    return f"{breaker}\n{key}"


def _read(answer: Any) -> dict[str, _Circuit]:
    told: dict[str, dict[str, Any]] = json.loads(answer)
    return {name: _Circuit(**facts) for name, facts in told.items()}
