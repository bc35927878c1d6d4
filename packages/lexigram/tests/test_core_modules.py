import functools
from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict

from lexigram import Application
from lexigram.contracts.di import ConfigSection, ModuleDefinition, ModuleSource
from lexigram.di import DuplicateBindingError, GraphError, ModuleError, Named, bind
from lexigram.di.module import Module, module


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = 1


class Clock:
    pass


class Feature:
    """As a feature writes it: a value, and no import of the core."""

    @staticmethod
    def configure(config: Settings | None = None) -> ModuleDefinition:
        return ModuleDefinition(
            name="Feature",
            providers=(Clock,),
            config=ConfigSection("feature", Settings, config),
            origin="somewhere.py:1",
        )


async def test_a_decorated_class_is_a_module() -> None:
    @module(imports=[Feature.configure(Settings(size=4))])
    class AppModule(Module):
        pass

    async with Application.boot(modules=[AppModule]) as app:
        assert (await app.resolve(Settings)).size == 4
        assert isinstance(await app.resolve(Clock), Clock)


async def test_modules_are_given_one_by_one_or_as_a_list_or_added() -> None:
    def one(kind: type) -> ModuleDefinition:
        return ModuleDefinition(name=kind.__name__, providers=(bind(kind).to(kind),))

    app = Application(one(int), modules=[one(str)])
    app.add_module(one(bytes))

    async with app:
        assert (
            await app.resolve(int),
            await app.resolve(str),
            await app.resolve(bytes),
        ) == (0, "", b"")


async def test_a_module_imported_twice_alike_is_one() -> None:
    @module(imports=[Feature.configure(Settings(size=2))])
    class Left(Module):
        pass

    @module(imports=[Feature.configure(Settings(size=2)), Left])
    class Right(Module):
        pass

    async with Application(Left, Right) as app:
        assert (await app.resolve(Settings)).size == 2


async def test_a_module_configured_in_two_ways_is_an_error_with_both_chains() -> None:
    @module(imports=[Feature.configure(Settings(size=2))])
    class Left(Module):
        pass

    @module(imports=[Feature.configure(Settings(size=3))])
    class Right(Module):
        pass

    with pytest.raises(ModuleError) as caught:
        await Application(Left, Right).start()

    assert str(caught.value) == (
        "Module 'Feature' is imported twice with different configuration:\n"
        "  Left -> Feature (somewhere.py:1)\n"
        "  Right -> Feature (somewhere.py:1)\n"
        "Configure it in one place and import that."
    )


async def test_setting_a_default_explicitly_is_another_configuration() -> None:
    with pytest.raises(ModuleError, match="imported twice"):
        await Application(
            Feature.configure(), Feature.configure(Settings(size=1))
        ).start()


async def test_two_modules_of_one_name_are_two_modules() -> None:
    def numbered(kind: type) -> type[Module]:
        @module(providers=[bind(kind).to(kind)])
        class Numbered(Module):
            pass

        return Numbered

    async with Application(numbered(int), numbered(str)) as app:
        assert (await app.resolve(int), await app.resolve(str)) == (0, "")


def made_for(
    host: str, *, count: int = 1, prefix: str = "https://", of: type = str
) -> ModuleDefinition:
    """Return a module whose factories are made anew by each call."""

    def client(size: int = count) -> str:
        return host * size

    def base(prefix: str, host: str) -> bytes:
        return (prefix + host).encode()

    base.__annotations__["host"] = of
    return ModuleDefinition(
        name="Made", providers=(client, functools.partial(base, prefix=prefix))
    )


async def test_factories_made_anew_from_equal_values_are_the_same_module() -> None:
    async with Application(made_for("a"), made_for("a")) as app:
        assert await app.resolve(bytes) == b"https://a"
        assert app.modules == ("Made",)


@pytest.mark.parametrize(
    "other",
    [
        made_for("b"),
        made_for("a", count=2),
        made_for("a", prefix="http://"),
        made_for("a", of=int),
    ],
)
async def test_factories_made_from_other_values_are_another_module(
    other: ModuleDefinition,
) -> None:
    with pytest.raises(
        DuplicateBindingError, match="'Made' is there twice.*both bind `bytes`"
    ):
        await Application(made_for("a"), other).start()


class Gear:
    pass


class Gearbox:
    def __init__(self, gear: Gear) -> None:
        self.gear = gear


class Driver:
    def __init__(self, gearbox: Gearbox | None = None) -> None:
        self.gearbox = gearbox


def box(*exports: object) -> ModuleDefinition:
    return ModuleDefinition(name="Box", providers=(Gear, Gearbox), exports=exports)


async def test_a_module_sees_its_own_and_what_others_export() -> None:
    @module(imports=[box(Gearbox)], providers=[Driver])
    class AppModule(Module):
        pass

    async with Application(AppModule) as app:
        assert (await app.resolve(Driver)).gearbox is await app.resolve(Gearbox)
        # The application itself is asked from outside of all modules.
        assert isinstance(await app.resolve(Gear), Gear)


async def test_what_a_module_does_not_export_is_hidden_from_who_imports_it() -> None:
    @module(imports=[box()], providers=[Driver])
    class AppModule(Module):
        pass

    with pytest.raises(GraphError, match="`Gearbox` is not exported"):
        await Application(AppModule).start()


