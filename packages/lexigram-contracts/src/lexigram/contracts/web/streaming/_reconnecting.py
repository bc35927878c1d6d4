"""Server-sent events over any client that streams, across lost connections."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Unpack

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.web._errors import (
    HTTPClientError,
    HTTPConnectionError,
    HTTPTimeoutError,
)
from lexigram.contracts.web._headers import MutableHeaders
from lexigram.contracts.web._options import RequestOptions
from lexigram.contracts.web._streaming import (
    MAX_LINE_BYTES,
    ResponseStreamProtocol,
    StreamingHTTPClientProtocol,
)
from lexigram.contracts.web._timeouts import Timeouts
from lexigram.contracts.web.streaming._kinds import check_events
from lexigram.contracts.web.streaming._source import EventSource, Reconnect, Resumed
from lexigram.contracts.web.streaming._sse import ServerSentEvent

__all__ = ["events"]

_DEFAULT = Reconnect()


async def events(
    client: StreamingHTTPClientProtocol,
    url: str,
    *,
    reconnect: Reconnect | None = _DEFAULT,
    end: str | None = None,
    last_event_id: str = "",
    max_event_bytes: int = MAX_LINE_BYTES,
    clock: ClockProtocol | None = None,
    **options: Unpack[RequestOptions],
) -> AsyncGenerator[ServerSentEvent | Resumed, None]:
    """Yield the events of a source, reconnecting where its connection is lost.

    Sent with GET. Ends with the event that `end` names, or with an answer of 204. A
    `Resumed` stands where events may be lost. For a stream that ends by itself, like the
    answer of a language model, use `stream(...)` and its `events()`: a source that just
    ends is asked again.

    Close the generator when leaving it early, which closes the connection:
    `async with contextlib.aclosing(events(client, url)) as source`.

    Args:
        client: Opens each connection; its policies and interceptors apply to each. A
            reconnection is a second attempt to them, out of the budget for those; one
            that is refused counts as one in vain, and waits.
        url: Where the source is.
        reconnect: How to reconnect; None never does.
        end: The data of the event that ends the source; it is not given.
        last_event_id: The event to begin after, as from an earlier process.
        max_event_bytes: The largest event to accept.
        clock: What waits.
        options: Of each request. A total `timeout` holds for the source as a whole, its
            waits included; `Timeouts(read=...)` is the longest silence, which a comment
            of the server ends as well.

    Raises:
        HTTPClientError: The first connection fails, or a later one in a way that time
            does not mend, or all that `reconnect` allows did.
        HTTPTimeoutError: The total time is over, or would be before the next connection.
        HTTPDecodeError: What comes is not text/event-stream.
    """
    source = EventSource(
        reconnect, last_event_id=last_event_id, max_event_bytes=max_event_bytes
    )
    time = _Time(options, clock or SystemClock())
    while True:
        error: HTTPClientError | None = None
        try:
            async with client.stream("GET", url, **_with(source, time, url)) as stream:
                marker = _open(source, stream)
                if source.stopped:
                    return
                if marker is not None:
                    yield marker
                async for chunk in stream.bytes():
                    for event in source.feed(chunk):
                        if event.data == end:
                            return
                        yield event
        except HTTPClientError as failure:
            error = failure
        wait = source.lost(error)
        if wait is None:
            if reconnect is None and error is None:
                return
            raise error or _in_vain(source, url)
        await time.sleep(wait, error, url)


def _open(source: EventSource, stream: ResponseStreamProtocol) -> Resumed | None:
    stream.raise_for_status()
    marker = source.opened(stream.status)
    if not source.stopped:
        check_events(stream)
    return marker


def _with(source: EventSource, time: _Time, url: str) -> RequestOptions:
    options = time.options(url)
    headers = MutableHeaders(options.get("headers", ()))
    for name, value in source.request_headers().items():
        headers[name] = value
    options["headers"] = headers
    if source.began:
        options["repeats"] = True
    return options


def _in_vain(source: EventSource, url: str) -> HTTPConnectionError:
    return HTTPConnectionError(
        f"The server ended the stream {source.failures} times in a row without an event. "
        "Give `Reconnect(attempts=...)` another limit, or answer 204 at the end.",
        failure="disconnected",
        method="GET",
        url=url,
        request_sent="yes",
        retryable=True,
    )


class _Time:
    """What is left of the time for a source, and the options that say so."""

    __slots__ = ("_clock", "_end", "_limit", "_options", "_timeouts")

    def __init__(self, options: RequestOptions, clock: ClockProtocol) -> None:
        timeout = options.get("timeout", ...)
        self._timeouts = timeout if isinstance(timeout, Timeouts) else Timeouts()
        total = timeout.total if isinstance(timeout, Timeouts) else timeout
        limited = isinstance(total, int | float)
        self._limit = float(total) if limited else None  # type: ignore[arg-type]  # a number
        self._clock = clock
        self._end = None if self._limit is None else clock.monotonic() + self._limit
        self._options = options

    def options(self, url: str) -> RequestOptions:
        """Return the options of the next request, which ends with the source."""
        options = self._options.copy()
        if self._end is not None:
            left = self._end - self._clock.monotonic()
            if left <= 0:
                raise self._over(url)
            options["timeout"] = replace(self._timeouts, total=left)
        return options

    async def sleep(
        self, seconds: float, cause: HTTPClientError | None, url: str
    ) -> None:
        """Wait, unless the time of the source would be over then."""
        if self._end is not None and self._clock.monotonic() + seconds >= self._end:
            raise self._over(url) from cause
        await self._clock.sleep(seconds)

    def _over(self, url: str) -> HTTPTimeoutError:
        limit = self._limit or 0.0
        return HTTPTimeoutError(
            f"The source of events took longer than its timeout of {limit:g} s, or would "
            "with its next connection. Give a longer `timeout`, or None for no limit.",
            phase="total",
            limit=limit,
            method="GET",
            url=url,
        )
