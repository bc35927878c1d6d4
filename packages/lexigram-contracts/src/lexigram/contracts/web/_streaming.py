"""A response that is read while it arrives."""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Literal,
    Protocol,
    Self,
    TypeVar,
    Unpack,
    overload,
    runtime_checkable,
)

from lexigram.contracts.web._errors import HTTPDecodeError
from lexigram.contracts.web._headers import Headers
from lexigram.contracts.web._options import RequestOptions
from lexigram.result import Result

if TYPE_CHECKING:  # what it belongs to is not loaded by typing a service
    from lexigram.contracts.web.streaming import ServerSentEvent

__all__ = [
    "MAX_LINE_BYTES",
    "ResponseStreamProtocol",
    "StreamingHTTPClientProtocol",
]

T = TypeVar("T")

MAX_LINE_BYTES: Final = 16 * 1024 * 1024
"""Largest line, JSON value or event that is accepted from a stream by default."""


@runtime_checkable
class ResponseStreamProtocol(Protocol):
    """Status and headers of an answer whose body is still on its way.

    The body can be read once, by one task, in one of the forms below, inside the
    `async with` block that gave the stream. Not promised: how the body is divided into
    chunks. Cancellation ends the reading and passes through.

    The forms but `bytes` and `text` hold a line, a value or an event in memory, and no
    more of it than their limit.

    Raises:
        HTTPStatusError: The status is 400 or more; its body is never given as data.
        HTTPConnectionError: The body ends before its end.
        HTTPTimeoutError: Nothing came for longer than allowed, or the call is over.
        HTTPResponseTooLargeError: A line, a value or an event is above the limit.
        HTTPClientStateError: The body is read a second time, by a second task, or after
            its block.
    """

    @property
    def status(self) -> int:
        """The status code."""
        ...

    @property
    def headers(self) -> Headers:
        """The header fields."""
        ...

    @property
    def url(self) -> str:
        """The URL that answered, after redirects."""
        ...

    @property
    def method(self) -> str:
        """The method that was answered."""
        ...

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        ...

    def raise_for_status(self) -> Self:
        """Return this stream, or raise when its status is 400 or more.

        Raises:
            HTTPStatusError: With what was read of the body inside.
        """
        ...

    def __aiter__(self) -> AsyncIterator[str]:
        """Iterate over the lines, as `lines` does."""
        ...

    def bytes(self) -> AsyncIterator[builtins.bytes]:
        """Iterate over the body as it arrives, any content coding removed."""
        ...

    def text(self) -> AsyncIterator[str]:
        """Iterate over the body as text; no character is cut in two."""
        ...

    def lines(self, *, max_line_bytes: int = MAX_LINE_BYTES) -> AsyncIterator[str]:
        """Iterate over the lines, without their ends.

        Only CR, LF and CRLF end a line, also where a chunk ends between them.
        """
        ...

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

        Args:
            decoder: Makes a value of the bytes of each one; JSON is parsed by default.
            results: Give a `Result` for each value, so that a bad one does not end the
                stream.
            max_line_bytes: The largest value to accept.
            any_content_type: Whether to read a body that is labelled as something else.

        Raises:
            HTTPDecodeError: A value cannot be decoded, or the Content-Type is of
                something else.
        """
        ...

    def events(
        self,
        *,
        end: str | None = None,
        max_event_bytes: int = MAX_LINE_BYTES,
        any_content_type: bool = False,
    ) -> AsyncIterator[ServerSentEvent]:
        """Iterate over server-sent events.

        Args:
            end: The data of the event that ends the iteration, such as "[DONE]"; it is
                not given. A stream that ends without it ends the iteration as well.
            max_event_bytes: The largest event to accept.
            any_content_type: Whether to read a body that is labelled as something else.

        Raises:
            HTTPDecodeError: The Content-Type is not text/event-stream.
        """
        ...


@runtime_checkable
class StreamingHTTPClientProtocol(Protocol):
    """An HTTP client whose responses can be read while they arrive.

    Not promised: that a client of this kind also buffers; one that does both implements
    `HTTPClientProtocol` too. Any number of streams may be open at once, each holding a
    connection until its block ends; leaving the block early closes it.
    """

    def stream(
        self, method: str, url: str, **options: Unpack[RequestOptions]
    ) -> AbstractAsyncContextManager[ResponseStreamProtocol]:
        """Send a request and give its response once the headers are there.

        An error status is given like any other; whoever iterates over its body without
        looking gets the `HTTPStatusError`, never the error page as data.

        Raises:
            HTTPClientError: On entering the block, as `HTTPClientProtocol.request`.
        """
        ...
