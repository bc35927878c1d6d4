"""From a request to the arguments that aiohttp takes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

from yarl import URL

from lexigram.contracts.web import RequestContext
from lexigram.contracts.web.calling import (
    AttemptTimer,
    Upload,
    accepted_codings,
    with_length,
)
from lexigram.http.attempt.plan import AttemptPlan
from lexigram.http.pool.senders import Message

# From here on aiohttp warns about bytes, as writing them at once holds up the loop.
_LARGE_BODY = 1024 * 1024
_PIECE = 256 * 1024

# Where aiohttp says what type a body has, one that is not there included.
_LABELLED_METHODS = frozenset({"PATCH", "POST", "PUT"})
_CONTENT_TYPE = ("Content-Type",)

# What we decode, which is not what aiohttp would say of itself.
_CODINGS = accepted_codings()


def wire_url(url: str) -> URL:
    """Return the URL in aiohttp's form, and in no other words.

    Left to itself it decodes what it finds needlessly escaped, which makes another URL
    of it (RFC 3986 §2.2): one that nobody signed. Only a name is put into its ASCII form
    (RFC 5891).
    """
    if url.isascii():
        return URL(url, encoded=True)
    parts = urlsplit(url)
    authority = URL(f"{parts.scheme}://{parts.netloc}").raw_authority
    return URL(parts._replace(netloc=authority).geturl(), encoded=True)


def sent_as(
    request: RequestContext,
    plan: AttemptPlan,
    upload: Upload | None,
    timer: AttemptTimer,
) -> Message:
    """Return the request as it is sent, but for its method and URL."""
    body = request.body
    data: Any = None
    if upload is not None:
        request, data = with_length(request, upload.length), upload
    elif body is not None and len(body) > _LARGE_BODY:
        request, data = with_length(request, len(body)), _pieces(body, timer)
    message = _addressed(request, plan)
    if plan.tls is not None:
        message["ssl"] = plan.tls
    message["data"] = data or body
    message["skip_auto_headers"] = _unwanted(request)
    return message


def routed_as(request: RequestContext, plan: AttemptPlan) -> Message:
    """Return what tells connections to one origin apart."""
    way: Message = {"ssl": True if plan.tls is None else plan.tls}
    if plan.proxy is not None:
        way["proxy"] = plan.proxy.url
        _, way["proxy_headers"] = plan.proxy.share(request.url, ())
    return way


def _addressed(request: RequestContext, plan: AttemptPlan) -> Message:
    """Return the options for the header fields, and for the way through a proxy."""
    fields = _fields(request)
    proxy = plan.proxy
    if proxy is None:
        return {"headers": fields}
    fields, tunnel = proxy.share(request.url, fields)
    return {"headers": fields, "proxy": proxy.url, "proxy_headers": tunnel}


def _fields(request: RequestContext) -> list[tuple[str, str]]:
    """Return the header fields in the form that aiohttp sends all of.

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
    return fields


def _unwanted(request: RequestContext) -> tuple[str, ...] | None:
    """Name the field that aiohttp must not add; None is what costs the least."""
    if request.body is None and request.method in _LABELLED_METHODS:
        return _CONTENT_TYPE
    return None


async def _pieces(body: bytes, timer: AttemptTimer) -> AsyncIterator[memoryview]:
    """Give a large body away piece by piece; each that is taken is a sign of life."""
    whole = memoryview(body)
    for start in range(0, len(whole), _PIECE):
        timer.enter("read")
        yield whole[start : start + _PIECE]
