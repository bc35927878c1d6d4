"""A client that answers from routes, without a network."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from types import TracebackType
from typing import Literal, Self, Unpack
from urllib.parse import urlsplit

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.contracts.redaction import redact_url
from lexigram.contracts.resilience import (
    CircuitBreakerProtocol,
    ResiliencePipelineProtocol,
    RetryPolicyProtocol,
)
from lexigram.contracts.web import (
    Headers,
    HeaderSource,
    HTTPClientError,
    HTTPClientProtocol,
    HTTPClientStateError,
    HttpResponse,
    InterceptorProtocol,
    RequestOptions,
    ResponseStreamProtocol,
    Timeouts,
    build_failure,
    build_result,
    check_url,
)
from lexigram.contracts.web.calling import (
    MAX_ERROR_BYTES,
    MAX_REDIRECTS,
    MAX_RESPONSE_BYTES,
    TIMEOUT,
    BodyLimits,
    Guard,
    Interceptors,
    Telemetry,
    compose_policies,
    streamed,
)
from lexigram.result import Result
from lexigram.testing._answers.outcomes import Outcome
from lexigram.testing._calls.journal import CallLog
from lexigram.testing._calls.requests import origin_of
from lexigram.testing._fake.inprocess import performable
from lexigram.testing._fake.path import FakePath
from lexigram.testing._routing.routes import Route
from lexigram.testing._routing.switchboard import Switchboard
from lexigram.testing._routing.table import RouteTable
from lexigram.testing._routing.verification import Strictness

__all__ = ["FakeHTTPClient"]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class FakeHTTPClient(HTTPClientProtocol):
    """An `HTTPClientProtocol` that answers from routes and records every exchange.

    It is made of the parts that the real client is made of: requests are built, redirects
    followed, interceptors and policies run, deadlines kept, failures named and calls
    measured by the same code. What differs: it keeps no cookies, adds no headers of its
    own, and without a policy sends each request once, where the real client has a small
    retry built in; so one call of the code under test is one recorded call.

    A request that no route takes raises `UnmatchedRequest`, which no `except Exception`
    and no retry can swallow; leaving the `async with` block verifies the rest and closes
    the fake. Outside of a block it works as well, and `verify()` is up to the test.
    An answer without delay comes without a turn of the event loop.

    Args:
        base_url: What a URL that is a path is relative to.
        strict: What leaving the block verifies.
        timeout: Seconds for a call that gives none, or its limits; None waits for ever.
        headers: Sent with every request; those of a call win over them.
        interceptors: Run around each call, or around each attempt, as on a real client.
        retry_policy: Goes around the attempts; each of them is a recorded call.
        circuit_breaker: Goes around each attempt, inside the retry.
        resilience: A whole pipeline; the two above are not used then.
        metrics: Gets a duration and a status for each call.
        clock: Measures durations. Delays and timeouts pass on the event loop, as they do
            for a real client, so virtual time is what shortens them.
        max_redirects: Most redirects of one call.
        max_response_bytes: Largest body that is accepted; None takes any.
        max_error_bytes: What is kept of the body of an error or a redirect; None keeps
            as much as of any other response.
        max_connections: Most exchanges at once; others wait for their turn. None sets
            no limit.
        infrastructure_errors: Whether the verbs raise what policies decide, or return it.

    Example:
        ```python
        async with FakeHTTPClient() as fake:
            fake.on.get("/v1/invoices/{id}").respond(json={"id": "inv_1"})
            result = await fake.get("/v1/invoices/inv_1")
            assert result.unwrap().json["id"] == "inv_1"
        ```
    """

    def __init__(  # noqa: PLR0913 - what a client can be given, each by keyword
        self,
        *,
        base_url: str = "https://fake.test",
        strict: Strictness = "strict",
        timeout: float | Timeouts | None = TIMEOUT,
        headers: HeaderSource = (),
        interceptors: Sequence[InterceptorProtocol] = (),
        retry_policy: RetryPolicyProtocol | None = None,
        circuit_breaker: CircuitBreakerProtocol | None = None,
        resilience: ResiliencePipelineProtocol | None = None,
        metrics: MetricsRecorderProtocol | None = None,
        clock: ClockProtocol | None = None,
        max_redirects: int = MAX_REDIRECTS,
        max_response_bytes: int | None = MAX_RESPONSE_BYTES,
        max_error_bytes: int | None = MAX_ERROR_BYTES,
        max_connections: int | None = None,
        infrastructure_errors: Literal["raise", "return"] = "raise",
    ) -> None:
        check_url(base_url)
        parts = urlsplit(base_url)
        clock = clock or SystemClock()
        self._base_url = base_url.rstrip("/")
        self._infrastructure_errors: Literal["raise", "return"] = infrastructure_errors
        self._closed = False
        self._board = Switchboard(
            "fake",
            performable,
            strictness=strict,
            origin=origin_of(parts),
            prefix=parts.path,
        )
        self._path = FakePath(
            board=self._board,
            headers=Headers(headers).pairs,
            timeouts=_limits(timeout),
            max_redirects=max_redirects,
            limits=BodyLimits(max_response_bytes, max_error_bytes),
            guard=_guard(resilience, retry_policy, circuit_breaker),
            around_call=Interceptors.of("call", interceptors, clock) or None,
            around_attempt=Interceptors.of("attempt", interceptors, clock) or None,
            connections=_places(max_connections),
            telemetry=Telemetry(metrics),
            clock=clock,
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

    def reset(self, *, routes: bool = True, calls: bool = True) -> None:
        """Forget routes, calls or both; what is kept goes on as if it were new.

        Args:
            routes: Whether the routes go. Those that stay and lose their calls start
                again: a sequence at its first outcome, `times()` at none used.
            calls: Whether the calls go, and with them the failures that `verify`
                would tell of.
        """
        self._board.reset(routes=routes, calls=calls)

    def outage(self, outcome: Outcome) -> AbstractContextManager[Route]:
        """Answer every request with one outcome, whatever the routes, for a `with` block.

        The block is given the route that does it, which need not be called.

        Raises:
            RuntimeError: By the block, when there is an outage already.
        """
        return self._board.outage(outcome)

    async def __aenter__(self) -> Self:
        self._closed = False
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed = True
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
        """Send any method to a route and return the response, whatever its status.

        Raises:
            HTTPClientError: There is no response; the class says why.
        """
        return await self._open_path(method, url).send(
            method, self._absolute(url), options
        )

    @asynccontextmanager
    async def stream(
        self, method: str, url: str, **options: Unpack[RequestOptions]
    ) -> AsyncGenerator[ResponseStreamProtocol, None]:
        """Send a request to a route, and give the answer as a stream for a block.

        The pieces of a `Reply(chunks=..., pause=...)` come as they would on a wire.

        Raises:
            HTTPClientError: On entering the block; there is no response.
        """
        path = self._open_path(method, url)
        response = await path.open(method, self._absolute(url), options)
        async with streamed(response) as stream:
            yield stream

    async def _verb(
        self, method: str, url: str, options: RequestOptions
    ) -> Result[HttpResponse, HTTPClientError]:
        try:
            response = await self._open_path(method, url).send(
                method, self._absolute(url), options
            )
        except HTTPClientError as error:
            return build_failure(error, infrastructure=self._infrastructure_errors)
        return build_result(response)

    def _open_path(self, method: str, url: str) -> FakePath:
        if self._closed:
            raise HTTPClientStateError(
                "The fake was closed at the end of its `async with`. Make calls inside "
                "of the block, or enter it again.",
                method=method,
                url=url,
            )
        return self._path

    def _absolute(self, url: str) -> str:
        if url[:1] == "/":
            # "//host/path" is no path: it is refused where the real client refuses it.
            return url if url[:2] == "//" else self._base_url + url
        # What has a scheme is no path either, whatever follows it (RFC 3986 §4.2).
        return url if _SCHEME.match(url) else f"{self._base_url}/{url}"

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return (
            f"<FakeHTTPClient {redact_url(self._base_url)}, {state}, "
            f"{len(self.on)} routes, {len(self.calls)} calls>"
        )


def _guard(
    resilience: ResiliencePipelineProtocol | None,
    retry_policy: RetryPolicyProtocol | None,
    circuit_breaker: CircuitBreakerProtocol | None,
) -> Guard | None:
    if resilience is None and retry_policy is None and circuit_breaker is None:
        return None
    return compose_policies(
        resilience=resilience,
        retry_policy=retry_policy,
        circuit_breaker=circuit_breaker,
    )


def _limits(timeout: float | Timeouts | None) -> Timeouts:
    nothing = Timeouts(attempt=None, pool=None, connect=None, read=None)
    whole = timeout if isinstance(timeout, Timeouts) else Timeouts(total=timeout)
    return whole.over(nothing)


def _places(connections: int | None) -> asyncio.Semaphore | None:
    if connections is None:
        return None
    if connections < 1:
        raise ValueError(
            f"max_connections={connections!r} lets no call through. "
            "Use 1 or more, or None for no limit."
        )
    return asyncio.Semaphore(connections)
