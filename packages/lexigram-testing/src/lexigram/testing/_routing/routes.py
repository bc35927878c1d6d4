"""A route: which requests it takes, what it answers, how often."""

from __future__ import annotations

import inspect
import math
from collections.abc import Awaitable, Callable
from typing import Any, Self, TypeAlias

from lexigram.contracts.web import HTTPClientProtocol, HttpResponse
from lexigram.testing._answers.faults import Fault
from lexigram.testing._answers.outcomes import UNSET, Act, Outcome, Reply
from lexigram.testing._calls.failures import (
    CallbackFailed,
    ForbiddenRequest,
    OrderViolated,
    SequenceExhausted,
)
from lexigram.testing._calls.journal import CallLog, Journal, RecordedCall
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._calls.showing import show_url
from lexigram.testing._calls.urls import UrlPattern
from lexigram.testing._routing.forwarding import forward
from lexigram.testing._routing.matchers import Matcher
from lexigram.testing._routing.scripts import Script, Then

__all__ = ["Check", "Handler", "Route", "Then"]

Handler: TypeAlias = Callable[[RecordedRequest], Outcome | Awaitable[Outcome]]
"""Works out an outcome from the request."""

Check: TypeAlias = Callable[[Outcome], Act]
"""Returns an outcome that its world can perform, or raises and says why it cannot."""


