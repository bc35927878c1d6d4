"""Opening connections before there is anything to send."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable

from aiohttp.connector import Connection

from lexigram.contracts.web import RequestContext
from lexigram.contracts.web.calling import AttemptTimer, Deadline, timed_out
from lexigram.http.attempt.failures import EXPECTED, cause_of, failure
from lexigram.http.attempt.plan import AttemptPlan
from lexigram.http.attempt.sending import way_of
from lexigram.http.pool.session import Session


async def warm(
    session: Session, request: RequestContext, plan: AttemptPlan, connections: int
) -> None:
    """Leave so many idle connections to the origin of a request.

    Those that are idle already count. They are held until all are open, and no longer
    than the timeout of the request allows.

    Raises:
        HTTPClientError: One could not be opened; the others stay.
    """
    held: list[tuple[Hashable, Connection]] = []
    deadline = Deadline(request.timeout)
    try:
        with deadline:
            while len(held) < connections:
                held.append(await _connect(session, request, plan))
    except TimeoutError:
        raise timed_out(request, deadline.seconds, sent="no") from None
    finally:
        for place, connection in held:
            connection.release()
            session.leave(place)


async def _connect(
    session: Session, request: RequestContext, plan: AttemptPlan
) -> tuple[Hashable, Connection]:
    timer = AttemptTimer(plan.timeouts)
    place: Hashable = None
    connection: Connection | None = None
    try:
        way = way_of(request.url, plan)
        host = way.origin.place
        if not session.enter(host):
            await session.wait(host, timer)
        place = host
        connection = await session.connect(way, timer)
    except asyncio.CancelledError:
        interrupted = timer.interrupted()
        if interrupted is None:
            raise
        phase, seconds = interrupted
        raise timed_out(request, seconds, sent="no", phase=phase) from None
    except EXPECTED as error:
        told = failure(error, request, "no", proxied=plan.proxy is not None)
        raise told from cause_of(error)
    finally:
        if connection is None and place is not None:
            session.leave(place)
        timer.close()
    return place, connection
