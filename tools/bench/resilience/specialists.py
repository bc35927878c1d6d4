"""Libraries that do one thing, and what people put together from them.

They are imported by name: some are not typed, and none has to be there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from importlib import import_module
from typing import Any, Final

from bench.resilience.contestant import Contestant, Kind, noop
from bench.resilience.decorating import decorated, entered

__all__ = [
    "ASSEMBLED",
    "aiobreaker",
    "aiolimiter",
    "assembled",
    "purgatory",
    "stamina",
    "tenacity",
]

PLENTY: Final = 10**9
ASSEMBLED: Final = ("tenacity", "stamina", "aiobreaker", "aiolimiter")


def tenacity() -> Iterator[Contestant]:
    """Yield the decorator, and its object called directly."""
    lib: Any = import_module("tenacity")
    options = {
        "stop": lib.stop_after_attempt(3),
        "wait": lib.wait_exponential_jitter(),
    }
    yield decorated(
        Kind.RETRY, "tenacity", "@retry(stop=…, wait=…)", lib.retry(**options)
    )
    yield Contestant(
        kind=Kind.RETRY,
        library="tenacity",
        statement="await retrying(noop)",
        names={"retrying": lib.AsyncRetrying(**options)},
        note="one object for all calls",
    )


def stamina() -> Iterator[Contestant]:
    """Yield the decorator, which is the cheapest, too."""
    lib: Any = import_module("stamina")
    yield decorated(
        Kind.RETRY, "stamina", "@retry(on=…)", lib.retry(on=Exception, attempts=3)
    )


def purgatory() -> Iterator[Contestant]:
    """Yield the decorator and the context manager."""
    factory = import_module("purgatory").AsyncCircuitBreakerFactory()
    yield decorated(Kind.BREAKER, "purgatory", '@breakers("noop")', factory("noop"))
    yield entered(
        Kind.BREAKER,
        "purgatory",
        'await breakers.get_breaker("noop")',
        breakers=factory,
    )


def aiobreaker() -> Iterator[Contestant]:
    """Yield the decorator, and the method that it calls."""
    breaker = import_module("aiobreaker").CircuitBreaker()
    yield decorated(Kind.BREAKER, "aiobreaker", "@breaker", breaker)
    yield Contestant(
        kind=Kind.BREAKER,
        library="aiobreaker",
        statement="await breaker.call_async(noop)",
        names={"breaker": breaker},
    )


def aiolimiter() -> Iterator[Contestant]:
    """Yield the context manager, and the method that it calls."""
    limiter = import_module("aiolimiter").AsyncLimiter(PLENTY, 1)
    yield entered(Kind.LIMITER, "aiolimiter", "limiter", limiter=limiter)
    yield Contestant(
        kind=Kind.LIMITER,
        library="aiolimiter",
        statement="await limiter.acquire(); await noop()",
        names={"limiter": limiter},
    )


def assembled() -> Iterator[Contestant]:
    """Yield what takes four libraries, in the order of a pipeline of ours."""
    lib: Any = import_module("tenacity")
    retries = {
        "tenacity": lib.retry(
            stop=lib.stop_after_attempt(3), wait=lib.wait_exponential_jitter()
        ),
        "stamina": import_module("stamina").retry(on=Exception, attempts=3),
    }
    for name, retry in retries.items():
        yield Contestant(
            kind=Kind.TIMED_PIPELINE,
            library=f"{name}, aiobreaker, aiolimiter",
            statement="await call()",
            names={"call": _assembled(retry)},
            code="limiter > semaphore > timeout > retry > breaker > timeout",
        )


def _assembled(retry: Callable[[Any], Any]) -> Callable[[], Awaitable[None]]:
    limiter = import_module("aiolimiter").AsyncLimiter(PLENTY, 1)
    semaphore = asyncio.Semaphore(25)
    breaker = import_module("aiobreaker").CircuitBreaker()

    async def attempt() -> None:
        async with asyncio.timeout(10):
            await noop()

    attempts = retry(breaker(attempt))

    async def call() -> None:
        async with limiter, semaphore, asyncio.timeout(30):
            await attempts()

    return call
