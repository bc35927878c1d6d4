"""An adaptive throttle: refuses here what the upstream would refuse there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.resilience import Call, Judgement, ThrottledError
from lexigram.resilience._adaptive.ledger import Ledger
from lexigram.resilience._config.throttle import AdaptiveThrottleConfig
from lexigram.resilience._events.events import CallRefused
from lexigram.resilience._events.listeners import Events
from lexigram.resilience._keyed import Keyed
from lexigram.resilience._layers import run_admitted
from lexigram.resilience._reloading import New, checked

__all__ = ["AdaptiveThrottle", "ThrottleSnapshot"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ThrottleSnapshot:
    """The calls of one key in the latest window.

    Attributes:
        requests: Calls asked for, refused ones included.
        accepts: How many of them were sent and have not failed.
        rejection: The share of calls that are refused now.
    """

    requests: int
    accepts: int
    rejection: float


class AdaptiveThrottle:
    """Sends an upstream that fails about twice what it accepts, per `Call.key`.

    An upstream that refuses most calls is busy with refusing. Of what it does not
    accept in a window, a share is not even sent; a few always are, to find out when it is
    well again. As the judge of a call says: a failure was not accepted, a neutral outcome
    does not count. Neutral are in any case whatever is no `Exception`, cancellation first
    of all, and a refusal by a policy inside. For one event loop.

    Args:
        config: How much is refused, and when.
        name: What it is called in errors and events.
        clock: The running event loop's by default.
        random: What decides which calls are refused.
        events: Whom it tells.

    Example:
        ```python
        throttle = AdaptiveThrottle(AdaptiveThrottleConfig(window=60))
        invoice = await throttle.execute(fetch_invoice)
        ```
    """

    def __init__(
        self,
        config: AdaptiveThrottleConfig | None = None,
        *,
        name: str = "throttle",
        clock: ClockProtocol | None = None,
        random: Random | None = None,
        events: Events | None = None,
    ) -> None:
        self._config = config or AdaptiveThrottleConfig()
        self._name = name
        self._now = (clock or SystemClock()).monotonic
        self._random = random or Random()  # noqa: S311 - spreads refusals, hides nothing
        self._events = events if events is not None else Events()
        self._ledgers = Keyed(
            self._new_ledger, may_go=self._may_go, max_keys=self._config.max_keys
        )

    def __repr__(self) -> str:
        refusing = sum(1 for each in self._ledgers.values() if not self._may_go(each))
        return (
            f"<AdaptiveThrottle {self._name!r}: {len(self._ledgers)} keys, "
            f"{refusing} of them throttled>"
        )

    @property
    def config(self) -> AdaptiveThrottleConfig:
        """What is in force."""
        return self._config

    def ledger(self, key: str) -> Ledger:
        """Return the calls of a key, counted from now on when there are none."""
        return self._ledgers.get(key)

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        """Run `operation` once, or refuse to.

        Raises:
            ThrottledError: It is among the share of calls that are refused; `operation`
                was not called.
            BaseException: Whatever `operation` raised, unchanged.
        """
        return await run_admitted(self, operation, call)

    def admit(self, key: str) -> tuple[Ledger, float]:
        """Count an attempt that is made; `record` takes back what this returns.

        Raises:
            ThrottledError: It is among the share of those that must not be.
        """
        ledger = self._ledgers.get(key)
        began = self._now()
        if not ledger.admit(began):
            raise self._refusal(key, ledger)
        return ledger, began

    def record(self, token: tuple[Ledger, float], judgement: Judgement) -> None:
        """Count how an attempt ended, once."""
        ledger, began = token
        ledger.record(began, judgement.outcome)

    def snapshot(self) -> dict[str, ThrottleSnapshot]:
        """Return the counts of each key, as they are now."""
        now = self._now()
        return {
            key: _snapshot(ledger, ledger.rejection(now))
            for key, ledger in self._ledgers.items()
        }

    def reconfigure(self, config: New[AdaptiveThrottleConfig]) -> None:
        """Go on with another configuration, and with what is counted.

        Of a shorter window, what is too old for it is forgotten.

        Args:
            config: The configuration, or a mapping as a file would hold it, whose
                absent fields have their defaults.

        Raises:
            pydantic.ValidationError: The mapping is not valid: the old configuration
                stays, and `ReloadFailed` tells of it.
        """
        now = self._now()
        new = checked(AdaptiveThrottleConfig, config, self._name, self._events)
        self._config = new
        self._ledgers.change_limit(new.max_keys)
        for ledger in self._ledgers.values():
            ledger.change(new, now)

    def _refusal(self, key: str, ledger: Ledger) -> ThrottledError:
        """Return what a call raises that `ledger` did not admit; listeners are told."""
        if self._events.listeners:
            self._events.tell(CallRefused(self._name, key, "throttle"))
        return ThrottledError(
            f"The throttle {self._name!r} did not send a call to {key!r}: of "
            f"{ledger.requests} in the latest {self._config.window:g} s, "
            f"{ledger.accepts} were accepted. Send less, or try again when the upstream "
            "accepts more.",
            key=key,
        )

    def _new_ledger(self, key: str) -> Ledger:  # noqa: ARG002 - all keys begin alike
        return Ledger(self._config, self._random.random)

    def _may_go(self, ledger: Ledger) -> bool:
        return not ledger.rejection(self._now())


def _snapshot(ledger: Ledger, rejection: float) -> ThrottleSnapshot:
    return ThrottleSnapshot(ledger.requests, ledger.accepts, rejection)
