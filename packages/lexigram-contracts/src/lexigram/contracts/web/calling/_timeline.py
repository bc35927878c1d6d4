"""Writing down what became of the attempts of a call, and why there was no other one.

Whoever decides says why: policies by `Call.note`, and what they leave unsaid follows
from the attempt and from the request. Nothing is written for an attempt that was good
enough at once, which is nearly every one, so that nearly no call pays for this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from lexigram.contracts.redaction import redact_url
from lexigram.contracts.web import (
    HTTPClientError,
    HTTPConnectionError,
    HttpResponse,
    HTTPTimeoutError,
    RequestContext,
    TimeoutPhase,
)
from lexigram.contracts.web._timeline import AttemptRecord
from lexigram.contracts.web.calling._judgement import Judge, judge, why_not_repeatable

__all__ = ["Timeline"]

_REDIRECTION = 300  # RFC 9110 §15.4
_ERROR = 400  # RFC 9110 §15.5

_SILENCE = "not repeated: no retry policy asked for it"
_NOT_FOLLOWED = "not followed"

_OF_TIMEOUTS: Final[dict[TimeoutPhase, str]] = {
    "total": "not repeated: the time of the call is over",
    "pool": "not repeated: the pool is busy, and asking again adds to it",
}


class Timeline:
    """The attempts of one call, from the first one on that was not good enough.

    Good enough is a status below 300. Once there is a record, every attempt after it
    gets one. For one call, by whoever makes it: `enter` first.

    Args:
        now: Returns the time.
        started: When the call began.
        options: The options of the verb.
        judge: What `judge_by` returned; `judge` by default.
    """

    # Of the class until there is something to write down: every call has one of these.
    _records: tuple[AttemptRecord, ...] = ()
    # Whether nobody has said yet what follows the latest of them.
    _open = False
    # An attempt that was cancelled: by a caller, who does not read this, by a hedge,
    # which has a better one, or by a policy's limit, which will be said.
    _cut: AttemptRecord | None = None
    _asked: RequestContext

    def __init__(
        self,
        now: Callable[[], float],
        started: float,
        options: Mapping[str, Any],
        judge: Judge = judge,
    ) -> None:
        self._now = now
        self._started = started
        self._options = options
        self._judge = judge

    def enter(self, asked: RequestContext) -> None:
        """Note which request the policies are asked about from here on.

        A call has one for each redirect, and for each time that an interceptor sends it
        again.
        """
        self._asked = asked
        if self._open:
            followed = self._records[-1].decision == _NOT_FOLLOWED
            self._decide("followed" if followed else "again, by an interceptor")

    def begin(self) -> float:
        """Note that an exchange begins; return when that is."""
        self._cut = None
        if self._open:  # by a policy that does not say so
            self._decide("again")
        return self._now()

    async def recorded(
        self,
        number: int,
        request: RequestContext,
        send: Callable[[RequestContext], Awaitable[HttpResponse]],
    ) -> HttpResponse:
        """Return what `send` returns, and write down what it comes to if need be.

        Args:
            number: Which exchange of the call this is.
            request: What is sent.
            send: Makes the exchange.
        """
        began = self.begin()
        try:
            response = await send(request)
        except BaseException as error:  # written down on its way to who decides
            self.failed(number, request, began, error)
            raise
        self.answered_if_worth_it(number, request, began, response)
        return response

    def answered_if_worth_it(
        self, number: int, request: RequestContext, began: float, response: HttpResponse
    ) -> None:
        """Write down a response that is not good enough, or not the first of its call.

        Args:
            number: As for `answered`.
            request: As for `answered`.
            began: As for `answered`.
            response: As for `answered`.
        """
        if response.status >= _REDIRECTION or self._records:
            self.answered(number, request, began, response)

    def answered(
        self, number: int, request: RequestContext, began: float, response: HttpResponse
    ) -> None:
        """Write down a response.

        Args:
            number: Which exchange of the call it ends.
            request: What was sent.
            began: When the exchange began.
            response: Its end.
        """
        record = self._record(number, request, began)
        self._add(
            replace(
                record,
                outcome=str(response.status),
                decision=self._after_response(response),
            )
        )

    def failed(
        self, number: int, request: RequestContext, began: float, error: BaseException
    ) -> None:
        """Write down that there was no response.

        Args:
            number: Which exchange of the call it ends.
            request: What was sent.
            began: When the exchange began.
            error: Its end.
        """
        record = self._record(number, request, began)
        sent = error.request_sent if isinstance(error, HTTPClientError) else "maybe"
        record = replace(record, outcome=_outcome(error), request_sent=sent)
        if isinstance(error, asyncio.CancelledError):
            self._cut = record
            return
        self._add(replace(record, decision=self._after_error(error)))

    def note(self, decision: str) -> None:
        """Take down what a policy decided after the latest attempt."""
        if self._cut is not None:
            # A limit of the whole call would have ended the policy's work as well.
            self._add(replace(self._cut, outcome="HTTPTimeoutError: attempt"))
        if self._records:
            self._decide(decision)

    def close(self, error: BaseException | None = None) -> tuple[AttemptRecord, ...]:
        """Return the records, by number.

        Args:
            error: What the call ends with, if there is no response.
        """
        if self._cut is not None and isinstance(error, HTTPTimeoutError):
            decision = self._after_error(error)
            self._add(replace(self._cut, outcome=_outcome(error), decision=decision))
        if len(self._records) < 2:  # noqa: PLR2004 - nothing to sort, as nearly always
            return self._records
        return tuple(sorted(self._records, key=lambda record: record.number))

    def _record(
        self, number: int, request: RequestContext, began: float
    ) -> AttemptRecord:
        return AttemptRecord(
            number=number,
            method=request.method,
            url=redact_url(request.url),
            started=began - self._started,
            duration=self._now() - began,
            outcome="",
            request_sent="yes",
            decision="",
        )

    def _add(self, record: AttemptRecord) -> None:
        self._records = (*self._records, record)
        self._open = True
        self._cut = None

    def _decide(self, decision: str) -> None:
        *before, last = self._records
        self._records = (*before, replace(last, decision=decision))
        self._open = False

    def _after_response(self, response: HttpResponse) -> str:
        """Say why this response is the last one, if nobody says anything else."""
        status = response.status
        if _REDIRECTION <= status < _ERROR and "location" in response.headers:
            return _NOT_FOLLOWED
        if status < _ERROR:
            return "the answer"
        if not self._judge(response, None).retryable:
            return f"not repeated: status {status} is not worth another attempt"
        return self._though_worth_repeating()

    def _after_error(self, error: BaseException) -> str:
        """Say why this failure is the last one, if nobody says anything else."""
        if not isinstance(error, HTTPClientError):
            return "not repeated: it is no failure of the exchange"
        if self._judge(None, error).retryable:
            return self._though_worth_repeating()
        why = "not repeated: another attempt would fail as well"
        if isinstance(error, HTTPTimeoutError):
            return _OF_TIMEOUTS.get(error.phase, why)
        return why

    def _though_worth_repeating(self) -> str:
        why = why_not_repeatable(self._asked, self._options)
        return f"not repeated: {why}" if why else _SILENCE


def _outcome(error: BaseException) -> str:
    name = type(error).__name__
    if isinstance(error, HTTPTimeoutError):
        return f"{name}: {error.phase}"
    if isinstance(error, HTTPConnectionError):
        reason = f", {error.reason}" if error.reason else ""
        return f"{name}: {error.failure}{reason}"
    return name
