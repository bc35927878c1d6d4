"""Keys and what answers them: `resolve`, `bind(...).to(...)`, `override(...).to(...)`."""

from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any, Generic, Protocol, TypeVar, assert_type

from lexigram import Application
from lexigram.contracts.di import (
    Binding,
    ContainerProtocol,
    ModuleDefinition,
    Named,
    bind,
    provide,
)
from lexigram.contracts.web import HTTPClientProtocol
from lexigram.di import Module, module
from lexigram.http import HTTPClient, HTTPModule
from lexigram.testing import FakeHTTPClient

T = TypeVar("T")


class Clock(Protocol):
    """A port."""

    def now(self) -> float: ...


class FixedClock:
    """Satisfies `Clock` by its shape."""

    def __init__(self, at: float = 0.0) -> None:
        self.at = at

    def now(self) -> float:
        return self.at


class LateClock(FixedClock):
    """With a dependency of its own."""

    def __init__(self, http: HTTPClientProtocol) -> None:
        super().__init__()
        self.http = http


class Invoice:
    """An entity."""


class Repository(Protocol[T]):
    """A generic port."""

    def add(self, entity: T) -> None: ...
    def all(self) -> list[T]: ...


class Memory(Generic[T]):
    """A generic implementation."""

    def __init__(self) -> None:
        self.entities: list[T] = []

    def add(self, entity: T) -> None:
        self.entities.append(entity)

    def all(self) -> list[T]:
        return self.entities


class BillingClient:
    """A service."""

    def __init__(self, http: HTTPClientProtocol, clock: Clock) -> None:
        self.http = http
        self.clock = clock


# Keys


async def a_class_answers_as_itself(app: Application) -> None:
    assert_type(await app.resolve(BillingClient), BillingClient)
    assert_type(await app.resolve(HTTPClient), HTTPClient)


async def a_protocol_is_a_key(app: Application) -> None:
    assert_type(await app.resolve(HTTPClientProtocol), HTTPClientProtocol)
    assert_type(await app.resolve(Clock), Clock)


async def an_annotated_key_answers_as_its_type(app: Application) -> None:
    partner = await app.resolve(Annotated[HTTPClientProtocol, Named("partner")])
    assert_type(partner, HTTPClientProtocol)


async def a_generic_key_keeps_its_argument(app: Application) -> None:
    assert_type(await app.resolve(Repository[Invoice]), Repository[Invoice])
    assert_type(await app.resolve(Memory[Invoice]), Memory[Invoice])
    assert_type(await app.resolve(list[Invoice]), list[Invoice])
    assert_type((await app.resolve(Repository[Invoice])).all(), list[Invoice])


async def a_container_answers_the_same(container: ContainerProtocol) -> None:
    assert_type(await container.resolve(BillingClient), BillingClient)
    assert_type(await container.resolve(Clock), Clock)
    partner = await container.resolve(Annotated[Clock, Named("partner")])
    assert_type(partner, Clock)
    assert_type(await container.resolve(Repository[Invoice]), Repository[Invoice])


async def a_scope_is_a_container(app: Application) -> None:
    async with app.scope() as container:
        assert_type(container, ContainerProtocol)
        assert_type(await container.resolve(Clock), Clock)


async def a_helper_stays_typed_when_it_is_told_the_type(
    container: ContainerProtocol, key: type[T]
) -> T:
    return await container.resolve(key)


# Applications


class Shop(Application):
    """A subclass."""


async def booting_keeps_the_class() -> None:
    assert_type(Application.boot(AppModule), Application)
    assert_type(Shop.boot(modules=[AppModule, HTTPModule.configure()]), Shop)
    async with Shop.boot(AppModule) as shop:
        assert_type(shop, Shop)
    async with Application(HTTPModule.configure()) as app:
        assert_type(app, Application)


def a_module_is_a_class_or_a_value(app: Application) -> None:
    app.add_module(AppModule)
    app.add_module(HTTPModule.configure())
    assert_type(HTTPModule.configure(), ModuleDefinition)
    assert_type(AppModule, type[AppModule])


def a_fake_overrides_a_protocol(app: Application) -> None:
    app.override(HTTPClientProtocol).to(FakeHTTPClient())
    app.override(Clock).to(FixedClock())
    app.override(Annotated[Clock, Named("partner")]).to(FixedClock())
    app.override(Repository[Invoice]).to(Memory[Invoice]())
    app.override(BillingClient).to(BillingClient(FakeHTTPClient(), FixedClock()))


# Bindings


def fixed_clock() -> FixedClock:
    return FixedClock()


def clock_of(http: HTTPClientProtocol) -> Clock:
    return LateClock(http)


async def connected_clock(http: HTTPClientProtocol) -> FixedClock:
    await http.head("https://clock.test/")
    return FixedClock()


def lent_clock() -> Iterator[Clock]:
    yield FixedClock()


async def lent_clock_async(http: HTTPClientProtocol) -> AsyncIterator[FixedClock]:
    yield LateClock(http)


def invoices() -> Memory[Invoice]:
    return Memory()


class Clocks:
    """Factories may be methods."""

    def of(self, http: HTTPClientProtocol) -> FixedClock:
        return LateClock(http)

    @staticmethod
    async def lent() -> AsyncIterator[Clock]:
        yield FixedClock()


def a_key_is_bound_to_a_class() -> None:
    assert_type(bind(Clock).to(FixedClock), Binding)
    bind(Clock).to(LateClock)
    bind(HTTPClientProtocol).to(HTTPClient)
    bind(FixedClock).to(LateClock)


def a_key_is_bound_to_functions_of_every_kind() -> None:
    bind(Clock).to(fixed_clock)
    bind(Clock).to(clock_of)
    bind(Clock).to(connected_clock)
    bind(Clock).to(lent_clock)
    bind(Clock).to(lent_clock_async)
    bind(Clock).to(Clocks().of)
    bind(Clock).to(Clocks.lent)
    bind(Clock).to(lambda: FixedClock(1.0))


def a_key_is_bound_to_a_value() -> None:
    assert_type(bind(Clock).to_value(FixedClock()), Binding)
    bind(HTTPClientProtocol).to_value(FakeHTTPClient())


def a_key_may_be_annotated_or_generic_and_scoped() -> None:
    bind(Annotated[Clock, Named("partner")]).to(FixedClock)
    bind(Repository[Invoice]).to(invoices)
    bind(Repository[Invoice]).to(Memory[Invoice])
    bind(Clock, scope="scoped").to(lent_clock)
    bind(Clock, scope="transient").to(FixedClock)


def a_factory_says_itself_what_it_builds() -> None:
    assert_type(provide(FixedClock), Binding)
    provide(lent_clock_async, scope="scoped")


@module(
    imports=[HTTPModule.configure()],
    providers=[BillingClient, lent_clock_async, bind(Clock).to(fixed_clock)],
    exports=[BillingClient, Clock],
)
class AppModule(Module):
    """A module's class stays what it is."""


def a_binding_shows_what_it_holds(binding: Binding) -> None:
    assert_type(binding.key, Any)
    assert_type(binding.origin, str)
