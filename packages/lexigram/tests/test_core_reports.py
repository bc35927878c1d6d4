"""Every kind of report about modules and their dependencies, word for word."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sized
from email.message import Message
from pathlib import Path
from typing import Annotated, Protocol

import pytest

from lexigram import Application
from lexigram.contracts.di import ModuleDefinition
from lexigram.contracts.errors import LexigramError
from lexigram.di import (
    DuplicateBindingError,
    GraphError,
    ModuleError,
    Named,
    NotRegisteredError,
    bind,
    provide,
)
from lexigram.di.module import Module, module


class Wire:
    pass


class Engine:
    def __init__(self, wire: Wire) -> None:
        self.wire = wire


class Car:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine


class Owner:
    def __init__(self, car: Car) -> None:
        self.car = car


class Clock(Protocol):
    zone: str

    def now(self) -> float: ...


class Quartz:
    zone: str

    def now(self) -> float:
        return 0.0


class Sundial:
    def now(self) -> float:
        return 0.0


class Alarm:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock


class Store(ABC):
    @abstractmethod
    def read(self) -> str: ...


class Cached(Store):
    @abstractmethod
    def drop(self) -> None: ...


class Redis(Cached):
    def read(self) -> str:
        return ""

    def drop(self) -> None:
        pass


class Reader:
    def __init__(self, store: Store) -> None:
        self.store = store


def at(target: Callable[..., object]) -> str:
    """Return where a class's constructor, or a function, is written."""
    code = getattr(target, "__code__", None) or target.__init__.__code__
    return f"{__file__}:{code.co_firstlineno}"


def app(*providers: object) -> ModuleDefinition:
    return ModuleDefinition(name="AppModule", providers=providers, origin="app.py:1")  # type: ignore[arg-type]  # any of them


async def report(*modules: ModuleDefinition | type[Module]) -> str:
    with pytest.raises(LexigramError) as caught:
        await Application(*modules).start()
    return str(caught.value)


async def test_missing() -> None:
    assert await report(app(Car, Engine)) == (
        "The dependencies have 1 problem.\n\n"
        "No provider for `Wire`.\n"
        "  AppModule -> Engine(wire=...) -> Wire\n"
        f"  asked for at {at(Engine)}\n"
        "  Add a provider of it to AppModule, import a module that exports it, or give "
        "'wire' a default."
    )


async def test_missing_by_a_typo_in_a_name() -> None:
    def pay(host: Annotated[str, Named("partnre")]) -> bytes:
        return host.encode()

    partner = bind(Annotated[str, Named("partner")]).to_value("")

    assert await report(app(pay, partner)) == (
        "The dependencies have 1 problem.\n\n"
        "No provider for `Annotated[str, Named('partnre')]`.\n"
        "  AppModule -> pay(host=...) -> Annotated[str, Named('partnre')]\n"
        f"  asked for at {at(pay)}\n"
        "  Add a provider of it to AppModule, import a module that exports it, or give "
        "'host' a default. Nearest registered: `Annotated[str, Named('partner')]`."
    )


async def test_missing_though_a_registered_class_would_fit() -> None:
    quartz = provide(Quartz)

    assert await report(app(Alarm, Sundial, quartz)) == (
        "The dependencies have 1 problem.\n\n"
        "No provider for `Clock`.\n"
        "  AppModule -> Alarm(clock=...) -> Clock\n"
        f"  asked for at {at(Alarm)}\n"
        f"  `Quartz`, bound in AppModule at {quartz.origin}, fits: write "
        "`bind(Clock).to(Quartz)`."
    )


async def test_missing_though_a_class_that_derives_from_it_would_fit() -> None:
    assert await report(app(Reader)) == (
        "The dependencies have 1 problem.\n\n"
        "No provider for `Store`.\n"
        "  AppModule -> Reader(store=...) -> Store\n"
        f"  asked for at {at(Reader)}\n"
        f"  `Redis` ({__file__}:{line_of('class Redis')}) fits: add "
        "`bind(Store).to(Redis)` to the providers of AppModule."
    )


def line_of(text: str) -> int:
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    return next(n for n, line in enumerate(lines, 1) if line.startswith(text))


class Marker(Protocol):
    pass


class Port(ABC):
    @abstractmethod
    def open(self) -> None: ...


class ForeignPort(Port):
    __module__ = "elsewhere"

    def open(self) -> None:
        pass


@pytest.mark.parametrize("wanted", [Marker, Port])
async def test_missing_and_what_would_fit_is_not_guessed_at(wanted: type) -> None:
    def use(one: object) -> bytes:
        return repr(one).encode()

    use.__annotations__["one"] = wanted

    assert (await report(app(use, Quartz))).endswith("or give 'one' a default.")


