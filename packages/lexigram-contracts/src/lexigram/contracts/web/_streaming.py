"""A response that is read while it arrives."""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol, Self, Unpack, runtime_checkable

from lexigram.contracts.web._headers import Headers
from lexigram.contracts.web._options import RequestOptions

__all__ = ["ResponseStreamProtocol", "StreamingHTTPClientProtocol"]


@runtime_checkable
class ResponseStreamProtocol(Protocol):
    """Status and headers of an answer whose body is still on its way.

    The body can be read once, by one task, in one of the forms below, inside the
    `async with` block that gave the stream. Not promised: how the body is divided into
    chunks. Cancellation ends the reading and passes through.

    Raises:
        HTTPConnectionError: The body ends before its end.
        HTTPTimeoutError: Nothing came for longer than allowed, or the call is over.
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

    def lines(self) -> AsyncIterator[str]:
        """Iterate over the lines, without their ends.

        Only CR, LF and CRLF end a line, also where a chunk ends between them.
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
