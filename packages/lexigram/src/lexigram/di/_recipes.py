"""How something is built: a class or function, read once into what it asks for."""

from __future__ import annotations

import functools
import inspect
from collections.abc import (
    Awaitable,
    Callable,
    Coroutine,
    Mapping,
)
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeGuard, TypeVar, get_args, get_origin

from lexigram.di._errors import ModuleError
from lexigram.di._hints import read_hints, where
from lexigram.di._keys import Key, key_of, show, without_none

__all__ = ["Lifetime", "Need", "Recipe", "read_recipe"]

Lifetime: TypeAlias = AbstractContextManager[Any] | AbstractAsyncContextManager[Any]


@dataclass(frozen=True, slots=True)
class Need:
    """One parameter that the container may fill."""

    parameter: str
    key: Key
    required: bool


@dataclass(frozen=True, slots=True)
class Recipe:
    """A class or function with its parameters read.

    Attributes:
        factory: What is called.
        signature: Of `factory`, without `self`.
        needs: What the container fills; other parameters keep their defaults.
        makes: What it says it builds; None when it does not say.
        ends: Whether something runs when the instance's time is over.
    """

    factory: Callable[..., Any]
    signature: inspect.Signature
    needs: tuple[Need, ...]
    makes: Any
    ends: bool

    def call(self, values: Mapping[str, Any]) -> Any:
        """Call the factory; what it hands out may have to be awaited."""
        return self._call(self.factory, values)

    def waits(self, built: Any) -> bool:
        """Say whether that is to be awaited: the instance of a class never is."""
        return not isinstance(self.factory, type) and inspect.isawaitable(built)

    def lifetime(self, values: Mapping[str, Any]) -> Lifetime:
        """Return the generator as a context manager, not yet entered."""
        if inspect.isasyncgenfunction(self.factory):
            manager: Callable[..., Lifetime] = asynccontextmanager(self.factory)
        else:
            manager = contextmanager(self.factory)
        lifetime: Lifetime = self._call(manager, values)
        return lifetime

    def _call(self, target: Callable[..., Any], values: Mapping[str, Any]) -> Any:
        # Binding keeps positional-only parameters positional.
        bound = inspect.BoundArguments(self.signature, dict(values))
        return target(*bound.args, **bound.kwargs)


def read_recipe(factory: Callable[..., Any]) -> Recipe:
    """Read the parameters and the result of `factory` from its hints.

    Raises:
        ModuleError: It cannot be called, or its hints do not say what it needs.
    """
    if not callable(factory):
        raise ModuleError(
            f"{factory!r} cannot build anything. Provide a class or a function, or "
            "bind an instance with `bind(Key).to_value(...)`."
        )
    body, signature = _body_of(factory)
    hints = _substitute(read_hints(body), factory)
    given = factory.keywords if _is_partial(factory) else {}
    needs = tuple(
        need
        for name, parameter in signature.parameters.items()
        if name not in given
        if (need := _need(parameter, hints.get(name, _ABSENT), factory)) is not None
    )
    made = factory if _class_of(factory) else _result(factory, hints.get("return"))
    return Recipe(factory, signature, needs, made, _is_generator(factory))


_ABSENT: Any = inspect.Parameter.empty
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _class_of(factory: Any) -> type[Any] | None:
    target = get_origin(factory) or factory
    return target if isinstance(target, type) else None


def _is_partial(factory: object) -> TypeGuard[functools.partial[Any]]:
    return isinstance(factory, functools.partial)


def _body_of(factory: Any) -> tuple[Callable[..., Any], inspect.Signature]:
    """Return the function that carries the hints, and the signature to call."""
    cls = _class_of(factory)
    if cls is not None:
        # Not `inspect.signature(cls)`: pydantic answers it with the model's fields,
        # which come from configuration and not from the container.
        plain = cls.__init__ is object.__init__
        body: Any = cls.__new__ if plain else cls.__init__
        first, *rest = inspect.signature(body).parameters.values()
        keep = [first, *rest] if first.kind in _VARIADIC else rest
        return body, inspect.Signature(keep)
    body = factory.func if _is_partial(factory) else factory
    if not inspect.isroutine(body):
        body = type(body).__call__
    return body, inspect.signature(factory)


def _need(
    parameter: inspect.Parameter, hint: Any, factory: Callable[..., Any]
) -> Need | None:
    if parameter.kind in _VARIADIC:
        return None
    required = parameter.default is inspect.Parameter.empty
    if hint is not _ABSENT:
        key = key_of(without_none(hint))
        return Need(parameter.name, Key(without_none(key.type), key.name), required)
    if not required:
        return None
    raise ModuleError(
        f"Parameter {parameter.name!r} of `{show(factory)}` ({where(factory)}) has no "
        "type hint, so nothing can be injected. Add one, or a default."
    )


def _result(factory: Callable[..., Any], hint: Any) -> Any:
    """Return what a function hands out: `X` for a generator's `AsyncIterator[X]`."""
    if hint is type(None):
        return None
    args = get_args(hint)
    if _is_generator(factory):
        return args[0] if args else None
    waits = get_origin(hint) in (Awaitable, Coroutine)
    return args[-1] if waits and not inspect.iscoroutinefunction(factory) else hint


def _is_generator(factory: Callable[..., Any]) -> bool:
    return inspect.isgeneratorfunction(factory) or inspect.isasyncgenfunction(factory)


def _substitute(hints: dict[str, Any], factory: Any) -> dict[str, Any]:
    """Replace the type variables of generic classes by what stands for them."""
    values = _type_arguments(factory)

    def fill(hint: Any) -> Any:
        if parameters := getattr(hint, "__parameters__", ()):
            return hint[tuple(values.get(one, one) for one in parameters)]
        return values.get(hint, hint) if isinstance(hint, TypeVar) else hint

    return {name: fill(hint) for name, hint in hints.items()} if values else hints


def _type_arguments(target: Any) -> dict[Any, Any]:
    """Return what stands for each type variable of a class and of its bases."""
    origin = get_origin(target)
    own = dict(
        zip(getattr(origin, "__parameters__", ()), get_args(target), strict=False)
    )
    inherited = {
        variable: own.get(argument, argument)
        for base in getattr(origin or target, "__orig_bases__", ())
        for variable, argument in _type_arguments(base).items()
    }
    return inherited | own
