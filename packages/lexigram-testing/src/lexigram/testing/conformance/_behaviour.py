"""A behaviour: one sentence of a contract, and how to check it."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Final, Generic, Literal, ParamSpec, TypeAlias, get_args

from lexigram.contracts.suggestions import did_you_mean

__all__ = ["Behaviour", "Capability", "behaviour", "behaviours_of", "chosen"]

P = ParamSpec("P")

Capability: TypeAlias = Literal["wire", "tls"]
"""What a backend may have: a socket, where answers break in the middle and connections
are counted; an https URL."""

CAPABILITIES: Final = frozenset[Capability](get_args(Capability))

# No behaviour lets more pass: what waits for ever fails, and lets the others be tried.
_LONGEST: Final = 24 * 3600.0


# Without slots: together with frozen they break `Behaviour[...](...)` on Python 3.11.
@dataclass(frozen=True, kw_only=True)
class Behaviour(Generic[P]):
    """One thing that every implementation of a contract does.

    Attributes:
        id: Its name for good: "HTTP-017".
        title: What an implementation does, in a sentence.
        since: The version of lexigram-contracts that asks for it first.
        needs: What the backend must have for it to be seen.
        check: Raises an `AssertionError` that says what is wrong, or `SkipTest` where
            the backend lacks what it needs.
    """

    id: str
    title: str
    since: str
    needs: frozenset[Capability]
    check: Callable[P, Awaitable[None]]

    def __str__(self) -> str:
        return f"{self.id} {self.title}"

    @property
    def method_name(self) -> str:
        """What its test is called in a suite: "test_http_017_a_verb_sends_its_method"."""
        number = self.id.lower().replace("-", "_")
        return f"test_{number}_{getattr(self.check, '__name__', 'check')}"


def behaviour(
    id: str,  # noqa: A002 - the field's name
    *,
    since: str = "1.0",
    needs: Collection[Capability] = (),
) -> Callable[[Callable[P, Awaitable[None]]], Behaviour[P]]:
    """Make a behaviour of a function; its docstring is the title."""

    def make(check: Callable[P, Awaitable[None]]) -> Behaviour[P]:
        # Under `python -OO` there is no docstring.
        title = inspect.getdoc(check) or check.__name__.replace("_", " ")
        return Behaviour(
            id=id,
            title=title,
            since=since,
            needs=frozenset(needs),
            check=_bounded(check),
        )

    return make


def _bounded(check: Callable[P, Awaitable[None]]) -> Callable[P, Awaitable[None]]:
    @functools.wraps(check)
    async def bounded(*args: P.args, **kwargs: P.kwargs) -> None:
        limit = asyncio.timeout(_LONGEST)
        try:
            async with limit:
                await check(*args, **kwargs)
        except TimeoutError:
            if not limit.expired():
                raise  # the implementation's own
            raise AssertionError(f"Waited in vain for {_LONGEST:g} s.") from None

    return bounded


def behaviours_of(*modules: ModuleType) -> list[Behaviour[...]]:
    """Return the behaviours that the modules define, in the order of their ids."""
    found = [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, Behaviour)
    ]
    return sorted(found, key=lambda behaviour: behaviour.id)


def chosen(
    behaviours: Iterable[Behaviour[P]],
    version: str,
    capabilities: Collection[Capability] | None,
) -> tuple[Behaviour[P], ...]:
    """Return the behaviours that a version asks for and that can be seen.

    Raises:
        ValueError: The version is no version, or there is no such capability.
    """
    latest = _numbers(version)
    seen = CAPABILITIES if capabilities is None else frozenset(capabilities)
    for name in seen - CAPABILITIES:
        raise ValueError(
            f"There is no capability {name!r}. {did_you_mean(name, CAPABILITIES)}"
        )
    return tuple(
        b for b in behaviours if _numbers(b.since) <= latest and b.needs <= seen
    )


def _numbers(version: str) -> tuple[int, ...]:
    try:
        return tuple(map(int, version.split(".")[:2]))
    except ValueError:
        raise ValueError(
            f"{version=!r} is no version of lexigram-contracts. "
            "Give the one that you implement, such as '1.0'."
        ) from None
