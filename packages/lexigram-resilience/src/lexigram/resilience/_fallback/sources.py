"""Where an answer comes from when the operation has none."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Generic, Literal, Protocol, TypeAlias, TypeVar, cast

from lexigram.contracts.resilience import Call
from lexigram.resilience._config.fallback import FallbackConfig
from lexigram.resilience._fallback.failed import FailedCall
from lexigram.resilience._keyed import Keyed

__all__ = ["Function", "Kind", "Shelf", "Source", "Stale", "Value"]

T = TypeVar("T")

Kind: TypeAlias = Literal["value", "function", "stale"]


class Source(Protocol[T]):
    """Has answers, or not."""

    @property
    def kind(self) -> Kind:
        """What the events call it."""
        ...

    def learn(self, call: Call[T], result: T) -> None:
        """Take note of a good result."""
        ...

    def has_one(self, call: Call[T]) -> bool:
        """Say whether there is an answer now."""
        ...

    async def answer(self, failed: FailedCall[T]) -> T:
        """Return the answer; to be called in the tick in which there is one."""
        ...


class Value(Generic[T]):
    """Always the same answer."""

    kind: Kind = "value"

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    def learn(self, call: Call[T], result: T) -> None:
        """Nothing to learn."""

    def has_one(self, call: Call[T]) -> bool:  # noqa: ARG002 - it always has
        """Say yes."""
        return True

    async def answer(self, failed: FailedCall[T]) -> T:  # noqa: ARG002 - all alike
        """Return the value."""
        return self._value


class Function(Generic[T]):
    """What a function makes of the failure."""

    kind: Kind = "function"

    __slots__ = ("_function",)

    def __init__(self, function: Callable[[FailedCall[T]], T | Awaitable[T]]) -> None:
        self._function = function

    def learn(self, call: Call[T], result: T) -> None:
        """Nothing to learn."""

    def has_one(self, call: Call[T]) -> bool:  # noqa: ARG002 - it may raise, then
        """Say yes."""
        return True

    async def answer(self, failed: FailedCall[T]) -> T:
        """Return what the function returns, or what that is awaited to."""
        try:
            answer = self._function(failed)
            if inspect.isawaitable(answer):
                return await answer
            return answer
        finally:
            # It holds an exception, which may be raised again through this frame.
            del failed


class Stale(Generic[T]):
    """The last good answer to the same question, while it is fresh enough."""

    kind: Kind = "stale"

    __slots__ = ("_copy", "_now", "_question_of", "shelf")

    def __init__(
        self,
        question_of: Callable[[Call[T]], str | None],
        copy: Callable[[T], T] | None,
        config: FallbackConfig,
        now: Callable[[], float],
    ) -> None:
        self._question_of = question_of
        self._copy = copy
        self._now = now
        self.shelf: Shelf[T] = Shelf(config.max_age, config.max_keys)

    def learn(self, call: Call[T], result: T) -> None:
        """Keep a result until there is a newer one."""
        question = self._question_of(call)
        if question is not None:
            kept = result if self._copy is None else self._copy(result)
            self.shelf.keep(question, kept, self._now())

    def has_one(self, call: Call[T]) -> bool:
        """Say whether there is one that is not too old."""
        question = self._question_of(call)
        return question is not None and self.shelf.has(question, self._now())

    async def answer(self, failed: FailedCall[T]) -> T:
        """Return what was kept, or a copy."""
        question = cast("str", self._question_of(failed.call))  # `has_one` saw it
        kept = self.shelf.take(question)
        return kept if self._copy is None else self._copy(kept)


class _Kept(Generic[T]):
    """The last good answer to one question, and when it came."""

    __slots__ = ("answer", "since")

    answer: T

    def __init__(self) -> None:
        self.since = float("-inf")


class Shelf(Generic[T]):
    """The last good answers by question, a bounded number: no clock of its own."""

    __slots__ = ("_kept", "_max_age")

    def __init__(self, max_age: float, max_keys: int) -> None:
        self._max_age = max_age
        self._kept: Keyed[_Kept[T]] = Keyed(
            lambda _: _Kept[T](), may_go=lambda _: True, max_keys=max_keys
        )

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, question: str, answer: T, now: float) -> None:
        """Put an answer in the place of the one before."""
        kept = self._kept.get(question)
        kept.answer = answer
        kept.since = now

    def has(self, question: str, now: float) -> bool:
        """Say whether there is an answer young enough; one too old is forgotten."""
        kept = self._kept.known(question)
        if kept is None:
            return False
        if now - kept.since <= self._max_age:
            return True
        self._kept.forget(question)
        return False

    def take(self, question: str) -> T:
        """Return the answer to a question that has one; that counts as a use."""
        return self._kept.get(question).answer
