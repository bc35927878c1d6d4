import pytest

from lexigram import Application
from lexigram.contracts.di import ModuleDefinition
from lexigram.di import GraphError, bind, provide
from lexigram.di.module import Module, module

built: list[str] = []


class Pool:
    pass


class Client:
    def __init__(self, pool: Pool) -> None:
        built.append("Client")


class Billing:
    def __init__(self, client: Client) -> None:
        built.append("Billing")


class First:
    def __init__(self) -> None:
        built.append("First")


async def problems_of(*providers: object) -> tuple[str, ...]:
    definition = ModuleDefinition(name="AppModule", providers=providers)  # type: ignore[arg-type]  # any of them
    built.clear()
    with pytest.raises(GraphError) as caught:
        await Application(definition).start()
    assert built == []
    assert all(problem in str(caught.value) for problem in caught.value.problems)
    return caught.value.problems


async def test_a_missing_dependency_is_reported_before_any_constructor_runs() -> None:
    (problem,) = await problems_of(First, Billing, Client)

    lines = problem.splitlines()
    assert lines[0] == "No provider for `Pool`."
    assert lines[1] == "  AppModule -> Client(pool=...) -> Pool"
    assert lines[2].startswith("  asked for at ")
    line = Client.__init__.__code__.co_firstlineno
    assert lines[2].endswith(f"test_core_graph.py:{line}")
    assert lines[3].startswith("  Add a provider of it to AppModule, import a module")


async def test_every_missing_dependency_is_in_one_report() -> None:
    def other(count: int) -> str:
        return str(count)

    problems = await problems_of(Billing, other)

    assert [problem.splitlines()[0] for problem in problems] == [
        "No provider for `Client`.",
        "No provider for `int`.",
    ]


async def test_a_missing_dependency_names_what_is_near() -> None:
    class Pools:
        pass

    (problem,) = await problems_of(Client, Pools)

    assert problem.endswith("Nearest registered: `Pools`.")


async def test_the_module_that_asks_is_named() -> None:
    @module(providers=[Client])
    class Inner(Module):
        pass

    @module(imports=[Inner])
    class Outer(Module):
        pass

    with pytest.raises(GraphError, match="Inner -> Client"):
        await Application(Outer).start()


class Hen:
    def __init__(self, egg: "Egg") -> None:
        built.append("Hen")


class Egg:
    def __init__(self, hen: Hen | None = None) -> None:
        built.append("Egg")


class Farm:
    def __init__(self, hen: Hen) -> None:
        built.append("Farm")


async def test_a_cycle_is_reported_once_with_its_path() -> None:
    (problem,) = await problems_of(First, Farm, Hen, Egg)

    assert problem.splitlines()[:2] == [
        "These need each other.",
        "  Hen(egg=...) -> Egg(hen=...) -> Hen",
    ]
    assert "  Egg in AppModule: " in problem


async def test_what_needs_itself_is_a_cycle() -> None:
    def again(text: str) -> str:
        return text

    (problem,) = await problems_of(again)

    assert "again(text=...) -> again" in problem


@pytest.mark.parametrize("through", ["singleton", "transient"])
async def test_a_singleton_cannot_keep_what_is_scoped(through: str) -> None:
    between = provide(Client, scope=through)  # type: ignore[arg-type]
    asker = Billing if through == "transient" else First

    (problem,) = await problems_of(asker, provide(Pool, scope="scoped"), between)

    name = "Billing" if through == "transient" else "Client"
    assert problem.startswith(f"`{name}` lives as long as the application and would")


async def test_a_long_chain_is_built_in_the_order_of_need() -> None:
    definition = ModuleDefinition(name="All", providers=(Billing, Client, Pool, First))
    built.clear()

    async with Application(definition):
        assert built == ["Client", "Billing", "First"]


async def test_a_bound_factory_is_named_in_the_path_and_not_its_key() -> None:
    (problem,) = await problems_of(bind(Billing).to(Billing))

    assert "AppModule -> Billing(client=...) -> Client" in problem
