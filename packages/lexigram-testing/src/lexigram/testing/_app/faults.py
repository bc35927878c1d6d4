"""Breaking one dependency of an application for a while."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol, runtime_checkable

from lexigram.contracts.resilience import CircuitBreakerRegistryProtocol
from lexigram.testing._answers.faults import Fault, fault
from lexigram.testing._answers.outcomes import UNSET, Outcome, Reply
from lexigram.testing._app.overridden import Overridden
from lexigram.testing._fake.client import FakeHTTPClient
from lexigram.testing._routing.routes import Route

__all__ = ["BedFaults"]


class BedFaults:
    """The ways to break one override of a `TestBed`, each for an `async with` block.

    Within the block every request to the fake gets the fault, whatever its routes; the
    block is given the route that does it. When it ends, the fake answers from its own
    routes again, and the circuit breakers of the application's registry are reset, if
    they can be: what they learned in the block is not true any more.

    Raises:
        RuntimeError: By the block, when the fake is broken already.
        ApplicationStateError: By the block, when the application is not running.

    Example:
        ```python
        async with bed.faults(HTTPClientProtocol).hang() as route:
            await shop.refresh()
        route.assert_called(times=1)
        ```
    """

    def __init__(
        self,
        one: Overridden,
        registry: Callable[[], Awaitable[CircuitBreakerRegistryProtocol | None]],
    ) -> None:
        if not isinstance(one.value, FakeHTTPClient):
            raise TypeError(
                f"{one} is overridden by {one.value!r}, and only a `FakeHTTPClient` "
                "can be broken. Override it by one, or have your fake fail itself."
            )
        self._fake = one.value
        self._registry = registry

    def hang(self) -> AbstractAsyncContextManager[Route]:
        """Stay silent: each call runs into its timeout."""
        return self._broken(fault.hang())

    def fail(
        self, failure: Fault | BaseException
    ) -> AbstractAsyncContextManager[Route]:
        """Fail every call in this way: `fail(fault.reset())`."""
        return self._broken(failure)

    def respond(
        self,
        status: int | Reply,
        *,
        json: Any = UNSET,
        text: str | None = None,
        headers: Any = (),
        delay: float = 0.0,
    ) -> AbstractAsyncContextManager[Route]:
        """Answer every call alike: `respond(503)`."""
        if isinstance(status, int):
            status = Reply(status, headers, json=json, text=text, delay=delay)
        elif json is not UNSET or text is not None or headers or delay:
            raise TypeError("Give a whole reply or its parts, not both.")
        return self._broken(status)

    @asynccontextmanager
    async def _broken(self, outcome: Outcome) -> AsyncGenerator[Route, None]:
        registry = await self._registry()
        with self._fake.outage(outcome) as route:
            try:
                yield route
            finally:
                _reset(registry)


# What the contracts do not promise, and a registry may offer.
@runtime_checkable
class _Enumerable(Protocol):
    def names(self) -> tuple[str, ...]: ...


@runtime_checkable
class _Resettable(Protocol):
    def reset(self) -> None: ...


def _reset(registry: CircuitBreakerRegistryProtocol | None) -> None:
    if registry is None or not isinstance(registry, _Enumerable):
        return
    for breaker in map(registry.get, registry.names()):
        if isinstance(breaker, _Resettable):
            breaker.reset()
