"""What lives shorter than the application, on dishka, which caches and ends it.

dishka compiles a function for each thing that it builds. That pays for what every scope
builds anew; for what is built once, it would take longer than the rest of the boot.

It sees one opaque token per key, so that its own rules for generics, unions and
`Annotated` never differ from those that the graph was validated by.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from inspect import Parameter, Signature
from typing import Any, Protocol, TypeAlias

import dishka

from lexigram.di._assembly import Registration
from lexigram.di._graph import Graph
from lexigram.di._keeper import Keeper
from lexigram.di._keys import Key
from lexigram.di._recipes import Recipe

__all__ = ["Builder", "ShortLived"]


class Builder(Protocol):
    """The container for which something is built."""

    async def singleton(self, one: Registration, recipe: Recipe) -> Any:
        """Return the instance of a singleton."""

    async def construct(
        self, one: Registration, recipe: Recipe, found: dict[str, Any]
    ) -> Any:
        """Call the factory; of a generator, return its keeper."""

    async def end(self, keeper: Keeper) -> None:
        """End what a generator yielded."""


Asking: TypeAlias = Callable[[], Builder]
"""Returns the container that is asked at the moment."""


class ShortLived:
    """Builds what is scoped or transient."""

    def __init__(self, inner: dishka.AsyncContainer, tokens: Mapping[Key, Any]) -> None:
        self._inner = inner
        self._tokens = tokens

    @classmethod
    def of(cls, graph: Graph, asking: Asking) -> ShortLived:
        """Compile what of a validated graph is no singleton, and what that needs."""
        shorter = [one for one in graph if one.scope != "singleton"]
        needed = (need for one in shorter for need in graph.needs(one).values())
        members = {one.key: one for one in (*shorter, *needed)}
        tokens: dict[Key, Any] = {key: type(str(key), (), {}) for key in members}
        provider = dishka.Provider()
        for one in members.values():
            needs = {name: tokens[key] for name, key in _needs(one, graph)}
            provider.provide(
                _asking_for(needs, _maker(one, asking)),
                provides=tokens[one.key],
                scope=_dishka_scope(graph, one),
                cache=one.scope != "transient",
            )
        # The containers that ask have a lock, and the graph was validated.
        inner = dishka.make_async_container(
            provider, lock_factory=None, skip_validation=True
        )
        return cls(inner, tokens)

    def enter(self) -> ShortLived:
        """Return what builds for one scope."""
        return ShortLived(self._inner(), self._tokens)

    async def get(self, key: Key) -> Any:
        """Return the instance of a key, building it when there is none yet."""
        return await self._inner.get(self._tokens[key])

    async def close(self) -> None:
        """End what was created, in reverse."""
        await self._inner.close()


def _needs(one: Registration, graph: Graph) -> list[tuple[str, Key]]:
    """Return what dishka has to find first; a singleton's needs are not its affair."""
    if one.scope == "singleton":
        return []
    return [(name, need.key) for name, need in graph.needs(one).items()]


def _dishka_scope(graph: Graph, one: Registration) -> dishka.Scope:
    return dishka.Scope.REQUEST if graph.is_scoped(one) else dishka.Scope.APP


def _asking_for(
    needs: Mapping[str, Any], make: Callable[..., Any]
) -> Callable[..., Any]:
    """Give `make` the parameters that dishka is to fill, as keywords."""
    make.__annotations__ = dict(needs)
    parameters = [
        Parameter(name, Parameter.KEYWORD_ONLY, annotation=token)
        for name, token in needs.items()
    ]
    vars(make)["__signature__"] = Signature(parameters)
    return make


def _maker(one: Registration, asking: Asking) -> Callable[..., Any]:
    recipe = one.recipe
    if recipe is None:
        return _constant(one)
    if one.scope == "singleton":
        return _kept(one, recipe, asking)
    return (_with_end if recipe.ends else _without_end)(one, recipe, asking)


def _constant(one: Registration) -> Callable[..., Any]:
    def make() -> Any:
        return one.hand_out()

    return make


def _kept(
    one: Registration, recipe: Recipe, asking: Asking
) -> Callable[..., Awaitable[Any]]:
    async def make() -> Any:
        return await asking().singleton(one, recipe)

    return make


def _without_end(
    one: Registration, recipe: Recipe, asking: Asking
) -> Callable[..., Awaitable[Any]]:
    async def make(**found: Any) -> Any:
        return await asking().construct(one, recipe, found)

    return make


def _with_end(
    one: Registration, recipe: Recipe, asking: Asking
) -> Callable[..., AsyncIterator[Any]]:
    async def make(**found: Any) -> AsyncIterator[Any]:
        container = asking()
        keeper = await container.construct(one, recipe, found)
        yield keeper.instance
        await container.end(keeper)

    return make
