import asyncio
import functools
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Generic, NamedTuple, Protocol, TypeVar

import pytest
from pydantic import BaseModel

from lexigram import Application
from lexigram.contracts.di import ModuleDefinition
from lexigram.di import (
    Binding,
    ContainerProtocol,
    DependencyCycleError,
    ModuleError,
    Named,
    NotRegisteredError,
    bind,
    provide,
)

T = TypeVar("T")


class Clock(Protocol):
    def now(self) -> float: ...


class Stopped:
    def now(self) -> float:
        return 1.0


class Service:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock


class Store(ABC):
    @abstractmethod
    def read(self) -> str: ...


class MemoryStore(Store):
    def read(self) -> str:
        return "memory"


class Codec(Generic[T]):
    pass


class Repository(Generic[T]):
    def __init__(self, codec: Codec[T]) -> None:
        self.codec = codec


class IntRepository(Repository[int]):
    pass


def application(*providers: object) -> Application:
    return Application(ModuleDefinition(name="Test", providers=providers))  # type: ignore[arg-type]  # wrong ones are tested too


async def test_a_constructor_gets_what_its_hints_ask_for() -> None:
    async with application(Service, bind(Clock).to(Stopped)) as app:
        service = await app.resolve(Service)

        assert isinstance(service.clock, Stopped)
        assert service.clock is await app.resolve(Clock)


async def test_an_abstract_class_is_a_key() -> None:
    async with application(bind(Store).to(MemoryStore)) as app:
        assert (await app.resolve(Store)).read() == "memory"


async def test_parametrised_generics_are_keys_of_their_own() -> None:
    codec = Codec[int]()
    async with application(
        bind(Codec[int]).to_value(codec),
        bind(Codec[str]).to(Codec[str]),
        Repository[int],
        bind(Repository[str]).to(Repository[str]),
        IntRepository,
    ) as app:
        assert (await app.resolve(Repository[int])).codec is codec
        assert type((await app.resolve(Repository[str])).codec) is Codec
        assert (await app.resolve(IntRepository)).codec is codec


async def test_names_tell_bindings_of_one_type_apart() -> None:
    def label(
        left: Annotated[int, Named("left")],
        right: Annotated[int, Named("right")],
        middle: Annotated[int | None, Named("middle")] = None,
    ) -> str:
        return f"{left}{right}{middle}"

    async with application(
        label,
        bind(Annotated[int, Named("left")]).to_value(1),
        bind(Annotated[int, Named("right")]).to_value(2),
    ) as app:
        assert await app.resolve(str) == "12None"
        assert await app.resolve(Annotated[int, Named("right")]) == 2


async def make_async(store: Store) -> str:
    return f"async {store.read()}"


def make_sync(store: Store) -> str:
    return f"sync {store.read()}"


def generate(store: Store) -> Iterator[str]:
    yield f"generated {store.read()}"


async def generate_async(store: Store) -> AsyncIterator[str]:
    yield f"generated async {store.read()}"


def untyped_default(store: Store, count=2) -> str:  # type: ignore[no-untyped-def]
    return f"untyped {store.read()} {count}"


def positional_only(store: Store, /, count: int = 2, *rest: int, **more: int) -> str:
    return f"positional {store.read()} {count} {rest} {more}"


def make_later(store: Store) -> Awaitable[str]:
    return make_async(store)


class Maker:
    def method(self, store: Store) -> str:
        return f"method {store.read()}"

    def __call__(self, store: Store) -> str:
        return f"callable {store.read()}"


def two(store: Store, prefix: str) -> str:
    return f"{prefix} {store.read()}"


@pytest.mark.parametrize(
    ("factory", "expected"),
    [
        (make_async, "async memory"),
        (make_sync, "sync memory"),
        (make_later, "async memory"),
        (generate, "generated memory"),
        (generate_async, "generated async memory"),
        (untyped_default, "untyped memory 2"),
        (positional_only, "positional memory 2 () {}"),
        (Maker().method, "method memory"),
        (Maker(), "callable memory"),
        (functools.partial(two, prefix="partial"), "partial memory"),
        (provide(make_sync), "sync memory"),
        (bind(str).to(make_sync), "sync memory"),
    ],
)
async def test_every_kind_of_factory_is_injected(
    factory: object, expected: str
) -> None:
    async with application(bind(Store).to(MemoryStore), factory) as app:
        assert await app.resolve(str) == expected


