"""One logical call, top to bottom.

    arguments → request → [deadline: interceptors → { policies → interceptors of the
    attempt → attempt } per redirect → interceptors] → response

Everything that belongs to a single call lives in `_Call`; the rest is shared by all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.web import (
    HTTPClientError,
    HttpResponse,
    RequestContext,
    build_request,
    check_url,
)
from lexigram.contracts.web.calling import (
    BodyLimits,
    Deadline,
    Guard,
    Interceptors,
    Judge,
    Telemetry,
    describe_call,
    follow_redirects,
    guarded,
    timed_out,
)
from lexigram.http.attempt import exchange
from lexigram.http.config import HTTPClientConfig
from lexigram.http.pool import Pool
from lexigram.http.proxies import ProxySelector


@dataclass(slots=True)
class _Call:
    """The state of one call."""

    request: RequestContext
    options: Mapping[str, Any]
    deadline: Deadline
    started: float
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class CallPath:
    """What every call of one client goes through, put together once at its start."""

    config: HTTPClientConfig
    pool: Pool
    proxies: ProxySelector
    guard: Guard
    judge: Judge
    around_call: Interceptors
    around_attempt: Interceptors
    telemetry: Telemetry
    clock: ClockProtocol
    headers: tuple[tuple[str, str], ...]

    async def send(
        self, method: str, url: str, options: Mapping[str, Any]
    ) -> HttpResponse:
        """Make the call and return its response, whatever the status.

        Raises:
            HTTPClientError: There is no response.
            CancelledError: The caller was cancelled; the connection is closed.
        """
        request = build_request(
            method, url, options, headers=self.headers, timeout=self.config.pool.timeout
        )
        check_url(request.url)
        call = _Call(
            request, options, Deadline(request.timeout), self.clock.monotonic()
        )
        try:
            response = await self._within_deadline(call)
        except Exception as error:  # recorded on its way to the caller
            if isinstance(error, HTTPClientError):
                error.attempts = call.attempts
            self.telemetry.failed(call.request, error, self._elapsed(call))
            raise
        response.attempts = call.attempts
        response.elapsed = self._elapsed(call)
        self.telemetry.answered(response)
        return response

    async def _within_deadline(self, call: _Call) -> HttpResponse:
        try:
            async with call.deadline:
                if not self.around_call:
                    return await self._through_redirects(call)
                return await self._through_interceptors(call)
        except TimeoutError as error:
            if not call.deadline.expired:
                raise  # an interceptor's own
            raise timed_out(
                call.request,
                call.deadline.seconds,
                sent="maybe" if call.attempts else "no",
            ) from error

    async def _through_interceptors(self, call: _Call) -> HttpResponse:
        def send(request: RequestContext) -> Awaitable[HttpResponse]:
            call.request = request
            if request.timeout != call.deadline.seconds:
                call.deadline.change(request.timeout)
            return self._through_redirects(call)

        return await self.around_call.around_call(
            call.request, send, lambda: call.attempts
        )

    async def _through_redirects(self, call: _Call) -> HttpResponse:
        def send(request: RequestContext) -> Awaitable[HttpResponse]:
            return self._through_policies(request, call)

        response = await send(call.request)
        if not call.options.get("follow_redirects", self.config.follow_redirects):
            return response
        return await follow_redirects(
            call.request, response, send, limit=self.config.max_redirects
        )

    async def _through_policies(
        self, request: RequestContext, call: _Call
    ) -> HttpResponse:
        limits = BodyLimits(
            call.options.get("max_response_bytes", self.config.max_response_bytes),
            self.config.max_error_bytes,
        )

        def send(request: RequestContext) -> Awaitable[HttpResponse]:
            call.attempts += 1
            return exchange(
                self.pool,
                request,
                call.deadline,
                proxy=self.proxies.select(request.url, method=request.method),
                limits=limits,
            )

        def attempt() -> Awaitable[HttpResponse]:
            if not self.around_attempt:
                return send(request)
            return self.around_attempt.around_attempt(
                request, send, lambda: call.attempts
            )

        seconds = call.deadline.seconds
        deadline = None if seconds is None else call.started + seconds
        described = describe_call(request, call.options, deadline, self.judge)
        return await guarded(self.guard, attempt, request, described)

    def _elapsed(self, call: _Call) -> float:
        return self.clock.monotonic() - call.started
