"""Chaos."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any, Final, TypeVar, cast

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.resilience import Call
from lexigram.resilience._chaos.dice import Dice, Kind
from lexigram.resilience._config.chaos import ChaosConfig
from lexigram.resilience._events.events import ChaosInjected
from lexigram.resilience._events.listeners import Events

__all__ = ["Chaos"]

T = TypeVar("T")

_PLAIN_CALL: Final[Call[Any]] = Call()

_NEEDS: Final[dict[Kind, str]] = {
    "behaviour": "`behaviour=` a function",
    "latency": "the configuration a `max_latency`",
    "fault": "`fault=` a function that returns an exception",
    "outcome": "`outcome=` a function that returns a result",
}
"""What has to be given for each kind."""

_log = logging.getLogger("lexigram.resilience.chaos")


class Chaos:
    """Disturbs a small share of the calls on purpose; the innermost of all policies.

    Off unless the configuration says `enabled`, and in production only when it says so
    twice. A call may get several disturbances: the behaviour is run, then it is held up,
    then it fails or gets another outcome; in the last two cases the operation is not
    called. All are drawn from one random source, in the order of the calls, so that a
    seed repeats them. For one event loop.

    Args:
        config: The shares and permissions.
        behaviour: Run before the operation, `async` or not: it breaks something.
        fault: Returns the exception that is raised instead; a class of exceptions will do.
        outcome: Returns the result that is returned instead: an answer of status 503.
        when: Asked first; calls that it says False to are left alone. Must not block.
        name: What the events and the log call it.
        random: What is drawn from; without it, a source with the configured seed.
        clock: What the calls are held up by.
        events: Who hears of each disturbance.

    Raises:
        ValueError: It is enabled and lacks what it is to disturb by.

    Example:
        >>> config = ChaosConfig(enabled=True, environment="test", fault_rate=1.0)
        >>> chaos = Chaos(config, fault=ConnectionResetError)
        >>> await chaos.execute(fetch_rows)
        Traceback (most recent call last):
        ConnectionResetError
    """

    def __init__(  # noqa: PLR0913 - each is an option of its own
        self,
        config: ChaosConfig | None = None,
        *,
        behaviour: Callable[[], object] | None = None,
        fault: Callable[[], Exception] | None = None,
        outcome: Callable[[], Any] | None = None,
        when: Callable[[Call[Any]], bool] | None = None,
        name: str = "chaos",
        random: Random | None = None,
        clock: ClockProtocol | None = None,
        events: Events | None = None,
    ) -> None:
        self._config = config or ChaosConfig()
        self._behaviour = behaviour
        self._fault = fault
        self._outcome = outcome
        self._when = when
        self._name = name
        self._clock = clock or SystemClock()
        self._events = events if events is not None else Events()
        self._random, self._seed = _source(self._config, random)
        self._dice = Dice(self._rates(self._config), self._random)
        if self._config.enabled:
            self._announce()

    def __repr__(self) -> str:
        if not self._dice.rates:
            return f"<Chaos {self._name!r}: off>"
        shares = ", ".join(f"{kind} {rate:.3g}" for kind, rate in self._dice.rates)
        return f"<Chaos {self._name!r}: {shares}; seed {self._seed}>"

    @property
    def config(self) -> ChaosConfig:
        """What is in force."""
        return self._config

    @property
    def active(self) -> bool:
        """Whether it may ever disturb a call; a pipeline leaves it out if not."""
        return bool(self._dice.rates)

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        """Run `operation` once, or disturb it.

        Raises:
            BaseException: Whatever `operation` raised, unchanged; or the fault.
        """
        if call is None:
            call = _PLAIN_CALL
        drawn = self.draw(call)
        if drawn:
            return await self.disturb(drawn, operation, call)
        return await operation()

    def draw(self, call: Call[Any]) -> tuple[Kind, ...]:
        """Return what is to happen to a call: nothing, mostly."""
        if self._when is not None and not self._when(call):
            return ()
        return self._dice.roll()

    async def disturb(
        self,
        drawn: tuple[Kind, ...],
        operation: Callable[[], Awaitable[T]],
        call: Call[T],
    ) -> T:
        """Run `operation` with what was drawn for it; in the same tick as `draw`.

        A call is held up as if its upstream were slow: whoever limits its time ends it.
        """
        # Drawn before anything is awaited, so that the order of calls decides alone.
        latency = self._latency() if "latency" in drawn else 0.0
        for kind in drawn:
            if self._events.listeners:
                self._events.tell(ChaosInjected(self._name, call.key, kind))
            if kind == "behaviour":
                await self._misbehave()
            elif kind == "latency":
                await self._clock.sleep(latency)
            elif kind == "fault":
                raise self._new_fault()
            else:
                return cast("T", _given(self._outcome)())
        return await operation()

    def reconfigure(self, config: ChaosConfig) -> None:
        """Go on with other shares, and with the same random source; a seed is not new.

        Raises:
            ValueError: It is enabled and lacks what it is to disturb by; nothing has
                changed.
        """
        self._dice = Dice(self._rates(config), self._random)
        self._config = config
        if config.enabled:
            self._announce()

    def _rates(self, config: ChaosConfig) -> list[tuple[Kind, float]]:
        """Return the rates of what there is to disturb by, in the order it happens.

        Raises:
            ValueError: A rate was asked for in vain, or there is nothing at all.
        """
        if not config.enabled:
            return []
        there: dict[Kind, bool] = {
            "behaviour": self._behaviour is not None,
            "latency": config.max_latency > 0,
            "fault": self._fault is not None,
            "outcome": self._outcome is not None,
        }
        rates: list[tuple[Kind, float]] = []
        for kind, is_there in there.items():
            rate: float = getattr(config, f"{kind}_rate")
            if is_there:
                rates.append((kind, rate))
            elif rate > 0 and f"{kind}_rate" in config.model_fields_set:
                raise ValueError(
                    f"`{kind}_rate` is {rate!r} and there is nothing to do at that rate. "
                    f"Give {_NEEDS[kind]}, or set `{kind}_rate=0`."
                )
        if not rates:
            raise ValueError(
                "Chaos is enabled and would disturb nothing. Give "
                f"{', or '.join(_NEEDS.values())}; or set `enabled=False`."
            )
        return rates

    def _announce(self) -> None:
        _log.warning(
            "resilience.chaos.enabled",
            extra={
                "policy": self._name,
                "environment": self._config.environment,
                "rates": dict(self._dice.rates),
                "seed": self._seed,
            },
        )

    def _latency(self) -> float:
        return self._random.uniform(self._config.min_latency, self._config.max_latency)

    async def _misbehave(self) -> None:
        done = _given(self._behaviour)()
        if inspect.isawaitable(done):
            await done

    def _new_fault(self) -> Exception:
        # Of the type that was asked for, or of any other.
        fault: object = cast("object", _given(self._fault)())
        if not isinstance(fault, Exception):
            raise TypeError(
                f"`fault` returned {fault!r}, which is no `Exception`. Return one, so "
                "that the policies around it can tell it from a cancellation."
            )
        return fault


def _source(config: ChaosConfig, random: Random | None) -> tuple[Random, int | str]:
    """Return what to draw from, and what to say of it."""
    if random is not None:
        if config.seed is not None:
            raise ValueError(
                f"There are `random={random!r}` and `seed={config.seed!r}`, and only one "
                "can be drawn from. Leave one of them out."
            )
        return random, "unknown, of the given `random`"
    seed = Random().getrandbits(32) if config.seed is None else config.seed  # noqa: S311 - hides nothing
    return Random(seed), seed  # noqa: S311 - hides nothing


def _given(function: Callable[[], T] | None) -> Callable[[], T]:
    """Return what is there, because it was drawn for."""
    return cast("Callable[[], T]", function)
