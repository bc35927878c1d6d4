"""Does a class have what a protocol asks for? More than `isinstance`, which sees names.

Compared are names, kinds (method, property), `async def`, parameters, and the return
annotation where both sides have one that can be resolved.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol, TypeVar, runtime_checkable

from lexigram.contracts.suggestions import did_you_mean
from lexigram.testing.conformance._annotations import result_of, returns, show
from lexigram.testing.conformance._parameters import parameter_problems

__all__ = ["assert_implements"]

T_co = TypeVar("T_co", covariant=True)


@runtime_checkable
class _Nothing(Protocol[T_co]):
    """Asks for nothing: what it has, every protocol has."""


_NOT_MEMBERS: Final = frozenset(dir(_Nothing)) | {
    "__annotate__",
    "__annotate_func__",
    "__annotations__",
    "__annotations_cache__",
    "__non_callable_proto_members__",
    "__slots__",
}


def assert_implements(protocol: type[Any], obj: object) -> None:
    """Require that an object or a class has all that a protocol asks for.

    A parameter must be taken in every way that the protocol allows, by position, by
    name, left out; parameters of its own need a default. `**options` of a protocol are
    the names of their typed dictionary. What is inherited from the protocol counts
    unless it does nothing.

    Raises:
        AssertionError: Lists every difference.
    """
    owner = obj if inspect.isclass(obj) else type(obj)
    problems = [
        f"  {name}: {problem}"
        for name, member in _members(protocol).items()
        for problem in _problems(name, member, obj, owner)
    ]
    if problems:
        listed = "\n".join(problems)
        raise AssertionError(
            f"`{owner.__name__}` does not implement `{protocol.__name__}`:\n{listed}"
        )


def _members(protocol: type[Any]) -> dict[str, Any]:
    """Return what the protocol defines by name; an annotation alone stands as None."""
    members: dict[str, Any] = {}
    for base in reversed(protocol.__mro__):
        if getattr(base, "_is_protocol", False):
            members |= dict.fromkeys(inspect.get_annotations(base))
            members |= vars(base)
    return {name: m for name, m in members.items() if name not in _NOT_MEMBERS}


def _problems(name: str, wanted: Any, obj: object, owner: type[Any]) -> Iterator[str]:
    found = inspect.getattr_static(obj, name, None)
    if found is None and name not in _annotated(owner):
        names = [other for other in dir(owner) if not other.startswith("_")]
        yield f"is missing. {did_you_mean(name, names)}" if names else "is missing."
    elif found is wanted:
        if wanted is not None and _does_nothing(wanted):
            yield "is inherited from the protocol, where it does nothing. Define it."
    elif not inspect.isroutine(_unbound(wanted)):
        if inspect.isfunction(found):
            yield "is a method; the protocol has an attribute or a property."
    elif not callable(function := _unbound(found)):
        yield f"is no method but {type(found).__name__}."
    else:
        of_instance = obj is not owner and name in getattr(obj, "__dict__", ())
        bound = not of_instance and (
            inspect.isfunction(found) or isinstance(found, classmethod)
        )
        yield from _method_problems(_unbound(wanted), function, bound=bound)


def _method_problems(
    wanted: Callable[..., Any], given: Callable[..., Any], *, bound: bool
) -> Iterator[str]:
    yield from _asyncness_problems(wanted, given)
    yield from parameter_problems(wanted, given, bound=bound)
    expected, actual = result_of(wanted), result_of(given)
    if not returns(actual, expected):
        yield f"returns {show(actual)}; the protocol's returns {show(expected)}."


def _asyncness_problems(
    wanted: Callable[..., Any], given: Callable[..., Any]
) -> Iterator[str]:
    is_async = inspect.iscoroutinefunction(inspect.unwrap(given))
    if inspect.iscoroutinefunction(wanted):
        # What is no `async def` may still return an awaitable, when it says so.
        if not is_async and not result_of(given).awaitable:
            yield "is not `async def`; the protocol's is."
    elif is_async:
        yield "is `async def`; the protocol's is not."


def _annotated(owner: type[Any]) -> set[str]:
    return {name for base in owner.__mro__ for name in inspect.get_annotations(base)}


def _unbound(member: Any) -> Any:
    if isinstance(member, staticmethod | classmethod):
        return member.__func__  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # of any class
    return member


def _does_nothing(member: Any) -> bool:
    """Say whether the body is `...`: the instructions of such a function are all it has."""
    function = member.fget if isinstance(member, property) else _unbound(member)
    code = getattr(function, "__code__", None)
    return code is not None and code.co_code in _EMPTY


def _plain() -> None: ...


def _described() -> None:
    """Do nothing."""


async def _plain_async() -> None: ...


async def _described_async() -> None:
    """Do nothing."""


# With a docstring, None is another constant of the function.
_EMPTY: Final = frozenset(
    empty.__code__.co_code
    for empty in (_plain, _described, _plain_async, _described_async)
)