async def test_only_a_generator_s_result_is_taken_apart() -> None:
    def hosts() -> Iterable[str]:
        return ["a", "b"]

    async with application(hosts) as app:
        assert await app.resolve(Iterable[str]) == ["a", "b"]


@dataclass
class Record:
    store: Store
    count: int = 3


class Pair(NamedTuple):
    store: Store
    size: int = 3


class Settings(BaseModel):
    count: int = 5


async def test_dataclasses_and_tuples_are_built_from_their_fields() -> None:
    async with application(Record, Pair, bind(Store).to(MemoryStore)) as app:
        assert (await app.resolve(Record)).store.read() == "memory"
        assert (await app.resolve(Pair)).size == 3


async def test_the_fields_of_a_model_are_not_injected() -> None:
    async with application(Settings, bind(int).to_value(9)) as app:
        assert (await app.resolve(Settings)).count == 5


class Optional:
    def __init__(self, clock: Clock | None = None, retries: int = 3) -> None:
        self.clock = clock
        self.retries = retries


async def test_a_default_is_used_when_nothing_is_registered() -> None:
    async with application(Optional) as app:
        found = await app.resolve(Optional)

    assert (found.clock, found.retries) == (None, 3)


async def test_what_is_registered_wins_over_a_default() -> None:
    async with application(
        Optional, bind(Clock).to(Stopped), bind(int).to_value(7)
    ) as app:
        found = await app.resolve(Optional)

    assert isinstance(found.clock, Stopped)
    assert found.retries == 7


async def test_an_optional_dependency_that_fails_to_build_is_an_error() -> None:
    class Broken(Stopped):
        def __init__(self) -> None:
            raise OSError("no clock here")

    app = application(Optional, bind(Clock).to(Broken))

    with pytest.raises(OSError, match="no clock here") as caught:
        await app.start()
    assert "While building `Broken` for Test" in caught.value.__notes__[0]


async def test_a_union_is_never_guessed_at() -> None:
    def choose(either: int | str = "neither") -> bytes:
        return str(either).encode()

    async with application(choose, bind(int).to_value(1)) as app:
        assert await app.resolve(bytes) == b"neither"


async def test_scoped_instances_are_shared_within_their_scope_only() -> None:
    class Session:
        pass

    class Work:
        def __init__(self, session: Session) -> None:
            self.session = session

    async with (
        application(
            provide(Session, scope="scoped"), provide(Work, scope="scoped")
        ) as app,
        app.scope() as one,
        app.scope() as other,
    ):
        first = await one.resolve(Work)

        assert first.session is await one.resolve(Session)
        assert first.session is not await other.resolve(Session)


async def test_two_tasks_that_resolve_at_once_get_one_instance() -> None:
    started, go = asyncio.Event(), asyncio.Event()
    built: list[object] = []

    async def slow() -> bytes:
        started.set()
        await go.wait()
        built.append(None)
        return b"one"

    async with (
        application(provide(slow, scope="scoped")) as app,
        app.scope() as scope,
        asyncio.timeout(10),
        asyncio.TaskGroup() as group,
    ):
        first = group.create_task(scope.resolve(bytes))
        await started.wait()
        second = group.create_task(scope.resolve(bytes))
        # The second is waiting for its turn before the first may go on.
        await asyncio.sleep(0)
        go.set()

    assert len(built) == 1
    assert first.result() is second.result()


async def test_a_transient_is_made_anew_for_each_that_asks() -> None:
    class Token:
        pass

    class Left:
        def __init__(self, token: Token) -> None:
            self.token = token

    async with application(provide(Token, scope="transient"), Left) as app:
        assert (await app.resolve(Left)).token is not await app.resolve(Token)


async def test_a_transient_may_need_something_scoped() -> None:
    class Session:
        pass

    class Command:
        def __init__(self, session: Session) -> None:
            self.session = session

    async with application(
        provide(Session, scope="scoped"), provide(Command, scope="transient")
    ) as app:
        async with app.scope() as scope:
            first, second = (
                await scope.resolve(Command),
                await scope.resolve(Command),
            )

            assert first is not second
            assert first.session is second.session
        with pytest.raises(NotRegisteredError, match=r"app\.scope\(\)"):
            await app.resolve(Command)


