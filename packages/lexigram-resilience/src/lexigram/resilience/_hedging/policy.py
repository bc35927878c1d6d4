"""The hedging policy."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.resilience import Call
from lexigram.resilience._config.hedging import HedgeConfig
from lexigram.resilience._events.listeners import Events
from lexigram.resilience._hedging.pacer import Pacer, Permission
from lexigram.resilience._hedging.race import Race
from lexigram.resilience._keyed import Keyed
from lexigram.resilience._retry.budget import RetryBudget

__all__ = ["HedgePolicy"]

T = TypeVar("T")

_PLAIN_CALL: Final[Call[Any]] = Call()


class HedgePolicy:
    """Starts another attempt beside one that takes long, and takes the first good one.

    Good is what the judge does not call retryable. After an attempt that failed the next
    one is made at once, unless the upstream asked for a pause. When none is good, the
    latest outcome is the call's, unchanged. A refusal by a policy within (an open
    circuit) ends no attempt that is under way, and no other one is started.

    All other attempts are cancelled and waited for before the call ends, whatever ends
    it, and results that are not used are discarded; so an operation that does not heed
    its cancellation holds up its caller. An attempt is over when the operation returns:
    what is read of a result later, like the body of a response, is not hedged and has no
    limit from here. Attempts in tasks of their own see the context variables of the
    caller. Calls that are not repeatable are run once, as they are.

    One policy serves any number of calls at once, on one event loop, and keeps no state
    of a call.

    Args:
        config: When, and how often.
        budget: What attempts beyond the first are taken out of. Give the one of the
            retry policy that is around this, or calls are asked for twice as often as
            either of them would allow. One of its own by default.
        counts_calls: Whether calls are counted here for the budget. False inside a
            retry policy with the same budget, which has counted them.
        may_hedge: Asked before each attempt beyond the first; False says that the call
            must not have another one now, as when it tries out an upstream that may be
            well again. Must not raise or block.
        name: What it is called in events.
        clock: What `Call.deadline` is a time of. How long attempts take is measured by
            the event loop's.
        events: Whom it tells.

    Example:
        ```python
        policy = HedgePolicy(HedgeConfig(delay=0.2))
        quote = await policy.execute(fetch_quote)
        ```
    """

    def __init__(
        self,
        config: HedgeConfig | None = None,
        *,
        budget: RetryBudget | None = None,
        counts_calls: bool = True,
        may_hedge: Permission | None = None,
        name: str = "hedge",
        clock: ClockProtocol | None = None,
        events: Events | None = None,
    ) -> None:
        self._config = config or HedgeConfig()
        self._now = (clock or SystemClock()).monotonic
        self._budget = budget if budget is not None else RetryBudget(clock=clock)
        self._counts_calls = counts_calls
        self._may_hedge = may_hedge
        self._name = name
        self._events = events if events is not None else Events()
        self._pacers = Keyed(
            self._new_pacer, may_go=lambda _: True, max_keys=self._config.max_keys
        )

    def __repr__(self) -> str:
        return f"<HedgePolicy {self._name!r}: {self._config!r}>"

    @property
    def config(self) -> HedgeConfig:
        """What is in force."""
        return self._config

    @property
    def budget(self) -> RetryBudget:
        """What attempts beyond the first are taken out of."""
        return self._budget

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        """Return the first good outcome.

        Raises:
            RuntimeError: It does not run in a task of asyncio, so that there is nothing
                to cancel an attempt by.
            BaseException: Whatever the attempt raised whose outcome is taken,
                unchanged.
        """
        if call is None:
            call = _PLAIN_CALL
        if not call.repeatable:
            return await operation()
        if self._counts_calls:
            self._budget.deposit(call.key)
        race = Race(self._pacers.get(call.key), operation, call)
        try:
            result = await operation()
            judgement = call.judge(result, None)
        except BaseException as error:  # noqa: BLE001 - settled below
            race.raised(error)
        else:
            if race.won(judgement):
                return result
            race.returned(result, judgement)
        return await race.settle()

    def delays(self) -> dict[str, float | None]:
        """Return the seconds that an attempt is given, for each key.

        None where too few attempts are known to say.
        """
        return {key: pacer.delay for key, pacer in self._pacers.items()}

    def reconfigure(self, config: HedgeConfig) -> None:
        """Go on with other numbers and what is known; from the next attempt on."""
        self._config = config
        self._pacers.change_limit(config.max_keys)
        for pacer in self._pacers.values():
            pacer.reconfigure(config)

    def _permits(self, call: Call[Any]) -> bool:
        """Say whether another attempt may be made, and take it out of the budget."""
        return (
            (call.deadline is None or self._now() < call.deadline)
            and (self._may_hedge is None or self._may_hedge(call))
            and self._budget.withdraw(call.key)
        )

    def _new_pacer(self, key: str) -> Pacer:
        return Pacer(self._config, self._permits, self._events, self._name, key)
