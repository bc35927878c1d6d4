"""What can be built, under which key, and for how long."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar

if TYPE_CHECKING:
    # Only checkers need it; see lexigram.result.
    from typing_extensions import TypeForm

__all__ = ["Binding", "Factory", "Named", "Scope", "bind", "provide", "written_at"]

T = TypeVar("T")

Scope: TypeAlias = Literal["singleton", "scoped", "transient"]
"""How long an instance lives: as long as the application, as long as the scope that
asked for it, or made anew for each that asks."""

Factory: TypeAlias = (
    Callable[..., T]
    | Callable[..., Awaitable[T]]
    | Callable[..., Iterator[T]]
    | Callable[..., AsyncIterator[T]]
)
"""A class or a function whose parameters are injected by their hints. A generator
yields once; what follows the `yield` runs at the end of the scope."""


@dataclass(frozen=True, slots=True)
class Named:
    """Tells bindings of one type apart: `Annotated[T, Named("partner")]`."""

    name: str


@dataclass(frozen=True, slots=True)
class Binding:
    """One key and what stands behind it.

    Attributes:
        key: The type that is asked for: a class, protocol, generic or `Annotated`.
            None means what `factory` says it returns.
        factory: What builds it; None when `value` is the instance itself.
        value: The instance; not closed by the container, which did not create it.
        scope: How long an instance lives.
        origin: Where the binding was written, as "file:line".
    """

    key: Any
    factory: Callable[..., Any] | None = None
    value: Any = None
    scope: Scope = "singleton"
    origin: str = ""


@dataclass(frozen=True)
class _Bind(Generic[T]):
    key: Any
    scope: Scope
    origin: str

    def to(self, factory: Factory[T]) -> Binding:
        """Build the key with a class or a function, its parameters injected."""
        return Binding(self.key, factory, None, self.scope, self.origin)

    def to_value(self, value: T) -> Binding:
        """Answer the key with an instance that exists already."""
        return Binding(self.key, None, value, self.scope, self.origin)


def bind(key: TypeForm[T], *, scope: Scope = "singleton") -> _Bind[T]:
    """Begin a binding of `key`: `bind(Clock).to(SystemClock)`.

    An implementation that does not satisfy `key` is a type error.
    """
    return _Bind(key, scope, written_at())


def provide(factory: Callable[..., Any], *, scope: Scope = "singleton") -> Binding:
    """Bind what `factory` builds to the type it says it builds."""
    return Binding(None, factory, None, scope, written_at())


def written_at(depth: int = 1) -> str:
    """Return where a function was called, as "file:line", for reports of errors.

    Args:
        depth: 1 for the call of the function that asks, 2 for the call of its caller.
    """
    frame = sys._getframe(depth + 1)  # noqa: SLF001 - there is no public way so cheap
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
