"""A client that keeps what became of its calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeAlias, TypeVar, Unpack, cast

from lexigram.contracts.web import (
    HTTPClientError,
    HTTPClientProtocol,
    HttpResponse,
    RequestOptions,
    ResponseStreamProtocol,
    StreamingHTTPClientProtocol,
)
from lexigram.result import Ok, Result

__all__ = ["Ending", "WatchedCall", "WatchedClient", "WatchedStream"]

T = TypeVar("T")

Ending: TypeAlias = Literal[
    "pending", "Ok", "Err", "returned", "streamed", "raised", "cancelled"
]


@dataclass(slots=True)
class WatchedCall:
    """One call and what the caller got."""

    method: str
    url: str
    ending: Ending = "pending"
    outcome: HttpResponse | BaseException | None = None
    stream: WatchedStream | None = None


class WatchedClient(HTTPClientProtocol):
    """Calls through another client and keeps every outcome."""

    def __init__(self, client: HTTPClientProtocol) -> None:
        self._client = client
        self.calls: list[WatchedCall] = []

    async def get(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send GET."""
        return await self._verb("GET", url, self._client.get(url, **options))

    async def post(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send POST."""
        return await self._verb("POST", url, self._client.post(url, **options))

    async def put(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send PUT."""
        return await self._verb("PUT", url, self._client.put(url, **options))

    async def delete(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send DELETE."""
        return await self._verb("DELETE", url, self._client.delete(url, **options))

    async def patch(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send PATCH."""
        return await self._verb("PATCH", url, self._client.patch(url, **options))

    async def head(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send HEAD."""
        return await self._verb("HEAD", url, self._client.head(url, **options))

    async def request(
        self, method: str, url: str, **options: Unpack[RequestOptions]
    ) -> HttpResponse:
        """Send any method."""
        call = self._begin(method, url)
        response = await self._watched(
            call, self._client.request(method, url, **options)
        )
        call.ending, call.outcome = "returned", response
        return response

    @asynccontextmanager
    async def stream(
        self, method: str, url: str, **options: Unpack[RequestOptions]
    ) -> AsyncGenerator[ResponseStreamProtocol, None]:
        """Stream any method."""
        client = self._client
        if not isinstance(client, StreamingHTTPClientProtocol):
            raise TypeError(f"{client!r} does not stream.")
        call = self._begin(method, url)
        opening = client.stream(method, url, **options)
        inner = await self._watched(call, opening.__aenter__())
        call.stream = stream = WatchedStream(inner, call)
        call.ending = "streamed"
        try:
            # What is not watched is the inner one's own.
            yield cast("ResponseStreamProtocol", stream)
        except BaseException as error:  # the block's, which it ends with
            if not await opening.__aexit__(type(error), error, error.__traceback__):
                raise
        else:
            await opening.__aexit__(None, None, None)

    def saw(self, error: BaseException) -> bool:
        """Say whether a call raised this."""
        return any(call.outcome is error for call in self.calls)

    async def _verb(
        self,
        method: str,
        url: str,
        answer: Awaitable[Result[HttpResponse, HTTPClientError]],
    ) -> Result[HttpResponse, HTTPClientError]:
        call = self._begin(method, url)
        result = await self._watched(call, answer)
        if isinstance(result, Ok):
            call.ending, call.outcome = "Ok", result.value
        else:
            call.ending, call.outcome = "Err", result.error
        return result

    async def _watched(self, call: WatchedCall, answer: Awaitable[T]) -> T:
        try:
            return await answer
        except asyncio.CancelledError:
            call.ending = "cancelled"
            raise
        except Exception as error:  # kept, and raised again
            call.ending, call.outcome = "raised", error
            raise

    def _begin(self, method: str, url: Any) -> WatchedCall:
        call = WatchedCall(method, str(url))
        self.calls.append(call)
        return call


class WatchedStream:
    """Passes a stream on and keeps what was read of it."""

    def __init__(self, stream: ResponseStreamProtocol, call: WatchedCall) -> None:
        self._stream = stream
        self._call = call
        self.form: str = ""
        self.read: list[Any] = []

    def raise_for_status(self) -> Self:
        """Return this stream, or raise."""
        try:
            self._stream.raise_for_status()
        except Exception as error:  # kept, and raised again
            self._call.outcome = error
            raise
        return self

    def __aiter__(self) -> AsyncIterator[str]:
        return self.lines()

    def bytes(self) -> AsyncIterator[Any]:
        """Iterate over the body."""
        return self._kept("bytes", self._stream.bytes)

    def text(self) -> AsyncIterator[Any]:
        """Iterate over the text."""
        return self._kept("text", self._stream.text)

    def lines(self, **options: Any) -> AsyncIterator[Any]:
        """Iterate over the lines."""
        return self._kept("lines", lambda: self._stream.lines(**options))

    def json_lines(self, *args: Any, **options: Any) -> AsyncIterator[Any]:
        """Iterate over the values."""
        return self._kept(
            "json_lines", lambda: self._stream.json_lines(*args, **options)
        )

    def events(self, **options: Any) -> AsyncIterator[Any]:
        """Iterate over the events."""
        return self._kept("events", lambda: self._stream.events(**options))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def _kept(
        self, form: str, start: Callable[[], AsyncIterator[Any]]
    ) -> AsyncIterator[Any]:
        self.form = self.form or form
        try:
            async for item in start():
                self.read.append(item)
                yield item
        except Exception as error:  # kept, and raised again
            self._call.outcome = error
            raise