class Route:
    """What happens to the requests that match.

    Made by `fake.on(...)` or `server.on(...)`. Until it is told otherwise it answers
    200 without a body, any number of times, and has to be called at least once. The
    methods return the route, so that they chain; a second answer replaces the first.
    """

    def __init__(
        self,
        methods: frozenset[str] | None,
        template: UrlPattern,
        matchers: tuple[Matcher, ...],
        *,
        name: str = "",
        number: int = 0,
        place: str = "",
        journal: Journal,
        check: Check,
    ) -> None:
        self.methods = methods
        self.template = template
        self.matchers = matchers
        self.name = name
        self.number = number
        self.place = place
        self._journal = journal
        self._check = check
        self.handler: Handler | None = None  # works out the outcomes, if set
        self._script = Script((Reply(),))
        self._position = 0
        self._count = 0
        self._least: int | None = None
        self._most = math.inf
        self._forbidden = False
        self._optional = False
        self._before: tuple[Route, ...] = ()

    @property
    def method(self) -> str:
        """The method it takes; "GET|HEAD" of several, "*" of any."""
        return "*" if self.methods is None else "|".join(sorted(self.methods))

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
        return self._follow(Script((self._check(reply),)))

    def sequence(self, *outcomes: Outcome, then: Then = "error") -> Self:
        """Answer one request after the other.

        With "error" the sequence is strict: one request more is a failure, and so is
        one less when the test ends.

        Raises:
            ValueError: There is no outcome, or `then` is not one of its words.
        """
        return self._follow(Script(tuple(map(self._check, outcomes)), then))

    def fail(self, outcome: Fault | BaseException | type[BaseException]) -> Self:
        """Fail every request in this way; a class stands for an instance of it.

        Raises:
            TypeError: The class cannot be made without arguments.
        """
        return self._follow(Script((self._check(outcome),)))

    def handle(self, handler: Handler) -> Self:
        """Ask a function, sync or async, for each outcome."""
        self.handler = handler
        return self

    def pass_through(self, client: HTTPClientProtocol) -> Self:
        """Hand every request on to another client, and its answer or error back.

        Method, URL, headers, body and timeout arrive there as they came. A server
        hands on the request's target, so that the client's base URL decides where a
        path goes; of the client's errors it makes silence (a timeout) or a reset.
        """
        return self.handle(lambda request: forward(client, request))

    def times(self, n: int | range) -> Self:
        """Take exactly `n` requests; others go to an earlier route that matches.

        Args:
            n: How many, or a range of it: `range(1, 4)` is one, two or three.

        Raises:
            ValueError: It is below 1, or no range of one step.
        """
        allowed = range(n, n + 1) if isinstance(n, int) else n
        if not allowed or allowed.step != 1 or allowed[0] < 0:
            raise ValueError(f"times({n!r}) is no range of numbers. Use range(1, 4).")
        if allowed[-1] < 1:
            raise ValueError(f"times({n!r}) takes no request. Use `never()` to forbid.")
        self._least, self._most, self._forbidden = allowed[0], allowed[-1], False
        return self

    def once(self) -> Self:
        """Take exactly one request, as `times(1)`."""
        return self.times(1)

    def optional(self) -> Self:
        """Need not be called."""
        self._optional = True
        return self

    def never(self) -> Self:
        """Must not be called: a request that matches is a failure."""
        self._forbidden = True
        return self

    def after(self, *routes: Route) -> Self:
        """Must not be called before these were, each as often as it has to be.

        What counts is when a request comes in. The routes may be another fake's.

        Raises:
            ValueError: One of them must come after this one.
        """
        for route in routes:
            if route is self or route.comes_after(self):
                raise ValueError(f"{self} and {route} would each come after the other.")
        self._before += routes
        return self

    @property
    def calls(self) -> CallLog:
        """The calls that this route took."""
        return CallLog(self._journal, lambda call: call.route is self)

    def assert_called(self, times: int | range | None = None) -> CallLog:
        """Return the calls of this route: at least one, or as many as `times` says.

        Raises:
            AssertionError: There were fewer or more; lists all calls.
        """
        if times is None:
            met = self._count > 0
        else:
            met = self._count in (times if isinstance(times, range) else {times})
        if met:
            return self.calls
        everything = CallLog(self._journal).render().replace("\n", "\n  ")
        raise AssertionError(
            f"Expected {_in_words(times)}, was called {self._count}x: {self}.\n"
            f"All calls:\n  {everything or 'none'}"
        )

    def assert_called_once(self) -> RecordedCall:
        """Return the only call of this route.

        Raises:
            AssertionError: There was none, or more than one; lists all calls.
        """
        return self.assert_called(1)[0]

    def assert_not_called(self) -> None:
        """Do nothing when this route was not called.

        Raises:
            AssertionError: It was; lists all calls.
        """
        self.assert_called(0)

    @property
    def used_up(self) -> bool:
        """Whether it takes no more requests."""
        return self._count >= self._most

    def matches(self, request: RecordedRequest) -> bool:
        """Say whether this route takes the request, and fill its `path_params`.

        Raises:
            CallbackFailed: A matcher raised.
        """
        if self.methods is not None and request.method not in self.methods:
            return False
        values = self.template.match(request)
        if values is None:
            return False
        request.path_params = values
        return not self.matchers or self._all_match(request)

    def claim(self, request: RecordedRequest) -> None:
        """Count a request that this route takes.

        Raises:
            ForbiddenRequest: There must be no request.
            OrderViolated: Another must come first.
        """
        self._count += 1
        if self._forbidden:
            raise ForbiddenRequest(
                f"{_shown(request)} came to {self}, which is `never()` to be called."
            )
        if self._before:
            self._check_turn(request)

    def rewind(self) -> None:
        """Forget how often it was called."""
        self._count = 0
        self._position = 0

    def scripted(self) -> Act:
        """Return what comes next, where no handler works it out.

        Raises:
            SequenceExhausted: There is nothing left.
        """
        position = self._position
        self._position += 1
        outcome = self._script.at(position)
        if outcome is None:
            raise SequenceExhausted(
                f"{self} was called once more than its sequence of "
                f"{len(self._script.outcomes)} has outcomes ({self._script}). Add one, "
                "or say what comes after the last: then='repeat_last' or then='cycle'."
            )
        return outcome

    async def outcome(self, request: RecordedRequest) -> Act:
        """Return what this request gets.

        Raises:
            SequenceExhausted: There is nothing left.
        """
        if self.handler is None:
            return self.scripted()
        outcome = self.handler(request)
        if inspect.isawaitable(outcome):
            outcome = await outcome
        return self._check(outcome)

    def usage(self) -> str:
        """Say how much of it is used: "already used 2 of 2"; empty when not used up."""
        if not self.used_up:
            return ""
        return f"already used {self._count} of {self._most}"

    def shortfall(self) -> str:
        """Say what is missing at the end of a test; empty when nothing is."""
        least = self._required()
        if self._count >= least:
            return ""
        return f"{self}: called {self._count}x, at least {least}x expected"

    def comes_after(self, other: Route) -> bool:
        """Say whether this route must come after the other, directly or not."""
        return any(r is other or r.comes_after(other) for r in self._before)

    def __str__(self) -> str:
        name = f"{self.name!r} " if self.name else ""
        return f"{name}{self.method} {self.template} ({self.place})"

    def __repr__(self) -> str:
        return f"<Route {self}, called {self._count}x>"

    def _check_turn(self, request: RecordedRequest) -> None:
        missing = [route for route in self._before if route.shortfall()]
        if missing:
            lines = "".join(f"\n  {route.shortfall()}" for route in missing)
            raise OrderViolated(
                f"{_shown(request)} came to {self} before its turn, "
                f"which is after:{lines}"
            )

    def _all_match(self, request: RecordedRequest) -> bool:
        for matcher in self.matchers:
            try:
                if not matcher.matches(request):
                    return False
            except Exception as error:  # the test's own code
                raise CallbackFailed(
                    f"The matcher {matcher!r} of {self} raised {error!r}. "
                    "Let it return False for requests that it does not mean."
                ) from error
        return True

    def _required(self) -> int:
        if self._optional or self._forbidden:
            return 0
        if self._least is not None:
            return self._least
        return 1 if self.handler is not None else self._script.least

    def _follow(self, script: Script) -> Self:
        self._script = script
        self._position = 0
        self.handler = None
        return self


def _shown(request: RecordedRequest) -> str:
    return f"{request.method} {show_url(request.url)}"


def _in_words(times: int | range | None) -> str:
    if times is None:
        return "at least once"
    if isinstance(times, int):
        return f"{times}x" if times else "no call"
    return f"{times[0]}x to {times[-1]}x" if times else "no call"
