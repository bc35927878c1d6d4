"""The way of one call through a pipeline, from top to bottom.

    limiter → bulkhead → limit of the call → retry { breaker → concurrency → throttle →
    limit of the attempt → chaos → operation }

Why the order is this one says `Policies`. With a hedge, what is in braces is run by it,
once or twice at a time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from lexigram.contracts.resilience import Call, CallRejectedError
from lexigram.resilience._pipeline.plan import Plan
from lexigram.resilience._pipeline.racing import race_attempt
from lexigram.resilience._pipeline.run import Run

__all__ = ["run_call"]

T = TypeVar("T")


async def run_call(  # noqa: C901, PLR0912 - see its docstring
    plan: Plan, operation: Callable[[], Awaitable[T]], call: Call[T]
) -> T:
    """Return the result of the last attempt; raises what `execute` says.

    One coroutine for all policies, as each one more costs as much as the call itself.
    """
    policies = plan.policies
    run = Run(plan, call)
    try:
        if policies.limiter is not None:
            gate, wait = policies.limiter.take(call.key)
            if wait:
                await policies.limiter.queue(gate, call, wait)
        if policies.bulkhead is not None:
            places = policies.bulkhead.places(call.key)
            if not places.try_enter():
                await policies.bulkhead.queue(places, call)
            run.places = places
        run.begin()
        if policies.chaos is not None and policies.chaos.active:
            operation = partial(policies.chaos.execute, operation, call)
        if policies.hedge is not None:
            raced = partial(race_attempt, plan, run, operation)
            operation = partial(policies.hedge.execute, raced, call)
        while True:
            run.begin_attempt()
            try:
                result = await operation()
            except BaseException as error:  # however the attempt ended
                pause = run.raised(error)
                if pause is None:
                    raise
            else:
                pause = run.returned(result)
                if pause is None:
                    return result
            try:
                await plan.clock.sleep(pause)
            except BaseException as error:  # however the pause ended
                seen = run.interrupted(error)
                if seen is error:
                    raise
                raise seen from None
    except CallRejectedError:
        run.rejected()
        raise
    finally:
        run.end()
