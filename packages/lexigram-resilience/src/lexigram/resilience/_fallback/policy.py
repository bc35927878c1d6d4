"""The fallback."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.resilience import (
    Call,
    Judgement,
    ResilienceError,
    RetryExhaustedError,
)
from lexigram.resilience._config.fallback import FallbackConfig
from lexigram.resilience._events.events import FallbackUsed
from lexigram.resilience._events.listeners import Events
from lexigram.resilience._fallback.failed import FailedCall
from lexigram.resilience._fallback.sources import Function, Source, Stale, Value

__all__ = ["Fallback"]

T = TypeVar("T")
# Of the functions that make one: `Fallback.value(1)` is of no other type yet.
V = TypeVar("V")

_Kinds: TypeAlias = type[Exception] | tuple[type[Exception], ...]

_PLAIN_CALL: Final[Call[Any]] = Call()


class Fallback(Generic[T]):
    """Answers in the place of an operation that failed.

    Made by `Fallback.value`, `Fallback.function` or `Fallback.stale`, which take the same
    options:

    - `on`: Exceptions that are covered up, whatever the judge says of them. Of a retry
      that gave up, its last exception counts too. By default those that the judge calls
      a failure, and those by which a policy ended the call: an open circuit, a limit of
      time. Results are covered up when the judge calls them a failure.
    - `when`: Asked last, of what would be covered up; False lets it pass. Must not block.
    - `name`: What the events call it.
    - `events`: Who hears of its use.

    Cancellation passes through, and whatever else is no `Exception`. One fallback serves
    any number of calls at once. Implements `FallbackProtocol`; for one event loop.

    Raises:
        TypeError: `on` has something else than kinds of `Exception`.

    Example:
        ```python
        fallback = Fallback.value("EUR", on=ConnectionError)
        currency = await fallback.execute(fetch_currency)
        ```
    """

    def __init__(
        self,
        source: Source[T],
        *,
        on: _Kinds | None = None,
        when: Callable[[FailedCall[T]], bool] | None = None,
        name: str = "fallback",
        events: Events | None = None,
    ) -> None:
        _refuse_unstoppable(on)
        self._source = source
        self._on = on
        self._when = when
        self._name = name
        self._events = events if events is not None else Events()

    def __repr__(self) -> str:
        source = self._source
        kept = f", {len(source.shelf)} kept" if isinstance(source, Stale) else ""
        return f"<Fallback {self._name!r}: {source.kind}{kept}>"

    @staticmethod
    def value(
        value: V,
        *,
        on: _Kinds | None = None,
        when: Callable[[FailedCall[V]], bool] | None = None,
        name: str = "fallback",
        events: Events | None = None,
    ) -> Fallback[V]:
        """Answer by a value, the same object each time.

        For an answer that its receiver may change, use `function`.
        """
        return Fallback(Value(value), on=on, when=when, name=name, events=events)

    @staticmethod
    def function(
        function: Callable[[FailedCall[V]], V | Awaitable[V]],
        *,
        on: _Kinds | None = None,
        when: Callable[[FailedCall[V]], bool] | None = None,
        name: str = "fallback",
        events: Events | None = None,
    ) -> Fallback[V]:
        """Answer by what a function returns, `async` or not.

        What it raises comes out, with the operation's exception as the `__context__`.
        To let the failure pass after all, it raises `failed.error`, or returns
        `failed.result`.
        """
        return Fallback(Function(function), on=on, when=when, name=name, events=events)

    @staticmethod
    def stale(
        key: Callable[[Call[V]], str | None],
        config: FallbackConfig | None = None,
        *,
        copy: Callable[[V], V] | None = None,
        on: _Kinds | None = None,
        when: Callable[[FailedCall[V]], bool] | None = None,
        name: str = "fallback",
        clock: ClockProtocol | None = None,
        events: Events | None = None,
    ) -> Fallback[V]:
        """Answer by the last good result, while it is not older than `max_age`.

        Without one, the failure passes.

        Args:
            key: Says what was asked, so that the answer to one question is never given
                to another; None keeps nothing. `Call.key` does only where it names the
                question: of an HTTP call, it names the upstream.
            config: How long and how many.
            copy: Makes a copy of a result, when it comes and when it is given out. Without
                it all receivers have the same object, so that it has to be one that
                nobody changes or closes.
            on: As for the class.
            when: As for the class.
            name: As for the class.
            clock: Says how old a result is.
            events: As for the class.
        """
        source = Stale(
            key, copy, config or FallbackConfig(), (clock or SystemClock()).monotonic
        )
        return Fallback(source, on=on, when=when, name=name, events=events)

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        """Return the result of `operation`, or the answer that stands in for it.

        Without `call`, every `Exception` is a failure and no result is. A result that is
        not returned is discarded.

        Raises:
            BaseException: Whatever `operation` raised that is not to be covered up,
                unchanged; or what a function raised that was to answer.
        """
        if call is None:
            call = _PLAIN_CALL
        try:
            result = await operation()
        except Exception as error:  # judged; raised where it may pass
            failed = self.after_error(call, error)
            if failed is None:
                raise
            try:
                return await self.stand_in(failed)
            finally:
                # It holds an exception whose traceback holds this frame.
                del failed
        failed = self.after_result(call, result, call.judge(result, None))
        return result if failed is None else await self.stand_in(failed)

    def after_error(self, call: Call[T], error: Exception) -> FailedCall[T] | None:
        """Return what `stand_in` takes; None when `error` is to pass."""
        last = error.last if isinstance(error, RetryExhaustedError) else error
        reason = type(last).__name__
        if self._on is not None:
            covered = isinstance(error, self._on) or isinstance(last, self._on)
        elif isinstance(error, ResilienceError):
            covered = True
        else:
            judgement = call.judge(None, error)
            covered = judgement.outcome == "failure"
            reason = judgement.reason or reason
        if not covered:
            return None
        return self._unless_it_passes(FailedCall(call=call, error=error, reason=reason))

    def after_result(
        self, call: Call[T], result: T, judgement: Judgement
    ) -> FailedCall[T] | None:
        """Return what `stand_in` takes; None when `result` is to be returned."""
        if judgement.outcome != "failure":
            if judgement.outcome == "success":
                self._source.learn(call, result)
            return None
        reason = judgement.reason or "result"
        return self._unless_it_passes(
            FailedCall(call=call, result=result, reason=reason)
        )

    async def stand_in(self, failed: FailedCall[T]) -> T:
        """Return the answer in the place of the call's own, which is discarded.

        To be called in the same tick as what returned `failed`, and where that was
        `after_error`, while its exception is handled.
        """
        answer: T | None = None
        try:
            answer = await self._source.answer(failed)
            passed = failed.error is None and answer is failed.result
            if self._events.listeners and not passed:
                self._events.tell(
                    FallbackUsed(
                        self._name, failed.call.key, self._source.kind, failed.reason
                    )
                )
            return answer
        finally:
            if failed.error is None and failed.result is not answer:
                failed.call.discard(cast("T", failed.result))
            # It holds an exception whose traceback may come to hold this frame.
            del failed

    def _unless_it_passes(self, failed: FailedCall[T]) -> FailedCall[T] | None:
        if self._when is not None and not self._when(failed):
            return None
        return failed if self._source.has_one(failed.call) else None


def _refuse_unstoppable(on: object) -> None:
    if on is None:
        return
    kinds = cast("tuple[object, ...]", on) if isinstance(on, tuple) else (on,)
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            raise TypeError(
                f"`on` has {kind!r}, which is no subclass of `Exception`: cancellation "
                "and the like are never covered up. Give types of exceptions."
            )
