"""When a stream of events is opened again, and from where.

No input or output here: the rules of a source of events as a state machine that is told
what happens. Opened, it is fed; lost, it says how long to wait, or that it is over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import random as random_share
from typing import Final

from lexigram.contracts.web._errors import (
    HTTPCircuitOpenError,
    HTTPClientError,
    HTTPConnectionError,
    HTTPRejectedError,
    HTTPRetryExhaustedError,
    HTTPStatusError,
    HTTPTimeoutError,
)
from lexigram.contracts.web._retry_after import retry_after
from lexigram.contracts.web._streaming import MAX_LINE_BYTES
from lexigram.contracts.web.streaming._sse import EventParser, ServerSentEvent

__all__ = ["EventSource", "Reconnect", "Resumed"]

_NO_CONTENT: Final = 204
# What no header field may hold (RFC 9110 §5.5); such an ID cannot be sent back.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# What a connection that ended early, or not at all, is lost by.
_LOST: Final = frozenset({"disconnected", "truncated"})
# Doubling further makes no difference to any limit, and would overflow in the end.
_MOST_DOUBLINGS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconnect:
    """How a source of events reconnects.

    The wait doubles with each reconnection that brings no event, from `delay`, or from
    what the server says with `retry`, up to `max_delay`.

    Example:
        >>> patient = Reconnect(attempts=None, max_delay=300.0)

    Raises:
        ValueError: A number is out of its range.
    """

    attempts: int | None = 8
    """Most reconnections in a row that bring no event; None sets no limit."""
    delay: float = 3.0
    """Seconds before the first one, until the server says otherwise."""
    max_delay: float = 60.0
    """Most seconds to wait, `jitter` aside; a longer `retry` counts as this, and a longer
    Retry-After ends the source."""
    jitter: float = 0.5
    """Largest share of a wait that is added to it by chance, so that those who lost the
    same server do not return at once."""

    def __post_init__(self) -> None:
        if self.attempts is not None and self.attempts < 1:
            raise ValueError(
                f"attempts={self.attempts!r} is below 1. Use None for no limit."
            )
        for name in ("delay", "max_delay", "jitter"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise ValueError(f"{name}={value!r} is not a number from 0 on.")


@dataclass(frozen=True, slots=True)
class Resumed:
    """Stands where a source reconnected: what the server did not keep is lost here."""

    after: str
    """The last event ID that was sent to the server; "" when there was none, and nothing
    says where the new connection begins."""
    cause: HTTPClientError | None = None
    """What ended the last connection; None when the server did."""


class EventSource:
    r"""The state of one source of events over all of its connections.

    Args:
        reconnect: How to reconnect; None never does.
        last_event_id: The event to begin after.
        max_event_bytes: The largest event to accept.
        random: Returns a number from 0 to 1 for the jitter.

    Attributes:
        last_event_id: The ID of the last event.
        failures: The connections in a row that were lost before they brought an event.

    Example:
        >>> source = EventSource(Reconnect(delay=2.0, jitter=0.0))
        >>> source.opened(200)
        >>> [event.id for event in source.feed(b"id: 7\ndata: x\n\n")]
        ['7']
        >>> source.lost(None), source.request_headers()["Last-Event-ID"]
        (2.0, '7')
        >>> source.opened(200)
        Resumed(after='7', cause=None)
    """

    __slots__ = (
        "_cause",
        "_delay",
        "_max_event_bytes",
        "_parser",
        "_random",
        "_reconnect",
        "_stopped",
        "failures",
        "last_event_id",
    )

    last_event_id: str
    failures: int

    def __init__(
        self,
        reconnect: Reconnect | None = None,
        *,
        last_event_id: str = "",
        max_event_bytes: int = MAX_LINE_BYTES,
        random: Callable[[], float] = random_share,
    ) -> None:
        self.last_event_id = last_event_id
        self.failures = 0
        self._reconnect = reconnect
        self._delay = 0.0 if reconnect is None else reconnect.delay
        self._max_event_bytes = max_event_bytes
        self._random = random
        self._parser: EventParser | None = None
        self._cause: HTTPClientError | None = None
        self._stopped = False

    @property
    def began(self) -> bool:
        """Whether there was a connection, so that the next one repeats it."""
        return self._parser is not None

    @property
    def stopped(self) -> bool:
        """Whether the server said, with 204, that there is nothing more."""
        return self._stopped

    def request_headers(self) -> dict[str, str]:
        """Return the header fields for the next connection."""
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if sendable := self._sendable_id():
            headers["Last-Event-ID"] = sendable
        return headers

    def opened(self, status: int) -> Resumed | None:
        """Begin a connection; return the marker when there was one before.

        Args:
            status: The status of the answer, below 400.
        """
        self._stopped = status == _NO_CONTENT
        again = self._parser is not None
        self._parser = EventParser(
            max_event_bytes=self._max_event_bytes, last_event_id=self.last_event_id
        )
        if again and not self._stopped:
            return Resumed(self._sendable_id(), self._cause)
        return None

    def feed(self, data: bytes) -> Iterator[ServerSentEvent]:
        """Yield the events that end in `data`, to be read before more is fed.

        Raises:
            HTTPResponseTooLargeError: An event or a line is above the limit.
            RuntimeError: No connection was opened.
        """
        parser = self._parser
        if parser is None:
            raise RuntimeError("The source is fed before it was `opened`.")
        for event in parser.feed(data):
            self.failures = 0
            self.last_event_id = event.id
            yield event
        # An ID counts without an event as well.
        self.last_event_id = parser.last_event_id

    def lost(self, error: HTTPClientError | None) -> float | None:
        """Note the end of a connection, or that there was none; return what to do.

        Args:
            error: Why; None when the server ended the stream.

        Returns:
            The seconds to wait before the next connection. None when there is to be none:
            the source does not reconnect, never had a connection, or did so too often in
            vain; or the error is not one that time mends.
        """
        plan = self._reconnect
        self._cause = error
        self._note_retry()
        if plan is None or self._parser is None or self._stopped:
            return None
        if error is not None and not _passes(error):
            return None
        self.failures += 1
        if plan.attempts is not None and self.failures > plan.attempts:
            return None
        asked = _asked_to_wait(error)
        if asked > plan.max_delay:
            return None
        doubled = self._delay * (1 << min(self.failures - 1, _MOST_DOUBLINGS))
        wait = max(asked, min(doubled, plan.max_delay))
        return wait * (1 + plan.jitter * self._random())

    def _note_retry(self) -> None:
        if self._parser is not None:
            self._parser.close()
            if self._parser.retry is not None:
                self._delay = self._parser.retry / 1000

    def _sendable_id(self) -> str:
        return "" if _CONTROL.search(self.last_event_id) else self.last_event_id


def _passes(error: HTTPClientError) -> bool:
    """Say whether another connection may do better than the one that failed so."""
    if isinstance(error, HTTPTimeoutError):
        return error.phase != "total"
    if isinstance(error, HTTPRetryExhaustedError):
        return _passes(error.last)
    if isinstance(error, HTTPConnectionError):
        return error.retryable or error.failure in _LOST
    return error.retryable or isinstance(
        error, HTTPCircuitOpenError | HTTPRejectedError
    )


def _asked_to_wait(error: HTTPClientError | None) -> float:
    """Return the seconds that a failure asks for."""
    if isinstance(error, HTTPStatusError):
        return retry_after(error.response) or 0.0
    if isinstance(error, HTTPCircuitOpenError | HTTPRejectedError):
        return error.retry_after or 0.0
    return 0.0
