"""A route: which requests it takes, what it answers, how often."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeAlias

from lexigram.contracts.redaction import redact_url
from lexigram.contracts.web import HttpResponse
from lexigram.testing._answers.faults import Fault
from lexigram.testing._answers.outcomes import UNSET, Act, Outcome, Reply
from lexigram.testing._calls.failures import ForbiddenRequest, SequenceExhausted
from lexigram.testing._calls.journal import CallLog, Journal
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._calls.urls import UrlTemplate
from lexigram.testing._routing.matchers import Matcher

__all__ = ["Check", "Handler", "Route", "Then"]

Then: TypeAlias = Literal["error", "repeat_last", "cycle"]
"""What a sequence does after its last outcome."""

Handler: TypeAlias = Callable[[RecordedRequest], Outcome | Awaitable[Outcome]]
"""Works out an outcome from the request."""

Check: TypeAlias = Callable[[Outcome], Act]
"""Returns an outcome that its world can perform, or raises and says why it cannot."""


@dataclass(frozen=True, slots=True)
class _Script:
    outcomes: tuple[Act, ...]
    then: Then = "repeat_last"

    def at(self, position: int) -> Act | None:
        size = len(self.outcomes)
        if position < size:
            return self.outcomes[position]
        if self.then == "error":
            return None
        return self.outcomes[position % size if self.then == "cycle" else -1]


class Route:
    """What happens to the requests that match.

    Made by `fake.on(...)` or `server.on(...)`. Until it is told otherwise it answers
    200 without a body, any number of times, and has to be called at least once. The
    methods return the route, so that they chain; a second answer replaces the first.
    """

    def __init__(
        self,
        method: str,
        template: UrlTemplate,
        matchers: tuple[Matcher, ...],
        *,
        place: str,
        journal: Journal,
        check: Check,
    ) -> None:
        self.method = method
        self.template = template
        self.matchers = matchers
        self.place = place
        self._journal = journal
        self._check = check
        self._handler: Handler | None = None
        self._script = _Script((Reply(),))
        self._position = 0
        self._count = 0
        self._limit: int | None = None
        self._optional = False

    def respond(
        self,
        status: int | Reply | HttpResponse = 200,
        *,
        json: Any = UNSET,
        text: str | None = None,
        body: bytes = b"",
        headers: Any = (),
        delay: float = 0.0,
    ) -> Self:
        """Answer every request alike; a whole `Reply` may stand for the parts."""
        if isinstance(status, int):
            reply: Outcome = Reply(
                status, headers, body, json=json, text=text, delay=delay
            )
        elif json is not UNSET or text is not None or body or headers or delay:
            raise TypeError("Give a whole reply or its parts, not both.")
        else:
            reply = status
        return self._follow(_Script((self._check(reply),)))

    def sequence(self, *outcomes: Outcome, then: Then = "error") -> Self:
        """Answer one request after the other.

        With "error" the sequence is strict: one request more is a failure, and so is
        one less when the test ends.

        Raises:
            ValueError: There is no outcome, or `then` is not one of its words.
        """
        if not outcomes:
            raise ValueError("A sequence needs at least one outcome.")
        if then not in {"error", "repeat_last", "cycle"}:
            raise ValueError(
                f"{then=!r} is unknown. Use 'error', 'repeat_last' or 'cycle'."
            )
        return self._follow(_Script(tuple(map(self._check, outcomes)), then))

    def fail(self, outcome: Fault | BaseException) -> Self:
        """Fail every request in this way."""
        return self._follow(_Script((self._check(outcome),)))

    def handle(self, handler: Handler) -> Self:
        """Ask a function, sync or async, for each outcome."""
        self._handler = handler
        return self

    def times(self, n: int) -> Self:
        """Take exactly `n` requests; others go to an earlier route that matches.

        Raises:
            ValueError: `n` is below 1.
        """
        if n < 1:
            raise ValueError(f"times({n!r}) takes no request. Use `never()` to forbid.")
        self._limit = n
        return self

    def optional(self) -> Self:
        """Need not be called."""
        self._optional = True
        return self

    def never(self) -> Self:
        """Must not be called: a request that matches is a failure."""
        self._limit = 0
        return self

    @property
    def calls(self) -> CallLog:
        """The calls that this route took."""
        return CallLog(self._journal, lambda call: call.route is self)

    def assert_called(self, times: int | None = None) -> CallLog:
        """Return the calls of this route: at least one, or exactly `times`.

        Raises:
            AssertionError: There were fewer or more.
        """
        if times is None and self._count:
            return self.calls
        if times is not None and times == self._count:
            return self.calls
        wanted = "at least once" if times is None else f"{times}x"
        raise AssertionError(f"Expected {wanted}, was called {self._count}x: {self}.")

    @property
    def used_up(self) -> bool:
        """Whether it takes no more requests."""
        return bool(self._limit) and self._count >= (self._limit or 0)

    def matches(self, request: RecordedRequest) -> bool:
        """Say whether this route takes the request, and fill its `path_params`."""
        if self.method != request.method and self.method != "*":  # noqa: PLR1714 - hot
            return False
        values = self.template.match(request)
        if values is None:
            return False
        request.path_params = values
        return all(matcher.matches(request) for matcher in self.matchers)

    def claim(self) -> None:
        """Count a request that this route takes."""
        self._count += 1

    @property
    def is_handled(self) -> bool:
        """Whether a function of the test works out the outcomes."""
        return self._handler is not None

    async def outcome(self, request: RecordedRequest) -> Act:
        """Return what this request gets.

        Raises:
            ForbiddenRequest: There must be no request.
            SequenceExhausted: There is nothing left.
        """
        if self._limit == 0:
            raise ForbiddenRequest(f"{request!r} came to {self}, which is `never()`.")
        if self._handler is None:
            return self._next()
        outcome = self._handler(request)
        if inspect.isawaitable(outcome):
            outcome = await outcome
        return self._check(outcome)

    def usage(self) -> str:
        """Say how much of it is used: "already used 2 of 2"; empty when not used up."""
        if not self.used_up:
            return ""
        return f"already used {self._count} of {self._limit}"

    def shortfall(self) -> str:
        """Say what is missing at the end of a test; empty when nothing is."""
        least = self._least()
        if self._count >= least:
            return ""
        return f"{self}: called {self._count}x, at least {least}x expected"

    def __str__(self) -> str:
        return f"{self.method} {redact_url(self.template.text)} ({self.place})"

    def __repr__(self) -> str:
        return f"<Route {self}, called {self._count}x>"

    def _next(self) -> Act:
        position = self._position
        self._position += 1
        outcome = self._script.at(position)
        if outcome is None:
            raise SequenceExhausted(
                f"{self} was called once more than its sequence of "
                f"{len(self._script.outcomes)} has outcomes. Add one, or say what "
                "comes after the last: then='repeat_last' or then='cycle'."
            )
        return outcome

    def _least(self) -> int:
        if self._optional or self._limit == 0:
            return 0
        if self._limit is not None:
            return self._limit
        strict = self._handler is None and self._script.then == "error"
        return len(self._script.outcomes) if strict else 1

    def _follow(self, script: _Script) -> Self:
        self._script = script
        self._position = 0
        self._handler = None
        return self
