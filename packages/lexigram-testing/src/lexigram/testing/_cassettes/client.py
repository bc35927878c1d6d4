"""A client that records what another one exchanges, or answers in its place."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Final, Self, Unpack

from lexigram.contracts.web import (
    HTTPClientError,
    HTTPClientProtocol,
    HttpResponse,
    RequestContext,
    RequestOptions,
    build_failure,
    build_request,
    build_result,
)
from lexigram.result import Result
from lexigram.testing._calls.changes import Changes
from lexigram.testing._calls.journal import CallLog, Journal
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._cassettes.cassette import Cassette, Send

__all__ = ["RecordingHTTPClient"]

# RFC 2606 §2: nobody's.
_SOME_BASE: Final = "http://base.invalid"


class RecordingHTTPClient(HTTPClientProtocol):
    """An `HTTPClientProtocol` between the code under test and any other one.

    It records what the contract tells: a cassette does not depend on the library that
    made it. A request is what the code asked for, before interceptors and redirects,
    and the outcome what the client made of it, after them: a call that succeeded at
    the third attempt is one interaction. Mistakes of the program, such as a misspelt
    option, are not recorded. A replayed answer takes no time.

    Leaving the `async with` block closes the cassette, which writes and verifies. The
    other client stays open: it belongs to whoever made it.

    Args:
        inner: The client that reaches the service; only its `request` is called. None
            will do for a cassette that replays.
        cassette: Where the exchanges are.

    Raises:
        ValueError: There is no client, and the mode of the cassette needs one.

    Example:
        ```python
        cassette = Cassette.open("cassettes/invoices.json")
        async with RecordingHTTPClient(None, cassette) as client:
            result = await client.get("https://api.test/v1/invoices/inv_1")
            assert result.unwrap().json["id"] == "inv_1"
        ```
    """

    def __init__(self, inner: HTTPClientProtocol | None, cassette: Cassette) -> None:
        if inner is None and cassette.needs_client:
            raise ValueError(
                f"mode={cassette.mode!r} sends requests, and there is no client. "
                "Give one that reaches the service, or open the cassette with "
                'mode="replay".'
            )
        self._inner = inner
        self._cassette = cassette
        self._journal = Journal(Changes())
        self._calls = CallLog(self._journal)

    @property
    def cassette(self) -> Cassette:
        """Where the exchanges are."""
        return self._cassette

    @property
    def calls(self) -> CallLog:
        """What was asked, and what was answered; not redacted."""
        return self._calls

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._cassette.close(error)

    async def get(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Exchange GET."""
        return await self._verb("GET", url, options)

    async def post(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Exchange POST."""
        return await self._verb("POST", url, options)

    async def put(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Exchange PUT."""
        return await self._verb("PUT", url, options)

    async def delete(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Exchange DELETE."""
        return await self._verb("DELETE", url, options)

    async def patch(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Exchange PATCH."""
        return await self._verb("PATCH", url, options)

    async def head(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Exchange HEAD."""
        return await self._verb("HEAD", url, options)

    async def request(
        self, method: str, url: str, **options: Unpack[RequestOptions]
    ) -> HttpResponse:
        """Exchange any method and return the response, whatever its status."""
        return await self._exchange(method, url, options)

    async def _verb(
        self, method: str, url: str, options: RequestOptions
    ) -> Result[HttpResponse, HTTPClientError]:
        try:
            return build_result(await self._exchange(method, url, options))
        except HTTPClientError as error:
            return build_failure(error)

    async def _exchange(
        self, method: str, url: str, options: RequestOptions
    ) -> HttpResponse:
        options = _repeatable(options)
        context = _built(method, url, options)
        call = self._journal.begin(RecordedRequest.of(context), None)
        try:
            response = await self._cassette.exchange(
                call.request, self._send(method, url, options)
            )
        except BaseException as error:  # however the call ended is its outcome
            self._journal.end(call, error)
            raise
        self._journal.end(call, response)
        return response

    def _send(self, method: str, url: str, options: RequestOptions) -> Send | None:
        inner = self._inner
        if inner is None:
            return None
        return lambda: inner.request(method, url, **options)


def _built(method: str, url: str, options: RequestOptions) -> RequestContext:
    """Build the request; a path is for a client with a base URL, and stays a path."""
    if "://" in url.partition("?")[0] or url.startswith("//"):
        return build_request(method, url, options)
    base = _SOME_BASE if url.startswith("/") else f"{_SOME_BASE}/"
    context = build_request(method, f"{base}{url}", options)
    context.url = context.url.removeprefix(base)
    return context


def _repeatable(options: RequestOptions) -> RequestOptions:
    """Return options that two can read: headers may come from a generator."""
    headers = options.get("headers")
    if not isinstance(headers, Iterator):
        return options
    return {**options, "headers": list(headers)}
