"""A client that answers from routes, without a network."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self, Unpack
from urllib.parse import urlsplit

from lexigram.contracts.web import (
    HTTPClientError,
    HTTPClientProtocol,
    HttpResponse,
    RequestOptions,
    build_failure,
    build_request,
    build_result,
    check_url,
)
from lexigram.result import Result
from lexigram.testing._calls.failures import TestKitFailure
from lexigram.testing._calls.journal import CallLog, RecordedCall
from lexigram.testing._calls.requests import RecordedRequest, origin_of
from lexigram.testing._fake.inprocess import (
    check_promises,
    perform,
    performable,
    timed_out,
)
from lexigram.testing._routing.routes import Route
from lexigram.testing._routing.switchboard import Switchboard
from lexigram.testing._routing.table import RouteTable
from lexigram.testing._routing.verification import Strictness

__all__ = ["FakeHTTPClient"]


class FakeHTTPClient(HTTPClientProtocol):
    """An `HTTPClientProtocol` that answers from routes and records every call.

    Requests are built and responses sorted by the functions that the real client uses,
    and a call's timeout holds: an answer that takes longer is an `HTTPTimeoutError`.
    A request that no route takes raises `UnmatchedRequest`, which no `except Exception`
    and no retry can swallow; leaving the `async with` block verifies the rest.
    An answer without delay comes without a turn of the event loop.

    Args:
        base_url: What a URL that is a path is relative to.
        strict: What leaving the block verifies.
        timeout: Seconds for a call that gives none; None waits for ever.

    Example:
        async with FakeHTTPClient() as fake:
            fake.on.get("/v1/invoices/{id}").respond(json={"id": "inv_1"})
            result = await fake.get("/v1/invoices/inv_1")
            assert result.unwrap().json["id"] == "inv_1"
    """

    def __init__(
        self,
        *,
        base_url: str = "https://fake.test",
        strict: Strictness = "strict",
        timeout: float | None = 30.0,
    ) -> None:
        check_url(base_url)
        parts = urlsplit(base_url)
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        self._board = Switchboard(
            "fake",
            performable,
            strictness=strict,
            origin=origin_of(parts),
            prefix=parts.path,
        )

    @property
    def base_url(self) -> str:
        """What a URL that is a path is relative to."""
        return self._base_url

    @property
    def on(self) -> RouteTable:
        """Where routes are registered."""
        return self._board.routes

    @property
    def calls(self) -> CallLog:
        """What was asked, and what was answered."""
        return self._board.calls

    def verify(self) -> None:
        """Raise unless every request found a route and every route its requests.

        Raises:
            VerificationError: Lists what did not.
        """
        self._board.verify()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._board.close(error)

    async def get(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send GET to a route."""
        return await self._verb("GET", url, options)

    async def post(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send POST to a route."""
        return await self._verb("POST", url, options)

    async def put(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send PUT to a route."""
        return await self._verb("PUT", url, options)

    async def delete(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send DELETE to a route."""
        return await self._verb("DELETE", url, options)

    async def patch(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send PATCH to a route."""
        return await self._verb("PATCH", url, options)

    async def head(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send HEAD to a route."""
        return await self._verb("HEAD", url, options)

    async def request(
        self, method: str, url: str, **options: Unpack[RequestOptions]
    ) -> HttpResponse:
        """Send any method to a route and return the response, whatever its status."""
        return await self._send(method, url, options)

    async def _verb(
        self, method: str, url: str, options: RequestOptions
    ) -> Result[HttpResponse, HTTPClientError]:
        try:
            return build_result(await self._send(method, url, options))
        except HTTPClientError as error:
            return build_failure(error)

    async def _send(
        self, method: str, url: str, options: RequestOptions
    ) -> HttpResponse:
        context = build_request(
            method, self._absolute(url), options, timeout=self._timeout
        )
        check_url(context.url)
        call, route = self._board.receive(RecordedRequest.of(context))
        try:
            response = await self._answer(call, route)
            check_promises(response, options)
        except TestKitFailure as failure:
            self._board.keep(call, failure)
            raise
        except BaseException as error:  # however the call ended is its outcome
            self._board.journal.end(call, error)
            raise
        self._board.journal.end(call, response)
        return response

    async def _answer(self, call: RecordedCall, route: Route) -> HttpResponse:
        limit = call.request.timeout
        if not route.is_handled:
            return await perform(call, await self._board.decide(call, route))
        try:
            # `decide` wraps what a handler raises: a TimeoutError is this limit's.
            async with asyncio.timeout(limit):
                outcome = await self._board.decide(call, route)
        except TimeoutError:
            raise timed_out(call) from None
        return await perform(call, outcome)

    def _absolute(self, url: str) -> str:
        if "://" in url.partition("?")[0] or url.startswith("//"):
            return url
        return f"{self._base_url}/{url.removeprefix('/')}"
