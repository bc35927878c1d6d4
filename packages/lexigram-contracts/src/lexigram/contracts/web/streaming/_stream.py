"""A response that is read while it arrives, whoever brings its bytes."""

from __future__ import annotations

import builtins
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
)
from contextlib import contextmanager
from types import AsyncGeneratorType
from typing import Any, Generic, Literal, Protocol, Self, TypeVar, cast, overload

from lexigram.contracts.redaction import redact_url
from lexigram.contracts.web._content import close_chunks
from lexigram.contracts.web._errors import (
    HTTPClientError,
    HTTPClientStateError,
    HTTPDecodeError,
    HTTPStatusError,
)
from lexigram.contracts.web._headers import Headers, HeaderSource
from lexigram.contracts.web._response import HttpResponse
from lexigram.contracts.web._streaming import MAX_LINE_BYTES
from lexigram.contracts.web.streaming._json_lines import LineDecoder, parse
from lexigram.contracts.web.streaming._json_seq import JSONSequenceSplitter
from lexigram.contracts.web.streaming._kinds import (
    check_events,
    check_json,
    is_sequence,
)
from lexigram.contracts.web.streaming._lines import LineSplitter, decoded
from lexigram.contracts.web.streaming._sse import EventParser, ServerSentEvent
from lexigram.contracts.web.streaming._text import TextDecoder, declared_charset
from lexigram.result import Result

__all__ = ["ResponseStream"]

T = TypeVar("T")

_NO_CONTENT = 204
_ERROR = 400  # RFC 9110 §15


