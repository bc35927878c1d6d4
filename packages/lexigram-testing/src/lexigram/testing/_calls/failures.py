"""How the kit says that a test failed.

Those raised from within a call are no `Exception`s: code under test that catches,
retries or wraps every exception would turn a mistake of the test into a slow, wrong
green. They are recorded too, so that even a background task that nobody awaits cannot
hide one.
"""

from __future__ import annotations

from typing import ClassVar

from lexigram.testing._calls.requests import RecordedRequest

__all__ = [
    "CallbackFailed",
    "ForbiddenRequest",
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
    """

    def __init__(self, message: str, request: RecordedRequest) -> None:
        super().__init__(message)
        self.request = request


class ForbiddenRequest(TestKitFailure):
    """A request came to a route that is `never()` to be called."""


class SequenceExhausted(TestKitFailure):
    """A route was called once more than its `sequence()` has outcomes."""


class CallbackFailed(TestKitFailure):
    """A handler or a `where` of the test raised; its exception is the `__cause__`."""
