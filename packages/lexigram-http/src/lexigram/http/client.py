"""The client: its verbs, its start and its stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, Unpack

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
    ResponseStreamProtocol,
    build_failure,
    build_result,
)
from lexigram.contracts.web.calling import Interceptors, Telemetry, judge_by, streamed
from lexigram.http.agent import user_agent
from lexigram.http.call import CallPath
from lexigram.http.config import HTTPClientConfig
from lexigram.http.guard import choose_guard, describe_guard
from lexigram.http.pool.pool import ConnectionPool
from lexigram.http.pool.statistics import PoolStatistics
from lexigram.http.proxies import ProxySelector
from lexigram.http.section import given_or_default
from lexigram.http.sharing import check_shared
from lexigram.http.tls import NamedPolicy, prepare_named
from lexigram.result import Result

if TYPE_CHECKING:  # loaded by who calls the methods: few do, and it takes time
    from lexigram.http.downloads.download import Download, DownloadOptions
    from lexigram.http.explaining import CallPlan


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
        pool: A pool to share with others, which whoever made it starts and stops. Left
            out: one of its own, with the limits and the TLS of `config`.
        retry_policy: Stands in for the built-in retry.
        circuit_breaker: Goes around each attempt, inside the retry.
        resilience: A whole pipeline; the two above are not used then.
        interceptors: Run around each call, requests first to last.
        metrics: Gets a duration and a status for each call.
        clock: Measures durations and waits between attempts.

    Raises:
        SharedPoolError: `config` wants something of the pool that is made otherwise.
        TypeError: `config` is something else, a dictionary for instance.

    Example:
        >>> async with HTTPClient() as client:
        ...     result = await client.get("https://api.example.com/users")
        >>> [user["name"] for user in result.unwrap().json]
        ['Ada', 'Grace']
    """

    def __init__(
        self,
        config: HTTPClientConfig | None = None,
        *,
        pool: ConnectionPool | None = None,
        retry_policy: RetryPolicyProtocol | None = None,
        circuit_breaker: CircuitBreakerProtocol | None = None,
        resilience: ResiliencePipelineProtocol | None = None,
        interceptors: Sequence[InterceptorProtocol] = (),
        metrics: MetricsRecorderProtocol | None = None,
        clock: ClockProtocol | None = None,
    ) -> None:
        self.config: HTTPClientConfig = given_or_default(HTTPClientConfig, config)
        self._owns_pool = pool is None
        if pool is None:
            pool = ConnectionPool(
                self.config.pool, self.config.tls, egress=self.config.egress
            )
        check_shared(self.config, pool)
        self._pool = pool
        self._clock = clock or SystemClock()
        self._guard = choose_guard(
            resilience=resilience,
            retry_policy=retry_policy,
            circuit_breaker=circuit_breaker,
            clock=self._clock,
        )
        # Said when it is asked for: a pipeline can be configured anew.
        self._describe_guard = partial(
            describe_guard,
            resilience=resilience,
            retry_policy=retry_policy,
            circuit_breaker=circuit_breaker,
            clock=self._clock,
        )
        self._interceptors = tuple(interceptors)
        self._telemetry = Telemetry(metrics)
        self._path: CallPath | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped = False

    @classmethod
    def session_context(
        cls,
        config: HTTPClientConfig | None = None,
        *,
        pool: ConnectionPool | None = None,
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
            pool=pool,
            retry_policy=retry_policy,
            circuit_breaker=circuit_breaker,
            resilience=resilience,
            interceptors=interceptors,
            metrics=metrics,
            clock=clock,
        )

    @classmethod
    def over_unix_socket(
        cls,
        path: str | Path,
        config: HTTPClientConfig | None = None,
        *,
        retry_policy: RetryPolicyProtocol | None = None,
        circuit_breaker: CircuitBreakerProtocol | None = None,
        resilience: ResiliencePipelineProtocol | None = None,
        interceptors: Sequence[InterceptorProtocol] = (),
        metrics: MetricsRecorderProtocol | None = None,
        clock: ClockProtocol | None = None,
    ) -> Self:
        """Return a client whose every connection goes to a Unix socket.

        The host of a URL says nothing but the Host header: `http://localhost/v1`. There
        is no TLS, and no proxy.

        Raises:
            ValueError: `config` names a proxy, or restricts `egress`: there is no address
                that could be judged.
        """
        config = given_or_default(HTTPClientConfig, config)
        if config.proxy is not None:
            raise ValueError(
                "A Unix socket is not reached through a proxy. Leave `proxy` out."
            )
        if config.egress.restricts:
            raise ValueError(
                "Every call goes to the Unix socket, so that `egress` has nothing to "
                "judge. Leave it out."
            )
        client = cls(
            config.model_copy(update={"trust_env": False}),
            retry_policy=retry_policy,
            circuit_breaker=circuit_breaker,
            resilience=resilience,
            interceptors=interceptors,
            metrics=metrics,
            clock=clock,
        )
        client._pool = ConnectionPool(config.pool, unix_socket=path)
        return client

    async def start(self) -> None:
        """Open the pool; without effect on a client that is started.

        Raises:
            TLSConfigError: What the `tls` section names cannot be used.
            HTTPClientStateError: It is started in another event loop that goes on.
        """
        await self._leave_behind()
        if self._path is None:
            policies = await prepare_named(self.config.tls_policies)
            if self._owns_pool:
                await self._pool.start()
            self._open(policies)

    async def _leave_behind(self) -> None:
        """Forget what was started in an event loop that is over, or before a fork."""
        loop = asyncio.get_running_loop()
        if self._path is not None and self._loop is not loop:
            if self._owns_pool:
                await self._pool.start()
            if self._loop is not loop:  # and no other task started it meanwhile
                self._path = None

    def _open(self, policies: Mapping[str, NamedPolicy]) -> None:
        if self._path is not None:
            return  # Another task started it while this one waited.
        session = self._pool.session(cookies=self.config.cookie_jar)
        session.speak(tuple(policies.values()))
        self._path = CallPath(
            config=self.config,
            session=session,
            timeouts=self.config.pool.timeouts(),
            stream_timeouts=self.config.pool.timeouts(streams=True),
            proxies=ProxySelector(self.config),
            guard=self._guard,
            judge=judge_by(self.config.retry_statuses),
            around_call=Interceptors.of("call", self._interceptors, self._clock),
            around_attempt=Interceptors.of("attempt", self._interceptors, self._clock),
            telemetry=self._telemetry,
            clock=self._clock,
            headers=(user_agent(),),
            tls={name: policy.context for name, policy in policies.items()},
        )
        self._stopped = False
        self._loop = asyncio.get_running_loop()

    async def stop(self) -> None:
        """Close every connection; without effect on a client that is not started.

        Calls still under way end in `Err(HTTPConnectionError)`. The connections of a
        pool that was given stay open: an exchange over one of them goes on, and no
        other one is begun.

        Raises:
            HTTPClientStateError: It is started in another event loop that goes on.
        """
        if self._path is not None and self._owns_pool:
            # Refuses what is another loop's before anything is undone.
            self._pool._leave_behind()  # noqa: SLF001 - ours
        path, self._path = self._path, None
        if path is not None:
            self._stopped = True
            await path.close()
            if self._owns_pool:
                await self._pool.stop()

    async def warm_up(
        self, urls: Iterable[str], *, connections: int = 1
    ) -> tuple[HTTPClientError, ...]:
        """Open connections to the origins of `urls`, and keep them idle.

        Nothing is sent, so that only a pool's limits and `keepalive_timeout` decide how
        long they wait for the first call.

        Args:
            urls: One for each origin; the path does not matter.
            connections: How many to have open to each of them.

        Returns:
            The failures, one for each origin that has fewer; none is a warm pool.

        Raises:
            HTTPClientStateError: The client is not started.
            ValueError: The pool would not keep so many.
        """
        path = self._started("GET", "")
        most = self._pool.config.most_idle
        if not 1 <= connections <= most:
            raise ValueError(
                f"connections={connections!r} to one origin cannot be kept idle: the "
                f"pool keeps 1 to {most}, by `pool.max_connections`, "
                "`pool.max_connections_per_host` and `pool.max_keepalive_connections`."
            )
        outcomes = await asyncio.gather(*(path.warm(url, connections) for url in urls))
        return tuple(error for error in outcomes if error is not None)

    def statistics(self) -> PoolStatistics:
        """Return the figures of the client's pool, of this moment."""
        return self._pool.statistics()

    def explain(
        self, method: str, url: str, **options: Unpack[RequestOptions]
    ) -> CallPlan:
        """Return what a call with these arguments would do, without making it.

        Also before the start, with the environment as it is now. `str(plan)` is a table.

        Raises:
            HTTPClientError: The arguments are not usable, as for the call.
        """
        from lexigram.http.explaining import Explainer  # noqa: PLC0415 - see above

        explainer = Explainer(
            config=self.config,
            pool=self._pool,
            policies=self._describe_guard(),
            interceptors=self._interceptors,
            headers=(user_agent(),),
            clock=self._clock,
            proxies=None if self._path is None else self._path.proxies,
        )
        return explainer.explain(method, url, options)

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
        """Send GET (RFC 9110 §9.3.1) and hand back what came of it.

        Returns:
            `Ok` with the response for a status below 400. `Err` for the rest: an
            `HTTPStatusError` has the response of a higher one, and the other classes of
            `HTTPClientError` say why there is none.

        Raises:
            HTTPCircuitOpenError: A policy decided, as with `HTTPRejectedError` and
                `HTTPRetryExhaustedError`; an `Err`, too, when `infrastructure_errors`
                is "return".
            HTTPUnknownOptionError: An option is misspelt.
            HTTPClientStateError: The client is not started, or stopped.
            asyncio.CancelledError: The caller was cancelled; the connection is closed.
        """
        return await self._verb("GET", url, options)

    async def post(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send POST (RFC 9110 §9.3.3); sent once unless there is an `idempotency_key`.

        Returns and raises what `get` does.
        """
        return await self._verb("POST", url, options)

    async def put(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send PUT (RFC 9110 §9.3.4).

        Returns and raises what `get` does.
        """
        return await self._verb("PUT", url, options)

    async def delete(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send DELETE (RFC 9110 §9.3.5).

        Returns and raises what `get` does.
        """
        return await self._verb("DELETE", url, options)

    async def patch(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send PATCH (RFC 5789); sent once unless there is an `idempotency_key`.

        Returns and raises what `get` does.
        """
        return await self._verb("PATCH", url, options)

    async def head(
        self, url: str, **options: Unpack[RequestOptions]
    ) -> Result[HttpResponse, HTTPClientError]:
        """Send HEAD (RFC 9110 §9.3.2), whose response has no body.

        Returns and raises what `get` does.
        """
        return await self._verb("HEAD", url, options)

    async def request(
        self, method: str, url: str, **options: Unpack[RequestOptions]
    ) -> HttpResponse:
        """Send any method and return the response, whatever its status.

        Raises:
            HTTPClientError: There is no response; the class says why.
        """
        return await self._started(method, url).send(method, url, options)

    @asynccontextmanager
    async def stream(
        self, method: str, url: str, **options: Unpack[RequestOptions]
    ) -> AsyncGenerator[ResponseStreamProtocol, None]:
        """Send a request and give its response once the head is there, for a block.

        Redirects, interceptors, policies, limits and metrics are those of any call, up
        to the head of the response; no attempt is made after that. `timeout` ends there
        as well, so that a healthy stream is not cut: for the whole of one there is
        `asyncio.timeout`. Silence is borne for `pool.stream_idle_timeout`, or as
        `Timeouts(read=...)` says. Leaving the block early closes the connection.

        Raises:
            HTTPClientError: On entering the block; there is no response.
        """
        path = self._started(method, url)
        async with streamed(await path.open(method, url, options)) as stream:
            yield stream

    async def download(
        self, url: str, path: str | PathLike[str], **options: Unpack[DownloadOptions]
    ) -> Download:
        """Fetch a URL into a file, as `lexigram.http.download`.

        Raises:
            HTTPClientError: The file is not there; the class says why.
            OSError: It cannot be written.
        """
        from lexigram.http.downloads.download import (  # noqa: PLC0415 - see above
            download,
        )

        return await download(self, url, path, clock=self._clock, **options)

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
        if self._loop is not asyncio.get_running_loop():
            raise HTTPClientStateError(
                "The client was started in another event loop, or by the process that "
                "this one was forked from. Start it here, or make another one.",
                method=method,
                url=url,
            )
        return self._path

    def __repr__(self) -> str:
        state = "stopped" if self._stopped else "not started"
        return f"<HTTPClient {'started' if self._path else state}, {self.config!r}>"
