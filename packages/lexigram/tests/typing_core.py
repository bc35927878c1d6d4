"""What checkers must accept and refuse; never executed."""

from typing import Annotated, Protocol, assert_type

from lexigram import Application
from lexigram.contracts.di import ContainerProtocol
from lexigram.di import Named, bind
from lexigram.di.module import Module, module


class Greeter(Protocol):
    def greet(self) -> str: ...


class Polite:
    def greet(self) -> str:
        return "good day"


class Rude:
    def greet(self) -> int:
        return 0


@module(providers=[bind(Greeter).to(Polite)])
class AppModule(Module):
    pass


async def resolving(app: Application, container: ContainerProtocol) -> None:
    assert_type(await app.resolve(Greeter), Greeter)
    assert_type(await app.resolve(Annotated[Greeter, Named("x")]), Greeter)
    assert_type(await app.resolve(list[int]), list[int])
    assert_type(await container.resolve(Polite), Polite)
    async with Application.boot(modules=[AppModule]) as booted:
        assert_type(booted, Application)
        async with booted.scope() as scope:
            assert_type(await scope.resolve(Greeter), Greeter)


def overriding(app: Application) -> None:
    app.override(Greeter).to(Polite())
    app.override(Greeter).to(Rude())  # type: ignore[arg-type]
    app.override(Greeter).to(Polite)  # type: ignore[arg-type]
    app.override(list[int]).to(["x"])  # type: ignore[list-item]
    bind(Greeter).to_value(Rude())  # type: ignore[arg-type]


def as_container(app: Application) -> ContainerProtocol:
    return app


def unknown_name() -> None:
    from lexigram import Nope  # type: ignore[attr-defined]  # noqa: F401, PLC0415
