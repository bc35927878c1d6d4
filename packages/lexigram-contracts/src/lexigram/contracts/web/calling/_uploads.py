"""Sending a body that is read meanwhile: its length, its failures and its end.

Every client takes the chunks of a `BodyStream` out of an `Upload`, so that a body that
fails, or is not as long as it was said to be, ends a call alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any, Final, cast

from lexigram.contracts.web import (
    BodyStream,
    HTTPInvalidRequestError,
    RequestContext,
    RequestSent,
)
from lexigram.contracts.web._content import close_chunks

__all__ = ["Upload", "with_length"]

# For a generator that goes on when it is cancelled: nobody else should have to wait.
_SECONDS_TO_END: Final = 1.0


class Upload:
    """The chunks of one attempt, to be iterated over once and closed in any case.

    The last chunk of a body of known length is not handed out before it is known to be
    the last, so that a server never sees a complete request whose body is too long.

    Attributes:
        length: The number of bytes to be sent as Content-Length, when it is known.
        failure: Why the body ended too early: what the iteration raised. A transport
            that wraps it has to raise it again.
    """

    __slots__ = (
        "_chunks",
        "_closed",
        "_complete",
        "_progress",
        "_request",
        "_taken",
        "_task",
        "failure",
        "length",
    )

    length: int | None
    failure: BaseException | None

    def __init__(
        self,
        request: RequestContext,
        chunks: AsyncIterator[Any],
        length: int | None,
        progress: Callable[[], None] | None = None,
    ) -> None:
        self._request = request
        self._chunks = chunks
        self._progress = progress
        self._taken = 0
        self._complete = False
        self._closed = False
        self._task: asyncio.Task[Any] | None = None
        self.length = length
        self.failure = None

    @classmethod
    def of(
        cls, request: RequestContext, progress: Callable[[], None] | None = None
    ) -> Upload | None:
        """Open the body of a request; None when it is none that is read meanwhile.

        Args:
            request: What is about to be sent.
            progress: Is called whenever another chunk is asked for, or is there.

        Raises:
            HTTPInvalidRequestError: It cannot be opened, or not once more.
        """
        stream = request.body_stream
        if stream is None:
            return None
        try:
            chunks = stream.open()
        except HTTPInvalidRequestError as error:
            raise _invalid(error.args[0], request, "no") from error.__cause__
        except Exception as error:  # the caller's own code
            raise _failed(error, request, "no") from error
        return cls(request, chunks, _declared(request, stream), progress)

    async def read(self) -> bytes:
        """Return everything there is, and close.

        Raises:
            HTTPInvalidRequestError: The body failed, or has another length than declared.
        """
        try:
            return b"".join([chunk async for chunk in self])
        finally:
            await self.aclose()

    def __aiter__(self) -> Upload:
        return self

    async def __anext__(self) -> bytes:
        task = self._task = asyncio.current_task()
        try:
            self._tell()
            chunk = await self._next()
            self._tell()
        except StopAsyncIteration:
            raise
        except BaseException as error:  # kept, and raised on
            # A cancellation is the body's own failure if nobody cancelled this task.
            own = not isinstance(error, asyncio.CancelledError)
            if own or (task is not None and not task.cancelling()):
                self.failure = error
            raise
        finally:
            self._task = None
        return chunk

    def _tell(self) -> None:
        if self._progress is not None and not self._closed:
            self._progress()

    async def _next(self) -> bytes:
        if self._closed:  # an end that looked regular would complete the request
            raise RuntimeError("The upload is closed.")
        if self._complete:
            raise StopAsyncIteration
        chunk = await self._pull()
        self._taken += len(chunk)
        if self.length is not None:
            self._complete = self._taken == self.length
            last = chunk and self._complete
            if self._taken > self.length or (last and await self._pull()):
                raise self._wrong(f"goes on after {self.length} bytes")
            if not chunk and not self._complete:
                raise self._wrong(f"ended after {self._taken} of {self.length} bytes")
        if not chunk:
            self._complete = True
            raise StopAsyncIteration
        return chunk

    async def _pull(self) -> bytes:
        """Return the next chunk that holds anything; none at the end."""
        while True:
            try:
                chunk = await anext(self._chunks)
            except StopAsyncIteration:
                return b""
            except Exception as error:  # the caller's own code
                raise _failed(error, self._request, "maybe") from error
            if not isinstance(chunk, bytes):
                chunk = self._as_bytes(chunk)
            if chunk:
                return chunk

    def _as_bytes(self, chunk: object) -> bytes:
        if isinstance(chunk, bytearray | memoryview):
            return bytes(cast("bytes", chunk))
        raise self._wrong(f"has a chunk of type {type(chunk).__name__}, not bytes")

    def _wrong(self, how: str) -> HTTPInvalidRequestError:
        message = f"The body {how}, so it was not sent to its end."
        return _invalid(message, self._request, "maybe")

    async def aclose(self) -> None:
        """Close what the chunks come from; may be called at any time, and repeatedly."""
        self._closed = True
        task = self._task
        if task is not None and task is not asyncio.current_task():
            # The transport's, whose exchange is over: a generator that is being asked
            # for its next chunk cannot be closed before it has given or refused it.
            task.cancel()
            await asyncio.wait([task], timeout=_SECONDS_TO_END)
        try:
            await close_chunks(self._chunks)
        except Exception as error:  # noqa: BLE001 - the call's outcome is decided
            asyncio.get_running_loop().call_exception_handler(
                {
                    "message": f"The body of a request failed as it was closed: {error!r}",
                    "exception": error,
                }
            )


def with_length(request: RequestContext, length: int | None) -> RequestContext:
    """Return the request with the Content-Length of its body, if that is known."""
    if length is None or "content-length" in request.headers:
        return request
    headers = request.headers.copy()
    headers["Content-Length"] = str(length)
    return replace(request, headers=headers)


def _declared(request: RequestContext, stream: BodyStream) -> int | None:
    """Return the length of a body; what the caller says counts where nobody knows."""
    if stream.length is not None:
        return stream.length
    length = request.headers.get_all("content-length")
    return int(length[0]) if length else None


def _failed(
    error: Exception, request: RequestContext, sent: RequestSent
) -> HTTPInvalidRequestError:
    # The text of the error may be of anything; it stays with the cause.
    message = (
        f"The body raised {type(error).__name__}, which is the cause of this error."
    )
    return _invalid(message, request, sent)


def _invalid(
    message: str, request: RequestContext, sent: RequestSent
) -> HTTPInvalidRequestError:
    return HTTPInvalidRequestError(
        message, method=request.method, url=request.url, request_sent=sent
    )
