"""A client whose URLs are paths below a base URL."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from os import PathLike
from typing import TypedDict, Unpack

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.contracts.resilience import (
    CircuitBreakerProtocol,
    ResiliencePipelineProtocol,
    RetryPolicyProtocol,
)
from lexigram.contracts.web import (
    HTTPClientError,
    HttpResponse,
    InterceptorProtocol,
    RequestOptions,
    ResponseStreamProtocol,
    build_failure,
    check_url,
)
from lexigram.http.client import HTTPClient
from lexigram.http.config import HTTPClientConfig
from lexigram.http.downloads.download import Download, DownloadOptions
from lexigram.http.explaining import CallPlan
from lexigram.http.joining import BaseURL
from lexigram.http.pool.pool import ConnectionPool
from lexigram.result import Result


class ClientParts(TypedDict, total=False):
    """What `HTTPClient` takes beside its configuration."""

    pool: ConnectionPool | None
    resilience: ResiliencePipelineProtocol | None
    retry_policy: RetryPolicyProtocol | None
    circuit_breaker: CircuitBreakerProtocol | None
    interceptors: Sequence[InterceptorProtocol]
    metrics: MetricsRecorderProtocol | None
    clock: ClockProtocol | None


class RelativeHTTPClient(HTTPClient):
    """An `HTTPClient` of one upstream, called by path.

    `"invoices"` and `"/invoices"` both append to the base URL, and a whole URL that is
    below it is taken as well. A path that leads out of it (`..`, `//host`, another URL)
    is an `HTTPInvalidRequestError`, returned by the verbs and raised by `request`.
    Redirects are followed wherever they lead, by the rules for credentials that hold for
    every client.

    Args:
        config: As for `HTTPClient`.
        base_url: An absolute http(s) URL without a query.
        parts: Everything else that `HTTPClient` takes.

    Raises:
        HTTPInvalidRequestError: The base URL is not usable.
    """

    def __init__(
        self,
        config: HTTPClientConfig | None = None,
        *,
        base_url: str,
        **parts: Unpack[ClientParts],
    ) -> None:
        super().__init__(config, **parts)
        check_url(base_url)
        self._base = BaseURL(base_url)

    async def request(
        self, method: str, url: str, **options: Unpack[RequestOptions]
    ) -> HttpResponse:
        """Send any method to a path below the base URL and return the response.

        Raises:
            HTTPInvalidRequestError: The path leads out of the base URL.
            HTTPClientError: There is no response; the class says why.
        """
        return await super().request(method, self._base.join(url), **options)

    @asynccontextmanager
    async def stream(
        self, method: str, url: str, **options: Unpack[RequestOptions]
    ) -> AsyncGenerator[ResponseStreamProtocol, None]:
        """Send a request to a path and give its response, as `HTTPClient.stream`.

        Raises:
            HTTPInvalidRequestError: On entering the block; the path leads out.
            HTTPClientError: On entering the block; there is no response.
        """
        target = self._base.join(url)
        async with super().stream(method, target, **options) as stream:
            yield stream

    async def download(
        self, url: str, path: str | PathLike[str], **options: Unpack[DownloadOptions]
    ) -> Download:
        """Fetch a path below the base URL into a file, as `HTTPClient.download`.

        Raises:
            HTTPInvalidRequestError: The path leads out of the base URL.
            HTTPClientError: The file is not there; the class says why.
            OSError: It cannot be written.
        """
        # The part knows which URL it is of: the whole one, as another base has others.
        return await super().download(self._base.join(url), path, **options)

    def explain(
        self, method: str, url: str, **options: Unpack[RequestOptions]
    ) -> CallPlan:
        """Return what a call to a path would do, as `HTTPClient.explain`.

        Raises:
            HTTPInvalidRequestError: The path leads out of the base URL.
            HTTPClientError: The arguments are not usable, as for the call.
        """
        return super().explain(method, self._base.join(url), **options)

    async def warm_up(
        self, urls: Iterable[str] = ("",), *, connections: int = 1
    ) -> tuple[HTTPClientError, ...]:
        """Open connections to the upstream, as `HTTPClient.warm_up`.

        Raises:
            HTTPInvalidRequestError: A path leads out of the base URL.
        """
        joined = [self._base.join(url) for url in urls]
        return await super().warm_up(joined, connections=connections)

    async def _verb(
        self, method: str, url: str, options: RequestOptions
    ) -> Result[HttpResponse, HTTPClientError]:
        try:
            joined = self._base.join(url)
        except HTTPClientError as error:
            return build_failure(
                error, infrastructure=self.config.infrastructure_errors
            )
        return await super()._verb(method, joined, options)

    def __repr__(self) -> str:
        return f"<Relative{super().__repr__()[1:-1]}, below {self._base.shown}>"
