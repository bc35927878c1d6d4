"""From a request, with what its attempt is made with, to what a pool sends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Container

from lexigram.contracts.web import RequestContext
from lexigram.contracts.web.calling import (
    AttemptTimer,
    Upload,
    accepted_codings,
    with_length,
)
from lexigram.http.attempt.plan import AttemptPlan
from lexigram.http.pool.messages import Message, Way
from lexigram.http.pool.origins import Origin, parted

# From here on aiohttp warns about bytes, as writing them at once holds up the loop.
_LARGE_BODY = 1024 * 1024
_PIECE = 256 * 1024

# What we decode, which is not what aiohttp would say of itself.
_CODINGS = accepted_codings()


def sent_as(
    request: RequestContext,
    plan: AttemptPlan,
    aim: tuple[Origin, str],
    upload: Upload | None,
    timer: AttemptTimer,
) -> Message:
    """Return the request as it is sent.

    Args:
        request: What is to be sent.
        plan: What its attempt is made with.
        aim: Its URL, `parted`.
        upload: Its body, if that is read while it is sent.
        timer: Is told of signs of life from a body that is sent in pieces.
    """
    body = request.body
    stream: Upload | AsyncIterator[memoryview] | None = None
    if upload is not None:
        request, stream = with_length(request, upload.length), upload
    elif body is not None and len(body) > _LARGE_BODY:
        request, stream = with_length(request, len(body)), _pieces(body, timer)
        body = None
    fields, names = _fields(request)
    origin, target = aim
    way = Way(origin, plan.tls)
    if plan.proxy is not None:
        fields, tunnel = plan.proxy.share(request.url, fields)
        way = Way(origin, plan.tls, plan.proxy.url, tunnel)
    return Message(
        request.method,
        request.url,
        target,
        way,
        fields,
        names,
        body,
        stream,
    )


def way_of(url: str, plan: AttemptPlan) -> Way:
    """Return what tells connections to one origin apart."""
    origin, _ = parted(url)
    proxy = plan.proxy
    if proxy is None:
        return Way(origin, plan.tls)
    _, tunnel = proxy.share(url, ())
    return Way(origin, plan.tls, proxy.url, tunnel)


def _fields(
    request: RequestContext,
) -> tuple[list[tuple[str, str]], Container[str]]:
    """Return the header fields in the form that aiohttp sends all of, and their names.

    Of a name in two spellings it keeps the last field only, so each has one here.
    """
    spellings: dict[str, str] = {}
    fields = [
        (spellings.setdefault(name.lower(), name), value)
        for name, value in request.headers.pairs
    ]
    if "accept-encoding" not in spellings:
        # A part of coded data cannot be decoded (RFC 9110 §14.2), so none is offered.
        codings = "identity" if "range" in spellings else _CODINGS
        fields.append(("Accept-Encoding", codings))
    return fields, spellings


async def _pieces(body: bytes, timer: AttemptTimer) -> AsyncIterator[memoryview]:
    """Give a large body away piece by piece; each that is taken is a sign of life."""
    whole = memoryview(body)
    for start in range(0, len(whole), _PIECE):
        timer.enter("read")
        yield whole[start : start + _PIECE]
