"""From the body on the wire to the bytes of a response."""

from __future__ import annotations

import asyncio
import contextlib

import aiohttp
from multidict import istr

from lexigram.contracts.web import RequestContext
from lexigram.contracts.web.calling import AttemptTimer, BodyLimits, BodyReader
from lexigram.http.attempt.silence import Silence
from lexigram.http.pool.messages import Answer

_CONTENT_ENCODING = istr("Content-Encoding")

# What a new connection costs about as much as.
_DRAIN_BYTES = 64 * 1024
_DRAIN_SECONDS = 0.1


def body_reader(
    response: Answer, request: RequestContext, limits: BodyLimits
) -> BodyReader:
    """Return what takes in the body of this response."""
    fields = (
        response.headers
    )  # whose look-up is there already, unlike that of `Headers`
    return BodyReader(
        request,
        response.status,
        limits,
        labels=fields.getall("Content-Encoding", ()),
        redirects="Location" in fields,
    )


async def received(content: aiohttp.StreamReader, silence: Silence) -> bytes:
    """Return what is there of a body, once something is; nothing at its end.

    Args:
        content: The body on its way.
        silence: Ends the wait for it, some time.

    Raises:
        aiohttp.ClientError: It broke off, and what had arrived before is handed out.
        OSError: The same.
    """
    silence.begin()
    try:
        return await content.readany()
    except (aiohttp.ClientError, OSError):
        # After a failure aiohttp hands out nothing any more.
        left = content._read_nowait(-1)  # noqa: SLF001 - see above
        if not left:
            raise
        return left
    finally:
        silence.since = None


def read_at_once(response: Answer, limits: BodyLimits) -> bytes | None:
    """Return the body if it came with its head, and needs nothing done to it.

    So it is with nearly every short one, to which a reader does nothing either, at ten
    times the price. None if there is more to it: a coding, a limit, an end to wait for.
    """
    content = response.content
    if not content.is_eof() or _CONTENT_ENCODING in response.headers:
        return None
    for limit in limits:
        if limit is not None and content.total_bytes > limit:
            return None
    return None if content.exception() is not None else content.read_nowait()


async def read(response: Answer, reader: BodyReader, timer: AttemptTimer) -> bytes:
    """Return the body, read to its end or to where it is cut."""
    reader.expect(response.content_length)
    content = response.content
    # What came with its head, as short bodies do, is there without waiting for it.
    chunk = content.read_nowait() if content.is_eof() else await content.readany()
    while chunk:
        timer.enter("read")
        for _ in reader.feed(chunk):
            # A little can decode to a lot: let others run, and the deadline pass.
            await asyncio.sleep(0)
        if reader.cut:
            await _drain(content)
            break
        chunk = b"" if content.at_eof() else await content.readany()
    return reader.end()


async def _drain(content: aiohttp.StreamReader) -> None:
    """Read the rest of a body that was cut, if it is short, to keep the connection."""
    size = 0
    with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for chunk in content.iter_any():
                size += len(chunk)
                if size > _DRAIN_BYTES:
                    return
