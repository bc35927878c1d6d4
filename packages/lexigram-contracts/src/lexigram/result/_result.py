"""`Ok`, `Err` and what both can do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, Literal, Never, TypeAlias, TypeVar, final

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
E_co = TypeVar("E_co", covariant=True)
U = TypeVar("U")
F = TypeVar("F")


class UnwrapError(AttributeError):
    """The side of a result that is not there was asked for.

    An `AttributeError`, so that `hasattr(err, "value")` is false. When the error of
    an `Err` is an exception, it is the `__cause__`.
    """


# `__slots__` by hand: `dataclass(slots=True)` makes a second class, and the first one's
# frozen `__setattr__` then fails in `Ok[int](1)` on Python 3.11. `__init__` by hand: a slot
# set through its descriptor takes two thirds of the time of `object.__setattr__`.
@final
@dataclass(frozen=True, init=False)
class Ok(Generic[T_co]):
    """The success side of a `Result`."""

    __slots__ = ("value",)

    value: T_co

    def __init__(self, value: T_co) -> None:
        _set_value(self, value)

    @property
    def error(self) -> Never:
        """Never there: raises `UnwrapError`."""
        raise self._unwrap_error()

    def __bool__(self) -> Literal[True]:
        return True

    def __reduce__(self) -> tuple[type[Ok[T_co]], tuple[T_co]]:
        return Ok, (self.value,)

    def is_ok(self) -> Literal[True]:
        """Say that this is the success side."""
        return True

    def is_err(self) -> Literal[False]:
        """Say that this is not the failure side."""
        return False

    def unwrap(self) -> T_co:
        """Return the value."""
        return self.value

    def unwrap_err(self) -> Never:
        """Raise `UnwrapError`: there is no error."""
        raise self._unwrap_error()

    def expect(self, message: str) -> T_co:
        """Return the value."""
        return self.value

    def unwrap_or(self, default: object) -> T_co:
        """Return the value."""
        return self.value

    def unwrap_or_else(self, default: Callable[[Never], object]) -> T_co:
        """Return the value; `default` is not called."""
        return self.value

    def or_raise(self, error: Callable[[Never], BaseException] | None = None) -> T_co:
        """Return the value."""
        return self.value

    def map(self, function: Callable[[T_co], U]) -> Ok[U]:
        """Apply `function` to the value."""
        return Ok(function(self.value))

    def map_err(self, function: Callable[[Never], object]) -> Ok[T_co]:
        """Return this result: there is no error to map."""
        return self

    def and_then(self, function: Callable[[T_co], Result[U, F]]) -> Result[U, F]:
        """Go on with `function`, which may fail itself."""
        return function(self.value)

    def or_else(self, function: Callable[[Never], object]) -> Ok[T_co]:
        """Return this result: there is nothing to recover from."""
        return self

    async def map_async(self, function: Callable[[T_co], Awaitable[U]]) -> Ok[U]:
        """Apply an async `function` to the value."""
        return Ok(await function(self.value))

    async def and_then_async(
        self, function: Callable[[T_co], Awaitable[Result[U, F]]]
    ) -> Result[U, F]:
        """Go on with an async `function`, which may fail itself."""
        return await function(self.value)

    def _unwrap_error(self) -> UnwrapError:
        return UnwrapError(f"{self!r} has no error. Ask `is_err()` first.")


@final
@dataclass(frozen=True, init=False)
class Err(Generic[E_co]):
    """The failure side of a `Result`."""

    __slots__ = ("error",)

    error: E_co

    def __init__(self, error: E_co) -> None:
        _set_error(self, error)

    @property
    def value(self) -> Never:
        """Never there: raises `UnwrapError`, with the error as its cause."""
        raise self._unwrap_error()

    def __bool__(self) -> Literal[False]:
        return False

    def __reduce__(self) -> tuple[type[Err[E_co]], tuple[E_co]]:
        return Err, (self.error,)

    def is_ok(self) -> Literal[False]:
        """Say that this is not the success side."""
        return False

    def is_err(self) -> Literal[True]:
        """Say that this is the failure side."""
        return True

    def unwrap(self) -> Never:
        """Raise `UnwrapError`, with the error as its cause."""
        raise self._unwrap_error()

    def unwrap_err(self) -> E_co:
        """Return the error."""
        return self.error

    def expect(self, message: str) -> Never:
        """Raise `UnwrapError` with `message` and the error."""
        raise self._unwrap_error(f"{message}: {self.error}")

    def unwrap_or(self, default: U) -> U:
        """Return `default`."""
        return default

    def unwrap_or_else(self, default: Callable[[E_co], U]) -> U:
        """Return what `default` makes of the error."""
        return default(self.error)

    def or_raise(self, error: Callable[[E_co], BaseException] | None = None) -> Never:
        """Raise the error itself, or the exception that `error` makes of it.

        Raises:
            UnwrapError: The error is not an exception and no `error` was given.
        """
        cause = self.error if isinstance(self.error, BaseException) else None
        if error is not None:
            raise error(self.error) from cause
        if cause is not None:
            raise cause
        raise UnwrapError(
            f"{self!r} holds no exception to raise. Give `or_raise` a function that "
            "makes one."
        )

    def map(self, function: Callable[[Never], object]) -> Err[E_co]:
        """Return this result: there is no value to map."""
        return self

    def map_err(self, function: Callable[[E_co], F]) -> Err[F]:
        """Apply `function` to the error."""
        return Err(function(self.error))

    def and_then(self, function: Callable[[Never], object]) -> Err[E_co]:
        """Return this result: there is no value to go on with."""
        return self

    def or_else(self, function: Callable[[E_co], Result[U, F]]) -> Result[U, F]:
        """Recover with `function`, which may fail itself."""
        return function(self.error)

    async def map_async(
        self,
        function: Callable[[Never], Awaitable[object]],
    ) -> Err[E_co]:
        """Return this result: there is no value to map."""
        return self

    async def and_then_async(
        self,
        function: Callable[[Never], Awaitable[object]],
    ) -> Err[E_co]:
        """Return this result: there is no value to go on with."""
        return self

    def _unwrap_error(self, message: str = "") -> UnwrapError:
        error = UnwrapError(message or f"{self!r} has no value. Ask `is_ok()` first.")
        if isinstance(self.error, BaseException):
            error.__cause__ = self.error
        return error


_set_value: Callable[[object, object], None] = vars(Ok)["value"].__set__
_set_error: Callable[[object, object], None] = vars(Err)["error"].__set__

Result: TypeAlias = Ok[T] | Err[F]
"""A value or an error. Covariant in both."""
