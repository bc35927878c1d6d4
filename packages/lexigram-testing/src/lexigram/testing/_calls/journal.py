"""What happened: every call, in order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Self, TypeAlias, overload

from lexigram.contracts.clock import SystemClock
from lexigram.contracts.redaction import redact_url
from lexigram.testing._answers.outcomes import Outcome, describe
from lexigram.testing._calls.changes import Changes
from lexigram.testing._calls.records import outcome_record, request_record
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._calls.urls import accepts, parse_url

if TYPE_CHECKING:
    from lexigram.testing._routing.routes import Route

__all__ = ["CallLog", "Journal", "RecordedCall"]

_Filter: TypeAlias = "Callable[[RecordedCall], bool]"


class RecordedCall:
    """One request and what became of it.

    It is recorded when the request arrives; `outcome` is None until it is answered.
    """

    __slots__ = ("elapsed", "index", "outcome", "request", "route", "started_at")

    index: int
    """Its number, from 1."""
    request: RecordedRequest
    """What came in."""
    route: Route | None
    """The route that took it; None when there was none."""
    outcome: Outcome | None
    """What the caller got: of a fake the response or the exception, of a server the
    reply or the fault."""
    started_at: float
    """When it came in, as a time of the event loop."""
    elapsed: float
    """Seconds until the outcome."""

    def __init__(
        self,
        index: int,
        request: RecordedRequest,
        route: Route | None,
        started_at: float,
    ) -> None:
        self.index = index
        self.request = request
        self.route = route
        self.outcome = None
        self.started_at = started_at
        self.elapsed = 0.0

    def render(self) -> str:
        """Return one line: number, method, redacted URL, outcome."""
        request = self.request
        return (
            f"#{self.index} {request.method} {redact_url(request.url)}"
            f" -> {describe(self.outcome)}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data: stable, redacted, without times and places."""
        return {
            "index": self.index,
            "request": request_record(self.request),
            "outcome": outcome_record(self.outcome),
        }

    def __repr__(self) -> str:
        return f"<RecordedCall {self.render()}>"


class Journal:
    """Keeps the calls and announces each change."""

    __slots__ = ("_now", "calls", "changes", "prefix")

    def __init__(self, changes: Changes, prefix: str = "") -> None:
        self.calls: list[RecordedCall] = []
        self.changes: Changes = changes
        self.prefix: str = prefix
        self._now: Callable[[], float] = SystemClock().monotonic

    def begin(self, request: RecordedRequest, route: Route | None) -> RecordedCall:
        """Record a request that has arrived."""
        call = RecordedCall(len(self.calls) + 1, request, route, self._now())
        self.calls.append(call)
        if self.changes.waiters:
            self.changes.notify()
        return call

    def end(self, call: RecordedCall, outcome: Outcome) -> None:
        """Record what became of it."""
        call.outcome = outcome
        call.elapsed = self._now() - call.started_at
        if self.changes.waiters:
            self.changes.notify()

    def clear(self) -> None:
        """Forget every call; the next one is #1."""
        self.calls.clear()
        self.changes.notify()