async def test_a_transient_generator_is_refused() -> None:
    with pytest.raises(ModuleError, match="nothing would ever end what it yields"):
        await application(provide(generate, scope="transient")).start()


async def test_singletons_are_created_when_the_application_starts() -> None:
    built: list[str] = []

    class Eager:
        def __init__(self) -> None:
            built.append("eager")

    async with application(Eager):
        assert built == ["eager"]


async def test_the_container_itself_can_be_injected() -> None:
    class Edge:
        def __init__(self, container: ContainerProtocol) -> None:
            self.container = container

    async with application(Edge, bind(int).to_value(4)) as app:
        edge = await app.resolve(Edge)

        assert await edge.container.resolve(int) == 4
        assert await edge.container.resolve(ContainerProtocol) is edge.container


async def test_what_is_scoped_gets_the_container_of_its_scope() -> None:
    class Session:
        pass

    class Edge:
        def __init__(self, container: ContainerProtocol) -> None:
            self.container = container

    async with (
        application(
            provide(Session, scope="scoped"), provide(Edge, scope="scoped")
        ) as app,
        app.scope() as scope,
    ):
        edge = await scope.resolve(Edge)

        assert edge.container is scope
        assert await edge.container.resolve(Session) is await scope.resolve(Session)


async def test_a_factory_may_ask_the_container_that_builds_it() -> None:
    ends: list[str] = []

    async def late() -> AsyncIterator[int]:
        yield 1
        ends.append("late")

    async def early(container: ContainerProtocol) -> AsyncIterator[str]:
        one, other = await asyncio.gather(
            container.resolve(int), container.resolve(int)
        )
        yield f"{one}{other}"
        ends.append("early")

    async with asyncio.timeout(10), application(early, late) as app:
        assert await app.resolve(str) == "11"

    assert ends == ["early", "late"]


async def test_factories_that_ask_the_container_for_each_other_are_an_error() -> None:
    async def left(container: ContainerProtocol) -> int:
        return len(await container.resolve(str))

    async def right(container: ContainerProtocol) -> str:
        return str(await container.resolve(int))

    async with asyncio.timeout(10):
        with pytest.raises(DependencyCycleError, match="left -> right -> left"):
            await application(left, right).start()


async def test_a_task_started_by_a_factory_asks_like_anyone_else_afterwards() -> None:
    class Worker:
        def __init__(self, container: ContainerProtocol) -> None:
            self.go = asyncio.Event()
            self.answer = asyncio.create_task(self.work(container))

        async def work(self, container: ContainerProtocol) -> int:
            await self.go.wait()
            return await container.resolve(int)

    async with application(Worker, bind(int).to_value(6)) as app:
        worker = await app.resolve(Worker)
        worker.go.set()

        assert await asyncio.wait_for(worker.answer, 10) == 6


async def test_a_question_for_something_unknown_names_what_is_near() -> None:
    async with application(
        bind(Clock).to(Stopped), bind(Annotated[str, Named("left")]).to_value("")
    ) as app:
        with pytest.raises(NotRegisteredError, match="Nearest registered: `Clock`"):
            await app.resolve(type("Cloc", (), {}))
        with pytest.raises(LookupError, match=r"`Annotated\[str, Named\('left'\)\]`"):
            await app.resolve(str)
        with pytest.raises(NotRegisteredError, match=r"`Codec\[int\]`\. Add"):
            await app.resolve(Codec[int])
        with pytest.raises(NotRegisteredError, match=r"`bytes \| None`\."):
            await app.resolve(bytes | None)


def nothing() -> None:
    """Say that nothing is built."""


def untyped_generator() -> Iterator:  # type: ignore[type-arg]
    yield 1


@pytest.mark.parametrize(
    ("provider", "message"),
    [
        (nothing, "does not say what it returns"),
        (untyped_generator, "does not say what it returns"),
        (lambda: 1, "does not say what it returns"),
        (lambda count: count, "Parameter 'count' of .* has no type hint"),
        (4, "4 cannot build anything"),
        (Binding(None, None, None), "neither a key nor a factory"),
    ],
)
async def test_a_provider_that_cannot_be_understood_is_an_error(
    provider: object, message: str
) -> None:
    with pytest.raises(ModuleError, match=message):
        await application(provider).start()
