"""The client: its verbs, its start and its stop."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from types import TracebackType
from typing import Self, Unpack

from lexigram.contracts.clock import ClockProtocol, SystemClock
from lexigram.contracts.metrics import MetricsRecorderProtocol
from lexigram.contracts.resilience import (
    CircuitBreakerProtocol,
    ResiliencePipelineProtocol,
    RetryPolicyProtocol,
)
from lexigram.contracts.web import (
    HTTPClientError,
    HTTPClientStateError,
    HttpResponse,
    InterceptorProtocol,
    RequestOptions,
    build_failure,
    build_result,
)
from lexigram.contracts.web.calling import Interceptors, Telemetry, judge_by
from lexigram.http.call import CallPath
from lexigram.http.config import HTTPClientConfig
from lexigram.http.guard import choose_guard
from lexigram.http.pool import Pool
from lexigram.http.proxies import ProxySelector
from lexigram.http.tls import TLSPolicy, prepare
from lexigram.result import Result

_USER_AGENT = ("User-Agent", f"lexigram-http/{version('lexigram-http')}")


class HTTPClient:
    """An HTTP client on one pool of connections; implements `HTTPClientProtocol`.

    The verbs return `Ok` for a status below 400 and `Err` for everything else that can
    happen to an exchange; `request` returns any response and raises the rest. What
    policies decide (circuit open, retries exhausted, rejected) is raised by the verbs
    too, unless `infrastructure_errors` is "return".

    Usable from `start()` to `stop()`, both idempotent, or as an async context manager;
    from one event loop, by any number of tasks at once. Cancelling a call closes its
    connection and passes `CancelledError` through.

    Args:
        config: Limits, proxy, redirects. Left out: the documented defaults.
        retry_policy: Stands in for the built-in retry.
        circuit_breaker: Goes around each attempt, inside the retry.
        resilience: A whole pipeline; the two above are not used then.
        interceptors: Run around each call, requests first to last.
        metrics: Gets a duration and a status for each call.
        clock: Measures durations and waits between attempts.

    Example:
        >>> async def names() -> list[str]:
        ...     async with HTTPClient() as client:
        ...         result = await client.get("https://api.example.com/users")
        ...         return [user["name"] for user in result.unwrap().json]
    """

    def __init__(
        self,
        config: HTTPClientConfig | None = None,
        *,
        retry_policy: RetryPolicyProtocol | None = None,
        circuit_breaker: CircuitBreakerProtocol | None = None,
        resilience: ResiliencePipelineProtocol | None = None,
        interceptors: Sequence[InterceptorProtocol] = (),
        metrics: MetricsRecorderProtocol | None = None,
        clock: ClockProtocol | None = None,
    ) -> None:
        self.config: HTTPClientConfig = config or HTTPClientConfig()
        self._clock = clock or SystemClock()
        self._guard = choose_guard(
            resilience=resilience,
            retry_policy=retry_policy,
            circuit_breaker=circuit_breaker,
            clock=self._clock,
        )
        self._interceptors = tuple(interceptors)
        self._telemetry = Telemetry(metrics)
        self._path: CallPath | None = None
        self._stopped = False

    @classmethod
    def session_context(
        cls,
        config: HTTPClientConfig | None = None,
        *,
        retry_policy: RetryPolicyProtocol | None = None,
        circuit_breaker: CircuitBreakerProtocol | None = None,
        resilience: ResiliencePipelineProtocol | None = None,
        interceptors: Sequence[InterceptorProtocol] = (),
        metrics: MetricsRecorderProtocol | None = None,
        clock: ClockProtocol | None = None,
    ) -> Self:
        """Return a client for one `async with` block."""
        return cls(
            config,
            retry_policy=retry_policy,
            circuit_breaker=circuit_breaker,
            resilience=resilience,
            interceptors=interceptors,
            metrics=metrics,
            clock=clock,
        )

    async def start(self) -> None:
        """Open the pool; without effect on a client that is started.

        Raises:
            TLSConfigError: What the `tls` section names cannot be used.
        """
        if self._path is None:
            self._open(await prepare(self.config.tls))

    def _open(self, tls: TLSPolicy) -> None:
        if self._path is not None:
            return  # Another task started it while this one waited.
        self._path = CallPath(
            config=self.config,
            pool=Pool(self.config.pool, tls, cookies=self.config.cookie_jar),
            proxies=ProxySelector(self.config),
            guard=self._guard,
            judge=judge_by(self.config.retry_statuses),
            around_call=Interceptors.of("call", self._interceptors, self._clock),
            around_attempt=Interceptors.of("attempt", self._interceptors, self._clock),
            telemetry=self._telemetry,
            clock=self._clock,
            headers=(_USER_AGENT,),
        )
        self._stopped = False

    async def stop(self) -> None:
        """Close every connection; without effect on a client that is not started.

        Calls still under way end in `Err(HTTPConnectionError)`.
        """
        path, self._path = self._path, None
        if path is not None:
            self._stopped = True
            await path.pool.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def get(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send GET (RFC 9110 §9.3.1)."""
        return await self._verb("GET", url, options)

    async def post(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send POST (RFC 9110 §9.3.3); sent once unless there is an `idempotency_key`."""
        return await self._verb("POST", url, options)

    async def put(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send PUT (RFC 9110 §9.3.4)."""
        return await self._verb("PUT", url, options)

    async def delete(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send DELETE (RFC 9110 §9.3.5)."""
        return await self._verb("DELETE", url, options)

    async def patch(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send PATCH (RFC 5789); sent once unless there is an `idempotency_key`."""
        return await self._verb("PATCH", url, options)

    async def head(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send HEAD (RFC 9110 §9.3.2)."""
        return await self._verb("HEAD", url, options)

    async def request(
        self, method: str, url: str, **options: Unpack[RequestOptions]
    ) -> HttpResponse:
        """Send any method and return the response, whatever its status.

        Raises:
            HTTPClientError: There is no response; the class says why.
        """
        return await self._started(method, url).send(method, url, options)

    async def _verb(
        self, method: str, url: str, options: RequestOptions
    ) -> Result[HttpResponse, HTTPClientError]:
        try:
            response = await self._started(method, url).send(method, url, options)
        except HTTPClientError as error:
            return build_failure(
                error, infrastructure=self.config.infrastructure_errors
            )
        return build_result(response)

    def _started(self, method: str, url: str) -> CallPath:
        if self._path is None:
            state = "was stopped" if self._stopped else "is not started"
            raise HTTPClientStateError(
                f"The client {state}. Use it inside `async with`, between `start()` and "
                "`stop()`, or let an application inject it.",
                method=method,
                url=url,
            )
        return self._path

    def __repr__(self) -> str:
        state = "stopped" if self._stopped else "not started"
        return f"<HTTPClient {'started' if self._path else state}, {self.config!r}>"
