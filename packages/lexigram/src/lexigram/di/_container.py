"""A validated graph on dishka, which caches, scopes and remembers what to end.

dishka sees one opaque token per key, so that its own rules for generics, unions and
`Annotated` never differ from those that the graph was validated by.

Locking: a container builds one thing at a time (`_turn`), so two tasks that ask at once
get one instance. A factory may itself ask the container that is building it; such a
question takes the lock of that construction instead, and waits for no one else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from inspect import Parameter, Signature
from typing import Any, TypeVar

import dishka
from typing_extensions import TypeForm

from lexigram.contracts.di import ContainerProtocol
from lexigram.di._assembly import Registration
from lexigram.di._budget import Budget
from lexigram.di._errors import (
    ContainerClosedError,
    DependencyCycleError,
    NotRegisteredError,
)
from lexigram.di._graph import CONTAINER, Graph
from lexigram.di._keeper import Keeper
from lexigram.di._keys import Key, key_of
from lexigram.di._recipes import Recipe

__all__ = ["Container"]

T = TypeVar("T")

logger = logging.getLogger("lexigram.di")


class Container(ContainerProtocol):
    """Answers keys from a graph, each singleton or scoped instance built once.

    Attributes:
        budget: The time for building; None once the application has booted.
    """

    def __init__(
        self,
        graph: Graph,
        inner: dishka.AsyncContainer,
        tokens: Mapping[Key, Any],
        root: Container | None = None,
    ) -> None:
        """Take a compiled graph; `root` for the container of a scope."""
        self.budget: Budget | None = None
        self._graph = graph
        self._inner = inner
        self._tokens = tokens
        self._turn = asyncio.Lock()
        self._root = root
        self._closed = False
        self._deadline = 0.0
        self._failures: list[BaseException] = []

    @classmethod
    def of(cls, graph: Graph) -> Container:
        """Compile a graph that was validated."""
        tokens: dict[Key, Any] = {one.key: type(str(one.key), (), {}) for one in graph}
        provider = dishka.Provider()
        for one in graph:
            provider.provide(
                _maker(one, graph, tokens),
                provides=tokens[one.key],
                scope=_dishka_scope(graph, one),
                cache=one.scope != "transient",
            )
        # Locking is done here, see above, and so is the validation.
        inner = dishka.make_async_container(
            provider, lock_factory=None, skip_validation=True
        )
        return cls(graph, inner, tokens)

    async def resolve(self, key: TypeForm[T]) -> T:
        """Return the instance of `key`, building it when there is none yet.

        Raises:
            NotRegisteredError: Nothing is registered under `key`, or only for scopes.
            ContainerClosedError: The application, or the scope, is over.
        """
        found: T = await self.get(key_of(key))
        return found

    async def get(self, key: Key) -> Any:
        """Return the instance of a key that was read already."""
        if self._closed or (self._root and self._root._closed):  # noqa: SLF001 - ours
            # What would be built now, nothing would end.
            raise ContainerClosedError(
                f"`{key}` was asked for when the container was closed already."
            )
        if key == CONTAINER:
            return self
        one = self._graph[key]
        if self._root is None and self._graph.is_scoped(one):
            raise NotRegisteredError(
                f"`{key}` lives as long as a scope. Ask for it inside "
                "`async with app.scope() as scope:`."
            )
        around = self._construction()
        async with around.turn if around else self._turn:
            with _at(_Place(self, around)):
                return await self._inner.get(self._tokens[key])

    async def create_singletons(self, budget: Budget) -> None:
        """Build every singleton, dependencies first.

        Raises:
            BootTimeoutError: The budget was spent.
        """
        self.budget = budget
        for one in self._graph:
            if one.scope == "singleton":
                await self.get(one.key)
        self.budget = None

    def keys_of(self, kind: type[Any]) -> list[Key]:
        """Return the keys of a type that are registered: by name, and without."""
        return [one.key for one in self._graph if one.key.type is kind]

    def enter(self) -> Container:
        """Return a container for one scope."""
        return Container(self._graph, self._inner(), self._tokens, self)

    async def close(self, limit: float) -> None:
        """End what was created, in reverse, within `limit` seconds.

        Raises:
            BaseExceptionGroup: What the teardowns raised; all of them were run. An
                `ExceptionGroup`, unless one raised no `Exception`.
        """
        self._closed = True
        self._deadline = asyncio.get_running_loop().time() + limit
        await self._inner.close()
        if self._failures:
            raise BaseExceptionGroup("Some teardowns failed.", self._failures)

    async def end(self, keeper: Keeper) -> None:
        """End one instance; a failure is kept for `close`, and the rest goes on."""
        left = self._deadline - asyncio.get_running_loop().time()
        try:
            # Half of what is left, so that one that hangs leaves time for the others.
            await keeper.stop(max(left, 0) / 2)
        except (asyncio.CancelledError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - user code; `close` raises it
            error.add_note(f"In the teardown of `{keeper.name}`.")
            self._failures.append(error)
            logger.error(  # noqa: TRY400 - `close` raises it with its traceback
                "container.teardown_failed",
                extra={"binding": keeper.name, "error": str(error)},
            )

    def _construction(self) -> _Construction | None:
        """Return the innermost construction of this container around the caller."""
        place = _place.get(None)
        around = place.around if place else None
        while around and not (around.running and around.container is self):
            around = around.outer
        return around


@dataclass(slots=True, eq=False)
class _Construction:
    """One call of a factory."""

    container: Container
    one: Registration
    outer: _Construction | None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    # A task that a factory started inherits its context and may outlive the call.
    running: bool = True

    def refuse_cycle(self) -> None:
        """Fail if the same thing is being built further out: it would never end."""
        path, around = [self.one], self.outer
        while around:
            path.insert(0, around.one)
            if around.running and around.one is self.one:
                raise DependencyCycleError(
                    "The container is asked for what is being built: "
                    f"{' -> '.join(map(str, path))}. Ask later, not in the factory."
                )
            around = around.outer


@dataclass(frozen=True, slots=True)
class _Place:
    container: Container
    around: _Construction | None


_place: ContextVar[_Place] = ContextVar("lexigram_place")


@contextmanager
def _at(place: _Place) -> Generator[None, None, None]:
    token = _place.set(place)
    try:
        yield
    finally:
        _place.reset(token)


def _dishka_scope(graph: Graph, one: Registration) -> dishka.Scope:
    return dishka.Scope.REQUEST if graph.is_scoped(one) else dishka.Scope.APP


def _maker(
    one: Registration, graph: Graph, tokens: Mapping[Key, Any]
) -> Callable[..., Any]:
    """Return what dishka calls: parameters as keywords, their tokens as hints."""
    recipe = one.recipe
    make: Any = _constant(one)
    if recipe is not None:
        make = (_with_end if recipe.ends else _without_end)(one, recipe)
    hints = {name: tokens[need.key] for name, need in graph.needs(one).items()}
    make.__annotations__ = hints
    make.__signature__ = Signature(
        [
            Parameter(name, Parameter.KEYWORD_ONLY, annotation=hint)
            for name, hint in hints.items()
        ]
    )
    made: Callable[..., Any] = make
    return made


def _constant(one: Registration) -> Callable[..., Any]:
    def make() -> Any:
        if one.on_use is not None:
            one.on_use()
        return one.value

    return make


def _without_end(one: Registration, recipe: Recipe) -> Callable[..., Awaitable[Any]]:
    async def make(**found: Any) -> Any:
        return await _construct(one, recipe, found)

    return make


def _with_end(one: Registration, recipe: Recipe) -> Callable[..., AsyncIterator[Any]]:
    async def make(**found: Any) -> AsyncIterator[Any]:
        keeper, container = await _construct(one, recipe, found)
        yield keeper.instance
        await container.end(keeper)

    return make


async def _construct(one: Registration, recipe: Recipe, found: dict[str, Any]) -> Any:
    """Call the factory; of a generator, return its keeper and the one who ends it."""
    place = _place.get()
    construction = _Construction(place.container, one, place.around)
    construction.refuse_cycle()
    for need in recipe.needs:
        if need.key == CONTAINER:
            found[need.parameter] = place.container
    try:
        budget = place.container.budget
        with _at(_Place(place.container, construction)):
            async with budget.spend(str(one)) if budget else nullcontext():
                if not recipe.ends:
                    return await recipe.build(found)
                keeper = Keeper(recipe.lifetime(found), str(one))
                await keeper.ready()
                return keeper, place.container
    except BaseException as error:  # noted, and raised again
        error.add_note(f"While building `{one}` for {one.module} ({one.origin}).")
        raise
    finally:
        construction.running = False
