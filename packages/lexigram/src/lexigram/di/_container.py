"""Answers keys from a validated graph: keeps singletons, and asks for the rest.

Locking: a container builds one thing at a time (`_turn`), so two tasks that ask at once
get one instance. A factory may itself ask the container that is building it; such a
question takes the lock of that construction instead, and waits for no one else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

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
from lexigram.di._short_lived import ShortLived

__all__ = ["Container"]

T = TypeVar("T")

logger = logging.getLogger("lexigram.di")


class Container(ContainerProtocol):
    """Answers keys from a graph, each singleton or scoped instance built once.

    Attributes:
        budget: The time for building; None once the application has booted.
    """

    def __init__(self, graph: Graph, root: Container | None = None) -> None:
        """Take a validated graph; `root` for the container of a scope."""
        self.budget: Budget | None = None
        self._graph = graph
        self._root = root
        self._turn = asyncio.Lock()
        self._singletons: dict[Key, Any] = {}
        self._keepers: list[Keeper] = []
        self._short_lived: ShortLived | None = None
        self._closed = False
        self._deadline = 0.0
        self._failures: list[BaseException] = []

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
        singletons = (self._root or self)._singletons  # noqa: SLF001 - ours
        if key in singletons:
            return singletons[key]
        one = self._graph[key]
        if self._root is None and self._graph.is_scoped(one):
            raise NotRegisteredError(
                f"`{key}` lives as long as a scope. Ask for it inside "
                "`async with app.scope() as scope:`."
            )
        around = self._construction()
        async with around.turn if around else self._turn:
            token = _place.set(_Place(self, around))
            try:
                return await self._answer(one)
            finally:
                _place.reset(token)

    async def create_singletons(self, budget: Budget) -> None:
        """Build every singleton, dependencies first.

        Raises:
            BootTimeoutError: The budget was spent.
        """
        self.budget = budget
        for one in self._graph.singletons():
            await self.get(one.key)
        self.budget = None
        if any(one.recipe and one.scope != "singleton" for one in self._graph):
            self._shorter()  # now, so that the first scope does not wait for it

    async def singleton(self, one: Registration, recipe: Recipe) -> Any:
        """Return the instance of a singleton, building it when there is none yet."""
        if self._root is not None:
            return await self._root.singleton(one, recipe)
        if one.key not in self._singletons:
            self._singletons[one.key] = await self._build(one, recipe)
        return self._singletons[one.key]

    def keys_of(self, kind: type[Any]) -> list[Key]:
        """Return the keys of a type that are registered: by name, and without."""
        return [one.key for one in self._graph if one.key.type is kind]

    def enter(self) -> Container:
        """Return a container for one scope."""
        return Container(self._graph, self)

    async def close(self, limit: float) -> None:
        """End what was created, in reverse, within `limit` seconds.

        Raises:
            BaseExceptionGroup: What the teardowns raised; all of them were run. An
                `ExceptionGroup`, unless one raised no `Exception`.
        """
        self._closed = True
        self._deadline = asyncio.get_running_loop().time() + limit
        if self._short_lived is not None:
            await self._short_lived.close()
        while self._keepers:
            await self.end(self._keepers.pop())
        self._singletons.clear()
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

    async def construct(
        self, one: Registration, recipe: Recipe, found: dict[str, Any]
    ) -> Any:
        """Call the factory; of a generator, return its keeper.

        An exception passes through unchanged, with a note saying where.
        """
        construction = _Construction(self, one, _place.get().around)
        construction.refuse_cycle()
        for need in recipe.needs:
            if need.key == CONTAINER:
                found[need.parameter] = self
        token = _place.set(_Place(self, construction))
        try:
            if recipe.ends:
                keeper = Keeper(recipe.lifetime(found), str(one))
                await self._in_time(keeper.ready(), one)
                return keeper
            built = recipe.call(found)
            return await self._in_time(built, one) if recipe.waits(built) else built
        except BaseException as error:  # noted, and raised again
            error.add_note(f"While building `{one}` for {one.module} ({one.origin}).")
            raise
        finally:
            _place.reset(token)
            construction.running = False

    async def _in_time(self, work: Awaitable[T], one: Registration) -> T:
        if self.budget is None:
            return await work
        async with self.budget.spend(str(one)):
            return await work

    async def _answer(self, one: Registration) -> Any:
        if one.recipe is None:
            return one.hand_out()
        if one.scope == "singleton":
            return await self.singleton(one, one.recipe)
        return await self._shorter().get(one.key)

    def _shorter(self) -> ShortLived:
        """Return what builds the rest, compiled only where there is any."""
        if self._short_lived is None:
            self._short_lived = (
                self._root._shorter().enter()  # noqa: SLF001 - ours
                if self._root
                else ShortLived.of(self._graph, lambda: _place.get().container)
            )
        return self._short_lived

    async def _build(self, one: Registration, recipe: Recipe) -> Any:
        needs = self._graph.needs(one).items()
        found = {name: await self._answer(need) for name, need in needs}
        built = await self.construct(one, recipe, found)
        if not recipe.ends:
            return built
        self._keepers.append(built)
        return built.instance

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
