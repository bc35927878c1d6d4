"""Bindings that are replaced from outside, for a test above all."""

from __future__ import annotations

from types import TracebackType
from typing import Generic, Self, TypeVar

from lexigram.di._assembly import Registration
from lexigram.di._keys import Key

__all__ = ["Override", "Replacement"]

T = TypeVar("T")


class Override(Generic[T]):
    """One binding that is about to be replaced."""

    def __init__(self, overrides: list[Registration], key: Key, origin: str) -> None:
        self._overrides = overrides
        self._key = key
        self._origin = origin

    def to(self, replacement: T) -> Replacement:
        """Answer the key with `replacement`; what it replaces is never built.

        It holds from here on, or for the block of a `with` on what is returned. That
        some module registers the key is checked when the application starts.
        """
        return Replacement(self._overrides, self._key, self._origin, replacement)


class Replacement:
    """A binding that is replaced; as a context manager, until the end of the block.

    Of several for one key the latest that was not undone counts. What is done or undone
    while the application runs is seen by its next start.

    Example:
        ```python
        with app.override(Clock).to(FixedClock()) as replacement:
            async with app: ...
        assert replacement.used
        ```
    """

    def __init__(
        self, overrides: list[Registration], key: Key, origin: str, value: object
    ) -> None:
        self._overrides = overrides
        self._used = False
        self._one = Registration(
            key,
            "override",
            origin,
            # Handed out anew to each that asks, which tells that somebody did.
            scope="transient",
            value=value,
            on_use=self._mark,
        )
        overrides.append(self._one)

    def __repr__(self) -> str:
        use = "used" if self._used else "unused"
        return f"<Replacement of {self._one.key} ({self._one.origin}), {use}>"

    @property
    def used(self) -> bool:
        """Whether it was injected into anything, or asked for."""
        return self._used

    @property
    def key(self) -> str:
        """What is replaced, as reports write it."""
        return str(self._one.key)

    @property
    def origin(self) -> str:
        """Where it was written, as "file:line"."""
        return self._one.origin

    def undo(self) -> None:
        """Take it back; does nothing when that was done already."""
        if self._one in self._overrides:
            self._overrides.remove(self._one)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.undo()

    def _mark(self) -> None:
        self._used = True
