"""A circuit breaker: one circuit for each key of its calls."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from typing import Any, Final, TypeVar

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.resilience import (
    Call,
    CallRejectedError,
    CircuitOpenError,
    Outcome,
)
from lexigram.resilience._breaker.circuit import (
    Circuit,
    CircuitSnapshot,
    CircuitState,
    Transition,
)
from lexigram.resilience._config.breaker import CircuitBreakerConfig

__all__ = ["CircuitBreaker"]

T = TypeVar("T")

_PLAIN_CALL: Final[Call[Any]] = Call()

_log = logging.getLogger("lexigram.resilience.breaker")

_EVENTS: Final = {
    CircuitState.OPEN: ("resilience.breaker.opened", logging.WARNING),
    CircuitState.HALF_OPEN: ("resilience.breaker.half_open", logging.INFO),
    CircuitState.CLOSED: ("resilience.breaker.closed", logging.INFO),
}


class CircuitBreaker:
    """Stops calling an upstream that keeps failing, separately for each `Call.key`.

    Of a call it asks what its judge says of the outcome. Neutral, and so not counted,
    are in any case whatever is no `Exception`, cancellation first of all, and a refusal
    by a policy inside: the upstream was not asked. One breaker serves any number of
    calls at once, on one event loop.

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
    ) -> None:
        self._name = name
        self._config = config or CircuitBreakerConfig()
        self._clock = clock or SystemClock()
        self._random = random or Random()  # noqa: S311 - spreads waits, hides nothing
        self._circuits: OrderedDict[str, Circuit] = OrderedDict()
        self._is_crowded = False

    def __repr__(self) -> str:
        states = [circuit.state for circuit in self._circuits.values()]
        counts = {state: states.count(state) for state in CircuitState}
        shown = ", ".join(f"{state}={count}" for state, count in counts.items())
        return f"<CircuitBreaker {self._name!r}: {shown}>"

    @property
    def name(self) -> str:
        """What it is called in logs, errors and the registry."""
        return self._name

    async def call(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        """Run `operation` once, or refuse to.

        Raises:
            CircuitOpenError: The circuit is open, or half open with every probe taken;
                `operation` was not called.
            BaseException: Whatever `operation` raised, unchanged.
        """
        if call is None:
            call = _PLAIN_CALL
        circuit = self._circuit(call.key)
        permit = circuit.admit()
        if permit is None:
            raise self._refusal(call.key, circuit)
        # What stays when nothing below gets to say otherwise: cancellation, too.
        outcome: Outcome = "neutral"
        try:
            result = await operation()
        except CallRejectedError:
            raise
        except Exception as error:  # judged, and raised again
            outcome = call.judge(None, error).outcome
            raise
        else:
            outcome = call.judge(result, None).outcome
            return result
        finally:
            circuit.record(permit, outcome)

    def snapshot(self) -> dict[str, CircuitSnapshot]:
        """Return the state and the counts of each key's circuit, as they are now."""
        return {key: circuit.snapshot() for key, circuit in self._circuits.items()}

    def _refusal(self, key: str, circuit: Circuit) -> CircuitOpenError:
        subject = f"The circuit {key!r} of the breaker {self._name!r}"
        if circuit.state is CircuitState.OPEN:
            left = circuit.retry_after
            return CircuitOpenError(
                f"{subject} is open: the upstream kept failing. Try again in "
                f"{left:.3g} s, when it admits a probe.",
                key=key,
                retry_after=left,
            )
        return CircuitOpenError(
            f"{subject} is half open and all {self._config.half_open_permits!r} probes "
            "are taken. Try again when they have come back.",
            key=key,
        )

    def _circuit(self, key: str) -> Circuit:
        circuit = self._circuits.get(key)
        if circuit is None:
            return self._add(key)
        self._circuits.move_to_end(key)
        return circuit

    def _add(self, key: str) -> Circuit:
        circuit = Circuit(
            self._config,
            now=self._clock.monotonic,
            random=self._random,
            on_transition=partial(self._announce, key),
        )
        if self._make_room():
            self._circuits[key] = circuit
            self._is_crowded = False
        else:
            self._warn_of_crowd(key)
        return circuit

    def _make_room(self) -> bool:
        """Drop the longest unused closed circuit when there is no place for another.

        One that is not closed holds callers back from a failing upstream: it stays.
        """
        if len(self._circuits) < self._config.max_keys:
            return True
        for key, circuit in self._circuits.items():
            if circuit.state is CircuitState.CLOSED:
                del self._circuits[key]
                return True
        return False

    def _warn_of_crowd(self, key: str) -> None:
        # Once per crowd: the calls of these keys run without a breaker until it is over.
        if not self._is_crowded:
            self._is_crowded = True
            facts = {"breaker": self._name, "key": key, "keys": len(self._circuits)}
            _log.warning("resilience.breaker.crowded", extra=facts)

    def _announce(self, key: str, transition: Transition) -> None:
        event, level = _EVENTS[transition.state]
        if not _log.isEnabledFor(level):
            return
        facts: dict[str, object] = {"breaker": self._name, "key": key}
        if transition.state is CircuitState.OPEN:
            facts |= {
                "failure_rate": transition.failures / transition.calls,
                "calls": transition.calls,
                "open_for": transition.open_for,
            }
        _log.log(level, event, extra=facts)
