"""How what lives as long as the application meets what lives shorter."""

import asyncio
from collections.abc import AsyncIterator, Iterator

from lexigram import Application
from lexigram.contracts.di import ModuleDefinition
from lexigram.di import ContainerProtocol, bind, provide


class Engine:
    pass


class Session:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine


def application(*providers: object) -> Application:
    return Application(ModuleDefinition(name="Test", providers=providers))  # type: ignore[arg-type]  # functions of any shape


async def test_every_scope_gets_the_singleton_of_the_application() -> None:
    async with application(Engine, provide(Session, scope="scoped")) as app:
        engine = await app.resolve(Engine)
        async with app.scope() as one, app.scope() as other:
            first, second = await one.resolve(Session), await other.resolve(Session)

            assert first is not second
            assert first.engine is second.engine is engine
            assert await one.resolve(Engine) is engine


async def test_a_scope_is_given_values_and_what_it_is_built_by() -> None:
    class Request:
        def __init__(self, path: str, container: ContainerProtocol) -> None:
            self.path = path
            self.container = container

    async with (
        application(
            bind(str).to_value("/orders"), provide(Request, scope="scoped")
        ) as app,
        app.scope() as scope,
    ):
        request = await scope.resolve(Request)

        assert request.path == "/orders"
        assert request.container is scope


async def test_a_factory_may_ask_for_what_needs_a_singleton_that_comes_later() -> None:
    class Index:
        def __init__(self, session: Session) -> None:
            self.session = session

    async def index(container: ContainerProtocol) -> Index:
        return Index(await container.resolve(Session))

    async with application(index, provide(Session, scope="transient"), Engine) as app:
        found = await app.resolve(Index)

        assert found.session.engine is await app.resolve(Engine)
        assert found.session is not await app.resolve(Session)


async def test_what_a_scope_created_ends_before_what_the_application_did() -> None:
    ended: list[str] = []

    def engine() -> Iterator[Engine]:
        yield Engine()
        ended.append("engine")

    async def session(engine: Engine) -> AsyncIterator[Session]:
        yield Session(engine)
        ended.append("session")

    async with application(engine, provide(session, scope="scoped")) as app:
        async with app.scope() as scope:
            await scope.resolve(Session)
        assert ended == ["session"]

    assert ended == ["session", "engine"]


async def test_a_singleton_is_answered_while_something_else_is_being_built() -> None:
    building, go = asyncio.Event(), asyncio.Event()

    async def slow(engine: Engine) -> Session:
        building.set()
        await go.wait()
        return Session(engine)

    async with (
        application(Engine, provide(slow, scope="transient")) as app,
        asyncio.timeout(10),
        asyncio.TaskGroup() as group,
    ):
        session = group.create_task(app.resolve(Session))
        await building.wait()
        engine = await app.resolve(Engine)
        assert not session.done()
        go.set()

    assert session.result().engine is engine


async def test_a_long_chain_is_built_whichever_end_was_registered_first() -> None:
    links = [type(f"Link{number}", (), {}) for number in range(300)]

    def from_the_one_before(number: int) -> object:
        def make(before: object) -> object:
            return links[number]()

        make.__annotations__ = {"before": links[number - 1], "return": links[number]}
        return make

    chain = [links[0], *map(from_the_one_before, range(1, len(links)))]
    for providers in (chain, chain[::-1]):
        async with application(*providers) as app:
            assert isinstance(await app.resolve(links[-1]), links[-1])
