"""The store: scripts, run under guard."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.redaction import redact_url
from lexigram.resilience._config.store import StoreConfig
from lexigram.resilience._events.listeners import Events
from lexigram.resilience._shared.guard import StoreError, StoreGuard

if TYPE_CHECKING:
    from lexigram.resilience._shared.redis import Connection, Script, Value

__all__ = ["SharedStore"]


class SharedStore:
    """A Redis or Valkey server on which processes share limits and results.

    It connects when it is first asked, and not being there fails nothing: those that
    share go on as their configuration says. Used as an async context manager, which
    closes it; `close` does, too, and more than once. For one event loop.

    Args:
        config: Where it is, and what happens without it.
        client: A `redis.asyncio.Redis` or `RedisCluster` to use in the place of one of
            its own, that does not decode responses; whoever made it closes it.
        clock: The running event loop's by default.
        random: What waits are drawn with.
        events: Who is told when it is lost and back: `CircuitChanged` of the policy
            "store".

    Raises:
        ImportError: redis-py is not installed.

    Example:
        ```python
        config = StoreConfig(url=REDIS_URL, share=0.25)
        async with SharedStore(config) as store:
            limiter = SharedRateLimiter(
                RateLimiterConfig.per_second(100), store=store, name="partner"
            )
            await limiter.acquire("https://api.test:443", timeout=2.0)
        ```
    """

    def __init__(
        self,
        config: StoreConfig,
        *,
        client: Any = None,
        clock: ClockProtocol | None = None,
        random: Random | None = None,
        events: Events | None = None,
    ) -> None:
        self._config = config
        self._clock = clock or SystemClock()
        self._events = events if events is not None else Events()
        self._guard = StoreGuard(
            config.timeout,
            self._clock,
            random or Random(),  # noqa: S311 - spreads waits, hides nothing
            self._events,
        )
        self._connection = _connected(config, client)
        self._scripts: dict[str, Script] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._instance = config.instance or uuid4().hex
        self._closed = False

    def __repr__(self) -> str:
        url = redact_url(self._config.url.get_secret_value())
        state = "lost" if self._guard.is_lost else "in use"
        return f"<SharedStore {url} as {self._config.prefix!r}: {state}>"

    @property
    def config(self) -> StoreConfig:
        """What is in force."""
        return self._config

    @property
    def guard(self) -> StoreGuard:
        """What is known of its being there."""
        return self._guard

    @property
    def instance(self) -> str:
        """What this process is called among those that share."""
        return self._instance

    @property
    def is_closed(self) -> bool:
        """Whether it was closed, after which it answers nothing."""
        return self._closed

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End what is under way and close the connections; again, it does nothing.

        Limits that are still used go on as without the store. Cancelled, it waits for
        nothing that is under way, and closes the connections all the same.
        """
        self._closed = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        try:
            # Not gathered: that, cancelled, would wait for all of them first.
            if tasks:
                await asyncio.wait(tasks)
            await self._guard.close()
        finally:
            await self._connection.close()

    async def run(self, source: str, key: str, *args: Value) -> Any:
        """Return what a script says of one key, whose name is put below the prefix.

        Raises:
            StoreError: The store is not there, or not in time.
        """
        if self._closed:
            raise StoreError("closed")
        script = self._scripts.get(source)
        if script is None:
            script = self._scripts[source] = self._connection.script(source)
        name = f"{self._config.prefix}:{key}"
        return await self._guard.run(lambda: script([name], list(args)))

    async def ping(self) -> None:
        """Ask the server whether it is there.

        Raises:
            StoreError: It is not, or not in time.
        """
        if self._closed:
            raise StoreError("closed")
        await self._guard.run(self._connection.ping)

    async def settled(self) -> None:
        """Return when nothing is under way that nobody waits for."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something that nobody waits for and that ends with the store."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, so that nobody complains of it


def _connected(config: StoreConfig, client: Any) -> Connection:
    try:
        # Only who shares needs redis-py.
        from lexigram.resilience._shared.redis import (  # noqa: PLC0415 - see above
            Connection,
            open_client,
        )
    except ImportError as missing:
        raise ImportError(
            "A shared store needs redis-py, which is not installed. Install "
            "`lexigram-resilience[redis]`.",
            name=missing.name,
        ) from missing
    if client is None:
        return Connection(open_client(config), owned=True)
    return Connection(client, owned=False)
