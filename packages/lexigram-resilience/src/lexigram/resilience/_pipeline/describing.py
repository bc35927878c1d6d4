"""A pipeline in words, for whoever has to know what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from lexigram.resilience._config.breaker import CircuitBreakerConfig
from lexigram.resilience._config.bulkhead import BulkheadConfig
from lexigram.resilience._config.concurrency import AdaptiveConcurrencyConfig
from lexigram.resilience._config.hedging import HedgeConfig
from lexigram.resilience._config.limiter import RateLimiterConfig
from lexigram.resilience._config.pipeline import PipelineConfig
from lexigram.resilience._config.retry import RetryConfig
from lexigram.resilience._config.throttle import AdaptiveThrottleConfig

__all__ = ["describe"]


def describe(name: str, config: PipelineConfig, fallback: object, chaos: object) -> str:
    """Return the policies and their numbers, outermost first, a line each.

    Args:
        name: Of the pipeline.
        config: What is in force.
        fallback: The fallback; None when there is none.
        chaos: The chaos; None when there is none.
    """
    steps = list(_steps(config, fallback, chaos))
    if not steps:
        return f"Pipeline {name!r} has no policies."
    width = max(len(step) for step, _ in steps)
    lines = [f"  {step:{width}}  {text}" for step, text in steps]
    return "\n".join([f"Pipeline {name!r}, outermost first:", *lines])


def _steps(
    config: PipelineConfig, fallback: object, chaos: object
) -> Iterator[tuple[str, str]]:
    times = config.timeouts
    if fallback is not None:
        yield "fallback", repr(fallback)
    for name in ("limiter", "bulkhead"):
        yield from _step(config, name)
    if times is not None and times.total is not None:
        yield "total", f"{times.total:g} s for a call"
    for name in ("retry", "hedge", "breaker", "concurrency", "throttle"):
        yield from _step(config, name)
    if times is not None and times.attempt is not None:
        yield "attempt", f"{times.attempt:g} s for each attempt"
    if chaos is not None:
        yield "chaos", repr(chaos)


def _step(config: PipelineConfig, name: str) -> Iterator[tuple[str, str]]:
    part = getattr(config, name)
    if part is not None:
        yield name, _WORDS[name](part)


def _limiter(config: RateLimiterConfig) -> str:
    whose = " by all processes" if config.shared else ""
    return (
        f"{config.permits} calls in {config.per:g} s{whose}, {config.largest} at once, "
        f"{_wait(config.max_wait)}"
    )


def _bulkhead(config: BulkheadConfig) -> str:
    queue = "no queue"
    if config.max_queue:
        queue = f"a queue of {config.max_queue}, {_wait(config.queue_timeout)}"
    return f"{config.max_concurrent} at once, {queue}"


def _retry(config: RetryConfig) -> str:
    budget = "no budget"
    if config.budget is not None:
        budget = (
            f"budget {config.budget.ratio:.0%} of calls and "
            f"{config.budget.min_per_second:g} a second"
        )
    return (
        f"{config.max_attempts} attempts, {config.jitter} waits of "
        f"{config.base_delay:g} to {config.max_delay:g} s, {budget}"
    )


def _hedge(config: HedgeConfig) -> str:
    delay = config.delay if isinstance(config.delay, str) else f"{config.delay:g} s"
    return f"{config.max_hedges} more after {delay}"


def _breaker(config: CircuitBreakerConfig) -> str:
    window = f"{config.window} calls"
    if config.window_seconds is not None:
        window = f"{config.window_seconds:g} s"
    slow = ""
    if config.slow_call_duration is not None:
        slow = f", or {config.slow_call_rate:.0%} slower than {config.slow_call_duration:g} s"
    return (
        f"opens at {config.failure_rate:.0%} failures{slow} of at least "
        f"{config.minimum_calls} in {window}, for {config.open_duration:g} s"
    )


def _concurrency(config: AdaptiveConcurrencyConfig) -> str:
    return f"{config.min_limit} to {config.max_limit} attempts at once"


def _throttle(config: AdaptiveThrottleConfig) -> str:
    return f"{config.multiplier:g} times what was accepted in {config.window:g} s"


def _wait(seconds: float | None) -> str:
    return "as long as it takes" if seconds is None else f"{seconds:g} s at most"


_WORDS: dict[str, Callable[[Any], str]] = {
    "limiter": _limiter,
    "bulkhead": _bulkhead,
    "retry": _retry,
    "hedge": _hedge,
    "breaker": _breaker,
    "concurrency": _concurrency,
    "throttle": _throttle,
}
