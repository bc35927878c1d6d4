"""Responses whose body is still on its way, among those that are complete.

A stream goes through the same redirects, policies and interceptors as any call. What
they pass on is a response without a body; where the body comes from goes with it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from lexigram.contracts.web import HttpResponse

__all__ = ["OpenBody", "body_of", "leave_open"]


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
