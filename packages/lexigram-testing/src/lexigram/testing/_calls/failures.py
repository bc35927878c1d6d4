"""How the kit says that a test failed.

Those raised from within a call are no `Exception`s: code under test that catches,
retries or wraps every exception would turn a mistake of the test into a slow, wrong
green. They are recorded too, so that even a background task that nobody awaits cannot
hide one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from lexigram.testing._calls.requests import RecordedRequest

if TYPE_CHECKING:
    from lexigram.testing._routing.explain import RouteExplanation

__all__ = [
    "CallbackFailed",
    "ForbiddenRequest",
    "OrderViolated",
    "SequenceExhausted",
    "TestKitFailure",
    "UnmatchedRequest",
]


class TestKitFailure(BaseException):
    """The test, not the code under test, has to be looked at; passes every handler."""

    __test__: ClassVar[bool] = False  # pytest collects classes by this name otherwise


class UnmatchedRequest(TestKitFailure):
    """No route accepts a request.

    Attributes:
        request: The request.
        explanations: How it compares with each route, the closest one first.
    """

    def __init__(
        self,
        message: str,
        request: RecordedRequest,
        explanations: Sequence[RouteExplanation] = (),
    ) -> None:
        super().__init__(message)
        self.request = request
        self.explanations: tuple[RouteExplanation, ...] = tuple(explanations)

    def __reduce__(self) -> tuple[Any, ...]:
        # Routes hold functions of the test, which need not pickle.
        return type(self), (str(self), self.request)


class ForbiddenRequest(TestKitFailure):
    """A request came to a route that is `never()` to be called."""


class OrderViolated(TestKitFailure):
    """A request came to a route before those that it has to come `after()`."""


class SequenceExhausted(TestKitFailure):
    """A route was called once more than its `sequence()` has outcomes."""


class CallbackFailed(TestKitFailure):
    """A function or matcher of the test raised; its exception is the `__cause__`."""
