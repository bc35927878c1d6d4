"""Adaptive concurrency: as many calls at once as the upstream is found to bear."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.resilience import Call, ConcurrencyLimitedError, Judgement
from lexigram.resilience._adaptive.limit import AdaptiveLimit
from lexigram.resilience._config.concurrency import AdaptiveConcurrencyConfig
from lexigram.resilience._events.events import CallRefused, LimitChanged
from lexigram.resilience._events.listeners import Events
from lexigram.resilience._keyed import Keyed
from lexigram.resilience._layers import run_admitted
from lexigram.resilience._reloading import New, checked

__all__ = ["AdaptiveConcurrency", "ConcurrencySnapshot"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ConcurrencySnapshot:
    """The limit of one key at one moment.

    Attributes:
        limit: Calls that may be under way at once.
        in_flight: Calls that are.
        usual_latency: Seconds that a call usually takes; None when not known yet.
        measuring: Whether the limit is low for a moment, to measure that latency anew.
    """

    limit: int
    in_flight: int
    usual_latency: float | None
    measuring: bool


class AdaptiveConcurrency:
    """Lets as many calls run at once as the upstream bears, per `Call.key`.

    How many that is follows from how long calls take and how many fail: the limit grows
    while it is in use and latency stays within the tolerance of what is usual, and goes
    down when it does not. A call beyond the limit is refused at once. What counts is
    what the judge of a call says: successes by their latency, failures as overload,
    neutral outcomes not at all. Neutral are in any case whatever is no `Exception`,
    cancellation first of all, and a refusal by a policy inside. For one event loop.

    Args:
        config: Between which bounds the limit moves, and what moves it.
        name: What it is called in errors and events.
        clock: The running event loop's by default.
        events: Whom it tells.

    Example:
        ```python
        concurrency = AdaptiveConcurrency(AdaptiveConcurrencyConfig(max_limit=50))
        rows = await concurrency.execute(fetch_rows)
        ```
    """

    def __init__(
        self,
        config: AdaptiveConcurrencyConfig | None = None,
        *,
        name: str = "concurrency",
        clock: ClockProtocol | None = None,
        events: Events | None = None,
    ) -> None:
        self._config = config or AdaptiveConcurrencyConfig()
        self._name = name
        self._now = (clock or SystemClock()).monotonic
        self._events = events if events is not None else Events()
        self._limits = Keyed(
            self._new_limit, may_go=self._may_go, max_keys=self._config.max_keys
        )

    def __repr__(self) -> str:
        inside = sum(limit.in_flight for limit in self._limits.values())
        return (
            f"<AdaptiveConcurrency {self._name!r}: {inside} under way, "
            f"{len(self._limits)} keys>"
        )

    @property
    def config(self) -> AdaptiveConcurrencyConfig:
        """What is in force."""
        return self._config

    def limit(self, key: str) -> AdaptiveLimit:
        """Return the limit of a key, made now when there is none."""
        return self._limits.get(key)

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        """Run `operation` once, or refuse to.

        Raises:
            ConcurrencyLimitedError: As many calls as the limit says are under way;
                `operation` was not called.
            BaseException: Whatever `operation` raised, unchanged.
        """
        return await run_admitted(self, operation, call)

    def admit(self, key: str) -> tuple[AdaptiveLimit, float]:
        """Take a place for one attempt; `record` takes back what this returns.

        Raises:
            ConcurrencyLimitedError: There is none.
        """
        limit = self._limits.get(key)
        began = self._now()
        if not limit.try_acquire(began):
            raise self._refusal(key, limit)
        return limit, began

    def record(self, token: tuple[AdaptiveLimit, float], judgement: Judgement) -> None:
        """Give back a place, once, and count the outcome of the attempt that had it."""
        limit, began = token
        limit.release(began, judgement.outcome, self._now())

    def snapshot(self) -> dict[str, ConcurrencySnapshot]:
        """Return the limit of each key, and what it is found by."""
        return {
            key: ConcurrencySnapshot(
                limit.limit, limit.in_flight, limit.usual, limit.is_measuring
            )
            for key, limit in self._limits.items()
        }

    def reconfigure(self, config: New[AdaptiveConcurrencyConfig]) -> None:
        """Go on with another configuration, and with what was learned.

        Limits out of the new bounds move to them at once; nobody is thrown out.

        Args:
            config: The configuration, or a mapping as a file would hold it, whose
                absent fields have their defaults.

        Raises:
            pydantic.ValidationError: The mapping is not valid: the old configuration
                stays, and `ReloadFailed` tells of it.
        """
        new = checked(AdaptiveConcurrencyConfig, config, self._name, self._events)
        self._config = new
        self._limits.change_limit(new.max_keys)
        for limit in self._limits.values():
            limit.change(new)

    def _refusal(self, key: str, limit: AdaptiveLimit) -> ConcurrencyLimitedError:
        """Return what a call raises that found no place; listeners are told."""
        if self._events.listeners:
            self._events.tell(CallRefused(self._name, key, "concurrency"))
        return ConcurrencyLimitedError(
            f"The limit {self._name!r} has {limit.in_flight} calls to {key!r} under way, "
            f"and found the upstream to bear {limit.limit} at once. Send less, or try "
            "again when some have come back.",
            key=key,
        )

    def _new_limit(self, key: str) -> AdaptiveLimit:
        return AdaptiveLimit(self._config, self._now(), partial(self._tell, key))

    def _may_go(self, limit: AdaptiveLimit) -> bool:
        return limit.may_go(self._now())

    def _tell(self, key: str, limit: AdaptiveLimit) -> None:
        if self._events.listeners:
            self._events.tell(
                LimitChanged(self._name, key, limit.limit, limit.in_flight)
            )
