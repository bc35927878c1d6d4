"""The connection to the server: all that knows redis-py."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final, Protocol, TypeAlias

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from lexigram.resilience._config.store import StoreConfig

__all__ = ["Connection", "Script", "open_client"]

_AGAIN: Final = 1
"""A connection that the server closed while it was idle fails at its next use: once more,
on a new one and without a pause, within the same time limit."""

Value: TypeAlias = str | bytes | float | int


class Script(Protocol):
    """A script that the server runs by its digest, and is sent where it is not known."""

    def __call__(self, keys: list[str], args: list[Value]) -> Coroutine[Any, Any, Any]:
        """Return what the script returns."""
        ...


class Connection:
    """A client of the server, its own or one that somebody gave.

    Args:
        client: A `redis.asyncio.Redis` or `RedisCluster`.
        owned: Whether it is closed with this.
    """

    def __init__(self, client: Any, *, owned: bool) -> None:
        self._client = client
        self._owned = owned

    def script(self, source: str) -> Script:
        """Return a script; nothing is sent yet."""
        registered = self._client.register_script(source)

        async def run(keys: list[str], args: list[Value]) -> Any:
            try:
                return await registered(keys=keys, args=args)
            except ResponseError as error:
                # The server has become a replica: whoever has the address now has to
                # be looked up and connected to again. Redis 6 says it only in words.
                if "READONLY" in str(error) or isinstance(error, ReadOnlyError):
                    await self.disconnect()
                raise

        return run

    async def ping(self) -> None:
        """Ask whether it is there."""
        await self._client.ping()

    async def disconnect(self) -> None:
        """Drop the connections that nobody uses, unless they are somebody else's."""
        if self._owned:
            await self._client.connection_pool.disconnect(inuse_connections=False)

    async def close(self) -> None:
        """Close the connections, unless they are somebody else's."""
        if self._owned:
            await self._client.aclose()


def open_client(config: StoreConfig) -> Redis:
    """Return a client; it connects when it is used."""
    secret = config.password
    credentials: dict[str, Any] = {
        name: value
        for name, value in (
            ("username", config.username),
            ("password", None if secret is None else secret.get_secret_value()),
            ("ssl_ca_certs", None if config.ca_file is None else str(config.ca_file)),
        )
        if value is not None
    }
    pool = BlockingConnectionPool.from_url(
        config.url.get_secret_value(),
        max_connections=config.max_connections,
        timeout=config.timeout,
        socket_timeout=config.timeout,
        socket_connect_timeout=config.timeout,
        retry=Retry(
            NoBackoff(),
            _AGAIN,
            supported_errors=(RedisConnectionError, RedisTimeoutError),
        ),
        # The answers are numbers and texts; a greeting for more is a round trip.
        protocol=2,
        **credentials,
    )
    return Redis.from_pool(pool)
