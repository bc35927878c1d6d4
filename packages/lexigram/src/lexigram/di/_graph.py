"""All registrations by key, and whether they fit together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from lexigram.contracts.di import ContainerProtocol
from lexigram.di._assembly import Registration
from lexigram.di._errors import DuplicateBindingError, GraphError, NotRegisteredError
from lexigram.di._keys import Key, nearest
from lexigram.di._recipes import Need
from lexigram.di._remedies import remedy, remedy_of_question

__all__ = ["CONTAINER", "Graph"]

CONTAINER = Key(ContainerProtocol)
"""Answered by whichever container is asked; nobody registers it."""


class Graph:
    """What can be built, and from what. Nothing here builds anything."""

    def __init__(self, registrations: Iterable[Registration]) -> None:
        self._by_key: dict[Key, Registration] = {}
        self._needs: dict[Registration, dict[str, Registration]] = {}
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
                f"Nothing is registered under `{key}`. "
                f"{remedy_of_question(key, self._by_key)}"
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
            # Who may see it stays as it is without the override.
            audience = self._by_key[key].audience
            self._by_key[key] = replace(replacement, audience=audience)
        self._needs.clear()

    def needs(self, one: Registration) -> Mapping[str, Registration]:
        """Return what is injected, by parameter; the absent optional is left out."""
        if one not in self._needs:
            self._needs[one] = {
                need.parameter: self._by_key[need.key]
                for need in _needs(one)
                if need.key in self._by_key
            }
        return self._needs[one]

    def singletons(self) -> list[Registration]:
        """Return them in the order of creation: as registered, but needs first."""
        # So that a long chain, whichever end was registered first, nests no deeper than
        # here: an instance that has to be built on the way takes several calls.
        seen: set[Registration] = set()
        order: list[Registration] = []

        def visit(one: Registration) -> None:
            if one in seen:
                return
            seen.add(one)
            for need in self.needs(one).values():
                visit(need)
            if one.scope == "singleton":
                order.append(one)

        for one in self:
            if one.scope == "singleton":
                visit(one)
        return order

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
        problems = [*self._missing(), *self._hidden(), *self._cycles()]
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
                        f"  asked for at {one.place}\n"
                        f"  {remedy(need, one, self._by_key.values())}"
                    )

    def _hidden(self) -> Iterator[str]:
        for one in self:
            for parameter, need in self.needs(one).items():
                if need.audience is not None and one.module not in need.audience:
                    yield (
                        f"`{need.key}` is not exported.\n"
                        f"  {one.module} -> {_step(one, parameter)} -> {need.key} "
                        f"in {need.module}\n"
                        f"  asked for at {one.place}\n"
                        f"  bound at {need.origin}\n"
                        f"  Add `{need.key}` to the exports of {need.module}."
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
            places = "".join(
                f"\n  {member} in {member.module}: {member.place}"
                for member, _ in around
            )
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
                    path, kept = self._way_to_scoped(need)
                    steps = (_step(one, parameter), *path, str(kept))
                    yield (
                        f"`{one}` lives as long as the application and would keep "
                        f"`{kept.key}`, which lives as long as a scope.\n"
                        f"  {one.module} -> {' -> '.join(steps)}\n"
                        f"  asked for at {one.place}\n"
                        f"  bound in {kept.module} at {kept.origin}\n"
                        f"  Make `{one}` scoped too, or `{kept}` a singleton."
                    )

    def _way_to_scoped(self, one: Registration) -> tuple[list[str], Registration]:
        """Return the steps through transients to what is scoped, and that."""
        path: list[str] = []
        while one.scope == "transient":
            parameter, need = next(
                step for step in self.needs(one).items() if self.is_scoped(step[1])
            )
            path.append(_step(one, parameter))
            one = need
        return path, one


def _needs(one: Registration) -> Iterable[Need]:
    if one.recipe is None:
        return ()
    return (need for need in one.recipe.needs if need.key != CONTAINER)


def _step(one: Registration, parameter: str) -> str:
    return f"{one}({parameter}=...)"
