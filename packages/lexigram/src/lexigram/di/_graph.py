"""All registrations by key, and whether they fit together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from lexigram.contracts.di import ContainerProtocol
from lexigram.di._assembly import Registration
from lexigram.di._errors import DuplicateBindingError, GraphError, NotRegisteredError
from lexigram.di._hints import where
from lexigram.di._keys import Key, nearest
from lexigram.di._recipes import Need

__all__ = ["CONTAINER", "Graph"]

CONTAINER = Key(ContainerProtocol)
"""Answered by whichever container is asked; nobody registers it."""


class Graph:
    """What can be built, and from what. Nothing here builds anything."""

    def __init__(self, registrations: Iterable[Registration]) -> None:
        self._by_key: dict[Key, Registration] = {}
        for one in registrations:
            other = self._by_key.setdefault(one.key, one)
            if other is not one:
                raise DuplicateBindingError(
                    f"`{one.key}` is bound twice:\n"
                    f"  in {other.module} ({other.origin})\n"
                    f"  in {one.module} ({one.origin})\n"
                    "Remove one, tell them apart with `Named`, or replace one from "
                    "outside with `app.override(...)`."
                )

    def __iter__(self) -> Iterator[Registration]:
        return iter(self._by_key.values())

    def __getitem__(self, key: Key) -> Registration:
        try:
            return self._by_key[key]
        except KeyError:
            raise NotRegisteredError(
                f"Nothing is registered under `{key}`.{nearest(key, self._by_key)}"
            ) from None

    def override(self, replacements: Mapping[Key, Registration]) -> None:
        """Put values in the place of what is registered.

        Raises:
            NotRegisteredError: There is nothing to replace.
        """
        for key, replacement in replacements.items():
            if key not in self._by_key:
                raise NotRegisteredError(
                    f"The override of `{key}` ({replacement.origin}) replaces nothing: "
                    f"no module registers that key.{nearest(key, self._by_key)}"
                )
            self._by_key[key] = replacement

    def needs(self, one: Registration) -> dict[str, Registration]:
        """Return what is injected, by parameter; the absent optional is left out."""
        return {
            need.parameter: self._by_key[need.key]
            for need in _needs(one)
            if need.key in self._by_key
        }

    def is_scoped(self, one: Registration) -> bool:
        """Say whether building it takes a scope; a transient lives where it must."""
        if one.scope != "transient":
            return one.scope == "scoped"
        return any(self.is_scoped(need) for need in self.needs(one).values())

    def validate(self) -> None:
        """Check everything before anything is created.

        Raises:
            GraphError: With every problem there is.
        """
        problems = [*self._missing(), *self._cycles()]
        # A cycle of transients has no scope to speak of.
        problems = problems or list(self._captive())
        if problems:
            raise GraphError(tuple(problems))

    def _missing(self) -> Iterator[str]:
        for one in self:
            for need in _needs(one):
                if need.required and need.key not in self._by_key:
                    yield (
                        f"No provider for `{need.key}`.\n"
                        f"  {one.module} -> {_step(one, need.parameter)} -> {need.key}\n"
                        f"  asked for at {_place(one)}\n"
                        f"  Add a provider of it to {one.module}, import a module that "
                        f"exports it, or give {need.parameter!r} a default."
                        f"{nearest(need.key, self._by_key)}"
                    )

    def _cycles(self) -> Iterator[str]:
        done: set[Key] = set()
        for one in self:
            yield from self._cycles_from(one, {}, done)

    def _cycles_from(
        self, one: Registration, path: dict[Registration, str], done: set[Key]
    ) -> Iterator[str]:
        if one in path:
            around = list(path.items())[list(path).index(one) :]
            steps = [_step(member, parameter) for member, parameter in around]
            places = "".join(f"\n  {member}: {_place(member)}" for member, _ in around)
            yield (
                f"These need each other.\n  {' -> '.join((*steps, str(one)))}{places}\n"
                "  Take the part that both need out into a third, or give one of them "
                "a callable that asks later."
            )
        if one.key in done:
            return
        done.add(one.key)
        for parameter, need in self.needs(one).items():
            yield from self._cycles_from(need, {**path, one: parameter}, done)

    def _captive(self) -> Iterator[str]:
        for one in self:
            if one.scope != "singleton":
                continue
            for parameter, need in self.needs(one).items():
                if self.is_scoped(need):
                    yield (
                        f"`{one}` lives as long as the application and would keep "
                        f"`{need.key}`, which lives as long as a scope.\n"
                        f"  {one.module} -> {_step(one, parameter)} -> {need}\n"
                        f"  asked for at {_place(one)}\n"
                        f"  Make `{one}` scoped too, or `{need}` a singleton."
                    )


def _needs(one: Registration) -> Iterable[Need]:
    if one.recipe is None:
        return ()
    return (need for need in one.recipe.needs if need.key != CONTAINER)


def _step(one: Registration, parameter: str) -> str:
    return f"{one}({parameter}=...)"


def _place(one: Registration) -> str:
    return where(one.recipe.factory) if one.recipe else one.origin
