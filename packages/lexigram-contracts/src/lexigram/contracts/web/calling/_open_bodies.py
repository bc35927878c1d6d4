"""Responses whose body is still on its way, among those that are complete.

A stream goes through the same redirects, policies and interceptors as any call. What
they pass on is a response without a body; where the body comes from goes with it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Protocol

from lexigram.contracts.web import HttpResponse

if TYPE_CHECKING:  # loaded by who streams: importing the client is quicker without
    from lexigram.contracts.web.streaming import ResponseStream

__all__ = ["OpenBody", "body_of", "keep_one", "leave_open", "streamed"]


class OpenBody(Protocol):
    """The body of a response, on its way."""

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """Give it as it arrives, once."""
        ...

    async def close(self) -> None:
        """Let go of it, wherever it has come to."""
        ...


def leave_open(response: HttpResponse, body: OpenBody) -> None:
    """Say where the body of a response comes from."""
    response._open_body = body  # noqa: SLF001 - of no use to who gets a response


def body_of(response: HttpResponse) -> OpenBody | None:
    """Return where the body of a response comes from; None when it is there."""
    return getattr(response, "_open_body", None)


async def keep_one(
    making: Awaitable[HttpResponse], opened: Sequence[OpenBody]
) -> HttpResponse:
    """Return the response that `making` makes, its body still on the way.

    What a hedge, an interceptor or a failure left behind holds a connection.

    Args:
        making: Makes the call.
        opened: The bodies of all its attempts, as they come; all but the one that is
            kept are closed, and that one too if the caller is cancelled meanwhile.
    """
    kept: OpenBody | None = None
    async with AsyncExitStack() as unless_returned:
        try:
            response = await making
            kept = body_of(response)
            if kept is not None:
                unless_returned.push_async_callback(kept.close)
        finally:
            async with AsyncExitStack() as closing:
                for body in opened:
                    if body is not kept:
                        closing.push_async_callback(body.close)
        unless_returned.pop_all()
    return response


@asynccontextmanager
async def streamed(response: HttpResponse) -> AsyncGenerator[ResponseStream, None]:
    """Give a response as a stream for a block, and let go of its body at the end."""
    from lexigram.contracts.web.streaming import ResponseStream  # noqa: PLC0415 - see above

    body = body_of(response)
    stream = ResponseStream(
        response.status,
        response.headers,
        response.url,
        response.method,
        _at_once(response.body) if body is None else body.chunks(),
        error=None if response.ok else response,
        attempts=response.attempts,
    )
    try:
        yield stream
    finally:
        try:
            await stream.aclose()
        finally:
            if body is not None:
                await body.close()


async def _at_once(body: bytes) -> AsyncGenerator[bytes, None]:
    if body:
        yield body