class CallLog(Sequence[RecordedCall]):
    """The calls so far, or those of them that pass a filter: a live view."""

    def __init__(self, journal: Journal, keep: _Filter | None = None) -> None:
        self._journal = journal
        self._keep = keep

    @overload
    def __getitem__(self, index: int) -> RecordedCall: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[RecordedCall]: ...
    def __getitem__(self, index: int | slice) -> RecordedCall | Sequence[RecordedCall]:
        return self._calls()[index]

    def __len__(self) -> int:
        return len(self._calls())

    def __iter__(self) -> Iterator[RecordedCall]:
        return iter(self._calls())

    def __repr__(self) -> str:
        return f"<CallLog\n{self.render()}\n>" if len(self) else "<CallLog, no calls>"

    def to(
        self, method: str | None = None, url: str | re.Pattern[str] | None = None
    ) -> CallLog:
        """Return the calls of this method and this URL.

        Args:
            method: None takes any.
            url: As a route's: a template, a compiled regular expression; None takes any.

        Raises:
            ValueError: The URL is not a template.
        """
        pattern = None if url is None else parse_url(url, self._journal.prefix)
        wanted = None if method in {None, "*"} else str(method).upper()
        before = self._keep

        def keep(call: RecordedCall) -> bool:
            request = call.request
            return (
                (before is None or before(call))
                and wanted in {None, request.method}
                and (pattern is None or accepts(pattern, request))
            )

        return CallLog(self._journal, keep)

    def one(self) -> RecordedCall:
        """Return the only call.

        Raises:
            AssertionError: There is none, or more than one.
        """
        self.assert_count(1)
        return self[0]

    def assert_count(self, n: int) -> Self:
        """Return these calls when there are exactly `n`.

        Raises:
            AssertionError: There are more or fewer; lists them.
        """
        if len(self) != n:
            raise AssertionError(f"Expected {_count(n)}, got {self._report()}")
        return self

    def assert_sequence(self, *expected: tuple[str, str | re.Pattern[str]]) -> Self:
        """Return these calls when they are exactly those expected, in this order.

        Each is a method and a URL, as `to` takes them: `("GET", "/v1/users/{id}")`.

        Raises:
            AssertionError: They are others; shows both, one beside the other.
            ValueError: A URL is not a template.
        """
        steps = [_Step(method, url, self._journal.prefix) for method, url in expected]
        calls = self._calls()
        pairs = list(zip_longest(steps, calls))
        if not all(step and call and step.is_met(call) for step, call in pairs):
            lines = "".join(f"\n  {_beside(step, call)}" for step, call in pairs)
            raise AssertionError(
                f"Expected {_count(len(steps))} in this order, "
                f"got {len(calls) or 'none'}:{lines}"
            )
        return self

    async def wait_for(
        self,
        n: int = 1,
        timeout: float = 5.0,  # noqa: ASYNC109 - a bound for a test, in its own words
    ) -> Self:
        """Return as soon as there are `n` calls, answered or not.

        Raises:
            AssertionError: There were fewer after `timeout` seconds; lists them.
        """
        await self._journal.changes.wait_until(
            lambda: len(self) >= n,
            timeout,
            lambda: f"Expected at least {_count(n)}, got {self._report()}",
        )
        return self

    def render(self) -> str:
        """Return the conversation, a line for each call; stable and redacted."""
        return "\n".join(call.render() for call in self)

    def to_dict(self) -> dict[str, Any]:
        """Return the conversation as plain data, for a snapshot: stable, redacted."""
        return {"calls": [call.to_dict() for call in self]}

    def _calls(self) -> list[RecordedCall]:
        calls = self._journal.calls
        return calls if self._keep is None else [c for c in calls if self._keep(c)]

    def _report(self) -> str:
        calls = [f"\n  {call.render()}" for call in self]
        return f"{len(calls)}:{''.join(calls)}" if calls else "none."


class _Step:
    """One call that is expected in a sequence."""

    def __init__(self, method: str, url: str | re.Pattern[str], prefix: str) -> None:
        self.method = method.upper()
        self.pattern = parse_url(url, prefix)

    def is_met(self, call: RecordedCall) -> bool:
        same = self.method in {"*", call.request.method}
        return same and accepts(self.pattern, call.request)

    def __str__(self) -> str:
        return f"{self.method} {self.pattern}"


def _beside(step: _Step | None, call: RecordedCall | None) -> str:
    if call is None:
        return f"DIFF  expected {step}, got no more calls"
    if step is None:
        return f"DIFF  expected no more calls, got {call.render()}"
    if not step.is_met(call):
        return f"DIFF  expected {step}, got {call.render()}"
    return f"ok    {call.render()}"


def _count(n: int) -> str:
    return "1 call" if n == 1 else f"{n} calls"
