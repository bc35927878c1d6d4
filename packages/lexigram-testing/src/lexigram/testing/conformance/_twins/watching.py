"""A client that keeps what became of its calls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar, Unpack

from lexigram.contracts.web import (
    HTTPClientError,
    HTTPClientProtocol,
    HttpResponse,
    RequestOptions,
)
from lexigram.result import Ok, Result

__all__ = ["Ending", "WatchedCall", "WatchedClient"]

T = TypeVar("T")

Ending: TypeAlias = Literal["pending", "Ok", "Err", "returned", "raised", "cancelled"]


@dataclass(slots=True)
class WatchedCall:
    """One call and what the caller got."""

    method: str
    url: str
    ending: Ending = "pending"
    outcome: HttpResponse | BaseException | None = None


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
