"""One logical call, top to bottom.

    arguments → request → [deadline: interceptors → { policies → interceptors of the
    attempt → attempt } per redirect → interceptors] → response

Everything that belongs to a single call lives in `_Call`; the rest is shared by all.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.suggestions import did_you_mean
from lexigram.contracts.timers import CommonTimer
from lexigram.contracts.web import (
    HTTPClientError,
    HTTPInvalidRequestError,
    HttpResponse,
    HTTPTimeoutError,
    RequestContext,
    RequestSent,
    Timeouts,
    build_request,
)
from lexigram.contracts.web.calling import (
    BodyLimits,
    Deadline,
    Guard,
    Interceptors,
    Judge,
    OpenBody,
    Telemetry,
    Timeline,
    body_of,
    describe_call,
    follow_redirects,
    guarded,
    keep_one,
    timed_out,
    with_own_auth,
)
from lexigram.http.attempt.exchange import begin, exchange
from lexigram.http.attempt.plan import AttemptPlan
from lexigram.http.attempt.warming import warm
from lexigram.http.config import HTTPClientConfig
from lexigram.http.pool.session import Session
from lexigram.http.proxies import ProxySelector
from lexigram.http.proxy import Proxy

Exchanging: TypeAlias = Callable[
    [Session, RequestContext, Deadline, AttemptPlan], Awaitable[HttpResponse]
]
"""Makes one exchange: `exchange`, or `begin` for a stream."""


_REDIRECTION = 300  # RFC 9110 §15.4


@dataclass(slots=True, eq=False, repr=False)  # credentials are among the options
class _Call:
    """The state of one call."""

    request: RequestContext
    options: Mapping[str, Any]
    exchange: Exchanging
    deadline: Deadline
    started: float
    around_call: Interceptors
    around_attempt: Interceptors
    timeline: Timeline
    streams: bool
    attempts: int = 0


@dataclass(slots=True, eq=False)
class CallPath:
    """What every call of one client goes through, put together once at its start."""

    config: HTTPClientConfig
    session: Session
    timeouts: Timeouts
    stream_timeouts: Timeouts
    proxies: ProxySelector
    guard: Guard
    judge: Judge
    around_call: Interceptors
    around_attempt: Interceptors
    telemetry: Telemetry
    clock: ClockProtocol
    headers: tuple[tuple[str, str], ...]
    tls: Mapping[str, ssl.SSLContext]
    usual_plan: AttemptPlan = field(init=False)
    """That of an attempt without options and without a proxy."""
    usual_timer: CommonTimer | None = field(init=False)
    """That of calls without a timeout of their own."""

    def __post_init__(self) -> None:
        timeout = self.config.pool.timeout
        self.usual_timer = None if timeout is None else CommonTimer(timeout)
        limits = BodyLimits(self.config.max_response_bytes, self.config.max_error_bytes)
        self.usual_plan = AttemptPlan(limits, self.timeouts)

    def send(
        self, method: str, url: str, options: Mapping[str, Any]
    ) -> Awaitable[HttpResponse]:
        """Make the call and return its response, whatever the status.

        Raises:
            HTTPClientError: There is no response.
            CancelledError: The caller was cancelled; the connection is closed.
        """
        return self._made(self._begun(method, url, options, exchange))

    async def open(
        self, method: str, url: str, options: Mapping[str, Any]
    ) -> HttpResponse:
        """Make the call until the head of its response is there.

        `body_of` the response is what is still on its way, to be closed by the caller;
        of an error it is None, as that is read at once. The timeout of the call and the
        limit of an attempt are over then; silence is limited all along.

        Raises:
            HTTPClientError: As `send`.
            CancelledError: As `send`.
        """
        opened: list[OpenBody] = []

        async def begun(
            session: Session,
            request: RequestContext,
            deadline: Deadline,
            plan: AttemptPlan,
        ) -> HttpResponse:
            response = await begin(session, request, deadline, plan)
            body = body_of(response)
            if body is not None:
                opened.append(body)
            return response

        call = self._begun(method, url, options, begun)
        return await keep_one(self._made(call), opened)

    async def _made(self, call: _Call) -> HttpResponse:
        try:
            with call.deadline:
                if call.around_call.members:
                    response = await self._through_interceptors(call)
                else:
                    response = await self._through_redirects(call)
        except Exception as error:  # recorded on its way to the caller
            late = call.deadline.expired and isinstance(error, TimeoutError)
            failure = self._timed_out(call) if late else error
            if isinstance(failure, HTTPClientError):
                failure.attempts = call.attempts
                failure.timeline = call.timeline.close(failure) or failure.timeline
            self.telemetry.failed(call.request, failure, self._elapsed(call))
            if failure is error:
                raise
            raise failure from error
        response.attempts = call.attempts
        response.elapsed = self._elapsed(call)
        records = call.timeline.close()
        if records:
            response.timeline = records
        self.telemetry.answered(response, route=call.request.route)
        return response

    def _begun(
        self,
        method: str,
        url: str,
        options: Mapping[str, Any],
        make: Exchanging,
    ) -> _Call:
        request = build_request(
            method, url, options, headers=self.headers, timeout=self.config.pool.timeout
        )
        if "tls" in options:
            check_policy(request, options, self.tls)
        around_call, around_attempt = self.around_call, self.around_attempt
        if "auth" in options:
            around_call = with_own_auth(around_call, "call", options["auth"])
            around_attempt = with_own_auth(around_attempt, "attempt", options["auth"])
        started = self.clock.monotonic()
        return _Call(
            request,
            options,
            make,
            Deadline(request.timeout, self.usual_timer),
            started,
            around_call,
            around_attempt,
            Timeline(self.clock.monotonic, started, options, self.judge),
            make is not exchange,
        )

    async def close(self) -> None:
        """Send nothing more; what is under way ends as its connection does."""
        if self.usual_timer is not None:
            self.usual_timer.close()
        await self.session.close()

    async def warm(self, url: str, connections: int) -> HTTPClientError | None:
        """Open idle connections to the origin of `url`; return why there are fewer."""
        try:
            request = build_request("GET", url, {}, timeout=self.config.pool.timeout)
            await warm(self.session, request, self.planned(request, {}), connections)
        except HTTPClientError as error:
            return error
        return None

    def _timed_out(self, call: _Call) -> HTTPTimeoutError:
        sent: RequestSent = "maybe" if call.attempts else "no"
        return timed_out(call.request, call.deadline.seconds, sent=sent)

    def _through_interceptors(self, call: _Call) -> Awaitable[HttpResponse]:
        def send(request: RequestContext) -> Awaitable[HttpResponse]:
            call.request = request
            if request.timeout != call.deadline.seconds:
                call.deadline.change(request.timeout)
            return self._through_redirects(call)

        return call.around_call.around_call(call.request, send, lambda: call.attempts)

    async def _through_redirects(self, call: _Call) -> HttpResponse:
        response = await self._through_policies(call.request, call)
        if response.status < _REDIRECTION or not call.options.get(
            "follow_redirects", self.config.follow_redirects
        ):
            return response
        return await follow_redirects(
            call.request,
            response,
            lambda request: self._through_policies(request, call),
            limit=self.config.max_redirects,
        )

    async def _through_policies(
        self, request: RequestContext, call: _Call
    ) -> HttpResponse:
        def attempt() -> Awaitable[HttpResponse]:
            if not call.around_attempt.members:
                return self._recorded(request, call)
            return call.around_attempt.around_attempt(
                request,
                lambda request: self._recorded(request, call),
                lambda: call.attempts,
            )

        seconds = call.deadline.seconds
        deadline = None if seconds is None else call.started + seconds
        call.timeline.enter(request)
        note = call.timeline.note
        described = describe_call(request, call.options, deadline, self.judge, note)
        return await guarded(self.guard, attempt, request, described)

    async def _recorded(self, request: RequestContext, call: _Call) -> HttpResponse:
        """Make one attempt, and write down what it comes to if need be."""
        call.attempts = number = call.attempts + 1
        timeline = call.timeline
        began = timeline.begin()
        try:
            plan = self._plan(request, call)
            response = await call.exchange(self.session, request, call.deadline, plan)
        except BaseException as error:  # written down on its way to who decides
            timeline.failed(number, request, began, error)
            raise
        timeline.answered_if_worth_it(number, request, began, response)
        return response

    def _plan(self, request: RequestContext, call: _Call) -> AttemptPlan:
        if not call.options and not call.streams:  # as of most calls
            proxy = self.proxies.select(request.url, method=request.method)
            return self.usual_plan if proxy is None else self.usual_plan.through(proxy)
        return self.planned(request, call.options, streams=call.streams)

    def planned(
        self,
        request: RequestContext,
        options: Mapping[str, Any],
        *,
        streams: bool = False,
    ) -> AttemptPlan:
        """Return what an attempt with these options is made with."""
        most = None if streams else self.config.max_response_bytes
        limits = self.stream_timeouts if streams else self.timeouts
        timeout = options.get("timeout")
        return AttemptPlan(
            BodyLimits(
                options.get("max_response_bytes", most), self.config.max_error_bytes
            ),
            timeout.over(limits) if isinstance(timeout, Timeouts) else limits,
            self._proxy(request, options),
            self.tls[options["tls"]] if "tls" in options else None,
        )

    def _proxy(
        self, request: RequestContext, options: Mapping[str, Any]
    ) -> Proxy | None:
        method, url = request.method, request.url
        if "proxy" in options:
            return self.proxies.of_call(options["proxy"], url, method=method)
        return self.proxies.select(url, method=method)

    def _elapsed(self, call: _Call) -> float:
        return self.clock.monotonic() - call.started


def check_policy(
    request: RequestContext, options: Mapping[str, Any], policies: Collection[str]
) -> None:
    """Refuse the option `tls` when it names none of the policies.

    Raises:
        HTTPInvalidRequestError: Suggests the nearest one.
    """
    if "tls" in options and options["tls"] not in policies:
        raise HTTPInvalidRequestError(
            f"There is no policy {options['tls']!r} in `tls_policies`. "
            f"{did_you_mean(options['tls'], policies)}",
            method=request.method,
            url=request.url,
        )
