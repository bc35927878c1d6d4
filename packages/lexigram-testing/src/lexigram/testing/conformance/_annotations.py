"""Return annotations, as far as they can be compared at run time."""

from __future__ import annotations

import inspect
import types
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import (
    Annotated,
    Any,
    Final,
    Never,
    NoReturn,
    Self,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

__all__ = ["Returned", "result_of", "returns", "show"]

_NOTHING_SAID: Final = object()
_NOTHING: Final[tuple[Any, ...]] = (
    _NOTHING_SAID,
    Any,
    cast("Any", Self),
    Never,
    NoReturn,
)
_UNIONS: Final = (Union, types.UnionType)


@dataclass(frozen=True, slots=True)
class Returned:
    """What a function says that it returns; of an awaitable, what is awaited."""

    annotation: Any
    awaitable: bool


def result_of(function: Callable[..., Any]) -> Returned:
    """Return what a function says."""
    try:
        hints = get_type_hints(inspect.unwrap(function))
    except Exception:  # noqa: BLE001 - annotations may name what is not there at run time
        return Returned(_NOTHING_SAID, awaitable=False)
    annotation = hints.get("return", _NOTHING_SAID)
    if getattr(function, "__code__", None) is _MANAGER and get_args(annotation):
        # It says what its generator gives, and returns what enters and leaves it.
        given = get_args(annotation)[:1]
        block = types.GenericAlias(AbstractAsyncContextManager, given)
        return Returned(block, awaitable=False)
    if get_origin(annotation) in {Awaitable, Coroutine}:
        return Returned(get_args(annotation)[-1], awaitable=True)
    return Returned(annotation, awaitable=False)


@asynccontextmanager
async def _managed() -> AsyncGenerator[None, None]:
    yield


# One code object stands for every function that the decorator makes.
_MANAGER: Final = _managed.__code__


def returns(actual: Returned, expected: Returned) -> bool:
    """Say whether the one may stand for the other; what cannot be decided may."""
    return _fits(actual.annotation, expected.annotation)


def show(returned: Returned) -> str:
    """Return the annotation, without the modules of its names."""
    return _shown(returned.annotation)


def _fits(actual: Any, expected: Any) -> bool:
    actual, expected = _plain(actual), _plain(expected)
    if _says_nothing(actual) or _says_nothing(expected) or actual == expected:
        return True
    if get_origin(actual) in _UNIONS:
        return all(_fits(member, expected) for member in get_args(actual))
    if get_origin(expected) in _UNIONS:
        return any(_fits(actual, member) for member in get_args(expected))
    return _class_fits(actual, expected)


def _class_fits(actual: Any, expected: Any) -> bool:
    own, wanted = get_origin(actual) or actual, get_origin(expected) or expected
    if not (inspect.isclass(own) and inspect.isclass(wanted)):
        return True
    if getattr(wanted, "_is_protocol", False):
        return True  # by its members, not by its name
    if not issubclass(own, wanted):
        return False
    ours, theirs = get_args(actual), get_args(expected)
    if own is not wanted or len(ours) != len(theirs):
        return True  # how their parameters correspond is not known
    return all(map(_fits, ours, theirs))


def _plain(annotation: Any) -> Any:
    if get_origin(annotation) is Annotated:
        return get_args(annotation)[0]
    return type(None) if annotation is None else annotation


def _says_nothing(annotation: Any) -> bool:
    return isinstance(annotation, TypeVar) or annotation in _NOTHING


def _shown(annotation: Any) -> str:
    if annotation is type(None):
        return "None"
    arguments = get_args(annotation)
    if get_origin(annotation) in _UNIONS:
        return " | ".join(map(_shown, arguments))
    name: str = getattr(annotation, "__name__", None) or str(annotation)
    return f"{name}[{', '.join(map(_shown, arguments))}]" if arguments else name
