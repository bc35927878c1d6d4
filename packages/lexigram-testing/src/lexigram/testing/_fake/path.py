"""One call of the fake, top to bottom, by the rules of the real client.

    arguments → request → [deadline: interceptors → { policies → interceptors of the
    attempt → route } per redirect → interceptors] → response

The steps and their order are the real client's, made of the same parts. One thing is put
off: to set a timer costs as much as all the rest of a call that needs none, so a fake
without interceptors and policies begins to watch the deadline when a route takes time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from types import EllipsisType
from typing import Any

from lexigram.contracts.clock import ClockProtocol
from lexigram.contracts.web import (
    AttemptRecord,
    HTTPClientError,
    HttpResponse,
    RequestContext,
    Timeouts,
    build_request,
)
from lexigram.contracts.web.calling import (
    STREAM_IDLE_TIMEOUT,
    TIMEOUT,
    AttemptTimer,
    BodyLimits,
    Deadline,
    Guard,
    Interceptors,
    OpenBody,
    Telemetry,
    Timeline,
    Upload,
    describe_call,
    follow_redirects,
    guarded,
    keep_one,
    timed_out,
    with_own_auth,
)
from lexigram.testing._answers.outcomes import Act, Reply
from lexigram.testing._calls.journal import RecordedCall
from lexigram.testing._calls.requests import RecordedRequest
from lexigram.testing._fake.call import FakeCall
from lexigram.testing._fake.inprocess import always_whole, perform, received
from lexigram.testing._fake.streams import begin, hold, reply_behind
from lexigram.testing._routing.routes import Route
from lexigram.testing._routing.switchboard import Switchboard

__all__ = ["FakePath"]


@dataclass(slots=True)
class FakePath:
    """What every call of one fake goes through."""

    board: Switchboard
    headers: tuple[tuple[str, str], ...]
    timeouts: Timeouts
    max_redirects: int
    limits: BodyLimits
    guard: Guard | None
    around_call: Interceptors | None
    around_attempt: Interceptors | None
    connections: asyncio.Semaphore | None
    telemetry: Telemetry
    clock: ClockProtocol
    plain: bool = field(init=False)
    """Whether nothing but a route can take time."""
    whole: int = field(init=False)
    """As for `FakeCall`."""
    timeout: float | None = field(init=False)
    """Seconds for a call that gives none."""
    parts: Timeouts | None = field(init=False)
    """The limits of the parts of a call, where there are any."""

    def __post_init__(self) -> None:
        total = self.timeouts.total
        self.timeout = TIMEOUT if isinstance(total, EllipsisType) else total
        self.parts = self.timeouts if _limits_parts(self.timeouts) else None
        around = (
            self.around_call,
            self.around_attempt,
            self.guard,
            self.connections,
            self.parts,
        )
        self.plain = all(part is None for part in around)
        self.whole = always_whole(self.limits)

    async def send(
        self,
        method: str,
        url: str,
        options: Mapping[str, Any],
        *,
        opened: list[OpenBody] | None = None,
    ) -> HttpResponse:
        """Make the call and return its response, whatever the status.

        Args:
            method: The method.
            url: Where to.
            options: The options of the verb.
            opened: Leave the body of a success on the way, and list it here.

        Raises:
            HTTPClientError: There is no response.
            TestKitFailure: The test has to be looked at.
        """
        request = build_request(
            method, url, options, headers=self.headers, timeout=self.timeout
        )
        limits, whole = self.limits, self.whole
        if "max_response_bytes" in options:
            limits = BodyLimits(options["max_response_bytes"], limits.error)
            whole = always_whole(limits)
        around_call, around_attempt = self.around_call, self.around_attempt
        plain = self.plain
        if "auth" in options:
            around_call = self._with_own_auth(around_call, "call", options)
            around_attempt = self._with_own_auth(around_attempt, "attempt", options)
            plain = plain and around_call is None and around_attempt is None
        parts = self.parts
        streams = opened is not None
        if streams or "timeout" in options:
            parts = self._parts_of(options.get("timeout"), streams=streams)
            plain = plain and parts is None
        call = FakeCall(
            request,
            options,
            limits,
            whole,
            self.clock.monotonic(),
            around_call,
            around_attempt,
            parts,
            opened,
        )
        try:
            if plain:
                call.attempts = 1
                answer = self._meet(request, call)
                response = answer if isinstance(answer, HttpResponse) else await answer
                if response.status >= 300:  # noqa: PLR2004 - RFC 9110 §15.4
                    response = await self._beyond_success(response, call)
            else:
                response = await self._within_deadline(
                    call, lambda: self._through_interceptors(call)
                )
        except Exception as error:  # recorded on its way to the caller
            if isinstance(error, HTTPClientError):
                error.attempts = call.attempts
                error.timeline = self._told(call, error) or error.timeline
            self.telemetry.failed(call.request, error, self._elapsed(call))
            raise
        response.attempts = call.attempts
        response.elapsed = self.clock.monotonic() - call.started
        if call.timeline is not None:
            records = call.timeline.close()
            if records:
                response.timeline = records
        self.telemetry.answered(response, route=call.request.route)
        return response

    async def open(
        self, method: str, url: str, options: Mapping[str, Any]
    ) -> HttpResponse:
        """Make the call until the head of its response is there.

        Raises:
            HTTPClientError: As `send`.
            TestKitFailure: As `send`.
        """
        opened: list[OpenBody] = []
        return await keep_one(self.send(method, url, options, opened=opened), opened)

    def _parts_of(self, timeout: object, *, streams: bool) -> Timeouts | None:
        limits = self.timeouts
        if streams and limits.read is None:
            limits = replace(limits, read=STREAM_IDLE_TIMEOUT)
        if isinstance(timeout, Timeouts):
            limits = timeout.over(limits)
        return limits if _limits_parts(limits) else None

    async def _beyond_success(
        self, response: HttpResponse, call: FakeCall
    ) -> HttpResponse:
        """Write down what a plain call was answered with first, and go on from there."""
        timeline = self._timeline(call)
        timeline.enter(call.request)
        timeline.answered(1, call.request, call.started, response)
        if response.status < 400:  # noqa: PLR2004 - RFC 9110 §15.5
            return await self._redirected(response, call)
        return response

    def _told(
        self, call: FakeCall, error: HTTPClientError
    ) -> tuple[AttemptRecord, ...]:
        """Return what became of the attempts of a call that failed."""
        timeline = call.timeline
        if timeline is None and call.attempts:  # the first one of a plain call
            timeline = self._timeline(call)
            timeline.enter(call.request)
            timeline.failed(call.attempts, call.request, call.started, error)
        return timeline.close(error) if timeline is not None else ()

    def _timeline(self, call: FakeCall) -> Timeline:
        if call.timeline is None:
            call.timeline = Timeline(self.clock.monotonic, call.started, call.options)
        return call.timeline

    def _with_own_auth(
        self, around: Interceptors | None, scope: str, options: Mapping[str, Any]
    ) -> Interceptors | None:
        around = around or Interceptors((), self.clock)
        return with_own_auth(around, scope, options["auth"]) or None

    async def _within_deadline(
        self, call: FakeCall, work: Callable[[], Awaitable[HttpResponse]]
    ) -> HttpResponse:
        limit = call.request.timeout
        left = None if limit is None else limit - self._elapsed(call)
        call.deadline = deadline = Deadline(left)
        try:
            with deadline:
                return await work()
        except TimeoutError as error:
            if not deadline.expired:
                raise  # an interceptor's own
            raise timed_out(
                call.request,
                call.request.timeout,
                sent="maybe" if call.attempts else "no",
            ) from error
        finally:
            call.deadline = None

    async def _through_interceptors(self, call: FakeCall) -> HttpResponse:
        if call.around_call is None:
            return await self._through_redirects(call)
        limit = call.request.timeout

        def send(request: RequestContext) -> Awaitable[HttpResponse]:
            nonlocal limit
            call.request = request
            if call.deadline is not None and request.timeout != limit:
                call.deadline.change(request.timeout)
            limit = request.timeout
            return self._through_redirects(call)

        return await call.around_call.around_call(
            call.request, send, lambda: call.attempts
        )

    async def _through_redirects(self, call: FakeCall) -> HttpResponse:
        response = await self._through_policies(call.request, call)
        if 300 <= response.status < 400:  # noqa: PLR2004 - RFC 9110 §15.4
            return await self._redirected(response, call)
        return response

    async def _redirected(self, response: HttpResponse, call: FakeCall) -> HttpResponse:
        if not call.options.get("follow_redirects", True):
            return response
        return await follow_redirects(
            call.request,
            response,
            lambda request: self._through_policies(request, call),
            limit=self.max_redirects,
        )

    def _through_policies(
        self, request: RequestContext, call: FakeCall
    ) -> Awaitable[HttpResponse]:
        timeline = self._timeline(call)
        timeline.enter(request)
        if self.guard is None:
            return self._attempt(request, call)
        limit = call.request.timeout
        deadline = None if limit is None else call.started + limit
        described = describe_call(request, call.options, deadline, note=timeline.note)
        return guarded(
            self.guard, lambda: self._attempt(request, call), request, described
        )

    def _attempt(
        self, request: RequestContext, call: FakeCall
    ) -> Awaitable[HttpResponse]:
        if call.around_attempt is None:
            return self._in_turn(request, call)
        return call.around_attempt.around_attempt(
            request, lambda sent: self._in_turn(sent, call), lambda: call.attempts
        )

    def _in_turn(
        self, request: RequestContext, call: FakeCall
    ) -> Awaitable[HttpResponse]:
        call.attempts += 1

        def exchanged(request: RequestContext) -> Awaitable[HttpResponse]:
            if call.parts is not None:
                return self._timed(call.parts, request, call)
            if self.connections is None:
                return self._exchange(request, call)
            return self._connected(self.connections, request, call)

        return self._timeline(call).recorded(call.attempts, request, exchanged)

    async def _timed(
        self, parts: Timeouts, request: RequestContext, call: FakeCall
    ) -> HttpResponse:
        """Do the same within the limits of the parts."""
        timer = AttemptTimer(parts)
        # Attempts can be under way side by side, each with a timer of its own.
        own = replace(call, timer=timer)
        try:
            if self.connections is None:
                timer.enter("read")
                return await self._exchange(request, own)
            return await self._connected(self.connections, request, own)
        finally:
            timer.close()

    async def _connected(
        self, connections: asyncio.Semaphore, request: RequestContext, call: FakeCall
    ) -> HttpResponse:
        call.enter("pool")
        await call.wait(connections.acquire(), request, "no")
        call.enter("read")
        held = False
        try:
            response = await self._exchange(request, call)
            held = hold(response, connections.release)
        finally:
            if not held:
                connections.release()
        return response

    async def _exchange(self, request: RequestContext, call: FakeCall) -> HttpResponse:
        answer = self._meet(request, call)
        return answer if isinstance(answer, HttpResponse) else await answer

    def _meet(
        self, request: RequestContext, call: FakeCall
    ) -> HttpResponse | Awaitable[HttpResponse]:
        """Let a request meet its route; what takes no time is answered at once."""
        if request.body_stream is not None:
            return self._receive(request, call)
        return self._answer(RecordedRequest.of(request), request, call)

    async def _receive(self, request: RequestContext, call: FakeCall) -> HttpResponse:
        """Read the body to its end first, as most servers do."""

        async def receive() -> HttpResponse:
            upload = Upload.of(request)
            body = b"" if upload is None else await upload.read()
            answer = self._answer(RecordedRequest.of(request, body), request, call)
            return answer if isinstance(answer, HttpResponse) else await answer

        if call.deadline is not None:
            return await call.wait(receive(), request, "maybe")
        return await self._within_deadline(
            call, lambda: call.wait(receive(), request, "maybe")
        )

    def _answer(
        self, seen: RecordedRequest, request: RequestContext, call: FakeCall
    ) -> HttpResponse | Awaitable[HttpResponse]:
        seen.attempt = call.attempts
        record, route = self.board.receive(seen)
        try:
            act = route.scripted() if route.handler is None else None
            if not isinstance(act, Reply) or act.duration or call.opened is not None:
                return self._take_time(act, record, route, request, call)
            response = received(act, request, call)
        except BaseException as error:  # however the exchange ended is its outcome
            self.board.failed(record, error)
            raise
        self.board.journal.end(record, response)
        return response

    async def _take_time(
        self,
        act: Act | None,
        record: RecordedCall,
        route: Route,
        request: RequestContext,
        call: FakeCall,
    ) -> HttpResponse:
        try:
            response = await self._in_its_time(act, record, route, request, call)
        except BaseException as error:  # however the exchange ended is its outcome
            self.board.failed(record, error)
            raise
        self.board.journal.end(record, reply_behind(response) or response)
        return response

    async def _in_its_time(
        self,
        act: Act | None,
        record: RecordedCall,
        route: Route,
        request: RequestContext,
        call: FakeCall,
    ) -> HttpResponse:
        async def outcome() -> HttpResponse:
            decided = act
            if decided is None:
                deciding = self.board.decide(record, route)
                decided = await call.wait(deciding, request, "maybe")
            if call.opened is None:
                return await perform(decided, request, call)
            return await begin(decided, request, call, call.opened)

        if call.deadline is not None:
            return await outcome()
        return await self._within_deadline(call, outcome)

    def _elapsed(self, call: FakeCall) -> float:
        return self.clock.monotonic() - call.started


def _limits_parts(timeouts: Timeouts) -> bool:
    # A fake opens no connections.
    parts = (timeouts.attempt, timeouts.pool, timeouts.read)
    return any(isinstance(seconds, int | float) for seconds in parts)
