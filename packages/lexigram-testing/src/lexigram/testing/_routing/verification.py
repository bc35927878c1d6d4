"""The verdict at the end of a test."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Literal, TypeAlias, TypeVar

from lexigram.testing._calls.failures import (
    ForbiddenRequest,
    OrderViolated,
    SequenceExhausted,
    UnmatchedRequest,
)
from lexigram.testing._calls.journal import RecordedCall
from lexigram.testing._routing.explain import explain
from lexigram.testing._routing.routes import Route

__all__ = ["Strictness", "VerificationError", "verdict"]

Strictness: TypeAlias = Literal["strict", "unmatched_only", "lenient"]
"""What the end of a block verifies: everything, only that no request failed in the kit,
or nothing."""

_Failure = TypeVar("_Failure", bound=BaseException)

_TOLD_WHOLE: Final = 3


class VerificationError(AssertionError):
    """What a test arranged and what happened differ.

    Attributes:
        failures: What was raised within calls, whether or not it was caught there.
        uncalled: The routes that were called less often than they must be.
    """

    def __init__(
        self,
        message: str,
        failures: Sequence[BaseException] = (),
        uncalled: Sequence[Route] = (),
    ) -> None:
        super().__init__(message)
        self.failures: tuple[BaseException, ...] = tuple(failures)
        self.uncalled: tuple[Route, ...] = tuple(uncalled)

    def __reduce__(self) -> tuple[Any, ...]:
        # Routes hold functions of the test, which need not pickle.
        return type(self), (str(self),)

    @property
    def unmatched(self) -> tuple[UnmatchedRequest, ...]:
        """The requests that no route accepted."""
        return self._of(UnmatchedRequest)

    @property
    def exhausted(self) -> tuple[SequenceExhausted, ...]:
        """The requests that came after the end of a sequence."""
        return self._of(SequenceExhausted)

    @property
    def forbidden(self) -> tuple[ForbiddenRequest, ...]:
        """The requests that came to a route that is `never()` to be called."""
        return self._of(ForbiddenRequest)

    @property
    def misordered(self) -> tuple[OrderViolated, ...]:
        """The requests that came before their turn."""
        return self._of(OrderViolated)

    def _of(self, kind: type[_Failure]) -> tuple[_Failure, ...]:
        return tuple(failure for failure in self.failures if isinstance(failure, kind))


def verdict(
    name: str,
    failures: Sequence[BaseException],
    routes: Iterable[Route],
    calls: Sequence[RecordedCall] = (),
) -> VerificationError | None:
    """Return everything that is wrong in one error, or None when nothing is.

    Args:
        name: What was used.
        failures: What was raised within calls.
        routes: Those that may have been called too seldom.
        calls: Where to look for a request that may have been meant for one of them.
    """
    uncalled = [route for route in routes if route.shortfall()]
    if not failures and not uncalled:
        return None
    parts = [f"`{name}` was not used as the test arranged."]
    told = failures[:_TOLD_WHOLE]
    parts += [str(failure) or repr(failure) for failure in told]
    if more := [_headline(failure) for failure in failures[_TOLD_WHOLE:]]:
        parts.append("\n".join(["More failures:", *more]))
    if uncalled:
        lines = [line for route in uncalled for line in _shortfall(route, calls, told)]
        parts.append("\n".join(["Routes that were called too seldom:", *lines]))
    return VerificationError("\n\n".join(parts), failures, uncalled)


def _headline(failure: BaseException) -> str:
    first = str(failure).partition("\n")[0] or repr(failure)
    if isinstance(failure, UnmatchedRequest):
        return f"  {first.removesuffix('.')}: {failure.request!r}"
    return f"  {first}"


def _shortfall(
    route: Route, calls: Sequence[RecordedCall], told: Sequence[BaseException]
) -> Iterator[str]:
    """Say what is missing, and which request was the closest to being it."""
    yield f"  {route.shortfall()}"
    others = [call for call in calls if call.route is not route]
    if not others:
        yield f"    no {'other ' if calls else ''}request came"
        return
    compared = [(explain(route, call.request), call) for call in others]
    explanation, call = max(compared, key=lambda pair: pair[0].score)
    if not explanation.is_near:
        yield "    no request was close to it"
        return
    yield f"    closest request: {call.render()}"
    if not explanation.differing and call.route is not None:
        yield f"      matches, but went to {call.route}"
    elif call.outcome in told:
        yield f"      differs in {', '.join(explanation.differing)}, see above"
    else:
        for line in explanation.verdicts():
            yield f"    {line}"
