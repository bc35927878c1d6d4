"""A reply whose body comes as it would on a wire, to who reads it meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from lexigram.contracts.web import (
    HttpResponse,
    RequestContext,
    Timeouts,
    build_response,
)
from lexigram.contracts.web.calling import (
    AttemptTimer,
    BodyLimits,
    BodyReader,
    OpenBody,
    body_of,
    leave_open,
    timed_out,
)
from lexigram.testing._answers.outcomes import Act, Reply
from lexigram.testing._fake.call import FakeCall
from lexigram.testing._fake.inprocess import perform

__all__ = ["begin", "hold", "reply_behind"]

_REDIRECTION = 300  # RFC 9110 §15.4
_ERROR = 400  # RFC 9110 §15.5


async def begin(
    act: Act, request: RequestContext, call: FakeCall, opened: list[OpenBody]
) -> HttpResponse:
    """Let an exchange have its outcome, and leave the body of a success on the way.

    Raises:
        HTTPClientError: As `perform`.
    """
    if not isinstance(act, Reply) or _is_short(act):
        return await perform(act, request, call)
    await call.wait(asyncio.sleep(act.delay), request, "maybe")
    response = build_response(
        act.status, act.headers, b"", method=request.method, url=request.url
    )
    body = _Body(act, request, call)
    opened.append(body)
    leave_open(response, body)
    return response


def hold(response: HttpResponse, release: Callable[[], None]) -> bool:
    """Let a body that is on its way hold a connection until it has come, or is closed.

    Returns:
        Whether there is one, and so who calls `release`.
    """
    body = body_of(response)
    if not isinstance(body, _Body):
        return False
    body.hold(release)
    return True


def reply_behind(response: HttpResponse) -> Reply | None:
    """Return the reply whose body is on its way; None when it is there."""
    body = body_of(response)
    return body.reply if isinstance(body, _Body) else None


def _is_short(reply: Reply) -> bool:
    redirects = "location" in reply.headers
    return reply.status >= (_REDIRECTION if redirects else _ERROR)


class _Body:
    """The body of one reply, on its way from the moment of the head.

    A server sends whether or not anybody reads: each piece has a time at which it comes,
    and only the wait for it is silence.
    """

    def __init__(self, reply: Reply, request: RequestContext, call: FakeCall) -> None:
        self.reply: Reply = reply
        self._request = request
        self._pieces = reply.chunks if reply.has_body(request.method) else ()
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        parts = call.parts or Timeouts(read=None)
        self._timeouts = Timeouts(attempt=None, read=parts.read)
        limit = call.options.get("max_response_bytes")
        self._reader = BodyReader(
            request,
            reply.status,
            BodyLimits(limit),
            labels=reply.headers.get_all("content-encoding"),
        )
        self._release: Callable[[], None] | None = None
        self._end: asyncio.TimerHandle | None = None

    def hold(self, release: Callable[[], None]) -> None:
        """Call `release` when all of it has come, or at the close."""
        self._release = release
        last = self._due(max(0, len(self._pieces) - 1))
        if last <= self._loop.time():
            self._let_go()
        else:
            self._end = self._loop.call_at(last, self._let_go)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Give it piece by piece, each at its time."""
        reader = self._reader
        try:
            if self._pieces and not self.reply.chunked:
                reader.expect(len(self.reply.body))
            for number, chunk in enumerate(self._pieces):
                await self._wait_until(self._due(number))
                for _ in reader.feed(chunk):
                    if piece := reader.take():
                        yield piece
                if piece := reader.take():
                    yield piece
            if piece := reader.end():
                yield piece
        finally:
            self._let_go()

    async def close(self) -> None:
        """Let go of the connection, if one is held."""
        self._let_go()

    def _due(self, number: int) -> float:
        return self._began + number * self.reply.pause

    async def _wait_until(self, due: float) -> None:
        if due <= self._loop.time():
            return
        timer = AttemptTimer(self._timeouts)
        timer.enter("read")
        try:
            await asyncio.sleep(due - self._loop.time())
        except asyncio.CancelledError:
            interrupted = timer.interrupted()
            if interrupted is None:
                raise
            phase, limit = interrupted
            raise timed_out(self._request, limit, sent="yes", phase=phase) from None
        finally:
            timer.close()

    def _let_go(self) -> None:
        if self._end is not None:
            self._end.cancel()
            self._end = None
        release, self._release = self._release, None
        if release is not None:
            release()
