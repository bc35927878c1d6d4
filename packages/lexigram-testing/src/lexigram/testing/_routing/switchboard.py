"""What the fake and the server share: requests meet routes, and the end is verified."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final, get_args

from lexigram.contracts.web import HTTPClientError
from lexigram.testing._answers.outcomes import Act, Outcome
from lexigram.testing._calls.changes import Changes
from lexigram.testing._calls.failures import (
    CallbackFailed,
    TestKitFailure,
    UnmatchedRequest,
)
from lexigram.testing._calls.journal import CallLog, Journal, RecordedCall
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._routing.message import unmatched
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
        self._check = check
        self._outage: Route | None = None

    def receive(self, request: RecordedRequest) -> tuple[RecordedCall, Route]:
        """Record a request and find its route.

        Raises:
            UnmatchedRequest: There is none.
            ForbiddenRequest: The route is `never()` to be called.
            OrderViolated: Another route has to be called before.
            CallbackFailed: A `where` or another matcher raised.
        """
        route: Route | None = None
        try:
            route = self._outage
            if route is None or route.used_up:
                route = self.routes.find(request)
            if route is None:
                raise self._unmatched(request)
            route.claim(request)
        except TestKitFailure as failure:
            self.keep(self.journal.begin(request, route), failure)
            raise
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

    def failed(self, call: RecordedCall, error: BaseException) -> None:
        """End a call that was not answered, and keep what the test has to be told."""
        if isinstance(error, TestKitFailure):
            self.keep(call, error)
        else:
            self.journal.end(call, error)

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
        error = verdict(self.name, self.failures, self.routes, self.calls)
        if error is not None:
            raise error

    def reset(self, *, routes: bool = True, calls: bool = True) -> None:
        """Forget routes, calls or both; what is kept goes on as if it were new.

        Args:
            routes: Whether the routes go. Those that stay and lose their calls start
                again: a sequence at its first outcome, `times()` at none used.
            calls: Whether the calls go, and with them the failures that `verify`
                would tell of.
        """
        if routes:
            self.routes.clear()
        if calls:
            self.failures.clear()
            self.journal.clear()
            self.routes.rewind()

    def close(self, primary: BaseException | None) -> None:
        """Verify, as strictly as asked for, a block that may have failed already.

        The first failure stays the headline: what else is wrong becomes its note.
        """
        if self._strictness == "lenient":
            return
        routes = self.routes if self._strictness == "strict" else ()
        others = [failure for failure in self.failures if failure is not primary]
        error = verdict(self.name, others, routes, self.calls)
        if error is None:
            return
        if primary is None:
            raise error
        primary.add_note(str(error))

    @contextmanager
    def outage(self, outcome: Outcome) -> Generator[Route, None, None]:
        """Answer every request with one outcome, whatever the routes, for a block.

        Raises:
            RuntimeError: There is an outage already.
        """
        if self._outage is not None:
            raise RuntimeError(
                f"`{self.name}` has an outage already: {self._outage}. Let one end "
                "before the next begins, or give a route a `sequence(...)`."
            )
        table = RouteTable(self.journal, self._check)
        everything = table(None, re.compile(".*", re.DOTALL), name="outage")
        everything.sequence(outcome, then="repeat_last").optional()
        self._outage = everything
        try:
            yield everything
        finally:
            self._outage = None

    def _unmatched(self, request: RecordedRequest) -> UnmatchedRequest:
        number = len(self.journal.calls) + 1
        return unmatched(self.name, number, self.origin, request, list(self.routes))
