"""Sending a request once, and reading the whole response."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable

import aiohttp

from lexigram.contracts.web import (
    Headers,
    HTTPClientError,
    HttpResponse,
    HTTPTimeoutError,
    RequestContext,
    RequestSent,
    build_response,
)
from lexigram.contracts.web.calling import AttemptTimer, Deadline, Upload, timed_out
from lexigram.http.attempt.failures import EXPECTED, failure
from lexigram.http.attempt.plan import AttemptPlan
from lexigram.http.attempt.receiving import body_reader, read
from lexigram.http.attempt.sending import sent_as, wire_url
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
    timer = AttemptTimer(plan.timeouts)
    place: Hashable = None
    response: aiohttp.ClientResponse | None = None
    upload: Upload | None = None
    try:
        url = wire_url(request.url)
        place = await session.enter(url, timer)
        if request.body_stream is not None:
            upload = Upload.of(request, lambda: timer.enter("read"))
        response = await session.send(
            request.method, url, timer, **sent_as(request, plan, upload)
        )
        reader = body_reader(response, request, plan.limits)
        body = await read(response, reader, timer)
    except asyncio.CancelledError:
        timeout = _timeout(request, deadline, timer, response)
        if timeout is None:
            raise
        raise timeout from None
    except HTTPClientError:
        raise
    except EXPECTED as error:
        if upload is not None and upload.failure is not None:
            raise upload.failure  # noqa: B904 - its cause is its own
        sent = _sent(timer, response)
        proxied = plan.proxy is not None
        raise failure(error, request, sent, proxied=proxied) from error
    finally:
        if response is not None:
            # A connection whose response was read to its end is back in the pool
            # already; any other one cannot be used again.
            response.close()
        if place is not None:
            session.leave(place)
        timer.close()
        if upload is not None:
            await upload.aclose()
    return build_response(
        response.status,
        Headers.from_raw(response.raw_headers),
        body,
        method=request.method,
        url=request.url,
        cut=reader.cut,
    )


def _timeout(
    request: RequestContext,
    deadline: Deadline,
    timer: AttemptTimer,
    response: aiohttp.ClientResponse | None,
) -> HTTPTimeoutError | None:
    """Return the limit that ended the attempt; None when it was somebody's wish."""
    sent = _sent(timer, response)
    interrupted = timer.interrupted()
    if interrupted is not None:
        phase, seconds = interrupted
        return timed_out(request, seconds, sent=sent, phase=phase)
    if deadline.caused_cancellation():
        return timed_out(request, deadline.seconds, sent=sent)
    return None


def _sent(timer: AttemptTimer, response: aiohttp.ClientResponse | None) -> RequestSent:
    if response is not None:
        return "yes"
    return "maybe" if timer.phase == "read" else "no"
