"""The modules that bring outbound clients into an application."""

from __future__ import annotations

import functools
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

from lexigram.contracts.di import (
    Binding,
    ConfigSection,
    ModuleDefinition,
    Named,
    bind,
    written_at,
)
from lexigram.contracts.health import HealthCheckProtocol
from lexigram.contracts.resilience import ResiliencePipelineProtocol
from lexigram.contracts.web import (
    HTTPClientProtocol,
    InterceptorChainProtocol,
    check_url,
)
from lexigram.http.client import HTTPClient
from lexigram.http.config import HTTPClientConfig
from lexigram.http.egress.config import Destinations, EgressConfig
from lexigram.http.health import ConnectionHealthCheck
from lexigram.http.joining import BaseURL
from lexigram.http.pool.pool import ConnectionPool
from lexigram.http.provider import HTTPProvider
from lexigram.http.sharing import share

F = TypeVar("F", bound=Callable[..., Any])


class HTTPModule:
    """Brings clients into an application: one without a name, and any number with one.

    A client is offered under `HTTPClientProtocol` and under `HTTPClient`, one with a
    name as `Annotated[HTTPClientProtocol, Named("partner")]`. Clients start and stop
    with the application. Policies, metrics and interceptors that other modules register
    are picked up; see `HTTPProvider`. Each pool of connections has a health check, named
    as the section of its client ("http", "http_partner").

    Example:
        ```python
        @module(
            imports=[
                HTTPModule.configure(),
                HTTPModule.feature("partner", base_url="https://api.partner.test/v1"),
            ],
            providers=[Invoices],
        )
        class AppModule(Module): ...
        ```
    """

    @staticmethod
    def configure(config: HTTPClientConfig | None = None) -> ModuleDefinition:
        """Return the module of the client without a name, configured by `http`.

        Args:
            config: Fields set here win over the files' and yield to the environment's;
                fields left alone come from there.
        """
        section = ConfigSection("http", HTTPClientConfig, config)
        return _module(_DEFAULT, section, written_at())

    @staticmethod
    def feature(
        name: str,
        config: HTTPClientConfig | None = None,
        *,
        base_url: str | None = None,
        share_pool: bool = False,
    ) -> ModuleDefinition:
        """Return the module of a client with a name, beside the one without or alone.

        Its section is its own, `http_partner` for "partner" and `LEX_HTTP_PARTNER__…` in
        the environment, and inherits nothing from `http`. A pipeline or an interceptor
        chain that is registered under the same name is used in the place of the common
        one, so that one upstream's credentials are not every client's.

        Args:
            name: Lower-case letters, digits and single underscores.
            config: As for `configure`.
            base_url: An absolute URL; the client's URLs are paths below it, and one
                that leads out of it is refused.
            share_pool: Whether the connections are those of the client without a name,
                whose module has to be there. The limits of the pool, TLS and `egress`
                are then set in `http` alone, which is checked at the start; timeouts,
                proxy and cookies stay each client's own.

        Raises:
            ValueError: The name cannot name a section, or the base URL is not usable.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} cannot name a client, since the section and the variables of "
                "its configuration are named after it. Use lower-case letters, digits "
                "and single underscores."
            )
        if base_url is not None:
            check_url(base_url)
            BaseURL(base_url)
        wish = _Client(name, base_url, share_pool)
        section = ConfigSection(wish.section, HTTPClientConfig, config)
        return _module(wish, section, written_at())

    @staticmethod
    def stub(egress: Destinations | EgressConfig = "any") -> ModuleDefinition:
        """Return the module with a real client on default configuration, for tests.

        Neither files nor environment are read, the environment's proxies included, and
        nothing is opened until the client is used.

        Args:
            egress: Where it may connect to; a word stands for a policy of that alone.
                "loopback" refuses every connection that leaves the machine with
                `HTTPBlockedError`; servers of the test on 127.0.0.1 or localhost can be
                called.
        """
        if not isinstance(egress, EgressConfig):
            egress = EgressConfig(addresses=egress)
        config = HTTPClientConfig(trust_env=False, egress=egress)
        return _module(_DEFAULT, None, written_at(), bind(_CONFIG).to_value(config))


_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


# By name always: an application may have several sections of this model.
_CONFIG: Final[Any] = Annotated[HTTPClientConfig, Named("http")]


@dataclass(frozen=True, slots=True)
class _Client:
    """What is asked for of one client, and the keys that it is wired by."""

    name: str = ""
    base_url: str | None = None
    shares: bool = False

    @property
    def section(self) -> str:
        return f"http_{self.name}" if self.name else "http"

    @property
    def module(self) -> str:
        return f"HTTPModule.feature({self.name!r})" if self.name else "HTTPModule"

    @property
    def config(self) -> Any:
        return Annotated[HTTPClientConfig, Named(self.section)]

    @property
    def pool(self) -> Any:
        return ConnectionPool if self.shares else self.own(ConnectionPool)

    def own(self, key: Any) -> Any:
        """Return the key by which this client has something for itself."""
        return Annotated[key, Named(self.name)] if self.name else key


_DEFAULT: Final = _Client()


def _module(
    wish: _Client,
    section: ConfigSection[HTTPClientConfig] | None,
    origin: str,
    *more: Binding,
) -> ModuleDefinition:
    offered = _offered(wish)
    return ModuleDefinition(
        name=wish.module,
        providers=(*more, bind(wish.own(HTTPProvider)).to(HTTPProvider), *offered),
        exports=tuple(one.key for one in offered),
        config=section,
        origin=origin,
    )


@functools.cache  # The core takes modules for one when their factories are the same.
def _offered(wish: _Client) -> tuple[Binding, ...]:
    clients = (_bind_client(wish), _bind_protocol(wish))
    if wish.shares:
        return clients
    return (*clients, _bind_pool(wish), _bind_health(wish))


def _bind_client(wish: _Client) -> Binding:
    async def client(
        config: HTTPClientConfig,
        owner: HTTPClientConfig,
        pool: ConnectionPool,
        provider: HTTPProvider,
        pipeline: ResiliencePipelineProtocol | None = None,
        chain: InterceptorChainProtocol | None = None,
    ) -> AsyncIterator[HTTPClient]:
        made = provider.client(
            share(config, owner, wish.section) if wish.shares else config,
            pool,
            name=wish.name or "default",
            base_url=wish.base_url,
            pipeline=pipeline,
            chain=chain,
            shares=wish.shares,
        )
        async with made as started:
            yield started

    keys = {
        "config": wish.config,
        "owner": _CONFIG if wish.shares else wish.config,
        "pool": wish.pool,
        "provider": wish.own(HTTPProvider),
        "pipeline": wish.own(ResiliencePipelineProtocol),
        "chain": wish.own(InterceptorChainProtocol),
    }
    return bind(wish.own(HTTPClient)).to(_asking(client, keys))


def _bind_protocol(wish: _Client) -> Binding:
    def protocol(client: HTTPClient) -> HTTPClientProtocol:
        return client

    key = wish.own(HTTPClientProtocol)
    return bind(key).to(_asking(protocol, {"client": wish.own(HTTPClient)}))


def _bind_pool(wish: _Client) -> Binding:
    async def pool(config: HTTPClientConfig) -> AsyncIterator[ConnectionPool]:
        made = ConnectionPool(config.pool, config.tls, egress=config.egress)
        async with made as opened:
            yield opened

    return bind(wish.pool).to(_asking(pool, {"config": wish.config}))


def _bind_health(wish: _Client) -> Binding:
    def health(pool: ConnectionPool) -> HealthCheckProtocol:
        return ConnectionHealthCheck(pool, name=wish.section)

    key: Any = Annotated[HealthCheckProtocol, Named(wish.section)]
    return bind(key).to(_asking(health, {"pool": wish.pool}))


def _asking(factory: F, keys: Mapping[str, Any]) -> F:
    """Have parameters injected by keys that depend on the client's name."""
    factory.__annotations__.update(keys)
    return factory
