"""Policies composed in the one order that is right."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from typing import Any, Final, TypeVar

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.resilience import Call
from lexigram.resilience._adaptive.concurrency import AdaptiveConcurrency
from lexigram.resilience._adaptive.throttle import AdaptiveThrottle
from lexigram.resilience._admission.bulkhead import Bulkhead
from lexigram.resilience._admission.limiter import RateLimiter
from lexigram.resilience._breaker.breaker import CircuitBreaker
from lexigram.resilience._chaos.policy import Chaos
from lexigram.resilience._config.pipeline import PipelineConfig
from lexigram.resilience._events.events import ReloadFailed
from lexigram.resilience._events.listeners import Events
from lexigram.resilience._fallback.policy import Fallback
from lexigram.resilience._hedging.policy import HedgePolicy
from lexigram.resilience._pipeline.building import Maker
from lexigram.resilience._pipeline.checks import check
from lexigram.resilience._pipeline.describing import describe
from lexigram.resilience._pipeline.path import run_call
from lexigram.resilience._pipeline.plan import Policies
from lexigram.resilience._reloading import New, checked
from lexigram.resilience._retry.policy import RetryPolicy
from lexigram.resilience._shared.store import SharedStore
from lexigram.resilience._timing.policy import Timeouts

__all__ = ["ResiliencePipeline"]

T = TypeVar("T")

_PLAIN_CALL: Final[Call[Any]] = Call()


class ResiliencePipeline:
    """Several policies around an operation, in the order that is right for them.

    `from_config` makes one whose policies share clock, random source, budget and events;
    without options it is right for HTTP: a limit of 30 s for a call and of 10 s for an
    attempt, three attempts at most, out of a budget, and a circuit breaker. The
    constructor takes policies that are there already. One pipeline serves any number of
    calls at once, on one event loop. Implements `ResiliencePipelineProtocol`.

    Args:
        name: What it is called in events, warnings and errors.
        fallback: Answers when all else has failed.
        limiter: How many calls may go out in a time.
        bulkhead: How many calls may be under way at once.
        timeouts: How long a call, and each of its attempts, may take.
        retry: When another attempt is made.
        hedge: When another attempt is made beside a slow one.
        breaker: When an upstream is left alone.
        concurrency: How many attempts an upstream bears at once.
        throttle: How many attempts an upstream gets that refuses many.
        chaos: What is disturbed on purpose.
        clock: What the pipeline waits and measures by.
        events: Whom the pipeline tells; each policy tells its own.
        strict: Whether doubtful combinations are refused.

    Raises:
        ValueError: There is no policy, or some of them exclude each other; says which.

    Warns:
        PipelineWarning: A combination is doubtful.

    Example:
        ```python
        pipeline = ResiliencePipeline.from_config()
        invoice = await pipeline.execute(fetch_invoice)
        ```
    """

    def __init__(  # noqa: PLR0913 - a pipeline has this many places
        self,
        *,
        name: str = "pipeline",
        fallback: Fallback[Any] | None = None,
        limiter: RateLimiter | None = None,
        bulkhead: Bulkhead | None = None,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
        hedge: HedgePolicy | None = None,
        breaker: CircuitBreaker | None = None,
        concurrency: AdaptiveConcurrency | None = None,
        throttle: AdaptiveThrottle | None = None,
        chaos: Chaos | None = None,
        clock: ClockProtocol | None = None,
        events: Events | None = None,
        strict: bool = False,
    ) -> None:
        policies = Policies(
            fallback=fallback,
            limiter=limiter,
            bulkhead=bulkhead,
            timeouts=timeouts,
            retry=retry,
            hedge=hedge,
            breaker=breaker,
            concurrency=concurrency,
            throttle=throttle,
            chaos=chaos,
        )
        if not policies.names():
            raise ValueError(
                "A pipeline of no policies protects nothing. Give it at least one, or "
                "make a standard one by `ResiliencePipeline.from_config()`."
            )
        check(policies.config(strict=strict), name, stacklevel=2)
        self._maker = Maker(
            name,
            clock or SystemClock(),
            Random(),  # noqa: S311 - spreads waits, hides nothing
            events if events is not None else Events(),
        )
        self._strict = strict
        self._plan = self._maker.plan(policies)

    @classmethod
    def from_config(  # noqa: PLR0913 - all by name, and each with a default
        cls,
        config: PipelineConfig | None = None,
        *,
        name: str = "pipeline",
        breaker: CircuitBreaker | None = None,
        retry: RetryPolicy | None = None,
        fallback: Fallback[Any] | None = None,
        clock: ClockProtocol | None = None,
        random: Random | None = None,
        events: Events | None = None,
        store: SharedStore | None = None,
    ) -> ResiliencePipeline:
        """Return a pipeline of new policies.

        Args:
            config: Which, and theirs.
            name: What the pipeline and its policies are called.
            breaker: The breaker to use, with its own configuration, where `config` has
                one: that of a registry, which others see and command as well.
            retry: The retry policy to use, with its own configuration, where `config`
                has one.
            fallback: Answers when all else has failed.
            clock: What all of them wait and measure by.
            random: What all of them draw with.
            events: Whom all of them tell.
            store: Where a limiter is kept that is `shared`.

        Raises:
            ValueError: Policies exclude each other, or what is to be shared has no
                store; says which.

        Warns:
            PipelineWarning: A combination is doubtful.
        """
        given = Policies(breaker=breaker, retry=retry, fallback=fallback)
        config = _with_given(config or PipelineConfig(), given)
        check(config, name, stacklevel=2)
        maker = Maker(
            name,
            clock or SystemClock(),
            random or Random(),  # noqa: S311 - spreads waits, hides nothing
            events if events is not None else Events(),
            store,
        )
        self = cls.__new__(cls)
        self._maker = maker
        self._strict = config.strict
        self._plan = maker.plan(maker.policies(config, given))
        return self

    def __repr__(self) -> str:
        return (
            f"<ResiliencePipeline {self.name!r}: {' > '.join(self.policies.names())}>"
        )

    @property
    def name(self) -> str:
        """What it is called in events, warnings and errors."""
        return self._plan.name

    @property
    def policies(self) -> Policies:
        """What it is made of, to look at and to command."""
        return self._plan.policies

    @property
    def config(self) -> PipelineConfig:
        """What is in force."""
        return self.policies.config(strict=self._strict)

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        """Return the result of the last attempt, whatever the judge says of it.

        Raises:
            RetryExhaustedError: The retry gave up after an exception worth repeating.
            CallTimeoutError: The call took too long, or its last attempt did.
            CallRejectedError: A policy refused it; `CircuitOpenError` when it was the
                breaker. When attempts failed before it, a note says so and the last
                exception is the context.
            BaseException: Whatever an attempt raised that is not to be repeated,
                unchanged.
        """
        plan = self._plan
        if call is None:
            call = _PLAIN_CALL
        fallback: Fallback[T] | None = plan.policies.fallback
        if fallback is None:
            return await run_call(plan, operation, call)
        return await fallback.execute(partial(run_call, plan, operation, call), call)

    def describe(self) -> str:
        """Return the policies and their numbers, outermost first, a line each."""
        policies = self.policies
        return describe(self.name, self.config, policies.fallback, policies.chaos)

    def reconfigure(self, config: New[PipelineConfig]) -> None:
        """Go on by another configuration, with what the policies know.

        Policies that it names anew begin from nothing, those that it names no more are
        left out. A hedge begins from nothing, too, when the breaker beside it or the
        retry's budget comes or goes. Calls under way end by the limits of time and the
        retry that they began with. A fallback, and a breaker's or a chaos' own
        functions, stay.

        Args:
            config: The configuration, or a mapping as a file would hold it, whose
                absent fields have their defaults.

        Raises:
            ValueError: It is not valid, or policies exclude each other: nothing has
                changed, and `ReloadFailed` tells of it.

        Warns:
            PipelineWarning: A combination is doubtful.
        """
        maker = self._maker
        config = checked(PipelineConfig, config, self.name, maker.events)
        try:
            check(config, self.name, stacklevel=2)
            policies = maker.policies(config, self.policies)
        except ValueError as problem:
            if maker.events.listeners:
                maker.events.tell(ReloadFailed(self.name, "", str(problem)))
            raise
        self._strict = config.strict
        self._plan = maker.plan(policies)


def _with_given(config: PipelineConfig, given: Policies) -> PipelineConfig:
    """Return the configuration with what the given policies have in the place of its own."""
    own = {
        name: policy.config
        for name, policy in (("breaker", given.breaker), ("retry", given.retry))
        if policy is not None and getattr(config, name) is not None
    }
    return config.model_copy(update=own)
