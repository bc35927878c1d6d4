"""Which exceptions are worth repeating, said by their types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from lexigram.contracts.resilience import Call, Judgement

__all__ = ["JUDGED_BY_EXCEPTION", "Judge", "RetryOn", "judge_of"]

RetryOn: TypeAlias = (
    type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], bool]
)
"""Exception types, or a function that says of an exception whether to repeat."""

Judge: TypeAlias = Callable[[Any, BaseException | None], Judgement]

JUDGED_BY_EXCEPTION: Final[Judge] = Call[Any]().judge
"""The judge of a call that was given none."""

_SUCCESS: Final = Judgement("success")
_FAILURE: Final = Judgement("failure", retryable=True)
_NEUTRAL: Final = Judgement("neutral")


def judge_of(retry_on: RetryOn) -> Judge:
    """Return a judge that calls these exceptions worth repeating, and no other.

    Raises:
        TypeError: One of them is no kind of `Exception`.
    """
    repeats = _predicate(retry_on)

    def judge(result: Any, error: BaseException | None) -> Judgement:  # noqa: ARG001 - a judge's
        if error is None:
            return _SUCCESS
        again = isinstance(error, Exception) and repeats(error)
        return _FAILURE if again else _NEUTRAL

    return judge


def _predicate(retry_on: RetryOn) -> Callable[[Exception], bool]:
    types: tuple[type[Exception], ...]
    if isinstance(retry_on, type):
        types = (retry_on,)
    elif callable(retry_on):
        return retry_on
    else:
        types = retry_on
    for each in types:
        _check(each)
    return lambda error: isinstance(error, types)


def _check(each: object) -> None:
    if not (isinstance(each, type) and issubclass(each, Exception)):
        raise TypeError(
            f"`retry_on` has {each!r}, which is no kind of Exception: nothing else is "
            "ever repeated, cancellation first of all. Name exception types, or give a "
            "function that says of an exception whether to repeat."
        )
