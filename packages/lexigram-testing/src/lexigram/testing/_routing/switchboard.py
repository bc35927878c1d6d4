"""What the fake and the server share: requests meet routes, and the end is verified."""

from __future__ import annotations

from typing import Final, NoReturn, get_args

from lexigram.contracts.web import HTTPClientError
from lexigram.testing._answers.outcomes import Act
from lexigram.testing._calls.changes import Changes
from lexigram.testing._calls.failures import (
    CallbackFailed,
    TestKitFailure,
    UnmatchedRequest,
)
from lexigram.testing._calls.journal import CallLog, Journal, RecordedCall
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._routing.explain import unmatched_message
from lexigram.testing._routing.routes import Check, Route
from lexigram.testing._routing.table import RouteTable
from lexigram.testing._routing.verification import Strictness, verdict

__all__ = ["Switchboard"]

_LEVELS: Final = frozenset(get_args(Strictness))


class Switchboard:
    """Connects requests to routes and remembers what went wrong.

    Every failure is kept, raised or not, so that `verify` tells of those that the code
    under test swallowed.
    """

    def __init__(
        self,
        name: str,
        check: Check,
        *,
        strictness: Strictness = "strict",
        origin: str = "",
        prefix: str = "",
    ) -> None:
        if strictness not in _LEVELS:
            raise ValueError(
                f"strict={strictness!r} is unknown. "
                "Use 'strict', 'unmatched_only' or 'lenient'."
            )
        self._strictness = strictness
        self.name = name
        self.origin = origin
        self.changes = Changes()
        self.journal = Journal(self.changes, prefix)
        self.routes = RouteTable(self.journal, check, prefix)
        self.calls = CallLog(self.journal)
        self.failures: list[BaseException] = []

    def receive(self, request: RecordedRequest) -> tuple[RecordedCall, Route]:
        """Record a request and find its route.

        Raises:
            UnmatchedRequest: There is none.
            CallbackFailed: A `where` raised.
        """
        try:
            route = self.routes.find(request)
        except TestKitFailure as failure:
            self._refuse(request, failure)
        if route is None:
            self._refuse(request, self._unmatched(request))
        route.claim()
        return self.journal.begin(request, route), route

    async def decide(self, call: RecordedCall, route: Route) -> Act:
        """Return what the route answers; an error of HTTP that a handler raises is one.

        Raises:
            TestKitFailure: The route cannot answer; says why.
        """
        try:
            return await route.outcome(call.request)
        except HTTPClientError as error:
            return error
        except Exception as error:  # the test's own code
            raise CallbackFailed(
                f"The handler of {route} raised {error!r}. Return an outcome, such as "
                "a Reply, a fault or an instance of an exception."
            ) from error

    def keep(self, call: RecordedCall, failure: BaseException) -> None:
        """Remember a failure as the outcome of a call, for `verify` to tell."""
        self.failures.append(failure)
        self.journal.end(call, failure)

    def verify(self) -> None:
        """Raise unless everything went as arranged.

        Raises:
            VerificationError: Lists every failure and every route that was not called
                as often as it must be.
        """
        error = verdict(self.name, self.failures, self.routes)
        if error is not None:
            raise error

    def close(self, primary: BaseException | None) -> None:
        """Verify, as strictly as asked for, a block that may have failed already.

        The first failure stays the headline: what else is wrong becomes its note.
        """
        if self._strictness == "lenient":
            return
        routes = self.routes if self._strictness == "strict" else ()
        others = [failure for failure in self.failures if failure is not primary]
        error = verdict(self.name, others, routes)
        if error is None:
            return
        if primary is None:
            raise error
        primary.add_note(str(error))

    def _unmatched(self, request: RecordedRequest) -> UnmatchedRequest:
        number = len(self.journal.calls) + 1
        message = unmatched_message(
            self.name, number, self.origin, request, list(self.routes)
        )
        return UnmatchedRequest(message, request)

    def _refuse(self, request: RecordedRequest, failure: TestKitFailure) -> NoReturn:
        self.keep(self.journal.begin(request, None), failure)
        raise failure
