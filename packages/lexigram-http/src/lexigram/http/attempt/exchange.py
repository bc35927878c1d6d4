"""Sending a request once, and reading its response."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Hashable

from lexigram.contracts.web import (
    Headers,
    HTTPClientError,
    HttpResponse,
    HTTPTimeoutError,
    RequestContext,
    RequestSent,
    build_response,
)
from lexigram.contracts.web.calling import (
    AttemptTimer,
    Deadline,
    Upload,
    body_of,
    leave_open,
    timed_out,
)
from lexigram.http.attempt.failures import EXPECTED, cause_of, failure
from lexigram.http.attempt.json_bodies import parse_json
from lexigram.http.attempt.plan import AttemptPlan
from lexigram.http.attempt.receiving import body_reader, read, read_at_once, received
from lexigram.http.attempt.sending import sent_as
from lexigram.http.attempt.silence import Silence
from lexigram.http.pool.messages import Answer
from lexigram.http.pool.origins import parted
from lexigram.http.pool.session import Session


async def exchange(
    session: Session, request: RequestContext, deadline: Deadline, plan: AttemptPlan
) -> HttpResponse:
    """Send `request` once and read the whole response.

    Args:
        session: Where the connection comes from and goes back to.
        request: Sent as it is.
        deadline: The deadline of the call, entered by the caller. A cancellation that
            it caused leaves here as a timeout, any other unchanged.
        plan: The limits of this attempt, and its way.

    Raises:
        HTTPConnectionError: There is no complete response.
        HTTPTimeoutError: A limit of time ran out.
        HTTPResponseTooLargeError: The body is larger than accepted.
        HTTPInvalidRequestError: The request cannot be sent.
    """
    one = Exchange(session, request, deadline, plan)
    try:
        await one.send()
        return await one.read()
    except BaseException as error:  # in our terms, or a caller's cancellation
        one.translate(error)
        raise
    finally:
        await one.close()


async def begin(
    session: Session, request: RequestContext, deadline: Deadline, plan: AttemptPlan
) -> HttpResponse:
    """Send `request` once, and leave the body of its response on the way.

    What is no success is read at once, as by `exchange`: an error is no data, and a
    redirect is followed. Of any other response `body_of` is the exchange, which has to
    be closed.

    Args:
        session: As for `exchange`.
        request: As for `exchange`.
        deadline: As for `exchange`; what comes after the head it does not end.
        plan: As for `exchange`.

    Raises:
        HTTPClientError: As `exchange`.
    """
    one = Exchange(session, request, deadline, plan)
    handed_over = False
    try:
        await one.send()
        response = await one.read() if one.is_short else one.head()
        handed_over = body_of(response) is one
    except BaseException as error:  # in our terms, or a caller's cancellation
        one.translate(error)
        raise
    finally:
        if not handed_over:
            await one.close()
    return response


class Exchange:
    """A request on the wire, from its place in the pool to the end of its response.

    Whatever happens it has to be closed. What its methods raise is the transport's;
    `translate` raises what the caller is told instead.
    """

    __slots__ = (
        "_deadline",
        "_place",
        "_plan",
        "_request",
        "_response",
        "_session",
        "_timer",
        "_upload",
    )

    def __init__(
        self,
        session: Session,
        request: RequestContext,
        deadline: Deadline,
        plan: AttemptPlan,
    ) -> None:
        self._session = session
        self._request = request
        self._deadline = deadline
        self._plan = plan
        self._timer = AttemptTimer(plan.timeouts)
        self._place: Hashable = None
        self._upload: Upload | None = None
        self._response: Answer | None = None

    async def send(self) -> None:
        """Send the request, until the head of the response is there."""
        request, timer = self._request, self._timer
        aim = parted(request.url)
        self._session.check(aim[0])
        place = aim[0].place
        if not self._session.enter(place):
            await self._session.wait(place, timer)
        self._place = place
        if request.body_stream is not None:
            self._upload = Upload.of(request, lambda: timer.enter("read"))
        message = sent_as(request, self._plan, aim, self._upload, timer)
        self._response = await self._session.send(message, timer)

    async def read(self) -> HttpResponse:
        """Return the response with its whole body."""
        response = self._answered()
        limits = self._plan.limits
        whole = read_at_once(response, limits)
        if whole is not None:
            return self._built(response, whole)
        reader = body_reader(response, self._request, limits)
        body = await read(response, reader, self._timer)
        return self._built(response, body, cut=reader.cut)

    @property
    def is_short(self) -> bool:
        """Whether the response is an error or a redirect."""
        response = self._answered()
        redirects = "Location" in response.headers
        return response.status >= (300 if redirects else 400)  # RFC 9110 §15.4, §15.5

    def head(self) -> HttpResponse:
        """Return the response without its body, which `chunks` gives."""
        wire = self._answered()
        response = self._built(wire, b"")
        leave_open(response, self)
        self._timer.close()
        # The place is free as soon as the connection is, whoever is still reading.
        wire.content.on_eof(self._leave_if_released)
        return response

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Give the body as it arrives, any content coding removed.

        Silence is borne as long as the plan's `read` says; what the consumer does
        between two pieces takes none of it.

        Raises:
            HTTPConnectionError: The body ends before its end.
            HTTPTimeoutError: Nothing came for too long.
            HTTPResponseTooLargeError: There is more than accepted.
        """
        response = self._answered()
        content, plan = response.content, self._plan
        reader = body_reader(response, self._request, plan.limits)
        silence = Silence(content, plan.timeouts.read, self._silent)
        try:
            reader.expect(response.content_length)
            while data := await received(content, silence):
                for _ in reader.feed(data):
                    if piece := reader.take():
                        yield piece
                    # A little can decode to a lot: let others run.
                    await asyncio.sleep(0)
                if piece := reader.take():
                    yield piece
            if piece := reader.end():
                yield piece
        except (Exception, asyncio.CancelledError) as error:  # in our terms
            self.translate(error)
            raise
        finally:
            silence.close()
            # What is not read to its end is not read on, and nothing waits for more.
            self._let_go()

    def _silent(self, seconds: float) -> HTTPTimeoutError:
        return timed_out(self._request, seconds, sent=self._sent, phase="read")

    def translate(self, error: BaseException) -> None:
        """Raise what became of the exchange, where it is not `error` itself."""
        if isinstance(error, asyncio.CancelledError):
            self._tell_timeout()
            return
        upload = self._upload
        if (
            upload is not None
            and upload.failure is not None
            and error is not upload.failure
        ):
            # Whatever the transport makes of it: where tasks start at once (Python 3.12)
            # aiohttp does not expect to find its connection closed already.
            raise upload.failure  # whose cause is its own
        if isinstance(error, EXPECTED) and not isinstance(error, HTTPClientError):
            proxied = self._plan.proxy is not None
            told = failure(error, self._request, self._sent, proxied=proxied)
            raise told from cause_of(error)

    async def close(self) -> None:
        """Give back the connection, or close it, and the place in the pool."""
        self._let_go()
        if self._upload is not None:
            await self._upload.aclose()

    def _let_go(self) -> None:
        response = self._response
        if response is not None and response.connection is not None:
            # A connection whose response was read to its end is back in the pool
            # already; any other one cannot be used again.
            response.close()
        if self._place is not None:
            self._leave()
        self._timer.close()

    def _leave_if_released(self) -> None:
        # The connection stays in use while the request is still being sent.
        if self._response is not None and self._response.connection is None:
            self._leave()

    def _leave(self) -> None:
        if self._place is not None:
            self._session.leave(self._place)
            self._place = None

    def _tell_timeout(self) -> None:
        """Raise the limit that caused a cancellation; none when it was somebody's wish."""
        sent = self._sent
        interrupted = self._timer.interrupted()
        if interrupted is not None:
            phase, seconds = interrupted
            raise timed_out(self._request, seconds, sent=sent, phase=phase) from None
        if self._deadline.caused_cancellation():
            raise timed_out(self._request, self._deadline.seconds, sent=sent) from None

    @property
    def _sent(self) -> RequestSent:
        if self._response is not None:
            return "yes"
        return "maybe" if self._timer.phase == "read" else "no"

    def _answered(self) -> Answer:
        if self._response is None:
            raise RuntimeError("There is no response before `send`.")
        return self._response

    def _built(
        self, response: Answer, body: bytes, *, cut: bool = False
    ) -> HttpResponse:
        return build_response(
            response.status,
            Headers.from_raw(response.raw_headers),
            body,
            method=self._request.method,
            url=self._request.url,
            cut=cut,
            loads=parse_json,
        )
