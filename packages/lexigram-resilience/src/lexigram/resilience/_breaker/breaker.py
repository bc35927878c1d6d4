"""A circuit breaker: one circuit for each key of its calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from typing import TypeAlias, TypeVar

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.resilience import Call, Judgement
from lexigram.resilience._breaker.circuit import Circuit
from lexigram.resilience._breaker.reporting import Reporter, refusal
from lexigram.resilience._breaker.states import CircuitSnapshot, CircuitState
from lexigram.resilience._breaker.waits import BreakDuration
from lexigram.resilience._config.breaker import CircuitBreakerConfig
from lexigram.resilience._events.listeners import Events
from lexigram.resilience._keyed import Keyed
from lexigram.resilience._layers import run_admitted
from lexigram.resilience._reloading import New, checked

__all__ = ["CircuitBreaker"]

T = TypeVar("T")

Token: TypeAlias = tuple[Circuit, int, float | None]
"""Circuit, permit and, where the circuit wants to know how long it takes, the time."""


class CircuitBreaker:
    """Stops calling an upstream that keeps failing, separately for each `Call.key`.

    Of a call it asks what its judge says of the outcome. Neutral, and so not counted,
    are in any case whatever is no `Exception`, cancellation first of all, and a refusal
    by a policy inside: the upstream was not asked. One breaker serves any number of
    calls at once, on one event loop. Implements `CircuitBreakerProtocol`.

    Args:
        name: What it is called in logs, errors, events and the registry.
        config: When circuits open and close.
        clock: The running event loop's by default.
        random: What waits are drawn with, and who is admitted during a recovery.
        events: Whom it tells.
        break_duration: Called when a circuit opens; returns the seconds that it stays
            open, in the place of what the configuration says. When it raises, or
            returns no positive number, that is logged and the configuration holds.

    Attributes:
        may_try: Called with its name and a key when the wait of a circuit is over;
            returns 0 for a trial now, or the seconds to wait for another question.
            Whoever coordinates circuits sets it.

    Example:
        ```python
        breaker = CircuitBreaker("billing")
        invoice = await breaker.call(fetch_invoice)
        ```
    """

    def __init__(
        self,
        name: str,
        config: CircuitBreakerConfig | None = None,
        *,
        clock: ClockProtocol | None = None,
        random: Random | None = None,
        events: Events | None = None,
        break_duration: BreakDuration | None = None,
    ) -> None:
        self._name = name
        self._config = config or CircuitBreakerConfig()
        self._now = (clock or SystemClock()).monotonic
        self._random = random or Random()  # noqa: S311 - spreads waits, hides nothing
        self._events = events if events is not None else Events()
        self._break_duration = break_duration
        self._begins_as = CircuitState.CLOSED
        self.may_try: Callable[[str, str], float] | None = None
        self._circuits = Keyed(
            self._new_circuit, may_go=self._may_go, max_keys=self._config.max_keys
        )

    def __repr__(self) -> str:
        states = [circuit.state for circuit in self._circuits.values()]
        counts = [(state, states.count(state)) for state in CircuitState]
        shown = ", ".join(f"{state}={count}" for state, count in counts if count)
        return f"<CircuitBreaker {self._name!r}: {shown or 'no circuits'}>"

    @property
    def name(self) -> str:
        """What it is called in logs, errors, events and the registry."""
        return self._name

    @property
    def config(self) -> CircuitBreakerConfig:
        """What is in force."""
        return self._config

    async def call(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        """Run `operation` once, or refuse to.

        Raises:
            CircuitOpenError: The circuit is open, half open with every probe taken, or
                recovering and this call is not among the share that it admits;
                `operation` was not called.
            BaseException: Whatever `operation` raised, unchanged.
        """
        return await run_admitted(self, operation, call)

    def admit(self, key: str) -> Token:
        """Return a token for one attempt, which `record` takes back.

        Raises:
            CircuitOpenError: The circuit of the key does not admit it.
        """
        circuit = self._circuits.get(key)
        permit = circuit.admit()
        if permit is None:
            raise refusal(
                self._name, key, circuit.state, circuit.retry_after, self._events
            )
        return circuit, permit, None if circuit.slow_after is None else self._now()

    def record(self, token: Token, judgement: Judgement) -> None:
        """Count how an attempt ended, once."""
        circuit, permit, began = token
        duration = None if began is None else self._now() - began
        circuit.record(permit, judgement.outcome, duration, judgement.retry_after)

    def circuit(self, key: str) -> Circuit:
        """Return the circuit of a key, made now when there is none."""
        return self._circuits.get(key)

    def keys(self) -> tuple[str, ...]:
        """Return the keys that have a circuit, the longest unused first."""
        return tuple(self._circuits)

    def snapshot(self) -> dict[str, CircuitSnapshot]:
        """Return the state and the counts of each key's circuit, as they are now."""
        return {key: circuit.snapshot() for key, circuit in self._circuits.items()}

    def force_open(self, key: str | None = None) -> None:
        """Refuse every call, until `reset`.

        Args:
            key: Whose calls; None for all keys, new ones too.
        """
        self._move(CircuitState.FORCED_OPEN, key)

    def disable(self, key: str | None = None) -> None:
        """Admit every call and count nothing, until `reset`.

        Args:
            key: Whose calls; None for all keys, new ones too.
        """
        self._move(CircuitState.DISABLED, key)

    def metrics_only(self, key: str | None = None) -> None:
        """Admit and count every call but open no circuit, until `reset`.

        Args:
            key: Whose calls; None for all keys, new ones too.
        """
        self._move(CircuitState.METRICS_ONLY, key)

    def reset(self, key: str | None = None) -> None:
        """Forget what is known of the upstreams; what is under way will not count.

        Args:
            key: Whose circuit is forgotten. It begins anew as the breaker's circuits
                do: closed, unless one of the methods above was called for all keys.
                None for all of them, which ends that, too.
        """
        if key is None:
            self._begins_as = CircuitState.CLOSED
            forgotten = self._circuits.items()
        else:
            circuit = self._circuits.known(key)
            forgotten = [] if circuit is None else [(key, circuit)]
        for each, circuit in forgotten:
            circuit.move(self._begins_as)
            self._circuits.forget(each)

    def reconfigure(self, config: New[CircuitBreakerConfig]) -> None:
        """Go on with another configuration and what is known of the upstreams.

        Open circuits stay open for as long as they would have, trials end under what
        they began with, and counted outcomes are kept as far as they fit into the new
        window. Calls under way are slow by what was in force when they were admitted.

        Args:
            config: The configuration, or a mapping as a file would hold it, whose
                absent fields have their defaults.

        Raises:
            pydantic.ValidationError: The mapping is not valid: the old configuration
                stays, and `ReloadFailed` tells of it.
        """
        self._config = checked(CircuitBreakerConfig, config, self._name, self._events)
        self._circuits.change_limit(self._config.max_keys)
        for circuit in self._circuits.values():
            circuit.reconfigure(self._config)

    def _move(self, state: CircuitState, key: str | None) -> None:
        if key is not None:
            self._circuits.get(key).move(state)
            return
        self._begins_as = state
        for circuit in self._circuits.values():
            circuit.move(state)

    def _new_circuit(self, key: str) -> Circuit:
        return Circuit(
            self._config,
            now=self._now,
            random=self._random,
            watcher=Reporter(self._name, key, self._events),
            state=self._begins_as,
            break_duration=self._break_duration,
            may_try=partial(self._wait_to_try, key),
        )

    def _wait_to_try(self, key: str) -> float:
        return 0.0 if self.may_try is None else self.may_try(self._name, key)

    def _may_go(self, circuit: Circuit) -> bool:
        """Say whether a circuit that is made anew would do the same with the next call."""
        return circuit.state is self._begins_as and not circuit.is_recovering