async def test_it_stays_hidden_when_a_test_overrides_it() -> None:
    @module(imports=[box()], providers=[Driver])
    class AppModule(Module):
        pass

    app = Application(AppModule)
    app.override(Gearbox).to(Gearbox(Gear()))

    with pytest.raises(GraphError, match="`Gearbox` is not exported"):
        await app.start()


async def test_an_imported_module_sees_what_stands_beside_it() -> None:
    # As a client finds the recorder of metrics that the application provides.
    inner = ModuleDefinition(name="Inner", providers=(Driver,), exports=(Driver,))

    @module(imports=[inner], providers=[Gear, Gearbox])
    class AppModule(Module):
        pass

    async with Application(AppModule) as app:
        assert (await app.resolve(Driver)).gearbox is await app.resolve(Gearbox)


async def test_what_is_hidden_is_seen_by_all_that_its_module_imports() -> None:
    inner = ModuleDefinition(name="Inner", providers=(Driver,))
    middle = ModuleDefinition(name="Middle", imports=(inner,))
    outer = ModuleDefinition(name="Outer", imports=(middle,), providers=(Gear, Gearbox))

    async with Application(ModuleDefinition(name="App", imports=(outer,))) as app:
        assert (await app.resolve(Driver)).gearbox is not None


async def test_a_module_may_export_its_configuration() -> None:
    reader = ModuleDefinition(
        name="Reader",
        config=ConfigSection("reader", Settings),
        exports=(Settings, Annotated[Settings, Named("reader")]),
    )

    async with Application(reader) as app:
        assert (await app.resolve(Settings)).size == 1


async def test_one_imported_module_sees_only_the_exports_of_another() -> None:
    inner = ModuleDefinition(name="Inner", providers=(Driver,))

    @module(imports=[inner, box(Gearbox)])
    class Beside(Module):
        pass

    @module(imports=[inner, box()])
    class Hidden(Module):
        pass

    async with Application(Beside) as app:
        assert (await app.resolve(Driver)).gearbox is not None
    with pytest.raises(GraphError, match="`Gearbox` is not exported"):
        await Application(Hidden).start()


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
async def test_a_module_given_to_the_application_directly_hides_nothing(
    order: slice,
) -> None:
    @module(imports=[box()])
    class Garage(Module):
        pass

    drivers = ModuleDefinition(name="Drivers", providers=(Driver,))

    modules: list[ModuleSource] = [Garage, box(), drivers]

    async with Application(*modules[order]) as app:
        assert (await app.resolve(Driver)).gearbox is not None


async def test_a_section_of_the_configuration_is_for_all_modules() -> None:
    def size(settings: Settings) -> str:
        return str(settings.size)

    @module(imports=[Feature.configure(Settings(size=4))], providers=[size])
    class AppModule(Module):
        pass

    async with Application(AppModule) as app:
        assert await app.resolve(str) == "4"


async def test_one_key_bound_twice_is_an_error_with_both_places() -> None:
    left = ModuleDefinition(name="Left", providers=(bind(int).to_value(1),))
    right = ModuleDefinition(name="Right", providers=(bind(int).to_value(2),))

    with pytest.raises(
        DuplicateBindingError,
        match=r"`int` is bound twice:\n  in Left \(.*test_core_modules\.py:\d+\)\n"
        r"  in Right \(.*test_core_modules\.py:\d+\)\n",
    ):
        await Application(left, right).start()


async def test_something_else_than_a_module_is_an_error_with_its_importer() -> None:
    @module(imports=[Clock])
    class AppModule(Module):
        pass

    with pytest.raises(ModuleError, match=r"Clock'>, imported by AppModule, is not a"):
        await Application(AppModule).start()


async def test_a_subclass_is_no_module_until_it_is_decorated() -> None:
    @module()
    class Base(Module):
        pass

    class Derived(Base):
        pass

    with pytest.raises(ModuleError, match="is not a module. Decorate the class"):
        await Application(Derived).start()


async def test_one_section_read_by_two_modules_is_an_error_unless_they_agree() -> None:
    def reader(name: str, config: Settings | None) -> ModuleDefinition:
        return ModuleDefinition(
            name=name, config=ConfigSection("shared", Settings, config), origin=name
        )

    async with Application(reader("A", None), reader("B", None)) as app:
        assert (await app.resolve(Settings)).size == 1

    with pytest.raises(ModuleError, match=r"'shared' is read by two modules"):
        await Application(reader("A", None), reader("B", Settings(size=2))).start()


@pytest.mark.parametrize("name", ["", "Http", "a-b", "a__b", "1a", "a_"])
async def test_a_section_that_no_variable_could_name_is_an_error(name: str) -> None:
    odd = ModuleDefinition(name="Odd", config=ConfigSection(name, Settings))

    with pytest.raises(ModuleError, match="cannot name a section"):
        await Application(odd).start()


def test_a_configuration_that_is_no_model_is_refused_without_showing_it() -> None:
    with pytest.raises(TypeError) as caught:
        ConfigSection("feature", Settings, {"size": "s3cret"})
    assert str(caught.value) == (
        "The section 'feature' takes a Settings, and not a dict. Write Settings(...)."
    )


async def test_a_section_without_a_model_is_an_error() -> None:
    odd = ModuleDefinition(name="Odd", config=ConfigSection("odd", int))

    with pytest.raises(ModuleError, match="no pydantic model"):
        await Application(odd).start()