async def test_missing_abstract_class_of_the_standard_library_is_no_riddle() -> None:
    def read(lines: Sized) -> bytes:
        return str(len(lines)).encode()

    assert (await report(app(read))).endswith("or give 'lines' a default.")


@pytest.fixture
def declare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Install a distribution that declares what modules export, and is nothing else."""

    def install(name: str, key: str, value: str) -> None:
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: {name.replace('_', '-')}\nVersion: 1.0")
        (info / "entry_points.txt").write_text(f"[lexigram.exports]\n{key} = {value}\n")

    monkeypatch.syspath_prepend(str(tmp_path))
    return install


@pytest.mark.parametrize(
    ("value", "call"),
    [("acme.time:TimeModule.configure", "TimeModule.configure()"),
     ("acme.time:TimeModule", "TimeModule")],
)  # fmt: skip
async def test_missing_though_a_module_that_is_installed_exports_it(
    declare: Callable[..., None], value: str, call: str
) -> None:
    declare("acme_time", f"{__name__}.Clock", value)

    assert await report(app(Alarm, Quartz)) == (
        "The dependencies have 1 problem.\n\n"
        "No provider for `Clock`.\n"
        "  AppModule -> Alarm(clock=...) -> Clock\n"
        f"  asked for at {at(Alarm)}\n"
        f"  TimeModule from acme-time exports it: add `{call}` to the imports of "
        "AppModule (`from acme.time import TimeModule`)."
    )
    assert "acme" not in sys.modules


async def test_missing_though_a_distribution_that_is_not_installed_exports_it(
    declare: Callable[..., None],
) -> None:
    declare(
        "acme_ports", f"{__name__}.Clock", "acme.time:TimeModule.configure [acme_time]"
    )

    assert (await report(app(Alarm))).splitlines()[-1] == (
        "  TimeModule from acme-time exports it, which is not installed: "
        "`pip install acme-time`, then add `TimeModule.configure()` to the imports of "
        "AppModule (`from acme.time import TimeModule`)."
    )


async def test_a_name_that_is_missing_is_not_offered_by_who_exports_the_plain_key(
    declare: Callable[..., None],
) -> None:
    def wake(clock: Annotated[Clock, Named("utc")]) -> bytes:
        return clock.zone.encode()

    declare("acme_time", f"{__name__}.Clock", "acme.time:TimeModule")

    assert "acme" not in await report(app(wake))


async def test_a_class_of_the_same_name_from_elsewhere_is_another(
    declare: Callable[..., None],
) -> None:
    declare("acme_lake", "elsewhere.Clock", "acme.lake:LakeModule")

    assert "acme" not in await report(app(Alarm))


async def test_a_public_name_stands_for_a_class_that_lives_further_inside(
    declare: Callable[..., None],
) -> None:
    def post(message: Message) -> bytes:
        return bytes(message)

    declare("acme_mail", "email.Message", "acme.mail:MailModule")

    assert Message.__module__ == "email.message"
    assert "MailModule from acme-mail exports it" in await report(app(post))


class Hen:
    def __init__(self, egg: "Egg") -> None:
        self.egg = egg


class Egg:
    def __init__(self, hen: Hen | None = None) -> None:
        self.hen = hen


async def test_cycle() -> None:
    assert await report(app(Hen, Egg)) == (
        "The dependencies have 1 problem.\n\n"
        "These need each other.\n"
        "  Hen(egg=...) -> Egg(hen=...) -> Hen\n"
        f"  Hen in AppModule: {at(Hen)}\n"
        f"  Egg in AppModule: {at(Egg)}\n"
        "  Take the part that both need out into a third, or give one of them a "
        "callable that asks later."
    )


async def test_captive() -> None:
    wire = provide(Wire, scope="scoped")

    assert await report(app(Engine, wire)) == (
        "The dependencies have 1 problem.\n\n"
        "`Engine` lives as long as the application and would keep `Wire`, which lives "
        "as long as a scope.\n"
        "  AppModule -> Engine(wire=...) -> Wire\n"
        f"  asked for at {at(Engine)}\n"
        f"  bound in AppModule at {wire.origin}\n"
        "  Make `Engine` scoped too, or `Wire` a singleton."
    )


async def test_captive_through_transients() -> None:
    wire = provide(Wire, scope="scoped")
    transients = [provide(one, scope="transient") for one in (Engine, Car)]

    assert await report(app(Owner, *transients, wire)) == (
        "The dependencies have 1 problem.\n\n"
        "`Owner` lives as long as the application and would keep `Wire`, which lives "
        "as long as a scope.\n"
        "  AppModule -> Owner(car=...) -> Car(engine=...) -> Engine(wire=...) -> Wire\n"
        f"  asked for at {at(Owner)}\n"
        f"  bound in AppModule at {wire.origin}\n"
        "  Make `Owner` scoped too, or `Wire` a singleton."
    )


async def test_not_exported() -> None:
    wire = provide(Wire)
    garage = ModuleDefinition(
        name="Garage", providers=(wire, Engine), exports=(Engine,), origin="g.py:1"
    )

    def fuse(engine: Engine, wire: Wire | None = None) -> str:
        return f"{engine}{wire}"

    @module(imports=[garage], providers=[fuse])
    class AppModule(Module):
        pass

    assert await report(AppModule) == (
        "The dependencies have 1 problem.\n\n"
        "`Wire` is not exported.\n"
        "  AppModule -> fuse(wire=...) -> Wire in Garage\n"
        f"  asked for at {at(fuse)}\n"
        f"  bound at {wire.origin}\n"
        "  Add `Wire` to the exports of Garage."
    )


async def test_exported_and_not_there() -> None:
    garage = ModuleDefinition(name="Garage", exports=(Engine,), origin="garage.py:1")

    @module(imports=[garage], providers=[bind(Wire).to(Wire)])
    class AppModule(Module):
        pass

    assert await report(AppModule) == (
        "AppModule -> Garage (garage.py:1) exports `Engine`, which no module provides. "
        "Provide it, or take it from the exports."
    )


async def test_duplicate_module_with_different_configuration() -> None:
    # The values that the factories close over are the whole difference.
    def clients(url: str, origin: str) -> ModuleDefinition:
        def client() -> str:
            return url

        return ModuleDefinition(
            name="Clients", providers=(bind(str).to(client),), origin=origin
        )

    @module(imports=[clients("http://one", "one.py:1")])
    class Left(Module):
        pass

    @module(imports=[clients("http://two", "two.py:1")])
    class Right(Module):
        pass

    assert await report(Left, Right) == (
        "Module 'Clients' is there twice and not alike, and both bind `str`:\n"
        "  Left -> Clients (one.py:1)\n"
        "  Right -> Clients (two.py:1)\n"
        "Configure it in one place and import that, or give one another name."
    )
    with pytest.raises(DuplicateBindingError):
        await Application(Left, Right).start()


def spell(engine: "Engin") -> str:  # type: ignore[name-defined]  # noqa: F821
    return str(engine)


def scramble(engine: "Engine[") -> str:  # type: ignore[valid-type]  # noqa: F722
    return str(engine)


async def test_hint_that_is_defined_nowhere() -> None:
    assert await report(app(spell)) == (
        "AppModule (app.py:1) has a provider that cannot be read.\n"
        f"  Cannot read the hints of `spell` ({at(spell)}): 'Engin' is not defined "
        "there. Did you mean 'Engine'? Import it in that module, or define it at "
        "module level."
    )


async def test_hint_that_is_no_expression() -> None:
    text = await report(app(scramble))

    assert text.startswith(
        "AppModule (app.py:1) has a provider that cannot be read.\n"
        f"  Cannot read the hints of `scramble` ({at(scramble)}): SyntaxError: "
    )


async def test_parameter_without_a_hint() -> None:
    def blank(engine) -> str:  # type: ignore[no-untyped-def]
        return str(engine)

    with pytest.raises(ModuleError) as caught:
        await Application(app(blank)).start()
    assert str(caught.value) == (
        "AppModule (app.py:1) has a provider that cannot be read.\n"
        f"  Parameter 'engine' of `blank` ({at(blank)}) has no type hint, so nothing "
        "can be injected. Add one, or a default."
    )


async def test_every_problem_is_in_one_report_and_counted() -> None:
    with pytest.raises(GraphError) as caught:
        await Application(app(Reader, Alarm, Hen, Egg)).start()

    headline, *problems = str(caught.value).split("\n\n")
    assert headline == "The dependencies have 3 problems."
    assert tuple(problems) == caught.value.problems


async def test_question_for_what_is_not_registered() -> None:
    async with Application(app(Quartz)) as running:
        with pytest.raises(NotRegisteredError) as caught:
            await running.resolve(Clock)
    assert str(caught.value) == (
        "Nothing is registered under `Clock`. "
        "Add a provider of it to a module of the application."
    )


async def test_question_for_what_a_module_that_is_not_imported_exports(
    declare: Callable[..., None],
) -> None:
    declare("acme_time", f"{__name__}.Clock", "acme.time:TimeModule.configure")

    async with Application(app(Quartz)) as running:
        with pytest.raises(NotRegisteredError) as caught:
            await running.resolve(Clock)
    assert str(caught.value) == (
        "Nothing is registered under `Clock`. TimeModule from acme-time exports it: add "
        "`TimeModule.configure()` to the application's modules "
        "(`from acme.time import TimeModule`)."
    )
