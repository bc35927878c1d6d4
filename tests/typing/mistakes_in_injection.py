# mypy: ignore-errors
"""Mistakes with keys, bindings and overrides."""

from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Protocol, TypeVar

from lexigram import Application
from lexigram.contracts.di import Named, bind
from lexigram.contracts.web import HTTPClientProtocol
from lexigram.http import HTTPClient
from lexigram.testing import FakeHTTPClient, TestBed

T_contra = TypeVar("T_contra", contravariant=True)


class Clock(Protocol):
    """A port."""

    def now(self) -> float: ...


class FixedClock:
    """Satisfies it."""

    def now(self) -> float:
        return 0.0


class Sundial:
    """Does not."""

    def read(self) -> str:
        return "noon"


class TextClock:
    """Nearly does."""

    def now(self) -> str:
        return "noon"


class Sink(Protocol[T_contra]):
    """A generic port."""

    def add(self, entity: T_contra) -> None: ...


class Numbers:
    """Takes numbers."""

    def add(self, entity: int) -> None:
        """Take one."""


def sundial() -> Sundial:
    return Sundial()


async def sundial_async() -> Sundial:
    return Sundial()


def lent_sundial() -> Iterator[Sundial]:
    yield Sundial()


async def lent_sundial_async() -> AsyncIterator[Sundial]:
    yield Sundial()


bind(Clock).to(Sundial)  # error: arg-type | reportArgumentType
bind(Clock).to(TextClock)  # error: arg-type | reportArgumentType
bind(Clock).to(sundial)  # error: arg-type | reportArgumentType
bind(Clock).to(sundial_async)  # error: arg-type | reportArgumentType
bind(Clock).to(lent_sundial)  # error: arg-type | reportArgumentType
bind(Clock).to(lent_sundial_async)  # error: arg-type | reportArgumentType
bind(Clock).to(FixedClock())  # error: arg-type | reportArgumentType
bind(Clock).to_value(FixedClock)  # error: arg-type | reportArgumentType
bind(Clock).to_value(Sundial())  # error: arg-type | reportArgumentType
bind(Annotated[Clock, Named("a")]).to(Sundial)  # error: arg-type | reportArgumentType
bind(Sink[str]).to(Numbers)  # error: arg-type | reportArgumentType
bind(HTTPClient).to(FakeHTTPClient)  # error: arg-type | reportArgumentType
bind(Clock, scope="request").to(FixedClock)  # error: arg-type | reportArgumentType


def overrides(app: Application) -> None:
    client = app.override(HTTPClientProtocol)
    client.to(Sundial())  # error: arg-type | reportArgumentType
    client.to(FakeHTTPClient)  # error: arg-type | reportArgumentType
    real = app.override(HTTPClient)
    real.to(FakeHTTPClient())  # error: arg-type | reportArgumentType
    app.override(Clock).to(TextClock())  # error: arg-type | reportArgumentType
    app.override(Sink[str]).to(Numbers())  # error: arg-type | reportArgumentType


async def a_key_is_not_the_type_beside_it(app: Application) -> Sundial:
    return await app.resolve(Clock)  # error: arg-type | reportReturnType


async def a_text_is_no_key(app: Application) -> None:
    await app.resolve("not a type")  # error: arg-type | reportArgumentType


def a_module_is_no_instance(app: Application) -> None:
    app.add_module(FixedClock())  # error: arg-type | reportArgumentType


def beds(bed: TestBed) -> None:
    client = bed.override(HTTPClientProtocol)
    client.to(Sundial())  # error: arg-type | reportArgumentType
    client.to(FakeHTTPClient)  # error: arg-type | reportArgumentType
    bed.override(FakeHTTPClient).to(3)  # error: arg-type | reportArgumentType
    bed.override(Sink[str]).to(Numbers())  # error: arg-type | reportArgumentType
