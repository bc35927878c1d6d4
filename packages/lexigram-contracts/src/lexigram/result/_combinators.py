"""Functions over results: narrowing, collecting, and the bridge from exceptions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from lexigram.result._result import Err, Ok, Result

if TYPE_CHECKING:
    # Only checkers need it: at run time annotations stay strings, and the
    # distribution depends on the standard library alone.
    from typing_extensions import TypeIs

T = TypeVar("T")
E = TypeVar("E")
X = TypeVar("X", bound=BaseException)
Y = TypeVar("Y", bound=BaseException)
Z = TypeVar("Z", bound=BaseException)


def is_ok(result: Result[T, E]) -> TypeIs[Ok[T]]:
    """Say whether `result` is an `Ok`, and narrow it."""
    return isinstance(result, Ok)


def is_err(result: Result[T, E]) -> TypeIs[Err[E]]:
    """Say whether `result` is an `Err`, and narrow it."""
    return isinstance(result, Err)


def collect(results: Iterable[Result[T, E]]) -> Result[list[T], E]:
    """Turn many results into one: all values in order, or the first error."""
    values: list[T] = []
    for result in results:
        if isinstance(result, Err):
            return result
        values.append(result.value)
    return Ok(values)


def partition(results: Iterable[Result[T, E]]) -> tuple[list[T], list[E]]:
    """Split many results into their values and their errors, each in order."""
    values: list[T] = []
    errors: list[E] = []
    for result in results:
        if isinstance(result, Err):
            errors.append(result.error)
        else:
            values.append(result.value)
    return values, errors


# A checker may join the members of a tuple into their common base; two and three are
# told apart here.
@overload
def catch(
    expected: tuple[type[X], type[Y]], function: Callable[[], T]
) -> Result[T, X | Y]: ...
@overload
def catch(
    expected: tuple[type[X], type[Y], type[Z]], function: Callable[[], T]
) -> Result[T, X | Y | Z]: ...
@overload
def catch(
    expected: type[X] | tuple[type[X], ...], function: Callable[[], T]
) -> Result[T, X]: ...
def catch(expected: Any, function: Callable[[], T]) -> Result[T, Any]:
    """Call `function` and return its value, or the `expected` exception as `Err`.

    Any other exception passes through.
    """
    try:
        return Ok(function())
    except expected as error:
        return Err(error)


@overload
async def acatch(
    expected: tuple[type[X], type[Y]], awaitable: Awaitable[T]
) -> Result[T, X | Y]: ...
@overload
async def acatch(
    expected: tuple[type[X], type[Y], type[Z]], awaitable: Awaitable[T]
) -> Result[T, X | Y | Z]: ...
@overload
async def acatch(
    expected: type[X] | tuple[type[X], ...], awaitable: Awaitable[T]
) -> Result[T, X]: ...
async def acatch(expected: Any, awaitable: Awaitable[T]) -> Result[T, Any]:
    """Await `awaitable` and return its value, or the `expected` exception as `Err`.

    Any other exception, cancellation included, passes through.
    """
    try:
        return Ok(await awaitable)
    except expected as error:
        return Err(error)