class ResponseStream:
    r"""Status and headers of an answer, and its body as it arrives.

    Implements `ResponseStreamProtocol`, which says what may be done with it. For
    authors of transports, and for tests: a transport makes one, gives it to the block of
    its caller, and awaits `aclose` when the block ends.

    Args:
        status: The status code.
        headers: The header fields.
        url: The URL that answered.
        method: The method that was answered.
        chunks: The body, any content coding removed. Its errors come out as they are; it
            is closed with the stream if it has an `aclose`.
        error: The answer as far as it was read, when its status is 400 or more. Without
            it the `HTTPStatusError` has an empty body.
        attempts: How many times the request was sent.

    Attributes:
        status: The status code.
        headers: The header fields.
        url: The URL that answered.
        method: The method that was answered.
        attempts: How many times the request was sent.
        error: The whole answer when its status is 400 or more, else None.

    Example:
        >>> async def chunks():
        ...     yield b"one\ntwo"
        >>> ResponseStream(200, (), "https://api.test/", "GET", chunks())
        <ResponseStream 200 GET https://api.test/, unread>
    """

    __slots__ = (
        "_broken",
        "_chunks",
        "_closed",
        "_form",
        "_reading",
        "attempts",
        "error",
        "headers",
        "method",
        "status",
        "url",
    )

    status: int
    headers: Headers
    url: str
    method: str
    attempts: int
    error: HttpResponse | None

    def __init__(
        self,
        status: int,
        headers: HeaderSource,
        url: str,
        method: str,
        chunks: AsyncIterator[builtins.bytes],
        *,
        error: HttpResponse | None = None,
        attempts: int = 1,
    ) -> None:
        self.status = status
        self.headers = headers if type(headers) is Headers else Headers(headers)
        self.url = url
        self.method = method
        self.attempts = attempts
        if error is None and not self.ok:
            error = HttpResponse(status, url, method, self.headers, attempts=attempts)
        self.error = error
        self._chunks = chunks
        self._closed = False
        self._broken = False
        self._form = ""
        self._reading: _Reading[Any] | None = None

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status < _ERROR

    def raise_for_status(self) -> Self:
        """Return this stream, or raise when its status is 400 or more.

        Raises:
            HTTPStatusError: With what was read of the body inside.
        """
        if self.error is not None:
            raise HTTPStatusError(self.error)
        return self

    def __aiter__(self) -> AsyncIterator[str]:
        return self.lines()

    def bytes(self) -> AsyncIterator[builtins.bytes]:
        """Iterate over the body as it arrives, any content coding removed."""
        return self._read("bytes()", self._bytes)

    def text(self) -> AsyncIterator[str]:
        """Iterate over the body as text, by the charset of its Content-Type."""
        return self._read("text()", self._text)

    def lines(self, *, max_line_bytes: int = MAX_LINE_BYTES) -> AsyncIterator[str]:
        """Iterate over the lines, without their ends.

        Args:
            max_line_bytes: The largest line to accept, counted in UTF-8.
        """
        splitter = LineSplitter(max_line_bytes)
        return self._read("lines()", lambda: self._lines(splitter))

    @overload
    def json_lines(
        self,
        decoder: None = None,
        *,
        results: Literal[False] = False,
        max_line_bytes: int = MAX_LINE_BYTES,
        any_content_type: bool = False,
    ) -> AsyncIterator[Any]: ...

    @overload
    def json_lines(
        self,
        decoder: None = None,
        *,
        results: Literal[True],
        max_line_bytes: int = MAX_LINE_BYTES,
        any_content_type: bool = False,
    ) -> AsyncIterator[Result[Any, HTTPDecodeError]]: ...

    @overload
    def json_lines(
        self,
        decoder: Callable[[builtins.bytes], T],
        *,
        results: Literal[False] = False,
        max_line_bytes: int = MAX_LINE_BYTES,
        any_content_type: bool = False,
    ) -> AsyncIterator[T]: ...

    @overload
    def json_lines(
        self,
        decoder: Callable[[builtins.bytes], T],
        *,
        results: Literal[True],
        max_line_bytes: int = MAX_LINE_BYTES,
        any_content_type: bool = False,
    ) -> AsyncIterator[Result[T, HTTPDecodeError]]: ...

    def json_lines(
        self,
        decoder: Callable[[builtins.bytes], Any] | None = None,
        *,
        results: bool = False,
        max_line_bytes: int = MAX_LINE_BYTES,
        any_content_type: bool = False,
    ) -> AsyncIterator[Any]:
        """Iterate over JSON values, one a line, or as RFC 7464 divides them.

        Lines without anything are passed over. What is labelled as a JSON text sequence
        is read as one.

        Args:
            decoder: Makes a value of the bytes of each one; JSON is parsed by default.
            results: Give a `Result` for each value, so that a bad one does not end the
                stream.
            max_line_bytes: The largest value to accept.
            any_content_type: Whether to read a body that is labelled as something else.

        Raises:
            HTTPLineDecodeError: While reading: a value cannot be decoded.
            HTTPDecodeError: The Content-Type is of something else.
        """
        splitter = (JSONSequenceSplitter if is_sequence(self) else LineSplitter)(
            max_line_bytes
        )
        self.raise_for_status()
        if not any_content_type:
            check_json(self)
        lines = LineDecoder(
            parse if decoder is None else decoder,
            self.headers.get("content-type", ""),
            whole=is_sequence(self),
            facts=self._facts(),
        )
        made = lines.result if results else lines.value
        return self._read("json_lines()", lambda: self._values(splitter, made))

    def events(
        self,
        *,
        end: str | None = None,
        max_event_bytes: int = MAX_LINE_BYTES,
        any_content_type: bool = False,
    ) -> AsyncIterator[ServerSentEvent]:
        """Iterate over server-sent events.

        Of this response alone; `lexigram.contracts.web.streaming.events` reconnects. An
        answer with 204 has none, whatever its Content-Type.

        Args:
            end: The data of the event that ends the iteration, such as "[DONE]"; it is
                not given. A stream that ends without it ends the iteration as well.
            max_event_bytes: The largest event to accept.
            any_content_type: Whether to read a body that is labelled as something else.

        Raises:
            HTTPDecodeError: The Content-Type is not text/event-stream.
        """
        parser = EventParser(max_event_bytes=max_event_bytes)
        self.raise_for_status()
        if not any_content_type and self.status != _NO_CONTENT:
            check_events(self)
        return self._read("events()", lambda: self._events(parser, end))

    async def aclose(self) -> None:
        """End the reading and close the chunks, for the transport; idempotent.

        What is read afterwards raises. While another task waits for a chunk nothing is
        closed: it is for the transport to end that.
        """
        self._closed = True
        reading = self._reading
        if reading is not None:
            reading.closed = True
            if reading.waiting:
                return
            await reading.aclose()
        await close_chunks(self._chunks)

    def __repr__(self) -> str:
        state = "closed" if self._closed else self._form or "unread"
        return (
            f"<{type(self).__name__} {self.status} {self.method} "
            f"{redact_url(self.url)}, {state}>"
        )

    def _read(
        self, form: str, start: Callable[[], AsyncGenerator[T, None]]
    ) -> AsyncIterator[T]:
        self.raise_for_status()
        self._check_use()
        if self._form:
            raise HTTPClientStateError(
                f"The body is being read by `{self._form}` already: it can be read once, "
                "in one form. Keep the iterator to go on with it.",
                **self._facts(),
            )
        self._form = form
        self._reading = reading = _Reading(start(), self._check_use)
        return reading

    def _check_use(self, *, waiting: bool = False) -> None:
        """Refuse a step that is not the turn of who asks for it."""
        if self._closed:
            problem = (
                "The stream is closed: its block is over. Read it within the block."
            )
        elif self._broken:
            problem = (
                "The reading was broken off by an error, a timeout or a cancellation and "
                "cannot go on. To wait for a while only, give `asyncio.wait` a task that "
                "reads, with its `timeout`: it cancels nothing."
            )
        elif waiting:
            problem = "Another task is reading the stream: it is for one task to read."
        else:
            return
        raise HTTPClientStateError(problem, **self._facts())

    async def _bytes(self) -> AsyncGenerator[builtins.bytes, None]:
        with self._told():
            async for chunk in self._chunks:
                yield chunk

    async def _text(self) -> AsyncGenerator[str, None]:
        decoder = TextDecoder(declared_charset(self.headers))
        with self._told():
            async for chunk in self._chunks:
                if text := decoder.decode(chunk):
                    yield text
            if text := decoder.decode(b"", final=True):
                yield text

    async def _lines(self, splitter: LineSplitter) -> AsyncGenerator[str, None]:
        # The splitter knows UTF-8: what is in another charset is made that first, as a
        # line end of UTF-16 may be a part of a character there.
        decoder = TextDecoder(declared_charset(self.headers))
        other = decoder.charset != "utf-8"
        with self._told():
            async for data in self._chunks:
                chunk = decoder.decode(data).encode() if other else data
                for line in decoded(splitter.feed(chunk)):
                    yield line
            if other:  # half a character at most, so that no line ends in it
                splitter.feed(decoder.decode(b"", final=True).encode())
            for line in decoded(splitter.close()):
                yield line

    async def _values(
        self,
        splitter: LineSplitter | JSONSequenceSplitter,
        made: Callable[[builtins.bytes, int], T],
    ) -> AsyncGenerator[T, None]:
        number = 0
        with self._told():
            async for chunk in self._chunks:
                for line in splitter.feed(chunk):
                    number += 1
                    if line and not line.isspace():
                        yield made(line, number)
            for line in splitter.close():
                number += 1
                if not line.isspace():
                    yield made(line, number)

    async def _events(
        self, parser: EventParser, end: str | None
    ) -> AsyncGenerator[ServerSentEvent, None]:
        with self._told():
            async for chunk in self._chunks:
                for event in parser.feed(chunk):
                    if end is not None and event.data == end:
                        return
                    yield event

    @contextmanager
    def _told(self) -> Generator[None, None, None]:
        """Complete what the parsers and the transport raise, and let nobody read on."""
        try:
            yield
        except BaseException as error:  # a generator that was broken off seems done
            self._broken = True
            # There is one, as this is part of it.
            cast("_Reading[Any]", self._reading).closed = True
            if isinstance(error, HTTPClientError):
                self._complete(error)
            raise

    def _complete(self, error: HTTPClientError) -> None:
        if not error.url:  # of a parser, which knows nothing of the exchange
            for name, fact in self._facts().items():
                setattr(error, name, fact)
        error.attempts = error.attempts or self.attempts

    def _facts(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "url": redact_url(self.url),
            "attempts": self.attempts,
            "request_sent": "yes",
        }


class _Check(Protocol):
    def __call__(self, *, waiting: bool) -> None: ...


class _Reading(Generic[T]):
    """The one iteration over a body.

    A generator that was closed ends like one that is done: a cut-off body would look
    complete to who reads on after the block. So every step asks first.
    """

    __slots__ = ("_check", "_items", "closed")

    closed: bool

    def __init__(self, items: AsyncGenerator[T, None], check: _Check) -> None:
        self._items = cast("AsyncGeneratorType[T, None]", items)
        self._check = check
        self.closed = False

    @property
    def waiting(self) -> bool:
        """Whether a task waits for the next item now."""
        return self._items.ag_running

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Awaitable[T]:
        items = self._items
        if self.closed or items.ag_running:
            self._check(waiting=items.ag_running)
        return items.__anext__()

    async def aclose(self) -> None:
        """End the iteration; for `contextlib.aclosing`."""
        await self._items.aclose()
