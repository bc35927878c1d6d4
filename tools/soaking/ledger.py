"""The books: what became of each call, and what the server may and must have seen of it.

Everything is allocated before the first call, so that the books do not grow while the
memory is watched.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from lexigram.contracts.resilience import Call, ResiliencePipelineProtocol
from lexigram.contracts.web import (
    AroundInterceptorProtocol,
    HTTPClientError,
    HTTPConnectionError,
    HTTPRetryExhaustedError,
    HTTPTimeoutError,
    Proceed,
    RequestContext,
    ResponseContext,
)

T = TypeVar("T")

_MOST_PROBLEMS: Final = 20


class Ledger:
    """What the client's side knows.

    Attributes:
        began: Calls that were made.
        answered: Calls that got a response, by method and status.
        failed: Calls that got none, by method and the word that metrics have for it.
        unmeasured: Calls that the client refused before they were calls.
        cancelled: Calls that were cancelled.
        certain: Of each call, the attempts that the server has seen for certain.
        possible: Of each call, the attempts that it may have seen, those included.
        problems: What must not happen.
    """

    def __init__(self, calls: int) -> None:
        self.began: int = 0
        self.answered: Counter[tuple[str, str]] = Counter()
        self.failed: Counter[tuple[str, str]] = Counter()
        self.unmeasured: int = 0
        self.cancelled: int = 0
        self.streams_broken: int = 0
        # Written to once, so that every page of them is resident from the beginning.
        self.certain: bytearray = bytearray(b"\1") * calls
        self.possible: bytearray = bytearray(b"\1") * calls
        for index in range(calls):
            self.certain[index] = self.possible[index] = 0
        self.problems: list[str] = []

    def problem(self, text: str) -> None:
        """Note what must not happen."""
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(text)

    @property
    def ended(self) -> int:
        """Calls whose end is known."""
        known = self.answered.total() + self.failed.total()
        return known + self.unmeasured + self.cancelled

    def measured(self) -> Counter[tuple[str, str]]:
        """Return what `http.request.status` has to say."""
        return self.answered + self.failed


def word_for(error: HTTPClientError) -> str:
    """Return what the metrics call a failure."""
    if isinstance(error, HTTPRetryExhaustedError):
        error = error.last
    if isinstance(error, HTTPConnectionError):
        return "connection_error"
    if isinstance(error, HTTPTimeoutError):
        return "timeout"
    return error.code.removeprefix("http.")


class Attempts(AroundInterceptorProtocol):
    """Writes down each attempt on its way back."""

    scope: str = "attempt"

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def around(
        self, request: RequestContext, proceed: Proceed, /
    ) -> ResponseContext:
        """Proceed, and note whether the server has seen it."""
        number = int(request.url.rpartition("/")[2])
        try:
            response = await proceed(request)
        except HTTPClientError as error:
            self._note(number, error.request_sent)
            raise
        except asyncio.CancelledError:
            self._note(number, "maybe")
            raise
        self._note(number, "yes")
        return response

    def _note(self, number: int, sent: str) -> None:
        self._ledger.certain[number] += sent == "yes"
        self._ledger.possible[number] += sent != "no"


class Counted(ResiliencePipelineProtocol):
    """A pipeline whose calls are counted on their way in."""

    def __init__(self, pipeline: ResiliencePipelineProtocol) -> None:
        self._pipeline = pipeline
        self.executions: int = 0

    async def execute(
        self, operation: Callable[[], Awaitable[T]], call: Call[T] | None = None
    ) -> T:
        """Run the pipeline."""
        self.executions += 1
        return await self._pipeline.execute(operation, call)
